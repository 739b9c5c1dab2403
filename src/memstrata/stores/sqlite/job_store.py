"""Background work and what a server keeps, on one SQLite file."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime, timedelta

from memstrata.core.access import Key
from memstrata.core.records import Job, JobCounts, KeptAnswer
from memstrata.stores.sqlite import access, jobs
from memstrata.stores.sqlite.open_file import OpenFile
from memstrata.stores.sqlite.scopes import scope_number
from memstrata.types import Scope


class SqliteJobs(OpenFile):
    """Implements the jobs of `Store`, and `AccessStore`; see there for what each method promises."""

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
