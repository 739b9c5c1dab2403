"""The first kind of background work: give every episode of a scope its vectors in the current space.

One job a scope and space, however many messages caused it. Each step takes the oldest episodes without a vector,
embeds them outside any transaction, and keeps the vectors; stopped anywhere and run again, it goes on from there.
When a scope is complete, its vectors of an earlier embedder are dropped; until then they stay searchable.
"""

from __future__ import annotations

from itertools import accumulate, pairwise

from memstrata.core.passages import passages, vector_space
from memstrata.ports import Embedder, Store
from memstrata.schedule.worker import Alive, Handler

BATCH = 16
"""Episodes between two signs of life: one to two seconds' work of a small CPU model."""


def embedding_queue(embedder: Embedder) -> str:
    """The queue of a vector space; only a worker that has this embedder serves it."""
    return f"embed/{vector_space(embedder.fingerprint)}"


def embed_scope_with(store: Store, embedder: Embedder) -> Handler:
    """The handler that embeds a scope."""

    def embed_scope(scope_key: int, alive: Alive) -> None:
        space = vector_space(embedder.fingerprint)
        while rows := store.missing_vectors(scope_key, space, limit=BATCH):
            texts = [passages(row) for row in rows]
            vectors = embedder.embed_passages([text for each in texts for text in each])
            starts = list(accumulate(map(len, texts), initial=0))
            store.put_vectors(
                scope_key,
                space,
                [row.row for row in rows],
                vectors[starts[:-1]],
                redactions=[row.redactions for row in rows],
                sentences=[vectors[low + 1 : high] for low, high in pairwise(starts)],
            )
            if not alive():
                return
        store.drop_other_spaces(scope_key, space)

    return embed_scope
