"""Folding a log equals a model that recomputes each property from the changes that were not undone."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from dataclasses import replace
from datetime import datetime, timedelta
from typing import Any, cast

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from memstrata.core.facts.codec import claim_from_json, claim_to_json
from memstrata.core.facts.log import NewChange, fold, fold_one
from memstrata.core.facts.reading import BELIEVED
from memstrata.stores.fact_rules import numbered
from memstrata.testing.episodes import NOON
from memstrata.testing.facts import asserted, change, claim, closed, source, supported, undone
from memstrata.types import CHANGE_KINDS, Change, Claim, Fact, Source

FACTS = ["fa_1", "fa_2", "fa_3"]
FLAGS = [kind for kind in CHANGE_KINDS if kind in ("pinned", "unpinned", "muted", "unmuted")]
VALID_FROM = NOON - timedelta(days=1)
"""No generated closing comes before it; see the test of one that does."""


def later(hours: int) -> datetime:
    return NOON + timedelta(hours=hours)


@st.composite
def claims(draw: st.DrawFn, episode: int) -> Claim:
    said = claim(draw(st.sampled_from(["tea", "milk", "茶"])), source(f"ep_{episode % 4}", 0, draw(st.integers(1, 3))))
    return replace(
        said,
        confidence=draw(st.sampled_from([0.2, 0.5, 0.9])),
        valid_from=draw(st.sampled_from([None, VALID_FROM])),
        valid_to=draw(st.sampled_from([None, later(3), later(9)])),
    )


@st.composite
def logs(draw: st.DrawFn, *, undo_beginnings: bool = True) -> list[Change]:
    """A log of three facts in which anything happens to anything, and anything may be undone and redone."""
    made: list[NewChange] = []
    for place in range(draw(st.integers(0, 16))):
        kind = draw(st.sampled_from(["asserted", "undone", "undone", *CHANGE_KINDS])) if place else "asserted"
        fact = draw(st.sampled_from(FACTS))
        own = [each for each in made if each.fact_id == fact and (undo_beginnings or each.kind != "asserted")]
        if kind == "undone":
            names = draw(st.lists(st.sampled_from([each.id for each in own] or ["ch_none"]), min_size=1, max_size=3))
            new = undone(fact, *names)
        elif kind == "asserted":
            new = asserted(fact, draw(claims(place)), quarantined=draw(st.booleans()))
        elif kind == "supported":
            new = supported(fact, draw(claims(place)))
        elif kind == "closed":
            by = draw(st.sampled_from([None, *FACTS]))
            new = closed(fact, by=by, at=later(draw(st.integers(0, 12))))
        else:
            by = draw(st.sampled_from(FACTS))
            carries = kind == "disputed" or (kind in ("retired", "rejected") and draw(st.booleans()))
            new = change(cast(Any, kind), fact, {"by": by} if carries else {})
        made.append(replace(new, id=f"ch_{place}", at=NOON + timedelta(minutes=place)))
    return numbered(made, after=0)


def alive(log: Sequence[Change]) -> list[Change]:
    """The changes that count: none that a later change which itself counts has undone."""

    def counts(place: int) -> bool:
        return not any(
            each.kind == "undone" and log[place].id in cast(list[str], each.data["changes"]) and counts(after)
            for after, each in enumerate(log[place + 1 :], start=place + 1)
        )

    return [each for place, each in enumerate(log) if each.kind != "undone" and counts(place)]


def model(log: Sequence[Change], fact_id: str) -> Fact | None:
    """A fact, each property by itself."""
    counted = [each for each in alive(log) if each.fact_id == fact_id]
    beginnings = [each for each in counted if each.kind == "asserted"]
    if not beginnings:
        return None
    first = beginnings[0]
    after = [each for each in counted if each.number > first.number]
    end = next((each for each in after if each.kind in ("retired", "rejected")), None)
    standing = [each for each in after if end is None or each.number < end.number]
    told = [said_in(first), *[said_in(each) for each in after if each.kind == "supported"]]
    yes = min((each.number for each in after if each.kind == "confirmed"), default=len(log) + 1)
    opened = yes if first.data.get("quarantined") else 0
    shut = [(until(each), each.number, by(each)) for each in standing if each.kind == "closed" and each.number > opened]
    ends = [each for each in (told[0].valid_to, *[time for time, _, _ in shut]) if each is not None]
    confirmed = [each.number for each in after if each.kind == "confirmed"]
    disputes = [each for each in standing if each.kind == "disputed" and each.number > max(confirmed, default=0)]
    status = "active"
    if first.data.get("quarantined") and not confirmed:
        status = "quarantined"
    elif disputes:
        status = "disputed"
    if shut:
        status = "superseded"
    if end is not None:
        status = end.kind
    superseded_by = min(within(shut, told[0]), default=(NOON, 0, None))[2]
    return Fact(
        id=fact_id,
        claim=replace(
            told[0],
            valid_to=min(ends, default=None),
            sources=unique(one for each in told for one in each.sources),
            confidence=max(each.confidence for each in told),
        ),
        status=cast(Any, status),
        said_at=NOON,
        recorded_at=first.at,
        retired_at=None if end is None else end.at,
        superseded_by=superseded_by if end is None else by(end) or superseded_by,
        disputed_with=tuple(dict.fromkeys(cast(str, by(each)) for each in disputes)),
        confirmed=bool(confirmed),
        pinned=last_of(after, "pinned", "unpinned"),
        muted=last_of(after, "muted", "unmuted"),
    )


def within(shut: list[tuple[datetime, int, str | None]], own: Claim) -> list[tuple[datetime, int, str | None]]:
    """Closings no later than the fact's own end, which no closing moves."""
    return [(time if own.valid_to is None else min(time, own.valid_to), n, name) for time, n, name in shut]


