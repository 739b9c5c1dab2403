"""The loader of LoCoMo, on a small invented file."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
from bench.locomo_data import Conversation, load_locomo

CONVERSATION = {
    "speaker_a": "A",
    "session_10": [{"dia_id": "D10:1", "speaker": "B", "text": "ten"}],
    "session_10_date_time": "12:05 am on 1 January, 2024",
    "session_2": [
        {"dia_id": "D2:1", "speaker": "B", "text": "two", "blip_caption": "a cat"},
        {"dia_id": "D2:2", "speaker": "A", "text": "ha"},
    ],
    "session_2_date_time": "11:01 am on 17 December, 2023",
    "session_1": [{"dia_id": "D1:1", "speaker": "A", "text": "one"}],
    "session_1_date_time": "1:56 pm on 8 May, 2023",
    "session_11_date_time": "2:00 pm on 2 January, 2024",
}


@pytest.fixture
def load(tmp_path: Path) -> Any:
    def load(*questions: dict[str, Any]) -> Conversation:
        path = tmp_path / "locomo.json"
        path.write_text(json.dumps([{"sample_id": "s", "conversation": CONVERSATION, "qa": list(questions)}]))
        (conversation,) = load_locomo(path)
        return conversation

    return load


def _asked(evidence: list[str] | None, *, category: int = 1) -> dict[str, Any]:
    return {"question": "who?", "category": category} | ({} if evidence is None else {"evidence": evidence})


def test_sessions_come_by_number_and_one_without_turns_is_left_out(load: Any) -> None:
    assert [session.name for session in load().sessions] == ["session_1", "session_2", "session_10"]
    assert list(load().turns) == ["D1:1", "D2:1", "D2:2", "D10:1"]


def test_dates_are_aware_and_midnight_is_twelve_am(load: Any) -> None:
    dates = [session.date.isoformat() for session in load().sessions]
    assert dates == ["2023-05-08T13:56:00+00:00", "2023-12-17T11:01:00+00:00", "2024-01-01T00:05:00+00:00"]


def test_a_caption_is_part_of_the_text(load: Any) -> None:
    assert [turn.text for turn in load().turns.values()] == ["one", "two [shares an image: a cat]", "ha", "ten"]


@pytest.mark.parametrize(
    ("cited", "evidence"),
    [
        (["D1:1", "D2:2"], {"D1:1", "D2:2"}),
        (["D1:1; D10:1"], {"D1:1", "D10:1"}),
        (["D2:1", "D", "D:1:1"], {"D2:1"}),
        (["D2:1", "D9:9"], {"D2:1"}),
    ],
)
def test_evidence_is_every_turn_cited_that_exists(load: Any, cited: list[str], evidence: set[str]) -> None:
    (question,) = load(_asked(cited)).questions
    assert question.evidence == evidence


def test_questions_without_evidence_and_adversarial_ones_are_left_out(load: Any) -> None:
    left_out = [_asked([]), _asked(None), _asked(["D9:9"]), _asked(["D1:1"], category=5)]
    assert load(*left_out).questions == ()
