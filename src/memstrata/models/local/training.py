"""Training an adapter on examples: epochs in batches, the best of them by validation, with checkpoints and limits.

The same runtime, examples and recipe give the same adapter, whether or not the process died on the way: a checkpoint
is written after every epoch, and the order of the batches follows from the seed and the number of the epoch.
"""

from __future__ import annotations

import os
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import asdict, dataclass
from pathlib import Path

import psutil
import torch
from torch import Tensor

from memstrata.core.training import Checkpoints, Example, Limits, Progress, Recipe, digest
from memstrata.errors import ArtifactRefused, TrainingStopped
from memstrata.models.local.causal import CausalModel
from memstrata.models.local.lora import Adapter, Pair
from memstrata.models.local.rows import Row, rows_of, shuffled
from memstrata.models.local.runtime import LocalRuntime
from memstrata.models.local.trainer import Trainer, nats


class FileCheckpoints:
    """Keeps a checkpoint as one file, which need not exist yet."""

    def __init__(self, file: Path) -> None:
        self._file = file

    @contextmanager
    def reading(self) -> Iterator[Path | None]:
        """See `Checkpoints.reading`."""
        yield self._file if self._file.is_file() else None

    def keep(self, write: Callable[[Path], None]) -> None:
        """See `Checkpoints.keep`."""
        half = self._file.with_name(f".{self._file.name}")
        write(half)
        with half.open("rb") as written:
            os.fsync(written.fileno())
        os.replace(half, self._file)


@dataclass(frozen=True, slots=True, kw_only=True)
class Trained:
    """What a training came to: the adapter of the best epoch, and how each epoch went."""

    adapter: Adapter
    epochs: tuple[Progress, ...]


def identity(runtime: LocalRuntime, examples: Sequence[Example], validation: Sequence[Example], recipe: Recipe) -> str:
    """Names a training: another model, other examples or another recipe is another one."""
    lists = [[asdict(each) for each in group] for group in (examples, validation)]
    return digest([runtime.fingerprint, lists, recipe.as_json()])


def train(
    runtime: LocalRuntime,
    examples: Sequence[Example],
    validation: Sequence[Example],
    recipe: Recipe,
    *,
    checkpoints: Checkpoints | None = None,
    limits: Limits | None = None,
    watch: Callable[[Progress], None] = lambda progress: None,
    cancelled: Callable[[], bool] = lambda: False,
) -> Trained:
    """Train a fresh adapter. `checkpoints`: where one is kept, and gone on from if it is of this training.

    `watch` hears of every step; `cancelled` is asked before each. The model can be used by others between two steps.
    Raises TrainingStopped where it was cancelled or a limit was reached: call again to go on from the last epoch.
    """
    rows, held_out = rows_of(runtime, examples), rows_of(runtime, validation)
    guard = _Guard(limits or Limits(), cancelled)
    with runtime.using() as model:
        course = _Course(Trainer(model, recipe), recipe, identity(runtime, examples, validation, recipe))
    course.resume(checkpoints)
    while not course.finished:
        number = len(course.epochs)
        losses = []
        for batch in shuffled(rows, tokens=recipe.batch_tokens, seed=recipe.seed, epoch=number):
            guard.check()
            with runtime.using():
                losses.append(course.trainer.step(batch))
            watch(
                Progress(epoch=number, epochs=recipe.epochs, steps=course.trainer.steps, loss=sum(losses) / len(losses))
            )
        with runtime.using() as model:
            course.note(sum(losses) / max(1, len(losses)), _validated(model, held_out, course.trainer.adapter, recipe))
        watch(course.epochs[-1])
        if checkpoints is not None:
            checkpoints.keep(course.save)
    return Trained(adapter=course.best_adapter(), epochs=tuple(course.epochs))


class _Guard:
    """Stops a training that was cancelled, takes too long or holds too much memory."""

    def __init__(self, limits: Limits, cancelled: Callable[[], bool]) -> None:
        self._limits, self._cancelled = limits, cancelled
        self._started = time.monotonic()
        self._process = psutil.Process()

    def check(self) -> None:
        if self._cancelled():
            raise TrainingStopped("the training was cancelled; start it again to go on from its last epoch")
        if (spent := time.monotonic() - self._started) > self._limits.seconds:
            raise TrainingStopped(f"the training has taken {spent:.0f} s, more than its limit")
        if (held := self._process.memory_info().rss / 2**30) > self._limits.gibibytes:
            raise TrainingStopped(f"the process holds {held:.1f} GiB, more than the training's limit")


class _Course:
    """How far one training is, and the best that it had."""

    def __init__(self, trainer: Trainer, recipe: Recipe, name: str) -> None:
        self.trainer, self._recipe, self._name = trainer, recipe, name
        self.epochs: list[Progress] = []
        self._best: list[Tensor] = [each.detach().clone() for each in trainer.adapter.parameters]

    @property
    def finished(self) -> bool:
        """All epochs are done, or the last ones brought nothing, or it is good enough."""
        losses = [each.validation for each in self.epochs if each.validation is not None]
        if len(self.epochs) >= self._recipe.epochs:
            return True
        if not losses:
            return False
        best = losses.index(min(losses))
        return losses[-1] <= self._recipe.enough or len(losses) - 1 - best >= self._recipe.patience

    def note(self, loss: float, validation: float | None) -> None:
        """Another epoch is over."""
        earlier = [each.validation for each in self.epochs if each.validation is not None]
        self.epochs.append(
            Progress(
                epoch=len(self.epochs) + 1,
                epochs=self._recipe.epochs,
                steps=self.trainer.steps,
                loss=loss,
                validation=validation,
            )
        )
        if validation is None or validation < min(earlier, default=float("inf")):
            self._best = [each.detach().clone() for each in self.trainer.adapter.parameters]

    def best_adapter(self) -> Adapter:
        """The adapter of the epoch with the least validation loss."""
        pairs, best = {}, iter(self._best)
        for name in sorted(self.trainer.adapter.pairs):
            pairs[name] = Pair(down=next(best), up=next(best))
        return Adapter(shape=self._recipe.shape, pairs=pairs)

    def save(self, path: Path) -> None:
        more = {str(place): each for place, each in enumerate(self._best)}
        about = {"identity": self._name, "epochs": [asdict(each) for each in self.epochs]}
        self.trainer.save(path, about, more=more)

    def resume(self, checkpoints: Checkpoints | None) -> None:
        """Go on from what is there; what is broken or of another training is begun anew, for it is only time lost."""
        if checkpoints is None:
            return
        try:
            with checkpoints.reading() as file:
                found = None if file is None else self.trainer.restore(file, identity=self._name)
        except ArtifactRefused:
            found = None
        if found is not None:
            about, more = found
            self.epochs = [Progress(**each) for each in about["epochs"]]
            self._best = [more[str(place)] for place in range(len(self._best))]


def _validated(model: CausalModel, rows: Sequence[Row], adapter: Adapter, recipe: Recipe) -> float | None:
    """Mean loss in nats a token of texts that are not trained on; None without any."""
    if not rows:
        return None
    with torch.inference_mode():
        found = nats(model, rows, adapters=[adapter], tokens=recipe.batch_tokens)
    return sum(found) / sum(row.counted for row in rows)
