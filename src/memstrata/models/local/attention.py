"""Attention over keys and values that we hold: `register` teaches it to transformers under a name.

Everything else of a model (norms, rotations, layers) is the library's, so that every family that it knows works. A
forward pass takes `kv=View` and explicit positions; without a view, it attends to what it reads alone.
"""

from __future__ import annotations

from typing import Any

import torch
from torch import Tensor
from transformers import AttentionInterface
from transformers.masking_utils import AttentionMaskInterface

from memstrata.models.local.keyvalues import View

NAME = "memstrata"


def register() -> str:
    """Make the attention known; returns the name that a model is loaded with. Doing it again changes nothing."""
    AttentionInterface.register(NAME, attend)
    AttentionMaskInterface.register(NAME, _no_mask)
    return NAME


def attend(
    module: torch.nn.Module,
    query: Tensor,
    key: Tensor,
    value: Tensor,
    attention_mask: Tensor | None,
    scaling: float | None = None,
    dropout: float = 0.0,
    kv: View | None = None,
    probe: Probe | None = None,
    sees: Tensor | None = None,
    **_: Any,
) -> tuple[Tensor, None]:
    """Causal attention: query (1, heads, new, dim), key and value (1, kv heads, new, dim), after rotation.

    A token attends to all that the view held before and to what is read up to itself; order is that of reading,
    whatever the positions, unless `sees` (new, total) says otherwise. Returns (1, new, heads, dim).
    """
    if kv is not None:
        key, value = kv.extend(module.layer_idx, key, value)
    new, total = query.shape[2], key.shape[2]
    scale = query.shape[-1] ** -0.5 if scaling is None else scaling
    if probe is not None:
        probe.note(module.layer_idx, query, key, scale)
    alone = kv is None and sees is None  # then the library's own causal kernel will do, which is faster
    causal = not alone and sees is None and new > 1
    mask = _up_to_itself(new, total, query.device) if causal else sees
    out = torch.nn.functional.scaled_dot_product_attention(
        query, key, value, attn_mask=mask, is_causal=alone, scale=scale, enable_gqa=True
    )
    return out.transpose(1, 2).contiguous(), None


def _up_to_itself(new: int, total: int, device: torch.device) -> Tensor:
    """(new, total): which of the tokens each new one sees."""
    return torch.ones(new, total, dtype=torch.bool, device=device).tril(total - new)


class Probe:
    """Sums, for each key head, the attention that what is read pays to the first `tokens` of what it attends to."""

    def __init__(self, tokens: int) -> None:
        self.tokens = tokens
        self.mass: list[Tensor] = []  # of each layer: (kv heads, tokens)

    def note(self, layer: int, query: Tensor, key: Tensor, scale: float) -> None:
        """One layer's attention: query (1, heads, new, dim), key (1, kv heads, total, dim)."""
        heads, kv_heads, new, total = query.shape[1], key.shape[1], query.shape[2], key.shape[2]
        grouped = query[0].reshape(kv_heads, heads // kv_heads * new, -1).float()  # queries of a group of heads
        scores = grouped @ key[0].float().transpose(-1, -2) * scale  # (kv heads, group x new, total)
        later = torch.ones(new, total, dtype=torch.bool).triu(total - new + 1).repeat(heads // kv_heads, 1)
        weights = scores.masked_fill(later, -torch.inf).softmax(-1)
        assert layer == len(self.mass), "layers attend in order"
        self.mass.append(weights[:, :, : self.tokens].sum(1))


class OwnProbe(Probe):
    """Memory³'s rule: the attention that a text pays to its own tokens, with neither a mask nor positions.

    Rotations are taken back from queries and keys; the text stands from `start` on, `tokens` long.
    """

    def __init__(self, tokens: int, *, start: int, inverse_frequencies: Tensor) -> None:
        super().__init__(tokens)
        angles = torch.outer(torch.arange(start, start + tokens).double(), inverse_frequencies.double())
        self._cosine, self._sine = (f(torch.cat((angles, angles), dim=-1)).float() for f in (torch.cos, torch.sin))

    def note(self, layer: int, query: Tensor, key: Tensor, scale: float) -> None:
        """See `Probe.note`; of the keys, the last are the text's own."""
        heads, kv_heads = query.shape[1], key.shape[1]
        queries = self._plain(query[0].float()).reshape(kv_heads, heads // kv_heads * self.tokens, -1)
        keys = self._plain(key[0, :, -self.tokens :].float())  # (kv heads, tokens, dim)
        weights = (queries @ keys.transpose(-1, -2) * scale).softmax(-1)
        self.mass.append(weights.sum(1))

    def _plain(self, rotated: Tensor) -> Tensor:
        first, second = rotated.chunk(2, dim=-1)
        return rotated * self._cosine - torch.cat((-second, first), dim=-1) * self._sine


def _no_mask(*_: Any, **__: Any) -> None:
    """What attends here masks by itself."""
