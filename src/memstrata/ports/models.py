"""What a model implements: Protocols for embedders, language models, chat models, local models and extractors."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any, Protocol, Self, TypeVar, runtime_checkable

from memstrata.core.candidates import Floats
from memstrata.core.records import Completion, Extraction, Piece, Prompt
from memstrata.core.surprise import Session, Surprise
from memstrata.types import Episode, Json, KvForm, Scope


@runtime_checkable
class Embedder(Protocol):
    """Turns text into vectors of unit length. Safe to call from several threads.

    Errors: `EmbedderUnavailable` where trying again later may help, `EmbedderError` otherwise.
    """

    @property
    def fingerprint(self) -> str:
        """Names the vector space: the same fingerprint means comparable vectors. Stored with each vector."""
        ...

    @property
    def dimensions(self) -> int:
        """Length of a vector."""
        ...

    def embed_passages(self, texts: Sequence[str]) -> Floats:
        """Vectors of texts that are to be found: float32 (len(texts), dimensions), unit length."""
        ...

    def embed_queries(self, texts: Sequence[str]) -> Floats:
        """Vectors of questions: float32 (len(texts), dimensions), unit length."""
        ...


class LanguageModel(Protocol):
    """Completes a chat. Safe to call from several threads.

    Errors: `ModelUnavailable` where trying again later may help, `ModelError` otherwise.
    """

    @property
    def name(self) -> str:
        """Names the model; stored with what it produced."""
        ...

    def complete(self, prompt: Prompt, *, max_tokens: int) -> Completion:
        """The model's answer to a prompt, and what it cost."""
        ...


class LocalModel(Protocol):
    """A model whose weights lie on this machine. Safe to call from several threads.

    Errors: `ModelUnavailable` where something is missing that may come, `ModelError` otherwise.
    """

    @property
    def fingerprint(self) -> str:
        """Names weights, tokenizer and reckoning: the same fingerprint means comparable surprises."""
        ...

    def surprise(self, sessions: Sequence[Session]) -> list[list[Surprise]]:
        """How surprising each turn of a session from its `start` on is, in the light of those before it."""
        ...


class ChatModel(Protocol):
    """Answers a conversation, piece by piece. Safe to call from several threads.

    Errors: `ModelUnavailable` where trying again later may help, `ModelError` otherwise; also after some pieces.
    """

    @property
    def name(self) -> str:
        """Names the model."""
        ...

    def reply(
        self, messages: Sequence[Mapping[str, Json]], *, tools: Sequence[Mapping[str, Json]] = ()
    ) -> Iterator[Piece]:
        """The model's answer; messages and tools are as OpenAI's chat completions spell them."""
        ...


class Part(Protocol):
    """Keys and values of some tokens under one model, wherever they are held; never changed."""

    @property
    def tokens(self) -> int:
        """How many tokens are there."""
        ...

    @property
    def start(self) -> int:
        """The position where the text begins."""
        ...

    @property
    def end(self) -> int:
        """The position behind it."""
        ...

    def first(self, count: int) -> Self:
        """The first `count` tokens."""
        ...

    def strongest(self, attention: object, count: int) -> Self:
        """Of each layer and key head, the tokens with the most attention, in their order."""
        ...


P = TypeVar("P", bound=Part)


class AttachingModel(ChatModel, Protocol[P]):
    """A chat model on this machine to which what it read before can be attached instead of being read anew.

    Tokens are of its own tokenizer. Errors beside those of `ChatModel`: `ArtifactRefused`.
    """

    @property
    def fingerprint(self) -> str:
        """Names weights, tokenizer, numbers and reckoning: parts of another one are of no use."""
        ...

    def encode(self, text: str) -> list[int]:
        """The tokens of a text; signs of the chat template among them are tokens of their own."""
        ...

    def rendered(self, messages: Sequence[Mapping[str, Json]]) -> str:
        """A conversation as the model reads it, up to where the answer begins. Raises ModelError where it cannot."""
        ...

    def prefill(self, ids: Sequence[int], *, after: Sequence[P] = (), start: int | None = None) -> P:
        """Read tokens behind other parts; they stand from position `start` on, or right behind these."""
        ...

    def moved(self, part: P, start: int) -> P:
        """The same part, beginning at another position."""
        ...

    def attention_to(self, ids: Sequence[int], *, part: P, after: Sequence[P] = ()) -> object:
        """The attention that tokens, read after `after` and then `part`, pay to each of `part`'s: for `strongest`."""
        ...

    def refuse_tools(self, tools: Sequence[Mapping[str, Json]]) -> None:
        """Raises ModelError where there are any."""
        ...

    def answer(self, ids: Sequence[int], *, after: Sequence[P] = (), adapters: Sequence[Any] = ()) -> Iterator[Piece]:
        """The answer to a prompt of which `after` holds what comes before `ids`.

        `adapters`: of those that the model's own teacher read; they and `after` exclude each other.
        """
        ...

    def save(self, path: Path, part: P, *, form: KvForm) -> None:
        """Write a part to a file."""
        ...

    def load(self, path: Path) -> P:
        """Read a part from a file, mapped where its form allows. Raises ArtifactRefused for one of no use to it."""
        ...


class Extractor(Protocol):
    """Reads claims in episodes."""

    @property
    def name(self) -> str:
        """Names the extractor and its version; stored with what it produced."""
        ...

    def extract(self, scope: Scope, episodes: Sequence[Episode], *, before: Sequence[Episode]) -> Extraction:
        """What the episodes, in order, say; `before` are the ones that led up to them."""
        ...
