"""An inverted index in one sorted array: `term (32 bits) << 32 | row (24) << 8 | frequency (8)`.

The postings of a term are one slice, found by binary search. New ones wait in a small second array that is merged
into the first when it has grown to a sixteenth of it, so adding costs a constant factor of sorting.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from memstrata.core.candidates import Floats, Integers

MAX_ROWS = 1 << 24
"""Episodes that one scope can hold."""
SMALLEST_MERGE = 8192
MERGE_SHARE = 16
COMMON = 65_536
"""Postings above which a term's are not all read but looked up; the rarest term of a question always is read."""

Keys = NDArray[np.uint64]
_ROW_MASK = np.uint64(MAX_ROWS - 1)
_FREQUENCY_MASK = np.uint64(255)
_EIGHT = np.uint64(8)


def pack_terms(frequencies: Mapping[int, int], row: int) -> Keys:
    """The keys of one episode, ascending: term number to frequency, 1 to 255."""
    keys = np.fromiter((t << 32 | row << 8 | n for t, n in frequencies.items()), np.uint64, len(frequencies))
    keys.sort()
    return keys


def terms_of(keys: Keys) -> Integers:
    """The term of each key."""
    return (keys >> np.uint64(32)).view(np.int64)


def rows_of(keys: Keys) -> Integers:
    """The row of each key."""
    return ((keys >> _EIGHT) & _ROW_MASK).view(np.int64)


def stable_order(numbers: Integers) -> NDArray[np.intp]:
    """Places of numbers below 2**32, ascending, equal ones as they stand.

    By their lower and then their upper half: numpy sorts 16 bits by counting, so this takes a third of a sort.
    """
    order = np.argsort(numbers.astype(np.uint16), kind="stable")
    upper = (numbers >> 16).astype(np.uint16).take(order)
    return order.take(np.argsort(upper, kind="stable"))


@dataclass(frozen=True, slots=True)
class Matches:
    """The postings of some terms, one after the other: term i has `counts[i]` of them, its document frequency.

    `terms`: for each posting, the place of its term. Those of common terms are not read out: their slices wait in
    `common`, by place, for single rows to be looked up.
    """

    counts: Integers
    terms: Integers
    rows: Integers
    frequencies: Floats
    common: Mapping[int, Sequence[Keys]]

    def look_up(self, rows: Integers) -> Iterator[tuple[int, Floats]]:
        """For each common term its place, and its frequencies in `rows`."""
        wanted = rows.astype(np.uint64)
        for place, parts in self.common.items():
            found = np.zeros(len(rows), dtype=np.float32)
            for part in parts:
                term = part[0] >> np.uint64(32) << np.uint64(32)
                keys = part[np.minimum(part.searchsorted(term | wanted << _EIGHT), len(part) - 1)]
                hit = (keys >> _EIGHT) & _ROW_MASK == wanted
                found[hit] = keys[hit] & _FREQUENCY_MASK
            yield place, found


class Postings:
    """The sorted keys of one scope."""

    def __init__(self, keys: Keys) -> None:
        self._main = _ascending(keys)
        self._recent: Keys = np.empty(0, np.uint64)

    @property
    def nbytes(self) -> int:
        """Bytes held."""
        return self._main.nbytes + self._recent.nbytes

    @property
    def keys(self) -> Keys:
        """All keys, in no order."""
        return np.concatenate([self._main, self._recent])

    def add(self, keys: Keys) -> None:
        """Take in the keys of further episodes."""
        self._recent = np.sort(np.concatenate([self._recent, keys]))
        if len(self._recent) > max(SMALLEST_MERGE, len(self._main) // MERGE_SHARE):
            self._main = np.sort(np.concatenate([self._main, self._recent]))
            self._recent = np.empty(0, np.uint64)

    def keep(self, alive: NDArray[np.bool_]) -> None:
        """Drop the keys of rows that are not `alive` (rows,)."""
        self._main = self._main[alive[rows_of(self._main)]]
        self._recent = self._recent[alive[rows_of(self._recent)]]

    def find(self, terms: Sequence[int]) -> Matches:
        """The postings of distinct terms."""
        spans, counts = self._spans(np.asarray(terms, dtype=np.uint64))
        limit = max(COMMON, int(counts[counts > 0].min(initial=MAX_ROWS)))
        read = np.flatnonzero((counts > 0) & (counts <= limit)).tolist()
        common = {place: _slices(spans, place) for place in np.flatnonzero(counts > limit).tolist()}
        pieces = [each for place in read for each in _slices(spans, place)]
        keys = np.concatenate(pieces) if pieces else np.empty(0, np.uint64)
        of_term = np.repeat(np.arange(len(counts)), np.where(counts > limit, 0, counts))
        return Matches(counts, of_term, rows_of(keys), (keys & _FREQUENCY_MASK).astype(np.float32), common)

    def holders(self, terms: Integers, *, most: int) -> tuple[Integers, Integers, Integers]:
        """Of terms in 2 to `most` episodes: how many hold each, 0 for others; of each posting, place and row.

        The place is that of its term in `terms`, where one may come twice.
        """
        spans, counts = self._spans(terms.astype(np.uint64))
        counts[(counts < 2) | (counts > most)] = 0
        rare = np.flatnonzero(counts)
        pieces, places = [np.empty(0, np.uint64)], [np.empty(0, np.int64)]
        for part, bounds in spans:
            edges = bounds[rare]
            pieces += [part[start:end] for start, end in edges.tolist()]
            places.append(np.repeat(rare, edges[:, 1] - edges[:, 0]))
        return counts, np.concatenate(places), rows_of(np.concatenate(pieces))

    def _spans(self, terms: Keys) -> tuple[list[tuple[Keys, Integers]], Integers]:
        """Each part with where the postings of terms begin and end in it, (terms, 2); how many there are of each."""
        starts = terms << np.uint64(32)
        edges = np.stack([starts, starts | np.uint64(0xFFFFFFFF)], axis=1)
        spans = [(part, part.searchsorted(edges)) for part in (self._main, self._recent) if len(part)]
        counts = np.zeros(len(terms), dtype=np.int64)
        for _, bounds in spans:
            counts += bounds[:, 1] - bounds[:, 0]
        return spans, counts


def _ascending(keys: Keys) -> Keys:
    """Keys in order. Those of a scope come row after row, or block after block: then terms are all there is to sort."""
    ordered = keys.take(stable_order(terms_of(keys)))
    return ordered if bool((ordered[1:] >= ordered[:-1]).all()) else np.sort(ordered)


def _slices(spans: Sequence[tuple[Keys, Integers]], place: int) -> list[Keys]:
    return [part[bounds[place, 0] : bounds[place, 1]] for part, bounds in spans if bounds[place, 0] < bounds[place, 1]]
