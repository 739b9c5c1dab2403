"""What an adapter is trained on and how: plain values that a recipe, a job and a store's row can hold."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Callable, Mapping
from contextlib import AbstractContextManager
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any, Literal, Protocol

from memstrata.errors import InvalidInput

MLP = ("gate_proj", "up_proj", "down_proj")
ATTENTION = ("q_proj", "k_proj", "v_proj", "o_proj")
ExampleKind = Literal["fact", "unknown", "replay"]


@dataclass(frozen=True, slots=True, kw_only=True)
class AdapterShape:
    """A LoRA's size and place (arXiv 2106.09685): W x + alpha / rank B A x, in every linear layer named in `targets`.

    `first_layer`: the lowest layer of the model that has one, counted from 0.
    """

    rank: int = 16
    alpha: float = 32.0
    targets: tuple[str, ...] = ATTENTION + MLP
    first_layer: int = 0

    def __post_init__(self) -> None:
        if not (0 < self.rank <= 256 and self.alpha > 0 and self.targets and self.first_layer >= 0):
            raise InvalidInput("an adapter has a rank of 1 to 256, an alpha above 0 and layers that it changes")


@dataclass(frozen=True, slots=True, kw_only=True)
class Recipe:
    """All that decides what a training makes of its examples; the same recipe and examples make the same adapter.

    `batch_tokens`: tokens that are read at a time, padding included. `kl_weight`: of the divergence from the model
    without the adapter, in nats a token of the replayed answers. `enough`: mean loss of the validation examples, in
    nats a token, at which training ends before its `epochs`. `patience`: epochs without a better one after which it
    ends too. The best epoch is kept.
    """

    shape: AdapterShape = field(default_factory=AdapterShape)
    learning_rate: float = 1e-3
    epochs: int = 12
    warmup_steps: int = 4
    weight_decay: float = 0.0
    batch_tokens: int = 256
    clip: float = 1.0
    kl_weight: float = 1.0
    enough: float = 0.15
    patience: int = 3
    seed: int = 0

    def __post_init__(self) -> None:
        if not (self.learning_rate > 0 and self.epochs > 0 and self.batch_tokens > 0 and self.patience > 0):
            raise InvalidInput("a recipe has a learning rate, epochs, batch tokens and patience above 0")

    def as_json(self) -> dict[str, Any]:
        """The recipe as a row of a store keeps it."""
        return asdict(self)

    @classmethod
    def from_json(cls, data: Mapping[str, Any]) -> Recipe:
        """The inverse of `as_json`."""
        shape = dict(data["shape"])
        shape["targets"] = tuple(shape["targets"])
        return cls(**{**data, "shape": AdapterShape(**shape)})


@dataclass(frozen=True, slots=True, kw_only=True)
class Example:
    """A question in the words of a user, and the answer to learn or, in replay, to leave as the model gives it."""

    question: str
    answer: str
    kind: ExampleKind = "fact"


class Checkpoints(Protocol):
    """Where a training keeps the file that it goes on from."""

    def reading(self) -> AbstractContextManager[Path | None]:
        """The file that was kept last, None where there is none."""
        ...

    def keep(self, write: Callable[[Path], None]) -> None:
        """Keep the file that `write` makes at the path that it is given, in place of the last, whole or not at all."""
        ...


@dataclass(frozen=True, slots=True, kw_only=True)
class Limits:
    """What a training may use: `seconds` on the clock, counted anew after a resume, and `gibibytes` of memory."""

    seconds: float = 3600.0
    gibibytes: float = 8.0


@dataclass(frozen=True, slots=True, kw_only=True)
class Progress:
    """How far a training is: epochs done, of at most so many, optimizer steps, and the last losses in nats a token."""

    epoch: int
    epochs: int
    steps: int
    loss: float
    validation: float | None = None


def digest(value: object) -> str:
    """16 hexadecimal digits of a JSON value."""
    text = json.dumps(value, sort_keys=True, ensure_ascii=False, separators=(",", ":"))
    return hashlib.sha256(text.encode()).hexdigest()[:16]


@dataclass(frozen=True, slots=True, kw_only=True)
class Streaming:
    """How an adapter follows a text as it comes: after each `stride` tokens, so many epochs on these, read behind the
    `context` tokens before them. Of `recipe`, shape, learning rate, decay and seed count."""

    stride: int = 512
    context: int = 256
    epochs: int = 2
    recipe: Recipe = field(default_factory=Recipe)

    def __post_init__(self) -> None:
        if self.stride < 1 or self.context < 1 or self.epochs < 1:
            raise InvalidInput("a stream has a stride, a context and epochs of at least 1")


@dataclass(frozen=True, slots=True, kw_only=True)
class Chunk:
    """A stretch of a stream: how many of its tokens counted, and their summed negative log-likelihood in nats before
    the adapter was trained on them."""

    tokens: int
    nats: float
