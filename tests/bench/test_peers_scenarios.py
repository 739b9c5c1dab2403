"""How peers play scenarios, with a peer that finds turns by their order, in this interpreter."""

from __future__ import annotations

import shutil
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from bench.peers import compare, player, scenarios
from bench.peers.player import PeerAdapter
from bench.scenarios import play

from memstrata.testing.embedders import HashEmbedder

RUNNER = """
from playing import Handed, serve

handed, turns = Handed(), []


def search(query, limit, said_by):
    assert len(handed.question(query)) == len(handed.turn(turns[0]["text"]))
    if query == "break":
        raise KeyError(query)
    return [turn for turn in reversed(turns) if said_by is None or turn["said"] <= said_by][:limit]


def forget(turn):
    turns[:] = [each for each in turns if each["id"] != turn]


print("not an answer")
serve(handed, turns.clear, turns.extend, search, forget)
"""


def check(type_: str, **fields: object) -> dict[str, Any]:
    return {"type": type_, "query": "where?", "asked_at": "2024-05-01T00:00:00+00:00", "forbid": [], **fields}


SCENARIO = {
    "id": "one",
    "lang": "en",
    "category": "update",
    "sessions": [
        {"date": "2024-01-02T09:00:00+00:00", "turns": [{"id": "s1t1", "role": "user", "text": "I live in Ghent."}]},
        {
            "date": "2024-03-02T09:00:00+00:00",
            "turns": [{"id": "s2t1", "role": "user", "name": "Ann", "text": "I live in Leeds."}],
        },
        {"date": "2024-04-02T09:00:00+00:00", "turns": [{"id": "s3t1", "role": "user", "text": "The code is 4417."}]},
    ],
    "checks": [
        check("recall", evidence=["s2t1"], stale=["s1t1"], k=2),
        check("as_of", as_of="2024-02-01T00:00:00+00:00", expect_any=["Ghent"], forbid=["Leeds"]),
        check("when", expect_date="2024-03-02", precision="day", expect_any=["Leeds"]),
        check("attributed", expect_speaker="Ann", expect_any=["Leeds"]),
        check("forgotten", after={"forget_turn": "s3t1"}, forbid=["4417"]),
    ],
}


@pytest.fixture
def peer(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[PeerAdapter]:
    shutil.copy(compare.RUNNERS / "playing.py", tmp_path)
    (tmp_path / "in_order.py").write_text(RUNNER)
    monkeypatch.setattr(player, "RUNNERS", tmp_path)
    monkeypatch.setattr(player, "environment_for", lambda packages, folder: Path(sys.executable))
    with PeerAdapter(compare.Peer(name="in order", script="in_order.py", packages=()), HashEmbedder(), tmp_path) as it:
        yield it


def test_a_peer_is_asked_what_was_said_by_a_day_and_forgets_a_turn(peer: PeerAdapter) -> None:
    assert [why for _, _, passed, why in play(peer, [SCENARIO], None) if not passed] == []


def test_a_scenario_begins_with_an_empty_peer(peer: PeerAdapter) -> None:
    play(peer, [SCENARIO, {**SCENARIO, "id": "two", "checks": SCENARIO["checks"]}], None)
    assert [each["turns"] for each in peer.search("where?", 10, "2024-05-01")] == [["s2t1"], ["s1t1"]]


def test_what_cannot_be_expressed_is_counted_apart_and_not_passed(peer: PeerAdapter) -> None:
    outcomes = play(peer, [SCENARIO], None)
    row = scenarios.row(scenarios.without(outcomes, scenarios.NOT_EXPRESSIBLE), scenarios.NOT_EXPRESSIBLE)
    assert row["not expressible"] == "2/5"
    assert row["scenarios"] == "0 (0/1)"
    assert row["without as_of, when"] == "100 (1/1)"
    assert (row["as_of"], row["when"], row["recall"]) == ("–", "–", "100 (1/1)")
    assert scenarios.row(outcomes)["scenarios"] == "100 (1/1)"


def test_a_peer_that_fails_is_an_error_and_not_an_empty_answer(peer: PeerAdapter) -> None:
    play(peer, [SCENARIO], None)
    with pytest.raises(RuntimeError, match="'in order' ended at 'search'"):
        peer.search("break", 10, "2024-05-01")
