"""The job table: enqueue with the write that causes the work, lease, retry, bury. Functions on a connection.

A job is not deleted until it is finished; a lease that runs out makes it claimable again, so a killed process
loses none. Handlers are idempotent, so one that runs twice changes nothing the second time.
"""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime

import apsw

from memstrata.core.clock import microseconds
from memstrata.core.records import Job, JobCounts
from memstrata.stores.sqlite.sql import Q


def due_job(
    connection: apsw.Connection, queues: Sequence[str], *, at: datetime, scope_key: int | None
) -> tuple[int, str, int, int] | None:
    """Number, queue, scope and attempts of the oldest job that may be claimed: due, and no twin of it is running."""
    marks = ",".join("?" * len(queues))
    now = microseconds(at)
    row = connection.execute(
        f"SELECT no, queue, scope, attempts FROM job j WHERE queue IN ({marks}) AND (? IS NULL OR scope = ?)"
        " AND ((state = 'pending' AND due <= ?) OR (state = 'running' AND lease_until <= ?)) AND NOT EXISTS"
        " (SELECT 1 FROM job t WHERE t.queue = j.queue AND t.scope = j.scope AND t.state = 'running'"
        " AND t.no <> j.no AND t.lease_until > ?) ORDER BY no LIMIT 1",
        (*queues, scope_key, scope_key, now, now, now),
    ).fetchone()
    return None if row is None else (row[0], row[1], row[2], row[3])


def claim(
    connection: apsw.Connection,
    queues: Sequence[str],
    *,
    owner: str,
    at: datetime,
    until: datetime,
    scope_key: int | None,
) -> Job | None:
    """Lease the oldest due job to `owner`."""
    found = due_job(connection, queues, at=at, scope_key=scope_key)
    if found is None:
        return None
    number, queue, scope, attempts = found
    connection.execute(
        "UPDATE job SET state = 'running', owner = ?, lease_until = ?, attempts = attempts + 1 WHERE no = ?",
        (owner, microseconds(until), number),
    )
    return Job(number=number, queue=queue, scope_key=scope, attempts=attempts + 1, lease_until=until)


def finish(connection: apsw.Connection, number: int, *, owner: str) -> bool:
    """Remove a job that is done."""
    return connection.execute(Q["finish_job"], (number, owner)).fetchone() is not None


def extend(connection: apsw.Connection, number: int, *, owner: str, until: datetime) -> bool:
    """Keep a lease longer."""
    return connection.execute(Q["extend_job"], (number, owner, microseconds(until))).fetchone() is not None


def fail(connection: apsw.Connection, number: int, *, owner: str, error: str, retry_at: datetime | None) -> bool:
    """Put a job back for later, or among the dead. Where a twin is pending already, the twin does the work."""
    if retry_at is None:
        return connection.execute(Q["bury_job"], (number, owner, error)).fetchone() is not None
    if connection.execute(Q["retry_job"], (number, owner, error, microseconds(retry_at))).fetchone() is not None:
        return True
    return finish(connection, number, owner=owner)


def release(connection: apsw.Connection, number: int, *, owner: str) -> bool:
    """Hand a job back uncounted. Where a twin is pending already, the twin does the work."""
    if connection.execute(Q["release_job"], (number, owner)).fetchone() is not None:
        return True
    return finish(connection, number, owner=owner)


def counts(connection: apsw.Connection, queues: Sequence[str] | None, *, scope_key: int | None) -> JobCounts:
    """Jobs by state."""
    condition = "1" if queues is None else f"queue IN ({','.join('?' * len(queues))})"
    rows = connection.execute(
        f"SELECT state, count(*) FROM job WHERE {condition} AND (? IS NULL OR scope = ?) GROUP BY state",
        (*(queues or ()), scope_key, scope_key),
    )
    by_state = dict(rows)
    return JobCounts(
        pending=by_state.get("pending", 0), running=by_state.get("running", 0), dead=by_state.get("dead", 0)
    )


def retry_dead(connection: apsw.Connection, *, at: datetime) -> int:
    """Replace every dead job by a fresh pending one."""
    dead = list(connection.execute(Q["dead_jobs"]))
    for number, queue, scope in dead:
        connection.execute(Q["delete_job"], (number,))
        connection.execute(Q["enqueue"], (queue, scope, microseconds(at)))
    return len(dead)
