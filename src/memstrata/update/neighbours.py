"""The earlier facts that may bear on a claim: found by its words, its meaning, its slot and the people it names."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence

import numpy as np

from memstrata.core.candidates import Floats, Probe
from memstrata.core.facts.names import folded
from memstrata.core.lexical import query_terms
from memstrata.core.records import FactQuery
from memstrata.ports import Store
from memstrata.types import Claim, Fact, FactStatus, Scope
from memstrata.update.verdicts import Neighbour

PER_LEG = 20
"""Turns a leg; a change of plans names what it changes, or is near it in meaning."""
STANDING: tuple[FactStatus, ...] = ("active", "disputed", "quarantined")
"""Only what still stands can be changed."""


def neighbours(
    store: Store, scope: Scope, claim: Claim, *, vector: Floats | None, space: str | None
) -> dict[str, Neighbour]:
    """Neighbours by fact id. `vector`: that of the turn which the claim was read in, where it has one."""
    pool = store.candidates(
        scope,
        Probe(
            terms=query_terms(claim.text),
            vector=vector,
            space=None if vector is None else space,
            per_leg=PER_LEG,
        ),
    )
    near = _nearest(pool.rows, pool.bm25[:, 0], pool.cosine)
    cosines = dict(zip(pool.rows.tolist(), pool.cosine.tolist(), strict=True))
    ids = {episode.id: row for row, episode in store.by_rows(scope, near)}
    found = store.facts(scope, FactQuery(rows=near, statuses=STANDING)) if near else []
    if claim.slot is not None:
        found += store.facts(scope, FactQuery(slots=[claim.slot], statuses=STANDING))
    named = [folded(name) for name in (claim.subject, *claim.entities) if name not in ("", "user", "assistant")]
    if named:
        found += store.facts(scope, FactQuery(entities=named, statuses=STANDING))
    return {fact.id: Neighbour(fact=fact, cosine=_cosine(fact, ids, cosines)) for fact in found}


def _nearest(rows: np.ndarray, *legs: Floats) -> list[int]:
    """The rows that are among the best of a leg."""
    best: set[int] = set()
    for scores in legs:
        known = np.nan_to_num(scores, nan=-math.inf)
        order = np.argsort(-known, kind="stable")[:PER_LEG]
        best.update(int(rows[place]) for place in order if known[place] > 0)
    return sorted(best)


def _cosine(fact: Fact, rows: Mapping[str, int], cosines: Mapping[int, float]) -> float:
    return max(
        (cosines[rows[source.episode_id]] for source in fact.sources if source.episode_id in rows), default=math.nan
    )


def vectors_by_episode(
    store: Store, scope: Scope, rows: Sequence[tuple[int, str]], space: str | None
) -> dict[str, Floats]:
    """The vectors of turns by episode id; those without one are left out."""
    if space is None or not rows:
        return {}
    vectors = store.vectors(scope, [row for row, _ in rows], space)
    known = {id_: vector for (_, id_), vector in zip(rows, vectors, strict=True) if not np.isnan(vector).any()}
    return known if vectors.size else {}  # where no row has one, they have no length
