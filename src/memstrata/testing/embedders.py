"""Embedders for tests: deterministic, failing, counting."""

from __future__ import annotations

import threading
from collections.abc import Sequence

import numpy as np

from memstrata.core.candidates import Floats
from memstrata.core.lexical import index_terms
from memstrata.errors import EmbedderUnavailable
from memstrata.ports import Embedder


class HashEmbedder:
    """A bag of words, hashed into a vector: texts that share words are near. Needs no model."""

    def __init__(self, dimensions: int = 64, *, name: str = "hash") -> None:
        self._dimensions = dimensions
        self._name = name

    @property
    def fingerprint(self) -> str:
        """The name and the dimensions."""
        return f"{self._name}/{self._dimensions}"

    @property
    def dimensions(self) -> int:
        """As given."""
        return self._dimensions

    def embed_passages(self, texts: Sequence[str]) -> Floats:
        """See `Embedder.embed_passages`."""
        return np.array([self._embed(text) for text in texts], np.float32).reshape(len(texts), self._dimensions)

    def embed_queries(self, texts: Sequence[str]) -> Floats:
        """The same as passages."""
        return self.embed_passages(texts)

    def _embed(self, text: str) -> Floats:
        vector = np.zeros(self._dimensions, dtype=np.float32)
        for term, frequency in index_terms(text).frequencies.items():
            vector[term % self._dimensions] += frequency if term & 0x10000 else -frequency
        if not vector.any():
            vector[0] = 1
        return vector / np.float32(np.linalg.norm(vector))


class _Wrapper:
    def __init__(self, inner: Embedder) -> None:
        self._inner = inner

    @property
    def fingerprint(self) -> str:
        """The inner embedder's."""
        return self._inner.fingerprint

    @property
    def dimensions(self) -> int:
        """The inner embedder's."""
        return self._inner.dimensions


class FailingEmbedder(_Wrapper):
    """Fails the first `failures` calls."""

    def __init__(self, inner: Embedder, *, failures: int) -> None:
        super().__init__(inner)
        self.failures_left = failures

    def embed_passages(self, texts: Sequence[str]) -> Floats:
        """See `Embedder.embed_passages`."""
        self._fail()
        return self._inner.embed_passages(texts)

    def embed_queries(self, texts: Sequence[str]) -> Floats:
        """See `Embedder.embed_queries`."""
        self._fail()
        return self._inner.embed_queries(texts)

    def _fail(self) -> None:
        if self.failures_left > 0:
            self.failures_left -= 1
            raise EmbedderUnavailable("out of order on purpose")


class CountingEmbedder(_Wrapper):
    """Counts the texts it was given."""

    def __init__(self, inner: Embedder) -> None:
        super().__init__(inner)
        self._lock = threading.Lock()
        self.passages: list[str] = []
        self.queries: list[str] = []

    def embed_passages(self, texts: Sequence[str]) -> Floats:
        """See `Embedder.embed_passages`."""
        with self._lock:
            self.passages += texts
        return self._inner.embed_passages(texts)

    def embed_queries(self, texts: Sequence[str]) -> Floats:
        """See `Embedder.embed_queries`."""
        with self._lock:
            self.queries += texts
        return self._inner.embed_queries(texts)
