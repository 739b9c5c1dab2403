"""mem0 without inference, as installed."""

from __future__ import annotations

from job import Lookup, Turn, Vectors, read_job, run
from mem0_opened import opened


class Given:
    """The vectors that everybody gets."""

    def __init__(self) -> None:
        self._lookup = Lookup(*read_job())

    def embed(self, text: str, memory_action: str | None = None) -> list[float]:
        """One text."""
        return self._lookup(text)

    def embed_batch(self, texts: list[str], memory_action: str | None = None) -> list[list[float]]:
        """Several texts."""
        return [self._lookup(text) for text in texts]


memory = opened(Given())


def remember(log: str, turns: list[Turn], vectors: Vectors) -> None:
    """Add turn by turn, as they come."""
    for turn in turns:
        metadata = {"turn": turn["id"], "date": turn["date"]}
        memory.add(turn["text"], user_id=log, metadata=metadata, infer=False)


def search(log: str, query: str, vector: Vectors, limit: int) -> list[str]:
    """What mem0 finds for the user."""
    found = memory.search(query, filters={"user_id": log}, top_k=limit)
    return [each["metadata"]["turn"] for each in found["results"]]


if __name__ == "__main__":
    run(remember, search)
