"""Jobs in memory: the executable specification of leases, retries and dead letters."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import datetime, timedelta

from memstrata.core.records import Job, JobCounts, JobState


@dataclass(frozen=True, slots=True, kw_only=True)
class _Row:
    number: int
    queue: str
    scope_key: int
    state: JobState
    due: datetime
    attempts: int = 0
    owner: str | None = None
    lease_until: datetime | None = None
    error: str | None = None


class MemoryJobs:
    """The jobs of one store; the store holds the lock."""

    def __init__(self) -> None:
        self._rows: dict[int, _Row] = {}
        self._last = 0

    def enqueue(self, queue: str, scope_key: int, *, at: datetime) -> None:
        """Add a pending job unless one of the same queue and scope is pending."""
        for row in self._rows.values():
            if (row.queue, row.scope_key, row.state) == (queue, scope_key, "pending"):
                return
        self._last += 1
        self._rows[self._last] = _Row(number=self._last, queue=queue, scope_key=scope_key, state="pending", due=at)

    def claim(
        self, queues: Sequence[str], *, owner: str, at: datetime, lease: timedelta, scope_key: int | None
    ) -> Job | None:
        """Lease the oldest due job."""
        for row in self._rows.values():
            waiting = row.state == "pending" and row.due <= at
            lapsed = row.state == "running" and row.lease_until is not None and row.lease_until <= at
            wanted = row.queue in queues and scope_key in (None, row.scope_key)
            if wanted and (waiting or lapsed) and not self._has_running_twin(row, at):
                until = at + lease
                taken = replace(row, state="running", attempts=row.attempts + 1, owner=owner, lease_until=until)
                self._rows[row.number] = taken
                return Job(
                    number=row.number,
                    queue=row.queue,
                    scope_key=row.scope_key,
                    attempts=taken.attempts,
                    lease_until=until,
                )
        return None

    def _has_running_twin(self, row: _Row, at: datetime) -> bool:
        return any(
            other.number != row.number
            and (other.queue, other.scope_key, other.state) == (row.queue, row.scope_key, "running")
            and other.lease_until is not None
            and other.lease_until > at
            for other in self._rows.values()
        )

    def extend(self, job: Job, *, owner: str, until: datetime) -> bool:
        """Keep a lease longer."""
        row = self._held(job, owner)
        if row is None:
            return False
        self._rows[job.number] = replace(row, lease_until=until)
        return True

    def finish(self, job: Job, *, owner: str) -> bool:
        """Remove a job that is done."""
        if self._held(job, owner) is None:
            return False
        del self._rows[job.number]
        return True

    def fail(self, job: Job, *, owner: str, error: str, retry_at: datetime | None) -> bool:
        """Put a job back, or among the dead."""
        return self._put_back(job, owner, error=error, retry_at=retry_at, attempts=job.attempts)

    def release(self, job: Job, *, owner: str) -> bool:
        """Hand a job back uncounted."""
        row = self._rows.get(job.number)
        due = row.due if row is not None else job.lease_until
        return self._put_back(job, owner, error=None, retry_at=due, attempts=job.attempts - 1)

    def _put_back(self, job: Job, owner: str, *, error: str | None, retry_at: datetime | None, attempts: int) -> bool:
        row = self._held(job, owner)
        if row is None:
            return False
        state: JobState = "dead" if retry_at is None else "pending"
        back = replace(
            row,
            state=state,
            due=retry_at or row.due,
            owner=None,
            lease_until=None,
            error=error,
            attempts=attempts,
        )
        twin = any(
            (other.queue, other.scope_key, other.state) == (row.queue, row.scope_key, "pending")
            for other in self._rows.values()
        )
        if state == "pending" and twin:
            del self._rows[job.number]
        else:
            self._rows[job.number] = back
        return True

    def counts(self, queues: Sequence[str] | None, *, scope_key: int | None) -> JobCounts:
        """Jobs by state."""
        states = [
            row.state
            for row in self._rows.values()
            if (queues is None or row.queue in queues) and scope_key in (None, row.scope_key)
        ]
        return JobCounts(pending=states.count("pending"), running=states.count("running"), dead=states.count("dead"))

    def retry_dead(self, *, at: datetime) -> int:
        """Revive the dead."""
        dead = [row for row in self._rows.values() if row.state == "dead"]
        for row in dead:
            del self._rows[row.number]
            self.enqueue(row.queue, row.scope_key, at=at)
        return len(dead)

    def drop_scope(self, scope_key: int) -> None:
        """Remove the jobs of a scope that was erased."""
        self._rows = {number: row for number, row in self._rows.items() if row.scope_key != scope_key}

    def _held(self, job: Job, owner: str) -> _Row | None:
        row = self._rows.get(job.number)
        return row if row is not None and row.state == "running" and row.owner == owner else None
