"""Facts for a question, best first: those that rest on the turns that the search finds, and those about whom it names.

A fact has no index of its own: its turn is found by every leg of the search, and the fact is weighed by its words,
kind and standing (`standing.py`). Both clocks are applied here: what holds at `as_of`, as it was believed at
`known_at`.
"""

from __future__ import annotations

import math
import re
from collections.abc import Callable, Collection, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime

import numpy as np

from memstrata.core.candidates import View
from memstrata.core.clock import microseconds
from memstrata.core.facts.log import fold
from memstrata.core.facts.names import folded
from memstrata.core.facts.reading import BELIEVED, held, planned_before
from memstrata.core.passages import vector_space
from memstrata.core.records import FactQuery
from memstrata.ports import Embedder, Store
from memstrata.recall.asked import asked_for, asked_kinds
from memstrata.recall.search import Request, Scored, score
from memstrata.recall.standing import CONTENDERS, Standing, give_way, stand
from memstrata.types import Fact, FactKind, Facts, FactStatus, LogKind, Scope

TURNS = 60
"""Turns whose facts are weighed."""
MOST_ENTITIES = 200
GENERATIONS = 5
"""How many times in a row a statement may have been superseded for the first to lead to the last."""
_WORD = re.compile(r"[^\W\d_][\w'’-]+")
_HAN = re.compile("[\u3400-\u9fff]+")
_NOT_FOUND = -3.0
"""Score of a fact that only a name led to, relative to the worst turn found: behind those found by what they say."""
_ASKS_OTHERS = re.compile(
    r"""\b(?:assistant|AI|you|tool|offered)\b | \bsuggest | \brecommend
    | \bwho(?:se)?\b.{0,12}\b(?:said|says|told|named|called|promised|undert|offered|claimed|came\ up
        |proposed|thought|idea)
    | 助手|助理|你 | 谁.{0,4}(?:说|讲|答应|提|建议|告诉|承诺|取) | 是谁 | 说的""",
    re.IGNORECASE | re.VERBOSE,
)


@dataclass(frozen=True, slots=True, kw_only=True)
class FactRequest:
    """Which facts are wanted. `at`: only those that hold then, None for all whatever their time."""

    query: str | None
    about: str | None
    kinds: tuple[FactKind, ...] | None
    statuses: tuple[FactStatus, ...]
    at: datetime | None
    known_at: datetime | None
    limit: int
    view: View


def find_facts(
    store: Store, embedder: Embedder | None, scope: Scope, request: FactRequest, *, log_kind: LogKind | None
) -> Facts:
    """The facts that a request asks for; without a query those of most standing, then the latest, first."""
    if request.query is None:
        about = None if request.about is None else aliases(store, scope, request.about)
        found = _seen(store, scope, FactQuery(kinds=request.kinds, entities=about), request)
        return Facts(sorted(found, key=_by_standing)[: request.limit])
    scored = score(store, embedder, scope, Request(query=request.query, view=request.view, limit=1), log_kind=log_kind)
    standings = rank_facts(store, embedder, scope, request, scored)
    return Facts([each.fact for each in standings[: request.limit]], degraded=scored.degraded)


def rank_facts(
    store: Store, embedder: Embedder | None, scope: Scope, request: FactRequest, scored: Scored
) -> list[Standing]:
    """All facts that bear on the question that `scored` is about, best first, as far as the view shows their turns."""
    rows = scored.pool.rows[scored.order[:TURNS]].tolist()
    episodes = {episode.id: row for row, episode in store.by_rows(scope, rows)}
    told = _told(store, scope, FactQuery(rows=rows, kinds=request.kinds), request, episodes) if rows else []
    facts = _holding(told, request)
    named = _named(request.query or "")
    if named and request.view.filter is None:
        facts += _seen(store, scope, FactQuery(entities=named, kinds=request.kinds), request)
    lent = _turns_of_what_they_superseded(store, scope, request, told, episodes)
    if lent:
        behind = _among(told, lent) or _told(
            store, scope, FactQuery(ids=sorted(lent), kinds=request.kinds), request, ()
        )
        facts += _holding(behind, request)
    if request.about is not None:
        about = set(aliases(store, scope, request.about))
        facts = [fact for fact in facts if {folded(name) for name in (fact.subject, *fact.entities)} & about]
    until = request.view.said_until
    unique = list({fact.id: fact for fact in facts if until is None or microseconds(fact.said_at) <= until}.values())
    return _ranked(store, embedder, scope, request, scored, episodes, unique, lent)


def _turns_of_what_they_superseded(
    store: Store, scope: Scope, request: FactRequest, told: Sequence[Fact], episodes: Collection[str]
) -> dict[str, set[str]]:
    """Where a question finds a turn of which something no longer holds: by each fact that holds since, such turns.

    "Where do I live?" shares no word with "I moved to Lisbon", but with the "I live in Ghent" that it superseded.
    """
    if request.at is None or request.known_at is not None:
        return {}
    closed = [fact for fact in told if fact.superseded_by is not None]
    turns = {fact.id: {source.episode_id for source in fact.sources}.intersection(episodes) for fact in closed}
    lent: dict[str, set[str]] = {}
    for _ in range(GENERATIONS):
        for fact in closed:
            if fact.superseded_by is not None:
                lent.setdefault(fact.superseded_by, set()).update(turns.get(fact.id, ()), lent.get(fact.id, ()))
        ids = sorted({fact.superseded_by for fact in closed if fact.superseded_by is not None})
        closed = _among(told, ids) or (store.facts(scope, FactQuery(ids=ids)) if ids else [])
        closed = [fact for fact in closed if fact.status == "superseded"]
        if not closed:
            break
    return lent


