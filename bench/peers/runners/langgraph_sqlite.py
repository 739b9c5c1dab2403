"""LangGraph's store in a SQLite file, with sqlite-vec's index over the text."""

from __future__ import annotations

import tempfile

from job import Lookup, Turn, Vectors, read_job, run
from langgraph.store.sqlite import SqliteStore

lookup = Lookup(*read_job())
index = {"dims": 384, "embed": lambda texts: [lookup(text) for text in texts], "fields": ["text"]}


def remember(log: str, turns: list[Turn], vectors: Vectors) -> None:
    """Put each turn under the log's namespace."""
    for turn in turns:
        store.put((log,), turn["id"], {"text": turn["text"], "date": turn["date"]})


def search(log: str, query: str, vector: Vectors, limit: int) -> list[str]:
    """The nearest of one namespace."""
    return [item.key for item in store.search((log,), query=query, limit=limit)]


with SqliteStore.from_conn_string(f"{tempfile.mkdtemp()}/store.db", index=index) as store:
    store.setup()
    run(remember, search)
