"""Times as a model writes them: read leniently, in the zone of the turn; what cannot be is left out."""

from __future__ import annotations

import re
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta, timezone, tzinfo

from memstrata.core.clock import MONTHS
from memstrata.types import FactKind, Precision

FARTHEST = timedelta(days=200 * 366)
"""From the moment that a turn was said; what lies farther off is no date of anybody's life."""
_ISO = re.compile(
    r"""(?P<year>\d{4})(?:[-/.](?P<month>\d{1,2})(?:[-/.](?P<day>\d{1,2})
        (?:[T\ ]\ ?(?P<hour>\d{1,2}):(?P<minute>\d{2})(?::\d{2}(?:\.\d+)?)?\ ?(?P<zone>Z|[+-]\d{2}:?\d{2})?)?)?)?""",
    re.VERBOSE,
)
_IN_WORDS = re.compile(
    r"""(?:(?P<day>\d{1,2})(?:st|nd|rd|th)?\ )?(?P<name>[A-Za-z]{3,9})\.?
        (?:\ (?P<later_day>\d{1,2})(?:st|nd|rd|th)?)?,?\ (?P<year>\d{4})""",
    re.VERBOSE,
)


@dataclass(frozen=True, slots=True, kw_only=True)
class Moment:
    """The beginning of what was written, its end (exclusive), and how exact it is."""

    since: datetime
    until: datetime
    precision: Precision


@dataclass(frozen=True, slots=True, kw_only=True)
class Times:
    """The times of a claim, as `Claim` has them."""

    valid_from: datetime | None
    valid_to: datetime | None
    event_from: datetime | None
    event_to: datetime | None
    precision: Precision | None


def read_moment(text: str | None, *, said_at: datetime) -> Moment | None:
    """A time in ISO 8601, or like "4 March 2025", "March 4, 2025" and "March 2025"; None for all else."""
    text = (text or "").strip()
    match = _ISO.fullmatch(text)
    parts = {key: value for key, value in (match.groupdict() if match else _in_words(text)).items() if value}
    if "year" not in parts:
        return None
    try:
        moment = _moment(parts, said_at.tzinfo)
        return moment if abs(moment.since - said_at) <= FARTHEST else None
    except (ValueError, OverflowError):
        return None


def times_of(
    kind: FactKind,
    *,
    valid: tuple[str | None, str | None],
    event: tuple[str | None, str | None],
    precision: Precision | None,
    said_at: datetime,
) -> Times:
    """The times of a fact, from what a model wrote for them.

    An end that does not lie after its beginning was meant to include it ("2025-03-04" to "2025-03-04" is a day); where
    that does not help it is left out. An event ahead is known from now on and over when it ends; what has no beginning
    holds from when it happened or was said, but who somebody is, always.
    """
    begins, ends = _interval(*event, said_at=said_at, closed=True)
    held, over = _interval(*valid, said_at=said_at, closed=False)
    holds = held.since if held else None
    if holds is None and kind != "identity":
        holds = min(begins.since, said_at) if begins else said_at
        over = over if over is None or over > holds else None
    if over is None and begins and ends and begins.since > said_at:
        over = ends
    return Times(
        valid_from=holds,
        valid_to=over,
        event_from=begins.since if begins else None,
        event_to=ends,
        precision=(precision or begins.precision) if begins else None,
    )


def _interval(
    first: str | None, last: str | None, *, said_at: datetime, closed: bool
) -> tuple[Moment | None, datetime | None]:
    """A beginning and an end after it; `closed`: without an end, that of the beginning's day, month or year."""
    since, until = read_moment(first, said_at=said_at), read_moment(last, said_at=said_at)
    if until is None:
        return since, since.until if since and closed else None
    if since is None or until.since > since.since:
        return since, until.since
    return since, until.until if until.until > since.since else None


def _moment(parts: dict[str, str], zone: tzinfo | None) -> Moment:
    year, month, day = int(parts["year"]), int(parts.get("month", 1)), int(parts.get("day", 1))
    if "hour" in parts:
        own = _zone(parts["zone"]) if "zone" in parts else zone
        since = datetime(year, month, day, int(parts["hour"]), int(parts["minute"]), tzinfo=own).astimezone(zone)
        return Moment(since=since, until=since + timedelta(minutes=1), precision="minute")
    since = datetime(year, month, day, tzinfo=zone)
    if "day" in parts:
        return Moment(since=since, until=since + timedelta(days=1), precision="day")
    if "month" in parts:
        after = since.replace(year=year + month // 12, month=month % 12 + 1)
        return Moment(since=since, until=after, precision="month")
    return Moment(since=since, until=since.replace(year=year + 1), precision="year")


def _zone(text: str) -> tzinfo:
    if text == "Z":
        return UTC
    sign = -1 if text[0] == "-" else 1
    digits = text[1:].replace(":", "")
    return timezone(sign * timedelta(hours=int(digits[:2]), minutes=int(digits[2:])))


def _in_words(text: str) -> dict[str, str | None]:
    match = _IN_WORDS.fullmatch(text)
    if match is None:
        return {}
    named = [number for number, month in enumerate(MONTHS, start=1) if month.lower().startswith(match["name"].lower())]
    if len(named) != 1:
        return {}
    return {"year": match["year"], "month": str(named[0]), "day": match["day"] or match["later_day"]}
