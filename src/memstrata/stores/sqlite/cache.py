"""Search indexes of the scopes in use: loaded when first asked for, kept current by events, bounded by bytes.

An index is current when it has seen the last event of its scope, which every search reads in its own transaction;
so what another thread or process wrote is seen by the next search. That transaction begins once the index is ours,
so an index never meets a state older than itself. The least recently used indexes go first.
"""

from __future__ import annotations

import json
import threading
from collections import OrderedDict
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace

import apsw
import numpy as np

from memstrata.core.candidates import Floats, Integers, Pool, Probe
from memstrata.core.index.scope_index import ScopeIndex
from memstrata.core.index.sentences import Sentences
from memstrata.core.index.vectors import HALVES_KEPT, Halves, VectorTable
from memstrata.core.index.view import Labels, ViewMask
from memstrata.stores.sqlite import salience
from memstrata.stores.sqlite.blocks import (
    BLOCK_ROWS,
    load_halves,
    load_rows,
    load_scope,
    load_sentence_blocks,
    load_sentences,
    load_vector_blocks,
    stacked,
)
from memstrata.stores.sqlite.database import Database
from memstrata.stores.sqlite.scopes import LAST_ROW, id_range
from memstrata.stores.sqlite.sql import Q, one
from memstrata.stores.sqlite.vectors import space_number
from memstrata.types import Json


@dataclass
class _Entry:
    """One scope's index with what turns its numbers into words. Used by one thread at a time."""

    number: int
    lock: threading.Lock = field(default_factory=threading.Lock)
    index: ScopeIndex | None = None
    space: int | None = None
    event: int = 0
    names: dict[int, str] = field(default_factory=dict)
    runs: dict[int, str | None] = field(default_factory=dict)
    labels: Labels = field(default_factory=Labels)
    counted: int = 0
    """Its share of the cache's bytes."""

    @property
    def nbytes(self) -> int:
        """Bytes held by the arrays."""
        return 0 if self.index is None else self.index.nbytes

    def refresh(self, connection: apsw.Connection) -> ScopeIndex:
        """The index as of the connection's transaction."""
        (last,) = one(connection, Q["last_event"], (self.number,))
        if self.index is None:
            self.index = self._loaded(connection)
        elif last > self.event:
            self.index = self._catch_up(connection, self.index)
        if last > self.event:
            self.event = last
            self.names = dict(connection.execute(Q["speakers"], (self.number,)))
            self.runs = {row[0]: row[1] for row in connection.execute(Q["runs"], (self.number,))}
        return self.index

    def use_space(self, connection: apsw.Connection, space: int) -> None:
        """Have the vectors of this space in the index."""
        if self.index is None or (self.space == space and self.index.vectors is not None):
            return
        self.space = space
        self.index.vectors = _load_vectors(connection, self.number, space, self.index.table.size)
        self.index.sentences = None
        self.index.put_sentences(*_load_sentences(connection, self.number, space, self.index.table.size))

    def current_labels(self, connection: apsw.Connection) -> Labels:
        """Metadata and message ids of every row."""
        size = 0 if self.index is None else self.index.table.size
        if self.labels.through < size:
            self.labels.extend(_read_labels(connection, self.number, self.labels.through), through=size)
        return self.labels

    def _catch_up(self, connection: apsw.Connection, index: ScopeIndex) -> ScopeIndex:
        for _, kind, space, blob in connection.execute(Q["events_after"], (self.number, self.event)):
            rows = np.frombuffer(blob, dtype=np.uint32).astype(np.int64)
            if kind == "added" and len(rows) and rows[-1] >= index.table.size:
                index.append(*load_rows(connection, self.number, start=index.table.size))
            elif kind == "forgot":
                index.remove(rows)
            elif kind == "rewrote":  # in an index, an episode has one text for good
                return self._loaded(connection)
            elif kind == "embedded" and space == self.space and index.vectors is not None and len(rows):
                low, high = int(rows.min()), int(rows.max())
                index.put_vectors(*load_halves(connection, self.number, space, low, high))
                index.put_sentences(load_sentences(connection, self.number, space, low, high))
            elif kind == "weighed" and len(rows):
                index.put_surprises(*salience.load(connection, self.number, int(rows.min()), int(rows.max())))
            elif kind == "weighed":  # by another model from now on
                index.surprises = None
        return index

    def _loaded(self, connection: apsw.Connection) -> ScopeIndex:
        index = ScopeIndex(*load_scope(connection, self.number))
        index.put_surprises(*salience.load(connection, self.number, 0, LAST_ROW))
        return index


