"""The verdict on a claim beside one earlier fact. Pure; the same two always get the same verdict.

Only facts of equal standing are compared: what the user says is not closed by what an assistant or a page says.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from datetime import datetime
from typing import Literal

from memstrata.core.facts.names import folded
from memstrata.core.facts.rivalry import numbers, overlap, rivalry, terms
from memstrata.types import Claim, Fact

Verdict = Literal["same", "refines", "newer", "corrects", "contradicts", "new"]

SAME = 0.85
"""Share of terms from which two statements say the same, if they also name the same numbers."""
REFINES = 0.99
CLOSES = 4.0
"""Rivalry from which an announced change closes the earlier fact; see `bench scenarios` for what it costs and gains."""
CORRECTS = 3.0
CONTRADICTS = 0.6
"""Share of terms from which a statement and its denial are about the same."""
SINGLE = ("residence", "partner", "birth date", "name", "emergency contact", "parking", "phone number")
"""Slots that hold one value at a time."""
LASTING = ("event", "statement")
"""Kinds of what has happened: a later event does not end an earlier one, only a correction does."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Neighbour:
    """An earlier fact, and the cosine of the turns that the two rest on (NaN where it is not known)."""

    fact: Fact
    cosine: float = math.nan


def verdict(claim: Claim, said_at: datetime, neighbour: Neighbour) -> Verdict:
    """What the claim is beside this fact."""
    older = neighbour.fact
    if set(claim.sources) & set(older.sources):
        return "same" if claim.text == older.text else "new"
    if not _same_subject(claim, older.claim):
        return "new"
    if _says_the_same(claim, older):
        return "same"
    if older.status == "quarantined":
        return "new"
    later = said_at >= older.said_at  # turns are read in order: of one moment, what is read now came later
    if claim.trust == older.trust and claim.speaker == older.speaker:
        if later and _corrects(claim, neighbour):
            return "newer" if claim.trust == "assistant" else "corrects"  # that it said so stays true
        if later and _closes(claim, neighbour):
            return "newer"
        if later and _refines(claim, older):
            return "refines"
    elif _denies(claim, older):
        return "contradicts"
    return "new"


def _same_subject(claim: Claim, older: Claim) -> bool:
    return not claim.subject or not older.subject or folded(claim.subject) == folded(older.subject)


def _says_the_same(claim: Claim, older: Fact) -> bool:
    if claim.trust != older.trust or claim.negated != older.claim.negated or claim.kind != older.kind:
        return False
    if claim.event_from != older.event_from or numbers(claim.text) != numbers(older.text):
        return False
    a, b = terms(claim.text), terms(older.text)
    return bool(a) and len(a & b) >= SAME * max(len(a), len(b))


def _refines(claim: Claim, older: Fact) -> bool:
    if claim.kind != older.kind or claim.negated != older.claim.negated or claim.kind in LASTING:
        return False
    a, b = terms(claim.text), terms(older.text)
    return len(b) >= 2 and len(a) > len(b) and overlap(claim.text, older.text) >= REFINES


def _corrects(claim: Claim, neighbour: Neighbour) -> bool:
    if "corrects" not in claim.cues:
        return False
    share = rivalry(neighbour.fact.claim, claim, cosine=neighbour.cosine)
    return share.total >= CORRECTS and (share.shared > 0 or share.topic > 0)


def _closes(claim: Claim, neighbour: Neighbour) -> bool:
    older = neighbour.fact
    if older.kind in LASTING and older.claim.slot is None:
        return False
    share = rivalry(older.claim, claim, cosine=neighbour.cosine)
    if share.cue <= 0 or (share.shared <= 0 and share.topic <= 0):
        return False
    if claim.slot is not None and claim.slot == older.claim.slot and claim.slot in SINGLE and share.cue >= 1:
        return True
    return share.total >= CLOSES


def _denies(claim: Claim, older: Fact) -> bool:
    return (
        claim.negated != older.claim.negated
        and claim.trust in ("user", "assistant")
        and older.trust in ("user", "assistant")
        and overlap(claim.text, older.text) >= CONTRADICTS
        and len(terms(older.text)) >= 2
    )
