"""Times that Chinese words name, against the moment they were said."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable
from datetime import datetime
from typing import cast

from memstrata.extract.rules.times.calendar import (
    DAY,
    Direction,
    Edge,
    Interval,
    Season,
    around,
    days,
    edge_of,
    likely,
    monday,
    month,
    nearest,
    part_of_day,
    season,
    shift,
    year,
)
from memstrata.extract.rules.times.chinese_lengths import LENGTHS, length_of
from memstrata.extract.rules.times.grammar import Found, Grammar, Reading, Rule, TimeRole
from memstrata.extract.rules.times.holidays import holiday, lunar_new_year

_LEAD = r"(?P<lead>[puA])?"
_TAIL = r"(?:(?P<part>P)?(?P<clock>[Tq])?(?P<tail>b(?!a)|[aoIz]))?"


def _anchor(needs: str, pattern: str, read: Callable[[Found], Interval | None]) -> Rule:
    """A rule for a time that may stand between words such as 从 and 起, or 到 and 前."""

    def whole(found: Found) -> Reading | None:
        role, interval = _role(found), read(found)
        if role is None or interval is None:
            return None
        if found.has("part") and interval.precision == "day":
            interval = part_of_day(interval, found.word("part"))
        return Reading(role=role, interval=interval, precision=interval.precision)

    return Rule(needs=frozenset(needs), pattern=re.compile(f"{_LEAD}{pattern}{_TAIL}"), read=whole)


def _role(found: Found) -> TimeRole | None:
    lead, tail = found.kind("lead"), found.kind("tail")
    if tail == "a":
        return "from" if lead == "p" else None  # 春节后: no time is named
    if tail == "b" and found.direction < 0:
        return None
    if tail == "o" or lead == "p":
        return "from"
    return "until" if tail or lead == "u" else "at"


def _toward(found: Found, default: Direction = 0) -> Direction:
    """The direction in which a time lies."""
    if found.said("lead") in ("自从", "打从") or found.said("tail") == "以来":
        return -1
    if found.kind("lead") == "A":
        return 1
    return found.direction or (1 if found.kind("lead") == "u" or found.kind("tail") in ("b", "I", "z") else default)


def _relative_day(found: Found) -> Interval | None:
    offset, _, part = found.word("day").partition(" ")
    if found.kind("lead") == "u" and offset == "0":
        return None  # 到今天
    day = days(found.now + int(offset) * DAY)
    return part_of_day(day, part) if part else day


def _days_before(found: Found) -> Interval:
    """前几天, 前两天, 前阵子."""
    said = found.said("day")
    reach = 4 if "两" in said else 7 if "天" in said else 30
    return days(found.now - reach * DAY, reach, precision="week" if reach < 30 else "month")


def _weekday(found: Found) -> Interval:
    back = (found.now.weekday() - found.number("day")) % 7
    past = _toward(found, 1) < 0
    return days(found.now - (back or 7) * DAY if past else found.now + (-back % 7) * DAY)


def _weekend(found: Found) -> Interval:
    now, past = found.now, _toward(found, 1) < 0
    return days(monday(now, -1 if past and now.weekday() < 5 else 0) + 5 * DAY, 2)


def _day_of_week(found: Found) -> Interval:
    """上周三, 下周末."""
    offset, day = divmod(found.number("both"), 10)
    first = monday(found.now, offset)
    return days(first + 5 * DAY, 2) if day == 7 else days(first + day * DAY)


def _week(found: Found) -> Interval:
    first = monday(found.now, found.number("week"))
    if found.kind("day") == "K":
        return days(first + 5 * DAY, 2)
    return days(first + found.number("day") * DAY) if found.has("day") else days(first, 7, precision="week")


def _year_of(found: Found) -> int | None:
    """The year that stands before; None where none does."""
    if found.has("ago"):
        return shift(found.now, length_of(found, "ago"), -1).year
    if not found.has("year"):
        return None
    return found.number("year") + (found.now.year if found.kind("year") == "y" else 0)


def _year(found: Found) -> Interval | None:
    number = _year_of(found)
    if number is None:
        edge = cast("Edge", found.word("edge"))
        choices = [edge_of(year(found.now.year + each), edge) for each in (-1, 0, 1)]
        return nearest(choices, found.now, _toward(found, -1 if edge == "early" else 1))
    return edge_of(year(number), cast("Edge", found.word("edge"))) if found.has("edge") else year(number)


def _this_time(found: Found) -> Interval:
    """去年这时候: the month of now, in another year."""
    return month(found.now.year + found.number("year"), found.now.month)


def _season(found: Found) -> Interval | None:
    number, name = _year_of(found), found.word("season")
    if number is None:
        return None
    if name == "holidays":
        return Interval(since=month(number, 7).since, until=month(number, 8).until, precision="season")
    return season(number, cast("Season", name))


def _month(found: Found) -> Interval | None:
    number, edge = _year_of(found), found.word("edge")
    if number is not None:
        whole: Interval | None = month(number, found.number("month"))
    elif found.kind("month") == "c":
        whole = month(found.now.year, found.now.month + found.number("month"))
    else:
        choices = [month(found.now.year + each, found.number("month")) for each in (-1, 0, 1)]
        whole = nearest(choices, found.now, _toward(found))
    return edge_of(whole, cast("Edge", edge)) if whole and edge else whole


def _month_edge(found: Found) -> Interval | None:
    """月初, 月底: of this month or of one beside it."""
    edge = cast("Edge", found.word("edge"))
    choices = [edge_of(month(found.now.year, found.now.month + each), edge) for each in (-1, 0, 1)]
    return nearest(choices, found.now, _toward(found, -1 if edge == "early" else 1))


def _months(found: Found) -> Interval | None:
    first, last, now = found.number("month"), found.number("last"), found.now
    choices = []
    for number in (now.year - 1, now.year, now.year + 1):
        until = month(number + (last < first), last).until
        choices.append(Interval(since=month(number, first).since, until=until, precision="month"))
    return nearest(choices, now, _toward(found))


def _date(found: Found) -> Interval | None:
    """A day of a named month, or several in a row."""
    number, first, now = _year_of(found), found.number("day"), found.now
    count = found.number("last") - first + 1 if found.has("last") else 1
    if count < 1:
        return None
    if found.kind("month") == "c":
        whole = month(now.year, now.month + found.number("month")).since
        return days(whole.replace(day=first), count)
    if number is not None:
        return days(datetime(number, found.number("month"), first), count)
    if not found.has("month"):
        months = [month(now.year, now.month + each).since for each in range(-2, 3)]
        dates = [(each.year, each.month, first) for each in months]
    else:
        dates = [(each, found.number("month"), first) for each in range(now.year - 4, now.year + 5)]
    return likely([days(each, count) for each in _valid(dates)], now, _toward(found))


def _valid(dates: Iterable[tuple[int, int, int]]) -> list[datetime]:
    found = []
    for each in dates:
        try:
            found.append(datetime(*each))
        except ValueError:
            continue
    return found


def _day_alone(found: Found) -> Interval | None:
    return _date(found) if found.said("day").endswith("号") else None


def _holiday(found: Found) -> Interval | None:
    number, name, now = _year_of(found), found.word("holiday"), found.now
    if number is not None:
        return holiday(name, number)
    return nearest([holiday(name, now.year + each) for each in (-1, 0, 1)], now, _toward(found))


def _lunar_day(found: Found) -> Interval | None:
    """初五: of the lunar new year that is near; 大年初五 of the nearest."""
    now = found.now
    choices = [days(lunar_new_year(now.year + each) + (found.number("day") - 1) * DAY) for each in (-1, 0, 1)]
    if found.said("day").startswith("初"):
        choices = [each for each in choices if -45 * DAY < now - each.since < 60 * DAY]
    return nearest(choices, now, _toward(found))


def _ago(found: Found) -> Interval:
    return around(found.now, length_of(found, "length"), -1)


_YEAR = r"(?P<year>[yY])"
_AGO = rf"(?:{_YEAR}|(?P<ago>L)b)"
_ANCHORS = (
    _anchor("R", r"(?P<day>R)", _relative_day),
    _anchor("X", r"(?P<day>X)", _days_before),
    _anchor("D", r"(?P<day>D)", _weekday),
    _anchor("K", r"K", _weekend),
    _anchor("E", r"(?P<both>E)", _day_of_week),
    _anchor("w", r"(?P<week>w)(?P<day>[DK])?", _week),
    _anchor("yY", rf"{_YEAR}(?P<edge>[en])?", _year),
    _anchor("y", r"(?P<year>y)τ", _this_time),
    _anchor("n", r"(?P<edge>n)", _year),
    _anchor("S", rf"{_AGO}t?(?P<season>S)", _season),
    _anchor("M", rf"(?:{_YEAR}t?)?(?P<month>M)(?P<edge>e)?", _month),
    _anchor("c", r"(?P<month>c)(?P<edge>e)?", _month),
    _anchor("m", r"(?P<edge>m)", _month_edge),
    _anchor("M", r"(?P<month>M)u(?P<last>M)", _months),
    _anchor("Mc", rf"(?:{_YEAR}t?)?(?P<month>[Mc])t?(?P<day>[d#])(?:u(?P<last>d))?D?", _date),
    _anchor("d", r"(?P<day>d)(?:u(?P<last>d))?", _day_alone),
    _anchor("H", rf"(?:{_AGO}t?)?(?P<holiday>H)", _holiday),
    _anchor("l", rf"(?:{_YEAR}t?)?(?P<day>l)", _lunar_day),
    _anchor("L", r"(?P<length>L)b(?!a)", _ago),
)
CHINESE = Grammar(
    rules=_ANCHORS + LENGTHS,
    behind=re.compile(r"(?:t?(?P<part>P))?(?P<clock>[Tq])?"),
    before=re.compile(r"(?P<clock>T)$"),
)
