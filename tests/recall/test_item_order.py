"""The order of what was found, on hits made by hand."""

from __future__ import annotations

import pytest

from memstrata.recall.items import behind_what_supersedes
from memstrata.testing.episodes import NOON
from memstrata.testing.facts import claim, source
from memstrata.types import Fact, Hit


def fact(id_: str, turn: str) -> Fact:
    return Fact(id=id_, claim=claim("x", source(turn)), status="active", said_at=NOON, recorded_at=NOON)


def hit(id_: str, turn: str, *, superseded_by: tuple[Fact, ...] = ()) -> Hit:
    item = fact(id_, turn)
    return Hit(item=item, score=1, why={}, sources=item.sources, superseded_by=superseded_by)


NEW = fact("new", "ep_new")


@pytest.mark.parametrize(
    ("hits", "order"),
    [
        ([hit("old", "ep_old", superseded_by=(NEW,)), hit("x", "ep_x"), hit("new", "ep_new")], "x new old"),
        ([hit("new", "ep_new"), hit("old", "ep_old", superseded_by=(NEW,)), hit("x", "ep_x")], "new old x"),
        ([hit("old", "ep_old", superseded_by=(NEW,)), hit("x", "ep_x")], "old x"),
        (
            [
                hit("a", "ep_a", superseded_by=(NEW,)),
                hit("b", "ep_b", superseded_by=(NEW,)),
                hit("new", "ep_new"),
            ],
            "new a b",
        ),
    ],
)
def test_what_was_superseded_comes_right_behind_what_supersedes_it(hits: list[Hit], order: str) -> None:
    assert " ".join(each.item.id for each in behind_what_supersedes(hits)) == order
