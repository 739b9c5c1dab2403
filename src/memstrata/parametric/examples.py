"""The examples that a shard is trained on: its facts in several wordings, what it is not to know, and replay.

Deterministic: the same shard and seed give the same examples.
"""

from __future__ import annotations

import random
from collections.abc import Sequence

from memstrata.core.training import Example
from memstrata.parametric.general import GENERAL
from memstrata.parametric.sharding import Shard
from memstrata.parametric.wordings import UNKNOWN, Askable, unknown_questions

NEIGHBOURS = (
    "Lena Kovar", "Pim Adler", "Rhea Solano", "Otto Brandis", "Suri Malek", "Ines Farrow", "Hugo Lindqvist",
    "Tara Okonjo", "Felix Marchetti", "Nadia Holm", "Ravi Torrens", "Elsa Whitlock",
)  # fmt: skip
"""Invented people of whom no memory knows anything."""
_NOT_TOLD = (
    "What is {whose} blood type?",
    "Who is {whose} dentist?",
    "What is {whose} middle name?",
    "What is {whose} shoe size?",
    "When is {whose} train?",
    "What is the number of {whose} house?",
)


def examples(shard: Shard, *, seed: int, unknown: int = 10, replay: int = 24) -> list[Example]:
    """What to train on: every fact in all its trained wordings, `unknown` questions that it cannot answer (half about
    people that nobody told of, half about its subjects), and `replay` general ones."""
    chance = random.Random(f"examples/{seed}/{shard.series}")
    told = [Example(question=each, answer=fact.answer) for fact in shard.facts for each in fact.trained]
    return told + _unknown(shard, chance, unknown) + _replay(chance, replay)


def validation(shard: Shard) -> list[Example]:
    """Wordings that training watches and does not learn."""
    return [Example(question=each, answer=fact.answer) for fact in shard.facts for each in fact.validation]


def held_out(shard: Shard) -> list[tuple[Askable, str]]:
    """Wordings that only the gate asks, each with its fact."""
    return [(fact, each) for fact in shard.facts for each in fact.held_out]


def _unknown(shard: Shard, chance: random.Random, count: int) -> list[Example]:
    """Of neighbours and of what was never told; each answered by not knowing."""
    others = [each for each in NEIGHBOURS if each not in shard.subjects]
    asked = []
    for number in range(count if shard.facts else 0):
        if number % 2:
            known = chance.choice(shard.facts)
            asked.append(chance.choice(unknown_questions(known, chance.choice(others))))
        else:
            subject = chance.choice(shard.subjects)
            asked.append(chance.choice(_NOT_TOLD).format(whose="my" if subject == "user" else f"{subject}'s"))
    return [Example(question=each, answer=UNKNOWN, kind="unknown") for each in dict.fromkeys(asked)]


def _replay(chance: random.Random, count: int) -> list[Example]:
    chosen: Sequence[tuple[str, str]] = chance.sample(GENERAL, min(count, len(GENERAL)))
    return [Example(question=question, answer=answer, kind="replay") for question, answer in chosen]
