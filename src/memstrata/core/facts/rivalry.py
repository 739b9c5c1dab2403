"""How much a later statement speaks against an earlier one still being so.

Two statements are rivals when they are about the same thing and cannot both be today's answer. Without a model that
cannot be known, only weighed: what the two share (words, meaning, kind, slot, subject) and how the later one announces
a change. The sum is used twice: high, it closes the earlier fact when the later arrives (`update/`); lower, it is
enough to rank the later first when both bear on one question (`recall/`), where the question itself says that they are
about the same thing.
"""

from __future__ import annotations

import math
import re
from dataclasses import dataclass
from functools import lru_cache

from memstrata.core.facts.names import folded
from memstrata.core.lexical import query_terms
from memstrata.types import Claim

USUAL_LIKENESS = 0.82
"""Cosine of two turns that have nothing to do with each other, with multilingual-e5-small."""
LIKENESS_WEIGHT = 20.0
UNKNOWN_LIKENESS = 0.02
"""By how much two turns without vectors count as nearer than usual."""
_NUMBERS = re.compile(r"\d+(?:[.,:]\d+)*|[一二两三四五六七八九十百千万半]+")


@dataclass(frozen=True, slots=True, kw_only=True)
class Rivalry:
    """The parts of the sum, so that it can be shown why a fact gave way."""

    likeness: float
    shared: float
    kind: float
    subjects: float
    cue: float

    @property
    def topic(self) -> float:
        """What kind, slot and subject say for the two being about one thing."""
        return self.kind + self.subjects

    @property
    def total(self) -> float:
        """The sum."""
        return self.likeness + self.shared + self.topic + self.cue


def rivalry(older: Claim, newer: Claim, *, cosine: float = math.nan) -> Rivalry:
    """How much `newer` speaks against `older`; about 2 for two turns on one topic, 4 where a change is announced."""
    likeness = USUAL_LIKENESS + UNKNOWN_LIKENESS if math.isnan(cosine) else cosine
    same_kind = older.kind == newer.kind != "statement"
    return Rivalry(
        likeness=LIKENESS_WEIGHT * (likeness - USUAL_LIKENESS),
        shared=2 * overlap(older.text, newer.text),
        kind=float(same_kind) + float(older.slot is not None and older.slot == newer.slot),
        subjects=_subjects(older, newer),
        cue=announces(newer),
    )


def announces(claim: Claim) -> float:
    """How clearly the words of a claim announce that something has changed."""
    cues = set(claim.cues)
    strong = 1.0 if cues & {"ended", "instead", "corrects"} else 0.0
    weak = 0.7 if cues & {"now", "again"} else 0.0
    return strong + weak - (1.5 if "once" in cues else 0.0)


def overlap(one: str, other: str) -> float:
    """Share of the shorter text's terms that the other has too, 0 to 1."""
    a, b = terms(one), terms(other)
    return len(a & b) / max(1, min(len(a), len(b)))


def numbers(text: str) -> frozenset[str]:
    """The numbers that a text names, as written."""
    return frozenset(_NUMBERS.findall(text))


@lru_cache(maxsize=8192)
def terms(text: str) -> frozenset[int]:
    """Content terms of a text."""
    return frozenset(query_terms(text))


def _subjects(older: Claim, newer: Claim) -> float:
    """Different people are no rivals; where nobody is named there is no telling."""
    if not older.subject or not newer.subject or folded(older.subject) == folded(newer.subject):
        return 0.0
    return -1.0
