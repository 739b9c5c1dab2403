"""Several processes on one file see each other's writes and share the work."""

from __future__ import annotations

import subprocess
import sys
import threading
from pathlib import Path

from memstrata import Memory
from memstrata.testing.embedders import CountingEmbedder, HashEmbedder

ADDER = """
import sys
from memstrata import Memory
from memstrata.testing.embedders import HashEmbedder
with Memory(f"sqlite:///{sys.argv[1]}", embedder=HashEmbedder(), worker="none") as memory:
    for n in range(20):
        memory.add(f"{sys.argv[2]} says {n}", user_id="ann", run_id=sys.argv[2])
"""


def run(script: str, *arguments: str) -> subprocess.Popen[bytes]:
    return subprocess.Popen([sys.executable, "-c", script, *arguments])


def test_writes_of_other_processes_are_seen_and_embedded_once(tmp_path: Path) -> None:
    path = tmp_path / "memory.db"
    with Memory(f"sqlite:///{path}", embedder=HashEmbedder(), worker="none") as memory:
        memory.add("mine", user_id="ann")
        assert len(memory.search("mine says", user_id="ann", limit=100)) == 1
        others = [run(ADDER, str(path), name) for name in ("ben", "cara", "dan")]
        assert [other.wait(timeout=60) for other in others] == [0, 0, 0]
        hits = memory.search("ben cara dan says", user_id="ann", limit=100)
        assert len(hits) == 60
        assert hits.degraded
        memory.wait()
        assert memory.search("says", user_id="ann").degraded == ()
        gone = run(
            "import sys; from memstrata import Memory\n"
            "with Memory(f'sqlite:///{sys.argv[1]}', embedder='none') as m: m.forget(user_id='ann', run_id='ben')",
            str(path),
        )
        assert gone.wait(timeout=60) == 0
        assert len(memory.search("ben cara dan says", user_id="ann", limit=100)) == 41


def test_two_workers_share_the_work_without_doing_any_twice(tmp_path: Path) -> None:
    url = f"sqlite:///{tmp_path}/memory.db"
    counting = [CountingEmbedder(HashEmbedder()) for _ in range(2)]
    with (
        Memory(url, embedder=counting[0], worker="none") as one,
        Memory(url, embedder=counting[1], worker="none") as other,
    ):
        for user in range(20):
            one.add([f"message {n} of user {user}" for n in range(10)], user_id=f"user-{user}")
        threads = [threading.Thread(target=memory.wait) for memory in (one, other)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        done = [*counting[0].passages, *counting[1].passages]
        assert len(done) == len(set(done)) == 200
        assert all(one.stats(user_id=f"user-{user}").vectors == 10 for user in range(20))


def test_many_threads_use_one_memory(tmp_path: Path) -> None:
    problems: list[Exception] = []

    def work(memory: Memory, name: str) -> None:
        try:
            for n in range(15):
                memory.add(f"{name} remembers {n}", user_id=name if n % 2 else "all")
                memory.search("remembers", user_id="all")
                memory.stats(user_id=name)
        except Exception as error:  # noqa: BLE001 - whatever it is, the test shows it
            problems.append(error)

    with Memory(f"sqlite:///{tmp_path}/memory.db", embedder=HashEmbedder()) as memory:
        threads = [threading.Thread(target=work, args=(memory, f"t{n}")) for n in range(8)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        assert problems == []
        memory.wait()
        assert memory.stats(user_id="all").vectors == 8 * 8
        assert len(memory.search("remembers", user_id="all", limit=100)) == 64
