"""From a claim and its neighbours to changes: what is written, and nothing else. Pure.

Ids are made of what they name, so that reading the same words again writes nothing new: a fact is named after its
extractor and its words' place, a change after its cause, its fact and its kind.

| verdict     | the claim                  | the earlier fact                                    |
|-------------|----------------------------|-----------------------------------------------------|
| same        | is added to its sources    | supported                                           |
| refines     | becomes a fact             | closed when the claim begins                        |
| newer       | becomes a fact             | closed when the claim begins                        |
| corrects    | becomes a fact             | retired: we never should have believed it           |
| contradicts | becomes a fact, disputed   | disputed                                            |
| new         | becomes a fact             | stays                                               |
"""

from __future__ import annotations

import hashlib
from collections.abc import Mapping, Sequence
from datetime import datetime

from memstrata.core.facts.codec import claim_to_json, time_to_json
from memstrata.core.facts.log import NewChange
from memstrata.core.facts.trust import waits
from memstrata.types import ChangeKind, Claim, Json
from memstrata.update.verdicts import Neighbour, Verdict, verdict


def fact_id(claim: Claim, *, actor: str) -> str:
    """The id of the fact that a claim becomes."""
    source = claim.sources[0]
    return "fa_" + _digest(actor, source.episode_id, source.start, source.end, claim.text)


def new_change(
    kind: ChangeKind, fact: str, *, cause: str, at: datetime, actor: str, data: Mapping[str, Json] | None = None
) -> NewChange:
    """A change named after what it does."""
    by = (data or {}).get("by", "")
    return NewChange(
        id="ch_" + _digest(cause, fact, kind, by),
        fact_id=fact,
        kind=kind,
        cause=cause,
        at=at,
        actor=actor,
        data=data or {},
    )


def reconcile(
    claim: Claim, said_at: datetime, neighbours: Sequence[Neighbour], *, actor: str, at: datetime
) -> list[NewChange]:
    """The changes that a claim causes. `neighbours`: facts of the same scope that may bear on it, in any order."""
    own = fact_id(claim, actor=actor)
    if any(each.fact.id == own for each in neighbours):
        return []
    cause = "de_" + _digest(own)
    judged = [(verdict(claim, said_at, each), each) for each in _in_order(neighbours)]
    for found, neighbour in judged:
        if found == "same":
            data: dict[str, Json] = {"claim": claim_to_json(claim), "said_at": time_to_json(said_at)}
            return [new_change("supported", neighbour.fact.id, cause=cause, at=at, actor=actor, data=data)]
    begun: dict[str, Json] = {"claim": claim_to_json(claim), "said_at": time_to_json(said_at)}
    if waits(claim):
        begun["quarantined"] = True
        return [new_change("asserted", own, cause=cause, at=at, actor=actor, data=begun)]
    changes = [new_change("asserted", own, cause=cause, at=at, actor=actor, data=begun)]
    begins = claim.valid_from or claim.event_from or said_at
    for found, neighbour in judged:
        changes += _consequences(found, neighbour, own, begins, cause=cause, at=at, actor=actor)
    return changes


def _consequences(
    found: Verdict, neighbour: Neighbour, own: str, begins: datetime, *, cause: str, at: datetime, actor: str
) -> list[NewChange]:
    other = neighbour.fact.id

    def change(kind: ChangeKind, fact: str, **data: Json) -> NewChange:
        return new_change(kind, fact, cause=cause, at=at, actor=actor, data=data)

    if found in ("newer", "refines"):
        return [change("closed", other, valid_to=time_to_json(begins), by=own)]
    if found == "corrects":
        return [change("retired", other, by=own)]
    if found == "contradicts":
        return [change("disputed", other, by=own), change("disputed", own, by=other)]
    return []


def _in_order(neighbours: Sequence[Neighbour]) -> list[Neighbour]:
    """One order whatever the order given: by when it was said, then by id."""
    return sorted(neighbours, key=lambda each: (each.fact.said_at, each.fact.id))


def _digest(*parts: object) -> str:
    return hashlib.sha256("\0".join(map(str, parts)).encode()).hexdigest()[:24]
