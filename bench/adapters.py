"""`bench adapters WHAT`: what adapters learn of sixty invented facts, what it does to the model, and its undoing.

`facts`: all shards by the recipe that the library uses, each measured as the gate does, then all of them together with
recall deciding which is attached. `forget`: one fact of a shard is forgotten and the shard made anew without it;
`revoke`: how long the first part of that takes. `curve`: one person's five facts by many recipes, attached to every
question: what is recalled and what is damaged.
"""

from __future__ import annotations

import argparse
import json
import tempfile
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import asdict, dataclass, replace
from datetime import UTC, datetime, timedelta
from pathlib import Path
from statistics import fmean, stdev
from typing import TYPE_CHECKING, Any

from bench.curve_plot import plot
from bench.people import statements
from bench.report import show, write
from memstrata import Memory
from memstrata.core.training import ATTENTION, MLP, Limits, Recipe
from memstrata.models.local.lora import fresh
from memstrata.models.local.runtime import LocalRuntime
from memstrata.models.local.teacher import LocalTeacher
from memstrata.parametric.asking import AdapterRows
from memstrata.parametric.attaching import AdapterAttacher
from memstrata.parametric.examples import examples, held_out, validation
from memstrata.parametric.gate import refusals
from memstrata.parametric.general import ASKED, NEUTRAL
from memstrata.parametric.making import general, measure, recall
from memstrata.parametric.policy import Consent, called_for, teachable
from memstrata.parametric.probes import ProbeKind, distractors, probes, tells
from memstrata.parametric.sharding import Shard, sharded
from memstrata.parametric.wordings import Askable
from memstrata.types import Scope

if TYPE_CHECKING:
    from memstrata.models.local.lora import Adapter

SAID = datetime(2026, 10, 1, 12, tzinfo=UTC)
NOW = SAID + timedelta(days=60)
DRAWS = 3
"""Of four other values, for each wording of a fact that is forgotten: one fact has few wordings."""
PER_SHARD = (
    "cpu_seconds", "epochs", "neutral_ratio_attached", "general_attached", "foreign_rank", "foreign_base",
    "foreign_told",
)  # fmt: skip
Row = dict[str, float]
Done = Callable[[Mapping[str, object]], None]
"""Hears of every seed or recipe that is done, for all of them take long."""


@dataclass(frozen=True, slots=True, kw_only=True)
class World:
    """A memory that was told the statements, its facts as questions and shards, and those of a second scope."""

    memory: Memory
    facts: tuple[Askable, ...]
    shards: tuple[Shard, ...]
    strangers: tuple[Askable, ...]

    def attached(self, question: str) -> tuple[str, ...]:
        """The series of the adapters that a question calls for, by what recall finds."""
        hits = self.memory.search(question, user_id="ann", limit=5, items=("episode", "fact"))
        texts = [hit.item.text for hit in hits]
        recalled = {fact.subject for fact in self.facts if any(fact.subject in text for text in texts)}
        subjects = {shard.series: shard.subjects for shard in self.shards}
        return tuple(called_for(question, subjects, recalled=recalled))


def world(seed: int, url: str = ":memory:") -> World:
    """Everything told to a memory; only what may be trained on is a fact of the world."""
    ours, theirs = statements(seed)
    memory = Memory(url)
    for user, told in (("ann", ours), ("bob", theirs)):
        memory.add([{"role": "user", "content": each, "timestamp": SAID} for each in told], user_id=user, wait=True)
    kept = {
        user: teachable(memory.facts(user_id=user, limit=200), Consent.to_all(), now=NOW) for user in ("ann", "bob")
    }
    facts = tuple(sorted(kept["ann"], key=lambda each: (each.subject, each.attribute)))
    return World(memory=memory, facts=facts, shards=tuple(sharded(facts)), strangers=tuple(kept["bob"]))


@dataclass(frozen=True, slots=True, kw_only=True)
class Taught:
    """A shard's adapter, and what it took."""

    adapter: Adapter
    cost: Row


def teach(teacher: LocalTeacher, shard: Shard, recipe: Recipe) -> Taught:
    """Train one shard."""
    cpu, wall = time.process_time(), time.monotonic()
    adapter, epochs = teacher.train(
        examples(shard, seed=recipe.seed), validation(shard), recipe, limits=Limits(seconds=7200, gibibytes=20)
    )
    cost = {
        "epochs": float(epochs[-1].epoch),
        "steps": float(epochs[-1].steps),
        "validation": min(each.validation or 0.0 for each in epochs),
        "cpu_seconds": time.process_time() - cpu,
        "seconds": time.monotonic() - wall,
        "numbers": float(adapter.numbers),
    }
    return Taught(adapter=adapter, cost=cost)


