"""The demo's data keep what the demo says of them."""

import datetime as dt
import json
from collections import Counter
from itertools import pairwise
from pathlib import Path
from typing import Any

DEMO = Path(__file__).resolve().parents[2] / "src" / "memstrata" / "demo"
ASKED = dt.datetime(2026, 1, 5, tzinfo=dt.UTC)


def sessions() -> list[dict[str, Any]]:
    lines = (DEMO / "conversations.jsonl").read_text(encoding="utf-8").splitlines()
    return [json.loads(line) for line in lines]


def questions() -> list[dict[str, Any]]:
    loaded: list[dict[str, Any]] = json.loads((DEMO / "questions.json").read_text(encoding="utf-8"))
    return loaded


def test_two_users_share_at_least_forty_sessions() -> None:
    assert Counter(session["user_id"] for session in sessions()) == {"mara": 26, "xiaowen": 18}


def test_run_ids_are_unique_and_name_their_user() -> None:
    runs = [session["run_id"] for session in sessions()]
    assert len(set(runs)) == len(runs)
    assert all(session["run_id"].startswith(session["user_id"] + "-") for session in sessions())


def test_messages_alternate_between_user_and_assistant() -> None:
    for session in sessions():
        roles = [message["role"] for message in session["messages"]]
        assert 6 <= len(roles) <= 12, session["run_id"]
        assert roles == ["user", "assistant"] * (len(roles) // 2), session["run_id"]
        assert all(message["content"].strip() for message in session["messages"])
        assert all(set(message) == {"role", "content", "timestamp"} for message in session["messages"])


def test_timestamps_are_aware_and_ascend_over_a_users_year() -> None:
    for user in ("mara", "xiaowen"):
        times = [
            dt.datetime.fromisoformat(message["timestamp"])
            for session in sessions()
            if session["user_id"] == user
            for message in session["messages"]
        ]
        assert all(time.utcoffset() is not None and time.year == 2025 and time < ASKED for time in times)
        assert all(earlier < later for earlier, later in pairwise(times))


def test_offsets_are_those_of_the_users_home() -> None:
    summer = (dt.datetime(2025, 3, 30, 1, tzinfo=dt.UTC), dt.datetime(2025, 10, 26, 1, tzinfo=dt.UTC))
    for session in sessions():
        for message in session["messages"]:
            time = dt.datetime.fromisoformat(message["timestamp"])
            hours = 8 if session["user_id"] == "xiaowen" else 2 if summer[0] <= time < summer[1] else 1
            assert time.utcoffset() == dt.timedelta(hours=hours), message


def test_every_question_has_evidence_in_its_users_sessions() -> None:
    held = {session["run_id"]: session for session in sessions()}
    for question in questions():
        assert set(question) == {"user_id", "query", "answer", "evidence", "note"}
        assert question["query"]
        assert question["answer"]
        assert question["note"]
        assert question["evidence"]
        for run, index in question["evidence"]:
            assert held[run]["user_id"] == question["user_id"]
            assert 0 <= index < len(held[run]["messages"])


def test_questions_are_in_both_languages_and_one_crosses_over() -> None:
    asked = questions()
    kinds = Counter((question["user_id"], question["query"].isascii()) for question in asked)
    assert kinds == {("mara", True): 8, ("xiaowen", False): 5, ("xiaowen", True): 1}
    (crossing,) = [question for question in asked if question["user_id"] == "xiaowen" and question["query"].isascii()]
    assert "cross-lingual" in crossing["note"]
