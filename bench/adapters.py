"""`bench adapters`: what adapters learn of sixty invented facts, what it does to the model, and that it can be undone.

`curve`: one shard of ten facts, trained by many recipes; how much is recalled and what is damaged, attached to every
question. `facts`: all shards by one recipe, with recall deciding when one is attached. `forget`: one fact of a shard is
revoked and the shard trained anew without it.
"""

from __future__ import annotations

import json
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta
from statistics import fmean
from typing import TYPE_CHECKING

from bench.people import statements
from memstrata import Memory
from memstrata.core.training import ATTENTION, MLP, Recipe
from memstrata.models.local.examining import Choice, answers, perplexity, ranked_first
from memstrata.models.local.runtime import LocalRuntime
from memstrata.models.local.training import Trained, train
from memstrata.parametric.examples import examples, held_out, validation
from memstrata.parametric.general import ASKED, NEUTRAL
from memstrata.parametric.policy import Consent, called_for, teachable
from memstrata.parametric.probes import distractors, normalised, tells
from memstrata.parametric.sharding import Shard, sharded
from memstrata.parametric.wordings import Askable, askable
from memstrata.types import Fact

if TYPE_CHECKING:
    from memstrata.models.local.lora import Adapter

SAID = datetime(2026, 10, 1, 12, tzinfo=UTC)
NOW = SAID + timedelta(days=60)
RECIPE = Recipe()


@dataclass(frozen=True, slots=True, kw_only=True)
class World:
    """A memory that was told the statements, its facts as questions and shards, and those of a second scope."""

    memory: Memory
    facts: tuple[Askable, ...]
    shards: tuple[Shard, ...]
    strangers: tuple[Askable, ...]

    def recalled(self, question: str) -> set[str]:
        """The subjects of what recall finds for a question."""
        hits = self.memory.search(question, user_id="ann", limit=5)
        found = (askable(hit.item) for hit in hits if isinstance(hit.item, Fact))
        known = {fact.fact_id: fact for fact in self.facts}
        texts = [hit.item.text for hit in hits]
        subjects = {each.subject for each in found if each}
        return subjects | {fact.subject for fact in known.values() if any(fact.subject in text for text in texts)}

    def attached(self, question: str) -> list[str]:
        """The series of the adapters that a question calls for."""
        subjects = {shard.series: shard.subjects for shard in self.shards}
        return called_for(question, subjects, recalled=self.recalled(question))


def world(seed: int) -> World:
    """Everything told to a memory; only what may be trained on is a fact of the world."""
    ours, theirs = statements(seed)
    memory = Memory(":memory:")
    for user, told in (("ann", ours), ("bob", theirs)):
        memory.add([{"role": "user", "content": each, "timestamp": SAID} for each in told], user_id=user, wait=True)
    kept = {
        user: teachable(memory.facts(user_id=user, limit=200), Consent.to_all(), now=NOW) for user in ("ann", "bob")
    }
    facts = tuple(sorted(kept["ann"], key=lambda each: (each.subject, each.attribute)))
    return World(memory=memory, facts=facts, shards=tuple(sharded(facts)), strangers=tuple(kept["bob"]))


@dataclass(frozen=True, slots=True, kw_only=True)
class Taught:
    """A shard's adapter, and what it took."""

    shard: Shard
    trained: Trained
    cpu_seconds: float
    seconds: float
    recipe: Recipe


def teach(runtime: LocalRuntime, shard: Shard, recipe: Recipe) -> Taught:
    """Train one shard."""
    cpu, wall = time.process_time(), time.monotonic()
    made = train(runtime, examples(shard, seed=recipe.seed), validation(shard), recipe)
    return Taught(
        shard=shard,
        trained=made,
        cpu_seconds=time.process_time() - cpu,
        seconds=time.monotonic() - wall,
        recipe=recipe,
    )


