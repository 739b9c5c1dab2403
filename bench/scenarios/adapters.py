"""What plays a scenario: Memstrata through its public API, and the floors that show what the checks measure."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Any

from bench.scenarios.score import norm, ts
from memstrata import Memory
from memstrata.core.messages import Messages
from memstrata.ports import Embedder
from memstrata.types import Fact

Turn = Mapping[str, Any]


class MemoryAdapter:
    """A memory in the process, whose clock stands at the time of the session or the question."""

    def __init__(self, embedder: Embedder | str) -> None:
        self._embedder = embedder
        self._memory: Memory | None = None
        self._now = datetime.now().astimezone()

    def reset(self) -> None:
        """Begin anew."""
        if self._memory is not None:
            self._memory.close()
        self._memory = Memory(":memory:", embedder=self._embedder, worker="none", clock=lambda: self._now)

    def add(self, messages: Sequence[Turn]) -> None:
        """One session."""
        self._now = ts(messages[-1]["timestamp"])
        said: Messages = [
            {key: value for key, value in {**turn, "content": turn["text"]}.items() if key != "text"}  # type: ignore[misc]
            for turn in messages
        ]
        self._own.add(said, user_id="user", wait=True)

    def search(self, query: str, k: int, at: str) -> list[dict[str, Any]]:
        """Episodes."""
        self._now = ts(at)
        hits = self._own.search(query, user_id="user", limit=k, as_of=at)
        return [{"text": episode.text, "turns": [episode.message_id]} for episode in hits.episodes]

    def facts(self, query: str, as_of: str | None, k: int) -> list[dict[str, Any]]:
        """Facts that hold at `as_of`, or all."""
        found = self._own.facts(query, user_id="user", limit=k, as_of=as_of, current=as_of is not None)
        return [_as_dict(fact) for fact in found]

    def forget(self, turn: str) -> None:
        """Erase one turn."""
        episodes = self._own.episodes(user_id="user", limit=1000).episodes
        self._own.forget([each.id for each in episodes if each.message_id == turn], user_id="user")

    @property
    def _own(self) -> Memory:
        assert self._memory is not None
        return self._memory


def _as_dict(fact: Fact) -> dict[str, Any]:
    def iso(time: datetime | None) -> str | None:
        return None if time is None else time.isoformat()

    return {
        "text": fact.text,
        "valid_from": iso(fact.valid_from),
        "valid_to": iso(fact.valid_to),
        "event_from": iso(fact.event_from),
        "event_to": iso(fact.event_to),
        "recorded_at": iso(fact.recorded_at),
        "speaker": fact.speaker,
        "subject": fact.subject,
        "kind": fact.kind,
    }


class Empty:
    """Knows nothing."""

    def __init__(self) -> None:
        self._turns: list[Turn] = []

    def reset(self) -> None:
        """Begin anew."""
        self._turns = []

    def add(self, messages: Sequence[Turn]) -> None:
        """Keep the turns."""
        self._turns += messages

    def search(self, query: str, k: int, at: str) -> list[dict[str, Any]]:
        """Nothing."""
        return []

    def facts(self, query: str, as_of: str | None, k: int) -> list[dict[str, Any]]:
        """Nothing."""
        return []

    def forget(self, turn: str) -> None:
        """Drop one turn."""
        self._turns = [each for each in self._turns if each["id"] != turn]


class Log(Empty):
    """Every turn a fact for ever, the ones that share most words first: the floor published with the suite."""

    newest = False

    def search(self, query: str, k: int, at: str) -> list[dict[str, Any]]:
        """Turns by shared words."""
        return [{"text": turn["text"], "turns": [turn["id"]]} for turn in self._ranked(query, self._turns)[:k]]

    def facts(self, query: str, as_of: str | None, k: int) -> list[dict[str, Any]]:
        """Turns said by then."""
        known = [turn for turn in self._turns if not as_of or ts(turn["timestamp"]) <= ts(as_of)]
        return [
            {
                "text": turn["text"],
                "valid_from": turn["timestamp"],
                "valid_to": None,
                "speaker": turn.get("name", None if turn["role"] == "tool" else turn["role"]),
            }
            for turn in self._ranked(query, known)[:k]
        ]

    def _ranked(self, query: str, turns: Sequence[Turn]) -> list[Turn]:
        asked = _tokens(query)

        def score(place: int) -> tuple[float, int]:
            own = _tokens(turns[place]["text"])
            return -len(asked & own) / (5 + len(own)) ** 0.5, -place if self.newest else place

        best = sorted(range(len(turns)), key=score)[:10]
        return [turns[place] for place in (sorted(best, reverse=True) if self.newest else best)]


class Newest(Log):
    """The log's ten best turns, newest first."""

    newest = True


class VectorStore(Log):
    """Turns by the cosine of their embeddings: what a memory layer is without a language model."""

    def __init__(self, embedder: Embedder) -> None:
        super().__init__()
        self._embedder = embedder

    def _ranked(self, query: str, turns: Sequence[Turn]) -> list[Turn]:
        if not turns:
            return []
        near = (
            self._embedder.embed_passages([turn["text"] for turn in turns]) @ self._embedder.embed_queries([query])[0]
        )
        return [turns[place] for place in (-near).argsort(kind="stable")[:10]]


def _tokens(text: str) -> set[str]:
    plain = norm(text)
    pairs = {plain[i : i + 2] for i in range(len(plain) - 1) if "\u4e00" <= plain[i] <= "\u9fff"}
    return set(re.findall(r"[a-z0-9]+", plain)) | pairs
