"""The log of facts: what each kind of change does, and the fold that turns changes into facts.

Facts are nothing but their log. A fact's state hangs on its own changes alone, in the order of their numbers, so
that facts which have nothing to do with each other may be written in any order, and folding the log from empty
gives the state again, as it stands or as it stood at any earlier time (`known_at`).

| kind        | data                                 | effect                                                        |
|-------------|--------------------------------------|---------------------------------------------------------------|
| `asserted`  | `claim`, `said_at`, `quarantined`?   | the fact begins                                               |
| `supported` | `claim`                              | more words say the same                                       |
| `closed`    | `valid_to`, `by`?                    | superseded: true until then; the earliest closing counts      |
| `retired`   | `by`?                                | we never should have believed it                              |
| `disputed`  | `by`                                 | stands against another fact                                   |
| `confirmed` |                                      | the user said yes; leaves quarantine and dispute              |
| `rejected`  |                                      | the user said no                                              |
| `pinned`, `unpinned`, `muted`, `unmuted` | | a flag                                                        |
| `undone`    | `changes`: ids                       | those changes count as if they had not been                   |

An `undone` change stands in the log of each fact that it touches. A change of the same id counts once.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from typing import cast

from memstrata.core.facts.codec import claim_from_json, time_from_json
from memstrata.types import Change, ChangeKind, Fact, FactStatus, Json


@dataclass(frozen=True, slots=True, kw_only=True)
class NewChange:
    """A change that is decided and not yet written; the store gives it a number."""

    id: str
    fact_id: str
    kind: ChangeKind
    cause: str
    at: datetime
    actor: str
    data: Mapping[str, Json]


def fold(changes: Iterable[Change]) -> dict[str, Fact]:
    """Every fact that the changes tell of, by id, in the order in which they began."""
    by_fact: dict[str, list[Change]] = defaultdict(list)
    for change in sorted(changes, key=lambda each: each.number):
        by_fact[change.fact_id].append(change)
    folded = ((id_, fold_one(of_fact)) for id_, of_fact in by_fact.items())
    return {id_: fact for id_, fact in folded if fact is not None}


def fold_one(changes: Sequence[Change]) -> Fact | None:
    """The fact that its own changes, in order, make; None where it never began or its beginning was undone."""
    undone = _undone(changes)
    fact: Fact | None = None
    support: list[Mapping[str, Json]] = []  # taken in at once: nothing else looks at a fact's sources or confidence
    for change in changes:
        if change.id in undone:
            continue
        if change.kind == "supported" and fact is not None:
            support.append(change.data)
        else:
            fact = step(fact, change)
    return None if fact is None else _supported(fact, support)


def step(fact: Fact | None, change: Change) -> Fact | None:
    """The fact after one more change; None before it began."""
    if change.kind == "undone":
        return fact
    if change.kind == "asserted":
        return fact or _begin(change)
    return None if fact is None else _step(fact, change)


def _undone(changes: Sequence[Change]) -> set[str]:
    """Ids of the changes that do not count. An `undone` change may itself be undone, the last word first."""
    dead: set[str] = set()
    for change in reversed(changes):
        if change.kind == "undone" and change.id not in dead:
            dead.update(cast(Sequence[str], change.data["changes"]))
    return dead


def _begin(change: Change) -> Fact:
    data = change.data
    said_at = time_from_json(data["said_at"])
    return Fact(
        id=change.fact_id,
        claim=claim_from_json(cast(Mapping[str, Json], data["claim"])),
        status="quarantined" if data.get("quarantined") else "active",
        said_at=said_at or change.at,
        recorded_at=change.at,
    )


def _step(fact: Fact, change: Change) -> Fact:
    if change.kind in ("pinned", "unpinned"):
        return replace(fact, pinned=change.kind == "pinned")
    if change.kind in ("muted", "unmuted"):
        return replace(fact, muted=change.kind == "muted")
    if change.kind == "supported":
        return _supported(fact, [change.data])
    if change.kind == "confirmed":
        return replace(fact, status=_confirmed(fact), confirmed=True, disputed_with=())
    if fact.status in ("retired", "rejected"):
        return fact
    if change.kind == "closed":
        return fact if fact.status == "quarantined" else _closed(fact, change.data)
    if change.kind == "disputed":
        by = cast(str, change.data["by"])
        stands: FactStatus = "disputed" if fact.status == "active" else fact.status
        return replace(fact, status=stands, disputed_with=tuple(dict.fromkeys((*fact.disputed_with, by))))
    by_fact = cast("str | None", change.data.get("by"))
    status: FactStatus = "retired" if change.kind == "retired" else "rejected"
    return replace(fact, status=status, retired_at=change.at, superseded_by=by_fact or fact.superseded_by)


def _confirmed(fact: Fact) -> FactStatus:
    return fact.status if fact.status in ("superseded", "retired", "rejected") else "active"


def _closed(fact: Fact, data: Mapping[str, Json]) -> Fact:
    until = time_from_json(data["valid_to"])
    claim = fact.claim
    assert until is not None
    if claim.valid_to is not None and claim.valid_to <= until and fact.status == "superseded":
        return fact
    if claim.valid_from is not None:
        until = max(until, claim.valid_from)
    earliest = until if claim.valid_to is None else min(until, claim.valid_to)
    by = cast("str | None", data.get("by"))
    return replace(fact, claim=replace(claim, valid_to=earliest), status="superseded", superseded_by=by)


def _supported(fact: Fact, support: Sequence[Mapping[str, Json]]) -> Fact:
    sources, confidence = list(fact.claim.sources), fact.claim.confidence
    known = set(sources)
    for data in support:
        other = claim_from_json(cast(Mapping[str, Json], data["claim"]))
        sources += [source for source in other.sources if source not in known]
        known.update(other.sources)
        confidence = max(confidence, other.confidence)
    return replace(fact, claim=replace(fact.claim, sources=tuple(sources), confidence=confidence))
