"""LangGraph's store (the one that langmem uses), with an index over the text."""

from __future__ import annotations

from job import Lookup, Turn, Vectors, read_job, run
from langgraph.store.memory import InMemoryStore

lookup = Lookup(*read_job())
store = InMemoryStore(index={"dims": 384, "embed": lambda texts: [lookup(text) for text in texts], "fields": ["text"]})


def remember(log: str, turns: list[Turn], vectors: Vectors) -> None:
    """Put each turn under the log's namespace."""
    for turn in turns:
        store.put((log,), turn["id"], {"text": turn["text"], "date": turn["date"]})


def search(log: str, query: str, vector: Vectors, limit: int) -> list[str]:
    """The nearest of one namespace."""
    return [item.key for item in store.search((log,), query=query, limit=limit)]


run(remember, search)
