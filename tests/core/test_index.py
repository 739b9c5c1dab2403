"""The fast index against the specification."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from memstrata.core.candidates import Floats, Integers, Probe
from memstrata.core.features import Features
from memstrata.core.index import legs
from memstrata.core.index.postings import Postings, pack_terms
from memstrata.core.index.rows import ROW
from memstrata.core.index.scope_index import Names, ScopeIndex
from memstrata.core.index.sentences import Sentences
from memstrata.core.index.vectors import Halves, VectorTable, quantise, widened
from memstrata.stores.memory.reference import ReferenceRow, reference_candidates, reference_links
from memstrata.testing.store_contract import assert_same_pool
from memstrata.types import ROLES

NAMES: Names = {0: "Ann", 1: "Ben", 2: "Cara"}
DIMENSIONS = 16


@dataclass
class Log:
    """A made-up scope, as the specification and as the index take it."""

    reference: list[ReferenceRow]

    @classmethod
    def random(cls, seed: int, episodes: int, *, interleaved: bool = False) -> Log:
        rng = np.random.default_rng(seed)
        rows = []
        session = 0
        for row in range(episodes):
            session += int(rng.random() < 0.1)
            terms = {int(t): int(rng.integers(1, 4)) for t in rng.zipf(1.3, size=6) if t < 2**31}
            vector = rng.standard_normal(DIMENSIONS).astype(np.float32)
            told = rng.standard_normal((int(rng.integers(0, 4)), DIMENSIONS)).astype(np.float32)
            rows.append(
                ReferenceRow(
                    row=row,
                    session=max(0, session - int(rng.integers(0, 3))) if interleaved else session,
                    role=ROLES[int(rng.integers(0, 3))],  # type: ignore[arg-type]
                    name=[None, *NAMES.values()][int(rng.integers(0, 4))],
                    timestamp=int(rng.integers(0, 10**15)),
                    offset=int(rng.integers(-600, 600)),
                    features=Features(
                        terms=terms,
                        length=sum(terms.values()),
                        question_share=float(rng.integers(0, 3)) / 2,
                        address_share=float(rng.integers(0, 3)) / 2,
                        words=int(rng.integers(1, 99)),
                        proper_nouns=int(rng.integers(0, 9)),
                        time_expression=bool(rng.random() < 0.3),
                    ),
                    vector=vector / np.linalg.norm(vector) if rng.random() < 0.8 else None,
                    sentences=told / np.linalg.norm(told, axis=1, keepdims=True),
                )
            )
        return cls(rows)

    def without(self, gone: set[int]) -> Log:
        return Log([row for row in self.reference if row.row not in gone])

    def part(self, start: int, end: int) -> Log:
        return Log([row for row in self.reference if start <= row.row < end])

    def rows(self) -> np.ndarray[Any, Any]:
        numbers = {name: number for number, name in NAMES.items()}
        table = np.zeros(len(self.reference), dtype=ROW)
        for place, row in enumerate(self.reference):
            features = row.features
            for name in ("row", "session", "timestamp", "offset"):
                table[place][name] = getattr(row, name)
            for name in ("length", "question_share", "address_share", "words", "proper_nouns", "time_expression"):
                table[place][name] = getattr(features, name)
            table[place]["role"] = ROLES.index(row.role)
            table[place]["speaker"] = -1 if row.name is None else numbers[row.name]
        return table

    def keys(self) -> np.ndarray[Any, np.dtype[np.uint64]]:
        packed = [pack_terms(row.features.terms, row.row) for row in self.reference]
        return np.concatenate(packed) if packed else np.empty(0, np.uint64)

    def vectors(self) -> tuple[Integers, Halves]:
        known = [row for row in self.reference if row.vector is not None]
        stacked = np.array([row.vector for row in known], dtype=np.float16).reshape(-1, DIMENSIONS)
        return np.array([row.row for row in known], dtype=np.int64), stacked

    def sentences(self) -> Sentences:
        told = {row.row: row.sentences for row in self.reference if row.sentences is not None and len(row.sentences)}
        whole, scales = quantise(np.concatenate([*told.values(), np.zeros((0, DIMENSIONS), np.float32)]))
        counts = np.array([len(each) for each in told.values()], dtype=np.int64)
        return Sentences(np.array(list(told), dtype=np.int64), counts, scales, whole)

    def index(self) -> ScopeIndex:
        index = ScopeIndex(self.rows(), self.keys())
        self.embed(index)
        return index

    def embed(self, index: ScopeIndex) -> None:
        index.put_vectors(*self.vectors())
        index.put_sentences(self.sentences())
        index.put_sentences(self.sentences())  # again changes nothing

    def fetch(self, rows: Integers) -> tuple[Integers, Halves]:
        known, halves = self.vectors()
        return rows, halves[np.searchsorted(known, rows)]


def probe(seed: int, *, per_leg: int = 150, dense: bool = True) -> Probe:
    rng = np.random.default_rng(seed + 1000)
    vector: Floats = rng.standard_normal(DIMENSIONS).astype(np.float32)
    vector /= np.linalg.norm(vector)
    terms = tuple(dict.fromkeys(int(t) for t in rng.zipf(1.3, size=5) if t < 2**31))
    return Probe(terms=terms, vector=vector if dense else None, space="s", per_leg=per_leg)


def assert_agrees(log: Log, index: ScopeIndex, question: Probe, allowed: set[int] | None = None) -> None:
    mask = None if allowed is None else np.isin(np.arange(index.table.size), list(allowed))
    expected = reference_candidates(log.reference, question, lambda row: allowed is None or row.row in allowed)
    found = index.candidates(question, allowed=mask, names=NAMES, fetch=log.fetch)
    if question.vector is None:  # the specification counts vectors of the probe's space all the same
        expected = reference_candidates(
            [row_without_vector(row) for row in log.reference],
            question,
            lambda row: allowed is None or row.row in allowed,
        )
    assert_same_pool(found, expected)
    held = {row.row: set(row.features.terms) for row in log.reference}
    anchors = [*found.rows[:4].tolist(), 10_000]
    np.testing.assert_allclose(
        index.links(np.array(anchors), found.rows), reference_links(held, anchors, found.rows.tolist()), atol=1e-5
    )


def row_without_vector(row: ReferenceRow) -> ReferenceRow:
    return ReferenceRow(
        **{name: getattr(row, name) for name in row.__slots__ if name not in ("vector", "sentences")}, vector=None
    )


@pytest.mark.parametrize("interleaved", [False, True])
@pytest.mark.parametrize("seed", range(6))
def test_the_index_agrees_with_the_specification(seed: int, interleaved: bool) -> None:
    log = Log.random(seed, 120, interleaved=interleaved)
    assert_agrees(log, log.index(), probe(seed))
    assert_agrees(log, log.index(), probe(seed, dense=False))


@settings(max_examples=60, deadline=None)
@given(st.integers(0, 10**6), st.integers(0, 60), st.data())
def test_after_any_adds_and_removals_too(seed: int, episodes: int, data: st.DataObject) -> None:
    log = Log.random(seed, episodes, interleaved=bool(seed % 2))
    cut = data.draw(st.integers(0, episodes))
    index = log.part(0, cut).index()
    rest = log.part(cut, episodes)
    gone = data.draw(st.sets(st.integers(0, max(0, cut - 1)))) if cut else set()
    index.remove(np.array(sorted(gone), dtype=np.int64))
    index.append(rest.rows(), rest.keys())
    rest.embed(index)
    left = log.without(gone)
    assert_agrees(left, index, probe(seed))
    allowed = data.draw(st.sets(st.integers(0, max(0, episodes - 1))))
    assert_agrees(left, index, probe(seed), allowed)


@given(st.integers(0, 10**6), st.integers(1, 60), st.data())
def test_links_know_what_came_and_went_after_they_were_first_asked_for(
    seed: int, episodes: int, data: st.DataObject
) -> None:
    log = Log.random(seed, episodes)
    cut = data.draw(st.integers(0, episodes))
    index = log.part(0, cut).index()
    assert_agrees(log.part(0, cut), index, probe(seed))
    rest = log.part(cut, episodes)
    index.append(rest.rows(), rest.keys())
    rest.embed(index)
    assert_agrees(log, index, probe(seed))
    gone = data.draw(st.sets(st.integers(0, episodes - 1)))
    index.remove(np.array(sorted(gone), dtype=np.int64))
    assert_agrees(log.without(gone), index, probe(seed))
    assert not index.links(np.array(sorted(gone), dtype=np.int64), np.arange(episodes)).any()


def test_rows_that_were_gone_before_the_index_was_made_are_holes() -> None:
    log = Log.random(7, 90, interleaved=True)
    left = log.without({0, 3, 4, 40, 88})
    assert_agrees(left, left.index(), probe(7))


def test_postings_take_keys_in_any_order() -> None:
    keys = Log.random(8, 200).keys()
    mixed = np.random.default_rng(8).permutation(keys)
    assert Postings(mixed).keys.tolist() == Postings(keys).keys.tolist() == sorted(keys.tolist())


def test_short_legs_take_the_best_and_of_equals_the_newest() -> None:
    log = Log.random(3, 200)
    pool = log.index().candidates(probe(3, per_leg=5), allowed=None, names=NAMES, fetch=log.fetch)
    expected = reference_candidates(log.reference, probe(3, per_leg=5), lambda row: True)
    assert pool.rows.tolist() == expected.rows.tolist()


def test_large_scopes_fetch_the_vectors_to_rescore(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("memstrata.core.index.vectors.HALVES_KEPT", 50)
    log = Log.random(4, 120)
    assert_agrees(log, log.index(), probe(4))


def test_too_many_postings_leave_the_nominating_to_rare_terms(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(legs, "NOMINATING_POSTINGS", 20)
    log = Log.random(5, 300)
    question = probe(5, dense=False)
    pool = log.index().candidates(question, allowed=None, names=NAMES, fetch=log.fetch)
    exact = reference_candidates(
        [row_without_vector(row) for row in log.reference], question, lambda row: row.row in set(pool.rows.tolist())
    )
    assert 0 < len(pool) < 300
    np.testing.assert_allclose(pool.bm25, exact.bm25, atol=1e-4)


def test_postings_merge_without_losing_any(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("memstrata.core.index.postings.SMALLEST_MERGE", 8)
    postings = Postings(np.empty(0, np.uint64))
    for row in range(100):
        postings.add(pack_terms({7: 1 + row % 255, row: 2}, row))
    found = postings.find([7, 50])
    assert found.counts.tolist() == [100, 1]
    assert found.rows.tolist() == [*range(100), 50]


@given(st.lists(st.integers(-3, 3), max_size=400), st.integers(1, 60))
def test_the_best_are_the_largest_and_of_equals_the_last(values: list[int], limit: int) -> None:
    scores = np.array(values, dtype=np.float64)
    expected = sorted(sorted(range(len(values)), key=lambda place: (-values[place], -place))[:limit])
    assert legs.best(scores, limit).tolist() == expected


def test_half_precision_is_widened_to_the_last_bit() -> None:
    halves = np.arange(2**16, dtype=np.uint16).view(np.float16)
    halves = halves[np.isfinite(halves)]
    np.testing.assert_array_equal(widened(halves).view(np.uint32), halves.astype(np.float32).view(np.uint32))


def test_one_byte_a_dimension_is_nearly_exact() -> None:
    rng = np.random.default_rng(1)
    vectors = rng.standard_normal((2000, 384)).astype(np.float32)
    vectors /= np.linalg.norm(vectors, axis=1, keepdims=True)
    table = VectorTable(384)
    table.put(np.arange(2000), vectors.astype(np.float16))
    for query in vectors[:20]:
        np.testing.assert_allclose(table.scan(query, 2000)[:-1], vectors @ query, atol=4e-3)


@pytest.mark.parametrize("seed", range(8))
def test_common_words_are_looked_up_and_count_the_same(seed: int, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("memstrata.core.index.postings.COMMON", 4)
    log = Log.random(seed, 150, interleaved=bool(seed % 2))
    index = log.part(0, 100).index()
    rest = log.part(100, 150)
    index.append(rest.rows(), rest.keys())
    index.remove(np.arange(0, 150, 7))
    left = log.without(set(range(0, 150, 7)))
    question = probe(seed, dense=False)
    pool = index.candidates(question, allowed=None, names=NAMES, fetch=log.fetch)
    exact = reference_candidates(
        [row_without_vector(row) for row in left.reference], question, lambda row: row.row in set(pool.rows.tolist())
    )
    assert pool.rows.tolist() == exact.rows.tolist()
    np.testing.assert_allclose(pool.bm25, exact.bm25, atol=1e-4)
    np.testing.assert_allclose(pool.coverage, exact.coverage, atol=1e-4)
