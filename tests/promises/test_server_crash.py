"""A server that is killed under load, or asked to stop: whatever it acknowledged is there afterwards."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from memstrata import Memory
from memstrata.client import RemoteMemory
from memstrata.errors import MemstrataError

pytest.importorskip("fastapi")
pytest.importorskip("uvicorn")

COMMAND = [sys.executable, "-c", "from memstrata.surfaces.cli.main import main; main()", "serve", "--port", "0"]
CLIENTS = 6
ROUNDS = 3
BEFORE_THE_END = 40
"""Acknowledged writes after which the process is ended, while others are under way."""


class Load:
    """Clients that write until the server is gone, and what it acknowledged."""

    def __init__(self, url: str, round_: int) -> None:
        self.acknowledged: dict[str, str] = {}
        self.enough = threading.Event()
        self._url, self._round = url, round_
        self._over = threading.Event()
        self._threads = [threading.Thread(target=self._write, args=(number,)) for number in range(CLIENTS)]

    def start(self) -> None:
        for thread in self._threads:
            thread.start()

    def end(self) -> None:
        self._over.set()
        for thread in self._threads:
            thread.join(60)
            assert not thread.is_alive()

    def _write(self, client: int) -> None:
        with RemoteMemory(self._url) as memory:
            for number in range(10_000):
                if self._over.is_set():
                    return
                text = f"I bought lamp {self._round}-{client}-{number} in Ghent."
                try:
                    receipt = memory.add(text, user_id=f"user{client % 3}", run_id=f"r{self._round}")
                except MemstrataError:
                    return  # it is gone
                self.acknowledged[receipt.episode_ids[0]] = text
                if len(self.acknowledged) >= BEFORE_THE_END:
                    self.enough.set()


@contextmanager
def server(folder: Path) -> Iterator[tuple[str, subprocess.Popen[str]]]:
    store = f"sqlite:///{folder}/m.db"
    environment = {**os.environ, "MEMSTRATA_STORE": store, "MEMSTRATA_EMBEDDER": "none"}
    with (folder / "log").open("a") as log:
        process = subprocess.Popen(COMMAND, stdout=subprocess.PIPE, stderr=log, env=environment, text=True)
    assert process.stdout is not None
    try:
        first = process.stdout.readline()
        assert "http://" in first, (folder / "log").read_text()
        yield first.split(" at ")[1].split(",")[0].strip(), process
    finally:
        process.kill()
        process.communicate(timeout=30)


def kept(folder: Path) -> dict[str, str]:
    """Every episode of the store, by id."""
    with Memory(f"sqlite:///{folder}/m.db", embedder="none", worker="none") as memory:
        pages = [memory.episodes(user_id=f"user{number}", limit=1000) for number in range(3)]
        assert all(page.next is None for page in pages)
        return {each.id: each.text for page in pages for each in page.episodes}


def test_every_acknowledged_write_survives_kill_9(tmp_path: Path) -> None:
    acknowledged: dict[str, str] = {}
    for round_ in range(ROUNDS):
        with server(tmp_path) as (url, process):
            load = Load(url, round_)
            load.start()
            assert load.enough.wait(60)
            process.send_signal(signal.SIGKILL)
            process.wait(30)
            load.end()
        acknowledged |= load.acknowledged
        there = kept(tmp_path)
        assert {id_: there.get(id_) for id_ in acknowledged} == acknowledged
    with Memory(f"sqlite:///{tmp_path}/m.db", embedder="none") as memory:
        assert memory.wait()  # what the killed ones had begun is done by another
        found = [memory.stats(user_id=f"user{number}") for number in range(3)]
        assert all(each.facts and not each.jobs_pending + each.jobs_running + each.jobs_dead for each in found)


def test_asked_to_stop_it_answers_what_is_under_way_and_gives_its_leases_back(tmp_path: Path) -> None:
    with server(tmp_path) as (url, process):
        load = Load(url, 0)
        load.start()
        assert load.enough.wait(60)
        process.send_signal(signal.SIGTERM)
        assert process.wait(30) == 0
        load.end()
    there = kept(tmp_path)
    assert {id_: there.get(id_) for id_ in load.acknowledged} == load.acknowledged
    with Memory(f"sqlite:///{tmp_path}/m.db", embedder="none", worker="none") as memory:
        assert not any(memory.stats(user_id=f"user{number}").jobs_running for number in range(3))


def test_a_call_repeated_with_its_key_after_a_crash_is_answered_the_same(tmp_path: Path) -> None:
    import httpx

    call = {"messages": "I live in Ghent.", "user_id": "ann"}
    key = {"Idempotency-Key": "once"}
    with server(tmp_path) as (url, process):
        first = httpx.post(f"{url}/v1/episodes", json=call, headers=key).json()
        process.send_signal(signal.SIGKILL)
        process.wait(30)
    with server(tmp_path) as (url, _):
        again = httpx.post(f"{url}/v1/episodes", json=call, headers=key)
        assert again.json() == first
        assert again.headers["idempotency-replayed"] == "true"
