"""Making one shard's adapter: train it on its examples, then measure what the gate asks for.

`Teacher` is what a local model can do for this, with adapters that are opaque here: no tensors.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Generic, Protocol, TypeVar

from memstrata.core.training import Checkpoints, Example, Limits, Progress, Recipe
from memstrata.parametric.examples import examples, held_out, validation
from memstrata.parametric.gate import Bounds, Measurements, refusals
from memstrata.parametric.general import ASKED, NEUTRAL
from memstrata.parametric.policy import called_for
from memstrata.parametric.probes import distractors, normalised, tells
from memstrata.parametric.sharding import Shard
from memstrata.parametric.wordings import Askable

A = TypeVar("A")
ANSWER_TOKENS = 12
GENERAL_TOKENS = 16
MOST_FOREIGN = 10
"""Another scope's facts that the gate asks about."""


class Teacher(Protocol[A]):
    """A local model that can be taught, and asked with what it was taught."""

    @property
    def base(self) -> str:
        """The only model that its adapters fit."""
        ...

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
    ) -> tuple[A, tuple[Progress, ...]]:
        """Train an adapter; see `models.local.training.train`. Raises TrainingStopped."""
        ...

    def ranked_first(
        self, texts: Sequence[str], candidates: Sequence[Sequence[str]], *, asked: bool, adapters: Sequence[A]
    ) -> list[tuple[bool, float]]:
        """Of each text: whether the first candidate is the likeliest to follow, and its loss in nats a token."""
        ...

    def answers(self, questions: Sequence[str], *, adapters: Sequence[A], max_tokens: int) -> list[str]:
        """The likeliest answer to each question."""
        ...

    def perplexity(self, text: str, *, adapters: Sequence[A]) -> float:
        """Of a text."""
        ...

    def write(self, adapter: A, folder: Path) -> None:
        """Write an adapter into a folder, which is made."""
        ...

    def read(self, folder: Path) -> A:
        """Read an adapter. Raises ArtifactRefused."""
        ...


@dataclass(frozen=True, slots=True, kw_only=True)
class Made(Generic[A]):
    """An adapter, how its training went, what was measured of it, and why it is refused (nothing: it is not)."""

    adapter: A
    epochs: tuple[Progress, ...]
    measured: Measurements
    reasons: tuple[str, ...]


def make(
    teacher: Teacher[A],
    shard: Shard,
    recipe: Recipe,
    *,
    pool: Sequence[Askable],
    foreign: Sequence[Askable] = (),
    bounds: Bounds | None = None,
    checkpoints: Checkpoints | None = None,
    limits: Limits | None = None,
    watch: Callable[[Progress], None] = lambda progress: None,
    cancelled: Callable[[], bool] = lambda: False,
) -> Made[A]:
    """Train a shard's adapter and measure it. `pool`: facts whose values are asked beside the true ones; `foreign`:
    another scope's facts, of which it must know nothing. Raises TrainingStopped."""
    adapter, epochs = teacher.train(
        examples(shard, seed=recipe.seed),
        validation(shard),
        recipe,
        checkpoints=checkpoints,
        limits=limits or Limits(),
        watch=watch,
        cancelled=cancelled,
    )
    measured = measure(teacher, adapter, shard, pool=pool, foreign=foreign, seed=recipe.seed)
    return Made(adapter=adapter, epochs=epochs, measured=measured, reasons=refusals(measured, bounds))


def measure(
    teacher: Teacher[A], adapter: A, shard: Shard, *, pool: Sequence[Askable], foreign: Sequence[Askable], seed: int
) -> Measurements:
    """All that the gate decides on."""
    rank, exact = recall(teacher, held_out(shard), [adapter], pool=pool, seed=seed)
    base, attached = general(teacher, []), general(teacher, [adapter])
    subjects = {shard.series: shard.subjects}
    called = [bool(called_for(question, subjects, recalled=shard.subjects)) for question, _ in ASKED]
    served = [with_it if calls else without for with_it, without, calls in zip(attached, base, called, strict=True)]
    alone, changed = teacher.perplexity(NEUTRAL, adapters=[]), teacher.perplexity(NEUTRAL, adapters=[adapter])
    calls = bool(called_for(NEUTRAL, subjects, recalled=shard.subjects))
    strange = held_out_of(foreign[:MOST_FOREIGN])
    theirs = [fact for fact in foreign if fact.value not in {each.value for each in shard.facts}]
    foreign_rank, foreign_base = (_first(teacher, strange, theirs, each, seed) for each in ([adapter], []))
    return Measurements(
        recall_rank=rank,
        recall_exact=exact,
        general=sum(served),
        general_base=sum(base),
        general_attached=sum(attached),
        prompts=len(ASKED),
        neutral_ratio=changed / alone if calls else 1.0,
        neutral_ratio_attached=changed / alone,
        foreign_rank=foreign_rank,
        foreign_base=foreign_base,
        foreign_told=_told(teacher, strange, shard, adapter),
    )


def recall(
    teacher: Teacher[A],
    asked: Sequence[tuple[Askable, str]],
    adapters: Sequence[A],
    *,
    pool: Sequence[Askable],
    seed: int,
) -> tuple[float, float]:
    """Of questions: the share whose true answer is likelier than four others, and the share answered exactly."""
    said = teacher.answers([text for _, text in asked], adapters=adapters, max_tokens=ANSWER_TOKENS)
    exact = [normalised(answer) == normalised(fact.value) for answer, (fact, _) in zip(said, asked, strict=True)]
    return _first(teacher, asked, pool, adapters, seed), sum(exact) / max(1, len(exact))


def general(teacher: Teacher[A], adapters: Sequence[A]) -> list[bool]:
    """Of each general question, whether the answer is right."""
    said = teacher.answers([question for question, _ in ASKED], adapters=adapters, max_tokens=GENERAL_TOKENS)
    return [any(tells(answer, each) for each in right) for answer, (_, right) in zip(said, ASKED, strict=True)]


def held_out_of(facts: Sequence[Askable]) -> list[tuple[Askable, str]]:
    """Their held-out wordings, each with its fact."""
    return [(fact, each) for fact in facts for each in fact.held_out]


def _first(
    teacher: Teacher[A],
    asked: Sequence[tuple[Askable, str]],
    pool: Sequence[Askable],
    adapters: Sequence[A],
    seed: int,
) -> float:
    """The share ranked first; 0 where nothing is asked."""
    candidates = [(fact.value, *distractors(fact, pool, seed=seed)) for fact, _ in asked]
    found = teacher.ranked_first([text for _, text in asked], candidates, asked=True, adapters=adapters)
    return sum(first for first, _ in found) / max(1, len(found))


def _told(teacher: Teacher[A], strange: Sequence[tuple[Askable, str]], shard: Shard, adapter: A) -> int:
    """How often it says another scope's value that is not also one of its own, nor what the model says anyway."""
    own = {normalised(fact.value) for fact in shard.facts}
    questions = [text for _, text in strange]
    with_it = teacher.answers(questions, adapters=[adapter], max_tokens=ANSWER_TOKENS)
    without = teacher.answers(questions, adapters=[], max_tokens=ANSWER_TOKENS)
    return sum(
        tells(said, fact.value) and not tells(before, fact.value) and normalised(fact.value) not in own
        for said, before, (fact, _) in zip(with_it, without, strange, strict=True)
    )
