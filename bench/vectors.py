"""An embedder that keeps its vectors in a folder, so that a benchmark embeds the same text once."""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Sequence
from pathlib import Path

import numpy as np

from memstrata.core.candidates import Floats
from memstrata.ports import Embedder


class KeptEmbedder:
    """Wraps an embedder; vectors are looked up by a digest of kind and text."""

    def __init__(self, inner: Embedder, folder: Path) -> None:
        self._inner = inner
        self._file = folder / f"{hashlib.sha256(inner.fingerprint.encode()).hexdigest()[:16]}.npz"
        self._known: dict[str, Floats] = {}
        self._new = 0
        if self._file.exists():
            with np.load(self._file) as kept:
                self._known = dict(zip(kept["keys"].tolist(), kept["vectors"], strict=True))

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
        return self._look_up("passage", texts, self._inner.embed_passages)

    def embed_queries(self, texts: Sequence[str]) -> Floats:
        """See `Embedder.embed_queries`."""
        return self._look_up("query", texts, self._inner.embed_queries)

    def keep(self) -> None:
        """Write what is new to the folder."""
        if self._new:
            self._file.parent.mkdir(parents=True, exist_ok=True)
            vectors = np.stack(list(self._known.values())).astype(np.float32)
            np.savez(self._file, keys=np.array(list(self._known)), vectors=vectors)
            self._new = 0

    def _look_up(self, kind: str, texts: Sequence[str], embed: Callable[[Sequence[str]], Floats]) -> Floats:
        keys = [hashlib.sha256(f"{kind}\0{text}".encode()).hexdigest()[:32] for text in texts]
        missing = {key: text for key, text in zip(keys, texts, strict=True) if key not in self._known}
        if missing:
            self._known.update(zip(missing, embed(list(missing.values())), strict=True))
            self._new += len(missing)
        return np.array([self._known[key] for key in keys], dtype=np.float32).reshape(len(texts), -1)
