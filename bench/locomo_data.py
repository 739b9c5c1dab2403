"""LoCoMo: long conversations of two people with questions whose evidence is known. The file is the user's own."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

ADVERSARIAL = 5
CATEGORIES = {1: "multi-hop", 2: "temporal", 3: "open-domain", 4: "single-hop"}
_EVIDENCE = re.compile(r"D\d+:\d+")


@dataclass(frozen=True, slots=True, kw_only=True)
class Turn:
    """One turn, with the caption of an image that it shares in its text."""

    id: str
    speaker: str
    text: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Session:
    """One sitting."""

    name: str
    date: datetime
    turns: tuple[Turn, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class Question:
    """A question, and the turns of its log that it cites as evidence."""

    query: str
    evidence: frozenset[str]
    category: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Conversation:
    """One pair of speakers."""

    id: str
    sessions: tuple[Session, ...]
    questions: tuple[Question, ...]

    @property
    def turns(self) -> dict[str, Turn]:
        """Every turn by id."""
        return {turn.id: turn for session in self.sessions for turn in session.turns}


def load_locomo(path: Path) -> list[Conversation]:
    """The conversations of a file, without adversarial questions and those that cite no turn of their log."""
    return [_conversation(sample) for sample in json.loads(path.read_text(encoding="utf-8"))]


def _conversation(sample: dict[str, Any]) -> Conversation:
    raw = sample["conversation"]
    numbers = sorted(int(key.removeprefix("session_")) for key in raw if re.fullmatch(r"session_\d+", key))
    sessions = tuple(_session(raw, f"session_{number}") for number in numbers)
    known = {turn.id for session in sessions for turn in session.turns}
    return Conversation(id=sample["sample_id"], sessions=sessions, questions=tuple(_questions(sample["qa"], known)))


def _session(raw: dict[str, Any], name: str) -> Session:
    date = datetime.strptime(raw[f"{name}_date_time"], "%I:%M %p on %d %B, %Y").replace(tzinfo=UTC)
    return Session(name=name, date=date, turns=tuple(_turn(turn) for turn in raw[name]))


def _turn(raw: dict[str, Any]) -> Turn:
    caption = raw.get("blip_caption")
    text = f"{raw['text']} [shares an image: {caption}]" if caption else raw["text"]
    return Turn(id=raw["dia_id"], speaker=raw["speaker"], text=text)


def _questions(raw: list[dict[str, Any]], known: set[str]) -> Iterator[Question]:
    for each in raw:
        evidence = known.intersection(_EVIDENCE.findall(" ".join(each.get("evidence") or [])))
        if each["category"] != ADVERSARIAL and evidence:
            yield Question(query=each["question"], evidence=frozenset(evidence), category=each["category"])
