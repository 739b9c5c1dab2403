"""How much each signal counts, by the kind of log and by whether there are vectors.

Fitted by `python -m bench tune` (softmax likelihood of the evidence, L2), checked by leaving one conversation or one
user out at a time; docs/benchmarks.md has the figures. `surprise` is fitted alone, on top of all others, by
`python -m bench salience`: without a local model it counts nothing, and the others are as they were. Not fitted,
for want of questions: `date` for an assistant's logs, and everything for documents. What helps two people chatting
does not hold for a user with an assistant, so no kind inherits another's priors.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from types import MappingProxyType

from memstrata.core.candidates import Pool
from memstrata.types import ROLES, LogKind

VERSION = "2026-11-23"
LEAST_WORDS = 0.05
"""What `words` weighs at least: of turns whose neighbourhoods hold the same words, the one that says them is first."""
SMALLEST_SHARE = 0.1
"""What a second person must say of all named turns for a log to count as people chatting."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Weights:
    """Weights by signal; a signal that is missing counts nothing. `dense` says whether they expect vectors."""

    version: str
    kind: LogKind
    dense: bool
    values: Mapping[str, float]


def kind_of_log(pool: Pool) -> LogKind:
    """What a scope's log is made of, by who speaks in it."""
    roles = dict(zip(ROLES, pool.role_counts, strict=True))
    if roles["document"] * 2 > pool.population:
        return "documents"
    named = sorted(pool.name_counts, reverse=True)
    if len(named) > 1 and not roles["assistant"] and named[1] >= SMALLEST_SHARE * sum(named):
        return "people"
    return "assistant"


def weights_for(kind: LogKind, *, dense: bool) -> Weights:
    """The weights of a kind of log."""
    return _TABLE[kind, dense]


_VALUES: dict[tuple[LogKind, bool], dict[str, float]] = {
    ("people", True): {
        "words": LEAST_WORDS,
        "words_previous": 0.37,
        "words_around": 0.12,
        "words_session": 0.14,
        "coverage_around": 1.58,
        "meaning": 0.1,
        "meaning_sentence": 0.52,
        "meaning_next": 0.15,
        "meaning_session": 0.41,
        "reply": 0.18,
        "speaker": 2.34,
        "when": 2.43,
        "date": 2.82,
        "name": 2.57,
        "statement": 0.06,
        "own": 0.37,
        "length": 0.1,
        "links": 0.1,
        "surprise": 2.0,
    },
    ("people", False): {
        "words": 0.27,
        "words_previous": 0.48,
        "words_around": 0.29,
        "words_session": 0.39,
        "coverage_around": 1.34,
        "speaker": 2.56,
        "when": 2.41,
        "date": 2.25,
        "name": 2.77,
        "statement": 0.85,
        "own": 1.0,
        "length": 0.11,
        "links": 0.11,
        "surprise": 1.86,
    },
    ("assistant", True): {
        "words": LEAST_WORDS,
        "words_previous": 0.21,
        "words_session": 0.19,
        "meaning": 0.93,
        "meaning_next": 0.36,
        "meaning_session": 0.85,
        "reply": 0.42,
        "role": 2.49,
        "when": 0.97,
        "statement": 1.48,
        "recency": 0.25,
        "date": 1.0,
    },
    ("assistant", False): {
        "words": 0.28,
        "words_previous": 0.63,
        "words_session": 0.56,
        "role": 2.3,
        "when": 1.33,
        "statement": 1.11,
        "recency": 0.18,
        "date": 1.0,
    },
    ("documents", True): {"words": 0.6, "coverage": 1.0, "meaning": 1.0},
    ("documents", False): {"words": 1.0, "coverage": 1.0},
}
_TABLE = {
    (kind, dense): Weights(version=VERSION, kind=kind, dense=dense, values=MappingProxyType(values))
    for (kind, dense), values in _VALUES.items()
}
