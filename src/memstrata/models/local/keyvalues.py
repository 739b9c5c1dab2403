"""Keys and values of a text under a model: an immutable master, and a fresh view of it for each use.

A model's attention asks for the keys and values of all tokens before; here they are ours and not the library's, whose
cache object is changed by every forward pass, so that a second use of it answers wrongly and says nothing.

A `KeyValues` is never written to. A `View` of one or several of them holds a buffer of its own: what is attached is
copied into it once, what is read afterwards is appended. Keys are kept as attention uses them, after rotation to
where their tokens stand; for another place they are rotated by the difference (`moved`), for rotations add up
(RoFormer, arXiv 2104.09864, section 3.2.2).
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import torch
from torch import Tensor

GROWTH = 64
"""Tokens that a full buffer grows by at least."""


@dataclass(frozen=True, slots=True, kw_only=True)
class KeyValues:
    """Keys and values of a stretch of text, all layers: `keys` and `values` are (layers, kv heads, tokens, dim).

    The text stands at the positions from `start` to `end`, exclusive; of a sparse one not every token is there.
    Nobody writes to these tensors.
    """

    keys: Tensor
    values: Tensor
    start: int
    end: int

    @property
    def tokens(self) -> int:
        """How many tokens of it are there."""
        return int(self.keys.shape[2])

    def first(self, count: int) -> KeyValues:
        """The first `count` tokens, as a view of the same memory."""
        assert self.tokens == self.end - self.start, "a sparse text has no beginning"
        return KeyValues(
            keys=self.keys[:, :, :count], values=self.values[:, :, :count], start=self.start, end=self.start + count
        )

    def strongest(self, attention: object, count: int) -> KeyValues:
        """Of each layer and head, the `count` tokens with the most attention, (layers, heads, tokens), in their order.

        Each stays where it stood.
        """
        assert isinstance(attention, Tensor)
        chosen = attention.topk(count, dim=-1).indices.sort(dim=-1).values  # (layers, heads, count)
        index = chosen.unsqueeze(-1).expand(-1, -1, -1, self.keys.shape[-1])
        return KeyValues(
            keys=self.keys.gather(2, index), values=self.values.gather(2, index), start=self.start, end=self.end
        )


class View:
    """What one reading attends to: copies of masters, one after another, and then what is read.

    Given to a model's forward as `kv`; see `attention.py`. `capacity`: tokens to make room for beforehand.
    """

    def __init__(self, masters: Sequence[KeyValues], *, like: Tensor, layers: int, heads: int, capacity: int) -> None:
        """`like`: a tensor of the model's own type; masters in another one are converted. (heads: of keys.)"""
        held = sum(master.tokens for master in masters)
        dim = like.shape[-1]
        self._buffer = like.new_empty((2, layers, heads, max(capacity, held), dim))  # keys, values
        self._ends = [held] * layers
        start = 0
        for master in masters:
            end = start + master.tokens
            self._buffer[0, :, :, start:end] = master.keys
            self._buffer[1, :, :, start:end] = master.values
            start = end

    def extend(self, layer: int, key: Tensor, value: Tensor) -> tuple[Tensor, Tensor]:
        """Append a layer's new keys and values, (1, heads, new, dim); all that it attends to, in the same shape."""
        start = self._ends[layer]
        end = start + key.shape[2]
        if end > self._buffer.shape[3]:
            self._grow(end)
        self._buffer[0, layer, :, start:end] = key[0]
        self._buffer[1, layer, :, start:end] = value[0]
        self._ends[layer] = end
        return self._buffer[0, layer, :, :end].unsqueeze(0), self._buffer[1, layer, :, :end].unsqueeze(0)

    @property
    def tokens(self) -> int:
        """How many tokens it holds in every layer."""
        return min(self._ends)

    def taken(self, first: int, *, start: int) -> KeyValues:
        """A master of the tokens from the `first` on, the text of which stands from `start` on.

        A copy, so that the view may go on.
        """
        part = self._buffer[:, :, :, first : self.tokens].clone()
        return KeyValues(keys=part[0], values=part[1], start=start, end=start + part.shape[3])

    def _grow(self, least: int) -> None:
        two, layers, heads, room, dim = self._buffer.shape
        wider = self._buffer.new_empty((two, layers, heads, max(least + GROWTH, room * 3 // 2), dim))
        wider[:, :, :, :room] = self._buffer
        self._buffer = wider


def moved(part: KeyValues, start: int, inverse_frequencies: Tensor) -> KeyValues:
    """The same text beginning at another position: each key is rotated by how far it moves; values know no position.

    `inverse_frequencies`: of the model's rotary embedding, (dim / 2,). Angles are reckoned in float64.
    """
    distance = start - part.start
    if distance == 0:
        return part
    angles = distance * inverse_frequencies.double()  # (dim / 2,)
    cosine, sine = (f(torch.cat((angles, angles))).to(torch.float32) for f in (torch.cos, torch.sin))
    keys = part.keys.to(torch.float32)
    first, second = keys.chunk(2, dim=-1)
    turned = keys * cosine + torch.cat((-second, first), dim=-1) * sine  # (layers, heads, tokens, dim)
    return KeyValues(keys=turned.to(part.keys.dtype), values=part.values, start=start, end=part.end + distance)
