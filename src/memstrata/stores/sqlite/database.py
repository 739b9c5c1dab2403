"""One SQLite file: a writer thread that commits in groups, a pool of readers, and errors in our own words.

WAL with `synchronous=FULL`: what a write returned from has reached the disk. `secure_delete` overwrites what is
deleted. Several processes may use the file; a write waits for another process's up to `BUSY_WAIT`.
"""

from __future__ import annotations

import queue
import threading
from collections.abc import Callable, Iterator
from concurrent.futures import Future
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any, TypeVar, cast

import apsw

from memstrata.errors import (
    Closed,
    MemstrataError,
    StoreBusy,
    StoreCorrupt,
    StoreError,
    StoreFull,
    StoreReadOnly,
    StoreTooNew,
)
from memstrata.stores.sqlite.gaps import wipe_gaps
from memstrata.stores.sqlite.migrations import SCHEMA_VERSION, migrate

BUSY_WAIT_MS = 30_000
SCRUB_WAIT_MS = 1000
GROUP = 128
"""Most writes in one commit; more hardly share its cost any better."""
APPLICATION_ID = 0x4D535452  # "MSTR"

T = TypeVar("T")
Operation = Callable[[apsw.Connection], T]


@dataclass(frozen=True, slots=True)
class _Queued:
    operation: Operation[Any]
    future: Future[Any]
    alone: bool


_TRANSLATIONS: tuple[tuple[type[apsw.Error], type[StoreError], str], ...] = (
    (apsw.FullError, StoreFull, "the disk is full; nothing of this write was kept"),
    (apsw.ReadOnlyError, StoreReadOnly, "cannot be written; check its permissions and its folder's"),
    (apsw.PermissionsError, StoreReadOnly, "may not be opened; check its permissions and its folder's"),
    (apsw.BusyError, StoreBusy, "is held by another process; try again"),
    (apsw.LockedError, StoreBusy, "is held by another connection; try again"),
    (apsw.NotADBError, StoreCorrupt, "is not a Memstrata store (or is encrypted or damaged)"),
    (apsw.CorruptError, StoreCorrupt, "is damaged; restore a copy, or recover it with `sqlite3 FILE .recover`"),
    (apsw.CantOpenError, StoreError, "cannot be opened; check the path and its permissions"),
    (apsw.IOError, StoreError, "could not be read or written; check the disk"),
)


def translate(error: apsw.Error, path: Path) -> StoreError:
    """The error in our tree that an error of SQLite means."""
    for kind, ours, words in _TRANSLATIONS:
        if isinstance(error, kind):
            return ours(f"{str(path)!r} {words}")
    return StoreError(f"{str(path)!r}: {type(error).__name__}: {error}")


