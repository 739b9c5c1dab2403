"""When a statement is true and when what it tells of happens, from the times that it names and the moment it was said."""

from __future__ import annotations

import re
from dataclasses import dataclass, replace
from datetime import datetime

from memstrata.extract.rules.times import TimeMention, times
from memstrata.types import Precision

_NARROW: dict[str, int] = {"minute": 0, "hour": 1, "day": 2, "week": 3, "month": 4, "season": 5, "year": 6}
_ALWAYS = re.compile(r"\bborn\b|\bgrew up\b|my (?:birthday|name)|我叫|出生|生日", re.IGNORECASE)

_STRETCH = re.compile(r"\b(?:to|till?|until|through|thru)\b|[-–—]|到|至", re.IGNORECASE)
"""From one time to another: what was so then is over, where a day alone says only that something happened."""
_STARTS = re.compile(
    r"\b(?:start\w*|began|begin\w*|first day|signed|joined|moved in|contract|lease|visa|course|internship|probation|placement)\b|入职|开始|签|起租|试用|实习|合同|开工|上岗|报到",
    re.IGNORECASE,
)


@dataclass(frozen=True, slots=True, kw_only=True)
class When:
    """Validity and event of a statement; `ahead`: the event begins after the words were said."""

    valid_from: datetime | None
    valid_to: datetime | None = None
    event_from: datetime | None = None
    event_to: datetime | None = None
    precision: Precision | None = None
    ahead: bool = False


def when_of(text: str, *, said_at: datetime) -> When:
    """The times of a statement.

    Something ahead is known from now on and over when it ends. Something past holds from when it happened. What
    began and goes on holds from its beginning. Without a time, a statement holds from the moment it was said; what
    never changes (a birth, a name) always did.
    """
    mentions = [each for each in times(text, said_at=said_at) if each.since is not None]
    begins = _narrowest(mentions, "from")
    at = _narrowest(mentions, "at")
    until = _narrowest(mentions, "until")
    length = _narrowest(mentions, "during_for")
    if at is not None and length is not None and _begins_there(text, at, said_at):
        at, length = _lasting(at, length), None
    always = _ALWAYS.search(text) is not None
    if at is not None and until is not None and begins is None and 0 <= until.start - at.end <= 2:
        at, until = replace(at, end=until.end, until=until.until), None  # 2010年到2015年
    if at is not None and (begins or until) and _is_now(at, said_at):
        at = None  # "five years here today": what today marks is the beginning
    if at is not None and at.since is not None and at.until is not None:
        ahead = at.since > said_at
        over = at.until if _STRETCH.search(text[at.start : at.end]) and at.until <= said_at else None
        return When(
            valid_from=None if always else said_at if ahead else min(at.since, said_at),
            valid_to=None if always else over,
            event_from=at.since,
            event_to=at.until,
            precision=at.precision,
            ahead=ahead,
        )
    if begins is not None:
        over = until.until if until is not None else None
        if over is None and at is None and length is not None and _begins_there(text, begins, said_at):
            over = _lasting(begins, length).until
        if over is not None and begins.since is not None and over <= begins.since:
            over = None
        ends = begins.until if over is None else over
        return When(
            valid_from=begins.since,
            valid_to=over,
            event_from=begins.since,
            event_to=ends,
            precision=begins.precision,
        )
    if until is not None:
        over = until.until if until.until is not None and until.until <= said_at else None
        return When(
            valid_from=said_at if over is None else None,
            valid_to=until.until,
            event_from=until.since,
            event_to=until.until,
            precision=until.precision,
            ahead=until.since is not None and until.since > said_at,
        )
    if length is not None:
        return When(
            valid_from=said_at,
            valid_to=length.until,
            event_from=length.since,
            event_to=length.until,
            precision=length.precision,
        )
    return When(valid_from=None if always else said_at)


def _begins_there(text: str, at: TimeMention, said_at: datetime) -> bool:
    """Whether a length beside a day runs from that day: what starts then, or a contract and its like."""
    near = at.precision in ("day", "hour", "minute") and at.since is not None
    return near and (_STARTS.search(text) is not None or not _is_now(at, said_at))


def _lasting(at: TimeMention, length: TimeMention) -> TimeMention:
    """A day and a length from it on as one stretch."""
    assert at.since is not None
    assert length.since is not None
    assert length.until is not None
    return replace(at, until=at.since + (length.until - length.since))


def _is_now(mention: TimeMention, said_at: datetime) -> bool:
    """Today, this week: the time of speaking, which says least."""
    return mention.since is not None and mention.until is not None and mention.since <= said_at < mention.until


def _narrowest(mentions: list[TimeMention], role: str) -> TimeMention | None:
    """The most exact mention of a role, the first among equals."""
    fitting = [each for each in mentions if each.role == role]
    return min(fitting, key=lambda each: _NARROW[each.precision], default=None)
