"""Embedders for tests: one without a model, one that fails, one that keeps count."""

from __future__ import annotations

import threading
from collections.abc import Sequence

import numpy as np

from memstrata.core.candidates import Floats
from memstrata.core.lexical import index_terms
from memstrata.errors import EmbedderUnavailable
from memstrata.ports import Embedder


class HashEmbedder:
    """A bag of words: each term adds to or takes from one dimension. Texts that share words have a cosine."""

    def __init__(self, dimensions: int = 64) -> None:
        self._dimensions = dimensions

    @property
    def fingerprint(self) -> str:
        """Names the dimensions."""
        return f"hash/{self._dimensions}"

    @property
    def dimensions(self) -> int:
        """As given."""
        return self._dimensions

    def embed_passages(self, texts: Sequence[str]) -> Floats:
        """See `Embedder.embed_passages`."""
        vectors = np.zeros((len(texts), self._dimensions), dtype=np.float32)
        for vector, text in zip(vectors, texts, strict=True):
            for term, frequency in index_terms(text).frequencies.items():
                vector[term % self._dimensions] += frequency if term >> 31 else -frequency
            if not vector.any():
                vector[0] = 1
            vector /= np.linalg.norm(vector)
        return vectors

    def embed_queries(self, texts: Sequence[str]) -> Floats:
        """The same as for passages."""
        return self.embed_passages(texts)


class FailingEmbedder:
    """Raises EmbedderUnavailable for the first `failures` calls, then does what `inner` does."""

    def __init__(self, inner: Embedder, failures: int) -> None:
        self._inner = inner
        self._left = failures
        self._lock = threading.Lock()

    @property
    def fingerprint(self) -> str:
        """The inner embedder's."""
        return self._inner.fingerprint

    @property
    def dimensions(self) -> int:
        """The inner embedder's."""
        return self._inner.dimensions

    def embed_passages(self, texts: Sequence[str]) -> Floats:
        """See `Embedder.embed_passages`."""
        self._fail()
        return self._inner.embed_passages(texts)

    def embed_queries(self, texts: Sequence[str]) -> Floats:
        """See `Embedder.embed_queries`."""
        self._fail()
        return self._inner.embed_queries(texts)

    def _fail(self) -> None:
        with self._lock:
            if self._left > 0:
                self._left -= 1
                raise EmbedderUnavailable("failing as the test asked")


class CountingEmbedder:
    """Does what `inner` does; `passages` and `queries` are the texts it was asked for, `calls` how often."""

    def __init__(self, inner: Embedder) -> None:
        self._inner = inner
        self._lock = threading.Lock()
        self.passages: list[str] = []
        self.queries: list[str] = []
        self.calls = 0

    @property
    def fingerprint(self) -> str:
        """The inner embedder's."""
        return self._inner.fingerprint

    @property
    def dimensions(self) -> int:
        """The inner embedder's."""
        return self._inner.dimensions

    def embed_passages(self, texts: Sequence[str]) -> Floats:
        """See `Embedder.embed_passages`."""
        self._count(self.passages, texts)
        return self._inner.embed_passages(texts)

    def embed_queries(self, texts: Sequence[str]) -> Floats:
        """See `Embedder.embed_queries`."""
        self._count(self.queries, texts)
        return self._inner.embed_queries(texts)

    def _count(self, seen: list[str], texts: Sequence[str]) -> None:
        with self._lock:
            seen.extend(texts)
            self.calls += 1
