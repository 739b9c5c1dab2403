"""English times that hang on another: a week on Tuesday, the last Friday of May, a year on Saturday, Friday gone."""

from __future__ import annotations

import re
from collections.abc import Callable
from dataclasses import replace
from datetime import datetime
from typing import cast

from memstrata.extract.rules.times.calendar import (
    DAY,
    Interval,
    Length,
    Unit,
    around,
    days,
    likely,
    monday,
    month,
    nearest,
    shift,
    since_exactly,
    year,
)
from memstrata.extract.rules.times.english_lengths import LENGTH, clause_before, length_of
from memstrata.extract.rules.times.grammar import Found, Reading, Rule, TimeRole
from memstrata.extract.rules.times.holidays import holiday

_DAY = r"(?:j?t?(?P<weekday>[Dd])|(?P<day>R))"
_GOES_ON = re.compile(
    r"\b(?:since|been|together|married|sober|clean|without|old|anniversary|smoke[- ]free)\b|'ve\b|'s been\b"
)
_IS_BACK = re.compile(r"(?:'m|\bim|'re|'ll|\b(?:be|is|are|am|come|comes|go|goes|get|gets|you))\s*$")


def _reading(role: TimeRole, interval: Interval | None) -> Reading | None:
    return Reading(role=role, interval=interval, precision=interval.precision) if interval else None


def _coming(found: Found) -> datetime | None:
    """The day named: today, tomorrow or the next such weekday."""
    if found.has("weekday"):
        return found.now + (found.number("weekday") - found.now.weekday()) % 7 * DAY
    offset, _, part = str(found.value("day")).partition(" ")
    return None if part or not offset.lstrip("-").isdecimal() else found.now + int(offset) * DAY


def _week_after(found: Found) -> Reading | None:
    """Saturday week, tomorrow week."""
    first = _coming(found)
    return _reading("at", days(first + 7 * DAY)) if first is not None and found.word("week") == "week" else None


def _full_on(found: Found) -> Reading | None:
    """A week on Tuesday lies ahead; what is a year on Saturday, or weeks with a "since", began then."""
    first, length = _coming(found), length_of(found)
    if first is None or length.about or length.unit not in ("week", "month", "year"):
        return None
    around_it = clause_before(found) + found.scene.words.text[found.scene.words.places[found.match.end() - 1][1] :][:40]
    lasts = _GOES_ON.search(around_it) is not None
    if length.unit == "week" and not lasts:
        return _reading("at", days(shift(first, length))) if found.direction >= 0 else None
    if length.unit == "month" and not lasts:
        return None
    there = shift(first, length, -1)
    return _reading("from", days(there))


def _ago_to_the_day(found: Found) -> Reading | None:
    """A year ago today, two weeks ago on Friday."""
    length = length_of(found)
    if length.about or length.unit in ("minute", "hour"):
        return None
    first = found.now if found.has("weekday") else _coming(found)
    if first is None:
        return None
    there = shift(first, length, -1)
    if found.has("weekday"):
        there = monday(there) + found.number("weekday") * DAY
    return _reading("at", days(there))


def _of_a_month(found: Found) -> Reading | None:
    """The last Friday of May, the second weekend in June, the first Monday of next month."""
    if found.has("of"):
        if found.word("of") != "month":
            return None
        offset = {"l": -1, "n": 1}.get(found.kind("which"), 0)
        months = [month(found.now.year, found.now.month + offset)]
    else:
        months = [month(found.now.year + each, found.number("month")) for each in (-1, 0, 1)]
    found_days = [_nth(found, whole) for whole in months]
    return _reading("at", nearest([each for each in found_days if each], found.now, found.direction or 1))


def _nth(found: Found, whole: Interval) -> Interval | None:
    weekday, length = (found.number("weekday"), 1) if found.has("weekday") else (5, 2)
    if found.has("last"):
        last = whole.until - DAY
        return days(last - (last.weekday() - weekday) % 7 * DAY, length)
    first = whole.since + (weekday - whole.since.weekday()) % 7 * DAY + (found.number("n") - 1) * 7 * DAY
    return days(first, length) if first < whole.until else None


