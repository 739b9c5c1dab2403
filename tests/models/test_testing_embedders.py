"""The embedders for tests."""

from __future__ import annotations

import pytest

from memstrata.errors import EmbedderUnavailable
from memstrata.ports import Embedder
from memstrata.testing.embedder_contract import EmbedderContract
from memstrata.testing.embedders import CountingEmbedder, FailingEmbedder, HashEmbedder


class TestHashEmbedder(EmbedderContract):
    @pytest.fixture
    def embedder(self) -> Embedder:
        return HashEmbedder()


class TestCountingEmbedder(EmbedderContract):
    @pytest.fixture
    def embedder(self) -> Embedder:
        return CountingEmbedder(HashEmbedder(8))


class TestFailingEmbedderThatNoLongerFails(EmbedderContract):
    @pytest.fixture
    def embedder(self) -> Embedder:
        return FailingEmbedder(HashEmbedder(8), 0)


def test_texts_that_share_words_are_closer() -> None:
    vectors = HashEmbedder().embed_passages(["the dog Max barks", "Max is a dog", "green tea in Ghent"])
    assert vectors[0] @ vectors[1] > 0.5 > vectors[0] @ vectors[2]


def test_the_first_calls_fail() -> None:
    embedder = FailingEmbedder(HashEmbedder(), 2)
    with pytest.raises(EmbedderUnavailable):
        embedder.embed_passages(["one"])
    with pytest.raises(EmbedderUnavailable):
        embedder.embed_queries(["one"])
    assert embedder.embed_queries(["one"]).shape == (1, 64)


def test_texts_and_calls_are_counted() -> None:
    embedder = CountingEmbedder(HashEmbedder())
    embedder.embed_passages(["one", "two"])
    embedder.embed_queries(["three"])
    assert (embedder.passages, embedder.queries, embedder.calls) == (["one", "two"], ["three"], 2)
