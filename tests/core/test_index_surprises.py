"""What an index holds of how surprising its rows are."""

from __future__ import annotations

import numpy as np

from memstrata.core.candidates import Probe
from memstrata.core.index.rows import ROW, Rows
from memstrata.core.index.scope_index import ScopeIndex


def some_rows(first: int, count: int) -> Rows:
    rows = np.zeros(count, dtype=ROW)
    rows["row"] = np.arange(first, first + count)
    rows["speaker"] = -1
    return rows


def test_surprises_follow_their_rows_through_additions_and_removals() -> None:
    index = ScopeIndex(some_rows(0, 3), np.empty(0, np.uint64))
    before = index.nbytes
    index.put_surprises(np.array([0, 2]), np.array([1.5, 2.5], np.float32))
    assert index.nbytes > before
    index.append(some_rows(3, 50), np.empty(0, np.uint64))
    index.put_surprises(np.array([52]), np.array([9], np.float32))
    index.put_surprises(np.empty(0, np.int64), np.empty(0, np.float32))
    assert index.surprises is not None
    np.testing.assert_array_equal(index.surprises[[0, 1, 2, 3, 52]], [1.5, np.nan, 2.5, np.nan, 9])
    index.remove(np.array([2, 52]))
    assert np.flatnonzero(~np.isnan(index.surprises)).tolist() == [0]
    empty = index.candidates(Probe(terms=()), allowed=None, names={}, fetch=lambda rows: (rows, np.empty((0, 0), "f2")))
    assert empty.surprise.shape == (0,)
