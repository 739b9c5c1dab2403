"""What claims do to a scope, decided one after the other and written at once by the caller.

A claim sees what the claims before it changed: facts that this round began or changed stand in `pending` and take
the place of what the store still says.
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import replace
from datetime import datetime

import numpy as np

from memstrata.core.candidates import Floats
from memstrata.core.facts.codec import claim_to_json
from memstrata.core.facts.log import NewChange, step
from memstrata.core.records import FactQuery
from memstrata.ports import Store
from memstrata.types import Change, Claim, Episode, Fact, Scope
from memstrata.update.neighbours import STANDING, neighbours, vectors_by_episode
from memstrata.update.reconcile import fact_id, reconcile
from memstrata.update.rereading import Reading, consequences, known_readings, reread
from memstrata.update.verdicts import Neighbour


def decide(
    store: Store,
    scope: Scope,
    episodes: Sequence[tuple[int, Episode]],
    claims: Sequence[Claim],
    *,
    actor: str,
    at: datetime,
    space: str | None,
) -> list[NewChange]:
    """The changes that these claims, read in these episodes (row and episode), cause. Writes nothing."""
    vectors = vectors_by_episode(store, scope, [(row, episode.id) for row, episode in episodes], space)
    said = {episode.id: episode.timestamp for _, episode in episodes}
    read = {fact_id(claim, actor=actor) for claim in claims}
    known = {fact.id for fact in store.facts(scope, FactQuery(ids=sorted(read)))} if read else set()
    fresh = [claim for claim in claims if fact_id(claim, actor=actor) not in known]  # whatever became of others stays
    readings = _readings(store, scope, episodes, fresh, actor=actor)
    replaced = {fact.id for reading in readings for fact in reading.replaces}
    pending: dict[str, Fact] = {}
    changes: list[NewChange] = []
    for reading in readings:
        claim = reading.claim
        turn = claim.sources[0].episode_id
        near = neighbours(store, scope, claim, vector=vectors.get(turn), space=space)
        near = {id_: each for id_, each in near.items() if id_ not in replaced}
        found = _decided(claim, said[turn], _current(near, pending, vectors, turn), actor=actor, at=at)
        found += consequences(reading, found, own=fact_id(claim, actor=actor), at=at, actor=actor)
        for new in found:
            before = pending.get(new.fact_id) or (near[new.fact_id].fact if new.fact_id in near else None)
            after = step(before, _numbered(new, len(changes)))
            if after is not None:
                pending[new.fact_id] = after
            changes.append(new)
    return changes


def _decided(
    claim: Claim, said_at: datetime, near: Sequence[Neighbour], *, actor: str, at: datetime
) -> list[NewChange]:
    """The changes by the words that a claim was read in; those that lent it a name are kept with it."""
    lean = replace(claim, sources=claim.sources[:1])
    found = reconcile(lean, said_at, near, actor=actor, at=at)
    if found and len(claim.sources) > 1:
        found[0] = replace(found[0], data={**found[0].data, "claim": claim_to_json(claim)})
    return found


def _readings(
    store: Store, scope: Scope, episodes: Sequence[tuple[int, Episode]], claims: Sequence[Claim], *, actor: str
) -> list[Reading]:
    """The claims beside what others have read in the same episodes. A row below 0 is not known."""
    rows = [row for row, _ in episodes]
    read = {claim.sources[0].episode_id for claim in claims}
    found = store.facts(scope, FactQuery(rows=None if min(rows, default=0) < 0 else rows)) if claims else []
    facts = [fact for fact in found if any(source.episode_id in read for source in fact.sources)]
    if not facts:
        return [Reading(claim=claim) for claim in claims]
    known = known_readings(facts, store.fact_log(scope, [fact.id for fact in facts]))
    return reread(claims, known, actor=actor)


def _current(
    near: Mapping[str, Neighbour], pending: Mapping[str, Fact], vectors: Mapping[str, Floats], turn: str
) -> list[Neighbour]:
    """The neighbours as this round has left them, with those that it began."""
    own = vectors.get(turn)

    def beside(fact: Fact) -> Neighbour:
        if fact.id in near:
            return Neighbour(fact=fact, cosine=near[fact.id].cosine)
        other = vectors.get(fact.sources[0].episode_id)
        return Neighbour(fact=fact, cosine=math.nan if own is None or other is None else float(np.dot(own, other)))

    merged = {**{id_: each.fact for id_, each in near.items()}, **pending}
    return [beside(fact) for fact in merged.values() if fact.status in STANDING]


def _numbered(new: NewChange, number: int) -> Change:
    return Change(
        id=new.id,
        number=number,
        fact_id=new.fact_id,
        kind=new.kind,
        cause=new.cause,
        at=new.at,
        actor=new.actor,
        data=new.data,
    )
