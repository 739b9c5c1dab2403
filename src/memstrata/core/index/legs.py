"""BM25 over windows for the rows that may matter, and the best of each leg."""

from __future__ import annotations

from dataclasses import dataclass
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from memstrata.core.candidates import BM25_B, BM25_K1, WINDOW_SIZES, Floats, Integers, term_weights
from memstrata.core.index.postings import Matches
from memstrata.core.index.rows import NOBODY, RowTable

NOMINATING_POSTINGS = 32_768
"""The rarest terms nominate until this many postings are read (a millisecond); commoner ones only add to the score."""
LARGEST_GROUP = 32
_SIZES = np.array([[WINDOW_SIZES[name]] for name in ("turn", "previous", "around")], dtype=np.float32)


class Measured(NamedTuple):
    """Term frequencies (*shape, terms) and BM25 (*shape) of windows."""

    frequencies: Floats
    bm25: Floats


@dataclass
class Lexical:
    """A question's postings with the statistics that weigh them."""

    matches: Matches
    table: RowTable
    population: int
    total_length: int

    def __post_init__(self) -> None:
        self.idf = term_weights(self.population, self.matches.counts)
        self.average = self.total_length / max(self.population, 1) or 1.0

    def nominate(self, limit: int, near: NDArray[np.bool_] | None) -> Integers:
        """Rows with the best BM25 by themselves (and `near` the view), at most `limit`, by the rarest terms."""
        matches, counts = self.matches, self.matches.counts
        terms = matches.terms
        rows, frequencies = matches.rows, matches.frequencies
        if len(rows) > NOMINATING_POSTINGS:
            order = np.argsort(counts, kind="stable")
            chosen = np.zeros(len(counts), dtype=np.bool_)
            chosen[order[: max(1, int(np.searchsorted(np.cumsum(counts[order]), NOMINATING_POSTINGS)))]] = True
            used = chosen[terms]
            terms, rows, frequencies = terms[used], rows[used], frequencies[used]
        norm = _norm(self.table.chain.length.room[rows], self.average)
        shares = self.idf[terms] * frequencies / (frequencies + norm)
        scores = np.bincount(rows, shares, minlength=self.table.size).astype(np.float64, copy=False)
        if near is not None:
            scores[~near] = 0
        found = np.flatnonzero(scores)  # first: selecting among mere zeros is slow
        return found[best(scores[found], limit)]

    def windows(self, rows: Integers) -> Measured:
        """The windows within reach of each row, (3, rows): turn, previous, around."""
        neighbours = self.table.chain.neighbours(rows)
        known = self.table.chain.each_once(neighbours)
        frequencies = np.zeros(
            (len(known) + 1, len(self.idf)), dtype=np.float32
        )  # a row's terms side by side: see take
        with self.table.numbered(known) as slots:
            place = slots[self.matches.rows]
            hit = np.flatnonzero(place >= 0)
            frequencies[place[hit], self.matches.terms[hit]] = self.matches.frequencies[hit]
            for term, found in self.matches.look_up(known):
                frequencies[:-1, term] = found
            slots[NOBODY] = len(known)  # an empty one
            tf = frequencies.take(slots[neighbours], axis=0, mode="clip")
        length = self.table.chain.length.room[neighbours].astype(np.float32)
        return self._measure(_accumulated(tf), _accumulated(length), self.average * _SIZES)

    def sessions(self, sessions: Integers) -> Measured:
        """The whole-session window of each session."""
        chain = self.table.chain
        slots = np.full(int(sessions.max(initial=0)) + 1, NOBODY, dtype=np.int64)
        slots[sessions] = np.arange(len(sessions))
        session = chain.session.room[self.matches.rows]
        place = slots[np.minimum(session, len(slots) - 1)]
        hit = np.flatnonzero((place >= 0) & (session < len(slots)))
        keys = place[hit] * len(self.idf) + self.matches.terms[hit]
        counted = np.bincount(keys, self.matches.frequencies[hit], minlength=len(self.idf) * len(sessions))
        tf: Floats = counted.reshape(len(sessions), len(self.idf)).astype(np.float32)
        if self.matches.common:
            members = chain.members(sessions)
            holder, _ = np.nonzero(members != NOBODY)
            for term, found in self.matches.look_up(members[members != NOBODY]):
                tf[:, term] = np.bincount(holder, found, minlength=len(sessions))
        length = chain.session_lengths(sessions).astype(np.float32)
        average = self.total_length / max(chain.sessions, 1) or 1.0
        return self._measure(tf, length, average)

    def coverage(self, frequencies: Floats) -> Floats:
        """The share of the question's idf mass whose terms occur: from (*shape, terms) to (*shape)."""
        mass = np.float32(self.idf.sum() or 1)
        return np.asarray((frequencies > 0).astype(np.float32) @ self.idf / mass)

    def _measure(self, tf: Floats, length: Floats, average: NDArray[np.floating] | float) -> Measured:
        """From (*shape, terms) frequencies, (*shape) lengths."""
        return Measured(tf, np.asarray(tf / (tf + _norm(length, average)[..., None]) @ self.idf))


def best(scores: NDArray[np.floating], limit: int) -> Integers:
    """Places of the `limit` largest scores, ascending; of equal ones the last.

    The limit-th largest of the maxima of groups is no larger than the limit-th largest score, so most scores need
    one comparison only.
    """
    size = len(scores)
    if size <= limit:
        return np.arange(size)
    in_group = min(LARGEST_GROUP, size // (2 * limit))
    if in_group > 2:
        groups = size // in_group
        maxima = scores[: groups * in_group].reshape(in_group, groups).max(axis=0)
        found = np.flatnonzero(scores >= np.partition(maxima, groups - limit)[groups - limit])
        threshold = np.partition(scores[found], len(found) - limit)[len(found) - limit]
        found = found[scores[found] >= threshold]
    else:
        threshold = np.partition(scores, size - limit)[size - limit]
        found = np.flatnonzero(scores >= threshold)
    surplus = len(found) - limit
    return np.delete(found, np.flatnonzero(scores[found] == threshold)[:surplus]) if surplus else found


def _accumulated(neighbours: Floats) -> Floats:
    """From (5, rows, ...), a row and its neighbours, to sums over (3, rows, ...) windows."""
    turn = neighbours[0]
    previous = turn + neighbours[1] + neighbours[2]
    return np.stack([turn, previous, previous + neighbours[3] + neighbours[4]])


def _norm(length: NDArray[np.number], average: NDArray[np.floating] | float) -> Floats:
    per_word = np.asarray(BM25_K1 * BM25_B / average, dtype=np.float32)
    return length.astype(np.float32) * per_word + np.float32(BM25_K1 * (1 - BM25_B))
