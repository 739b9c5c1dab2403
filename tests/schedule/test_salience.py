"""Episodes are weighed behind the application's back: whatever fails or stops, in the end each has its surprise."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime, timedelta
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from memstrata import Memory, Message
from memstrata.core.surprise import Session, Surprise, Turn, TurnRow
from memstrata.errors import ModelError
from memstrata.ports import LocalModel
from memstrata.schedule import salience
from memstrata.schedule.salience import WAITING, step_end
from memstrata.settings import Settings
from memstrata.testing.embedders import HashEmbedder
from memstrata.testing.episodes import NOON, chat
from memstrata.testing.local_models import WordSurprise

STORES = [":memory:", "sqlite:///{}/memory.db"]
TALK = ["we moved to Ghent", "we moved to Ghent", "the dog likes Ghent", "好的", "so do we"]


class Clock:
    """Stands still until it is moved."""

    now = NOON

    def __call__(self) -> datetime:
        return self.now


@pytest.fixture(params=STORES)
def url(request: pytest.FixtureRequest, tmp_path: Path) -> str:
    return str(request.param).format(tmp_path)


def opened(url: str, model: LocalModel | str | None, clock: Clock | None = None) -> Memory:
    return Memory(url, embedder=HashEmbedder(), local_model=model, worker="none", clock=clock)


def surprises(memory: Memory) -> list[float]:
    """What the store keeps of Ann's turns, in their order; -1 for none."""
    from memstrata.core.candidates import Probe
    from memstrata.core.lexical import query_terms
    from memstrata.types import Scope

    scope = Scope(user_id="ann")
    pool = memory._parts.store.candidates(scope, Probe(terms=query_terms("we moved dog Ghent 好的 so do")))
    return [-1.0 if nats != nats else float(nats) for nats in pool.surprise]


def test_every_turn_is_weighed_in_the_light_of_its_session(url: str) -> None:
    with opened(url, model := WordSurprise()) as memory:
        receipt = memory.add(chat(*TALK, names=["Ann", "Ben"]), user_id="ann")
        memory.add("we moved to Ghent", user_id="ben", wait=True)
        assert "salience/words/1" in receipt.pending
        memory.wait()
        assert surprises(memory) == [20.0, 2.0, 15.5, 5.0, 10.5]
        stats = memory.stats(user_id="ann")
        assert (stats.local_model, stats.weighed, stats.degraded) == ("words/1", 5, ())
        assert model.asked[-1].turns[0] == Turn(speaker="Ann", text="we moved to Ghent")


def test_new_turns_of_a_session_are_weighed_and_the_old_ones_only_read(url: str) -> None:
    with opened(url, model := WordSurprise()) as memory:
        for place, text in enumerate(TALK):
            said = Message(content=text, timestamp=NOON + timedelta(minutes=place))
            memory.add(said, user_id="ann", wait=True)
        assert surprises(memory) == [20.0, 2.0, 15.5, 5.0, 10.5]
        assert [(len(each.turns), each.start) for each in model.asked] == [(n + 1, n) for n in range(len(TALK))]


