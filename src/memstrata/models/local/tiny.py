"""A tiny model of the Llama family with random weights, made in a second: for tests of whatever holds tensors."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Literal

import torch
import transformers

VOCABULARY = 258
"""256 bytes, a beginning and an end."""
CHAT_TEMPLATE = (
    "{% for message in messages %}<begin>{{ message.role }}\n{{ message.content }}<end>\n{% endfor %}"
    "{% if add_generation_prompt %}<begin>assistant\n{% endif %}"
)


def save_tiny_model(folder: Path, *, seed: int = 0, dtype: Literal["bfloat16", "float32"] = "float32") -> Path:
    """Write a model of 60,000 weights and a tokenizer of bytes as `save_pretrained` does; returns the folder.

    The same seed gives the same bytes. The weights are large, so that its likelihoods differ from token to token.
    """
    from tokenizers import Tokenizer, decoders, models, pre_tokenizers

    config = transformers.LlamaConfig(
        vocab_size=VOCABULARY,
        hidden_size=32,
        intermediate_size=64,
        num_hidden_layers=2,
        num_attention_heads=4,
        num_key_value_heads=2,
        max_position_embeddings=8192,
        initializer_range=0.3,
        bos_token_id=256,
        eos_token_id=257,
        tie_word_embeddings=False,
    )
    with torch.random.fork_rng():
        torch.manual_seed(seed)
        model = transformers.LlamaForCausalLM(config).to(getattr(torch, dtype))
    model.save_pretrained(folder)
    signs = [*sorted(pre_tokenizers.ByteLevel.alphabet()), "<begin>", "<end>"]
    tokenizer = Tokenizer(models.BPE(vocab={sign: place for place, sign in enumerate(signs)}, merges=[]))
    tokenizer.pre_tokenizer = pre_tokenizers.ByteLevel(add_prefix_space=False)
    tokenizer.decoder = decoders.ByteLevel()
    tokenizer.add_special_tokens(["<begin>", "<end>"])
    tokenizer.save(str(folder / "tokenizer.json"))
    told = {"tokenizer_class": "PreTrainedTokenizerFast", "chat_template": CHAT_TEMPLATE, "eos_token": "<end>"}
    (folder / "tokenizer_config.json").write_text(json.dumps(told), encoding="utf-8")
    return folder
