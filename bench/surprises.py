"""A local model that keeps what it found in a folder, so that a benchmark weighs the same turns once."""

from __future__ import annotations

import hashlib
import json
import time
from collections.abc import Iterator, Sequence
from pathlib import Path

from memstrata.core.surprise import Session, Surprise
from memstrata.ports import LocalModel


class KeptModel:
    """Wraps a local model; a turn is looked up by a digest of the session up to it."""

    def __init__(self, inner: LocalModel, folder: Path) -> None:
        self._inner = inner
        self._file = folder / f"surprise-{hashlib.sha256(inner.fingerprint.encode()).hexdigest()[:16]}.json"
        self._known: dict[str, tuple[float, int]] = {}
        self.cpu_seconds = 0.0
        self.turns = 0
        if self._file.exists():
            kept = json.loads(self._file.read_text("utf-8"))
            self._known = {key: (nats, tokens) for key, (nats, tokens) in kept["known"].items()}
            self.cpu_seconds, self.turns = kept["cpu_seconds"], kept["turns"]

    @property
    def fingerprint(self) -> str:
        """The inner model's."""
        return self._inner.fingerprint

    def surprise(self, sessions: Sequence[Session]) -> list[list[Surprise]]:
        """See `LocalModel.surprise`. What is new is written at once: it takes minutes."""
        return [self._surprise(session) for session in sessions]

    def _surprise(self, session: Session) -> list[Surprise]:
        keys = list(_keys(session))[session.start :]
        if any(key not in self._known for key in keys):
            started = time.process_time()
            (found,) = self._inner.surprise([session])
            self.cpu_seconds += time.process_time() - started
            self.turns += len(found)
            self._known.update({key: (each.nats, each.tokens) for key, each in zip(keys, found, strict=True)})
            self._file.parent.mkdir(parents=True, exist_ok=True)
            kept = {"cpu_seconds": self.cpu_seconds, "turns": self.turns, "known": self._known}
            self._file.write_text(json.dumps(kept), "utf-8")
        return [Surprise(nats=nats, tokens=tokens) for nats, tokens in (self._known[key] for key in keys)]


def _keys(session: Session) -> Iterator[str]:
    digest = hashlib.sha256()
    for turn in session.turns:
        digest.update(f"{turn.speaker}\0{turn.text}\1".encode())
        yield digest.hexdigest()[:32]
