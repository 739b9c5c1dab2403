"""Times that a text names, in English and Chinese, against the moment that it was said.

What it does not do: guess. A time that two readings fit, or that hangs on something told before ("two weeks later we
split up"), is left out.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime

from memstrata.extract.rules.times import chinese_words, english_words
from memstrata.extract.rules.times.chinese import CHINESE
from memstrata.extract.rules.times.english import ENGLISH
from memstrata.extract.rules.times.grammar import Mention, Scene, TimeRole, read_all
from memstrata.types import Precision

__all__ = ["TimeMention", "TimeRole", "times"]


@dataclass(frozen=True, slots=True, kw_only=True)
class TimeMention:
    """A time that a text names: its characters (end exclusive) and the interval [since, until) that they mean.

    `role`: "at" when something happens; "from" when it began that goes on; "until" when it ends; "during_for" a length
    from the moment of speaking on; "every" what comes again, without an interval, its precision the period.
    """

    start: int
    end: int
    role: TimeRole
    since: datetime | None
    until: datetime | None
    precision: Precision


def times(text: str, *, said_at: datetime) -> list[TimeMention]:
    """The times that a text names, in its order, in the zone of `said_at`. Needs time in proportion to the text."""
    lower = text.lower().replace("’", "'")
    if len(lower) != len(text):  # a capital that has no small letter of one character
        lower = text.replace("’", "'")
    now, found = said_at.replace(tzinfo=None), list[Mention]()
    if english_words.names_a_time(lower):
        found += read_all(Scene(english_words.words_of(lower, text), now), ENGLISH)
    if chinese_words.names_a_time(lower):
        found += read_all(Scene(chinese_words.words_of(lower), now), CHINESE)
    return [_timed(each, said_at) for each in _apart(found)]


def _apart(found: list[Mention]) -> list[Mention]:
    """Of mentions that overlap, the longer."""
    kept: list[Mention] = []
    for each in sorted(found, key=lambda each: (each.start, -each.end)):
        if not kept or each.start >= kept[-1].end:
            kept.append(each)
        elif each.end - each.start > kept[-1].end - kept[-1].start:
            kept[-1] = each
    return kept


def _timed(mention: Mention, said_at: datetime) -> TimeMention:
    interval, zone = mention.reading.interval, said_at.tzinfo
    return TimeMention(
        start=mention.start,
        end=mention.end,
        role=mention.reading.role,
        since=interval.since.replace(tzinfo=zone) if interval else None,
        until=interval.until.replace(tzinfo=zone) if interval else None,
        precision=mention.reading.precision,
    )
