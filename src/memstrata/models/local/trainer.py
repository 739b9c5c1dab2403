"""One adapter in training: its optimizer, a step on a batch, and all of it as a file to go on from.

The loss is the cross entropy of what counts in each text, and for replayed ones the divergence from the model without
the adapter, KL(base || adapted), which keeps general answers where they are.
"""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import torch
from safetensors import SafetensorError, safe_open
from safetensors.torch import save_file
from torch import Tensor

from memstrata.core.training import Recipe
from memstrata.errors import ArtifactRefused
from memstrata.models.local.causal import CausalModel
from memstrata.models.local.lora import Adapter, fresh
from memstrata.models.local.rows import Row, batches
from memstrata.models.local.tokentree import tree_of

FORMAT = "memstrata-training/1"
_MOMENTS = ("exp_avg", "exp_avg_sq")


class Trainer:
    """Trains a fresh adapter of the recipe's shape by AdamW (arXiv 1711.05101), warmed up and then constant."""

    def __init__(self, model: CausalModel, recipe: Recipe) -> None:
        self._model, self._recipe = model, recipe
        self.adapter = fresh(model.body, recipe.shape, seed=recipe.seed)
        self.steps = 0
        self._optimizer = torch.optim.AdamW(
            self.adapter.parameters, lr=recipe.learning_rate, weight_decay=recipe.weight_decay, betas=(0.9, 0.99)
        )
        self._before: dict[Row, Tensor] = {}

    def step(self, batch: Sequence[Row]) -> float:
        """One step of the optimizer; returns the loss in nats a token."""
        rate = self._recipe.learning_rate * min(1.0, (self.steps + 1) / max(1, self._recipe.warmup_steps))
        for group in self._optimizer.param_groups:
            group["lr"] = rate
        wanted = [self._base(row) for row in batch if row.replay]
        loss = self._loss(batch, wanted)
        self._optimizer.zero_grad(set_to_none=True)
        loss.backward()
        torch.nn.utils.clip_grad_norm_(self.adapter.parameters, self._recipe.clip)
        self._optimizer.step()
        self.steps += 1
        return float(loss.detach())

    def _loss(self, batch: Sequence[Row], wanted: Sequence[Tensor]) -> Tensor:
        logits = counted_logits(self._model, batch, adapters=[self.adapter])
        learned = [(made, row) for made, row in zip(logits, batch, strict=True) if not row.replay]
        kept = [made for made, row in zip(logits, batch, strict=True) if row.replay]
        loss = torch.zeros((), device=self._model.device)
        if learned:
            answers = self._model.placed([id_ for _, row in learned for id_ in row.ids[row.first :]])
            loss = loss + torch.nn.functional.cross_entropy(torch.cat([made for made, _ in learned]), answers)
        if kept:
            loss = loss + self._recipe.kl_weight * torch.nn.functional.kl_div(
                torch.cat(kept).log_softmax(-1), torch.cat(list(wanted)).float(), reduction="batchmean", log_target=True
            )
        return loss

    def _base(self, row: Row) -> Tensor:
        """What the model without the adapter makes of a replayed answer, reckoned once: (counted, vocabulary)."""
        if row not in self._before:
            with torch.no_grad():
                (logits,) = counted_logits(self._model, [row])
                self._before[row] = logits.log_softmax(-1).to(torch.bfloat16)
        return self._before[row]

    def save(self, path: Path, about: Mapping[str, Any], *, more: Mapping[str, Tensor] | None = None) -> None:
        """Write all that goes on from here to a file; `about` and `more` come back from `restore`."""
        tensors: dict[str, Tensor] = {f"more.{name}": each.contiguous() for name, each in (more or {}).items()}
        state = self._optimizer.state
        for place, factor in enumerate(self.adapter.parameters):
            tensors[f"factor.{place}"] = factor.detach()
            for name in _MOMENTS if factor in state else ():
                tensors[f"{name}.{place}"] = state[factor][name]
        note = {"steps": self.steps, **about}
        save_file(tensors, path, metadata={"format": FORMAT, "about": json.dumps(note)})

    def restore(self, path: Path, *, identity: str) -> tuple[dict[str, Any], dict[str, Tensor]] | None:
        """Go on from a file that was saved with `{"identity": identity}`; None where it is of something else.

        Raises ArtifactRefused where it cannot be read.
        """
        try:
            with safe_open(path, framework="pt") as file:
                metadata = file.metadata() or {}
                about = json.loads(metadata.get("about", "{}"))
                if metadata.get("format") != FORMAT or about.get("identity") != identity:
                    return None
                tensors = {name: file.get_tensor(name) for name in file.keys()}  # noqa: SIM118
        except (SafetensorError, OSError, ValueError) as error:
            raise ArtifactRefused(f"{path.name} cannot be read: {error}") from error
        self.steps = about["steps"]
        with torch.no_grad():
            for place, factor in enumerate(self.adapter.parameters):
                factor.copy_(tensors[f"factor.{place}"])
                if f"{_MOMENTS[0]}.{place}" in tensors:
                    self._optimizer.state[factor] = {
                        "step": torch.tensor(float(self.steps)),
                        **{name: tensors[f"{name}.{place}"].to(factor.device) for name in _MOMENTS},
                    }
        more = {name.removeprefix("more."): each for name, each in tensors.items() if name.startswith("more.")}
        return about, more


def counted_logits(model: CausalModel, batch: Sequence[Row], *, adapters: Sequence[Adapter] = ()) -> list[Tensor]:
    """Of each text, the logits of the tokens that count, (counted, vocabulary) float32; others are never made."""
    tree = tree_of(row.ids for row in batch)
    states = model.states(tree, adapters=adapters)  # (nodes, width)
    before = [node for path, row in zip(tree.paths, batch, strict=True) for node in path[row.first - 1 : -1]]
    return list(model.head(states[model.placed(before)]).split([row.counted for row in batch]))


def nats(model: CausalModel, rows: Sequence[Row], *, adapters: Sequence[Adapter] = (), tokens: int) -> list[float]:
    """Of each text, the summed negative log-likelihood of what counts; read in batches of so many tokens."""
    found = []
    with torch.inference_mode():
        for batch in batches(rows, tokens=tokens):
            for row, logits in zip(batch, counted_logits(model, batch, adapters=adapters), strict=True):
                answer = model.placed(list(row.ids[row.first :]))
                found.append(float(torch.nn.functional.cross_entropy(logits, answer)) * row.counted)
    return found
