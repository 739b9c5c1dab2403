"""Signals: what speaks for a candidate, as pure functions from a pool's columns and a question.

Marked z below, a signal is a z-score over the pool: how far a candidate stands out among those found for this
question. Where a candidate lacks the value (no vector yet, no neighbour) the z-score is 0. What z-scores of
neighbours and sessions say is worth less the fewer candidates there are to compare: with `n` of them it counts
n / (n + 10), so that a memory of three messages is ranked by what they say themselves.

| signal            |   | what it says                                                                            |
|-------------------|---|-----------------------------------------------------------------------------------------|
| `words`           | z | BM25 of the turn                                                                        |
| `words_previous`  | z | BM25 of the turn with the two before it: answers lean on what was asked                 |
| `words_around`    | z | BM25 of the turn with two before and two after                                          |
| `words_session`   | z | BM25 of its whole session                                                               |
| `coverage`        |   | share of the question's idf mass that the turn holds                                    |
| `coverage_around` |   | the same of the turn with its neighbours                                                |
| `meaning`         | z | cosine of question and turn                                                             |
| `meaning_sentence`| z | cosine of the best of the turn's sentences                                              |
| `meaning_next`    | z | cosine of the turn after                                                                |
| `meaning_session` | z | mean of the three best cosines of its session                                           |
| `reply`           | z | cosine of the turn before, as far as that turn asks: this one answers it                |
| `speaker`         |   | the question names one speaker, and the turn is theirs                                  |
| `role`            |   | the user said it; or the assistant, where the question asks what it said                |
| `when`            |   | the question asks for a time, and the turn names one                                    |
| `date`            |   | the turn's day fits a date that the question names                                      |
| `name`            |   | the question wants a name, and the turn holds capitalised ones: a third each, at most 1 |
| `statement`       |   | minus the share of the turn's sentences that ask                                        |
| `own`             |   | minus the share that speak to the hearer: what they say of themselves is evidence       |
| `surprise`        |   | the turn's own `coverage`, times how much it tells for its length (`_surprise` below)    |
| `links`           | z | rare words shared with the turns that lead without it (`links` below)                   |
| `length`          | z | logarithm of the turn's words                                                           |
| `recency`         | z | time                                                                                    |
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from memstrata.core.candidates import WINDOWS, Floats, Pool
from memstrata.recall.dates import nearness
from memstrata.recall.questions import Question
from memstrata.types import ROLES

NAMES_ENOUGH = 3
FEW = 10
LEADERS = 5
SHARPNESS = 0.5
OWN = ("words", "meaning", "meaning_sentence")
"""Signals of the turn by itself."""


def signals(pool: Pool, question: Question) -> dict[str, Floats]:
    """Every signal of every candidate: float32 (n,) each."""
    bm25 = dict(zip(WINDOWS, pool.bm25.T, strict=True))
    standing_out = {
        "words": bm25["turn"],
        "words_previous": bm25["previous"],
        "words_around": bm25["around"],
        "words_session": bm25["session"],
        "meaning": pool.cosine,
        "meaning_sentence": pool.cosine_sentence,
        "meaning_next": pool.cosine_next,
        "meaning_session": pool.cosine_session,
        "reply": pool.previous_question_share * (pool.cosine_previous - _mean(pool.cosine_previous)),
        "length": np.log1p(pool.words),
        "recency": pool.timestamps.astype(np.float64),
    }
    scores = _standard_scores(list(standing_out.values()))
    surety = len(pool) / (len(pool) + FEW)
    return {
        **{
            name: score if name in OWN else score * np.float32(surety)
            for name, score in zip(standing_out, scores, strict=True)
        },
        "coverage": pool.coverage[:, WINDOWS.index("turn")],
        "coverage_around": pool.coverage[:, WINDOWS.index("around")],
        "speaker": _speaker(pool, question),
        "role": (pool.roles == ROLES.index("assistant" if question.asks_assistant else "user")).astype(np.float32),
        "when": (pool.time_expression & question.asks_when).astype(np.float32),
        "date": nearness(question.dates, pool.timestamps, pool.offsets),
        "name": _names(pool) if question.wants_name else np.zeros(len(pool), dtype=np.float32),
        "statement": -pool.question_share,
        "own": -pool.address_share,
        "surprise": _surprise(pool),
    }


def leaders(scores: Floats) -> tuple[NDArray[np.intp], Floats]:
    """The places of the best few, best first, and how much each counts (a softmax of half their scores)."""
    places = np.lexsort((-np.arange(len(scores)), -scores))[:LEADERS]
    odds = np.exp((scores[places] - scores[places].max(initial=-np.inf)) * np.float32(SHARPNESS))
    return places, np.asarray(odds / odds.sum(), dtype=np.float32)


def links(shared: Floats, odds: Floats, places: NDArray[np.intp]) -> Floats:
    """`links` of every candidate, (n,), from what it shares with each leader, (leaders, n), which is used up.

    Questions that need several turns find the others by what those that were found speak of.
    """
    shared[np.arange(len(places)), places] = 0
    values = odds @ shared
    values -= values.sum() / np.float32(len(values))
    spread = np.sqrt(values @ values / np.float32(len(values)))
    return np.asarray(values / spread if spread > 0 else values, dtype=np.float32)


def _surprise(pool: Pool) -> Floats:
    """How far the logarithm of a turn's surprise lies above what its length leads to expect, where its words match.

    What is expected is the line through the pool's own turns, so that it fits whichever model and log. A turn without
    a value counts as one of average surprise for its length: `length` stands in for it.
    """
    known = ~np.isnan(pool.surprise)
    found = np.zeros(len(pool), dtype=np.float32)
    if known.any():
        nats, words = np.log1p(pool.surprise[known]), np.log1p(pool.words[known])
        nats, words = nats - nats.mean(), words - words.mean()
        spread = float(words @ words)
        slope = float(words @ nats) / spread if spread > 0 else 0.0
        surety = len(nats) / (len(nats) + FEW)
        found[known] = (nats - slope * words) * pool.coverage[known, WINDOWS.index("turn")] * np.float32(surety)
    return found


def _names(pool: Pool) -> Floats:
    return np.minimum(pool.proper_nouns, NAMES_ENOUGH).astype(np.float32) / np.float32(NAMES_ENOUGH)


def _speaker(pool: Pool, question: Question) -> Floats:
    if len(question.named) != 1 or question.named[0] not in pool.names:
        return np.zeros(len(pool), dtype=np.float32)
    return np.asarray(pool.speakers == pool.names.index(question.named[0]), dtype=np.float32)


def _standard_scores(columns: Sequence[np.ndarray[Any, Any]]) -> Floats:
    """(signals, n): how far each value lies from its column's mean; 0 for unknown values and where all are equal."""
    values = np.array(columns, dtype=np.float64)
    unknown = np.isnan(values)
    counts = np.maximum(values.shape[1] - np.count_nonzero(unknown, axis=1, keepdims=True), 1)
    values[unknown] = 0
    means = values.sum(axis=1, keepdims=True) / counts
    values -= means
    values[unknown] = 0
    spread = np.sqrt(np.einsum("ij,ij->i", values, values)[:, None] / counts)
    spread[spread <= np.abs(means) * 1e-6 + 1e-12] = np.inf
    values /= spread
    return values.astype(np.float32)


def _mean(values: Floats) -> float:
    known = values[~np.isnan(values)]
    return float(known.mean()) if len(known) else np.nan