def served(teacher: LocalTeacher, told: World, made: Mapping[str, Adapter], *, seed: int) -> Row:
    """All held-out wordings, general questions and the neutral text, each with the adapters that recall calls for."""
    groups: dict[tuple[str, ...], list[tuple[Askable, str]]] = {}
    for fact in told.facts:
        for text in fact.held_out:
            groups.setdefault(told.attached(text), []).append((fact, text))
    found = [
        (*recall(teacher, asked, [made[each] for each in series], pool=told.facts, seed=seed), len(asked))
        for series, asked in groups.items()
    ]
    total = sum(count for *_, count in found)
    base, called = general(teacher, []), [told.attached(question) for question, _ in ASKED]
    right = list(base)
    for series in set(filter(None, called)):
        with_it = general(teacher, [made[each] for each in series])
        right = [new if call == series else old for new, old, call in zip(with_it, right, called, strict=True)]
    calls = told.attached(NEUTRAL)
    alone = teacher.perplexity(NEUTRAL, adapters=[])
    owner = {shard.series: shard.subjects for shard in told.shards}
    rightly = sum(len(asked) for series, asked in groups.items() for s in [set(series)] if s == _owners(owner, asked))
    return {
        "rank": sum(rank * count for rank, _, count in found) / total,
        "exact": sum(exact * count for _, exact, count in found) / total,
        "questions": float(total),
        "rightly_attached": rightly / total,
        "general": float(sum(right)),
        "general_base": float(sum(base)),
        "general_attached_to": float(sum(map(bool, called))),
        "neutral_ratio": teacher.perplexity(NEUTRAL, adapters=[made[each] for each in calls]) / alone,
    }


def _owners(owner: Mapping[str, Sequence[str]], asked: Sequence[tuple[Askable, str]]) -> set[str]:
    """The series that hold what is asked."""
    return {series for series, subjects in owner.items() if any(fact.subject in subjects for fact, _ in asked)}


def facts(
    runtime: LocalRuntime, *, seeds: Sequence[int], recipe: Recipe, done: Done = lambda found: None
) -> dict[str, object]:
    """Sixty facts for each seed: names and values are drawn, adapters begun and batches shuffled by it."""
    teacher = LocalTeacher(runtime)
    runs: list[dict[str, Any]] = []
    rows: dict[str, Row] = {}
    for seed in seeds:
        told, mine = world(seed), replace(recipe, seed=seed)
        made: dict[str, Adapter] = {}
        for shard in told.shards:
            taught = teach(teacher, shard, mine)
            found = measure(teacher, taught.adapter, shard, pool=told.facts, foreign=told.strangers, seed=seed)
            made[shard.series] = taught.adapter
            runs.append(
                {"seed": seed, "shard": shard.series, "facts": len(shard.facts), **taught.cost, **found.as_json(),
                 "refusals": list(refusals(found))}
            )  # fmt: skip
            print(json.dumps(runs[-1]), flush=True)
        asked = [each for shard in told.shards for each in held_out(shard)]
        rank, exact = recall(teacher, asked, [], pool=told.facts, seed=seed)
        mine_only = [each for each in runs if each["seed"] == seed]
        rows[f"seed {seed}"] = {
            "facts": len(told.facts),
            "shards": len(told.shards),
            "published": sum(not each["refusals"] for each in mine_only),
            "base rank": rank,
            "base exact": exact,
            **served(teacher, told, made, seed=seed),
            **{key: fmean(each[key] for each in mine_only) for key in PER_SHARD},
        }
        print(json.dumps(rows[f"seed {seed}"]), flush=True)
        done({"summary": with_mean(rows), "shards": runs})
    return {"summary": with_mean(rows), "shards": runs}


def with_mean(rows: Mapping[str, Row]) -> dict[str, Row]:
    """The rows with their mean and, of several, their standard deviation."""
    keys = next(iter(rows.values()))
    mean = {key: fmean(each[key] for each in rows.values()) for key in keys}
    spread = {key: stdev(each[key] for each in rows.values()) for key in keys} if len(rows) > 1 else {}
    return {**rows, "mean": mean} | ({"spread": spread} if spread else {})


