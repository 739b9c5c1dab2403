"""The sparse encoder that mem0's keyword branch would download: the same formula as Qdrant/bm25."""

from __future__ import annotations

import re
import zlib
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import numpy as np
import Stemmer
from bm25s.stopwords import STOPWORDS_EN

K, B, AVERAGE = 1.2, 0.75, 256
stemmer = Stemmer.Stemmer("english")


@dataclass
class Sparse:
    """Indices and values, as fastembed gives them."""

    indices: Any
    values: Any


class Encoder:
    """BM25 term weights; the store multiplies by idf."""

    def embed(self, texts: list[str], **_: object) -> Iterator[Sparse]:
        """Weights of each text."""
        for text in texts:
            words = [word for word in re.findall(r"\w+", text.lower()) if word not in STOPWORDS_EN]
            counts = Counter(stemmer.stemWords(words))
            norm = K * (1 - B + B * len(words) / AVERAGE)
            indices = np.array([zlib.crc32(word.encode()) & 0x7FFFFFFF for word in counts])
            values = np.array([n * (K + 1) / (n + norm) for n in counts.values()], dtype=np.float32)
            yield Sparse(indices, values)

    def query_embed(self, texts: list[str], **_: object) -> Iterator[Sparse]:
        """The same for a question."""
        yield from self.embed([texts] if isinstance(texts, str) else texts)
