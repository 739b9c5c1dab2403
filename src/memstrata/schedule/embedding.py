"""The first kind of background work: give every episode of a scope a vector in the current space.

One job a scope and space, however many messages caused it. Each step takes the oldest episodes without a vector,
embeds them outside any transaction, and keeps the vectors; stopped anywhere and run again, it goes on from there.
When a scope is complete, its vectors of an earlier embedder are dropped; until then they stay searchable.
"""

from __future__ import annotations

from memstrata.core.records import TextRow
from memstrata.ports import Embedder, Store
from memstrata.schedule.worker import Alive, Handler

BATCH = 32
"""Texts between two signs of life: about a second's work of a small CPU model."""


def embedding_queue(embedder: Embedder) -> str:
    """The queue of a vector space; only a worker that has this embedder serves it."""
    return f"embed/{embedder.fingerprint}"


def passage(row: TextRow) -> str:
    """The text of an episode as it is embedded: its day, its speaker, its words."""
    return f"[{row.day}] {row.name}: {row.text}" if row.name else f"[{row.day}] {row.text}"


def embed_scope_with(store: Store, embedder: Embedder) -> Handler:
    """The handler that embeds a scope."""

    def embed_scope(scope_key: int, alive: Alive) -> None:
        space = embedder.fingerprint
        while rows := store.missing_vectors(scope_key, space, limit=BATCH):
            vectors = embedder.embed_passages([passage(row) for row in rows])
            store.put_vectors(scope_key, space, [row.row for row in rows], vectors)
            if not alive():
                return
        store.drop_other_spaces(scope_key, space)

    return embed_scope
