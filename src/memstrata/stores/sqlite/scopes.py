"""Partitions, runs and speakers as numbers: the narrow key that everything else in the file hangs on."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field

import apsw
import numpy as np

from memstrata.core.sessions import continues_session
from memstrata.errors import NotFound
from memstrata.stores.sqlite.sql import Q, one
from memstrata.types import Scope

ROW_BITS = 32
LAST_ROW = (1 << ROW_BITS) - 1


def id_range(number: int) -> tuple[int, int]:
    """First and last possible episode id of a scope."""
    return number << ROW_BITS, (number << ROW_BITS) | LAST_ROW


def scope_number(connection: apsw.Connection, scope: Scope) -> int | None:
    """The number of the partition a scope lies in, None where nothing was ever added."""
    row = connection.execute(Q["scope_number"], scope_ids(scope)).fetchone()
    return None if row is None else int(row[0])


def scope_of(connection: apsw.Connection, number: int) -> Scope:
    """The partition that bears a number. Raises NotFound for an unknown one."""
    row = connection.execute(Q["scope_by_number"], (number,)).fetchone()
    if row is None:
        raise NotFound(f"no scope has the key {number!r}; take it from a job of this store")
    return Scope(user_id=row[0], agent_id=row[1], app_id=row[2], run_id=row[3])


def run_number(connection: apsw.Connection, number: int, run_id: str | None) -> int | None:
    """The number of a run within its scope."""
    row = connection.execute(Q["run_by_id"], (number, run_id)).fetchone()
    return None if row is None else int(row[0])


def record_event(
    connection: apsw.Connection, number: int, kind: str, rows: Sequence[int], at: int, *, space: int | None = None
) -> None:
    """Append to the event log and advance the scope's last event."""
    blob = np.asarray(rows, dtype=np.uint32).tobytes()
    (event,) = one(connection, Q["insert_event"], (number, kind, space, blob, at))
    connection.execute(Q["set_last_event"], (number, event))


@dataclass(slots=True)
class _Run:
    number: int
    session: int
    last: int
    episodes: int


@dataclass(slots=True)
class Placement:
    """Where the next episodes of one scope go: counters, runs and speakers, written back once by `save`."""

    connection: apsw.Connection
    number: int
    next_row: int
    next_session: int
    first_row: int
    _runs: dict[str | None, _Run] = field(default_factory=dict)
    _speakers: dict[str, int] = field(default_factory=dict)

    @classmethod
    def load(cls, connection: apsw.Connection, scope: Scope) -> Placement:
        """The counters of a scope, which is created where it is new."""
        row = connection.execute(Q["scope_number"], scope_ids(scope)).fetchone()
        if row is None:
            (number,) = one(connection, Q["insert_scope"], scope_ids(scope))
            return cls(connection, number, 0, 0, 0)
        return cls(connection, row[0], row[1], row[2], row[1])

    def take_row(self) -> int:
        """The next row number."""
        self.next_row += 1
        return self.next_row - 1

    def session_for(self, run_id: str | None, timestamp: int) -> tuple[int, int]:
        """Number of the run and of the session an episode belongs to."""
        run = self._runs.get(run_id) or self._load_run(run_id)
        if run.session < 0 or not continues_session(last=run.last, episodes=run.episodes, timestamp=timestamp):
            run.session, run.episodes = self.next_session, 0
            self.next_session += 1
        run.last = timestamp
        run.episodes += 1
        return run.number, run.session

    def put_in_session(self, run_id: str | None, timestamp: int, session: int) -> int:
        """Number of the run, whose last episode lies in a session that is decided."""
        run = self._runs.get(run_id) or self._load_run(run_id)
        run.episodes = run.episodes + 1 if run.session == session else 1
        run.session, run.last = session, timestamp
        return run.number

    def speaker(self, name: str | None) -> int:
        """The number of a speaker, -1 for none."""
        if name is None:
            return -1
        if name not in self._speakers:
            found = self.connection.execute(Q["speaker_by_name"], (self.number, name)).fetchone()
            found = found or one(self.connection, Q["insert_speaker"], (self.number, name))
            self._speakers[name] = int(found[0])
        return self._speakers[name]

    def save(self) -> None:
        """Write the counters back."""
        self.connection.execute(Q["update_scope"], (self.number, self.next_row, self.next_session))
        self.connection.executemany(
            Q["put_run"],
            [
                (self.number, run.number, run_id, run.session, run.last, run.episodes)
                for run_id, run in self._runs.items()
            ],
        )

    def _load_run(self, run_id: str | None) -> _Run:
        found = self.connection.execute(Q["run_by_id"], (self.number, run_id)).fetchone()
        if found is None:
            (number,) = one(self.connection, Q["next_run"], (self.number,))
            taken = [run.number for run in self._runs.values()]
            run = _Run(max([int(number), *(each + 1 for each in taken)]), -1, 0, 0)
        else:
            run = _Run(*found)
        self._runs[run_id] = run
        return run


def scope_ids(scope: Scope) -> tuple[str | None, str | None, str | None, str | None]:
    """The four ids of the partition that a scope lies in."""
    partition = scope.partition
    return partition.user_id, partition.agent_id, partition.app_id, partition.run_id
