"""What every embedder does with the numbers and the text of a model."""

from __future__ import annotations

from typing import Any

import numpy as np

from memstrata.core.candidates import Floats
from memstrata.errors import EmbedderError


def unit_vectors(vectors: Any, *, source: str) -> Floats:
    """Rows as float32 of unit length; a row of zeros becomes the first axis. Raises EmbedderError for no numbers."""
    try:
        with np.errstate(over="ignore"):
            rows = np.asarray(vectors, dtype=np.float32).astype(np.float64)
    except (TypeError, ValueError) as error:
        raise EmbedderError(f"{source} answered something else than vectors of one length") from error
    if rows.ndim != 2 or not np.isfinite(rows).all():
        raise EmbedderError(f"{source} answered vectors that are not finite numbers")
    lengths = np.linalg.norm(rows, axis=1, keepdims=True)
    if not lengths.all():
        rows = np.where(lengths > 0, rows, np.eye(1, rows.shape[1]))
        lengths = np.where(lengths > 0, lengths, 1)
    unit: Floats = (rows / lengths).astype(np.float32)
    return unit


def readable(text: str, *, longest: int) -> str:
    """The beginning of a text as any tokenizer takes it: no NUL, no half of a surrogate pair."""
    return text[:longest].replace("\0", " ").encode("utf-8", "replace").decode()
