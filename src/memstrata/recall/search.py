"""From a question to hits: understand it, gather candidates by every leg, weigh the signals, fetch the best."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from memstrata.core.candidates import Floats, Pool, Probe, View
from memstrata.core.passages import vector_space
from memstrata.errors import EmbedderError
from memstrata.ports import Embedder, Store
from memstrata.recall.later_first import later_first
from memstrata.recall.questions import Question, read_question
from memstrata.recall.signals import leaders, links, signals
from memstrata.recall.weights import kind_of_log, weights_for
from memstrata.types import Hit, Hits, LogKind, Scope, Source

PER_LEG = 150
"""Candidates a leg; `python -m bench tune locomo FILE --per-leg N` shows what others give."""
NO_EMBEDDER = "no embedder: found by words alone"


@dataclass(frozen=True, slots=True, kw_only=True)
class Request:
    """A question with what may be seen and how many hits are wanted."""

    query: str
    view: View
    limit: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Scored:
    """A pool with the score of each row: `order` lists places in it, best first; `shares` is (rows, signals)."""

    question: Question
    pool: Pool
    order: NDArray[np.intp]
    scores: Floats
    shares: Floats
    names: tuple[str, ...]
    degraded: tuple[str, ...]

    def share(self, signal: str) -> Floats:
        """A signal's share of each row's score; zeros where it is not weighed."""
        found = self.shares[:, self.names.index(signal)] if signal in self.names else np.zeros(len(self.scores))
        return np.asarray(found, dtype=np.float32)

    def why(self, place: int) -> dict[str, float]:
        """Each signal's share of a row's score."""
        return {name: share for name, share in zip(self.names, self.shares[place].tolist(), strict=True) if share}


def search(
    store: Store, embedder: Embedder | None, scope: Scope, request: Request, *, log_kind: LogKind | None
) -> Hits:
    """The best hits for a request, with each signal's share and whatever could not be used."""
    scored = score(store, embedder, scope, request, log_kind=log_kind)
    found = best_hits(store, scope, scored, limit=request.limit)
    hits = list(found.values())
    if not scored.question.dates and (log_kind or kind_of_log(scored.pool)) == "assistant":
        hits = later_first(store, embedder, scope, request.query, list(found.items()))
    return Hits(hits, degraded=scored.degraded)


def best_hits(store: Store, scope: Scope, scored: Scored, *, limit: int) -> dict[int, Hit]:
    """The best episodes of a pool as hits by row, best first."""
    places = {int(scored.pool.rows[place]): int(place) for place in scored.order[:limit]}
    hits = {}
    for row, episode in store.by_rows(scope, list(places)):
        place = places[row]
        source = Source(episode_id=episode.id, start=0, end=len(episode.text))
        hits[row] = Hit(item=episode, score=float(scored.scores[place]), why=scored.why(place), sources=(source,))
    return hits


def score(
    store: Store, embedder: Embedder | None, scope: Scope, request: Request, *, log_kind: LogKind | None
) -> Scored:
    """Gather a question's candidates by every leg and weigh their signals; ties go to the newer."""
    question = read_question(request.query, speakers=store.names(scope))
    vector, degraded = _embed(embedder, question.text)
    probe = Probe(
        terms=question.terms,
        vector=vector,
        space=vector_space(embedder.fingerprint) if embedder is not None and vector is not None else None,
        per_leg=max(PER_LEG, request.limit),
        view=request.view,
    )
    pool = store.candidates(scope, probe)
    if vector is not None:
        degraded += still_embedding(pool.population, pool.with_vector)
    weights = row_weights(pool, log_kind or kind_of_log(pool))
    columns = signals(pool, question) if len(pool) else {}
    names = [name for name in columns if name in weights]
    shares = np.empty((len(names) + 1, len(pool)), np.float32)
    for place, name in enumerate(names):
        np.multiply(columns[name], weights[name], out=shares[place])
    scores = shares[:-1].sum(axis=0)
    if len(pool) and "links" in weights:
        places, odds = leaders(scores)
        linked = links(store.links(scope, pool.rows[places].tolist(), pool.rows), odds, places)
        np.multiply(linked, weights["links"], out=shares[-1])
        names.append("links")
        scores += shares[-1]
    return Scored(
        question=question,
        pool=pool,
        order=np.lexsort((-pool.rows, -scores)),
        scores=scores,
        shares=shares[: len(names)].T,
        names=tuple(names),
        degraded=degraded,
    )


def row_weights(pool: Pool, kind: LogKind) -> dict[str, Floats | np.float32]:
    """What each signal weighs for each row: with a vector by one set of weights, without one by the other.

    What was said a moment ago has no vector yet; by the weights for rows that have, its words would count for little.
    """
    known = ~np.isnan(pool.cosine)
    how_many = np.count_nonzero(known)
    dense, lexical = (weights_for(kind, dense=each).values for each in (True, False))
    if how_many in (0, len(known)):
        return {name: np.float32(weight) for name, weight in (dense if how_many else lexical).items()}
    names = dict.fromkeys((*dense, *lexical))
    return {name: np.where(known, np.float32(dense.get(name, 0)), np.float32(lexical.get(name, 0))) for name in names}


def still_embedding(episodes: int, vectors: int) -> tuple[str, ...]:
    """Says how many episodes cannot be found by meaning yet."""
    return (f"{episodes - vectors} of {episodes} episodes wait for their vectors",) if vectors < episodes else ()


def _embed(embedder: Embedder | None, query: str) -> tuple[Floats | None, tuple[str, ...]]:
    """The question's vector, or why there is none."""
    if embedder is None:
        return None, (NO_EMBEDDER,)
    try:
        return embedder.embed_queries([query])[0], ()
    except EmbedderError as error:
        return None, (f"found by words alone, the embedder failed: {error}",)
