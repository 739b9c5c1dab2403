"""Questions and answers as tokens, and batches of them that fit together into one tree (`tokentree.py`)."""

from __future__ import annotations

import random
from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from memstrata.core.training import Example
from memstrata.models.local.runtime import LocalRuntime


@dataclass(frozen=True, slots=True, kw_only=True)
class Row:
    """A text as tokens; what counts begins at place `first`, at least 1. `replay`: to be left as the model has it."""

    ids: tuple[int, ...]
    first: int
    replay: bool = False

    @property
    def counted(self) -> int:
        """How many tokens count."""
        return len(self.ids) - self.first


def rows_of(runtime: LocalRuntime, examples: Iterable[Example], *, ended: bool = True) -> list[Row]:
    """Each example as the model's chat template has it; `ended`: with the sign that ends an answer."""
    rows = []
    end = [min(runtime.ends)] if ended and runtime.ends else []
    for each in examples:
        prompt = runtime.encode(runtime.rendered([{"role": "user", "content": each.question}]))
        answer = runtime.encode(each.answer) + end
        rows.append(Row(ids=(*prompt, *answer), first=len(prompt), replay=each.kind == "replay"))
    return rows


def shuffled(rows: Sequence[Row], *, tokens: int, seed: int, epoch: int) -> list[list[Row]]:
    """Batches for one epoch in a seeded order that differs from epoch to epoch."""
    order = list(rows)
    random.Random(f"{seed}/{epoch}").shuffle(order)
    return batches(order, tokens=tokens)


def batches(rows: Sequence[Row], *, tokens: int) -> list[list[Row]]:
    """In the order given, as many texts together as have `tokens` nodes; one that is longer stands alone.

    What a text shares with the one before it is not counted again.
    """
    found: list[list[Row]] = []
    held = 0
    for row in rows:
        more = len(row.ids) - (_shared(found[-1], row) if found else 0)
        if not found or held + more > tokens:
            found.append([])
            held, more = 0, len(row.ids)
        found[-1].append(row)
        held += more
    return found


def _shared(batch: Sequence[Row], row: Row) -> int:
    """How many tokens a text has in common with the beginning of one in the batch: the first or the last."""
    return max(_common(batch[0].ids, row.ids), _common(batch[-1].ids, row.ids))


def _common(one: tuple[int, ...], other: tuple[int, ...]) -> int:
    shared = 0
    for left, right in zip(one, other, strict=False):
        if left != right:
            break
        shared += 1
    return shared
