"""A causal model's tensors: load them, and reckon how unlikely it finds each token of a text."""

from __future__ import annotations

from collections.abc import Sequence
from itertools import pairwise
from pathlib import Path
from typing import Literal

import torch
import transformers
from torch import Tensor

from memstrata.errors import ModelError
from memstrata.models.local.attention import Probe, register
from memstrata.models.local.keyvalues import KeyValues, View

Dtype = Literal["bfloat16", "float32"]
SLICE = 256
"""Positions whose logits are held at a time: 50 MB of float32 for a vocabulary of 49,152."""


class CausalModel:
    """A loaded model of the Llama family: a body of layers and a head. Calls may not overlap."""

    def __init__(self, folder: Path, *, dtype: Dtype, threads: int) -> None:
        torch.set_num_threads(threads)  # of the whole process: torch has no other way
        transformers.utils.logging.disable_progress_bar()
        try:
            model = transformers.AutoModelForCausalLM.from_pretrained(
                folder,
                dtype=getattr(torch, dtype),
                use_safetensors=True,
                local_files_only=True,
                trust_remote_code=False,
                attn_implementation=register(),
            )
        except Exception as error:
            raise ModelError(f"the model in {str(folder)!r} cannot be loaded: {error}") from error
        self._config, self._generation = model.config.get_text_config(), model.generation_config
        self._body, self._head = model.eval().get_decoder(), model.get_output_embeddings()
        if self._body is None or self._head is None:
            raise ModelError(
                f"the model in {str(folder)!r} is no causal language model; choose one of the Llama family"
            )

    def losses(self, ids: list[int], *, start: int) -> list[float]:
        """Of each token from place `start` (at least 1) on: its negative log-likelihood in nats, given those before.

        One forward of all; logits are made for a few positions at a time, since together they would fill gigabytes.
        """
        with torch.inference_mode():
            states = self._body(torch.tensor([ids]), use_cache=False).last_hidden_state[0]  # (tokens, width)
            wanted = torch.tensor(ids[start:])  # (tokens - start,)
            edges = [*range(start - 1, len(ids) - 1, SLICE), len(ids) - 1]
            found = [
                _nats(self._head(states[low:high]), wanted[low - start + 1 : high - start + 1])
                for low, high in pairwise(edges)
            ]
            return [] if not found else torch.cat(found).tolist()

    @property
    def ends(self) -> frozenset[int]:
        """The tokens that end an answer."""
        given = [self._config.eos_token_id, getattr(self._generation, "eos_token_id", None)]
        return frozenset(
            id_ for each in given for id_ in (each if isinstance(each, list) else [each]) if id_ is not None
        )

    @property
    def inverse_frequencies(self) -> Tensor:
        """Of the rotary embedding, (dim / 2,)."""
        return self._body.rotary_emb.inv_freq

    @property
    def kv_shape(self) -> tuple[int, int, int]:
        """Layers, heads of keys, and dim of a head."""
        config = self._config
        dim = getattr(config, "head_dim", None) or config.hidden_size // config.num_attention_heads
        return config.num_hidden_layers, config.num_key_value_heads, dim

    def view(self, masters: Sequence[KeyValues], *, room: int) -> View:
        """A fresh view of masters with room for as many tokens more."""
        layers, heads, dim = self.kv_shape
        return View(
            masters,
            like=self._head.weight.new_empty(dim),
            layers=layers,
            heads=heads,
            capacity=sum(master.tokens for master in masters) + room,
        )

    def read(self, ids: Sequence[int], *, start: int, view: View, probe: Probe | None = None) -> Tensor:
        """What the model makes of tokens from a position on, behind the view, which they join: (tokens, width)."""
        with torch.inference_mode():
            return self._body(
                torch.tensor([list(ids)]),
                position_ids=torch.arange(start, start + len(ids)).unsqueeze(0),
                use_cache=False,
                kv=view,
                probe=probe,
            ).last_hidden_state[0]

    def logits(self, states: Tensor) -> Tensor:
        """(tokens, width) -> (tokens, vocabulary), float32."""
        with torch.inference_mode():
            return self._head(states).float()


def _nats(logits: Tensor, wanted: Tensor) -> Tensor:
    """(tokens, vocabulary), (tokens,) -> (tokens,); in float32, for bfloat16 holds three digits only."""
    return torch.nn.functional.cross_entropy(logits.float(), wanted, reduction="none")
