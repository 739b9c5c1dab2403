"""`Store` on one SQLite file: each method is one transaction over the functions beside this module."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from datetime import UTC, datetime

import apsw
import numpy as np

from memstrata.core.candidates import Floats, Integers, Pool, Probe, View
from memstrata.core.clock import microseconds
from memstrata.core.facts.erasing import Redaction
from memstrata.core.index.rows import ROW
from memstrata.core.index.scope_index import ScopeIndex
from memstrata.core.index.vectors import Halves
from memstrata.core.records import (
    SCRUB_QUEUE,
    Appended,
    Counts,
    Forgotten,
    KeptEpisode,
    KeptLog,
    NewEpisode,
    NewJob,
    Restored,
    RestoredEpisode,
    TextRow,
)
from memstrata.core.surprise import TurnRow
from memstrata.stores.sqlite import episodes, erasing, exchange, salience, vectors
from memstrata.stores.sqlite.artifact_store import SqliteArtifacts
from memstrata.stores.sqlite.fact_store import SqliteFacts
from memstrata.stores.sqlite.job_store import SqliteJobs
from memstrata.stores.sqlite.sql import Q
from memstrata.types import Change, Episode, Page, Scope


class SqliteStore(SqliteFacts, SqliteArtifacts, SqliteJobs):
    """Implements `Store`; see there for what each method promises."""

    def append(
        self, scope: Scope, episodes_: Sequence[NewEpisode], *, recorded_at: datetime, jobs: Sequence[NewJob]
    ) -> list[Appended]:
        """See `Store.append`."""
        if not episodes_:
            return []
        return self._database.write(
            lambda connection: episodes.append(connection, scope, episodes_, recorded_at=recorded_at, jobs=jobs)
        )

    def candidates(self, scope: Scope, probe: Probe) -> Pool:
        """See `Store.candidates`."""
        view = replace(probe.view, run_id=scope.run_within or probe.view.run_id)
        number = self._number(scope)
        if number is None:
            empty = ScopeIndex(np.empty(0, ROW), np.empty(0, np.uint64))
            return empty.candidates(replace(probe, vector=None), allowed=None, names={}, fetch=_no_vectors)
        return self._cache.candidates(number, replace(probe, view=view))

    def links(self, scope: Scope, anchors: Sequence[int], rows: Integers) -> Floats:
        """See `Store.links`."""
        number = self._number(scope)
        if number is None:
            return np.zeros((len(anchors), len(rows)), np.float32)
        return self._cache.links(number, anchors, rows)

    def names(self, scope: Scope) -> tuple[str, ...]:
        """See `Store.names`."""
        number = self._number(scope)
        return () if number is None else self._cache.names(number)

    def by_rows(self, scope: Scope, rows: Sequence[int]) -> list[tuple[int, Episode]]:
        """See `Store.by_rows`."""
        number = self._number(scope)
        if number is None:
            return []
        with self._database.read() as connection:
            return episodes.by_rows(connection, scope, number, rows)

    def by_ids(self, scope: Scope, ids: Sequence[str]) -> list[Episode]:
        """See `Store.by_ids`."""
        with self._database.read() as connection:
            return episodes.by_ids(connection, scope, ids)

    def list_episodes(self, scope: Scope, view: View, *, limit: int, cursor: str | None) -> Page:
        """See `Store.list_episodes`."""
        with self._database.read() as connection:
            return episodes.list_episodes(connection, scope, view, limit=limit, cursor=cursor)

    def forget(self, scope: Scope, *, ids: Sequence[str] | None, receipt_id: str, at: datetime) -> Forgotten:
        """See `Store.forget`. The job that scrubs the files commits with the erasure."""

        gone = self._database.write(
            lambda connection: erasing.erase(connection, scope, ids=ids, receipt_id=receipt_id, at=at)
        )
        self._facts.clear()
        return Forgotten(episode_ids=gone, scrubbed=self.scrub())

    def redact(
        self,
        scope: Scope,
        redactions: Sequence[Redaction],
        *,
        receipt_id: str,
        at: datetime,
        jobs: Sequence[NewJob] = (),
    ) -> Forgotten:
        """See `FactStore.redact`."""
        changed = self._database.write(
            lambda connection: erasing.redact(connection, scope, redactions, receipt_id=receipt_id, at=at, jobs=jobs)
        )
        self._facts.clear()
        return Forgotten(episode_ids=changed, scrubbed=self.scrub())

    def counts(self, scope: Scope, *, space: str | None) -> Counts:
        """See `Store.counts`."""
        with self._database.read() as connection:
            return episodes.counts(connection, scope, space=space)

    def use_space(self, space: str, *, queue: str, at: datetime) -> None:
        """See `Store.use_space`. A read-only store keeps the space that it has."""
        with self._database.read() as connection:
            if vectors.current_space(connection) == space or self._database.read_only:
                return
        self._database.write(lambda connection: vectors.use_space(connection, space, queue=queue, at=at))

    def missing_vectors(self, scope_key: int, space: str, *, limit: int) -> list[TextRow]:
        """See `Store.missing_vectors`."""
        with self._database.read() as connection:
            return vectors.missing(connection, scope_key, space, limit=limit)

    def put_vectors(
        self,
        scope_key: int,
        space: str,
        rows: Sequence[int],
        values: Floats,
        *,
        redactions: Sequence[int] | None = None,
        sentences: Sequence[Floats] | None = None,
    ) -> None:
        """See `Store.put_vectors`."""
        at = microseconds(datetime.now(UTC))
        self._database.write(
            lambda connection: vectors.put(
                connection, scope_key, space, rows, values, redactions=redactions, sentences=sentences, at=at
            )
        )

    def vectors(self, scope: Scope, rows: Sequence[int], space: str) -> Floats:
        """See `Store.vectors`."""
        number = self._number(scope)
        if number is None:
            return np.empty((len(rows), 0), np.float32)
        with self._database.read() as connection:
            return vectors.of_rows(connection, number, space, rows)

    def drop_other_spaces(self, scope_key: int, space: str) -> None:
        """See `Store.drop_other_spaces`."""
        self._database.write(lambda connection: vectors.drop_others(connection, scope_key, space))

    def use_salience(self, model: str, *, queue: str, at: datetime) -> None:
        """See `SalienceStore.use_salience`. A read-only store keeps what it has."""
        with self._database.read() as connection:
            if salience.current_model(connection) == model or self._database.read_only:
                return
        self._database.write(lambda connection: salience.use_salience(connection, model, queue=queue, at=at))

    def session_to_weigh(self, scope_key: int, *, after: int) -> list[TurnRow]:
        """See `SalienceStore.session_to_weigh`."""
        with self._database.read() as connection:
            return salience.session_to_weigh(connection, scope_key, after=after)

    def put_surprises(
        self, scope_key: int, model: str, rows: Sequence[int], nats: Sequence[float], *, redactions: Sequence[int]
    ) -> None:
        """See `SalienceStore.put_surprises`."""
        at = microseconds(datetime.now(UTC))
        self._database.write(
            lambda connection: salience.put(connection, scope_key, model, rows, nats, redactions=redactions, at=at)
        )

    def scrub(self) -> bool:
        """See `Store.scrub`: older pages in the write-ahead log and gaps in the file may still hold the text."""
        if not self._delete_doomed():
            return False
        with self._database.read() as connection:
            waiting = [row[0] for row in connection.execute(Q["unscrubbed"])]
        if not waiting:
            return True

        def mark(connection: apsw.Connection) -> None:
            connection.executemany(Q["mark_scrubbed"], [(id_,) for id_ in waiting])
            if connection.execute(Q["unscrubbed"]).fetchone() is None:
                connection.execute(Q["delete_pending_jobs"], (SCRUB_QUEUE,))

        return self._database.scrub(mark)

    def known(self, scope: Scope, digests: Sequence[bytes]) -> set[bytes]:
        """See `ExchangeStore.known`."""
        with self._database.read() as connection:
            return exchange.known(connection, scope, digests)

    def export(self, scope: Scope, take: Callable[[KeptEpisode], None]) -> KeptLog:
        """See `ExchangeStore.export`."""
        with self._database.read() as connection:
            return exchange.export(connection, scope, take)

    def restore(
        self,
        scope: Scope,
        episodes_: Sequence[RestoredEpisode],
        changes: Sequence[Change],
        *,
        read: Mapping[str, str],
        at: datetime,
        jobs: Sequence[NewJob],
    ) -> Restored:
        """See `ExchangeStore.restore`."""
        if not episodes_ and not changes:
            return Restored(added=0, known=0, changes=0, passed_over=0)
        done = self._database.write(
            lambda connection: exchange.restore(connection, scope, episodes_, changes, read=read, at=at, jobs=jobs)
        )
        self._delete_doomed()
        return done


def _no_vectors(rows: Integers) -> tuple[Integers, Halves]:
    return rows, np.empty((len(rows), 0), np.float16)
