"""The columns of a scope's episodes and how they follow each other within their sessions.

A row keeps its place for ever; a forgotten one stays as a hole that nothing points at.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

import numpy as np
from numpy.typing import NDArray

from memstrata.core.candidates import Integers

ROW = np.dtype(
    [
        ("row", "<u4"),
        ("run", "<i4"),
        ("session", "<i4"),
        ("speaker", "<i4"),
        ("timestamp", "<i8"),
        ("recorded_at", "<i8"),
        ("length", "<i4"),
        ("words", "<i4"),
        ("question_share", "<f4"),
        ("address_share", "<f4"),
        ("offset", "<i2"),
        ("role", "i1"),
        ("proper_nouns", "u1"),
        ("time_expression", "?"),
    ]
)
"""What is kept of an episode beside its terms and vectors; also the layout of a sealed block."""

Rows = NDArray[np.void]
NOBODY = -1
"""In place of a neighbour that does not exist."""


class Growing:
    """An array that grows at its end. The last place of `room` is never used: index NOBODY finds the fill value."""

    def __init__(self, fill: int) -> None:
        self._fill = fill
        self.room: Integers = np.full(16, fill, dtype=np.int64)

    def grow(self, size: int) -> None:
        """Make room for `size` values; what is new holds the fill value."""
        if size >= len(self.room):
            room = np.full(2 * size, self._fill, dtype=np.int64)
            room[: len(self.room)] = self.room
            self.room = room


class Chain:
    """Sessions as chains: each row's neighbours and position, each session's first and last row, count and length.

    The row arrays give NOBODY for NOBODY.
    """

    def __init__(self) -> None:
        self._previous, self._next, self._position = (Growing(NOBODY) for _ in range(3))
        self._first, self._last = (Growing(NOBODY) for _ in range(2))
        self._count, self._length = (Growing(0) for _ in range(2))
        self.session, self.length = Growing(0), Growing(0)
        """By row: its session and its BM25 length, side by side in memory, which the scans need."""

    @property
    def nbytes(self) -> int:
        """Bytes held."""
        return sum(each.room.nbytes for each in self.__dict__.values())

    @property
    def sessions(self) -> int:
        """Sessions that hold an episode."""
        return int(np.count_nonzero(self._count.room))

    def link(self, rows: Rows) -> None:
        """Append rows (ascending) to the chains of their sessions."""
        if not len(rows):
            return
        for column in (self._previous, self._next, self._position, self.session, self.length):
            column.grow(int(rows["row"].max()) + 1)
        for column in (self._first, self._last, self._count, self._length):
            column.grow(int(rows["session"].max()) + 1)
        order = np.argsort(rows["session"], kind="stable")
        row = rows["row"][order].astype(np.int64)
        session = rows["session"][order]
        begins = np.r_[True, session[1:] != session[:-1]]
        start = np.flatnonzero(begins)
        group = np.cumsum(begins) - 1
        heads = session[start]
        previous = np.r_[NOBODY, row[:-1]]
        previous[start] = self._last.room[heads]
        self._previous.room[row] = previous
        self.session.room[row] = session
        self.length.room[row] = rows["length"][order]
        linked = previous != NOBODY
        self._next.room[previous[linked]] = row[linked]
        self._position.room[row] = self._count.room[heads][group] + np.arange(len(row)) - start[group]
        fresh = self._first.room[heads] == NOBODY
        self._first.room[heads[fresh]] = row[start[fresh]]
        end = np.r_[start[1:], len(row)]
        self._last.room[heads] = row[end - 1]
        self._count.room[heads] += end - start
        self._length.room[heads] += np.add.reduceat(rows["length"][order].astype(np.int64), start)

    def previous(self, rows: Integers) -> Integers:
        """The row before each."""
        return self._previous.room[rows]

    def next(self, rows: Integers) -> Integers:
        """The row after each."""
        return self._next.room[rows]

    def position(self, rows: Integers) -> Integers:
        """The place of each row within its session, from 0."""
        return self._position.room[rows]

    def neighbours(self, rows: Integers) -> Integers:
        """(5, rows): each row itself, the one before, two before, the one after, two after."""
        before, after = self.previous(rows), self.next(rows)
        return np.stack([rows, before, self.previous(before), after, self.next(after)])

    def within_reach(self, rows: Integers) -> Integers:
        """Rows and their neighbours, ascending, each once."""
        return self.each_once(self.neighbours(rows))

    def each_once(self, *rows: Integers) -> Integers:
        """Rows of arrays of any shape, ascending, each once, without NOBODY."""
        marked = np.zeros(len(self._next.room) + 1, dtype=np.bool_)
        for some in rows:
            marked[some] = True
        return np.flatnonzero(marked[:-1])

    def sessions_of(self, rows: Integers) -> tuple[Integers, Integers]:
        """The sessions of rows, ascending, each once, and each row's place among them."""
        session = self.session.room[rows]
        marked = np.zeros(len(self._first.room), dtype=np.bool_)
        marked[session] = True
        found = np.flatnonzero(marked)
        slots = np.empty(len(marked), dtype=np.int64)
        slots[found] = np.arange(len(found))
        return found, slots[session]

    def session_lengths(self, sessions: Integers) -> Integers:
        """The summed BM25 length of each session."""
        return self._length.room[sessions]

    def members(self, sessions: Integers) -> Integers:
        """The rows of each session, (sessions, longest), padded with NOBODY."""
        first, last, count = self._first.room[sessions], self._last.room[sessions], self._count.room[sessions]
        step = np.arange(int(count.max(initial=0)))
        table = np.where(step < count[:, None], first[:, None] + step, NOBODY)
        scattered = np.flatnonzero(last - first + 1 != count)
        here = first[scattered]
        for place in step if len(scattered) else ():
            table[scattered, place] = here
            here = self.next(here)
        return table


