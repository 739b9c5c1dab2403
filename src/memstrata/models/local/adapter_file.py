"""An adapter as a folder in the layout of PEFT, so that other tools load it, or as the bytes of its tensors alone.

`adapter_model.safetensors` holds the factors under PEFT's names, `adapter_config.json` how to use them. The same
configuration and the digest of the model's files are in the tensors' file too, so that it says by itself what it is
for. Not a place for trust: a file is checked before its numbers are used, and never holds code.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any, Literal

import torch
from safetensors import SafetensorError
from safetensors.torch import load, save
from torch import Tensor

from memstrata.core.training import AdapterShape
from memstrata.errors import ArtifactRefused, InvalidInput
from memstrata.models.local.lora import Adapter, Pair, check_fits
from memstrata.models.local.runtime import LocalRuntime

TENSORS = "adapter_model.safetensors"
CONFIG = "adapter_config.json"
FORMAT = "memstrata-lora/1"
LARGEST = 1 << 30
"""Bytes of the largest file that is read: an adapter of rank 64 for a model of 7 billion weights has 0.6 GB."""
Form = Literal["float32", "float16", "bfloat16"]
_BEFORE = "base_model.model.model."
_DOWN, _UP = ".lora_A.weight", ".lora_B.weight"


def to_bytes(adapter: Adapter, *, base: str, form: Form = "float32") -> bytes:
    """The tensors' file: of the numbers' type `form`, for the model whose files have the digest `base`."""
    kind = getattr(torch, form)
    tensors: dict[str, Tensor] = {}
    for name, pair in adapter.pairs.items():
        tensors[f"{_BEFORE}{name}{_DOWN}"] = pair.down.detach().to("cpu", kind).contiguous()
        tensors[f"{_BEFORE}{name}{_UP}"] = pair.up.detach().to("cpu", kind).contiguous()
    about = {"format": FORMAT, "base": base, "config": json.dumps(_config(adapter, base))}
    data: bytes = save(tensors, metadata=about)
    return data


def from_bytes(data: bytes, runtime: LocalRuntime, *, largest: int = LARGEST) -> Adapter:
    """An adapter for this runtime's model, in float32 on its device.

    Raises ArtifactRefused where the file is broken, larger than `largest` bytes, made for another model, of factors
    that do not fit it, or of numbers that are none.
    """
    if len(data) > largest:
        raise ArtifactRefused(f"the adapter has {len(data)} bytes, more than the {largest} that are read")
    metadata = _metadata(data)
    if metadata.get("format") != FORMAT:
        raise ArtifactRefused("the adapter's file is of another version or of another tool; read its folder instead")
    if metadata.get("base") != runtime.base:
        raise ArtifactRefused(f"the adapter was made for the model {metadata.get('base')!r}, not for {runtime.base!r}")
    return _checked(data, _parsed(metadata.get("config", "")), runtime)


def save_adapter(folder: Path, adapter: Adapter, *, base: str, form: Form = "float32") -> Path:
    """Write a folder that PEFT loads; it must exist. Returns the path of its tensors."""
    (folder / CONFIG).write_text(json.dumps(_config(adapter, base), indent=2) + "\n", encoding="utf-8")
    (folder / TENSORS).write_bytes(to_bytes(adapter, base=base, form=form))
    return folder / TENSORS


def load_adapter(folder: Path, runtime: LocalRuntime, *, largest: int = LARGEST) -> Adapter:
    """Read a folder that `save_adapter` or PEFT wrote; see `from_bytes` for what is refused.

    Of PEFT's adapters, plain LoRA of linear layers in the model's body; what else it can do is refused.
    """
    file = folder / TENSORS
    try:
        if file.stat().st_size > largest:
            raise ArtifactRefused(f"{file.name} has {file.stat().st_size} bytes, more than the {largest} that are read")
        data, config = file.read_bytes(), _parsed((folder / CONFIG).read_text("utf-8"))
    except (OSError, UnicodeDecodeError) as error:
        raise ArtifactRefused(f"the adapter in {str(folder)!r} cannot be read: {error}") from error
    metadata = _metadata(data)
    if metadata.get("format") == FORMAT:
        return from_bytes(data, runtime, largest=largest)
    return _checked(data, config, runtime)


def _config(adapter: Adapter, base: str) -> dict[str, Any]:
    """PEFT's own words, of which it needs those that differ from its defaults."""
    layers = sorted({int(name.split(".")[1]) for name in adapter.pairs})
    return {
        "peft_type": "LORA",
        "task_type": "CAUSAL_LM",
        "base_model_name_or_path": base,
        "r": adapter.shape.rank,
        "lora_alpha": adapter.shape.alpha,
        "lora_dropout": 0.0,
        "bias": "none",
        "target_modules": list(adapter.shape.targets),
        "layers_to_transform": layers,
        "inference_mode": True,
        "use_rslora": False,
        "use_dora": False,
    }


