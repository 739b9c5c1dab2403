"""How much each signal counts, by the kind of log and by whether there are vectors.

Fitted by `python -m bench tune` (softmax likelihood of the evidence, L2), checked by leaving one conversation or one
user out at a time; docs/benchmarks.md has the figures. What helps two people chatting does not hold for a user with
an assistant, so no kind inherits another's priors.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from types import MappingProxyType

from memstrata.core.candidates import Pool
from memstrata.types import ROLES, LogKind

VERSION = "2026-11-23"
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
        "words_previous": 0.3,
        "words_around": 0.1,
        "words_session": 0.24,
        "coverage_around": 1.4,
        "meaning": 0.45,
        "meaning_next": 0.17,
        "meaning_session": 0.41,
        "reply": 0.17,
        "speaker": 2.16,
        "when": 2.2,
        "date": 2.75,
        "name": 2.1,
        "statement": 0.92,
        "length": 0.34,
    },
    ("people", False): {
        "words_previous": 0.6,
        "words_around": 0.3,
        "words_session": 0.4,
        "coverage_around": 1.4,
        "speaker": 2.2,
        "when": 2.2,
        "date": 2.75,
        "name": 2.1,
        "statement": 0.92,
        "length": 0.34,
    },
    ("assistant", True): {"words": 0.6, "words_session": 0.2, "coverage": 1.0, "meaning": 1.0, "date": 1.0},
    ("assistant", False): {"words": 1.0, "words_session": 0.2, "coverage": 1.0, "date": 1.0},
    ("documents", True): {"words": 0.6, "coverage": 1.0, "meaning": 1.0},
    ("documents", False): {"words": 1.0, "coverage": 1.0},
}
_TABLE = {
    (kind, dense): Weights(version=VERSION, kind=kind, dense=dense, values=MappingProxyType(values))
    for (kind, dense), values in _VALUES.items()
}
