"""The bench of salience: its measure by the book, its cache, its one-weight fit."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from bench.logs import Asked, Log
from bench.measures import separation
from bench.salience import fit_last, separations, weighed_turns
from bench.surprises import KeptModel
from bench.tune import Example
from hypothesis import given
from hypothesis import strategies as st

from memstrata import Message
from memstrata.core.surprise import Session, Turn
from memstrata.testing.local_models import WordSurprise

TALK = tuple(Turn(speaker="Ann", text=text) for text in ("one two", "two three", "one two three"))


@given(st.lists(st.tuples(st.integers(0, 5), st.booleans()), min_size=2, max_size=30))
def test_separation_is_the_share_of_pairs_in_the_right_order(found: list[tuple[int, bool]]) -> None:
    scores, hits = [float(score) for score, _ in found], [hit for _, hit in found]
    if len(set(hits)) < 2:
        return
    pairs = [
        (a, b)
        for a, hit in zip(scores, hits, strict=True)
        if hit
        for b, other in zip(scores, hits, strict=True)
        if not other
    ]
    expected = sum((a > b) + (a == b) / 2 for a, b in pairs) / len(pairs)
    assert separation(scores, hits) == pytest.approx(expected)


def test_a_kept_model_weighs_a_turn_once_whatever_part_of_its_session_is_asked_for(tmp_path: Path) -> None:
    inner = WordSurprise()
    kept = KeptModel(inner, tmp_path)
    whole = kept.surprise([Session(turns=TALK)])
    assert kept.surprise([Session(turns=TALK, start=1)]) == [whole[0][1:]]
    assert kept.surprise([Session(turns=TALK[:2])]) == [whole[0][:2]]
    again = KeptModel(inner, tmp_path)
    assert again.surprise([Session(turns=TALK)]) == whole
    assert (len(inner.asked), again.turns) == (1, 3)
    assert kept.surprise([Session(turns=TALK[1:])])[0][0] != whole[0][1]


def log() -> Log:
    messages = tuple(Message(content=turn.text, name=turn.speaker, id=str(place)) for place, turn in enumerate(TALK))
    return Log(
        id="a", sessions=(("s", messages),), questions=(Asked(query="?", evidence=frozenset({"0"}), kind="single-hop"),)
    )


def test_turns_are_weighed_with_what_may_tell_their_evidence(tmp_path: Path) -> None:
    turns = weighed_turns([log()], KeptModel(WordSurprise(), tmp_path))
    assert [(each.evidence, each.nats, each.tokens) for each in turns] == [
        (True, 10, 2),
        (False, 5.5, 2),
        (False, 1.5, 3),
    ]
    found = separations([*turns, *turns])
    assert found["summed surprise"]["all"] == found["summed surprise"]["a"] == 1
    assert found["tokens"]["all"] == 0.25
    assert set(found["words"]) <= {"all", "a", *(f"length {number}/5" for number in range(1, 6))}


def test_a_weight_is_fitted_where_it_helps_and_none_where_it_does_not() -> None:
    (asked,) = log().questions
    columns = np.array([[0.5], [1.0], [0.0]])
    example = Example(
        log=log(), asked=asked, ids=("0", "1", "2"), columns=columns, hit=np.array([True, False, False]), shared=None
    )
    weights = np.array([1.0, 0.0])
    mixed = [example, example]
    helpful = [np.array([1.0, 0, 0]), np.array([-0.2, 0, 0])]
    assert fit_last(mixed, helpful, weights) > 0
    assert fit_last(mixed, [-each for each in helpful], weights) == 0
    assert fit_last(mixed, helpful, weights, leaving_out="a") == 0
