"""Vectors of the sentences of a scope's episodes, in one byte a dimension; looked up for candidates, never scanned.

The sentences of a row lie side by side. Rows keep what they were given first; what is removed leaves zeros behind.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

import numpy as np
import simsimd

from memstrata.core.candidates import Floats, Integers
from memstrata.core.index.vectors import Bytes, quantise


class Sentences(NamedTuple):
    """`rows` (n,) and how many sentences each has (n,); of all sentences, in order: scales (m,), bytes (m, dim)."""

    rows: Integers
    counts: Integers
    scales: Floats
    whole: Bytes


class SentenceTable:
    """The sentences of each row."""

    def __init__(self, dimensions: int) -> None:
        self._whole = np.zeros((16, dimensions), dtype=np.int8)
        self._scales = np.zeros(16, dtype=np.float32)
        self._starts = np.zeros(16, dtype=np.int32)
        self._counts = np.zeros(16, dtype=np.uint8)
        self._used = 0

    @property
    def nbytes(self) -> int:
        """Bytes held."""
        return sum(each.nbytes for each in (self._whole, self._scales, self._starts, self._counts))

    def put(self, told: Sequence[Sentences]) -> None:
        """Take in the sentences of rows; those of rows that have some already are passed over."""
        rows = max((int(some.rows.max()) + 1 for some in told if len(some.rows)), default=0)
        self._make_room(rows, self._used + sum(len(some.whole) for some in told))
        for some in told:
            fresh = self._counts[some.rows] == 0
            if not fresh.all():
                kept = np.repeat(fresh, some.counts)
                some = Sentences(some.rows[fresh], some.counts[fresh], some.scales[kept], some.whole[kept])
            end = self._used + len(some.whole)
            self._whole[self._used : end] = some.whole
            self._scales[self._used : end] = some.scales
            self._starts[some.rows] = self._used + np.cumsum(some.counts) - some.counts
            self._counts[some.rows] = some.counts
            self._used = end

    def remove(self, rows: Integers) -> None:
        """Forget the sentences of rows."""
        places, _ = self._places(rows[rows < len(self._counts)])
        self._whole[places] = 0
        self._scales[places] = 0
        self._counts[rows[rows < len(self._counts)]] = 0

    def best(self, query: Floats, rows: Integers) -> Floats:
        """The best cosine of a sentence of each row with a query of unit length, a little inexact; NaN for none."""
        found = np.full(len(rows), np.nan, dtype=np.float32)
        known = np.flatnonzero(rows < len(self._counts))
        known = known[self._counts[rows[known]] > 0]
        if len(known):
            places, starts = self._places(rows[known])
            whole, scale = quantise(query[None])
            told = self._whole.take(places, axis=0)
            dots = np.asarray(simsimd.cdist(whole, told, metric="dot", out_dtype="float32"))[0]
            found[known] = np.maximum.reduceat(dots * self._scales.take(places), starts) * scale[0]
        return found

    def _places(self, rows: Integers) -> tuple[Integers, Integers]:
        """Where the sentences of rows lie, and where those of each row begin among them."""
        counts = self._counts[rows].astype(np.int64)
        ends = np.cumsum(counts)
        starts = ends - counts
        first = np.repeat(self._starts[rows] - starts, counts)
        return first + np.arange(len(first)), starts

    def _make_room(self, rows: int, sentences: int) -> None:
        if rows > len(self._counts):
            more = 2 * rows - len(self._counts)
            self._starts = np.r_[self._starts, np.zeros(more, np.int32)]
            self._counts = np.r_[self._counts, np.zeros(more, np.uint8)]
        if sentences > len(self._scales):
            room = sentences + sentences // 4 if self._used else sentences
            whole = np.zeros((room, self._whole.shape[1]), np.int8)
            whole[: self._used] = self._whole[: self._used]
            self._whole = whole
            self._scales = np.r_[self._scales, np.zeros(room - len(self._scales), np.float32)]
