"""From a GGUF file to a folder of safetensors: done once, for it takes 20 seconds and a gigabyte of memory."""

from __future__ import annotations

from pathlib import Path

import torch
import transformers

from memstrata.errors import ModelError


def convert_gguf(source: Path, target: Path) -> None:
    """Write the model and the tokenizer of a GGUF file as a folder that loads by itself, weights in bfloat16.

    A model loaded from GGUF refuses to be saved, since it counts as quantised; its tensors go into a fresh one.
    """
    transformers.utils.logging.disable_progress_bar()
    try:
        loaded = transformers.AutoModelForCausalLM.from_pretrained(
            source.parent, gguf_file=source.name, dtype=torch.float32
        )
        tokenizer = transformers.AutoTokenizer.from_pretrained(source.parent, gguf_file=source.name)
    except Exception as error:  # a broken file fails in many ways: struct.error, ValueError, KeyError, ...
        raise ModelError(
            f"{str(source)!r} cannot be read as GGUF: {error}; install the package that it is of anew"
        ) from error
    config = loaded.config
    if hasattr(config, "quantization_config"):
        del config.quantization_config
    fresh = type(loaded)(config)
    fresh.load_state_dict(loaded.state_dict())
    fresh.to(torch.bfloat16).save_pretrained(target)
    tokenizer.save_pretrained(target)
