"""Fit hits into a token budget: the best first, each whole, dated and cited, and never a token too many."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace

from memstrata.core.clock import day_in_words
from memstrata.core.tokens import Tokenizer
from memstrata.types import Fact, Hit, Source

MIN_EXCERPT = 20
"""Characters below which an excerpt says nothing."""


@dataclass(frozen=True, slots=True)
class Packed:
    """The text, the hits quoted in it in order of their numbers, and its tokens."""

    text: str
    hits: tuple[Hit, ...]
    tokens: int


def pack(hits: Sequence[Hit], *, max_tokens: int, count: Tokenizer, first: int = 1) -> Packed:
    """As many of the best hits as fit, printed in the order of time under the day they were said on.

    A hit that does not fit is passed over for the next; where not even one fits whole, the best is cut. `first`: the
    number that the first line bears.
    """
    taken: list[Hit] = []
    spent = 0
    for hit in hits:
        alone = count(_line(len(taken) + first, hit))
        heading = 0 if any(_day(other) == _day(hit) for other in taken) else count(_day(hit))
        if spent + alone + heading <= max_tokens:
            taken.append(hit)
            spent += alone + heading
    while taken:
        packed = _render(taken, count, first)
        if packed.tokens <= max_tokens:
            return packed
        taken.pop()
    return _excerpt(hits[0], max_tokens, count, first) if hits else Packed("", (), 0)


def _render(hits: Sequence[Hit], count: Tokenizer, first: int) -> Packed:
    ordered = sorted(hits, key=lambda hit: (hit.item.timestamp, hits.index(hit)))
    lines: list[str] = []
    day = None
    for number, hit in enumerate(ordered, start=first):
        if _day(hit) != day:
            day = _day(hit)
            lines.append(day)
        lines.append(_line(number, hit))
    text = "\n".join(lines)
    return Packed(text, tuple(ordered), count(text))


def _excerpt(hit: Hit, max_tokens: int, count: Tokenizer, first: int) -> Packed:
    """The longest beginning of an episode that fits, by bisection; nothing if that is no more than a few words."""
    if isinstance(hit.item, Fact):
        return Packed("", (), 0)
    low, high = 0, len(hit.item.text)
    while low < high:
        middle = (low + high + 1) // 2
        if _render([_cut(hit, middle)], count, first).tokens <= max_tokens:
            low = middle
        else:
            high = middle - 1
    return _render([_cut(hit, low)], count, first) if low >= min(MIN_EXCERPT, len(hit.item.text)) else Packed("", (), 0)


def _cut(hit: Hit, length: int) -> Hit:
    source = Source(episode_id=hit.item.id, start=0, end=length)
    return replace(hit, sources=(source,))


def _line(number: int, hit: Hit) -> str:
    whole = isinstance(hit.item, Fact)  # its text is what the words say, not where they stand
    start, end = (0, len(hit.text)) if whole else (hit.sources[0].start, hit.sources[0].end)
    more = " …" if end < len(hit.text) else ""
    notes = [f" (before: {_quoted(fact)})" for fact in hit.supersedes]
    notes += [f" (since then: {_quoted(fact)})" for fact in hit.superseded_by]
    return f"[{number}] {hit.item.speaker}: {hit.text[start:end]}{more}{''.join(notes)}"


def _quoted(fact: Fact) -> str:
    return f"{day_in_words(fact.said_at)}, “{fact.text}”"


def _day(hit: Hit) -> str:
    return day_in_words(hit.item.timestamp)
