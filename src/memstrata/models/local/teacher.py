"""A local model as a teacher: trains adapters, asks with them, and writes them down (`parametric.making.Teacher`)."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from memstrata.core.training import Checkpoints, Example, Limits, Progress, Recipe
from memstrata.models.local.runtime import LocalRuntime

if TYPE_CHECKING:
    from memstrata.models.local.lora import Adapter  # it brings torch along


class LocalTeacher:
    """Teaches the model of a runtime, which others may use meanwhile: they take turns by the step."""

    def __init__(self, runtime: LocalRuntime) -> None:
        self.runtime = runtime
        self._alone: dict[tuple[str, int], str] = {}

    @property
    def base(self) -> str:
        """See `LocalRuntime.base`."""
        return self.runtime.base

    def train(
        self,
        examples: Sequence[Example],
        validation: Sequence[Example],
        recipe: Recipe,
        *,
        checkpoints: Checkpoints | None = None,
        limits: Limits | None = None,
        watch: Callable[[Progress], None] = lambda progress: None,
        cancelled: Callable[[], bool] = lambda: False,
    ) -> tuple[Adapter, tuple[Progress, ...]]:
        """See `training.train`."""
        from memstrata.models.local.training import train

        made = train(
            self.runtime, examples, validation, recipe,
            checkpoints=checkpoints, limits=limits, watch=watch, cancelled=cancelled,
        )  # fmt: skip
        return made.adapter, made.epochs

    def ranked_first(
        self, texts: Sequence[str], candidates: Sequence[Sequence[str]], *, asked: bool, adapters: Sequence[Adapter]
    ) -> list[tuple[bool, float]]:
        """See `examining.ranked_first`."""
        from memstrata.models.local.examining import Choice, ranked_first

        choices = [
            Choice(text=text, candidates=tuple(each), asked=asked) for text, each in zip(texts, candidates, strict=True)
        ]
        return ranked_first(self.runtime, choices, adapters=adapters)

    def answers(self, questions: Sequence[str], *, adapters: Sequence[Adapter], max_tokens: int) -> list[str]:
        """See `examining.answers`. What the model says alone is reckoned once: every gate asks for it."""
        from memstrata.models.local.examining import answers

        if adapters:
            return answers(self.runtime, questions, adapters=adapters, max_tokens=max_tokens)
        new = [each for each in dict.fromkeys(questions) if (each, max_tokens) not in self._alone]
        said = answers(self.runtime, new, max_tokens=max_tokens)
        self._alone |= {(each, max_tokens): answer for each, answer in zip(new, said, strict=True)}
        return [self._alone[each, max_tokens] for each in questions]

    def perplexity(self, text: str, *, adapters: Sequence[Adapter]) -> float:
        """See `examining.perplexity`."""
        from memstrata.models.local.examining import perplexity

        return perplexity(self.runtime, text, adapters=adapters)

    def write(self, adapter: Adapter, folder: Path) -> None:
        """See `adapter_file.save_adapter`; half precision, which answers alike at half the size."""
        from memstrata.models.local.adapter_file import save_adapter

        folder.mkdir()
        save_adapter(folder, adapter, base=self.base, form="float16")

    def read(self, folder: Path) -> Adapter:
        """See `adapter_file.load_adapter`; in the model's own numbers, ready to be attached."""
        from memstrata.models.local.adapter_file import load_adapter

        adapter = load_adapter(folder, self.runtime)
        with self.runtime.using() as model:
            return adapter.frozen(next(model.body.parameters()))
