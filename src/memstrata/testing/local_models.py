"""Local models for tests and examples, without weights or tensors."""

from __future__ import annotations

from collections.abc import Sequence

from memstrata.core.surprise import Session, Surprise
from memstrata.errors import ModelUnavailable

NEW_WORD, OLD_WORD = 5.0, 0.5
"""Nats of a word that the session has not heard yet, and of one that it has."""


class WordSurprise:
    """Finds a word surprising the first time that a session holds it.

    `failing`: how many of the next calls fail, as while something is not installed. `asked` keeps every session that
    it was given.
    """

    def __init__(self, *, name: str = "words/1", failing: int = 0) -> None:
        self.fingerprint = name
        self.failing = failing
        self.asked: list[Session] = []

    def surprise(self, sessions: Sequence[Session]) -> list[list[Surprise]]:
        """See `LocalModel.surprise`. Raises ModelUnavailable while it is failing."""
        self.asked += sessions
        if self.failing:
            self.failing -= 1
            raise ModelUnavailable("the weights are not there; install them")
        return [_weighed(session) for session in sessions]


def _weighed(session: Session) -> list[Surprise]:
    heard: set[str] = set()
    found = []
    for turn in session.turns:
        words = turn.text.split()
        nats = 0.0
        for word in words:
            nats += OLD_WORD if word in heard else NEW_WORD
            heard.add(word)
        found.append(Surprise(nats=nats, tokens=len(words)))
    return found[session.start :]