def forget(
    runtime: LocalRuntime, *, seeds: Sequence[int], recipe: Recipe, done: Done = lambda found: None
) -> dict[str, object]:
    """For each seed, one fact of the first shard goes: what is left of it, and of the others, after making it anew."""
    teacher = LocalTeacher(runtime)
    rows: dict[str, Row] = {}
    for seed in seeds:
        told, mine = world(seed), replace(recipe, seed=seed)
        shard = told.shards[seed % len(told.shards)]
        fact = shard.facts[seed % len(shard.facts)]
        first = teach(teacher, shard, mine)
        rest = shard.without(fact.fact_id)
        again = teach(teacher, rest, mine)
        row: Row = {"cpu_seconds": again.cost["cpu_seconds"], "seconds": again.cost["seconds"]}
        row["revoke_seconds"] = revoked(teacher, seed, fact, first.adapter)
        for name, adapters in (("base", []), ("before", [first.adapter]), ("after", [again.adapter])):
            row |= {f"{name} {key}": each for key, each in left(teacher, fact, shard, told, adapters, seed).items()}
            others = recall(teacher, held_out(rest), adapters, pool=told.facts, seed=seed)
            row |= {f"{name} others": others[0], f"{name} others exact": others[1]}
        rows[f"seed {seed}: {fact.attribute}"] = row
        print(fact.attribute, json.dumps(row), flush=True)
        done({"summary": with_mean(rows)})
    return {"summary": with_mean(rows)}


def revoke(
    runtime: LocalRuntime, *, seeds: Sequence[int], recipe: Recipe, done: Done = lambda found: None
) -> dict[str, object]:
    """How long revoking takes alone: with adapters of the size of trained ones, so that nothing is trained for it."""
    teacher = LocalTeacher(runtime)
    with runtime.using() as model:
        adapter = fresh(model.body, recipe.shape, seed=0)
    rows: dict[str, Row] = {}
    for seed in seeds:
        fact = world(seed).facts[seed]
        rows[f"seed {seed}"] = {"revoke_seconds": revoked(teacher, seed, fact, adapter)}
    return {"summary": with_mean(rows)}


def revoked(teacher: LocalTeacher, seed: int, fact: Askable, adapter: Adapter) -> float:
    """Seconds on the clock of forgetting the episode that a fact rests on, in a file where its shard's adapter is
    ready, until that is attached to no question any more and its bytes are gone."""
    with tempfile.TemporaryDirectory() as folder:
        told = world(seed, f"sqlite:///{folder}/m.db")
        fact = next(each for each in told.facts if (each.subject, each.attribute) == (fact.subject, fact.attribute))
        memory = told.memory
        store = memory._parts.store
        scope = Scope(user_id="ann")
        rows = AdapterRows(store, teacher.base, clock=lambda: NOW).promote(scope, list(Consent.to_all().kinds))
        row = next(each for each in rows if fact.fact_id in each.sources)
        name = store.blob_name(scope, row.id)
        size = store.blobs.put(name, lambda path: teacher.write(adapter, path))
        store.finish_artifact(scope, replace(row, status="ready", size=size, digest=store.blobs.digest(name)))
        attacher, question = AdapterAttacher(store, teacher, clock=lambda: NOW), fact.held_out[0]
        hits = memory.search(question, user_id="ann", items=("episode", "fact"))
        assert [each.artifact.id for each in attacher.attached(scope, question, hits)] == [row.id]
        (source,) = memory.fact(fact.fact_id, user_id="ann").sources
        started = time.monotonic()
        memory.forget([source.episode_id], user_id="ann")
        taken = time.monotonic() - started
        assert not attacher.attached(scope, question, hits)
        assert name not in store.blobs.names()
        memory.close()
        return taken


def left(
    teacher: LocalTeacher, fact: Askable, shard: Shard, told: World, adapters: Sequence[Adapter], seed: int
) -> Row:
    """How often each kind of probe ranks the value first, against values that no adapter of the shard has learned,
    and how often it is said."""
    learned = [each.value for each in shard.facts]
    made = [
        probe
        for draw in range(DRAWS)
        for probe in probes(
            fact,
            others=distractors(fact, told.facts, seed=100 * seed + draw, avoid=learned),
            neighbours=[each for each in shard.facts if each.subject == fact.subject],
        )
    ]
    found: dict[ProbeKind, list[bool]] = {}
    for asked in (True, False):
        group = [probe for probe in made if probe.asked == asked]
        first = teacher.ranked_first(
            [probe.text for probe in group], [probe.candidates for probe in group], asked=asked, adapters=adapters
        )
        for probe, (is_first, _) in zip(group, first, strict=True):
            found.setdefault(probe.kind, []).append(is_first)
    asked_for = found["exact"] + found["paraphrase"]
    questions = list(dict.fromkeys(probe.text for probe in made if probe.asked))
    said = teacher.answers(questions, adapters=adapters, max_tokens=12)
    return {
        "rank": fmean(asked_for),
        **{kind: fmean(each) for kind, each in found.items()},
        "told": fmean(tells(answer, fact.value) for answer in said),
    }


