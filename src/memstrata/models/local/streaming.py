"""Temp-LoRA: an adapter that learns a long text as it comes, so that a short window is enough to go on with it.

After arXiv 2401.11504: each stretch of the text is first read, or written, with the adapter so far and behind a short
context; then the adapter is trained on it, with the context read but not learned. At the end it is dropped, or kept
as any other adapter. The loss before training on a stretch is that of the first training step, so it costs nothing.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import asdict
from pathlib import Path

import torch

from memstrata.core.training import Chunk, Streaming, digest
from memstrata.errors import ArtifactRefused
from memstrata.models.local.lora import Adapter
from memstrata.models.local.rows import Row
from memstrata.models.local.runtime import LocalRuntime, Sampling
from memstrata.models.local.trainer import Trainer, nats

_TEXT = "text"


class SessionAdapter:
    """One text and the adapter that follows it. Not to be used by several threads at once; the runtime may be."""

    def __init__(self, runtime: LocalRuntime, how: Streaming | None = None) -> None:
        self._runtime, self._how = runtime, how or Streaming()
        with runtime.using() as model:
            self._trainer = Trainer(model, self._how.recipe)
        self._context: list[int] = []
        self._new: list[int] = []
        self.learned = 0
        """Tokens that the adapter has been trained on."""

    def feed(self, ids: Sequence[int]) -> list[Chunk]:
        """Add tokens of the text; the stretches that are complete with them are learned, and their losses returned."""
        self._new += ids
        found = []
        while len(self._new) >= self._how.stride:
            found.append(self._learn(self._new[: self._how.stride]))
            del self._new[: self._how.stride]
        return found

    def generate(self, ids: Sequence[int] = (), *, sampling: Sampling | None = None) -> Iterator[str]:
        """How the text goes on after its last tokens and these, with the adapter; what comes is not fed by itself."""
        return self._runtime.generate([*self.window, *ids], sampling=sampling, adapters=[self.adapter()])

    @property
    def window(self) -> list[int]:
        """The last tokens of the text: what was not learned yet, and before it the context."""
        return [*self._context, *self._new]

    def adapter(self) -> Adapter:
        """The adapter so far, as one that is no longer trained: to read with, or to keep."""
        return self._trainer.adapter.frozen()

    def save(self, path: Path) -> None:
        """Write a checkpoint from which `resumed` goes on to the same result."""
        text = {_TEXT: torch.tensor([*self._context, *self._new])}
        about = {"identity": self._name, "learned": self.learned, "context": len(self._context)}
        self._trainer.save(path, about, more=text)

    @classmethod
    def resumed(cls, runtime: LocalRuntime, how: Streaming, path: Path) -> SessionAdapter:
        """Go on from a checkpoint. Raises ArtifactRefused where it is broken or of another model or another manner."""
        made = cls(runtime, how)
        found = made._trainer.restore(path, identity=made._name)
        if found is None:
            raise ArtifactRefused(f"{path.name} was made by another model or in another manner; begin anew")
        about, more = found
        ids = more[_TEXT].tolist()
        made.learned = about["learned"]
        made._context, made._new = ids[: about["context"]], ids[about["context"] :]
        return made

    @property
    def _name(self) -> str:
        return digest([self._runtime.fingerprint, asdict(self._how)])

    def _learn(self, chunk: list[int]) -> Chunk:
        row = _row(self._context, chunk)
        losses = []
        for _ in range(self._how.epochs):
            with self._runtime.using():
                losses.append(self._trainer.step([row]))
        self._context = list(row.ids[-self._how.context :])
        self.learned += len(chunk)
        return Chunk(tokens=row.counted, nats=losses[0] * row.counted)


def read(runtime: LocalRuntime, ids: Sequence[int], how: Streaming, *, adapters: Sequence[Adapter] = ()) -> list[Chunk]:
    """The same stretches as a session adapter would learn, only read: with no adapter, or with these."""
    found, context = [], list[int]()
    for start in range(0, len(ids) - how.stride + 1, how.stride):
        row = _row(context, ids[start : start + how.stride])
        with runtime.using() as model:
            (lost,) = nats(model, [row], adapters=adapters, tokens=len(row.ids))
        found.append(Chunk(tokens=row.counted, nats=lost))
        context = list(row.ids[-how.context :])
    return found


def _row(context: Sequence[int], chunk: Sequence[int]) -> Row:
    """Before the first stretch there is no context; the very first token then counts for nothing."""
    return Row(ids=(*context, *chunk), first=max(1, len(context)))
