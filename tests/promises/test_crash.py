"""kill -9 in the middle of adds: what was acknowledged is there, and nothing is inconsistent."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from datetime import UTC, datetime, timedelta
from pathlib import Path

import apsw

from memstrata import Memory
from memstrata.testing.embedders import HashEmbedder

ROUNDS = 20
WRITER = """
import sys
from memstrata import Memory
from memstrata.testing.embedders import HashEmbedder
path, start = sys.argv[1], int(sys.argv[2])
memory = Memory(f"sqlite:///{path}", embedder=HashEmbedder())
number = start
while True:
    texts = [f"message {number + n} of the garden and the sea" for n in range(5)]
    receipt = memory.add([{"content": text} for text in texts], user_id="ann")
    assert receipt.added == 5
    print(number, flush=True)
    number += 5
"""


def test_nothing_acknowledged_is_lost_in_twenty_kills(tmp_path: Path) -> None:
    path = tmp_path / "memory.db"
    acknowledged: list[int] = []
    start = 0
    for turn in range(ROUNDS):
        acknowledged += _write_until_killed(path, start, after=0.05 + 0.01 * (turn % 7))
        start = 10_000 * (turn + 1)
        _check_file(path)
    later = datetime.now(UTC) + timedelta(minutes=5)  # the leases of the killed have run out
    with Memory(f"sqlite:///{path}", embedder=HashEmbedder(), clock=lambda: later) as memory:
        assert memory.wait()
        stats = memory.stats(user_id="ann")
        kept = set()
        cursor = None
        while True:
            page = memory.episodes(user_id="ann", limit=1000, cursor=cursor)
            kept |= {episode.text for episode in page.episodes}
            cursor = page.next
            if cursor is None:
                break
        expected = {f"message {n + k} of the garden and the sea" for n in acknowledged for k in range(5)}
        assert acknowledged, "no round acknowledged anything"
        assert expected <= kept
        assert stats.vectors == stats.episodes == len(kept)
        assert stats.jobs_pending == stats.jobs_running == stats.jobs_dead == 0
        some = f"message {acknowledged[-1]}"
        assert some in memory.search(some, user_id="ann", limit=3)[0].text


def _write_until_killed(path: Path, start: int, *, after: float) -> list[int]:
    """Start a writer, kill it `after` seconds after its first acknowledgement; what it acknowledged."""
    process = subprocess.Popen([sys.executable, "-c", WRITER, str(path), str(start)], stdout=subprocess.PIPE, text=True)
    assert process.stdout is not None
    first = process.stdout.readline()
    time.sleep(after)
    os.kill(process.pid, signal.SIGKILL)
    rest = process.stdout.read()
    process.wait()
    return [int(line) for line in (first + rest).splitlines(keepends=True) if line.endswith("\n")]


def _check_file(path: Path) -> None:
    """The file is sound, and every episode that was added is in the event log."""
    connection = apsw.Connection(str(path))
    try:
        assert connection.execute("PRAGMA integrity_check").fetchall() == [("ok",)]
        (episodes,) = connection.execute("SELECT count(*) FROM episode").fetchone() or (None,)
        (rows,) = connection.execute("SELECT next_row FROM scope").fetchone() or (None,)
        (events,) = connection.execute("SELECT sum(length(rows) / 4) FROM event WHERE kind = 'added'").fetchone()  # type: ignore[misc]
        (orphans,) = connection.execute(
            "SELECT count(*) FROM vector WHERE id NOT IN (SELECT id FROM episode)"
        ).fetchone()  # type: ignore[misc]
        assert episodes == rows == events
        assert orphans == 0
    finally:
        connection.close()
