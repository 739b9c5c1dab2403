"""The state of a model's reading: told once, in the store, and never in the way for longer than it says."""

from __future__ import annotations

from datetime import timedelta

from hypothesis import given
from hypothesis import strategies as st

from memstrata.core.records import NewJob
from memstrata.schedule.reading import LONGEST_REFUSAL_PAUSE, TROUBLES, ReadingState, Standing
from memstrata.schedule.worker import LONGEST_PAUSE
from memstrata.stores.memory import MemoryStore
from memstrata.testing.episodes import ANN, NOON, new_episodes, numbered_ids
from memstrata.types import Message, Scope

BEN = Scope(user_id="ben")


def a_state() -> tuple[MemoryStore, ReadingState]:
    store, ids = MemoryStore(), numbered_ids()
    for scope in (ANN, BEN):
        said = new_episodes([Message(content="x", timestamp=NOON)], ids=ids)
        store.append(scope, said, recorded_at=NOON, jobs=[NewJob(queue="q")])
    return store, ReadingState(store, extractor="model/m", instead="rules only")


@given(told=st.lists(st.sampled_from([*TROUBLES, None]), max_size=12))
def test_the_last_word_counts_and_another_object_reads_the_same(told: list[str | None]) -> None:
    store, state = a_state()
    other = ReadingState(store, extractor="model/m", instead="rules only")
    for each in told:
        if each is None:
            state.went_well(ANN)
            assert state.standing(ANN) == Standing()
        else:
            trouble = next(known for known in TROUBLES if known == each)
            until = state.failed(ANN, trouble, at=NOON)
            assert NOON < until <= NOON + timedelta(days=1)
            assert other.standing(ANN).not_before == until
        expected = () if each is None else (f"model: {each}, rules only",)
        assert state.notes(ANN) == other.notes(ANN) == expected
    assert state.notes(BEN) == ()
    assert ReadingState(store, extractor="model/other", instead="").notes(ANN) == ()


def test_pauses_grow_and_end() -> None:
    _, state = a_state()
    down = [state.failed(ANN, "endpoint unavailable", at=NOON) - NOON for _ in range(15)]
    assert down[:3] == [timedelta(seconds=1), timedelta(seconds=2), timedelta(seconds=4)]
    assert down[-1] == LONGEST_PAUSE
    unusable = [state.failed(ANN, "no usable answer", at=NOON) - NOON for _ in range(15)]
    assert unusable[:3] == [timedelta(seconds=1), timedelta(minutes=1), timedelta(minutes=2)]
    assert unusable[-1] == LONGEST_REFUSAL_PAUSE
    assert state.refused(ANN).answers == 14
    over = state.failed(ANN, "over the budget of the day", at=NOON)
    assert over == NOON.replace(hour=0) + timedelta(days=1)


def test_what_is_refused_is_added_up_and_is_no_cost() -> None:
    _, state = a_state()
    state.went_well(ANN, refused=2)
    state.went_well(ANN, refused=3)
    assert state.refused(ANN).facts == 5
    assert state.spent_today(ANN, at=NOON).calls == 0