def _parsed(text: str) -> dict[str, Any]:
    try:
        config = json.loads(text)
    except ValueError as error:
        raise ArtifactRefused(f"the adapter's configuration is no JSON: {error}") from error
    if not isinstance(config, dict):
        raise ArtifactRefused("the adapter's configuration is no JSON object")
    return config


def _shape(config: Mapping[str, Any]) -> AdapterShape:
    for key, plain in (("use_rslora", False), ("use_dora", False), ("bias", "none"), ("fan_in_fan_out", False)):
        if config.get(key, plain) != plain:
            raise ArtifactRefused(f"the adapter has {key}={config[key]!r}; only plain LoRA is read")
    if config.get("peft_type") != "LORA" or config.get("rank_pattern") or config.get("alpha_pattern"):
        raise ArtifactRefused("the adapter is no LoRA of one rank")
    layers = config.get("layers_to_transform") or [0]
    try:
        return AdapterShape(
            rank=int(config["r"]),
            alpha=float(config["lora_alpha"]),
            targets=tuple(str(each) for each in config["target_modules"]),
            first_layer=min(layers) if isinstance(layers, list) else int(layers),
        )
    except (KeyError, TypeError, ValueError, InvalidInput) as error:
        raise ArtifactRefused(f"the adapter's configuration does not say its shape: {error}") from error


def _metadata(data: bytes) -> dict[str, str]:
    """Of a safetensors file: eight bytes of length, then JSON (the library reads it from files only)."""
    length = int.from_bytes(data[:8], "little")
    if len(data) < 8 or length > len(data) - 8:
        raise ArtifactRefused("the adapter's file is cut off")
    header = _parsed(data[8 : 8 + length].decode("utf-8", "replace"))
    found = header.get("__metadata__") or {}
    return {str(key): str(value) for key, value in found.items()} if isinstance(found, dict) else {}


def _checked(data: bytes, config: Mapping[str, Any], runtime: LocalRuntime) -> Adapter:
    shape = _shape(config)
    try:
        tensors = load(data)
    except (SafetensorError, ValueError) as error:
        raise ArtifactRefused(f"the adapter's tensors cannot be read: {error}") from error
    names = {name.removesuffix(_DOWN).removesuffix(_UP) for name in tensors}
    if not names or {f"{name}{end}" for name in names for end in (_DOWN, _UP)} != set(tensors):
        raise ArtifactRefused("the adapter holds tensors that are no pairs of a LoRA")
    with runtime.using() as model:
        pairs = {
            name.removeprefix(_BEFORE): Pair(
                down=tensors[name + _DOWN].to(model.device, torch.float32),
                up=tensors[name + _UP].to(model.device, torch.float32),
            )
            for name in sorted(names)
        }
        adapter = Adapter(shape=shape, pairs=pairs)
        check_fits(adapter, model.body)
    return adapter
