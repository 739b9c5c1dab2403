"""Background work and what a server keeps, in memory."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime, timedelta

from memstrata.core.access import Key
from memstrata.core.records import Job, JobCounts, KeptAnswer
from memstrata.stores.memory.open_memory import OpenMemory
from memstrata.types import Scope


class JobsInMemory(OpenMemory):
    """Implements the jobs of `Store`, and `AccessStore`; see there for what each method promises."""

    def claim(
        self, queues: Sequence[str], *, owner: str, at: datetime, lease: timedelta, scope: Scope | None
    ) -> Job | None:
        """See `Store.claim`."""
        with self._open():
            key = None if scope is None else self._partition(scope).key
            return self._jobs.claim(queues, owner=owner, at=at, lease=lease, scope_key=key)

    def extend(self, job: Job, *, owner: str, until: datetime) -> bool:
        """See `Store.extend`."""
        with self._open():
            return self._jobs.extend(job, owner=owner, until=until)

    def finish(self, job: Job, *, owner: str) -> bool:
        """See `Store.finish`."""
        with self._open():
            return self._jobs.finish(job, owner=owner)

    def fail(self, job: Job, *, owner: str, error: str, retry_at: datetime | None) -> bool:
        """See `Store.fail`."""
        with self._open():
            return self._jobs.fail(job, owner=owner, error=error, retry_at=retry_at)

    def release(self, job: Job, *, owner: str) -> bool:
        """See `Store.release`."""
        with self._open():
            return self._jobs.release(job, owner=owner)

    def job_counts(self, queues: Sequence[str] | None, *, scope: Scope | None) -> JobCounts:
        """See `Store.job_counts`."""
        with self._open():
            return self._jobs.counts(queues, scope_key=None if scope is None else self._partition(scope).key)

    def retry_dead(self, *, at: datetime) -> int:
        """See `Store.retry_dead`."""
        with self._open():
            return self._jobs.retry_dead(at=at)

    def put_key(self, key: Key) -> None:
        """See `AccessStore.put_key`."""
        with self._open():
            self._keys[key.id] = key

    def key(self, id: str) -> Key | None:  # noqa: A002 - the field's word
        """See `AccessStore.key`."""
        with self._open():
            return self._keys.get(id)

    def keys(self) -> list[Key]:
        """See `AccessStore.keys`."""
        with self._open():
            return sorted(self._keys.values(), key=lambda each: (each.created_at, each.id))

    def keep_answer(self, name: bytes, answer: KeptAnswer, *, at: datetime, drop_before: datetime) -> None:
        """See `AccessStore.keep_answer`."""
        with self._open():
            self._answers = {each: kept for each, kept in self._answers.items() if kept[0] >= drop_before}
            self._answers.setdefault(name, (at, answer))

    def kept_answer(self, name: bytes) -> KeptAnswer | None:
        """See `AccessStore.kept_answer`."""
        with self._open():
            return self._answers[name][1] if name in self._answers else None
