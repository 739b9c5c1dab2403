"""Application of memory: text for a prompt from the best hits, inside a token budget."""

from __future__ import annotations

from collections.abc import Callable, Sequence

from memstrata.core.packing import pack
from memstrata.core.tokens import Tokenizer
from memstrata.types import Context, Hits

FEWEST_HITS = 20
MOST_HITS = 1000
TOKENS_A_HIT = 8
"""No hit with its number and speaker is shorter, so more hits than this many to the budget cannot fit."""


def build_context(
    find: Callable[[int], Hits], *, max_tokens: int, count: Tokenizer, seen: Sequence[str] = ()
) -> Context:
    """Pack what `find` finds, with as many hits asked for as could fit, but for the items that are seen already."""
    known = set(seen)
    hits = find(min(MOST_HITS, max(FEWEST_HITS, max_tokens // TOKENS_A_HIT) + len(known)))
    fresh = [hit for hit in hits if hit.item.id not in known]
    packed = pack(fresh, max_tokens=max_tokens, count=count, first=len(known) + 1)
    return Context(text=packed.text, hits=packed.hits, tokens=packed.tokens, degraded=hits.degraded)
