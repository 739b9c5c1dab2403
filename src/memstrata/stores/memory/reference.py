"""Candidates by the book: what `core.candidates` defines, in plain Python over every episode of a scope.

Slow on purpose. `core.index` is the fast form; the tests compare the two.
"""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Callable, Mapping, Sequence, Set
from dataclasses import dataclass
from itertools import pairwise

import numpy as np

from memstrata.core.candidates import BM25_B, BM25_K1, WINDOW_SIZES, WINDOWS, Floats, Pool, Probe, most_of_a_rare_term
from memstrata.core.features import Features
from memstrata.types import ROLES, Role

NO_COSINE = math.nan


@dataclass(frozen=True, slots=True, kw_only=True)
class ReferenceRow:
    """One episode as a question sees it. `offset` in minutes, `vector` in the probe's space."""

    row: int
    session: int
    role: Role
    name: str | None
    timestamp: int
    offset: int
    features: Features
    vector: Floats | None
    sentences: Floats | None = None
    surprise: float | None = None


@dataclass
class _Scope:
    """A scope with its neighbourhoods and its statistics."""

    rows: Sequence[ReferenceRow]
    probe: Probe

    def __post_init__(self) -> None:
        self.sessions: dict[int, list[ReferenceRow]] = {}
        for row in self.rows:
            self.sessions.setdefault(row.session, []).append(row)
        self.place = {row.row: place for members in self.sessions.values() for place, row in enumerate(members)}
        document_frequency = Counter(term for row in self.rows for term in row.features.terms)
        n = len(self.rows)
        self.idf = {
            term: math.log(1 + (n - document_frequency[term] + 0.5) / (document_frequency[term] + 0.5))
            for term in self.probe.terms
        }
        self.length = sum(row.features.length for row in self.rows)

    def neighbour(self, row: ReferenceRow, distance: int) -> ReferenceRow | None:
        members = self.sessions[row.session]
        place = self.place[row.row] + distance
        return members[place] if 0 <= place < len(members) else None

    def window(self, row: ReferenceRow, name: str) -> list[ReferenceRow]:
        if name == "session":
            return self.sessions[row.session]
        distances = {"turn": (0,), "previous": (-2, -1, 0), "around": (-2, -1, 0, 1, 2)}[name]
        return [each for distance in distances if (each := self.neighbour(row, distance)) is not None]

    def bm25(self, row: ReferenceRow, name: str) -> float:
        members = self.window(row, name)
        length = sum(each.features.length for each in members)
        average = self.length / len(self.sessions) if name == "session" else self.length / len(self.rows)
        average *= WINDOW_SIZES.get(name, 1)
        norm = BM25_K1 * (1 - BM25_B + BM25_B * length / average) if average else BM25_K1
        score = 0.0
        for term in self.probe.terms:
            frequency = sum(each.features.terms.get(term, 0) for each in members)
            score += self.idf[term] * frequency / (frequency + norm) if frequency else 0.0
        return score

    def coverage(self, row: ReferenceRow, name: str) -> float:
        members = self.window(row, name)
        mass = sum(self.idf.values())
        found = sum(idf for term, idf in self.idf.items() if any(term in each.features.terms for each in members))
        return found / mass if mass else 0.0

    def cosine(self, row: ReferenceRow | None) -> float:
        if row is None or row.vector is None or self.probe.vector is None:
            return NO_COSINE
        return float(row.vector @ self.probe.vector)

    def sentence_cosine(self, row: ReferenceRow) -> float:
        if row.sentences is None or not len(row.sentences) or self.probe.vector is None:
            return NO_COSINE
        return max(float(each @ self.probe.vector) for each in row.sentences)

    def session_cosine(self, row: ReferenceRow) -> float:
        known = sorted(
            (c for each in self.sessions[row.session] if not math.isnan(c := self.cosine(each))), reverse=True
        )
        return sum(known[:3]) / len(known[:3]) if known else NO_COSINE


