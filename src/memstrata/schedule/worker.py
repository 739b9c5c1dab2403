"""A worker: claims jobs, runs their handlers, retries with growing pauses, buries what fails too often.

It runs as a thread beside the application or in a process of its own; any number may share one store.
"""

from __future__ import annotations

import logging
import threading
import time
from collections.abc import Callable, Mapping
from datetime import datetime, timedelta
from typing import Protocol

from memstrata.core.records import Job
from memstrata.errors import Closed
from memstrata.ports import Store
from memstrata.types import Scope

LEASE = timedelta(seconds=60)
"""How long a job stays ours without a sign of life; a batch of 64 texts takes about 2 s."""
MAX_ATTEMPTS = 8
FIRST_PAUSE = timedelta(seconds=1)
LONGEST_PAUSE = timedelta(minutes=5)
IDLE_SECONDS = 1.0
"""How often jobs that other processes caused are looked for; our own wake the worker at once."""

_log = logging.getLogger(__name__)
Clock = Callable[[], datetime]


class Alive(Protocol):
    """Asked by a handler between two steps: extends the lease; False says stop, the job is no longer ours."""

    def __call__(self) -> bool: ...


class Handler(Protocol):
    """Does the work of one queue, idempotently: it may be stopped anywhere and run again."""

    def __call__(self, scope_key: int, alive: Alive) -> None: ...


def retry_pause(attempts: int) -> timedelta:
    """1 s, 2 s, 4 s, ... up to five minutes."""
    return min(LONGEST_PAUSE, FIRST_PAUSE * (1 << min(attempts - 1, 20)))


class Worker:
    """Runs the jobs of some queues of a store, on the calling thread or on one of its own."""

    def __init__(self, store: Store, handlers: Mapping[str, Handler], *, owner: str, clock: Clock) -> None:
        self._store = store
        self._handlers = dict(handlers)
        self._owner = owner
        self._clock = clock
        self._wake = threading.Event()
        self._stop = threading.Event()
        self._thread: threading.Thread | None = None

    @property
    def queues(self) -> tuple[str, ...]:
        """The queues that this worker serves."""
        return tuple(self._handlers)

    def start(self) -> None:
        """Work in the background until `stop`."""
        if self._thread is None and self._handlers:
            self._thread = threading.Thread(target=self._loop, name="memstrata-worker", daemon=True)
            self._thread.start()

    def wake(self) -> None:
        """There is new work."""
        self._wake.set()

    def stop(self) -> None:
        """Finish the step at hand, hand the job back, and end the thread."""
        self._stop.set()
        self._wake.set()
        if self._thread is not None:
            self._thread.join()
            self._thread = None

    def run_one(self, scope: Scope | None = None) -> bool:
        """Claim and run one due job (of one scope); False where there is none."""
        if not self._handlers:
            return False
        job = self._store.claim(self.queues, owner=self._owner, at=self._clock(), lease=LEASE, scope=scope)
        if job is None:
            return False
        self._run(job)
        return True

    def drain(self, scope: Scope | None = None, *, timeout: timedelta | None = None) -> bool:
        """Run or await every job (of one scope) on the calling thread; False where time ran out first."""
        deadline = None if timeout is None else time.monotonic() + timeout.total_seconds()
        while True:
            if self.run_one(scope):
                continue
            left = self._store.job_counts(self.queues, scope=scope)
            if not left.pending and not left.running:
                return True
            if self._stop.is_set() or (deadline is not None and time.monotonic() >= deadline):
                return False
            self._stop.wait(0.02)

    def run_forever(self) -> None:
        """Work on the calling thread until another calls `stop`."""
        self._loop()

    def _loop(self) -> None:
        while not self._stop.is_set():
            self._wake.clear()
            try:
                while not self._stop.is_set() and self.run_one():
                    pass
            except Closed:
                return
            except Exception:  # noqa: BLE001 - the next round tries again; a worker must not die of one bad job
                _log.exception("the worker %s could not take a job", self._owner)
            self._wake.wait(IDLE_SECONDS)

    def _run(self, job: Job) -> None:
        def alive() -> bool:
            if self._stop.is_set():
                return False
            return self._store.extend(job, owner=self._owner, until=self._clock() + LEASE)

        if job.attempts > MAX_ATTEMPTS:  # it took the process with it, again and again
            self._store.fail(job, owner=self._owner, error="Killed", retry_at=None)
            return
        try:
            self._handlers[job.queue](job.scope_key, alive)
        except Closed:
            raise
        except Exception as error:  # noqa: BLE001 - whatever a handler raises is a failed attempt
            _log.warning("job %d of queue %r failed, attempt %d", job.number, job.queue, job.attempts, exc_info=True)
            retry_at = None if job.attempts >= MAX_ATTEMPTS else self._clock() + retry_pause(job.attempts)
            self._store.fail(job, owner=self._owner, error=type(error).__name__, retry_at=retry_at)
            return
        if self._stop.is_set():
            self._store.release(job, owner=self._owner)
        else:
            self._store.finish(job, owner=self._owner)