def said_in(each: Change) -> Claim:
    return claim_from_json(cast(Any, each.data["claim"]))


def until(each: Change) -> datetime:
    return datetime.fromisoformat(cast(str, each.data["valid_to"]))


def by(each: Change) -> str | None:
    return cast("str | None", each.data.get("by"))


def unique(sources: Iterable[Source]) -> tuple[Source, ...]:
    return tuple(dict.fromkeys(sources))


def last_of(after: Sequence[Change], on: str, off: str) -> bool:
    return next((each.kind == on for each in reversed(after) if each.kind in (on, off)), False)


@settings(max_examples=1000, deadline=None)
@given(log=logs())
def test_folding_equals_recomputing_from_what_was_not_undone(log: list[Change]) -> None:
    expected = {id_: fact for id_ in FACTS if (fact := model(log, id_)) is not None}
    assert fold(log) == expected


@settings(max_examples=300, deadline=None)
@given(log=logs(), data=st.data())
def test_a_log_read_in_any_order_folds_to_the_same(log: list[Change], data: st.DataObject) -> None:
    assert fold(data.draw(st.permutations(log))) == fold(log)


@settings(max_examples=300, deadline=None)
@given(log=logs())
def test_a_fact_hangs_on_its_own_changes_alone(log: list[Change]) -> None:
    for id_ in FACTS:
        assert fold(log).get(id_) == fold_one([each for each in log if each.fact_id == id_])


@settings(max_examples=300, deadline=None)
@given(log=logs(), data=st.data())
def test_undoing_the_last_change_gives_what_was_before_and_undoing_that_gives_it_back(
    log: list[Change], data: st.DataObject
) -> None:
    if not log:
        return
    last = log[-1]
    (no,) = numbered([replace(undone(last.fact_id, last.id), id="ch_no")], after=last.number)
    (yes,) = numbered([replace(undone(last.fact_id, "ch_no"), id="ch_yes")], after=no.number)
    assert fold([*log, no]) == fold(log[:-1])
    assert fold([*log, no, yes]) == fold(log)


@settings(max_examples=300, deadline=None)
@given(log=logs())
def test_facts_come_in_the_order_in_which_their_logs_began(log: list[Change]) -> None:
    order = list(dict.fromkeys(each.fact_id for each in log))
    assert list(fold(log)) == [id_ for id_ in order if id_ in fold(log)]


TEA = claim("tea", source("ep_1"))


def folded(*changes: NewChange) -> Fact:
    (fact,) = fold(numbered([replace(each, id=f"ch_{n}") for n, each in enumerate(changes)], after=0)).values()
    return fact


def test_nothing_happens_to_a_fact_before_it_begins() -> None:
    assert folded(change("pinned", "fa"), change("retired", "fa"), asserted("fa", TEA)) == folded(
        *[change("undone", "fa", {"changes": []})] * 2, asserted("fa", TEA)
    )


def test_the_users_no_is_final_but_for_an_undo() -> None:
    for no in (change("retired", "fa"), change("rejected", "fa")):
        fact = folded(asserted("fa", TEA), no, closed("fa", by="fb"), change("disputed", "fa", {"by": "fb"}))
        assert (fact.status, fact.valid_to, fact.disputed_with) == (no.kind, None, ())
        assert folded(asserted("fa", TEA), no, change("confirmed", "fa")).status == no.kind
        assert folded(asserted("fa", TEA), no, undone("fa", "ch_1")).status == "active"


def test_a_confirmed_fact_can_be_closed_and_disputed_later() -> None:
    waiting = asserted("fa", TEA, quarantined=True)
    assert folded(waiting, change("confirmed", "fa"), closed("fa", by="fb")).status == "superseded"
    assert folded(waiting, change("confirmed", "fa"), change("disputed", "fa", {"by": "fb"})).status == "disputed"


def test_a_dispute_does_not_let_a_fact_out_of_quarantine() -> None:
    waiting = asserted("fa", TEA, quarantined=True)
    assert folded(waiting, change("disputed", "fa", {"by": "fb"})).status == "quarantined"


@pytest.mark.parametrize(
    "log",
    [
        [closed("fa", by="fb")],
        [change("confirmed", "fa"), closed("fa", by="fb"), undone("fa", "ch_1")],
    ],
    ids=["closed while it waits", "confirmed, closed, the yes undone"],
)
def test_a_closing_does_not_let_a_fact_out_of_quarantine(log: list[NewChange]) -> None:
    assert folded(asserted("fa", TEA, quarantined=True), *log).status not in BELIEVED


def test_a_closing_before_the_beginning_leaves_an_empty_time() -> None:
    begins = replace(TEA, valid_from=NOON)
    fact = folded(asserted("fa", begins), closed("fa", by="fb", at=NOON - timedelta(days=3)))
    assert (fact.valid_from, fact.valid_to, fact.superseded_by) == (NOON, NOON, "fb")


@pytest.mark.parametrize("order", [list, lambda pair: pair[::-1]], ids=["in order", "the other way round"])
def test_the_earliest_closing_counts(order: Callable[[list[NewChange]], list[NewChange]]) -> None:
    pair = [closed("fa", by="fb", at=later(5)), closed("fa", by="fc", at=later(2))]
    fact = folded(asserted("fa", TEA), *order(pair))
    assert (fact.valid_to, fact.superseded_by) == (later(2), "fc")


def test_a_claim_is_read_back_as_it_was_written() -> None:
    begins = replace(TEA, valid_from=NOON, cues=("now",), entities=("Éva", "茶"), negated=True, slot="drink")
    assert claim_from_json(claim_to_json(begins)) == begins
    assert folded(asserted("fa", begins)).claim == begins
