"""What gives way to a budget: what saves least for its bytes, never what is in use."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta

from hypothesis import given
from hypothesis import strategies as st

from memstrata.activation.eviction import HALF_LIFE, to_evict, value
from memstrata.testing.artifact_contract import artifact
from memstrata.testing.episodes import NOON
from memstrata.types import Artifact


def kept(number: int, *, tokens: int = 100, size: int = 1000, uses: int = 0, days: int = 0) -> Artifact:
    made = artifact(id=f"ar_{number}", size=size)
    return replace(made, tokens=tokens, uses=uses, used_at=NOON - timedelta(days=days) if uses else None)


def test_what_was_used_more_or_later_or_saves_more_is_worth_more() -> None:
    base = kept(1, uses=2, days=7)
    assert value(kept(2, uses=3, days=7), now=NOON) > value(base, now=NOON)
    assert value(kept(3, uses=2, days=1), now=NOON) > value(base, now=NOON)
    assert value(kept(4, uses=2, days=7, tokens=200), now=NOON) == 2 * value(base, now=NOON)
    assert value(kept(5, uses=2, days=7, size=2000), now=NOON) == value(base, now=NOON) / 2
    assert value(base, now=NOON + HALF_LIFE) == value(base, now=NOON) / 2
    assert value(kept(6, size=0), now=NOON) == 0


@given(
    many=st.lists(
        st.builds(
            kept,
            st.integers(0, 99),
            size=st.integers(1, 500),
            uses=st.integers(0, 5),
            days=st.integers(0, 30),
        ),
        max_size=12,
        unique_by=lambda each: each.id,
    ),
    budget=st.integers(0, 2000),
    held=st.sets(st.integers(0, 99).map("ar_{}".format)),
)
def test_the_rest_fits_and_nothing_better_went_than_what_stayed(
    many: list[Artifact], budget: int, held: set[str]
) -> None:
    gone = to_evict(many, budget_bytes=budget, now=NOON, in_use=held)
    stayed = [each for each in many if each not in gone]
    assert not held & {each.id for each in gone}
    free = [each for each in stayed if each.id not in held]
    assert sum(each.size for each in stayed) <= budget or not free
    if gone and free:
        worst_kept = min(value(each, now=NOON) for each in free)
        assert max(value(each, now=NOON) for each in gone) <= worst_kept
    if sum(each.size for each in many) <= budget:
        assert gone == []
