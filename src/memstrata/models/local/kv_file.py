"""Keys and values as safetensors: in the model's own numbers, in half precision, or in a byte a number.

int8 follows KIVI (arXiv 2402.02750): a scale for each channel of the keys, whose channels differ in size, and for each
token of the values. Symmetric, 127 steps each way.
"""

from __future__ import annotations

from pathlib import Path

import torch
from safetensors import SafetensorError, safe_open
from safetensors.torch import save_file
from torch import Tensor

from memstrata.errors import ArtifactRefused
from memstrata.models.local.keyvalues import KeyValues
from memstrata.types import KvForm

FORMAT = "memstrata-kv/1"
_STEPS = 127.0
_PLAIN = {"keys", "values", "place"}
_SCALED = _PLAIN | {"key_scales", "value_scales"}


def save(path: Path, made: KeyValues, *, form: KvForm) -> None:
    """Write a file; its tensors are those of `KeyValues` and `place` (start and end).

    With int8 also `key_scales` (layers, heads, 1, dim) and `value_scales` (layers, heads, tokens, 1) in float32.
    """
    tensors = {"place": torch.tensor([made.start, made.end])}
    if form == "int8":
        tensors["keys"], tensors["key_scales"] = _to_bytes(made.keys, over=2)
        tensors["values"], tensors["value_scales"] = _to_bytes(made.values, over=3)
    else:
        kind = getattr(torch, form)
        tensors["keys"], tensors["values"] = made.keys.to(kind).contiguous(), made.values.to(kind).contiguous()
    save_file(tensors, path, metadata={"format": FORMAT, "form": form})


def load(path: Path) -> KeyValues:
    """What was written, mapped from the file where its numbers need no change. Raises ArtifactRefused."""
    try:
        with safe_open(path, framework="pt") as file:
            metadata, names = file.metadata() or {}, set(file.keys())
            if metadata.get("format") != FORMAT or names not in (_PLAIN, _SCALED):
                raise ArtifactRefused(f"{path.name} holds no keys and values of this version")
            tensors = {name: file.get_tensor(name) for name in names}
    except (SafetensorError, OSError, ValueError) as error:
        raise ArtifactRefused(f"{path.name} cannot be read: {error}") from error
    keys, values, place = tensors["keys"], tensors["values"], tensors["place"]
    if keys.dim() != 4 or keys.shape != values.shape or place.shape != (2,) or place.is_floating_point():
        raise ArtifactRefused(f"{path.name} holds tensors that do not fit together")
    start, end = place.tolist()
    if not 0 <= start <= end or end - start < keys.shape[2]:
        raise ArtifactRefused(f"{path.name} holds a text that stands nowhere")
    if "key_scales" in tensors:
        keys, values = (
            tensors[n].float() * tensors[s] for n, s in (("keys", "key_scales"), ("values", "value_scales"))
        )
    return KeyValues(keys=keys, values=values, start=start, end=end)


def _to_bytes(numbers: Tensor, *, over: int) -> tuple[Tensor, Tensor]:
    """int8 numbers, and float32 scales whose size is 1 in dimension `over`."""
    wide = numbers.float()
    scales = wide.abs().amax(dim=over, keepdim=True).clamp_min(torch.finfo(torch.float32).tiny) / _STEPS
    return (wide / scales).round().to(torch.int8), scales
