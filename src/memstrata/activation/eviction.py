"""Which artifacts give way when their bytes exceed a budget: those that save least for the room that they take.

The value of one is what it has saved of late by the byte: the tokens of a use, over its bytes, decayed by the time
since its last use with a half-life of a week. One that was never used counts as used once when it was made, so that a
new one has its chance (as LFU with aging does, LRFU: Lee et al. 2001, doi 10.1109/TC.2001.970573).
"""

from __future__ import annotations

import math
from collections.abc import Collection, Sequence
from datetime import datetime, timedelta

from memstrata.types import Artifact

HALF_LIFE = timedelta(days=7)


def value(artifact: Artifact, *, now: datetime) -> float:
    """Tokens saved a byte, decayed; 0 for one without bytes."""
    if not artifact.size:
        return 0.0
    since = now - (artifact.used_at or artifact.made_at)
    return (1 + artifact.uses) * artifact.tokens / artifact.size * math.exp2(-since / HALF_LIFE)


def to_evict(
    artifacts: Sequence[Artifact], *, budget_bytes: int, now: datetime, in_use: Collection[str] = ()
) -> list[Artifact]:
    """The least valuable ones, as many as have to go so that the others fit; none that is in use.

    Of equal value the older one goes first.
    """
    held = sum(each.size for each in artifacts)
    gone: list[Artifact] = []
    for each in sorted(artifacts, key=lambda each: (value(each, now=now), each.made_at, each.id)):
        if held <= budget_bytes:
            break
        if each.id not in in_use:
            gone.append(each)
            held -= each.size
    return gone
