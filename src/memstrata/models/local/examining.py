"""What a model says and finds likely, with adapters or without: the measurements that a gate decides on."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

import torch

from memstrata.models.local.causal import CausalModel
from memstrata.models.local.lora import Adapter
from memstrata.models.local.rows import Row, batches
from memstrata.models.local.runtime import LocalRuntime
from memstrata.models.local.tokentree import Tree, tree_of
from memstrata.models.local.trainer import nats

TOKENS = 512
"""Tokens that are read at a time."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Choice:
    """A question, or with `asked=False` the beginning of a text, and continuations, the true one first."""

    text: str
    candidates: tuple[str, ...]
    asked: bool = True


def ranked_first(
    runtime: LocalRuntime, choices: Sequence[Choice], *, adapters: Sequence[Adapter] = ()
) -> list[tuple[bool, float]]:
    """Of each choice: whether the true continuation is the likeliest by its mean loss, and that loss in nats a token.

    Means and not sums, for sums would favour the short. What follows an asked question ends with a full stop.
    """
    rows: list[Row] = []
    for each in choices:
        prompt = runtime.encode(prompt_of(runtime, each.text) if each.asked else each.text)
        for value in each.candidates:
            answer = runtime.encode(f"{value}." if each.asked else f" {value}")
            rows.append(Row(ids=(*prompt, *answer), first=len(prompt)))
    with runtime.using() as model:
        found = nats(model, rows, adapters=adapters, tokens=TOKENS)
    means = iter([lost / row.counted for lost, row in zip(found, rows, strict=True)])
    results = []
    for each in choices:
        true, *others = (next(means) for _ in each.candidates)
        results.append((all(true < other for other in others), true))
    return results


def answers(
    runtime: LocalRuntime, questions: Sequence[str], *, adapters: Sequence[Adapter] = (), max_tokens: int = 16
) -> list[str]:
    """The likeliest answer to each question, many of them a token at a time: a step of forty questions costs little
    more than one of one."""
    prompts = [tuple(runtime.encode(prompt_of(runtime, each))) for each in questions]
    said: list[list[int]] = []
    for batch in batches([Row(ids=each, first=1) for each in prompts], tokens=TOKENS):
        with runtime.using() as model, torch.inference_mode():
            said += _answered(model, tree_of(row.ids for row in batch), adapters, runtime.ends, max_tokens)
    return [runtime.decode(each).strip() for each in said]


def _answered(
    model: CausalModel, tree: Tree, adapters: Sequence[Adapter], ends: frozenset[int], max_tokens: int
) -> list[list[int]]:
    """How each path of a tree goes on. Prompts have at least a token; one of them may be the beginning of another."""
    said: list[list[int]] = [[] for _ in tree.paths]
    if not max_tokens:
        return said
    view = model.view([], room=len(tree.tokens) + max_tokens * len(said))
    states = model.states(tree, adapters=adapters, view=view)
    last = states[model.placed([path[-1] for path in tree.paths])]
    open_ = list(range(len(said)))
    while True:
        chosen = model.head(last).argmax(-1).tolist()
        going = [(place, token) for place, token in zip(open_, chosen, strict=True) if token not in ends]
        for place, token in going:
            said[place].append(token)
        open_ = [place for place, _ in going if len(said[place]) < max_tokens]
        if not open_:
            return said
        tree = tree.grown([said[place][-1] for place in open_], open_)
        last = model.states(tree, adapters=adapters, view=view)


def perplexity(runtime: LocalRuntime, text: str, *, adapters: Sequence[Adapter] = (), window: int = TOKENS) -> float:
    """Of a text, read in stretches of a window each for itself."""
    ids = runtime.encode(text)
    stretches = [ids[start : start + window] for start in range(0, len(ids), window)]
    rows = [Row(ids=tuple(each), first=1) for each in stretches if len(each) > 1]
    with runtime.using() as model:
        found = nats(model, rows, adapters=adapters, tokens=window)
    return math.exp(sum(found) / sum(row.counted for row in rows))


def prompt_of(runtime: LocalRuntime, question: str) -> str:
    """A question by itself, as the model's chat template has it."""
    return runtime.rendered([{"role": "user", "content": question}])
