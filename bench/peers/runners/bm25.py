"""bm25s: BM25 of the turns, with its own stop words and Snowball's stemmer."""

from __future__ import annotations

import bm25s
import numpy as np
import Stemmer
from job import Turn, Vectors, run

stemmer = Stemmer.Stemmer("english")
indexes: dict[str, tuple[bm25s.BM25, list[str]]] = {}


def remember(log: str, turns: list[Turn], vectors: Vectors) -> None:
    """An index a log."""
    index = bm25s.BM25(method="lucene", k1=0.9, b=0.4)
    tokens = bm25s.tokenize([turn["text"] for turn in turns], stopwords="en", stemmer=stemmer, show_progress=False)
    index.index(tokens, show_progress=False)
    indexes[log] = index, [turn["id"] for turn in turns]


def search(log: str, query: str, vector: Vectors, limit: int) -> list[str]:
    """The best of one log."""
    index, ids = indexes[log]
    tokens = bm25s.tokenize([query], stopwords="en", stemmer=stemmer, show_progress=False)
    found, _ = index.retrieve(tokens, k=min(limit, len(ids)), show_progress=False)
    return [ids[int(place)] for place in np.asarray(found)[0]]


run(remember, search)
