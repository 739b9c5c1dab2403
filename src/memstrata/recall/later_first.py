"""Of found turns that are rivals, the later first: who asks without a date asks for today.

Only the best few are compared, by the facts that rest on them and with the weights of `standing.py`; a turn that gives
way comes right behind the one that it gave way to, so nothing is lost from what was found. It is done for a user with
an assistant alone: people who chat tell each other stories, and of those none is older than its sequel.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import replace

from memstrata.core.candidates import Floats
from memstrata.core.facts.reading import BELIEVED
from memstrata.core.passages import vector_space
from memstrata.core.records import FactQuery
from memstrata.ports import Embedder, Store
from memstrata.recall.asked import Answer, asked_for
from memstrata.recall.standing import CONTENDERS, GIVES_WAY, SAME_TALK, against
from memstrata.types import Fact, Hit, Scope


def later_first(
    store: Store, embedder: Embedder | None, scope: Scope, query: str, found: Sequence[tuple[int, Hit]]
) -> list[Hit]:
    """Hits, given with their rows and best first, each of the best behind the latest that speaks against it."""
    hits = [hit for _, hit in found]
    best = found[:CONTENDERS]
    facts = store.facts(scope, FactQuery(rows=[row for row, _ in best], statuses=BELIEVED)) if len(best) > 1 else []
    told = {hit.item.id: [fact for fact in facts if _rests_on(fact, hit)] for _, hit in best}
    if sum(map(bool, told.values())) < 2:
        return hits
    vectors = _vectors(store, embedder, scope, best)
    asked = asked_for(query)
    for older in [hit for _, hit in best]:
        rivals = [hit for _, hit in best if _speaks_against(hit, older, told, vectors, asked)]
        if rivals:
            _move(hits, older, behind=max(rivals, key=lambda hit: _place(hits, hit)))
    return hits


def _move(hits: list[Hit], older: Hit, *, behind: Hit) -> None:
    """Put a hit right behind another; its score is not above that one's, and says what it lost."""
    hits.pop(_place(hits, older))
    place = _place(hits, behind)
    lost = min(0.0, hits[place].score - older.score)
    why = {**older.why, "gave way": lost} if lost else older.why
    hits.insert(place + 1, replace(older, score=older.score + lost, why=why))


def _place(hits: Sequence[Hit], wanted: Hit) -> int:
    return next(place for place, hit in enumerate(hits) if hit.item.id == wanted.item.id)


def _rests_on(fact: Fact, hit: Hit) -> bool:
    return fact.trust == "user" and any(source.episode_id == hit.item.id for source in fact.sources)


def _speaks_against(
    newer: Hit, older: Hit, told: dict[str, list[Fact]], vectors: dict[str, Floats], asked: frozenset[Answer]
) -> bool:
    if newer.item.timestamp - older.item.timestamp < SAME_TALK:
        return False
    one, other = vectors.get(older.item.id), vectors.get(newer.item.id)
    cosine = math.nan if one is None or other is None else float(one @ other)
    ahead = newer.score - older.score
    return any(
        against(before, after, cosine=cosine, asked=asked, ahead=ahead) >= GIVES_WAY
        for before in told[older.item.id]
        for after in told[newer.item.id]
    )


def _vectors(
    store: Store, embedder: Embedder | None, scope: Scope, best: Sequence[tuple[int, Hit]]
) -> dict[str, Floats]:
    if embedder is None:
        return {}
    vectors = store.vectors(scope, [row for row, _ in best], vector_space(embedder.fingerprint))
    return {hit.item.id: vector for (_, hit), vector in zip(best, vectors, strict=True)} if vectors.size else {}
