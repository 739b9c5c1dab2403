"""One search for facts and episodes: never the same evidence twice, and what holds before what it superseded.

A fact is scored as `facts` scores it, from the score of the turn that it rests on, so that both are on one scale; a
fact that answers comes before its turn, which is then left out. A turn of which no fact answers (a question, an
advice, a long passage) stands for itself. What was found says what changed: a fact, what it superseded; a turn of
which something no longer holds, what holds since.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from dataclasses import replace
from datetime import datetime

from memstrata.core.clock import microseconds
from memstrata.core.facts.reading import BELIEVED
from memstrata.core.records import FactQuery
from memstrata.ports import Embedder, Store
from memstrata.recall.facts import FactRequest, rank_facts
from memstrata.recall.search import Request, best_hits, score
from memstrata.recall.standing import Standing
from memstrata.types import Fact, Hit, Hits, ItemKind, LogKind, Scope

SPARE = 3
"""Hits of each kind for each that is wanted: what rests on the same words as a better one is left out."""


def search_items(
    store: Store,
    embedder: Embedder | None,
    scope: Scope,
    request: Request,
    *,
    items: Collection[ItemKind],
    at: datetime,
    known_at: datetime | None,
    log_kind: LogKind | None,
) -> Hits:
    """The best facts that held at a time, as was known then, and with `"episode"` among the items, turns."""
    wanted = FactRequest(
        query=request.query,
        about=None,
        kinds=None,
        statuses=BELIEVED,
        at=at,
        known_at=known_at,
        limit=request.limit,
        view=request.view,
    )
    enough = SPARE * request.limit
    scored = score(store, embedder, scope, replace(request, limit=enough), log_kind=log_kind)
    facts = [_hit(each) for each in rank_facts(store, embedder, scope, wanted, scored)[:enough]]
    turns = best_hits(store, scope, scored, limit=enough) if "episode" in items else {}
    best = sorted(
        [*facts, *turns.values()], key=lambda hit: (-hit.score, -microseconds(hit.item.timestamp), hit.item.id)
    )
    rows = {hit.item.id: row for row, hit in turns.items()}
    told = _with_changes(store, scope, _once(best)[: request.limit], rows, wanted)
    return Hits(behind_what_supersedes(told), degraded=scored.degraded)


def _hit(standing: Standing) -> Hit:
    return Hit(item=standing.fact, score=standing.score, why=standing.why, sources=standing.fact.sources)


def _once(hits: Sequence[Hit]) -> list[Hit]:
    """Best first, without a fact of a turn that is there, or a turn of which a fact is there."""
    turns: set[str] = set()
    told: set[str] = set()
    taken: list[Hit] = []
    for hit in hits:
        rests_on = {source.episode_id for source in hit.sources}
        if isinstance(hit.item, Fact):
            if rests_on & turns:
                continue
            told |= rests_on
        elif rests_on & told:
            continue
        else:
            turns |= rests_on
        taken.append(hit)
    return taken


def _with_changes(
    store: Store, scope: Scope, hits: Sequence[Hit], rows: Mapping[str, int], wanted: FactRequest
) -> list[Hit]:
    """Hits with what they superseded and what superseded them, as far as the search may know of it."""
    facts = [hit.item.id for hit in hits if isinstance(hit.item, Fact)]
    turns = [rows[hit.item.id] for hit in hits if not isinstance(hit.item, Fact)]
    closed = store.facts(scope, FactQuery(superseded_by=facts, statuses=BELIEVED)) if facts else []
    of_turns = store.facts(scope, FactQuery(rows=turns, statuses=BELIEVED)) if turns else []
    since = {fact.superseded_by for fact in of_turns if fact.superseded_by is not None}
    later = {fact.id: fact for fact in store.facts(scope, FactQuery(ids=sorted(since)))} if since else {}

    def seen(fact: Fact) -> bool:
        until = wanted.view.said_until
        known = wanted.known_at is None or fact.recorded_at <= wanted.known_at
        return known and not fact.muted and (until is None or microseconds(fact.said_at) <= until)

    def told(hit: Hit) -> Hit:
        if isinstance(hit.item, Fact):
            return replace(hit, supersedes=tuple(f for f in closed if f.superseded_by == hit.item.id and seen(f)))
        own = [fact for fact in of_turns if any(source.episode_id == hit.item.id for source in fact.sources)]
        after = dict.fromkeys(fact.superseded_by for fact in own)
        return replace(hit, superseded_by=tuple(later[id_] for id_ in after if id_ in later and seen(later[id_])))

    return [told(hit) for hit in hits]


def behind_what_supersedes(hits: Sequence[Hit]) -> list[Hit]:
    """What was superseded by something that was found comes right behind it."""
    ordered = list(hits)
    for hit in reversed(hits):
        after = {fact.id for fact in hit.superseded_by} | {s.episode_id for f in hit.superseded_by for s in f.sources}
        places = [place for place, other in enumerate(ordered) if other.item.id in after and other is not hit]
        here = ordered.index(hit)
        if places and min(places) > here:
            ordered.insert(min(places), ordered.pop(here))
    return ordered