def _gone(found: Found) -> Reading | None:
    back = (found.now.weekday() - found.number("weekday")) % 7 or 7
    return _reading("at", days(found.now - back * DAY))


def _nights_ago(found: Found) -> Reading | None:
    if not found.said("what").startswith("night"):
        return None
    return _reading("at", days(found.now - found.number("n") * DAY))


def _month_gone(found: Found) -> Reading | None:
    choices = [month(found.now.year + each, found.number("month")) for each in (-1, 0)]
    past = [each for each in choices if each.until <= found.now]
    return _reading("at", past[-1]) if past else None


def _come(found: Found) -> Reading | None:
    """Come September: the next one."""
    choices = [month(found.now.year + each, found.number("month")) for each in (0, 1)]
    return _reading("at", nearest(choices, found.now, 1))


def _in_time(found: Found) -> Reading | None:
    """Six months' time."""
    return _reading("at", around(found.now, length_of(found), 1))


def _two_days(found: Found) -> Reading | None:
    """The 3rd and 4th of June."""
    first, last, number = found.number("day"), found.number("last"), found.number("month")
    if last != first + 1:
        return None
    choices = [days(datetime(found.now.year + each, number, first), 2) for each in (-1, 0, 1)]
    return _reading("at", likely(choices, found.now, found.direction))


def _two_away(found: Found) -> Reading | None:
    """The week before last, the Friday after next, the night before last."""
    sign, now = (-1 if found.has("last") else 1), found.now
    if found.has("weekday"):
        ahead = (found.number("weekday") - now.weekday()) % 7 or 7
        back = (now.weekday() - found.number("weekday")) % 7 or 7
        return _reading("at", days(now + (ahead + 7) * DAY if sign > 0 else now - (back + 7) * DAY))
    if found.has("weekend"):
        return _reading("at", days(monday(now, 2 * sign) + 5 * DAY, 2))
    if found.has("part"):
        return _reading("at", days(now + 2 * sign * DAY))
    unit = found.word("unit")
    wholes: dict[str, Callable[[], Interval]] = {
        "week": lambda: days(monday(now, 2 * sign), 7, precision="week"),
        "month": lambda: month(now.year, now.month + 2 * sign),
        "year": lambda: year(now.year + 2 * sign),
    }
    return _reading("at", wholes[unit]()) if unit in wholes else None


def _new_year(found: Found) -> Reading | None:
    return _reading("at", month(found.now.year + 1, 1))


def _holidays_ago(found: Found) -> Reading | None:
    """Three Christmases ago."""
    name, now = found.word("holiday"), found.now
    count = 1 if found.kind("n") == "a" else found.number("n")
    past = [each for each in (holiday(name, now.year - back) for back in range(count + 1)) if each.since <= now]
    return _reading("at", past[count - 1]) if len(past) >= count else None


def _this_time(found: Found) -> Reading | None:
    """This time last year, this time next week."""
    unit, sign = found.word("unit"), -1 if found.has("last") else 1
    if unit not in ("week", "month", "year"):
        return None
    if unit == "week":
        return _reading("at", days(found.now + 7 * sign * DAY))
    there = shift(found.now, Length(amount=1, unit=cast("Unit", unit)), sign)
    return _reading(
        "at", month(there.year, there.month) if unit == "year" else around(there, Length(amount=0, unit="week"), 1)
    )


def _back_in(found: Found) -> Reading | None:
    """Back in March tells of the past, unless somebody will be back then."""
    begins = found.scene.words.places[found.match.start()][0]
    ahead = _IS_BACK.search(found.scene.words.text[max(0, begins - 12) : begins]) is not None
    choices = [month(found.now.year + each, found.number("month")) for each in (-1, 0, 1)]
    return _reading("at", nearest(choices, found.now, 1 if ahead else -1))


