"""Extraction by several processes, and by one that is killed in the middle: every fact once."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from datetime import UTC, datetime, timedelta
from pathlib import Path

from memstrata import Memory
from memstrata.types import Scope

COUNT = 600
READER = """
import sys, time
from datetime import datetime, timedelta
from memstrata import Memory
from memstrata.extract.rules.extractor import RulesExtractor

class Slow(RulesExtractor):
    def extract(self, scope, episodes, *, before):
        print(len(episodes), flush=True)
        time.sleep(0.02)
        return super().extract(scope, episodes, before=before)

def clock():  # the leases of those killed before have run out
    return datetime.now().astimezone() + timedelta(minutes=int(sys.argv[2]))

with Memory(f"sqlite:///{sys.argv[1]}", embedder="none", extractor=Slow(), worker="none", clock=clock) as memory:
    memory.wait()
    print("done", flush=True)
"""
LISTENER = """
import sys
from memstrata import Memory
with Memory(f"sqlite:///{sys.argv[1]}", embedder="none", worker="none") as memory:
    for line in sys.stdin:
        facts = memory.facts(user_id="ann", limit=100)
        print("|".join(sorted(fact.text for fact in facts)), flush=True)
"""


def said(number: int) -> str:
    return f"I love tea number {number} of the house." if number % 2 else f"我喜欢第{number}号茶。"


def test_a_killed_extraction_goes_on_and_writes_nothing_twice(tmp_path: Path) -> None:
    path = tmp_path / "memory.db"
    with Memory(f"sqlite:///{path}", embedder="none", worker="none") as memory:
        memory.add([said(n) for n in range(COUNT)], user_id="ann")
    read: list[int] = []
    for turn in range(5):
        command = [sys.executable, "-c", READER, str(path), str(5 * turn)]
        process = subprocess.Popen(command, stdout=subprocess.PIPE, text=True)
        assert process.stdout is not None
        for _ in range(1 + turn % 3):  # it says a number before it reads a batch: those before are written
            assert process.stdout.readline()
        time.sleep(0.005 * turn)
        os.kill(process.pid, signal.SIGKILL)
        process.wait()
        with Memory(f"sqlite:///{path}", embedder="none", worker="none") as memory:
            read.append(memory.stats(user_id="ann").facts)
    assert any(0 < count < COUNT for count in read), "no kill came in the middle"
    later = datetime.now(UTC) + timedelta(minutes=40)
    with Memory(f"sqlite:///{path}", embedder="none", worker="none", clock=lambda: later) as memory:
        assert memory.wait()
        facts = memory.facts(user_id="ann", current=False, limit=1000)
        assert sorted(fact.text for fact in facts) == sorted(said(n) for n in range(COUNT))
        log = memory._parts.store.fact_log(Scope(user_id="ann"))
        assert len(log) == len({change.id for change in log}) == COUNT
        assert [change.number for change in log] == list(range(1, COUNT + 1))
        stats = memory.stats(user_id="ann")
        assert (stats.jobs_pending, stats.jobs_running, stats.jobs_dead) == (0, 0, 0)


def test_two_processes_read_side_by_side_without_a_fact_twice(tmp_path: Path) -> None:
    path = tmp_path / "memory.db"
    with Memory(f"sqlite:///{path}", embedder="none", worker="none") as memory:
        for user in ("ann", "ben", "cara"):
            memory.add([said(n) for n in range(100)], user_id=user)
        command = [sys.executable, "-c", READER, str(path), "0"]
        others = [subprocess.Popen(command, stdout=subprocess.DEVNULL) for _ in range(2)]
        assert [other.wait(timeout=60) for other in others] == [0, 0]
        assert memory.wait()
        for user in ("ann", "ben", "cara"):
            facts = memory.facts(user_id=user, current=False, limit=1000)
            assert sorted(fact.text for fact in facts) == sorted(said(n) for n in range(100))


def test_a_second_process_sees_the_facts_and_what_became_of_them(tmp_path: Path) -> None:
    path = tmp_path / "memory.db"
    with Memory(f"sqlite:///{path}", embedder="none", worker="none") as memory:
        memory.add("I love green tea.", user_id="ann", wait=True)
        listener = subprocess.Popen(
            [sys.executable, "-c", LISTENER, str(path)], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
        )

        def seen() -> str:
            assert listener.stdin is not None
            assert listener.stdout is not None
            listener.stdin.write("?\n")
            listener.stdin.flush()
            return listener.stdout.readline().strip()

        assert seen() == "I love green tea."
        memory.add("我喜欢绿茶。", user_id="ann", wait=True)
        assert seen() == "I love green tea.|我喜欢绿茶。"
        first = next(fact for fact in memory.facts(user_id="ann") if "green" in fact.text)
        memory.retire(first.id, user_id="ann")
        assert seen() == "我喜欢绿茶。"
        memory.forget(user_id="ann")
        assert seen() == ""
        assert listener.stdin is not None
        listener.stdin.close()
        assert listener.wait(timeout=30) == 0
