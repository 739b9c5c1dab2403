"""chromadb: a collection for all, each log behind a filter."""

from __future__ import annotations

import tempfile

import chromadb
from chromadb.config import Settings
from job import Turn, Vectors, run

client = chromadb.PersistentClient(path=tempfile.mkdtemp(), settings=Settings(anonymized_telemetry=False))
collection = client.create_collection("turns", metadata={"hnsw:space": "cosine"}, embedding_function=None)


def remember(log: str, turns: list[Turn], vectors: Vectors) -> None:
    """Add in batches of 500."""
    for start in range(0, len(turns), 500):
        some = turns[start : start + 500]
        collection.add(
            ids=[f"{log}/{turn['id']}" for turn in some],
            documents=[turn["text"] for turn in some],
            embeddings=vectors[start : start + 500],
            metadatas=[{"log": log, "date": turn["date"]} for turn in some],
        )


def search(log: str, query: str, vector: Vectors, limit: int) -> list[str]:
    """The nearest of one log."""
    found = collection.query(query_embeddings=vector[None], n_results=limit, where={"log": log}, include=[])
    return [id_.partition("/")[2] for id_ in found["ids"][0]]


run(remember, search)
