"""An embedder that remembers the vectors of the last questions: agents ask the same again."""

from __future__ import annotations

import hashlib
import threading
from collections import OrderedDict
from collections.abc import Sequence

import numpy as np

from memstrata.core.candidates import Floats
from memstrata.ports import Embedder

QUESTIONS = 1024
"""1.5 MiB at 384 dimensions."""


class CachedEmbedder:
    """Passes on passages, and questions that it has not seen lately; keeps vectors, not words."""

    def __init__(self, inner: Embedder, *, questions: int = QUESTIONS) -> None:
        self._inner = inner
        self._questions = questions
        self._lock = threading.Lock()
        self._known: OrderedDict[bytes, Floats] = OrderedDict()

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
        return self._inner.embed_passages(texts)

    def embed_queries(self, texts: Sequence[str]) -> Floats:
        """See `Embedder.embed_queries`."""
        keys = [_key(text) for text in texts]
        with self._lock:
            found = {key: self._known[key] for key in keys if key in self._known}
        missing = {key: text for key, text in zip(keys, texts, strict=True) if key not in found}
        if missing or not keys:
            vectors = self._inner.embed_queries(list(missing.values()))
            if len(missing) == len(keys):
                self._keep(keys, vectors)
                return vectors
            found.update(zip(missing, vectors, strict=True))
        self._keep(keys, [found[key] for key in keys])
        return np.stack([found[key] for key in keys])

    def _keep(self, keys: Sequence[bytes], vectors: Sequence[Floats] | Floats) -> None:
        with self._lock:
            for key, vector in zip(keys, vectors, strict=True):
                if key not in self._known:
                    self._known[key] = vector.copy()  # a view would keep its whole batch alive
                self._known.move_to_end(key)
            while len(self._known) > self._questions:
                self._known.popitem(last=False)


def _key(text: str) -> bytes:
    return hashlib.blake2b(text.encode("utf-8", "surrogatepass"), digest_size=16).digest()