@pytest.mark.parametrize("characters", [1, 20, 10_000])
def test_steps_of_any_size_find_the_same(url: str, characters: int, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(salience, "STEP_CHARACTERS", characters)
    with opened(url, model := WordSurprise()) as memory:
        memory.add(chat(*TALK), user_id="ann", wait=True)
        assert surprises(memory) == [20.0, 2.0, 15.5, 5.0, 10.5]
        assert len(model.asked) == {1: 5, 20: 4, 10_000: 1}[characters]


@given(st.lists(st.integers(0, 9000), min_size=1, max_size=30), st.data())
def test_a_step_takes_a_turn_at_least_and_no_more_than_it_may(lengths: list[int], data: st.DataObject) -> None:
    turns = [
        TurnRow(row=row, turn=Turn(speaker="a", text="x" * length), weighed=False) for row, length in enumerate(lengths)
    ]
    start = data.draw(st.integers(0, len(turns) - 1))
    end = step_end(turns, start)
    assert start < end <= len(turns)
    assert end == start + 1 or sum(lengths[start:end]) <= salience.STEP_CHARACTERS
    assert end == len(turns) or sum(lengths[start : end + 1]) > salience.STEP_CHARACTERS


def test_a_model_that_fails_is_tried_again_and_searches_say_so_meanwhile(url: str) -> None:
    clock = Clock()
    with opened(url, model := WordSurprise(failing=2), clock) as memory:
        memory.add(chat(*TALK), user_id="ann", wait=True)
        for _ in range(2):
            hits = memory.search("Who moved to Ghent?", user_id="ann")
            assert hits[0].text == "we moved to Ghent"
            assert any("salience by length alone" in note and "install them" in note for note in hits.degraded)
            assert memory.stats(user_id="ann").weighed == 0
            assert memory.search("Ghent?", user_id="ben").degraded == ()
            clock.now += timedelta(minutes=10)
            memory.wait()
        assert surprises(memory) == [20.0, 2.0, 15.5, 5.0, 10.5]
        assert memory.search("Who moved to Ghent?", user_id="ann").degraded == ()
        assert len(model.asked) == 3
        memory.add("One more thing about Ghent.", user_id="ann")
        assert WAITING in memory.search("Who moved to Ghent?", user_id="ann").degraded


def test_what_was_weighed_before_a_failure_is_not_weighed_again(url: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(salience, "STEP_CHARACTERS", 1)
    clock, model = Clock(), WordSurprise()

    class FailsOnce:
        fingerprint = model.fingerprint
        calls = 0

        def surprise(self, sessions: Sequence[Session]) -> list[list[Surprise]]:
            self.calls += 1
            if self.calls == 3:
                raise ModelError("a weight is no number; fetch the model again")
            return model.surprise(sessions)

    with opened(url, fails := FailsOnce(), clock) as memory:
        memory.add(chat(*TALK), user_id="ann", wait=True)
        assert memory.stats(user_id="ann").weighed == 2
        clock.now += timedelta(minutes=10)
        memory.wait()
        assert surprises(memory) == [20.0, 2.0, 15.5, 5.0, 10.5]
        assert (fails.calls, [each.start for each in model.asked]) == (6, [0, 1, 2, 3, 4])


def test_what_one_process_left_another_goes_on_with(tmp_path: Path) -> None:
    url = STORES[1].format(tmp_path)
    with opened(url, WordSurprise()) as memory:
        memory.add(chat(*TALK), user_id="ann")
        assert surprises(memory) == [-1] * 5
        assert WAITING in memory.search("Ghent", user_id="ann").degraded
    with opened(url, None) as memory:
        memory.wait()
        assert surprises(memory) == [-1] * 5
        assert memory.search("Ghent", user_id="ann").degraded == ()
    with opened(url, WordSurprise()) as memory, opened(url, "none") as other:
        memory.wait()
        assert surprises(other) == surprises(memory) == [20.0, 2.0, 15.5, 5.0, 10.5]


def test_another_model_weighs_everything_anew(tmp_path: Path) -> None:
    url = STORES[1].format(tmp_path)
    with opened(url, WordSurprise()) as memory, opened(url, "none") as other:
        memory.add(chat(*TALK), user_id="ann", wait=True)
        assert surprises(other)[0] == 20.0
        with opened(url, model := WordSurprise(name="words/2")) as newer:
            assert surprises(other) == [-1] * 5
            newer.wait()
            assert len(model.asked) == 1
        assert surprises(other) == [20.0, 2.0, 15.5, 5.0, 10.5]


def test_a_memory_that_is_opened_with_a_model_later_weighs_what_is_there(url: str) -> None:
    if url == ":memory:":
        pytest.skip("nothing is there when it is opened")
    with opened(url, "none") as memory:
        memory.add(chat(*TALK), user_id="ann", wait=True)
        assert memory.stats(user_id="ann").local_model is None
    with opened(url, WordSurprise()) as memory:
        memory.wait()
        assert memory.stats(user_id="ann").weighed == 5


def test_what_is_forgotten_while_it_is_weighed_keeps_nothing(url: str) -> None:
    memory: Memory

    class Forgets:
        fingerprint = "forgets/1"

        def surprise(self, sessions: Sequence[Session]) -> list[list[Surprise]]:
            memory.forget([ids[1]], user_id="ann")
            return WordSurprise().surprise(sessions)

    with opened(url, Forgets()) as memory:
        ids = memory.add(chat(*TALK), user_id="ann").episode_ids
        memory.wait()
        assert surprises(memory) == [20.0, 15.5, 5.0, 10.5]
        assert memory.stats(user_id="ann").weighed == 4


def test_the_environment_names_the_model_and_an_unknown_one_is_an_error() -> None:
    settings = Settings.from_environment({"MEMSTRATA_LOCAL_MODEL": "nonsense", "MEMSTRATA_STORE": ":memory:"})
    with pytest.raises(ModelError):
        Memory(":memory:", embedder="none", settings=settings)
    Memory(":memory:", embedder="none", local_model="none", settings=settings).close()
    assert Settings.from_environment({}).local_model == "none"
