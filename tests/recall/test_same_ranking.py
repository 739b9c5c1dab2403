"""The fast search ranks as the specification does: the same hits, in the same order, for the same reasons."""

from __future__ import annotations

import random
from datetime import UTC, datetime, timedelta
from pathlib import Path

import numpy as np
import pytest

from memstrata import Hits, Memory, Message
from memstrata.testing.embedders import HashEmbedder

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


@pytest.mark.parametrize("names", [("Ann", "Ben"), (None,)])
@pytest.mark.parametrize("seed", range(3))
def test_both_stores_rank_alike(tmp_path: Path, seed: int, names: tuple[str | None, ...]) -> None:
    stores = (":memory:", f"sqlite:///{tmp_path}/memory.db")
    told = chat(seed, turns=160, names=names)
    found: list[list[Hits]] = []
    for url in stores:
        with Memory(url, embedder=HashEmbedder(), worker="none", extractor=None) as memory:
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
        scores = [[hit.score for hit in hits] for hits in (slow, fast)]
        np.testing.assert_allclose(scores[1], scores[0], atol=0.02)  # one byte a dimension errs by .004 of a cosine
        for place, (one, other) in enumerate(zip(slow, fast, strict=True)):
            if one.text == other.text:
                assert one.why == pytest.approx(other.why, abs=0.03)
            else:
                assert scores[0][place] == pytest.approx(scores[1][place], abs=0.02)


def ask(memory: Memory) -> list[Hits]:
    """Each question plain, and within a view."""
    return [
        memory.search(question, user_id="u", filters=filters)
        for question in QUESTIONS
        for filters in (None, {"n": {"in": [0, 1, 3]}})
    ]
