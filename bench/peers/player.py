"""A peer in a process of its own that plays scenarios: the adapter of the reference scorer on this side of the pipe."""

from __future__ import annotations

import json
import subprocess
import tempfile
from collections.abc import Mapping, Sequence
from datetime import UTC, datetime
from pathlib import Path
from types import TracebackType
from typing import Any, Self

from bench.peers.compare import RUNNERS, Peer, environment_for, surroundings
from bench.scenarios.score import ts
from memstrata.ports import Embedder

Turn = Mapping[str, Any]


class PeerAdapter:
    """A peer's turns as facts: text and speaker as the peer returns them, valid from when the caller says it was said.

    No peer has facts that begin and end. The time is the caller's, kept where the peer keeps what a caller likes to
    keep, and a question about a past day is a filter on it: the same that the floors do.
    """

    def __init__(self, peer: Peer, embedder: Embedder, environments: Path) -> None:
        self._peer = peer
        self._embedder = embedder
        self._folder = tempfile.TemporaryDirectory()
        self._process = subprocess.Popen(
            [environment_for(peer.packages, environments), RUNNERS / peer.script],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            env=surroundings(self._folder.name),
            encoding="utf-8",
        )

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        try:
            self._process.communicate(timeout=60)
        finally:
            self._process.kill()
            self._process.wait()
            self._folder.cleanup()

    def reset(self) -> None:
        """Begin anew."""
        self._ask("reset")

    def add(self, messages: Sequence[Turn]) -> None:
        """One session."""
        turns = [{**turn, "said": ts(turn["timestamp"]).timestamp()} for turn in messages]
        vectors = self._embedder.embed_passages([turn["text"] for turn in messages])
        self._ask("add", turns=turns, vectors=vectors.tolist())

    def search(self, query: str, k: int, at: str) -> list[dict[str, Any]]:
        """What the peer finds."""
        return [{"text": each["text"], "turns": [each["id"]]} for each in self._find(query, k, None)]

    def facts(self, query: str, as_of: str | None, k: int) -> list[dict[str, Any]]:
        """What the peer finds among what was said by then."""
        return [
            {
                "text": each["text"],
                "valid_from": datetime.fromtimestamp(each["said"], UTC).isoformat(),
                "valid_to": None,
                "speaker": each.get("name", each["role"]),
                "turns": [each["id"]],
            }
            for each in self._find(query, k, as_of)
        ]

    def forget(self, turn: str) -> None:
        """Delete one turn."""
        self._ask("forget", turn=turn)

    def _find(self, query: str, limit: int, said_by: str | None) -> list[dict[str, Any]]:
        vectors = self._embedder.embed_queries([query]).tolist()
        seconds = None if said_by is None else ts(said_by).timestamp()
        found: list[dict[str, Any]] = self._ask("search", query=query, limit=limit, said_by=seconds, vectors=vectors)
        return found

    def _ask(self, do: str, **request: object) -> Any:
        assert self._process.stdin is not None
        assert self._process.stdout is not None
        self._process.stdin.write(json.dumps({"do": do, **request}) + "\n")
        self._process.stdin.flush()
        answer = self._process.stdout.readline()
        if not answer:
            raise RuntimeError(f"{self._peer.name!r} ended at {do!r}; what it printed last says why")
        return json.loads(answer)
