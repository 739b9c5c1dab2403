"""The hand-written assistant logs are well formed: the file itself, without the package."""

from __future__ import annotations

import json
from collections import Counter
from datetime import datetime
from itertools import pairwise
from pathlib import Path
from typing import Any

import pytest

FILE = Path(__file__).parents[2] / "bench" / "data" / "assistant_log.jsonl"
KINDS = {"single", "multi", "temporal", "update", "assistant", "preference", "cross"}
USERS = [json.loads(line) for line in FILE.read_text(encoding="utf-8").splitlines() if line.strip()]

each_user = pytest.mark.parametrize("user", USERS, ids=[user["id"] for user in USERS])


def _aware(text: str) -> datetime:
    date = datetime.fromisoformat(text)
    assert date.utcoffset() is not None, text
    return date


def _turns(user: dict[str, Any]) -> list[dict[str, str]]:
    return [turn for session in user["sessions"] for turn in session["turns"]]


def test_size_and_kinds() -> None:
    kinds = Counter(question["kind"] for user in USERS for question in user["questions"])
    assert len(USERS) >= 8
    assert kinds.total() >= 100
    assert set(kinds) == KINDS
    assert Counter(user["lang"] for user in USERS).keys() == {"en", "zh"}


def test_ids_are_unique_over_the_file() -> None:
    users = [user["id"] for user in USERS]
    questions = [question["id"] for user in USERS for question in user["questions"]]
    assert len(set(users)) == len(users)
    assert len(set(questions)) == len(questions)


@each_user
def test_turn_ids_follow_their_place(user: dict[str, Any]) -> None:
    for number, session in enumerate(user["sessions"], 1):
        expected = [f"S{number}:{place}" for place in range(1, len(session["turns"]) + 1)]
        assert [turn["id"] for turn in session["turns"]] == expected


@each_user
def test_roles_alternate_and_texts_are_not_empty(user: dict[str, Any]) -> None:
    for session in user["sessions"]:
        assert 8 <= len(session["turns"]) <= 14
        for place, turn in enumerate(session["turns"]):
            assert turn["role"] == ("assistant" if place % 2 else "user")
            assert turn["text"].strip() == turn["text"] != ""


@each_user
def test_dates_are_aware_and_ascending(user: dict[str, Any]) -> None:
    dates = [_aware(session["date"]) for session in user["sessions"]]
    assert all(earlier < later for earlier, later in pairwise(dates))


@each_user
def test_evidence_exists_and_is_older_than_the_question(user: dict[str, Any]) -> None:
    dates = {turn["id"]: _aware(session["date"]) for session in user["sessions"] for turn in session["turns"]}
    for question in user["questions"]:
        assert question["query"].strip()
        assert question["evidence"]
        assert len(set(question["evidence"])) == len(question["evidence"])
        assert set(question["evidence"]) <= dates.keys(), question["id"]
        assert all(dates[turn] < _aware(question["asked_at"]) for turn in question["evidence"]), question["id"]


@each_user
def test_evidence_fits_the_kind(user: dict[str, Any]) -> None:
    roles = {turn["id"]: turn["role"] for turn in _turns(user)}
    for question in user["questions"]:
        said_by = [roles[turn] for turn in question["evidence"]]
        if question["kind"] == "assistant":
            assert set(said_by) == {"assistant"}, question["id"]
        elif question["kind"] == "multi":
            assert 2 <= len(said_by) <= 3, question["id"]
        elif question["kind"] in {"single", "update", "preference"}:
            assert said_by == ["user"], question["id"]