class Database:
    """A file, its writer and its readers."""

    def __init__(self, path: Path, *, read_only: bool = False) -> None:
        self.path = path
        self.read_only = read_only
        self._closed = False
        self._lock = threading.Lock()
        self._idle: list[apsw.Connection] = []
        self._queue: queue.SimpleQueue[_Queued | None] = queue.SimpleQueue()
        with self._translated():
            self._writer = self._connect()
            try:
                self._prepare()
            except BaseException:
                self._writer.close()
                raise
        self._thread = threading.Thread(target=self._write_loop, name="memstrata-writer", daemon=True)
        self._thread.start()

    def write(self, operation: Operation[T]) -> T:
        """Run `operation` on the writer inside a transaction; durable when it returns. Its errors roll it back."""
        return self._submit(operation, alone=False)

    @contextmanager
    def read(self) -> Iterator[apsw.Connection]:
        """A connection with one consistent view of the file."""
        with self._lock:
            if self._closed:
                raise Closed("the store is closed; open the memory again")
            connection = self._idle.pop() if self._idle else None
        with self._translated():
            connection = connection or self._connect(reader=True)
            try:
                connection.execute("BEGIN")
                yield connection
            finally:
                if connection.in_transaction:
                    connection.execute("ROLLBACK")
                self._give_back(connection)

    def scrub(self, mark: Operation[None]) -> bool:
        """Leave nothing of what was deleted in the log or in gaps of the file, then write `mark`.

        False, with nothing marked, while a reader or another process's writer is in the way.
        """
        return self._submit(lambda writer: self._scrub(writer, mark), alone=True)

    def close(self) -> None:
        """Finish the queued writes and close every connection."""
        with self._lock:
            if self._closed:
                return
            self._closed = True
            self._queue.put(None)
        self._thread.join()
        for connection in self._idle:
            connection.close()
        with suppress(apsw.Error):
            if not self.read_only:
                self._writer.execute("PRAGMA optimize")
        self._writer.close()

    def _submit(self, operation: Operation[T], *, alone: bool) -> T:
        if self.read_only:
            raise StoreReadOnly(f"{str(self.path)!r} was opened with mode=ro; open it without to write")
        future: Future[T] = Future()
        with self._lock:
            if self._closed:
                raise Closed("the store is closed; open the memory again")
            self._queue.put(_Queued(operation, future, alone))
        return future.result()

    def _connect(self, *, reader: bool = False) -> apsw.Connection:
        flags = apsw.SQLITE_OPEN_URI | apsw.SQLITE_OPEN_FULLMUTEX
        if self.read_only:
            flags |= apsw.SQLITE_OPEN_READONLY
        else:
            flags |= apsw.SQLITE_OPEN_READWRITE | (0 if reader else apsw.SQLITE_OPEN_CREATE)
        connection = apsw.Connection(str(self.path), flags=flags)
        connection.set_busy_timeout(BUSY_WAIT_MS)
        connection.execute("PRAGMA temp_store = MEMORY; PRAGMA mmap_size = 268435456").fetchall()
        if reader:
            connection.execute("PRAGMA query_only = ON")
        return connection

    def _prepare(self) -> None:
        """Check whose file it is, create or migrate the schema, and set how it is written."""
        writer = self._writer
        version = int(_one(writer, "PRAGMA user_version"))
        owner = int(_one(writer, "PRAGMA application_id"))
        tables = int(_one(writer, "SELECT count(*) FROM sqlite_schema"))
        if (tables or version) and owner != APPLICATION_ID:
            raise StoreCorrupt(f"{str(self.path)!r} is an SQLite file of another program; choose another path")
        if version > SCHEMA_VERSION:
            raise StoreTooNew(
                f"{str(self.path)!r} has schema {version}, this Memstrata knows {SCHEMA_VERSION}: upgrade Memstrata"
            )
        if self.read_only:
            if version != SCHEMA_VERSION:
                raise StoreReadOnly(f"{str(self.path)!r} has to be migrated; open it once without mode=ro")
            return
        writer.execute("PRAGMA journal_mode = WAL; PRAGMA synchronous = FULL; PRAGMA secure_delete = ON").fetchall()
        if version < SCHEMA_VERSION:
            self._migrate()

    def _migrate(self) -> None:
        writer = self._writer
        writer.execute("BEGIN IMMEDIATE")
        try:
            version = int(_one(writer, "PRAGMA user_version"))  # another process may have been quicker
            if version < SCHEMA_VERSION:
                migrate(writer, version)
            writer.execute(f"PRAGMA application_id = {APPLICATION_ID}; PRAGMA user_version = {SCHEMA_VERSION}")
            writer.execute("COMMIT")
        except BaseException:
            if writer.in_transaction:
                writer.execute("ROLLBACK")
            raise

    def _scrub(self, writer: apsw.Connection, mark: Operation[None]) -> bool:
        if not _empty_log(writer):
            return False
        connection = self._connect()  # not the writer: a commit of another's makes it read its pages again
        try:
            connection.execute("PRAGMA synchronous = FULL; PRAGMA secure_delete = ON").fetchall()
            connection.set_busy_timeout(SCRUB_WAIT_MS)
            connection.execute("BEGIN IMMEDIATE")
            log = self.path.with_name(self.path.name + "-wal")
            if log.exists() and log.stat().st_size:  # another process wrote in between
                return False
            wipe_gaps(self.path)
            mark(connection)
            connection.execute("COMMIT")
        except apsw.BusyError:
            return False
        finally:
            connection.close()
        return True

    def _write_loop(self) -> None:
        while (first := self._queue.get()) is not None:
            batch = [first]
            stop = False
            while len(batch) < GROUP and not self._queue.empty():
                following = self._queue.get()
                if following is None:
                    stop = True
                    break
                batch.append(following)
            self._commit_group(batch)
            if stop:
                return

    def _commit_group(self, batch: list[_Queued]) -> None:
        """One transaction for all; where it breaks as a whole, one for each."""
        if len(batch) > 1 and any(queued.alone for queued in batch):
            for queued in batch:
                self._commit_group([queued])
            return
        try:
            outcomes = self._run_alone(batch[0]) if batch[0].alone else self._run_group(batch)
        except BaseException as error:  # noqa: BLE001 - whatever it is belongs to the caller that waits for it
            self._roll_back()
            if len(batch) > 1:
                for queued in batch:
                    self._commit_group([queued])
                return
            batch[0].future.set_exception(translate(error, self.path) if isinstance(error, apsw.Error) else error)
            return
        for queued, outcome in zip(batch, outcomes, strict=True):
            if isinstance(outcome, _Refused):
                queued.future.set_exception(outcome.error)
            else:
                queued.future.set_result(outcome)

    def _run_alone(self, queued: _Queued) -> list[object]:
        return [queued.operation(self._writer)]

    def _run_group(self, batch: list[_Queued]) -> list[object]:
        """Results in order; an operation's own refusal undoes that operation only."""
        outcomes: list[object] = []
        self._writer.execute("BEGIN IMMEDIATE")
        for queued in batch:
            self._writer.execute("SAVEPOINT one")
            try:
                outcomes.append(queued.operation(self._writer))
            except MemstrataError as error:
                self._writer.execute("ROLLBACK TO one")
                outcomes.append(_Refused(error))
            self._writer.execute("RELEASE one")
        self._writer.execute("COMMIT")
        return outcomes

    def _roll_back(self) -> None:
        with suppress(apsw.Error):
            if self._writer.in_transaction:
                self._writer.execute("ROLLBACK")

    def _give_back(self, connection: apsw.Connection) -> None:
        with self._lock:
            if not self._closed:
                self._idle.append(connection)
                return
        connection.close()

    @contextmanager
    def _translated(self) -> Iterator[None]:
        try:
            yield
        except apsw.Error as error:
            raise translate(error, self.path) from error


@dataclass(frozen=True, slots=True)
class _Refused:
    error: MemstrataError


def _empty_log(connection: apsw.Connection) -> bool:
    """Move everything from the log into the file and empty the log; False while a reader is in the way."""
    connection.set_busy_timeout(SCRUB_WAIT_MS)
    try:
        row = connection.execute("PRAGMA wal_checkpoint(TRUNCATE)").fetchone()
        return row is not None and row[0] == 0
    finally:
        connection.set_busy_timeout(BUSY_WAIT_MS)


def _one(connection: apsw.Connection, statement: str) -> int:
    row = connection.execute(statement).fetchone()
    return cast(int, row[0]) if row else 0
