"""The adapters' benchmarks run from end to end on a tiny model; what they measure there means nothing."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from xml.etree import ElementTree

import pytest

pytest.importorskip("torch")
pytest.importorskip("transformers")

from bench.adapters import World, curve, facts, forget, world
from bench.curve_plot import plot
from bench.people import statements

from bench import adapters, streaming
from memstrata.core.training import AdapterShape, Recipe
from memstrata.models.local.runtime import LocalRuntime
from memstrata.models.local.tiny import save_tiny_model
from memstrata.parametric.general import ASKED, GENERAL, NEUTRAL
from memstrata.parametric.wordings import Askable

QUICK = Recipe(shape=AdapterShape(rank=2, alpha=4), epochs=1, batch_tokens=4096)


@pytest.fixture(scope="module")
def runtime(tmp_path_factory: pytest.TempPathFactory) -> LocalRuntime:
    return LocalRuntime(save_tiny_model(tmp_path_factory.mktemp("tiny")))


@pytest.fixture
def quick(monkeypatch: pytest.MonkeyPatch) -> None:
    """Few questions and a short text."""
    for module in ("memstrata.parametric.making", "bench.adapters"):
        monkeypatch.setattr(f"{module}.ASKED", ASKED[:2])
        monkeypatch.setattr(f"{module}.NEUTRAL", NEUTRAL[:100])
    monkeypatch.setattr("memstrata.parametric.making.GENERAL_TOKENS", 2)
    monkeypatch.setattr("memstrata.parametric.making.ANSWER_TOKENS", 2)
    monkeypatch.setattr("memstrata.parametric.examples.GENERAL", GENERAL[:2])
    monkeypatch.setattr("bench.adapters.DRAWS", 1)
    monkeypatch.setattr("bench.adapters.world", _few)


def _few(seed: int, url: str = ":memory:") -> World:
    """One shard of two facts."""
    told = world(seed, url)
    shard = told.shards[0]
    few = replace(shard, facts=shard.facts[:2])
    return replace(told, facts=(*few.facts, *told.facts[:8]), shards=(few,), strangers=told.strangers[:2])


def test_the_people_are_sixty_facts_of_twelve_and_another_scope_shares_no_value() -> None:
    for seed in (1, 2, 3):
        told = world(seed)
        assert (len(told.facts), len(told.strangers)) == (60, 20)
        assert len({fact.subject for fact in told.facts}) == 12
        values = [fact.value for fact in (*told.facts, *told.strangers)]
        assert len(set(values)) == len(values)
        assert sorted(fact.fact_id for shard in told.shards for fact in shard.facts) == sorted(
            fact.fact_id for fact in told.facts
        )
    assert statements(1) == statements(1) != statements(2)


def test_recall_calls_for_the_adapter_of_whom_a_question_names() -> None:
    told = world(1)
    owner = {subject: shard.series for shard in told.shards for subject in shard.subjects}

    def rightly(fact: Askable, text: str) -> bool:
        return told.attached(text) == (owner[fact.subject],)

    asked = [(fact, text) for fact in told.facts[::7] for text in fact.held_out]
    assert all(rightly(fact, text) for fact, text in asked)
    assert not any(told.attached(question) for question, _ in ASKED)


@pytest.mark.usefixtures("quick")
def test_each_benchmark_runs(runtime: LocalRuntime, monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    found = facts(runtime, seeds=[1], recipe=QUICK)
    rows = found["summary"]
    assert isinstance(rows, dict)
    assert rows["mean"]["general"] == rows["mean"]["general_base"]
    assert rows["mean"]["neutral_ratio"] == 1.0
    gone = forget(runtime, seeds=[1], recipe=QUICK)["summary"]
    assert isinstance(gone, dict)
    assert {"base rank", "before rank", "after rank", "after told", "after completion"} <= set(gone["mean"])
    two = dict(list(adapters.curve_recipes(QUICK).items())[:2])
    monkeypatch.setattr("bench.adapters.curve_recipes", lambda base: two)
    written: list[object] = []
    traded = curve(runtime, seeds=[1], recipe=QUICK, done=written.append)["summary"]
    assert len(written) == 2
    path = plot(traded, to=tmp_path / "curve.svg")  # type: ignore[arg-type]
    assert ElementTree.parse(path).getroot().tag.endswith("svg")


def test_the_streaming_benchmark_runs(runtime: LocalRuntime) -> None:
    found = streaming.run(runtime, tokens=1024, seeds=[1], rate=1e-3, rank=2)
    assert found["base_restored_to_the_bit"] is True
    runs = found["runs"]
    assert isinstance(runs, list)
    assert [each["first_stretch"] for each in runs] == [0.0, 0.0]
    assert set(streaming.summary(runs)) == {"documentation", "conversations"}
