"""Signals: what speaks for a candidate, as pure functions from a pool's columns and a question.

Marked z below, a signal is a z-score over the pool: how far a candidate stands out among those found for this
question. Where a candidate lacks the value (no vector yet, no neighbour) the z-score is 0.

| signal            |   | what it says                                                                            |
|-------------------|---|-----------------------------------------------------------------------------------------|
| `words`           | z | BM25 of the turn                                                                        |
| `words_previous`  | z | BM25 of the turn with the two before it: answers lean on what was asked                 |
| `words_around`    | z | BM25 of the turn with two before and two after                                          |
| `words_session`   | z | BM25 of its whole session                                                               |
| `coverage`        |   | share of the question's idf mass that the turn holds                                    |
| `coverage_around` |   | the same of the turn with its neighbours                                                |
| `meaning`         | z | cosine of question and turn                                                             |
| `meaning_next`    | z | cosine of the turn after                                                                |
| `meaning_session` | z | mean of the three best cosines of its session                                           |
| `reply`           | z | cosine of the turn before, as far as that turn asks: this one answers it                |
| `speaker`         |   | the question names one speaker, and the turn is theirs                                  |
| `by_user`         |   | the user said it                                                                        |
| `when`            |   | the question asks for a time, and the turn names one                                    |
| `date`            |   | the turn's day fits a date that the question names                                      |
| `name`            |   | the question wants a name, and the turn holds capitalised ones: a third each, at most 1 |
| `statement`       |   | minus the share of the turn's sentences that ask                                        |
| `length`          | z | logarithm of the turn's words                                                           |
| `recency`         | z | time                                                                                    |
"""

from __future__ import annotations

import numpy as np

from memstrata.core.candidates import WINDOWS, Floats, Pool
from memstrata.recall.dates import nearness
from memstrata.recall.questions import Question
from memstrata.types import ROLES

NAMES_ENOUGH = 3
_TURN, _PREVIOUS, _AROUND, _SESSION = (WINDOWS.index(name) for name in ("turn", "previous", "around", "session"))


def signals(pool: Pool, question: Question) -> dict[str, Floats]:
    """Every signal of every candidate: float32 (n,) each."""
    meant = pool.cosine_previous - _mean(pool.cosine_previous)
    return {
        "words": _z(pool.bm25[:, _TURN]),
        "words_previous": _z(pool.bm25[:, _PREVIOUS]),
        "words_around": _z(pool.bm25[:, _AROUND]),
        "words_session": _z(pool.bm25[:, _SESSION]),
        "coverage": pool.coverage[:, _TURN],
        "coverage_around": pool.coverage[:, _AROUND],
        "meaning": _z(pool.cosine),
        "meaning_next": _z(pool.cosine_next),
        "meaning_session": _z(pool.cosine_session),
        "reply": _z(pool.previous_question_share * meant),
        "speaker": _speaker(pool, question),
        "by_user": (pool.roles == ROLES.index("user")).astype(np.float32),
        "when": (pool.time_expression & question.asks_when).astype(np.float32),
        "date": nearness(question.dates, pool.timestamps, pool.offsets),
        "name": _names(pool) if question.wants_name else np.zeros(len(pool), dtype=np.float32),
        "statement": -pool.question_share,
        "length": _z(np.log1p(pool.words)),
        "recency": _z(pool.timestamps),
    }


def _names(pool: Pool) -> Floats:
    return np.minimum(pool.proper_nouns, NAMES_ENOUGH).astype(np.float32) / np.float32(NAMES_ENOUGH)


def _speaker(pool: Pool, question: Question) -> Floats:
    if len(question.named) != 1 or question.named[0] not in pool.names:
        return np.zeros(len(pool), dtype=np.float32)
    return np.asarray(pool.speakers == pool.names.index(question.named[0]), dtype=np.float32)


def _z(values: np.ndarray[tuple[int], np.dtype[np.generic]]) -> Floats:
    """Standard scores; 0 for unknown values and where all are equal."""
    known = values.astype(np.float64)
    mean = _mean(known)
    spread = np.sqrt(_mean((known - mean) ** 2))
    if not spread > abs(mean) * 1e-6 + 1e-12:  # also where nothing is known
        return np.zeros(len(known), dtype=np.float32)
    return np.asarray(np.nan_to_num((known - mean) / spread), dtype=np.float32)


def _mean(values: np.ndarray[tuple[int], np.dtype[np.floating]]) -> float:
    known = values[~np.isnan(values)]
    return float(known.mean()) if len(known) else np.nan