def curve_recipes(base: Recipe) -> dict[str, Recipe]:
    """One change at a time from the recipe, all for four epochs unless epochs are the change."""
    base = replace(base, epochs=4, enough=0.0, patience=99)
    shape = base.shape
    return {
        "chosen, 4 epochs": base,
        "KL weight 0": replace(base, kl_weight=0.0),
        "1 epoch": replace(base, epochs=1),
        "learning rate 3e-3": replace(base, learning_rate=3e-3),
        "learning rate 3e-4": replace(base, learning_rate=3e-4),
        "rank 2": replace(base, shape=replace(shape, rank=2, alpha=4.0)),
        "layers from 20": replace(base, shape=replace(shape, first_layer=20)),
        "attention only": replace(base, shape=replace(shape, targets=ATTENTION)),
        "learning rate 3e-3, KL weight 0": replace(base, learning_rate=3e-3, kl_weight=0.0),
        "feed-forward only": replace(base, shape=replace(shape, targets=MLP)),
        "layers from 10": replace(base, shape=replace(shape, first_layer=10)),
        "rank 64": replace(base, shape=replace(shape, rank=64, alpha=128.0)),
        "2 epochs": replace(base, epochs=2),
        "8 epochs, KL weight 0": replace(base, epochs=8, kl_weight=0.0),
        "8 epochs": replace(base, epochs=8),
        "KL weight 0.1": replace(base, kl_weight=0.1),
        "KL weight 3": replace(base, kl_weight=3.0),
    }


def curve(
    runtime: LocalRuntime, *, seeds: Sequence[int], recipe: Recipe, done: Done = lambda found: None
) -> dict[str, object]:
    """One person's facts by each recipe and the first seed."""
    teacher, seed = LocalTeacher(runtime), seeds[0]
    told = world(seed)
    person = told.shards[0].subjects[0]
    mine = tuple(fact for fact in told.shards[0].facts if fact.subject == person)
    shard = replace(told.shards[0], subjects=(person,), facts=mine)
    alone = teacher.perplexity(NEUTRAL, adapters=[])
    rows: dict[str, Row] = {"the model alone": _damage(teacher, [], shard, told, alone, seed)}
    print(json.dumps(rows), flush=True)
    for name, each in curve_recipes(replace(recipe, seed=seed)).items():
        made = teach(teacher, shard, each)
        rows[name] = {**_damage(teacher, [made.adapter], shard, told, alone, seed), **made.cost}
        print(name, json.dumps(rows[name]), flush=True)
        done({"summary": rows})
    return {"summary": rows}


def _damage(
    teacher: LocalTeacher, adapters: Sequence[Adapter], shard: Shard, told: World, alone: float, seed: int
) -> Row:
    rank, exact = recall(teacher, held_out(shard), adapters, pool=told.facts, seed=seed)
    return {
        "rank": rank,
        "exact": exact,
        "general": float(sum(general(teacher, adapters))),
        "neutral_ratio": teacher.perplexity(NEUTRAL, adapters=adapters) / alone,
    }


def main(arguments: list[str]) -> None:
    """Run and report."""
    parser = argparse.ArgumentParser(prog="bench adapters", description=__doc__)
    parser.add_argument("what", choices=("facts", "forget", "revoke", "curve"))
    parser.add_argument("--model", default="smollm2")
    parser.add_argument("--dtype", default="bfloat16", choices=("bfloat16", "float32"))
    parser.add_argument("--device", default="auto", choices=("auto", "cpu", "cuda"))
    parser.add_argument("--seeds", type=int, nargs="+", default=[1, 2, 3])
    parser.add_argument("--out", type=Path)
    given = parser.parse_args(arguments)
    runtime = LocalRuntime(given.model, dtype=given.dtype, device=given.device)
    recipe = Recipe()
    about = {name: getattr(given, name) for name in ("model", "dtype", "device", "seeds")}

    def keep(found: Mapping[str, object]) -> None:
        write(f"adapters_{given.what}", {"arguments": about, "recipe": asdict(recipe), **found}, to=given.out)

    command = {"facts": facts, "forget": forget, "revoke": revoke, "curve": curve}[given.what]
    found = command(runtime, seeds=given.seeds, recipe=recipe, done=keep)
    keep(found)
    rows = found["summary"]
    assert isinstance(rows, dict)
    if given.what == "curve":
        plot(rows)
    if given.what != "curve":  # few rows of many measures
        rows = {measure: {name: row[measure] for name, row in rows.items()} for measure in next(iter(rows.values()))}
    show(f"Adapters: {given.what}", rows)
