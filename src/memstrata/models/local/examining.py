"""What a model says and finds likely, with adapters or without: the measurements that a gate decides on."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

import torch

from memstrata.models.local.lora import Adapter
from memstrata.models.local.rows import Row, batches
from memstrata.models.local.runtime import LocalRuntime
from memstrata.models.local.trainer import counted_logits, nats

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
    """The likeliest answer to each question, all of them a token at a time.

    The questions are read anew for each token, together: on one core that is four times faster than one after another
    with their keys and values kept.
    """
    prompts = [tuple(runtime.encode(prompt_of(runtime, each))) for each in questions]
    said: list[tuple[int, ...]] = [() for _ in questions]
    open_ = set(range(len(questions)))
    for _ in range(max_tokens):
        places = sorted(open_)
        rows = [Row(ids=(*prompts[n], *said[n], 0), first=len(prompts[n]) + len(said[n])) for n in places]
        for place, token in zip(places, _next_tokens(runtime, rows, adapters), strict=True):
            if token in runtime.ends:
                open_.discard(place)
            else:
                said[place] += (token,)
    return [runtime.decode(each).strip() for each in said]


def _next_tokens(runtime: LocalRuntime, rows: Sequence[Row], adapters: Sequence[Adapter]) -> list[int]:
    """The likeliest token at each row's last place."""
    found = []
    with torch.inference_mode():
        for batch in batches(rows, tokens=TOKENS):
            with runtime.using() as model:
                found += [int(logits[-1].argmax()) for logits in counted_logits(model, batch, adapters=adapters)]
    return found


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
