"""mem0 without inference plays scenarios: a turn is a message with its role and its name, its time is metadata."""

from __future__ import annotations

from typing import Any

from mem0_opened import opened
from playing import Found, Handed, Turn, serve

handed = Handed()
current: list[Any] = []
"""The memory of the scenario that is being played."""


class Given:
    """The vectors that everybody gets."""

    def embed(self, text: str, memory_action: str | None = None) -> list[float]:
        """One text; a question when mem0 searches."""
        return handed.question(text) if memory_action == "search" else handed.turn(text)

    def embed_batch(self, texts: list[str], memory_action: str | None = None) -> list[list[float]]:
        """Several texts."""
        return [self.embed(text, memory_action) for text in texts]


def close() -> None:
    """Close the memory and its vector store, which it leaves open."""
    for memory in current:
        memory.close()
        memory.vector_store.client.close()
    current.clear()


def reset(encoder: object = None) -> None:
    """An empty memory of its own for each scenario."""
    close()
    current.append(opened(Given()))
    if encoder is not None:
        current[0].vector_store._bm25_encoder = encoder


def add(turns: list[Turn]) -> None:
    """Turn by turn, for metadata holds for all messages of a call."""
    for turn in turns:
        message = {"role": turn["role"], "content": turn["text"]}
        if "name" in turn:
            message["name"] = turn["name"]
        metadata = {"turn": turn["id"], "said": turn["said"]}
        added = current[0].add([message], user_id="user", metadata=metadata, infer=False)
        assert len(added["results"]) == 1, added


def search(query: str, limit: int, said_by: float | None) -> list[Found]:
    """What mem0 finds for the user; `said_by` becomes a filter on the metadata."""
    filters: dict[str, Any] = {"user_id": "user"}
    if said_by is not None:
        filters["said"] = {"lte": said_by}
    return [
        {
            "id": each["metadata"]["turn"],
            "text": each["memory"],
            "role": each["role"],
            "said": each["metadata"]["said"],
            **({"name": each["actor_id"]} if each.get("actor_id") else {}),
        }
        for each in current[0].search(query, filters=filters, top_k=limit)["results"]
    ]


def forget(turn: str) -> None:
    """Delete the memories of one turn."""
    for each in current[0].get_all(filters={"user_id": "user", "turn": turn}, top_k=100)["results"]:
        current[0].delete(each["id"])


if __name__ == "__main__":
    serve(handed, reset, add, search, forget)
    close()
