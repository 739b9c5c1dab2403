"""A made-up log of any size: text with the word frequencies of English, vectors in clusters, all from a seed."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta

import numpy as np
from numpy.typing import NDArray

from memstrata import Message
from memstrata.core.candidates import Floats
from memstrata.core.lexical import STOPWORDS

DIMENSIONS = 384
WORDS = 30_000
ZIPF = 1.05
STOP_SHARE = 0.45
CLUSTERS = 2000
_STOP = np.array(sorted(STOPWORDS))
_START = datetime(2024, 1, 1, 8, tzinfo=UTC)


@dataclass
class MadeUp:
    """Messages, questions and vectors; the same seed gives the same ones."""

    seed: int
    _random: np.random.Generator = field(init=False)

    def __post_init__(self) -> None:
        self._random = np.random.default_rng(self.seed)
        chances = 1 / np.arange(1, WORDS + 1) ** ZIPF
        self._chances = chances / chances.sum()
        self._centres = _unit(self._random.standard_normal((CLUSTERS, DIMENSIONS), dtype=np.float32))

    def messages(self, count: int, *, first: int = 0) -> list[Message]:
        """Messages of 12 words on average, a minute apart, in sittings of 20."""
        lengths = self._random.integers(4, 21, count)
        words = self._words(int(lengths.sum()))
        ends = np.cumsum(lengths)
        found = []
        for place, (end, length) in enumerate(zip(ends, lengths, strict=True)):
            number = first + place
            said = _START + timedelta(days=number // 20, minutes=number % 20)
            found.append(Message(content=" ".join(words[end - length : end]), timestamp=said, id=str(number)))
        return found

    def questions(self, count: int) -> list[str]:
        """Questions of 8 words with the same frequencies."""
        words = self._words(count * 8)
        return [" ".join(words[place : place + 8]) for place in range(0, len(words), 8)]

    def vectors(self, count: int) -> Floats:
        """Unit vectors around the clusters' centres, float32 (count, 384)."""
        centres = self._centres[self._random.integers(0, CLUSTERS, count)]
        noise = self._random.standard_normal((count, DIMENSIONS), dtype=np.float32)
        return _unit(centres + 0.04 * noise)

    def _words(self, count: int) -> NDArray[np.str_]:
        content = np.char.add("w", self._random.choice(WORDS, count, p=self._chances).astype(str))
        stop = _STOP[self._random.integers(0, len(_STOP), count)]
        return np.where(self._random.random(count) < STOP_SHARE, stop, content)


class GivenEmbedder:
    """Hands out prepared question vectors in turn, at no cost: what is measured is the search."""

    def __init__(self, vectors: Floats) -> None:
        self._vectors = vectors
        self._asked = 0

    @property
    def fingerprint(self) -> str:
        """One space."""
        return f"given/{DIMENSIONS}"

    @property
    def dimensions(self) -> int:
        """384."""
        return DIMENSIONS

    def embed_passages(self, texts: Sequence[str]) -> Floats:
        """Not used: passages are put into the store directly."""
        return self._vectors[: len(texts)]

    def embed_queries(self, texts: Sequence[str]) -> Floats:
        """The next vectors."""
        places = np.arange(self._asked, self._asked + len(texts)) % len(self._vectors)
        self._asked += len(texts)
        return self._vectors[places]


def _unit(vectors: Floats) -> Floats:
    return np.asarray(vectors / np.linalg.norm(vectors, axis=1, keepdims=True), dtype=np.float32)
