"""Which facts a read may see, by both clocks; and the order of a plain listing."""

from __future__ import annotations

from datetime import datetime

from memstrata.types import Fact, FactStatus

BELIEVED: tuple[FactStatus, ...] = ("active", "disputed", "superseded")
"""States of facts that were once right to believe; the others are seen only in their history."""


def believed(fact: Fact) -> bool:
    """It is not retired, rejected or waiting in quarantine."""
    return fact.status in BELIEVED


def held(fact: Fact, at: datetime) -> bool:
    """It was true at that time, or known by then as something to come."""
    begun = fact.valid_from is None or fact.valid_from <= at
    return begun and (fact.valid_to is None or fact.valid_to > at)


def planned_before(fact: Fact, at: datetime) -> bool:
    """Whether the fact was said of a day ahead that has passed at a time. A new home or work holds from then on."""
    begins, over = fact.claim.event_from, fact.claim.event_to
    if begins is None or over is None or fact.kind not in ("plan", "event"):
        return False
    return begins > fact.said_at and over <= at
