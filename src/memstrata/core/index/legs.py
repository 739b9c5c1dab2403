"""BM25 over windows for the rows that may matter, and the best of each leg."""

from __future__ import annotations

from dataclasses import dataclass
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from memstrata.core.candidates import BM25_B, BM25_K1, WINDOW_SIZES, Floats, Integers
from memstrata.core.index.postings import Matches
from memstrata.core.index.rows import NOBODY, Chain, RowTable

NOMINATING_POSTINGS = 131_072
"""The rarest terms nominate until this many postings are read; commoner ones only add to the score (about 5 ms)."""


class Measured(NamedTuple):
    """BM25 and the share of the idf mass, (rows,) each, of one window."""

    bm25: Floats
    coverage: Floats


@dataclass
class Lexical:
    """A question's postings with the statistics that weigh them."""

    matches: Matches
    table: RowTable
    population: int
    total_length: int

    def __post_init__(self) -> None:
        df = self.matches.counts
        self.idf = np.log1p((self.population - df + 0.5) / (df + 0.5)).astype(np.float32)
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
        norm = _norm(self.table.columns["length"][rows], self.average)
        scores = np.bincount(rows, self.idf[terms] * frequencies / (frequencies + norm), minlength=self.table.size)
        if near is not None:
            scores[~near] = 0
        found = np.flatnonzero(scores)
        return found[best(scores[found], limit)]

    def windows(self, rows: Integers) -> dict[str, Measured]:
        """The windows within reach of each row: turn, previous, around."""
        chain = self.table.chain
        neighbours = _neighbours(chain, rows)
        slots = np.full(self.table.size + 1, NOBODY, dtype=np.int32)
        for each in neighbours.values():
            slots[each] = 0
        slots[-1] = NOBODY
        known = np.flatnonzero(slots == 0)
        slots[known] = np.arange(len(known), dtype=np.int32)
        slots[-1] = len(known)  # NOBODY's: an empty column
        frequencies = np.zeros((len(self.idf), len(known) + 1), dtype=np.float32)
        place = slots[self.matches.rows]
        hit = place >= 0
        frequencies[self.matches.terms[hit], place[hit]] = self.matches.frequencies[hit]
        lengths = np.zeros(len(known) + 1, dtype=np.float32)
        lengths[:-1] = self.table.columns["length"][known]
        measured: dict[str, Measured] = {}
        tf = np.zeros((len(self.idf), len(rows)), dtype=np.float32)
        length = np.zeros(len(rows), dtype=np.float32)
        for name, distances in (("turn", (0,)), ("previous", (-1, -2)), ("around", (1, 2))):
            for distance in distances:
                column = slots[neighbours[distance]]
                tf = tf + frequencies[:, column]
                length = length + lengths[column]
            measured[name] = self._measure(tf, length, self.average * WINDOW_SIZES[name])
        return measured

    def sessions(self, sessions: Integers) -> Measured:
        """The whole-session window of each session."""
        chain = self.table.chain
        slots = np.full(int(self.table.columns["session"].max(initial=0)) + 1, NOBODY, dtype=np.int32)
        slots[sessions] = np.arange(len(sessions), dtype=np.int32)
        place = slots[self.table.columns["session"][self.matches.rows]]
        hit = place >= 0
        keys = self.matches.terms[hit] * len(sessions) + place[hit]
        tf = np.bincount(keys, self.matches.frequencies[hit], minlength=len(self.idf) * len(sessions))
        length = chain.session_lengths(sessions).astype(np.float32)
        average = self.total_length / max(chain.sessions, 1) or 1.0
        return self._measure(tf.reshape(len(self.idf), len(sessions)).astype(np.float32), length, average)

    def _measure(self, tf: Floats, length: Floats, average: float) -> Measured:
        """From (terms, rows) frequencies."""
        mass = float(self.idf.sum())
        score = self.idf @ (tf / (tf + _norm(length, average)))
        return Measured(score, self.idf @ (tf > 0) / np.float32(mass or 1))


def best(scores: NDArray[np.floating], limit: int) -> Integers:
    """Places of the `limit` largest scores, ascending; of equal ones the last."""
    if len(scores) <= limit:
        return np.arange(len(scores))
    threshold = np.partition(scores, len(scores) - limit)[len(scores) - limit]
    above = np.flatnonzero(scores > threshold)
    equal = np.flatnonzero(scores == threshold)
    return np.sort(np.concatenate([above, equal[len(equal) - (limit - len(above)) :]]))


def within_reach(chain: Chain, rows: Integers) -> Integers:
    """Rows and their neighbours up to two away, ascending, each once."""
    every = np.unique(np.concatenate(list(_neighbours(chain, rows).values())))
    return every[1:] if len(every) and every[0] == NOBODY else every


def _neighbours(chain: Chain, rows: Integers) -> dict[int, Integers]:
    before, after = chain.previous(rows), chain.next(rows)
    return {0: rows, -1: before, -2: chain.previous(before), 1: after, 2: chain.next(after)}


def _norm(length: NDArray[np.generic], average: float) -> Floats:
    return (BM25_K1 * (1 - BM25_B) + length * (BM25_K1 * BM25_B / average)).astype(np.float32)
