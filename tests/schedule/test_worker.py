"""Patient queues: never buried, never in the way of others, handed back when the worker stops."""

from __future__ import annotations

import threading
from datetime import UTC, datetime, timedelta

import pytest

from memstrata.core.records import NewJob
from memstrata.errors import ModelUnavailable
from memstrata.schedule import worker as worker_module
from memstrata.schedule.worker import MAX_ATTEMPTS, Alive, Postponed, Worker
from memstrata.stores.memory import MemoryStore
from memstrata.testing.episodes import ANN, NOON, new_episodes, numbered_ids
from memstrata.types import Message

HOUR = timedelta(hours=1)


class Clock:
    """Stands still until it is moved."""

    now = NOON

    def __call__(self) -> datetime:
        return self.now


def a_store(*queues: str) -> MemoryStore:
    store = MemoryStore()
    jobs = [NewJob(queue=queue) for queue in queues]
    store.append(
        ANN, new_episodes([Message(content="x", timestamp=NOON)], ids=numbered_ids()), recorded_at=NOON, jobs=jobs
    )
    return store


def test_a_patient_job_waits_until_it_is_told_and_is_never_buried() -> None:
    store, clock, tried = a_store("slow"), Clock(), 0

    def handler(scope_key: int, alive: Alive) -> None:
        nonlocal tried
        tried += 1
        if tried <= 3 * MAX_ATTEMPTS:
            raise Postponed("not now", until=clock.now + HOUR) from ModelUnavailable("down")

    worker = Worker(store, {"slow": handler}, owner="me", clock=clock, patient=["slow"])
    for number in range(3 * MAX_ATTEMPTS):
        assert worker.drain()
        assert tried == number + 1
        clock.now += HOUR - timedelta(seconds=1)
        assert worker.drain()
        assert tried == number + 1
        clock.now += timedelta(seconds=1)
    assert worker.drain()
    counts = store.job_counts(None, scope=None)
    assert (counts.pending, counts.running, counts.dead) == (0, 0, 0)


def test_a_patient_job_that_breaks_is_tried_again_at_most_every_five_minutes() -> None:
    store, clock, tried = a_store("slow"), Clock(), 0

    def handler(scope_key: int, alive: Alive) -> None:
        nonlocal tried
        tried += 1
        raise ValueError("a bug")

    worker = Worker(store, {"slow": handler}, owner="me", clock=clock, patient=["slow"])
    for number in range(20):
        assert worker.drain()
        assert tried == number + 1
        clock.now += worker_module.LONGEST_PAUSE
    assert store.job_counts(None, scope=None).dead == 0


def test_a_patient_step_keeps_no_other_job_waiting(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(worker_module, "GRACE_SECONDS", 0.0)
    store, begun, over, done = a_store("slow", "brisk"), threading.Event(), threading.Event(), threading.Event()

    def slow(scope_key: int, alive: Alive) -> None:
        begun.set()
        over.wait(20)

    worker = Worker(
        store,
        {"slow": slow, "brisk": lambda scope_key, alive: done.set()},
        owner="me",
        clock=lambda: datetime.now(UTC),
        patient=["slow"],
    )
    worker.start()
    assert begun.wait(20)
    assert done.wait(20)
    worker.stop()
    counts = store.job_counts(["slow"], scope=None)
    assert (counts.pending, counts.running) == (1, 0), "the job is not free for another worker"
    over.set()
