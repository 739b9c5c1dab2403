"""Measures of retrieval, in percent, for one question each: ranked ids against the ids of the evidence."""

from __future__ import annotations

import math
from collections.abc import Callable, Collection, Iterable, Mapping, Sequence
from itertools import groupby
from statistics import fmean

Measure = Mapping[str, float]
CUTS = (5, 10, 20, 50)
BUDGETS = (500, 1000, 2000)


def recall(ranked: Sequence[str], evidence: Collection[str], k: int) -> float:
    """Share of the evidence among the first k."""
    return 100 * len(set(ranked[:k]) & set(evidence)) / len(evidence)


def all_evidence(ranked: Sequence[str], evidence: Collection[str], k: int) -> float:
    """100 if all of the evidence is among the first k, else 0."""
    return 100.0 * (set(evidence) <= set(ranked[:k]))


def ndcg(ranked: Sequence[str], evidence: Collection[str], k: int) -> float:
    """Normalised discounted cumulative gain with gain 1 for evidence."""
    gained = sum(1 / math.log2(place + 2) for place, id_ in enumerate(ranked[:k]) if id_ in evidence)
    return 100 * gained / sum(1 / math.log2(place + 2) for place in range(min(k, len(evidence))))


def recall_within(ranked: Sequence[str], evidence: Collection[str], budget: int, tokens: Callable[[str], int]) -> float:
    """Share of the evidence among those of the ranked that fit a token budget, taken in order until one does not."""
    spent = 0
    taken: set[str] = set()
    for id_ in ranked:
        spent += tokens(id_)
        if spent > budget:
            break
        taken.add(id_)
    return 100 * len(taken & set(evidence)) / len(evidence)


def separation(scores: Sequence[float], positive: Sequence[bool]) -> float:
    """Area under the ROC curve: how often a positive has the higher score than a negative; a tie counts half."""
    ranks = {}
    below = 0
    for score, group in groupby(sorted(scores)):
        count = len(list(group))
        ranks[score] = below + (count + 1) / 2
        below += count
    some = sum(positive)
    total = sum(ranks[score] for score, hit in zip(scores, positive, strict=True) if hit)
    return (total - some * (some + 1) / 2) / (some * (len(positive) - some))


def measure(ranked: Sequence[str], evidence: Collection[str], tokens: Callable[[str], int]) -> dict[str, float]:
    """Every measure of one question."""
    return {
        **{f"recall@{k}": recall(ranked, evidence, k) for k in CUTS},
        "all@10": all_evidence(ranked, evidence, 10),
        "ndcg@10": ndcg(ranked, evidence, 10),
        **{f"recall in {budget} tokens": recall_within(ranked, evidence, budget, tokens) for budget in BUDGETS},
    }


def averaged(measured: Iterable[Measure]) -> dict[str, float]:
    """The mean of each measure over questions."""
    rows = list(measured)
    return {name: round(fmean(row[name] for row in rows), 1) for name in rows[0]} if rows else {}