def _from_a_day(found: Found) -> Reading | None:
    """For two weeks from the 20th, a lease of 12 months from June: from that day for that long."""
    length = length_of(found)
    if found.has("month"):
        choices = [month(found.now.year + each, found.number("month")) for each in (-1, 0, 1)]
        begins = nearest(choices, found.now, found.direction or 1)
    elif found.has("weekday"):
        begins = days(cast("datetime", _coming(found)))
    else:
        whole = [month(found.now.year, found.now.month + each).since for each in (-1, 0, 1)]
        number = found.number("date")
        begins = nearest(
            [days(each.replace(day=number)) for each in whole if number <= 28 or _has(each, number)], found.now, 1
        )
    if begins is None or length.about:
        return None
    return _reading("at", replace(begins, until=shift(begins.since, length)))


def _has(first: datetime, number: int) -> bool:
    return (first + (number - 1) * DAY).month == first.month


def _been(found: Found) -> Reading | None:
    """It'll be three years in June since: what is full then began a length before it."""
    choices = [month(found.now.year + each, found.number("month")) for each in (0, 1)]
    full = next((each for each in choices if each.until > found.now), None)
    length = length_of(found)
    if full is None or length.unit != "year" or length.about:
        return None
    return _reading("from", since_exactly(full.since, length))


def _rule(needs: str, pattern: str, read: Callable[[Found], Reading | None]) -> Rule:
    return Rule(needs=frozenset(needs), pattern=re.compile(pattern), read=read)


ANCHORED = (
    _rule("U", rf"(?<![hlnv]){_DAY}(?P<week>U)(?![-])", _week_after),
    _rule("RDd", rf"J?{LENGTH}(?:[x_]{{0,2}}){_DAY}(?!U)", _full_on),
    _rule("g", rf"{LENGTH}gj?t?(?:(?P<day>R)|(?P<weekday>[Dd]))", _ago_to_the_day),
    _rule(
        "DdK",
        r"[jiub]?t?(?:(?P<n>[oO])|(?P<last>l))(?:(?P<weekday>[Dd])|(?P<weekend>K))[iz](?:(?P<month>[Mmµ])|(?:t|h|(?P<which>[ln]))(?P<of>U))",
        _of_a_month,
    ),
    _rule("π", r"(?P<n>N)(?P<what>π)g", _nights_ago),
    _rule("γ", r"(?P<month>[Mmµ])_?γ", _month_gone),
    _rule("κ", r"κ(?P<month>[Mmµ])(?!Y|[NO])", _come),
    _rule("θ", rf"(?<!i){LENGTH}θ", _in_time),
    _rule("OM", r"[jub]?t?(?P<day>O)&t?(?P<last>O)z?(?P<month>[Mmµ])", _two_days),
    _rule("γ", r"[jsu]?t?(?P<weekday>[Dd])_?γ", _gone),
    _rule(
        "bA",
        r"[jiub]?t?(?:(?P<unit>U)|(?P<weekday>[Dd])|(?P<weekend>K)|(?P<part>P))(?:b(?P<last>l)|An)(?![UXKDdMmSHWT])",
        _two_away,
    ),
    _rule("ν", r"ν", _new_year),
    _rule("H", r"(?P<n>[aN])(?P<holiday>H)g", _holidays_ago),
    _rule("τ", r"τ(?:(?P<last>l)|n)(?P<unit>U)", _this_time),
    _rule("ρ", r"ρ(?P<month>[Mmµ])(?!Y)", _back_in),
    _rule(
        "FC",
        rf"(?:F|C[xL_]{{0,3}}F?)J?(?P<only>{LENGTH}pt?(?:(?P<month>[Mmµ])|(?P<weekday>[Dd])|(?P<date>O)))(?![UXY])",
        _from_a_day,
    ),
    _rule("s", rf"{LENGTH}i(?P<month>[Mmµ])[x_]{{0,2}}s", _been),
)