def _among(told: Sequence[Fact], ids: Collection[str]) -> list[Fact]:
    """Facts that were read already, in their order; none where one of them was not, and all have to be read."""
    found = [fact for fact in told if fact.id in ids]
    return found if len(found) == len(ids) else []


def aliases(store: Store, scope: Scope, name: str) -> list[str]:
    """A name and what else the scope calls the same: folded, for `FactQuery.entities`."""
    known, fresh = {folded(name)}, {folded(name)}
    while fresh:
        told = store.facts(scope, FactQuery(entities=sorted(fresh), slots=["alias"], statuses=BELIEVED))
        names = {folded(each) for fact in told for each in (fact.subject, fact.claim.value or "") if each}
        fresh = names - known - {"user", "assistant"}
        known |= fresh
    return sorted(known)


def _seen(
    store: Store, scope: Scope, wanted: FactQuery, request: FactRequest, turns: Collection[str] = ()
) -> list[Fact]:
    """Facts as they were believed and held at the request's times, without those never to be brought up.

    `turns`: ids of the episodes that `wanted.rows` names.
    """
    return _holding(_told(store, scope, wanted, request, turns), request)


def _told(store: Store, scope: Scope, wanted: FactQuery, request: FactRequest, turns: Collection[str]) -> list[Fact]:
    """Facts as they were believed at the request's time, whenever they held."""
    if request.known_at is None:
        return store.facts(scope, replace(wanted, statuses=request.statuses))
    known = (fact for fact in _known(store, scope, request.known_at) if _meets(fact, wanted, turns))
    return [fact for fact in known if fact.status in request.statuses]


def _holding(facts: Sequence[Fact], request: FactRequest) -> list[Fact]:
    """What holds then. A plan whose day has passed answers questions, but is not what is now."""
    at, told = request.at, [fact for fact in facts if not fact.muted]
    if at is None:
        return told
    return [fact for fact in told if held(fact, at) and not (request.query is None and planned_before(fact, at))]


def _known(store: Store, scope: Scope, at: datetime) -> list[Fact]:
    """Every fact as it was believed at a time, those included whose beginning was undone since."""
    return list(fold(change for change in store.fact_log(scope) if change.at <= at).values())


def _meets(fact: Fact, wanted: FactQuery, turns: Collection[str]) -> bool:
    names = {folded(name) for name in (fact.subject, *fact.entities)}
    return (
        (wanted.rows is None or any(source.episode_id in turns for source in fact.sources))
        and (wanted.entities is None or not names.isdisjoint(wanted.entities))
        and (wanted.kinds is None or fact.kind in wanted.kinds)
    )


def _ranked(
    store: Store,
    embedder: Embedder | None,
    scope: Scope,
    request: FactRequest,
    scored: Scored,
    episodes: Mapping[str, int],
    facts: Sequence[Fact],
    lent: Mapping[str, Collection[str]],
) -> list[Standing]:
    """`lent`: turns whose score a fact has as well as those of its own (see `_turns_of_what_they_superseded`)."""
    places = {int(row): place for place, row in enumerate(scored.pool.rows)}
    question = request.query or ""
    asks_others = _ASKS_OTHERS.search(question) is not None
    own = scored.scores - scored.share("role") if asks_others else scored.scores
    scores = {id_: float(own[places[row]]) for id_, row in episodes.items()}
    lowest = min(scores.values(), default=0.0) + _NOT_FOUND
    standings = stand(
        facts,
        found=lambda fact: max(
            scores.get(id_, lowest) for id_ in (*(s.episode_id for s in fact.sources), *lent.get(fact.id, ()))
        ),
        query_terms=frozenset(scored.question.terms),
        kinds=asked_kinds(question),
        asks_others=asks_others,
    )
    if request.at is None:
        return standings
    cosines = _cosines(store, embedder, scope, standings[:CONTENDERS], episodes)
    return give_way(standings, cosines, asked=asked_for(question))


def _cosines(
    store: Store,
    embedder: Embedder | None,
    scope: Scope,
    standings: Sequence[Standing],
    episodes: Mapping[str, int],
) -> Callable[[Fact, Fact], float]:
    """The cosine of the turns that two facts rest on, NaN where one has no vector."""
    turns = dict.fromkeys(source.episode_id for each in standings for source in each.fact.sources[:1])
    known = [id_ for id_ in turns if id_ in episodes]
    if embedder is None or not known:
        return lambda one, other: math.nan
    vectors = store.vectors(scope, [episodes[id_] for id_ in known], vector_space(embedder.fingerprint))
    products = vectors @ vectors.T
    place = {id_: number for number, id_ in enumerate(known)}

    def cosine(one: Fact, other: Fact) -> float:
        a, b = place.get(one.sources[0].episode_id), place.get(other.sources[0].episode_id)
        return math.nan if a is None or b is None else float(np.float64(products[a, b]))

    return cosine


def _named(query: str) -> list[str]:
    """What of a question might be a name, folded: its words, and stretches of two to four Chinese characters."""
    found = [folded(word) for word in _WORD.findall(query) if len(word) > 2]
    for run in _HAN.findall(query):
        found += [run[i : i + n] for n in (2, 3, 4) for i in range(len(run) - n + 1)]
    return list(dict.fromkeys(found))[:MOST_ENTITIES]


def _by_standing(fact: Fact) -> tuple[bool, float, float, str]:
    return (not fact.pinned, -fact.confidence, -fact.said_at.timestamp(), fact.id)
