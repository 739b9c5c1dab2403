"""`Store` on one SQLite file: each method is one transaction over the functions beside this module."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path

import apsw
import numpy as np

from memstrata.core.access import Key
from memstrata.core.candidates import Floats, Integers, Pool, Probe, View
from memstrata.core.clock import microseconds
from memstrata.core.facts.erasing import Redaction
from memstrata.core.facts.log import NewChange
from memstrata.core.index.rows import ROW
from memstrata.core.index.scope_index import ScopeIndex
from memstrata.core.index.vectors import Halves
from memstrata.core.records import (
    SCRUB_QUEUE,
    Appended,
    Counts,
    Extracted,
    FactQuery,
    Forgotten,
    Job,
    JobCounts,
    KeptAnswer,
    KeptEpisode,
    KeptLog,
    NewEpisode,
    NewJob,
    Restored,
    RestoredEpisode,
    Spent,
    TextRow,
)
from memstrata.core.surprise import TurnRow
from memstrata.errors import NotFound
from memstrata.stores.blobs import FolderBlobs
from memstrata.stores.sqlite import access, artifacts, episodes, erasing, exchange, facts, jobs, salience, vectors
from memstrata.stores.sqlite.cache import IndexCache
from memstrata.stores.sqlite.database import Database
from memstrata.stores.sqlite.fact_cache import FactCache
from memstrata.stores.sqlite.scopes import scope_number, scope_of
from memstrata.stores.sqlite.sql import Q
from memstrata.types import Artifact, ArtifactKind, ArtifactStatus, Change, Episode, Fact, Page, Scope


class SqliteStore:
    """Implements `Store`; see there for what each method promises."""

    def __init__(self, path: Path, *, cache_bytes: int, read_only: bool = False) -> None:
        self._database = Database(path, read_only=read_only)
        self._cache = IndexCache(self._database, limit_bytes=cache_bytes)
        self._facts = FactCache()
        self._numbers: dict[Scope, int] = {}
        self._blobs = FolderBlobs(path.with_name(f"{path.name}.artifacts"))

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

    def scope_of(self, scope_key: int) -> Scope:
        """See `FactStore.scope_of`."""
        with self._database.read() as connection:
            return scope_of(connection, scope_key)

    def change_facts(
        self, scope: Scope, changes: Sequence[NewChange], *, expected: int | None, extracted: Extracted | None = None
    ) -> list[Change]:
        """See `FactStore.change_facts`."""
        written, made_stale = self._database.write(
            lambda connection: facts.change_facts(connection, scope, changes, expected=expected, extracted=extracted)
        )
        if made_stale:
            self._delete_doomed()
        return written

    def last_change(self, scope: Scope) -> int:
        """See `FactStore.last_change`."""
        number = self._number(scope)
        if number is None:
            return 0
        with self._database.read() as connection:
            return facts.last_change(connection, number)

    def facts(self, scope: Scope, wanted: FactQuery) -> list[Fact]:
        """See `FactStore.facts`."""
        with self._database.read() as connection:
            return facts.facts(connection, scope, wanted, read=self._facts.fact)

    def fact_log(self, scope: Scope, ids: Sequence[str] | None = None) -> list[Change]:
        """See `FactStore.fact_log`."""
        with self._database.read() as connection:
            return facts.fact_log(connection, scope, ids)

    def change(self, scope: Scope, id: str) -> Change | None:  # noqa: A002 - the field's word
        """See `FactStore.change`."""
        with self._database.read() as connection:
            return facts.change(connection, scope, id)

    def unextracted(self, scope: Scope, *, extractor: str, limit: int) -> list[tuple[int, Episode]]:
        """See `FactStore.unextracted`."""
        number = self._number(scope)
        if number is None:
            return []
        with self._database.read() as connection:
            through = facts.extracted_through(connection, number, extractor)
            return episodes.after(connection, scope, number, through, limit=limit)

    def spent(self, scope: Scope, *, day: str) -> Spent:
        """See `FactStore.spent`."""
        with self._database.read() as connection:
            return facts.spent(connection, scope, day)

    def spend(self, scope: Scope, *, day: str, spent: Spent) -> None:
        """See `FactStore.spend`."""
        self._database.write(lambda connection: facts.spend(connection, scope, day, spent))

    def claim(
        self, queues: Sequence[str], *, owner: str, at: datetime, lease: timedelta, scope: Scope | None
    ) -> Job | None:
        """See `Store.claim`. Looks before it writes, so that an idle worker costs no write."""
        with self._database.read() as connection:
            key = None if scope is None else scope_number(connection, scope)
            if scope is not None and key is None:
                return None
            if jobs.due_job(connection, queues, at=at, scope_key=key) is None:
                return None
        return self._database.write(
            lambda connection: jobs.claim(connection, queues, owner=owner, at=at, until=at + lease, scope_key=key)
        )

    def extend(self, job: Job, *, owner: str, until: datetime) -> bool:
        """See `Store.extend`."""
        return self._database.write(lambda connection: jobs.extend(connection, job.number, owner=owner, until=until))

    def finish(self, job: Job, *, owner: str) -> bool:
        """See `Store.finish`."""
        return self._database.write(lambda connection: jobs.finish(connection, job.number, owner=owner))

    def fail(self, job: Job, *, owner: str, error: str, retry_at: datetime | None) -> bool:
        """See `Store.fail`."""
        return self._database.write(
            lambda connection: jobs.fail(connection, job.number, owner=owner, error=error, retry_at=retry_at)
        )

    def release(self, job: Job, *, owner: str) -> bool:
        """See `Store.release`."""
        return self._database.write(lambda connection: jobs.release(connection, job.number, owner=owner))

    def job_counts(self, queues: Sequence[str] | None, *, scope: Scope | None) -> JobCounts:
        """See `Store.job_counts`."""
        with self._database.read() as connection:
            key = None if scope is None else scope_number(connection, scope)
            return JobCounts() if scope is not None and key is None else jobs.counts(connection, queues, scope_key=key)

    def retry_dead(self, *, at: datetime) -> int:
        """See `Store.retry_dead`."""
        return self._database.write(lambda connection: jobs.retry_dead(connection, at=at))

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

    @property
    def blobs(self) -> FolderBlobs:
        """See `ArtifactStore.blobs`: a folder beside the file."""
        return self._blobs

    def blob_name(self, scope: Scope, id: str) -> str:  # noqa: A002 - the field's word
        """See `ArtifactStore.blob_name`."""
        number = self._number(scope)
        if number is None:
            raise NotFound("nothing is stored of this scope, so it has no artifacts")
        return artifacts.name_of(number, id)

    def begin_artifact(self, scope: Scope, artifact: Artifact, *, queue: str | None = None) -> bool:
        """See `ArtifactStore.begin_artifact`."""
        number = self._number(scope)
        if number is None:
            return False
        return self._database.write(lambda connection: artifacts.begin(connection, number, artifact, queue=queue))

    def finish_artifact(self, scope: Scope, artifact: Artifact) -> bool:
        """See `ArtifactStore.finish_artifact`."""
        number = self._number(scope)
        if number is None:
            return False
        done = self._database.write(lambda connection: artifacts.finish(connection, number, artifact))
        if not done or artifact.status == "refused":
            self._delete_doomed()
        return done

    def publish_artifact(self, scope: Scope, id: str) -> bool:  # noqa: A002 - the field's word
        """See `ArtifactStore.publish_artifact`."""
        number = self._number(scope)
        if number is None:
            return False
        return self._database.write(lambda connection: artifacts.publish(connection, number, id))

    def artifacts(
        self,
        scope: Scope,
        *,
        kinds: Sequence[ArtifactKind] | None = None,
        statuses: Sequence[ArtifactStatus] | None = None,
        series: Sequence[str] | None = None,
    ) -> list[Artifact]:
        """See `ArtifactStore.artifacts`."""
        number = self._number(scope)
        if number is None:
            return []
        with self._database.read() as connection:
            return artifacts.listed(connection, number, kinds=kinds, statuses=statuses, series=series)

    def all_artifacts(self, kinds: Sequence[ArtifactKind]) -> list[tuple[Scope, Artifact]]:
        """See `ArtifactStore.all_artifacts`."""
        with self._database.read() as connection:
            return artifacts.all_of(connection, kinds)

    def note_use(self, scope: Scope, ids: Sequence[str], *, at: datetime) -> None:
        """See `ArtifactStore.note_use`."""
        number = self._number(scope)
        if number is not None and ids:
            self._database.write(lambda connection: artifacts.note_use(connection, number, ids, at=at))

    def drop_artifacts(self, scope: Scope, ids: Sequence[str]) -> list[str]:
        """See `ArtifactStore.drop_artifacts`."""
        number = self._number(scope)
        if number is None or not ids:
            return []
        there = self._database.write(lambda connection: artifacts.drop(connection, number, ids))
        self._delete_doomed()
        return there

    def _delete_doomed(self) -> bool:
        """Delete the bytes that are condemned; False where some are still there, which a later scrub tries again."""
        with self._database.read() as connection:
            names = artifacts.doomed(connection)
        if names:
            gone = set(names) - set(self._blobs.delete(names))
            self._database.write(lambda connection: artifacts.pardon(connection, gone))
            return len(gone) == len(names)
        return True

    def put_key(self, key: Key) -> None:
        """See `AccessStore.put_key`."""
        self._database.write(lambda connection: access.put_key(connection, key))

    def key(self, id: str) -> Key | None:  # noqa: A002 - the field's word
        """See `AccessStore.key`."""
        with self._database.read() as connection:
            return access.key(connection, id)

    def keys(self) -> list[Key]:
        """See `AccessStore.keys`."""
        with self._database.read() as connection:
            return access.keys(connection)

    def keep_answer(self, name: bytes, answer: KeptAnswer, *, at: datetime, drop_before: datetime) -> None:
        """See `AccessStore.keep_answer`."""
        self._database.write(
            lambda connection: access.keep_answer(connection, name, answer, at=at, drop_before=drop_before)
        )

    def kept_answer(self, name: bytes) -> KeptAnswer | None:
        """See `AccessStore.kept_answer`."""
        with self._database.read() as connection:
            return access.kept_answer(connection, name)

    def close(self) -> None:
        """See `Store.close`."""
        self._database.close()

    def _number(self, scope: Scope) -> int | None:
        """The number of a scope's partition, which never changes once it has one."""
        partition = scope.partition
        if partition not in self._numbers:
            with self._database.read() as connection:
                number = scope_number(connection, scope)
            if number is None:
                return None
            self._numbers[partition] = number
        return self._numbers[partition]


def _no_vectors(rows: Integers) -> tuple[Integers, Halves]:
    return rows, np.empty((len(rows), 0), np.float16)
