"""Arithmetic on the calendar: intervals of days, weeks, months, seasons and years. Local times without a zone."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Literal

from memstrata.types import Precision

Unit = Literal["minute", "hour", "day", "week", "month", "year"]
Season = Literal["spring", "summer", "autumn", "winter"]
Edge = Literal["early", "mid", "late", "start", "end"]
Direction = Literal[-1, 0, 1]
"""Whether words tell of the past, of neither, or of the future."""

DAY = timedelta(days=1)
_FIRST_MONTH: dict[Season, int] = {"spring": 3, "summer": 6, "autumn": 9, "winter": 12}
_SMALLER: dict[Unit, tuple[Unit, int]] = {
    "year": ("month", 12),
    "month": ("day", 30),
    "week": ("day", 7),
    "day": ("hour", 24),
    "hour": ("minute", 60),
}
_STEP: dict[Unit, timedelta] = {
    "minute": timedelta(minutes=1),
    "hour": timedelta(hours=1),
    "day": DAY,
    "week": timedelta(weeks=1),
}
_MONTH_EDGES: dict[Edge, tuple[int, int]] = {"early": (0, 10), "mid": (10, 20), "start": (0, 7)}
_YEAR_EDGES: dict[Edge, tuple[int, int]] = {
    "early": (1, 4),
    "start": (1, 3),
    "mid": (5, 9),
    "late": (10, 13),
    "end": (11, 13),
}
_PARTS: dict[str, tuple[int, int]] = {
    "dawn": (0, 6),
    "morning": (5, 12),
    "noon": (11, 14),
    "afternoon": (12, 18),
    "evening": (18, 24),
    "night": (18, 24),
}


@dataclass(frozen=True, slots=True, kw_only=True)
class Interval:
    """From `since` until before `until`, and how exactly that is known."""

    since: datetime
    until: datetime
    precision: Precision


@dataclass(frozen=True, slots=True, kw_only=True)
class Length:
    """A length of time as it was said; `about`: said as "a few"."""

    amount: float
    unit: Unit
    about: bool = False


def midnight(moment: datetime) -> datetime:
    """The beginning of the day."""
    return moment.replace(hour=0, minute=0, second=0, microsecond=0)


def days(first: datetime, count: int = 1, *, precision: Precision = "day") -> Interval:
    """A day, or `count` of them."""
    since = midnight(first)
    return Interval(since=since, until=since + count * DAY, precision=precision)


def monday(moment: datetime, weeks: int = 0) -> datetime:
    """The Monday of the week of a moment, `weeks` later."""
    return midnight(moment) + (7 * weeks - moment.weekday()) * DAY


def month(year: int, number: int) -> Interval:
    """A month; numbers beyond 1 to 12 run into other years."""
    first, after = year * 12 + number - 1, year * 12 + number
    return Interval(
        since=datetime(first // 12, first % 12 + 1, 1),
        until=datetime(after // 12, after % 12 + 1, 1),
        precision="month",
    )


def year(number: int) -> Interval:
    """A year."""
    return Interval(since=datetime(number, 1, 1), until=datetime(number + 1, 1, 1), precision="year")


def season(number: int, name: Season) -> Interval:
    """A season of the northern half: three whole months; the winter of a year begins in its December."""
    first = _FIRST_MONTH[name]
    return Interval(since=month(number, first).since, until=month(number, first + 2).until, precision="season")


def season_year(moment: datetime, name: Season) -> int:
    """The year by which the season is named that a moment lies in or nearest to."""
    return moment.year - (name == "winter" and moment.month < 3)


def shift(moment: datetime, length: Length, sign: int = 1) -> datetime:
    """The moment a length later, or earlier with sign -1. The last of February stands in for days that it lacks."""
    amount, unit = _whole(length)
    if unit not in ("month", "year"):
        return moment + sign * amount * _STEP[unit]
    there = month(moment.year, moment.month + sign * amount * (12 if unit == "year" else 1))
    last = (there.until - DAY).day
    return moment.replace(year=there.since.year, month=there.since.month, day=min(moment.day, last))


def around(now: datetime, length: Length, sign: int) -> Interval:
    """What "a length ago" (sign -1) or "in a length" means: the unit there; a week is the seven days around."""
    there = shift(now, length, sign)
    _, unit = _whole(length)
    if length.about:
        return _vague(there, unit)
    if unit == "week" or (unit == "day" and length.unit == "month"):
        return days(there - 3 * DAY, 7, precision="week")
    return _containing(there, unit)


def since_exactly(now: datetime, length: Length) -> Interval:
    """When something began that lasts a full length by now: one grade more exact than `around`."""
    finer: dict[Unit, Unit] = {"year": "month", "month": "week", "week": "day"}
    there, unit = shift(now, length, -1), finer.get(length.unit, length.unit)
    return days(there - 3 * DAY, 7, precision="week") if unit == "week" else _containing(there, unit)


def ahead(now: datetime, length: Length) -> Interval:
    """The length of time that begins now."""
    return Interval(since=now, until=shift(now, length), precision=_whole(length)[1])


def nearest(choices: Iterable[Interval], now: datetime, direction: Direction) -> Interval | None:
    """Of intervals in their order: the latest begun, the first not over, or the one nearest in time."""
    found = list(choices)
    if direction < 0:
        return next((each for each in reversed(found) if each.since <= now), None)
    if direction > 0:
        return next((each for each in found if each.until > now), None)
    return min(found, key=lambda each: max(each.since - now, now - each.until, timedelta(0)), default=None)


def likely(choices: Iterable[Interval], now: datetime, direction: Direction) -> Interval | None:
    """Of the same day in several years: the one in the direction told, unless another is so near that it would be meant.

    Who speaks of the 4th of June in May means the one ahead, whatever verb stands beside it; the year is said otherwise.
    """
    found = list(choices)
    told, close = nearest(found, now, direction), nearest(found, now, 0)
    if told is None or close is None:
        return told or close
    away, near = abs(told.since - now), abs(close.since - now)
    return close if away > 90 * DAY and away > 4 * near else told


def edge_of(whole: Interval, edge: Edge) -> Interval:
    """Early, mid or late in a month, season, year or week; its start or its end."""
    if whole.precision == "year":
        first, after = _YEAR_EDGES[edge]
        since, until = month(whole.since.year, first).since, month(whole.since.year, after).since
        return Interval(since=since, until=until, precision="season")
    if whole.precision == "season":
        return month(whole.since.year, whole.since.month + {"early": 0, "start": 0, "mid": 1}.get(edge, 2))
    if whole.precision == "week":
        first = {"early": 0, "start": 0, "mid": 2}.get(edge, 4)
        return days(whole.since + first * DAY, 3 if first == 4 else 2)
    if edge in ("late", "end"):
        since = whole.until - 7 * DAY if edge == "end" else whole.since + 20 * DAY
        return Interval(since=since, until=whole.until, precision="week")
    first, after = _MONTH_EDGES[edge]
    return Interval(since=whole.since + first * DAY, until=whole.since + after * DAY, precision="week")


def part_of_day(day: Interval, part: str) -> Interval:
    """The morning or another part of a day; still a time known to the day."""
    first, after = _PARTS[part]
    since = day.since + timedelta(hours=first)
    return Interval(since=since, until=midnight(day.since) + timedelta(hours=after), precision="day")


def clock_on(day: Interval, minutes: int) -> Interval:
    """The hour, or the minute, at so many minutes after midnight."""
    since = midnight(day.since) + timedelta(minutes=minutes)
    if minutes % 60:
        return Interval(since=since, until=since + _STEP["minute"], precision="minute")
    return Interval(since=since, until=since + _STEP["hour"], precision="hour")


def _whole(length: Length) -> tuple[int, Unit]:
    """An amount without a fraction, in a smaller unit where there was one."""
    if length.amount == int(length.amount):
        return int(length.amount), length.unit
    unit, count = _SMALLER.get(length.unit, (length.unit, 1))
    return round(length.amount * count), unit


def _containing(there: datetime, unit: Unit) -> Interval:
    if unit == "year":
        return year(there.year)
    if unit == "month":
        return month(there.year, there.month)
    if unit == "day":
        return days(there)
    since = there.replace(second=0, microsecond=0) if unit == "minute" else _hour(there)
    return Interval(since=since, until=since + _STEP[unit], precision=unit)


def _hour(there: datetime) -> datetime:
    return there.replace(minute=0, second=0, microsecond=0)


def _vague(there: datetime, unit: Unit) -> Interval:
    """A few units away: the unit there with one more on each side."""
    if unit == "year":
        return Interval(since=year(there.year - 1).since, until=year(there.year + 1).until, precision="year")
    if unit == "month":
        since, until = month(there.year, there.month - 1).since, month(there.year, there.month + 1).until
        return Interval(since=since, until=until, precision="season")
    if unit == "week":
        return days(there - 10 * DAY, 21, precision="month")
    if unit == "day":
        return days(there - 2 * DAY, 5, precision="week")
    since = _hour(there) if unit == "hour" else there.replace(second=0, microsecond=0)
    return Interval(since=since - _STEP[unit], until=since + 2 * _STEP[unit], precision="hour")
