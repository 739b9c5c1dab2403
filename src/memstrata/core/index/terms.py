"""The terms of each row of a scope, the other way round than postings: what a row holds.

Made from the postings when it is first asked for, which only logs of people do, and kept current from then on.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from memstrata.core.candidates import Integers
from memstrata.core.index.postings import Keys, rows_of, stable_order, terms_of


class RowTerms:
    """Distinct term numbers by row."""

    def __init__(self, keys: Keys) -> None:
        self._terms: NDArray[np.uint32] = np.empty(0, np.uint32)
        self._ends = np.zeros(1, dtype=np.int64)
        """Where the terms of each row end, behind a leading zero: so the row's own begin."""
        self._used = 0
        self._rows = 0
        self.add(keys)

    @property
    def nbytes(self) -> int:
        """Bytes held."""
        return self._terms.nbytes + self._ends.nbytes

    def add(self, keys: Keys) -> None:
        """Take in the keys of further rows, in any order; all of a row at once."""
        if not len(keys):
            return
        rows = rows_of(keys)
        counts = np.bincount(rows - self._rows)
        self._make_room(self._rows + len(counts), self._used + len(keys))
        self._terms[self._used : self._used + len(keys)] = terms_of(keys).take(stable_order(rows))
        self._ends[self._rows + 1 : self._rows + len(counts) + 1] = self._used + np.cumsum(counts)
        self._rows += len(counts)
        self._used += len(keys)

    def of(self, rows: Integers) -> tuple[Integers, Integers]:
        """The terms of rows, one row after the other, and how many each has; none of rows that are not there."""
        known = np.minimum(rows, self._rows)
        starts, ends = self._ends[known], self._ends[np.minimum(known + 1, self._rows)]
        pieces = [self._terms[start:end] for start, end in zip(starts.tolist(), ends.tolist(), strict=True)]
        return np.concatenate([np.empty(0, np.int64), *pieces]), ends - starts

    def _make_room(self, rows: int, terms: int) -> None:
        if terms > len(self._terms):
            room = terms + terms // 4 if self._used else terms
            self._terms = np.r_[self._terms, np.zeros(room - len(self._terms), np.uint32)]
        if rows >= len(self._ends):
            room = rows + rows // 4 if self._rows else rows
            self._ends = np.r_[self._ends, np.zeros(room + 1 - len(self._ends), np.int64)]
