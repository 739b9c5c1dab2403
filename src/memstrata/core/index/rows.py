"""The columns of a scope's episodes and how they follow each other within their sessions.

A row keeps its place for ever; a forgotten one stays as a hole that nothing points at.
"""

from __future__ import annotations

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
        ("offset", "<i2"),
        ("role", "i1"),
        ("proper_nouns", "u1"),
        ("time_expression", "?"),
    ]
)
"""What is kept of an episode beside its terms and vectors; also the layout of a sealed block."""

Rows = NDArray[np.void]
Places = NDArray[np.int32]
NOBODY = -1
"""In place of a neighbour that does not exist. As an index it names the spare last place of `Chain` arrays."""


class Growing:
    """An array that grows at its end; `values` is a view of what is in use."""

    def __init__(self, dtype: np.dtype[np.generic] | type, fill: int) -> None:
        self._fill = fill
        self._room = np.full(16, fill, dtype=dtype)
        self._size = 0

    @property
    def values(self) -> NDArray[np.generic]:
        """The part in use."""
        return self._room[: self._size]

    @property
    def nbytes(self) -> int:
        """Bytes held."""
        return self._room.nbytes

    def grow(self, size: int) -> None:
        """Make `values` at least `size` long; what is new holds the fill value."""
        if size > len(self._room):
            room = np.full(max(size, 2 * len(self._room)), self._fill, dtype=self._room.dtype)
            room[: self._size] = self._room[: self._size]
            self._room = room
        self._size = max(size, self._size)


class Chain:
    """Sessions as chains: each row's neighbours and position, each session's first and last row, count and length."""

    def __init__(self) -> None:
        self._by_row = {name: Growing(np.int32, NOBODY) for name in ("previous", "next", "position")}
        self._by_session = {
            "first": Growing(np.int32, NOBODY),
            "last": Growing(np.int32, NOBODY),
            "count": Growing(np.int32, 0),
            "length": Growing(np.int64, 0),
        }

    @property
    def nbytes(self) -> int:
        """Bytes held."""
        return sum(each.nbytes for each in (*self._by_row.values(), *self._by_session.values()))

    @property
    def sessions(self) -> int:
        """Sessions that hold an episode."""
        return int(np.count_nonzero(self._by_session["count"].values))

    def link(self, rows: Rows) -> None:
        """Append rows (ascending) to the chains of their sessions."""
        if not len(rows):
            return
        self._grow(int(rows["row"].max()) + 1, int(rows["session"].max()) + 1)
        order = np.argsort(rows["session"], kind="stable")
        row = rows["row"][order].astype(np.int32)
        session = rows["session"][order]
        new_group = np.r_[True, session[1:] != session[:-1]]
        start = np.flatnonzero(new_group)
        group = np.cumsum(new_group) - 1
        heads = session[start]
        previous = np.r_[np.int32(NOBODY), row[:-1]]
        previous[start] = self._column("last")[heads]
        self._column("previous")[row] = previous
        linked = previous != NOBODY
        self._column("next")[previous[linked]] = row[linked]
        self._column("position")[row] = self._column("count")[heads][group] + np.arange(len(row)) - start[group]
        fresh = self._column("first")[heads] == NOBODY
        self._column("first")[heads[fresh]] = row[start[fresh]]
        end = np.r_[start[1:], len(row)]
        self._column("last")[heads] = row[end - 1]
        self._column("count")[heads] += (end - start).astype(np.int32)
        self._column("length")[heads] += np.add.reduceat(rows["length"][order].astype(np.int64), start)

    def previous(self, rows: Integers) -> Integers:
        """The row before each, NOBODY where there is none; NOBODY's is NOBODY."""
        return self._step("previous", rows)

    def next(self, rows: Integers) -> Integers:
        """The row after each, as `previous`."""
        return self._step("next", rows)

    def position(self, rows: Integers) -> Integers:
        """The place of each row within its session, from 0."""
        return self._column("position")[rows].astype(np.int64)

    def session_lengths(self, sessions: Integers) -> Integers:
        """The summed BM25 length of each session."""
        return self._column("length")[sessions].astype(np.int64)

    def members(self, sessions: Integers) -> Integers:
        """The rows of each session, (sessions, longest), padded with NOBODY."""
        first, last, count = (self._column(name)[sessions] for name in ("first", "last", "count"))
        step = np.arange(int(count.max(initial=0)))
        table = np.where(step < count[:, None], first[:, None] + step, NOBODY).astype(np.int64)
        scattered = np.flatnonzero(last - first + 1 != count)
        here = first[scattered].astype(np.int64)
        for place in step if len(scattered) else ():
            table[scattered, place] = here
            here = self.next(here)
        return table

    def _step(self, name: str, rows: Integers) -> Integers:
        found = self._column(name)[rows].astype(np.int64)
        return np.where(rows == NOBODY, NOBODY, found)

    def _grow(self, rows: int, sessions: int) -> None:
        for each in self._by_row.values():
            each.grow(rows)
        for each in self._by_session.values():
            each.grow(sessions)

    def _column(self, name: str) -> Places:
        column = self._by_row.get(name) or self._by_session[name]
        return column.values  # type: ignore[return-value]


class RowTable:
    """The columns of every row that was ever added, and which of them are alive."""

    def __init__(self) -> None:
        self._rows = np.zeros(16, dtype=ROW)
        self._alive = np.zeros(16, dtype=np.bool_)
        self.size = 0
        self.chain = Chain()

    @property
    def columns(self) -> Rows:
        """All rows, holes included: (size,) of `ROW`."""
        return self._rows[: self.size]

    @property
    def alive(self) -> NDArray[np.bool_]:
        """Which rows are there: (size,)."""
        return self._alive[: self.size]

    @property
    def nbytes(self) -> int:
        """Bytes held."""
        return self._rows.nbytes + self._alive.nbytes + self.chain.nbytes

    def append(self, rows: Rows) -> None:
        """Take in further rows, ascending; those skipped are holes."""
        if not len(rows):
            return
        size = int(rows["row"][-1]) + 1
        if size > len(self._rows):
            self._rows = _with_room(self._rows, size)
            self._alive = _with_room(self._alive, size)
        self._rows[rows["row"]] = rows
        self._alive[rows["row"]] = True
        self.size = size
        self.chain.link(rows)

    def remove(self, rows: Integers) -> None:
        """Make rows holes, and link their neighbours anew."""
        self._alive[rows] = False
        self._rows[rows] = np.zeros((), dtype=ROW)
        self.chain = Chain()
        self.chain.link(self.columns[self.alive])


def _with_room(array: NDArray[np.generic], size: int) -> NDArray[np.generic]:
    room = np.zeros(max(size, 2 * len(array)), dtype=array.dtype)
    room[: len(array)] = array
    return room
