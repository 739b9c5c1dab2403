"""Everything that a search needs of one scope, in memory: the fast answer to a `Probe`."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from functools import cached_property

import numpy as np
from numpy.typing import NDArray

from memstrata.core.candidates import Floats, Integers, Pool, Probe, most_of_a_rare_term, term_weights
from memstrata.core.index.legs import Lexical, best
from memstrata.core.index.postings import Keys, Postings
from memstrata.core.index.rows import Rows, RowTable
from memstrata.core.index.sentences import Sentences, SentenceTable
from memstrata.core.index.terms import RowTerms
from memstrata.core.index.vectors import UNKNOWN, FetchHalves, Halves, VectorTable
from memstrata.types import ROLES

NOMINEES = 2
"""Rows nominated by their own words for each place in a leg: a window's best row has a match at most two away."""

RESCORED = 64
"""Best rows of the dense leg whose cosine is made exact; one byte a dimension errs by less than .004 (tests/core)."""

Names = Mapping[int, str]
"""The names of a scope's speakers by number; numbers that nobody bears any more are missing."""


@dataclass(frozen=True, slots=True)
class _Statistics:
    population: int
    total_length: int
    speakers: dict[int, int]
    roles: tuple[int, ...]


class ScopeIndex:
    """One scope's rows, postings and (of one space) vectors. Not safe for use by two threads at once."""

    def __init__(self, rows: Rows, keys: Keys) -> None:
        self.table = RowTable()
        self.table.append(rows)
        self.postings = Postings(keys)
        self.vectors: VectorTable | None = None
        self.sentences: SentenceTable | None = None
        self.surprises: Floats | None = None
        self._terms: RowTerms | None = None

    @property
    def nbytes(self) -> int:
        """Bytes held, all parts together."""
        parts = (self.table, self.postings, self.vectors, self.sentences, self._terms)
        surprises = 0 if self.surprises is None else self.surprises.nbytes
        return surprises + sum(part.nbytes for part in parts if part is not None)

    def append(self, rows: Rows, keys: Keys) -> None:
        """Take in further episodes, ascending."""
        self.table.append(rows)
        self.postings.add(keys)
        if self._terms is not None:
            self._terms.add(keys)
        self._changed()

    def remove(self, rows: Integers) -> None:
        """Forget episodes; afterwards the index equals one that was built without them."""
        rows = rows[rows < self.table.size]
        rows = rows[self.table.alive[rows]]
        self.table.remove(rows)
        self.postings.keep(self.table.alive)
        self._terms = None
        if self.vectors is not None:
            self.vectors.remove(rows)
        if self.sentences is not None:
            self.sentences.remove(rows)
        if self.surprises is not None:
            self.surprises[rows[rows < len(self.surprises)]] = np.nan
        self._changed()

    def put_vectors(self, rows: Integers, halves: Halves) -> None:
        """Take in vectors in half precision, all of one space."""
        if self.vectors is None:
            self.vectors = VectorTable(halves.shape[1])
        self.vectors.put(rows, halves)

    def put_sentences(self, *some: Sentences) -> None:
        """Take in the vectors of sentences, of the same space."""
        told = [each for each in some if len(each.rows)]
        if told:
            self.sentences = self.sentences or SentenceTable(told[0].whole.shape[1])
            self.sentences.put(told)

    def put_surprises(self, rows: Integers, nats: Floats) -> None:
        """Take in how surprising rows are."""
        if not len(rows):
            return
        before = np.empty(0, np.float32) if self.surprises is None else self.surprises
        if len(before) < self.table.size:
            before = np.r_[before, np.full(self.table.size + self.table.size // 4 - len(before), np.nan, np.float32)]
        before[rows] = nats
        self.surprises = before

    def candidates(
        self,
        probe: Probe,
        *,
        allowed: NDArray[np.bool_] | None,
        names: Names,
        fetch: FetchHalves,
    ) -> Pool:
        """The pool of a question; `allowed` (rows,) is the view, None for everything."""
        table, statistics = self.table, self._statistics
        visible = None if allowed is None else allowed & table.alive
        lexical = Lexical(self.postings.find(probe.terms), table, statistics.population, statistics.total_length)
        cosines, dense = self._dense_leg(probe, visible, fetch)
        near = None if visible is None else self._near(visible)
        nominees = lexical.nominate(NOMINEES * probe.per_leg, near)
        rows = table.chain.each_once(table.chain.neighbours(nominees), dense)
        if visible is not None:
            rows = rows[visible[rows]]
        windows = lexical.windows(rows)
        chosen = np.zeros(len(rows), dtype=np.bool_)
        chosen[np.searchsorted(rows, dense)] = True
        for scores in windows.bm25:
            leg = best(scores, probe.per_leg)
            chosen[leg[scores[leg] > 0]] = True
        places = np.flatnonzero(chosen)
        rows = rows[places]
        sessions, session_of = table.chain.sessions_of(rows)
        whole = lexical.sessions(sessions)
        return self._pool(
            rows,
            bm25=np.concatenate([windows.bm25[:, places], whole.bm25[None, session_of]]).T,
            coverage=np.concatenate(
                [
                    lexical.coverage(windows.frequencies[:, places]),
                    lexical.coverage(whole.frequencies)[None, session_of],
                ]
            ).T,
            cosines=cosines,
            session_cosine=self._session_cosines(sessions, cosines)[session_of],
            sentence_cosine=self._sentence_cosines(probe, rows),
            names=names,
        )

    def _dense_leg(
        self, probe: Probe, visible: NDArray[np.bool_] | None, fetch: FetchHalves
    ) -> tuple[Floats | None, Integers]:
        """The cosine of every row, exact for the best ones, and the best visible rows; None without vectors."""
        if probe.vector is None or self.vectors is None:
            return None, np.empty(0, np.int64)
        cosines = self.vectors.scan(probe.vector, self.table.size)
        seen = cosines[:-1] if visible is None else np.where(visible, cosines[:-1], UNKNOWN)
        rows = best(seen, probe.per_leg)
        rows = rows[seen[rows] > UNKNOWN]
        surest = rows[best(seen[rows], RESCORED)]
        self.vectors.rescore(probe.vector, cosines, surest, fetch)
        return cosines, rows

    def _near(self, visible: NDArray[np.bool_]) -> NDArray[np.bool_]:
        """Rows that are visible or within reach of a visible one."""
        near = np.zeros(len(visible), dtype=np.bool_)
        near[self.table.chain.within_reach(np.flatnonzero(visible))] = True
        return near

    def _session_cosines(self, sessions: Integers, cosines: Floats | None) -> Floats:
        """The mean of the three best cosines of each session; NaN where none is known."""
        if cosines is None:
            return np.full(len(sessions), np.nan, dtype=np.float32)
        members = self.table.chain.members(sessions)
        values = cosines[members]
        if values.shape[1] > 3:
            values = np.partition(values, values.shape[1] - 3, axis=1)[:, -3:]
        known = values > UNKNOWN
        counts = known.sum(axis=1)
        sums = np.where(known, values, 0).sum(axis=1)
        return np.where(counts > 0, sums / np.maximum(counts, 1), np.nan).astype(np.float32)

    def _sentence_cosines(self, probe: Probe, rows: Integers) -> Floats:
        """The best cosine of a sentence of each row; NaN where none is known."""
        if probe.vector is None or self.sentences is None:
            return np.full(len(rows), np.nan, dtype=np.float32)
        return self.sentences.best(probe.vector, rows)

    def _surprises(self, rows: Integers) -> Floats:
        """How surprising each row is; NaN where that is not known."""
        found = np.full(len(rows), np.nan, dtype=np.float32)
        if self.surprises is not None:
            known = rows < len(self.surprises)
            found[known] = self.surprises[rows[known]]
        return found

    def links(self, anchors: Integers, rows: Integers) -> Floats:
        """See `Store.links`.

        Reads the postings of the anchors' rare terms, which are few: comparing with the terms of every row takes three
        times as long. A term that two anchors hold is read twice; sorting that out would cost more.
        """
        self._terms = self._terms or RowTerms(self.postings.keys)
        terms, held = self._terms.of(anchors)
        anchor_of = np.repeat(np.arange(len(anchors)), held)
        population = self._statistics.population
        counts, term_of, row_of = self.postings.holders(terms, most=most_of_a_rare_term(population))
        idf = np.where(counts > 0, term_weights(population, counts), 0)
        total = np.bincount(anchor_of, idf, minlength=len(anchors))
        share = idf / np.where(total > 0, total, 1)[anchor_of]
        with self.table.numbered(rows[rows < self.table.size]) as slots:
            place = slots[row_of]
        hit = np.flatnonzero(place >= 0)
        term_of = term_of[hit]
        found = np.bincount(
            anchor_of[term_of] * len(rows) + place[hit], share[term_of], minlength=len(anchors) * len(rows)
        )
        return found.reshape(len(anchors), len(rows)).astype(np.float32)

    def _pool(
        self,
        rows: Integers,
        *,
        bm25: Floats,
        coverage: Floats,
        cosines: Floats | None,
        session_cosine: Floats,
        sentence_cosine: Floats,
        names: Names,
    ) -> Pool:
        columns, statistics = self.table.columns.take(rows), self._statistics  # indexing records costs ten times that
        chain = self.table.chain
        before = chain.previous(rows)
        cosine, previous, following = _known(cosines, np.stack([rows, before, chain.next(rows)]))
        place_of = np.full(max(names, default=0) + 2, -1, dtype=np.int32)  # a speaker's number -1 finds the last
        place_of[list(names)] = np.arange(len(names))
        return Pool(
            rows=rows,
            bm25=bm25,
            coverage=coverage,
            cosine=cosine,
            cosine_previous=previous,
            cosine_next=following,
            cosine_session=session_cosine,
            cosine_sentence=sentence_cosine,
            timestamps=columns["timestamp"],
            offsets=columns["offset"].astype(np.int32),
            sessions=columns["session"].astype(np.int64),
            positions=chain.position(rows).astype(np.int32),
            speakers=place_of[columns["speaker"]],
            roles=columns["role"],
            question_share=columns["question_share"],
            address_share=columns["address_share"],
            previous_question_share=self.table.room["question_share"][before],
            words=columns["words"],
            proper_nouns=columns["proper_nouns"].astype(np.int32),
            time_expression=columns["time_expression"],
            surprise=self._surprises(rows),
            names=tuple(names.values()),
            name_counts=tuple(statistics.speakers.get(number, 0) for number in names),
            role_counts=statistics.roles,
            population=statistics.population,
            with_vector=0 if self.vectors is None or cosines is None else self.vectors.count,
        )

    @cached_property
    def _statistics(self) -> _Statistics:
        alive, columns = self.table.alive, self.table.columns
        speakers = np.bincount(columns["speaker"][alive] + 1)
        return _Statistics(
            population=int(np.count_nonzero(alive)),
            total_length=int(columns["length"].sum(dtype=np.int64)),  # holes are zeros
            speakers={number - 1: count for number, count in enumerate(speakers.tolist()) if count},
            roles=tuple(np.bincount(columns["role"][alive], minlength=len(ROLES)).tolist()),
        )

    def _changed(self) -> None:
        self.__dict__.pop("_statistics", None)


def _known(cosines: Floats | None, rows: Integers) -> Floats:
    """Cosines of rows; NaN for NOBODY and for rows without a vector."""
    if cosines is None:
        return np.full(rows.shape, np.nan, dtype=np.float32)
    found = cosines[rows]
    found[found == UNKNOWN] = np.nan
    return found