class IndexCache:
    """The entries of one store."""

    def __init__(self, database: Database, *, limit_bytes: int) -> None:
        self._database = database
        self._limit = limit_bytes
        self._lock = threading.Lock()
        self._entries: OrderedDict[int, _Entry] = OrderedDict()
        self._spaces: dict[str, int] = {}
        self._held = 0

    def candidates(self, number: int, probe: Probe) -> Pool:
        """The pool of a question in one scope; the probe's view says of which run."""
        entry = self._entry(number)
        with entry.lock, self._database.read() as connection:
            index = entry.refresh(connection)
            space = None if probe.space is None else self._space(connection, probe.space)
            if probe.vector is not None and space is not None:
                entry.use_space(connection, space)
            else:
                probe = replace(probe, vector=None)
            mask = ViewMask(
                index.table, runs=entry.runs, names=entry.names, labels=lambda: entry.current_labels(connection)
            ).of(probe.view)

            def fetch(rows: Integers) -> tuple[Integers, Halves]:
                return _fetch_halves(connection, number, space, rows)

            pool = index.candidates(probe, allowed=mask, names=entry.names, fetch=fetch)
        self._shrink(keep=number)
        return pool

    def links(self, number: int, anchors: Sequence[int], rows: Integers) -> Floats:
        """What rows of one scope share with each of its rows `anchors`: see `Store.links`."""
        entry = self._entry(number)
        with entry.lock:
            index = entry.index  # the pool came from it a moment ago, so nothing is read
            if index is None:
                with self._database.read() as connection:
                    index = entry.refresh(connection)
            return index.links(np.asarray(anchors, dtype=np.int64), rows)

    def names(self, number: int) -> tuple[str, ...]:
        """The names of a scope's speakers."""
        entry = self._entry(number)
        with entry.lock, self._database.read() as connection:
            entry.refresh(connection)
            return tuple(entry.names.values())

    @property
    def nbytes(self) -> int:
        """Bytes held by all entries."""
        with self._lock:
            return sum(entry.nbytes for entry in self._entries.values())

    def _space(self, connection: apsw.Connection, fingerprint: str) -> int | None:
        """The number of a space, which never changes once it has one."""
        if fingerprint not in self._spaces:
            number = space_number(connection, fingerprint)
            if number is None:
                return None
            self._spaces[fingerprint] = number
        return self._spaces[fingerprint]

    def _entry(self, number: int) -> _Entry:
        with self._lock:
            entry = self._entries.setdefault(number, _Entry(number))
            self._entries.move_to_end(number)
            return entry

    def _shrink(self, *, keep: int) -> None:
        """Let go of the least recently used until the limit is kept; the one in use stays, however large."""
        with self._lock:
            used = self._entries.get(keep)
            if used is not None:
                size = used.nbytes
                self._held += size - used.counted
                used.counted = size
            while self._held > self._limit and len(self._entries) > 1:
                oldest = next(number for number in self._entries if number != keep)
                self._held -= self._entries.pop(oldest).counted


def _load_vectors(connection: apsw.Connection, number: int, space: int, size: int) -> VectorTable | None:
    """The vectors of a scope: in half precision for a small one, else quantised from sealed blocks."""
    if size <= HALVES_KEPT:
        rows, halves = load_halves(connection, number, space, 0, LAST_ROW)
        if not len(rows):
            return None
        small = VectorTable(halves.shape[1])
        small.put(rows, halves)
        return small
    blocks, sealed = load_vector_blocks(connection, number, space)
    dimensions = next((whole.shape[1] for rows, whole, _ in blocks if len(rows)), 0)
    table = VectorTable(dimensions, size=size) if dimensions else None
    for rows, whole, scales in blocks:
        if table is not None and len(rows):
            table.put_quantised(rows, whole, scales, None)
    for low, high in _gaps(sealed, size):
        rows, halves = load_halves(connection, number, space, low, high)
        if len(rows):
            table = table or VectorTable(halves.shape[1], size=size)
            table.put(rows, halves)
    return table


def _load_sentences(connection: apsw.Connection, number: int, space: int, size: int) -> Iterator[Sentences]:
    """The sentences of a scope: from sealed blocks, and row by row where there are none."""
    blocks, sealed = load_sentence_blocks(connection, number, space)
    yield from blocks
    for low, high in _gaps(sealed, size):
        yield load_sentences(connection, number, space, low, high)


def _gaps(sealed: set[int], size: int) -> Iterator[tuple[int, int]]:
    """First and last row of each stretch of unsealed blocks."""
    start: int | None = None
    for block in range(size // BLOCK_ROWS + 2):
        if block not in sealed and start is None:
            start = block
        elif start is not None and (block in sealed or block == size // BLOCK_ROWS + 1):
            yield start * BLOCK_ROWS, block * BLOCK_ROWS - 1
            start = None


def _fetch_halves(
    connection: apsw.Connection, number: int, space: int | None, rows: Integers
) -> tuple[Integers, Halves]:
    first, _ = id_range(number)
    marks = ",".join("?" * len(rows))
    found = connection.execute(
        f"SELECT id & 4294967295, half FROM vector WHERE space = ? AND id IN ({marks}) ORDER BY id",
        (space, *(first + row for row in rows.tolist())),
    )
    return stacked(list(found))


def _read_labels(
    connection: apsw.Connection, number: int, start: int
) -> Iterator[tuple[int, Mapping[str, Json], str | None]]:
    first, last = id_range(number)
    for row, metadata, message_id in connection.execute(Q["metadata_rows"], (first + start, last)):
        yield row, json.loads(metadata) if metadata else {}, message_id
