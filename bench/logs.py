"""One shape for every evaluation log, and remembering it through the public API."""

from __future__ import annotations

import json
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import Any

from bench.locomo_data import CATEGORIES, load_locomo
from bench.measures import averaged, measure
from memstrata import Memory, Message
from memstrata.core.tokens import estimated_tokens
from memstrata.types import Role

ASSISTANT_LOG = Path(__file__).parent / "data" / "assistant_log.jsonl"


@dataclass(frozen=True, slots=True, kw_only=True)
class Asked:
    """A question with the ids of the messages that answer it."""

    query: str
    evidence: frozenset[str]
    kind: str
    asked_at: datetime | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Log:
    """One memory's worth: sessions of messages (each with an id), and questions."""

    id: str
    sessions: tuple[tuple[str, tuple[Message, ...]], ...]
    questions: tuple[Asked, ...]

    def tokens(self) -> Callable[[str], int]:
        """Estimated tokens of "speaker: text" by message id."""
        counts = {
            message.id: estimated_tokens(f"{message.name or message.role}: {message.content}")
            for _, messages in self.sessions
            for message in messages
        }
        return lambda id_: counts[id_]


@dataclass(frozen=True, slots=True, kw_only=True)
class Outcome:
    """The measures of one question and how long the search took, in milliseconds."""

    asked: Asked
    ranked: tuple[str, ...]
    measured: dict[str, float]
    milliseconds: float


def locomo_logs(path: Path) -> list[Log]:
    """LoCoMo's conversations: two named people."""
    return [
        Log(
            id=conversation.id,
            sessions=tuple(
                (
                    session.name,
                    tuple(
                        Message(content=turn.text, name=turn.speaker, timestamp=session.date, id=turn.id)
                        for turn in session.turns
                    ),
                )
                for session in conversation.sessions
            ),
            questions=tuple(
                Asked(query=each.query, evidence=each.evidence, kind=CATEGORIES[each.category])
                for each in conversation.questions
            ),
        )
        for conversation in load_locomo(path)
    ]


def assistant_logs(path: Path = ASSISTANT_LOG) -> list[Log]:
    """Our own logs of users with an assistant."""
    return [_assistant_log(json.loads(line)) for line in path.read_text(encoding="utf-8").splitlines() if line.strip()]


def remember(memory: Memory, log: Log) -> None:
    """Add a log, session by session, without waiting for vectors."""
    for name, messages in log.sessions:
        memory.add(messages, user_id=log.id, run_id=name)


def ask(memory: Memory, log: Log, *, limit: int = 50) -> list[Outcome]:
    """Search for every question of a log."""
    tokens = log.tokens()
    outcomes = []
    for asked in log.questions:
        started = time.perf_counter()
        hits = memory.search(asked.query, user_id=log.id, limit=limit, as_of=asked.asked_at)
        spent = 1000 * (time.perf_counter() - started)
        ranked = tuple(episode.message_id or "" for episode in hits.episodes)
        measured = measure(ranked, asked.evidence, tokens)
        outcomes.append(Outcome(asked=asked, ranked=ranked, measured=measured, milliseconds=spent))
    return outcomes


def summary(outcomes: Sequence[Outcome]) -> dict[str, dict[str, float]]:
    """Averages over all questions, and by kind."""
    kinds = sorted({each.asked.kind for each in outcomes})
    rows = {"all": outcomes, **{kind: [each for each in outcomes if each.asked.kind == kind] for kind in kinds}}
    return {
        name: {"questions": len(some), **averaged(each.measured for each in some)}
        for name, some in rows.items()
        if some
    }


def _assistant_log(raw: dict[str, Any]) -> Log:
    sessions = [
        (
            f"session_{place}",
            tuple(_message(turn, session["date"]) for turn in session["turns"]),
        )
        for place, session in enumerate(raw["sessions"], start=1)
    ]
    questions = tuple(
        Asked(
            query=each["query"],
            evidence=frozenset(each["evidence"]),
            kind=each["kind"],
            asked_at=datetime.fromisoformat(each["asked_at"]),
        )
        for each in raw["questions"]
    )
    return Log(id=raw["id"], sessions=tuple(sessions), questions=questions)


def _message(turn: dict[str, str], date: str) -> Message:
    role: Role = "user" if turn["role"] == "user" else "assistant"
    return Message(content=turn["text"], role=role, timestamp=datetime.fromisoformat(date), id=turn["id"])
