"""The fast search ranks as the slow one does: the same hits, in the same order, for the same reasons."""

from __future__ import annotations

import random
import zlib
from collections.abc import Sequence
from datetime import UTC, datetime, timedelta
from pathlib import Path

import numpy as np
import pytest

from memstrata import Hits, Memory, Message
from memstrata.core.candidates import Floats

START = datetime(2024, 5, 1, 10, tzinfo=UTC)
WORDS = "tea garden moved Ghent doctor rain violin bread sister Ostend kettle harbour loom 搬家 茶 lamp".split()
QUESTIONS = [
    "What did Ann say of the garden in Ghent?",
    "When did Ben move?",
    "Where is the violin, and who has the loom?",
    "harbour bread kettle",
    "谁搬家了？茶",
    "Does Ann's sister like rain?",
]


class SignEmbedder:
    """Vectors of 64 eighths, plus or minus, which one byte a dimension holds exactly: so scores can be compared."""

    fingerprint = "signs/256"
    dimensions = 256

    def embed_passages(self, texts: Sequence[str]) -> Floats:
        """Each word says where some of the eighths stand."""
        found = np.zeros((len(texts), self.dimensions), np.float32)
        for vector, text in zip(found, texts, strict=True):
            words = [*text.casefold().split(), text]
            for each in (np.random.default_rng(zlib.crc32(word.encode())) for word in words):
                free = np.flatnonzero(vector == 0)
                missing = 64 - np.count_nonzero(vector)
                dims = np.intersect1d(each.choice(self.dimensions, 12, replace=False), free)[:missing]
                vector[dims] = each.choice([-0.125, 0.125], len(dims))
            free, missing = np.flatnonzero(vector == 0), 64 - np.count_nonzero(vector)
            vector[each.choice(free, missing, replace=False)] = 0.125
        return found

    def embed_queries(self, texts: Sequence[str]) -> Floats:
        """As passages."""
        return self.embed_passages(texts)


def chat(seed: int, *, turns: int, names: tuple[str | None, ...]) -> list[Message]:
    """A made-up chat in sittings, of turns of one to three sentences."""
    made = random.Random(seed)
    return [
        Message(
            content=" ".join(
                f"{' '.join(made.choices(WORDS, k=made.randint(2, 7)))}{made.choice('.?!')}"
                for _ in range(made.randint(1, 3))
            )
            + f" That was number {turn}.",
            name=names[turn % len(names)],
            timestamp=START + timedelta(days=turn // 8, minutes=turn % 8),
            metadata={"n": turn % 4},
        )
        for turn in range(turns)
    ]


@pytest.mark.parametrize("embedder", [SignEmbedder(), None])
@pytest.mark.parametrize("names", [("Ann", "Ben"), (None,)])
@pytest.mark.parametrize("seed", range(3))
def test_both_stores_rank_alike(
    tmp_path: Path, seed: int, names: tuple[str | None, ...], embedder: SignEmbedder | None
) -> None:
    told = chat(seed, turns=160, names=names)
    found: list[list[Hits]] = []
    for url in (":memory:", f"sqlite:///{tmp_path}/memory.db"):
        with Memory(url, embedder=embedder, worker="none", extractor=None) as memory:
            memory.add(told[:100], user_id="u")
            memory.wait()
            hits = ask(memory)
            memory.add(told[100:130], user_id="u")
            memory.wait()
            hits += ask(memory)
            gone = [episode.id for episode in memory.episodes(user_id="u", filters={"n": 2}).episodes]
            memory.forget(gone, user_id="u")
            memory.add(told[130:], user_id="u")  # these have no vectors yet
            found.append(hits + ask(memory))
    for slow, fast in zip(*found, strict=True):
        assert len(slow) == len(fast) == 10
        assert [hit.text for hit in fast] == [hit.text for hit in slow]
        for one, other in zip(slow, fast, strict=True):
            assert other.score == pytest.approx(one.score, abs=1e-4)
            assert sum(other.why.values()) == pytest.approx(other.score, abs=1e-4)
            assert other.why == pytest.approx(one.why, abs=1e-4)
    assert names == (None,) or any("links" in hit.why for hits in found[1] for hit in hits)


def ask(memory: Memory) -> list[Hits]:
    """Each question plain, and within a view."""
    return [
        memory.search(question, user_id="u", filters=filters)
        for question in QUESTIONS
        for filters in (None, {"n": {"in": [0, 1, 3]}})
    ]
