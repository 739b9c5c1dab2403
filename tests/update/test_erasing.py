"""What an erasure leaves of a log does not hang on how its parts are taken out."""

from __future__ import annotations

from dataclasses import replace
from functools import reduce

from hypothesis import given
from hypothesis import strategies as st

from memstrata.core.facts.erasing import MARK, Redaction, without_episodes, without_spans
from memstrata.core.facts.log import fold_one
from memstrata.stores.fact_rules import clipped, numbered
from memstrata.testing.facts import asserted, change, claim, source, supported
from memstrata.types import Change

EPISODES = [f"ep_{number}" for number in range(5)]
TEXTS = dict.fromkeys(EPISODES, "a text of twenty-six signs")

sources = st.builds(source, st.sampled_from(EPISODES), st.integers(0, 10), st.integers(11, 26))
spans = st.tuples(st.integers(0, 26), st.integers(0, 26))
redactions = st.builds(
    lambda episode, parts: Redaction(episode_id=episode, spans=tuple(parts)),
    st.sampled_from(EPISODES),
    st.lists(spans, min_size=1, max_size=2),
)


@st.composite
def logs(draw: st.DrawFn) -> list[Change]:
    """A fact that is begun, supported by other words, and wished for in between."""
    made = [asserted("fa_1", claim("tea", draw(sources)))]
    for place in range(draw(st.integers(0, 8))):
        said = claim("tea", *draw(st.lists(sources, min_size=1, max_size=2)))
        made.append(supported("fa_1", said, id=f"ch_{place}"))
        if draw(st.booleans()):
            made.append(replace(change("pinned", "fa_1"), id=f"ch_wish_{place}"))
    return numbered(made, after=0)


@given(log=logs(), parts=st.lists(redactions, max_size=6))
def test_parts_that_go_together_leave_what_parts_that_go_one_by_one_leave(
    log: list[Change], parts: list[Redaction]
) -> None:
    found = clipped(parts, TEXTS)
    together = without_spans(log, {each.episode_id: each for each in found})
    assert together == reduce(lambda left, part: without_spans(left, {part.episode_id: part}), found, log)


@given(log=logs(), gone=st.lists(st.sampled_from(EPISODES), unique=True))
def test_episodes_that_go_together_leave_what_episodes_that_go_one_by_one_leave(
    log: list[Change], gone: list[str]
) -> None:
    assert without_episodes(log, gone) == reduce(lambda left, each: without_episodes(left, [each]), gone, log)


def test_words_that_support_a_fact_again_count_once() -> None:
    made = [asserted("fa_1", claim("tea", source("ep_0")))]
    made += [supported("fa_1", claim("tea", source(f"ep_{place % 2}")), id=f"ch_{place}") for place in range(6)]
    fact = fold_one(numbered(made, after=0))
    assert fact is not None
    assert [each.episode_id for each in fact.sources] == ["ep_0", "ep_1"]


def test_a_fact_of_a_thousand_statements_keeps_those_that_were_not_erased() -> None:
    ids = [f"ep_{number}" for number in range(1000)]
    begun = asserted("fa_1", claim("tea", source(ids[0], 5, 9)))
    more = [supported("fa_1", claim("tea", source(each, 5, 9)), id=f"ch_{each}") for each in ids[1:]]
    log = numbered([begun, *more], after=0)
    whole = fold_one(log)
    assert whole is not None
    assert [each.episode_id for each in whole.sources] == ids
    parts = {
        each: Redaction(episode_id=each, spans=((6, 8),) if place % 2 else ((0, 2),)) for place, each in enumerate(ids)
    }
    left = fold_one(without_spans(log, parts))
    assert left is not None
    moved = len(MARK) - 2
    assert [(each.episode_id, each.start, each.end) for each in left.sources] == [
        (each, 5 + moved, 9 + moved) for each in ids[::2]
    ]
