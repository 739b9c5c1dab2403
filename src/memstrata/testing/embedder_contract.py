"""The contract that every `Embedder` keeps. Subclass `EmbedderContract` and give it an `embedder` fixture.

class TestMyEmbedder(EmbedderContract):
    @pytest.fixture
    def embedder(self) -> Embedder: ...
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor

import numpy as np
import pytest

from memstrata.core.candidates import Floats
from memstrata.ports import Embedder

TEXTS = (
    "I moved to Ghent last week.",
    "Max is our dog",
    "我上周搬到了根特。",
    "Je préfère le thé, s'il vous plaît",
    "🎉🏳️‍🌈👩‍👩‍👧",
    "before\0after",
    "",
    " \n\t ",
    "the the the the",
    "ok",
    "a longer message that has quite a few more words in it than the other ones, so that batches are uneven",
)
ODD_TEXTS = ("\0", "\ud800 alone", "\ufdfa" * 60, "\u0301" * 50, "\u202e\ufeff\uffff", "\U0010ffff")
CLOSE = 1e-3
"""How far the vector of a text may depend on the other texts of its batch, for models in few bits."""

Encode = Callable[[Sequence[str]], Floats]


def assert_vectors(vectors: Floats, *, texts: int, dimensions: int) -> None:
    """Shape, type and unit length."""
    assert isinstance(vectors, np.ndarray)
    assert vectors.shape == (texts, dimensions)
    assert vectors.dtype == np.float32
    np.testing.assert_allclose(np.linalg.norm(vectors, axis=1), np.ones(texts), atol=CLOSE)


class EmbedderContract:
    """What holds for every embedder."""

    @pytest.fixture(params=["passages", "queries"])
    def encode(self, request: pytest.FixtureRequest, embedder: Embedder) -> Encode:
        """Both ways to embed."""
        return embedder.embed_passages if request.param == "passages" else embedder.embed_queries

    def test_it_is_an_embedder(self, embedder: Embedder) -> None:
        assert isinstance(embedder, Embedder)
        assert embedder.dimensions > 0

    def test_the_fingerprint_stays_and_can_be_a_key(self, embedder: Embedder) -> None:
        before = embedder.fingerprint
        embedder.embed_passages(["one"])
        assert embedder.fingerprint == before
        assert before.isprintable()
        assert 0 < len(before) <= 256

    def test_vectors_are_float32_and_of_unit_length(self, embedder: Embedder, encode: Encode) -> None:
        assert_vectors(encode(TEXTS), texts=len(TEXTS), dimensions=embedder.dimensions)

    def test_one_is_a_batch_of_one(self, embedder: Embedder, encode: Encode) -> None:
        assert_vectors(encode(["one"]), texts=1, dimensions=embedder.dimensions)

    def test_an_empty_batch_gives_no_rows(self, embedder: Embedder, encode: Encode) -> None:
        assert_vectors(encode([]), texts=0, dimensions=embedder.dimensions)

    def test_the_same_text_gives_the_same_vector(self, encode: Encode) -> None:
        np.testing.assert_array_equal(encode(TEXTS), encode(TEXTS))

    def test_a_vector_does_not_depend_on_its_batch(self, encode: Encode) -> None:
        together = encode(TEXTS)
        np.testing.assert_allclose(encode(TEXTS[::-1])[::-1], together, atol=CLOSE)
        np.testing.assert_allclose(np.vstack([encode([text]) for text in TEXTS]), together, atol=CLOSE)

    def test_a_large_batch_keeps_its_order(self, embedder: Embedder, encode: Encode) -> None:
        words = ("ghent", "dog", "tea")
        vectors = encode([words[n % 3] for n in range(100)])
        assert_vectors(vectors, texts=100, dimensions=embedder.dimensions)
        np.testing.assert_allclose(vectors, encode(words)[np.arange(100) % 3], atol=CLOSE)

    @pytest.mark.parametrize("text", ODD_TEXTS, ids=range(len(ODD_TEXTS)))
    def test_any_string_has_a_vector(self, embedder: Embedder, encode: Encode, text: str) -> None:
        assert_vectors(encode([text, "ok", text]), texts=3, dimensions=embedder.dimensions)

    @pytest.mark.parametrize("text", ["x" * 1_000_000, "word " * 200_000, "长" * 1_000_000], ids=["x", "words", "cjk"])
    def test_a_text_of_a_million_characters_has_a_vector(self, embedder: Embedder, text: str) -> None:
        assert_vectors(embedder.embed_passages([text]), texts=1, dimensions=embedder.dimensions)

    def test_many_threads_may_use_it(self, embedder: Embedder) -> None:
        expected = embedder.embed_passages(TEXTS), embedder.embed_queries(TEXTS)
        with ThreadPoolExecutor(4) as threads:
            passages = [threads.submit(embedder.embed_passages, TEXTS) for _ in range(4)]
            queries = [threads.submit(embedder.embed_queries, TEXTS) for _ in range(4)]
            for wanted, calls in zip(expected, (passages, queries), strict=True):
                for call in calls:
                    np.testing.assert_allclose(call.result(), wanted, atol=CLOSE)
