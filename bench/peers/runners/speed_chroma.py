"""chromadb: nearest vectors of one user behind a filter, with the documents of the best ten."""

from __future__ import annotations

import tempfile

import chromadb
from chromadb.config import Settings
from timed import read, timed

texts, vectors, questions, question_vectors = read()
client = chromadb.PersistentClient(path=tempfile.mkdtemp(), settings=Settings(anonymized_telemetry=False))
collection = client.create_collection("turns", metadata={"hnsw:space": "cosine"}, embedding_function=None)
for start in range(0, len(texts), 1000):
    some = texts[start : start + 1000]
    collection.add(
        ids=[str(start + place) for place in range(len(some))],
        documents=some,
        embeddings=vectors[start : start + 1000],
        metadatas=[{"user": "one"} for _ in some],
    )
timed(
    lambda place: collection.query(
        query_embeddings=question_vectors[place][None], n_results=10, where={"user": "one"}, include=["documents"]
    ),
    len(questions),
)
