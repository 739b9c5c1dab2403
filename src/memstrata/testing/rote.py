"""A teacher without tensors, for tests of what is built on one: it learns by rote and answers by likeness of words."""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Sequence
from dataclasses import asdict, dataclass, field
from pathlib import Path

from memstrata.core.training import Checkpoints, Example, Limits, Progress, Recipe
from memstrata.errors import ArtifactRefused, TrainingStopped


@dataclass(slots=True)
class RoteTeacher:
    """Its adapters are the examples that it was shown, as many epochs as it lasted; fewer than `needs` teach nothing.

    `on_epoch` is called after each epoch, for tests that have something happen meanwhile. `harm`: what attaching any
    adapter multiplies perplexity by. `spilt`: examples that every adapter knows besides, as if of another memory.
    """

    base: str = "rote"
    needs: int = 2
    harm: float = 1.0
    spilt: tuple[Example, ...] = ()
    on_epoch: Callable[[int], None] = lambda number: None
    trained: list[int] = field(default_factory=list)
    """Of every training that came to its end, the epochs that it did itself, without those of a checkpoint."""

    def train(
        self,
        examples: Sequence[Example],
        validation: Sequence[Example],
        recipe: Recipe,
        *,
        checkpoints: Checkpoints | None,
        limits: Limits,
        watch: Callable[[Progress], None],
        cancelled: Callable[[], bool],
    ) -> tuple[list[Example], tuple[Progress, ...]]:
        """See `Teacher.train`."""
        done = _kept(checkpoints)
        first = done
        while done < recipe.epochs:
            if cancelled():
                raise TrainingStopped("the training was cancelled")
            done += 1
            watch(Progress(epoch=done, epochs=recipe.epochs, steps=done, loss=1 / done))
            if checkpoints is not None:
                checkpoints.keep(lambda path, epoch=done: path.write_text(str(epoch), "utf-8"))  # type: ignore[misc]
            self.on_epoch(done)
        self.trained.append(done - first)
        learned = [each for each in examples if each.kind != "replay"] if done >= self.needs else []
        last = Progress(epoch=done, epochs=recipe.epochs, steps=done, loss=1 / done)
        return [*learned, *self.spilt], (last,)

    def ranked_first(
        self,
        texts: Sequence[str],
        candidates: Sequence[Sequence[str]],
        *,
        asked: bool,
        adapters: Sequence[list[Example]],
    ) -> list[tuple[bool, float]]:
        """See `Teacher.ranked_first`: the first is the likeliest where it is what would be answered."""
        said = self.answers(texts, adapters=adapters, max_tokens=99)
        found = [answer == f"{each[0]}." for answer, each in zip(said, candidates, strict=True)]
        return [(each, 0.0 if each else 5.0) for each in found]

    def answers(self, questions: Sequence[str], *, adapters: Sequence[list[Example]], max_tokens: int) -> list[str]:
        """See `Teacher.answers`: that of the learned question which shares most words, if it shares half."""
        known = [each for adapter in adapters for each in adapter]
        return [_answer(question, known) for question in questions]

    def perplexity(self, text: str, *, adapters: Sequence[list[Example]]) -> float:
        """See `Teacher.perplexity`."""
        return 10.0 * (self.harm if adapters else 1.0)

    def write(self, adapter: list[Example], folder: Path) -> None:
        """See `Teacher.write`."""
        folder.mkdir()
        (folder / "rote.json").write_text(json.dumps([asdict(each) for each in adapter]), "utf-8")

    def read(self, folder: Path) -> list[Example]:
        """See `Teacher.read`."""
        try:
            return [Example(**each) for each in json.loads((folder / "rote.json").read_text("utf-8"))]
        except (OSError, ValueError) as error:
            raise ArtifactRefused(f"{folder.name} cannot be read: {error}") from error


def _kept(checkpoints: Checkpoints | None) -> int:
    if checkpoints is None:
        return 0
    with checkpoints.reading() as file:
        return 0 if file is None else int(file.read_text("utf-8"))


def _answer(question: str, known: Sequence[Example]) -> str:
    wanted = _words(question)
    nearest = max(known, key=lambda each: len(wanted & _words(each.question)), default=None)
    if nearest is None or len(wanted & _words(nearest.question)) * 2 < len(wanted):
        return "Hm."
    return nearest.answer


def _words(text: str) -> set[str]:
    return set(re.findall(r"\w+", text.casefold()))