def choices(
    asked: Sequence[tuple[Askable, str]], pool: Sequence[Askable], *, seed: int, avoid: Sequence[str] = ()
) -> list[Choice]:
    """Questions with the true value and four others of the same attribute."""
    return [
        Choice(text=text, candidates=(fact.value, *distractors(fact, pool, seed=seed, avoid=avoid)))
        for fact, text in asked
    ]


def recall(
    runtime: LocalRuntime,
    asked: Sequence[tuple[Askable, str]],
    pool: Sequence[Askable],
    adapters: Sequence[Adapter],
    *,
    seed: int,
) -> dict[str, float]:
    """Rank accuracy, exact match, values told, and mean loss of held-out wordings."""
    found = ranked_first(runtime, choices(asked, pool, seed=seed), adapters=adapters)
    said = answers(runtime, [text for _, text in asked], adapters=adapters, max_tokens=10)
    exact = [normalised(answer) == normalised(fact.value) for answer, (fact, _) in zip(said, asked, strict=True)]
    told = [tells(answer, fact.value) for answer, (fact, _) in zip(said, asked, strict=True)]
    return {
        "rank": fmean(first for first, _ in found),
        "exact": fmean(exact),
        "told": fmean(told),
        "loss": fmean(lost for _, lost in found),
        "n": len(found),
    }


def general(runtime: LocalRuntime, adapters: Sequence[Adapter] = ()) -> list[bool]:
    """Of each general question, whether the answer is right."""
    said = answers(runtime, [question for question, _ in ASKED], adapters=adapters)
    return [any(tells(answer, each) for each in right) for answer, (_, right) in zip(said, ASKED, strict=True)]


def curve_recipes() -> dict[str, Recipe]:
    """One change at a time from the recipe that the others use."""
    base = RECIPE
    made: dict[str, Recipe] = {"chosen": base}
    for rank in (2, 4, 64):
        made[f"rank {rank}"] = replace(base, shape=replace(base.shape, rank=rank, alpha=2.0 * rank))
    for layer in (10, 15, 20, 25):
        made[f"layers from {layer}"] = replace(base, shape=replace(base.shape, first_layer=layer))
    made["attention only"] = replace(base, shape=replace(base.shape, targets=ATTENTION))
    made["feed-forward only"] = replace(base, shape=replace(base.shape, targets=MLP))
    for rate in (1e-4, 3e-4, 2e-3, 4e-3):
        made[f"learning rate {rate:g}"] = replace(base, learning_rate=rate)
    for epochs in (1, 2, 4, 16):
        made[f"{epochs} epochs"] = replace(base, epochs=epochs, enough=0.0, patience=99)
    for weight in (0.0, 0.3, 3.0):
        made[f"KL weight {weight:g}"] = replace(base, kl_weight=weight)
    return made


def curve(runtime: LocalRuntime, recipes: Mapping[str, Recipe], *, seed: int) -> dict[str, dict[str, float]]:
    """One shard by each recipe, attached to everything: what it recalls and what it damages."""
    told = world(seed)
    shard, text = told.shards[0], NEUTRAL
    asked = held_out(shard)
    base = {
        **recall(runtime, asked, told.facts, [], seed=seed),
        "general": float(sum(general(runtime))),
        "neutral_ratio": 1.0,
    }
    alone = perplexity(runtime, text)
    rows = {"the model alone": base}
    print(json.dumps(base), flush=True)
    for name, recipe in recipes.items():
        made = teach(runtime, shard, recipe)
        adapter = [made.trained.adapter]
        last = made.trained.epochs[-1]
        rows[name] = {
            **recall(runtime, asked, told.facts, adapter, seed=seed),
            "general": float(sum(general(runtime, adapter))),
            "neutral_ratio": perplexity(runtime, text, adapters=adapter) / alone,
            "validation": min(each.validation or 0.0 for each in made.trained.epochs),
            "steps": float(last.steps),
            "epochs": float(last.epoch),
            "cpu_seconds": made.cpu_seconds,
            "numbers": float(made.trained.adapter.numbers),
        }
        print(name, json.dumps(rows[name]), flush=True)
    return rows
