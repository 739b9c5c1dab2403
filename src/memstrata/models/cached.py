"""An embedder that remembers the vectors of the last questions: agents ask the same again."""

from __future__ import annotations

import threading
from collections import OrderedDict
from collections.abc import Sequence

import numpy as np

from memstrata.core.candidates import Floats
from memstrata.ports import Embedder

QUESTIONS = 1024
"""1.5 MiB at 384 dimensions."""


class CachedEmbedder:
    """Passes passages through, and questions that it has not seen lately."""

    def __init__(self, inner: Embedder) -> None:
        self._inner = inner
        self._lock = threading.Lock()
        self._known: OrderedDict[str, Floats] = OrderedDict()

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
        with self._lock:
            found = {text: self._known[text] for text in texts if text in self._known}
        missing = [text for text in dict.fromkeys(texts) if text not in found]
        if missing:
            found.update(zip(missing, self._inner.embed_queries(missing), strict=True))
        with self._lock:
            for text in texts:
                self._known[text] = found[text]
                self._known.move_to_end(text)
            while len(self._known) > QUESTIONS:
                self._known.popitem(last=False)
        return np.array([found[text] for text in texts], dtype=np.float32).reshape(len(texts), -1)
