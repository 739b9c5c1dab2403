"""The cache of questions."""

from __future__ import annotations

import numpy as np
import pytest

from memstrata.models.cached import CachedEmbedder
from memstrata.ports import Embedder
from memstrata.testing.embedder_contract import EmbedderContract
from memstrata.testing.embedders import CountingEmbedder, FailingEmbedder, HashEmbedder


class TestCachedEmbedder(EmbedderContract):
    @pytest.fixture
    def embedder(self) -> Embedder:
        return CachedEmbedder(HashEmbedder(), questions=4)


def test_a_question_is_embedded_once() -> None:
    inner = CountingEmbedder(HashEmbedder())
    embedder = CachedEmbedder(inner)
    first = embedder.embed_queries(["one", "two", "one"])
    again = embedder.embed_queries(["two", "three", "one"])
    assert inner.queries == ["one", "two", "three"]
    np.testing.assert_array_equal(again, HashEmbedder().embed_queries(["two", "three", "one"]))
    np.testing.assert_array_equal(first[0], again[2])


def test_passages_are_passed_on() -> None:
    inner = CountingEmbedder(HashEmbedder())
    embedder = CachedEmbedder(inner)
    for _ in range(2):
        embedder.embed_passages(["one"])
    assert inner.passages == ["one", "one"]


def test_the_question_not_asked_for_longest_is_dropped() -> None:
    inner = CountingEmbedder(HashEmbedder())
    embedder = CachedEmbedder(inner, questions=2)
    for text in ("one", "two", "one", "three", "one", "two"):
        embedder.embed_queries([text])
    assert inner.queries == ["one", "two", "three", "two"]


def test_a_caller_may_write_into_an_answer() -> None:
    embedder = CachedEmbedder(HashEmbedder())
    for _ in range(2):
        vectors = embedder.embed_queries(["one"])
        assert np.linalg.norm(vectors) == pytest.approx(1)
        vectors[:] = 9


def test_a_failure_is_not_kept() -> None:
    embedder = CachedEmbedder(FailingEmbedder(HashEmbedder(), 1))
    with pytest.raises(Exception, match="failing"):
        embedder.embed_queries(["one"])
    assert embedder.embed_queries(["one"]).shape == (1, 64)
