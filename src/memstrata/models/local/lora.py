"""LoRA adapters: low-rank additions to a frozen model's linear layers, attached for the length of a forward pass.

The model's own weights are never written to: an adapter works through hooks that are there while it is attached and
gone afterwards, so that the model answers as before to the last bit. `merged` adds one into the weights of a copy.
"""

from __future__ import annotations

import copy
import math
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from functools import partial
from typing import TypeVar

import torch
from torch import Tensor, nn

from memstrata.core.training import AdapterShape
from memstrata.errors import ArtifactRefused

Model = TypeVar("Model", bound=nn.Module)


@dataclass(frozen=True, slots=True, kw_only=True)
class Pair:
    """The two factors for one linear layer: `down` (rank, in) and `up` (out, rank)."""

    down: Tensor
    up: Tensor


@dataclass(frozen=True, slots=True, kw_only=True)
class Adapter:
    """A LoRA: its shape, and a pair for each linear layer by its name in the model's body ("layers.0.mlp.up_proj")."""

    shape: AdapterShape
    pairs: Mapping[str, Pair]

    @property
    def scale(self) -> float:
        """What B A x is multiplied with."""
        return self.shape.alpha / self.shape.rank

    @property
    def parameters(self) -> list[Tensor]:
        """All factors, in an order that is always the same."""
        return [factor for name in sorted(self.pairs) for factor in (self.pairs[name].down, self.pairs[name].up)]

    @property
    def numbers(self) -> int:
        """How many numbers it consists of."""
        return sum(each.numel() for each in self.parameters)

    def frozen(self, like: Tensor | None = None) -> Adapter:
        """A copy that nobody trains; with `like`, of its type and on its device, so that attaching costs less."""

        def copied(factor: Tensor) -> Tensor:
            own = factor.detach().clone()
            return own if like is None else own.to(like)

        pairs = {name: Pair(down=copied(pair.down), up=copied(pair.up)) for name, pair in self.pairs.items()}
        return Adapter(shape=self.shape, pairs=pairs)


def fresh(body: nn.Module, shape: AdapterShape, *, seed: int) -> Adapter:
    """An adapter that changes nothing yet, in float32, ready to be trained: `up` is zero, `down` uniform by the seed.

    Raises ArtifactRefused where the model has none of the layers.
    """
    chance = torch.Generator().manual_seed(seed)
    pairs = {}
    for name, linear in _linears(body, shape):
        bound = 1 / math.sqrt(linear.in_features)  # as the paper's own code draws it
        down = (torch.rand(shape.rank, linear.in_features, generator=chance) * 2 - 1) * bound
        up = torch.zeros(linear.out_features, shape.rank)
        place = linear.weight.device
        pairs[name] = Pair(down=down.to(place).requires_grad_(), up=up.to(place).requires_grad_())
    if not pairs:
        raise ArtifactRefused(f"the model has no layers {shape.targets!r} from layer {shape.first_layer} on")
    return Adapter(shape=shape, pairs=pairs)


def check_fits(adapter: Adapter, body: nn.Module) -> None:
    """Raises ArtifactRefused where a factor is for no layer of the model, has another size or holds no number."""
    linears = {name: each for name, each in body.named_modules() if isinstance(each, nn.Linear)}
    for name, pair in adapter.pairs.items():
        linear = linears.get(name)
        if linear is None:
            raise ArtifactRefused(f"the adapter changes {name!r}, which this model does not have")
        rank = adapter.shape.rank
        if pair.down.shape != (rank, linear.in_features) or pair.up.shape != (linear.out_features, rank):
            raise ArtifactRefused(f"the adapter's {name!r} is of another size than the model's")
        if not (pair.down.isfinite().all() and pair.up.isfinite().all()):
            raise ArtifactRefused(f"the adapter's {name!r} holds what is no number")


@contextmanager
def attached(body: nn.Module, adapters: Sequence[Adapter]) -> Iterator[None]:
    """While it lasts, the model reads with all of these adapters, whose additions add up.

    The forward passes made meanwhile can be differentiated afterwards too.
    """
    hooks = []
    try:
        for adapter in adapters:
            for name, pair in adapter.pairs.items():
                linear = body.get_submodule(name)
                hooks.append(linear.register_forward_hook(partial(_add, pair, adapter.scale)))
        yield
    finally:
        for hook in hooks:
            hook.remove()


def merged(body: Model, adapters: Sequence[Adapter]) -> Model:
    """A copy of the model with the adapters added into its weights; faster to run, and as large as the model."""
    made = copy.deepcopy(body)
    with torch.no_grad():
        for adapter in adapters:
            check_fits(adapter, made)
            for name, pair in adapter.pairs.items():
                weight = made.get_submodule(name).weight
                assert isinstance(weight, Tensor)
                change = adapter.scale * pair.up.float() @ pair.down.float()
                weight.copy_(weight.float() + change.to(weight.device))
    return made


def _add(pair: Pair, scale: float, _: nn.Module, given: tuple[Tensor], out: Tensor) -> Tensor:
    """In the numbers of the model: a cast of the factors costs less than one of what is read."""
    (x,) = given
    down, up = pair.down.to(x.dtype), pair.up.to(x.dtype)
    return out + nn.functional.linear(nn.functional.linear(x, down), up * scale)


def _linears(body: nn.Module, shape: AdapterShape) -> Iterator[tuple[str, nn.Linear]]:
    for name, module in body.named_modules():
        parts = name.split(".")
        wanted = isinstance(module, nn.Linear) and parts[-1] in shape.targets and parts[0] == "layers"
        if wanted and int(parts[1]) >= shape.first_layer:
            yield name, module
