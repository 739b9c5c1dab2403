"""The demo's sessions and questions, and asking them of a memory."""

from __future__ import annotations

import json
from dataclasses import dataclass
from importlib.resources import files
from typing import cast

from memstrata.memory import Memory
from memstrata.types import Hit, MessageDict

LOOKED_AT = 5
"""Hits in which the evidence of a question is looked for."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Session:
    """One conversation of one user with the assistant."""

    user_id: str
    run_id: str
    messages: tuple[MessageDict, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class Question:
    """A question with its answer in words and the messages (run, place) that it rests on."""

    user_id: str
    query: str
    answer: str
    evidence: tuple[tuple[str, int], ...]
    note: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Answer:
    """What a memory found: the best hits, and which episodes are the evidence."""

    question: Question
    hits: tuple[Hit, ...]
    evidence: tuple[str, ...]
    found: bool


def load_sessions() -> list[Session]:
    """Every session, in the order of time for each user."""
    lines = _read("conversations.jsonl").splitlines()
    return [
        Session(user_id=raw["user_id"], run_id=raw["run_id"], messages=tuple(raw["messages"]))
        for raw in (json.loads(line) for line in lines if line.strip())
    ]


def load_questions() -> list[Question]:
    """Every question."""
    return [
        Question(
            user_id=raw["user_id"],
            query=raw["query"],
            answer=raw["answer"],
            evidence=tuple((run, place) for run, place in raw["evidence"]),
            note=raw["note"],
        )
        for raw in json.loads(_read("questions.json"))
    ]


def ask(memory: Memory, question: Question) -> Answer:
    """Search for a question, and tell whether its evidence is among the best hits."""
    hits = memory.search(question.query, user_id=question.user_id, limit=LOOKED_AT)
    texts = {
        (session.run_id, place): message
        for session in load_sessions()
        for place, message in enumerate(session.messages)
    }
    wanted = {(run, cast(str, texts[run, place]["content"])) for run, place in question.evidence}
    evidence = tuple(each.id for each in hits.episodes if (each.run_id, each.text) in wanted)
    return Answer(question=question, hits=tuple(hits), evidence=evidence, found=len(evidence) == len(wanted))


def _read(name: str) -> str:
    return files("memstrata.demo").joinpath(name).read_text(encoding="utf-8")
