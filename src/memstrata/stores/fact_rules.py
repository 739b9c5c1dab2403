"""What every store decides alike about facts: which changes may still be written, and what a redaction erases."""

from __future__ import annotations

import json
from collections.abc import Collection, Iterable, Mapping, Sequence
from typing import cast

from memstrata.core.facts.codec import sources_from_json
from memstrata.core.facts.erasing import Redaction, without_spans
from memstrata.core.facts.log import NewChange
from memstrata.errors import InvalidInput, LogMoved
from memstrata.types import Change, Json

_CLAIMING = ("asserted", "supported")


def episodes_behind(changes: Iterable[Change | NewChange]) -> set[str]:
    """Ids of the episodes that claims in these changes rest on; what was undone rests on its words all the same."""
    claims = (cast(Mapping[str, Json], each.data["claim"]) for each in changes if each.kind in _CLAIMING)
    return {source.episode_id for claim in claims for source in sources_from_json(claim["sources"])}


def claimed_episodes(changes: Iterable[NewChange]) -> set[str]:
    """Ids of the episodes that new claims rest on. Raises InvalidInput for a claim without any."""
    for change in changes:
        if change.kind in _CLAIMING and not episodes_behind([change]):
            raise InvalidInput(f"the claim of change {change.id!r} rests on no words; give it a source")
    return episodes_behind(changes)


def check_expected(expected: int | None, last: int) -> None:
    """Raise LogMoved where the log is not where the decision was taken."""
    if expected is not None and expected != last:
        raise LogMoved(f"the log of facts stands at {last}, not at {expected}: read the facts again and decide anew")


def admitted(
    changes: Sequence[NewChange], *, known: Collection[str], facts: Collection[str], present: Collection[str]
) -> list[NewChange]:
    """The changes that may be written, in order.

    `known`: ids of changes that the log holds; `facts`: ids of facts that it tells of; `present`: ids of episodes
    that are still there. A change of a fact that is in neither the log nor these changes would begin nothing and
    name what was erased: it is passed over as well.
    """
    fresh: dict[str, NewChange] = {}
    for change in changes:
        if change.id not in known:
            fresh.setdefault(change.id, change)
    there = frozenset(present)
    groundless = {each.cause for each in fresh.values() if not episodes_behind([each]) <= there}
    kept: list[NewChange] = []
    begun = set(facts)
    for change in fresh.values():
        if change.cause in groundless:
            continue
        if change.kind == "asserted":
            begun.add(change.fact_id)
        if change.fact_id in begun:
            kept.append(change)
    return kept


def clipped(redactions: Sequence[Redaction], texts: Mapping[str, str]) -> list[Redaction]:
    """One redaction an episode of `texts` (id to text), its spans cut to the text, in order and disjoint."""
    spans: dict[str, list[tuple[int, int]]] = {}
    for redaction in redactions:
        if redaction.episode_id in texts:
            size = len(texts[redaction.episode_id])
            cut = [(max(0, start), min(end, size)) for start, end in redaction.spans]
            spans.setdefault(redaction.episode_id, []).extend((start, end) for start, end in cut if start < end)
    return [Redaction(episode_id=id_, spans=_disjoint(found)) for id_, found in spans.items() if found]


def without_words(changes: Sequence[Change], redactions: Iterable[Redaction]) -> list[Change]:
    """A fact's own changes as if none of these parts, `clipped`, had ever been."""
    return without_spans(changes, {redaction.episode_id: redaction for redaction in redactions})


def numbered(changes: Iterable[NewChange], *, after: int) -> list[Change]:
    """The changes with the numbers that follow, and their data as it comes back from JSON."""
    return [
        Change(
            id=new.id,
            number=number,
            fact_id=new.fact_id,
            kind=new.kind,
            cause=new.cause,
            at=new.at,
            actor=new.actor,
            data=cast(Mapping[str, Json], json.loads(json.dumps(new.data))),
        )
        for number, new in enumerate(changes, start=after + 1)
    ]


def _disjoint(spans: Sequence[tuple[int, int]]) -> tuple[tuple[int, int], ...]:
    merged: list[tuple[int, int]] = []
    for start, end in sorted(spans):
        if merged and start < merged[-1][1]:
            merged[-1] = (merged[-1][0], max(end, merged[-1][1]))
        else:
            merged.append((start, end))
    return tuple(merged)
