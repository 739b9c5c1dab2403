"""A worker: claims jobs, runs their handlers, retries with growing pauses, buries what fails too often.

It runs as a thread beside the application or in a process of its own; any number may share one store. Queues that wait
on somebody else's service are *patient*: they have threads of their own, so that nothing else waits with them, and
their jobs are never buried, because what they wait for comes back.
"""

from __future__ import annotations

import logging
import threading
import time
from collections.abc import Callable, Collection, Mapping, Sequence
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
PATIENT_THREADS = 2
"""Jobs of patient queues that one process does at a time."""
GRACE_SECONDS = 2.0
"""How long `stop` waits for the step of a patient queue; then the job is handed back and the step comes to nothing."""

_log = logging.getLogger(__name__)
Clock = Callable[[], datetime]


class Alive(Protocol):
    """Asked by a handler between two steps: extends the lease; False says stop, the job is no longer ours."""

    def __call__(self) -> bool: ...


class Postponed(Exception):
    """Raised by the handler of a patient queue: it can do nothing before `until`; the message says why."""

    def __init__(self, message: str, *, until: datetime) -> None:
        super().__init__(message)
        self.until = until


class Handler(Protocol):
    """Does the work of one queue, idempotently: it may be stopped anywhere and run again."""

    def __call__(self, scope_key: int, alive: Alive) -> None: ...


def retry_pause(attempts: int) -> timedelta:
    """1 s, 2 s, 4 s, ... up to five minutes."""
    return min(LONGEST_PAUSE, FIRST_PAUSE * (1 << min(attempts - 1, 20)))


class Worker:
    """Runs the jobs of some queues of a store, on the calling thread or on threads of its own."""

    def __init__(
        self,
        store: Store,
        handlers: Mapping[str, Handler],
        *,
        owner: str,
        clock: Clock,
        patient: Collection[str] = (),
        patient_threads: int = PATIENT_THREADS,
    ) -> None:
        self._store = store
        self._handlers = dict(handlers)
        self._owner = owner
        self._clock = clock
        self._patient = tuple(queue for queue in self._handlers if queue in patient)
        self._brisk = tuple(queue for queue in self._handlers if queue not in patient)
        self._patient_threads = patient_threads
        self._wakes: list[threading.Event] = []
        self._stop = threading.Event()
        self._threads: list[threading.Thread] = []
        self._held: dict[int, Job] = {}

    @property
    def queues(self) -> tuple[str, ...]:
        """The queues that this worker serves."""
        return tuple(self._handlers)

    def start(self) -> None:
        """Work in the background until `stop`."""
        if self._threads:
            return
        lanes = [(self._brisk, "memstrata-worker")] if self._brisk else []
        if self._patient:
            lanes += [(self._patient, f"memstrata-patient-{number}") for number in range(self._patient_threads)]
        for queues, name in lanes:
            wake = threading.Event()
            thread = threading.Thread(target=self._loop, args=(queues, wake), name=name, daemon=True)
            self._wakes.append(wake)
            self._threads.append(thread)
            thread.start()

    def wake(self) -> None:
        """There is new work."""
        for wake in self._wakes:
            wake.set()

    def stop(self) -> None:
        """Finish the step at hand, hand the job back, and end the threads.

        A patient step is not awaited for longer than `GRACE_SECONDS`: its job is free for anybody at once.
        """
        self._stop.set()
        self.wake()
        deadline = time.monotonic() + GRACE_SECONDS
        for thread in self._threads:
            patient = thread.name.startswith("memstrata-patient")
            thread.join(max(0.0, deadline - time.monotonic()) if patient else None)
        if any(thread.is_alive() for thread in self._threads):
            for job in list(self._held.values()):
                self._store.release(job, owner=self._owner)
        self._threads, self._wakes = [], []

    def run_one(self, scope: Scope | None = None, *, queues: Sequence[str] | None = None) -> bool:
        """Claim and run one due job (of one scope, of some queues); False where there is none."""
        wanted = self.queues if queues is None else queues
        if not wanted:
            return False
        job = self._store.claim(wanted, owner=self._owner, at=self._clock(), lease=LEASE, scope=scope)
        if job is None:
            return False
        self._run(job)
        return True

    def drain(self, scope: Scope | None = None, *, timeout: timedelta | None = None) -> bool:
        """Run or await every job (of one scope) on the calling thread; False where time ran out first.

        A patient job that was put off is not awaited: it cannot be done now.
        """
        deadline = None if timeout is None else time.monotonic() + timeout.total_seconds()
        while True:
            if self.run_one(scope):
                continue
            if not self._busy(scope):
                return True
            if self._stop.is_set() or (deadline is not None and time.monotonic() >= deadline):
                return False
            self._stop.wait(0.02)

    def run_forever(self) -> None:
        """Work on the calling thread until another calls `stop`."""
        wake = threading.Event()
        self._wakes.append(wake)
        self._loop(self.queues, wake)

    def _busy(self, scope: Scope | None) -> bool:
        """Something runs, or waits for a while that will soon be over."""
        brisk = self._store.job_counts(self._brisk, scope=scope)
        if brisk.pending or brisk.running:
            return True
        return bool(self._patient) and self._store.job_counts(self._patient, scope=scope).running > 0

    def _loop(self, queues: Sequence[str], wake: threading.Event) -> None:
        while not self._stop.is_set():
            wake.clear()
            try:
                while not self._stop.is_set() and self.run_one(queues=queues):
                    pass
            except Closed:
                return
            except Exception:  # noqa: BLE001 - the next round tries again; a worker must not die of one bad job
                _log.exception("the worker %s could not take a job", self._owner)
            wake.wait(IDLE_SECONDS)

    def _run(self, job: Job) -> None:
        def alive() -> bool:
            if self._stop.is_set():
                return False
            return self._store.extend(job, owner=self._owner, until=self._clock() + LEASE)

        patient = job.queue in self._patient
        if job.attempts > MAX_ATTEMPTS and not patient:  # it took the process with it, again and again
            self._store.fail(job, owner=self._owner, error="Killed", retry_at=None)
            return
        self._held[job.number] = job
        try:
            self._handlers[job.queue](job.scope_key, alive)
        except Closed:
            raise
        except Postponed as put_off:
            _log.warning("job %d of queue %r waits until %s: %s", job.number, job.queue, put_off.until, put_off)
            self._store.fail(job, owner=self._owner, error=type(put_off.__cause__).__name__, retry_at=put_off.until)
            return
        except Exception as error:  # noqa: BLE001 - whatever a handler raises is a failed attempt
            _log.warning("job %d of queue %r failed, attempt %d", job.number, job.queue, job.attempts, exc_info=True)
            buried = job.attempts >= MAX_ATTEMPTS and not patient
            retry_at = None if buried else self._clock() + retry_pause(job.attempts)
            self._store.fail(job, owner=self._owner, error=type(error).__name__, retry_at=retry_at)
            return
        finally:
            self._held.pop(job.number, None)
        if self._stop.is_set():
            self._store.release(job, owner=self._owner)
        else:
            self._store.finish(job, owner=self._owner)
