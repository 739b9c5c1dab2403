"""The runners' protocol, with a peer that finds turns by their order, in this interpreter."""

from __future__ import annotations

import shutil
import sys
from datetime import UTC, datetime
from pathlib import Path

import pytest
from bench.logs import Asked, Log
from bench.peers import compare
from bench.vectors import KeptEmbedder

from memstrata import Message
from memstrata.testing.embedders import HashEmbedder

RUNNER = """
from job import Lookup, read_job, run

lookup, remembered = Lookup(*read_job()), {}


def remember(log, turns, vectors):
    assert [lookup(turn["text"]) for turn in turns] == vectors.tolist()
    assert turns[0]["date"].startswith("2024-01-02")
    remembered[log] = [turn["id"] for turn in turns]


def search(log, query, vector, limit):
    assert lookup(query) == vector.tolist()
    return remembered[log][:limit]


run(remember, search)
"""


@pytest.fixture
def log() -> Log:
    when = datetime(2024, 1, 2, tzinfo=UTC)
    turns = tuple(Message(content=f"turn {place}", name="Ann", timestamp=when, id=f"D1:{place}") for place in range(12))
    questions = (
        Asked(query="first?", evidence=frozenset({"D1:0"}), kind="single"),
        Asked(query="last?", evidence=frozenset({"D1:0", "D1:11"}), kind="multi"),
    )
    return Log(id="l", sessions=(("session_1", turns),), questions=questions)


def test_a_peer_and_ours_are_measured_alike(log: Log, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    shutil.copy(compare.RUNNERS / "job.py", tmp_path)
    (tmp_path / "in_order.py").write_text(RUNNER)
    monkeypatch.setattr(compare, "RUNNERS", tmp_path)
    monkeypatch.setattr(compare, "PEERS", (compare.Peer(name="in order", script="in_order.py", packages=()),))
    monkeypatch.setattr(compare, "environment_for", lambda packages, folder: Path(sys.executable))
    rows = compare.compare([log], KeptEmbedder(HashEmbedder(), tmp_path), tmp_path)
    assert list(rows) == ["memstrata", "in order", "in order, dates in the text"]
    peer = rows["in order"]
    assert (peer["recall@5"], peer["recall@10"], peer["recall@20"], peer["all@10"]) == (75, 75, 100, 50)
    assert (peer["recall@10, single"], peer["recall@10, multi"]) == (100, 50)
    assert peer["ours / theirs"] == round(float(str(rows["memstrata"]["recall@10"])) / 75, 2)


def test_dates_in_the_text_are_those_that_our_embedder_sees(log: Log) -> None:
    message = log.sessions[0][1][0]
    assert compare.spoken(message) == "Ann: turn 0"
    assert compare.dated(message).endswith("] Ann: turn 0")
    assert "2024" in compare.dated(message)