def reference_candidates(rows: Sequence[ReferenceRow], probe: Probe, visible: Callable[[ReferenceRow], bool]) -> Pool:
    """The pool of a question over `rows` (ascending), of which the view shows those that are `visible`."""
    assert all(one.row < other.row for one, other in pairwise(rows))
    scope = _Scope(rows, probe)
    seen = [row for row in rows if visible(row)]
    legs: list[dict[int, float]] = [
        {row.row: score for row in seen if (score := scope.bm25(row, window)) > 0}
        for window in ("turn", "previous", "around")
    ]
    legs.append({row.row: score for row in seen if not math.isnan(score := scope.cosine(row))})
    chosen = {row for leg in legs for row in sorted(leg, key=lambda row: (-leg[row], -row))[: probe.per_leg]}
    return _pool(scope, [row for row in seen if row.row in chosen])


def reference_links(held: Mapping[int, Set[int]], anchors: Sequence[int], rows: Sequence[int]) -> Floats:
    """See `Store.links`; `held` are the terms of every row of the scope."""
    document_frequency = Counter(term for terms in held.values() for term in terms)
    most = most_of_a_rare_term(len(held))
    found = np.zeros((len(anchors), len(rows)), dtype=np.float32)
    for place, anchor in enumerate(anchors):
        rare = {term for term in held.get(anchor, ()) if 2 <= document_frequency[term] <= most}
        idf = {term: math.log(1 + (len(held) - (df := document_frequency[term]) + 0.5) / (df + 0.5)) for term in rare}
        for column, row in enumerate(rows):
            shared = sum(idf[term] for term in rare & held.get(row, frozenset()))
            found[place, column] = shared / sum(idf.values()) if rare else 0
    return found


def _pool(scope: _Scope, found: Sequence[ReferenceRow]) -> Pool:
    names = tuple(dict.fromkeys(row.name for row in scope.rows if row.name is not None))
    before = [scope.neighbour(row, -1) for row in found]

    def floats(values: Sequence[object]) -> Floats:
        return np.array(values, dtype=np.float32)

    def table(measure: Callable[[ReferenceRow, str], float]) -> Floats:
        return floats([[measure(row, window) for window in WINDOWS] for row in found]).reshape(-1, len(WINDOWS))

    return Pool(
        rows=np.array([row.row for row in found], dtype=np.int64),
        bm25=table(scope.bm25),
        coverage=table(scope.coverage),
        cosine=floats([scope.cosine(row) for row in found]),
        cosine_previous=floats([scope.cosine(each) for each in before]),
        cosine_next=floats([scope.cosine(scope.neighbour(row, 1)) for row in found]),
        cosine_sentence=floats([scope.sentence_cosine(row) for row in found]),
        cosine_session=floats([scope.session_cosine(row) for row in found]),
        timestamps=np.array([row.timestamp for row in found], dtype=np.int64),
        offsets=np.array([row.offset for row in found], dtype=np.int32),
        sessions=np.array([row.session for row in found], dtype=np.int64),
        positions=np.array([scope.place[row.row] for row in found], dtype=np.int32),
        speakers=np.array([-1 if row.name is None else names.index(row.name) for row in found], dtype=np.int32),
        roles=np.array([ROLES.index(row.role) for row in found], dtype=np.int8),
        question_share=floats([row.features.question_share for row in found]),
        address_share=floats([row.features.address_share for row in found]),
        previous_question_share=floats([0 if each is None else each.features.question_share for each in before]),
        words=np.array([row.features.words for row in found], dtype=np.int32),
        proper_nouns=np.array([row.features.proper_nouns for row in found], dtype=np.int32),
        time_expression=np.array([row.features.time_expression for row in found], dtype=np.bool_),
        surprise=floats([math.nan if row.surprise is None else row.surprise for row in found]),
        names=names,
        name_counts=tuple(sum(row.name == name for row in scope.rows) for name in names),
        role_counts=tuple(sum(row.role == role for row in scope.rows) for role in ROLES),
        population=len(scope.rows),
        with_vector=sum(row.vector is not None for row in scope.rows),
    )
