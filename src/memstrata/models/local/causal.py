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
from memstrata.models.local.lora import Adapter, attached
from memstrata.models.local.tokentree import Tree

Dtype = Literal["bfloat16", "float32"]
Device = Literal["auto", "cpu", "cuda"]
SLICE = 256
"""Positions whose logits are held at a time: 50 MB of float32 for a vocabulary of 49,152."""


class CausalModel:
    """A loaded model of the Llama family: a body of layers and a head. Calls may not overlap."""

    def __init__(self, folder: Path, *, dtype: Dtype, threads: int, device: Device = "cpu") -> None:
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
        self.device = torch.device(("cuda" if torch.cuda.is_available() else "cpu") if device == "auto" else device)
        model = model.to(self.device).requires_grad_(False).eval()  # nothing here trains the model's own weights
        self._body, self._head = model.get_decoder(), model.get_output_embeddings()
        if self._body is None or self._head is None:
            raise ModelError(
                f"the model in {str(folder)!r} is no causal language model; choose one of the Llama family"
            )

    def losses(self, ids: list[int], *, start: int) -> list[float]:
        """Of each token from place `start` (at least 1) on: its negative log-likelihood in nats, given those before.

        One forward of all; logits are made for a few positions at a time, since together they would fill gigabytes.
        """
        with torch.inference_mode():
            states = self._body(self.placed([ids]), use_cache=False).last_hidden_state[0]  # (tokens, width)
            wanted = self.placed(ids[start:])  # (tokens - start,)
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

    @property
    def body(self) -> torch.nn.Module:
        """The layers, without the head."""
        return self._body

    def placed(self, numbers: Sequence[int] | Sequence[Sequence[int]]) -> Tensor:
        """Whole numbers as a tensor where the model is."""
        return torch.tensor(numbers, device=self.device)

    def states(self, tree: Tree, *, adapters: Sequence[Adapter] = (), view: View | None = None) -> Tensor:
        """What the model makes of a tree of texts, (nodes, width); a token attends to those above it.

        With a view that holds the keys and values of the tree's first nodes, only of the others, which join it.
        Without one it can be differentiated by the adapters' factors, as can what `head` makes of it.
        """
        held = 0 if view is None else view.tokens
        sees = torch.eye(len(tree.tokens), dtype=torch.bool)  # (nodes, nodes)
        for node, above in enumerate(tree.above):
            if above >= 0:
                sees[node] |= sees[above]
        with attached(self._body, adapters):
            out = self._body(
                self.placed([tree.tokens[held:]]),
                position_ids=self.placed([tree.depths[held:]]),
                use_cache=False,
                sees=sees[held:].to(self.device),
                kv=view,
            )
        states: Tensor = out.last_hidden_state[0]
        return states

    def head(self, states: Tensor) -> Tensor:
        """(tokens, width) -> (tokens, vocabulary), float32."""
        return self._head(states).float()

    def read(
        self,
        ids: Sequence[int],
        *,
        start: int,
        view: View,
        probe: Probe | None = None,
        adapters: Sequence[Adapter] = (),
    ) -> Tensor:
        """What the model makes of tokens from a position on, behind the view, which they join: (tokens, width)."""
        with torch.inference_mode(), attached(self._body, adapters):
            return self._body(
                self.placed([list(ids)]),
                position_ids=torch.arange(start, start + len(ids), device=self.device).unsqueeze(0),
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