class RowTable:
    """The columns of every row that was ever added, and which of them are alive."""

    def __init__(self) -> None:
        self._rows = np.zeros(16, dtype=ROW)
        self._alive = np.zeros(16, dtype=np.bool_)
        self._slots = np.full(16, NOBODY, dtype=np.int64)
        self.size = 0
        self.chain = Chain()

    @property
    def columns(self) -> Rows:
        """All rows, holes included: (size,) of `ROW`."""
        return self._rows[: self.size]

    @property
    def room(self) -> Rows:
        """`columns` with places to spare; that of index NOBODY is all zeros."""
        return self._rows

    @property
    def alive(self) -> NDArray[np.bool_]:
        """Which rows are there: (size,)."""
        return self._alive[: self.size]

    @property
    def nbytes(self) -> int:
        """Bytes held."""
        return self._rows.nbytes + self._alive.nbytes + self._slots.nbytes + self.chain.nbytes

    @contextmanager
    def numbered(self, rows: Integers) -> Iterator[Integers]:
        """From a row (size + 1,) to its place in `rows`, NOBODY for others; the last, which NOBODY finds, is spare."""
        slots = self._slots[: self.size + 1]
        slots[rows] = np.arange(len(rows))
        yield slots
        slots[rows] = NOBODY
        slots[NOBODY] = NOBODY

    def append(self, rows: Rows) -> None:
        """Take in further rows, ascending; those skipped are holes."""
        if not len(rows):
            return
        size = int(rows["row"][-1]) + 1
        if size >= len(self._rows):
            room = np.zeros(2 * size, dtype=ROW)
            room[: self.size] = self.columns
            alive = np.zeros(2 * size, dtype=np.bool_)
            alive[: self.size] = self.alive
            self._rows, self._alive = room, alive
            self._slots = np.full(2 * size, NOBODY, dtype=np.int64)
        first = int(rows["row"][0])
        whole = size - first == len(rows)
        where = slice(first, size) if whole else rows["row"]  # without holes: setting records one by one is slow
        self._rows[where] = rows
        self._alive[where] = True
        self.size = size
        self.chain.link(rows)

    def remove(self, rows: Integers) -> None:
        """Make rows holes, and link their neighbours anew."""
        self._alive[rows] = False
        self._rows[rows] = np.zeros((), dtype=ROW)
        self.chain = Chain()
        self.chain.link(self.columns[self.alive])
