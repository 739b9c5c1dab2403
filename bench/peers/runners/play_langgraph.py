"""LangGraph's store plays scenarios: a turn is a value with its text, role, name and time, its id the key."""

from __future__ import annotations

from langchain_core.embeddings import Embeddings
from langgraph.store.memory import InMemoryStore
from playing import Found, Handed, Turn, serve

USER = ("user",)
handed = Handed()
current: list[InMemoryStore] = []
"""The store of the scenario that is being played."""


class Given(Embeddings):
    """The vectors that everybody gets."""

    def embed_documents(self, texts: list[str]) -> list[list[float]]:
        """Turns."""
        return [handed.turn(text) for text in texts]

    def embed_query(self, text: str) -> list[float]:
        """A question."""
        return handed.question(text)


def reset() -> None:
    """An empty store of its own for each scenario."""
    current[:] = [InMemoryStore(index={"dims": 384, "embed": Given(), "fields": ["text"]})]


def add(turns: list[Turn]) -> None:
    """Put each turn."""
    for turn in turns:
        current[0].put(USER, turn["id"], {key: value for key, value in turn.items() if key != "id"})


def search(query: str, limit: int, said_by: float | None) -> list[Found]:
    """The nearest; `said_by` becomes a filter on the value."""
    only = None if said_by is None else {"said": {"$lte": said_by}}
    return [{"id": item.key, **item.value} for item in current[0].search(USER, query=query, filter=only, limit=limit)]


def forget(turn: str) -> None:
    """Delete one turn."""
    current[0].delete(USER, turn)


serve(handed, reset, add, search, forget)
