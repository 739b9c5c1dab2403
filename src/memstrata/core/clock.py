"""Times as integers and back: microseconds since 1970 in UTC, and the clock's offset from UTC in minutes."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta, timezone

from memstrata.errors import InvalidInput

EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
MONTHS = "January February March April May June July August September October November December".split()
_MICROSECOND = timedelta(microseconds=1)


def microseconds(time: datetime) -> int:
    """Microseconds since 1970 in UTC; exact from year 1 to 9999."""
    return (time - EPOCH) // _MICROSECOND


def offset_minutes(time: datetime) -> int:
    """The offset from UTC of an aware time, in minutes."""
    offset = time.utcoffset()
    return 0 if offset is None else round(offset.total_seconds() / 60)


def from_microseconds(value: int, offset: int = 0) -> datetime:
    """The time, on a clock `offset` minutes from UTC; the calendar's first or last moment where it lies outside."""
    try:
        if not offset:
            return EPOCH + timedelta(microseconds=value)
        local = datetime(1970, 1, 1) + timedelta(microseconds=value, minutes=offset)  # one sum: UTC may lie outside
    except OverflowError:  # said on the first or last day of the calendar, and asked for without its offset
        local = datetime.min if value < 0 else datetime.max
    return local.replace(tzinfo=timezone(timedelta(minutes=offset)) if offset else UTC)


def parse_time(value: datetime | str, *, what: str) -> datetime:
    """An aware time from a datetime or ISO 8601 text. Raises InvalidInput where the zone is missing."""
    time = _from_iso(value, what=what) if isinstance(value, str) else value
    if time.tzinfo is None or time.utcoffset() is None:
        raise InvalidInput(f"{what} needs a time zone, such as datetime.now().astimezone(): {time.isoformat()}")
    try:
        microseconds(time)
    except OverflowError:
        raise InvalidInput(f"{what} lies outside the calendar: {time.isoformat()}") from None
    return time


def _from_iso(text: str, *, what: str) -> datetime:
    try:
        return datetime.fromisoformat(text)
    except ValueError:
        raise InvalidInput(f"{what} is not a time in ISO 8601: {text[:40]!r}") from None


def day_in_words(time: datetime) -> str:
    """The day as it is indexed with an episode, such as 8 May 2023."""
    return f"{time.day} {MONTHS[time.month - 1]} {time.year}"
