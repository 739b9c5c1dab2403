"""Days, weeks, months and years that English words name, against the moment they were said."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator
from dataclasses import replace
from datetime import datetime
from typing import cast

from memstrata.extract.rules.times.calendar import (
    DAY,
    Direction,
    Edge,
    Interval,
    Length,
    Season,
    Unit,
    around,
    days,
    edge_of,
    likely,
    monday,
    month,
    nearest,
    part_of_day,
    season,
    season_year,
    shift,
    year,
)
from memstrata.extract.rules.times.english_anchored import ANCHORED
from memstrata.extract.rules.times.english_lengths import LENGTHS
from memstrata.extract.rules.times.grammar import Found, Grammar, Reading, Rule, TimeRole
from memstrata.extract.rules.times.holidays import holiday

_OFFSET = r"(?P<count>[taN]|)(?P<unit>[UXK])(?P<side>[bApz])"
_LEAD = r"(?P<lead>[spubjiAFρ]|[sub][ijJ]|JA|J|jJ)"
_MAYBE = rf"(?:{_OFFSET}|{_LEAD})?t?"
_NEEDED = rf"(?:{_OFFSET}|{_LEAD})t?"
_WHICH = r"(?P<which>h?[ln]|h)"
_ROLES: dict[str, TimeRole] = {"s": "from", "p": "from", "u": "until", "b": "until"}
_ENDS = r"(?=[|,&_\-wijJspubFPTqL]|$)"


def _anchor(needs: str, pattern: str, read: Callable[[Found], Interval | None]) -> Rule:
    """A rule for a time that a lead such as "since" or an offset such as "the week before" may come before."""

    def whole(found: Found) -> Reading | None:
        interval = read(found)
        if interval is None:
            return None
        if found.has("count") and not (found.word("unit") in ("minute", "hour") and found.kind("side") == "p"):
            away = _away_from(interval, found)
            return Reading(role="at", interval=away, precision=away.precision) if away else None
        role = _role(found, interval)
        return Reading(role=role, interval=interval, precision=interval.precision) if role else None

    return Rule(needs=frozenset(needs), pattern=re.compile(pattern), read=whole)


def _role(found: Found, interval: Interval) -> TimeRole | None:
    lead, said = found.kind("lead"), found.said("lead")
    if found.has("count"):
        return "from"  # "6 pounds an hour from April"
    if lead.endswith("A") or (found.direction < 0 and (lead[:1] == "b" or said[:2] == "by")):
        return None  # "after Christmas", "before Friday I was", "inspired by autumn"
    if said == "from" and interval.until <= found.now:
        return "at"  # "a picture from last week"
    return _ROLES.get(lead[:1], "at")


def _away_from(anchor: Interval, found: Found) -> Interval | None:
    """The week before, or two days after, an anchor; the week that it lies in."""
    unit, side, named = found.word("unit"), found.kind("side"), found.kind("count") in ("", "t")
    if side == "z" or (side == "p" and named):
        return days(monday(anchor.since), 7, precision="week") if unit == "week" and side == "z" else None
    if found.kind("unit") == "K" and named:
        weekend = anchor.since.weekday() > 4
        return days(monday(anchor.since, -1 if side == "b" else weekend) + 5 * DAY, 2)
    if unit not in ("day", "week", "month"):
        return None
    sign = -1 if side == "b" else 1
    if unit == "week" and named:
        return days(anchor.since - 7 * DAY if sign < 0 else anchor.until, 7, precision="week")
    count = found.number("count") if found.kind("count") == "N" else 1
    if side == "p" and unit == "week":
        return days(anchor.since + 7 * count * DAY)
    return around(anchor.since, Length(amount=count, unit=cast("Unit", unit)), sign)


def _toward(found: Found, default: Direction = 1) -> Direction:
    """The direction in which an anchor lies."""
    lead = found.kind("lead")[:1]
    if lead == "s":
        return -1
    return found.direction or (1 if lead in _ROLES else default)


def _which(found: Found) -> int:
    """-1 for last, 0 for this, 1 for next."""
    return {"l": -1, "n": 1}.get(found.kind("which")[-1:], 0)


def _relative_day(found: Found) -> Interval:
    value = found.value("day")
    if value == "other":
        return days(found.now - 7 * DAY, 7, precision="week")
    offset, _, part = str(value).partition(" ")
    day = days(found.now + int(offset) * DAY)
    return part_of_day(day, part) if part else day


def _weekday(found: Found) -> Interval:
    """A weekday near now: the last, this or the next one, or by the verb around it."""
    day, now = found.number("day"), found.now
    if _which(found) > 0 and "coming" not in found.said("which"):
        return days(monday(now, 1) + day * DAY)
    back = (now.weekday() - day) % 7
    past = _which(found) < 0 or (_which(found) == 0 and _toward(found) < 0)
    return days(now - (back or 7) * DAY if past else now + (-back % 7) * DAY)


def _weekday_of_week(found: Found) -> Interval | None:
    if found.word("week") != "week":
        return None
    return days(monday(found.now, _which(found)) + found.number("day") * DAY)


def _weekday_and_date(found: Found) -> Interval | None:
    """Friday the 13th: the nearest such day that is a Friday."""
    choices = [
        each for each in _days_of_month(found, range(-12, 13)) if each.since.weekday() == found.number("weekday")
    ]
    return nearest(choices, found.now, _toward(found, 0))


def _weekend(found: Found) -> Interval:
    now, offset = found.now, 0 if "coming" in found.said("which") else _which(found)
    if not offset and now.weekday() < (3 if found.has("which") else 5) and _toward(found) < 0:
        offset = -1
    return days(monday(now, offset) + 5 * DAY, 2)


def _weekends_ago(found: Found) -> Interval:
    count = 1 if found.kind("n") == "a" else found.number("n")
    if found.kind("what") in "KV":
        return days(monday(found.now, -count) + 5 * DAY, 2)
    back = (found.now.weekday() - found.number("what")) % 7 or 7
    return days(found.now - (back + 7 * (count - 1)) * DAY)


def _whole(found: Found) -> Interval | None:
    """This week, last month, next year, and the early or late part of it."""
    now, offset, unit = found.now, _which(found), found.word("whole")
    if unit == "week":
        whole = days(monday(now, offset), 7, precision="week")
    elif unit == "month":
        whole = month(now.year, now.month + offset)
    elif unit == "year":
        whole = year(now.year + offset)
    else:
        return None
    if found.has("rest"):
        return _rest(found, whole)
    return edge_of(whole, _edge(found)) if found.has("edge") else whole


def _lately(found: Found) -> Reading | None:
    """In the past week: the seven days up to now; for the past week: since it began."""
    unit = found.word("whole")
    if unit not in ("week", "month", "year"):
        return None
    length = Length(amount=1, unit=cast("Unit", unit))
    if found.kind("lead") == "F":
        interval = around(found.now, length, -1)
        return Reading(role="from", interval=interval, precision=interval.precision)
    interval = Interval(since=shift(found.now, length, -1), until=found.now, precision=cast("Unit", unit))
    return Reading(role="at", interval=interval, precision=interval.precision)


def _rest(found: Found, whole: Interval) -> Interval:
    """What is left of it, or what is over: later this month, earlier this year."""
    today = days(found.now)
    if found.word("rest") == "later":
        return replace(whole, since=today.since)
    return replace(whole, until=today.until)


def _edge(found: Found) -> Edge:
    return cast("Edge", found.word("edge"))


def _season(found: Found) -> Interval | None:
    name, now = cast("Season", found.word("season")), found.now
    current = season_year(now, name)
    if found.has("year"):
        whole: Interval | None = season(found.number("year"), name)
    elif found.has("n"):
        whole = season(current - (found.number("n") if found.kind("n") == "N" else 1), name)
    else:
        whole = _season_near(found, name, current)
    return edge_of(whole, _edge(found)) if whole and found.has("edge") else whole


def _season_near(found: Found, name: Season, current: int) -> Interval | None:
    choices, now = [season(current + each, name) for each in (-1, 0, 1, 2)], found.now
    if not found.has("which"):
        toward = _toward(found, 0)
        return nearest(choices, now, toward) if toward else None
    if _which(found) < 0:
        return [each for each in choices if each.until <= now][-1]
    if _which(found) == 0:
        return choices[1]
    # "Next summer" is not the one of this year that is "this summer" already.
    soon = shift(now, Length(amount=4, unit="month"))
    return next(each for each in choices if each.since > now and (each.since > soon or each.since.year > now.year))


def _month(found: Found) -> Interval | None:
    """A month by its name, or the early or late part of it."""
    number, now = found.number("month"), found.now
    if found.has("year"):
        whole: Interval | None = month(found.number("year"), number)
    elif found.has("which") and _which(found) == 0:
        whole = month(now.year, number)
    else:
        choices = [month(now.year + each, number) for each in (-1, 0, 1)]
        if found.has("which"):
            choices = [each for each in choices if not each.since <= now < each.until]
        pick = likely if not found.has("which") and not found.direction else nearest
        whole = pick(choices, now, cast("Direction", _which(found)) if found.has("which") else _toward(found))
    return edge_of(whole, _edge(found)) if whole and found.has("edge") else whole


def _months(found: Found) -> Interval | None:
    """From one month to another."""
    first, last = found.number("month"), found.number("last")
    choices = []
    for number in (found.now.year + each for each in (-1, 0, 1)):
        until = month(number + (last < first), last).until
        choices.append(Interval(since=month(number, first).since, until=until, precision="month"))
    return nearest(choices, found.now, _toward(found))


def _date(found: Found) -> Interval | None:
    """A day of a named month, or several in a row."""
    first, number = found.number("day"), found.number("month")
    count = found.number("last") - first + 1 if found.has("last") else 1
    if count < 1:
        return None
    if found.has("year"):
        return days(datetime(found.number("year"), number, first), count)
    reach = 4 if (number, first) == (2, 29) else 1
    years = range(found.now.year - reach, found.now.year + reach + 1)
    choices = [days(each, count) for each in _valid((each, number, first) for each in years)]
    return likely(choices, found.now, _toward(found, 1 if found.has("lead") else 0))


def _valid(dates: Iterator[tuple[int, int, int]]) -> Iterator[datetime]:
    for each in dates:
        try:
            yield datetime(*each)
        except ValueError:
            continue


def _days_of_month(found: Found, months: range) -> list[Interval]:
    whole = [month(found.now.year, found.now.month + each).since for each in months]
    return [days(each) for each in _valid((each.year, each.month, found.number("day")) for each in whole)]


def _day_of_month(found: Found) -> Interval | None:
    """The 28th: of this month or of one beside it."""
    if not found.has("lead") and not found.has("count") and found.number("day") < 4:
        return None  # "the 2nd" alone counts things
    if found.has("of"):
        if found.word("of") != "month":
            return None
        return next(iter(_days_of_month(found, range(_which(found), _which(found) + 1))), None)
    return nearest(_days_of_month(found, range(-2, 3)), found.now, _toward(found, 1 if found.has("lead") else 0))


def _year(found: Found) -> Interval | None:
    if found.kind("lead") in ("j", "jJ") or found.said("lead") in ("over", "about", "nearly", "almost"):
        return None  # "over 2000 people"
    if found.has("thing") and found.number("year") % 100 == 0:
        return None  # "in 2000 words"
    whole = year(found.number("year"))
    return edge_of(whole, _edge(found)) if found.has("edge") else whole


def _years(found: Found) -> Interval:
    first, last = year(found.number("year")), year(found.number("last"))
    return replace(first, until=max(first.until, last.until))


def _holiday(found: Found) -> Interval | None:
    name, now = found.word("holiday"), found.now
    if found.has("year"):
        return holiday(name, found.number("year"))
    choices = [holiday(name, now.year + each) for each in (-1, 0, 1)]
    if found.has("which") and _which(found):
        return nearest(
            [each for each in choices if not each.since <= now < each.until], now, -1 if _which(found) < 0 else 1
        )
    return nearest(choices, now, 0 if found.has("which") else _toward(found))


def _iso(found: Found) -> Interval:
    return days(datetime.fromisoformat(found.word("date")))


_YEAR = r"(?:,?z?(?P<year>Y))"
_ON = r"(?:[Dd],?t?)?"
_ANCHORS = (
    _anchor("R", rf"{_MAYBE}(?P<day>R)", _relative_day),
    _anchor("Dd", rf"{_MAYBE}{_WHICH}(?P<day>[Dd])", _weekday),
    _anchor("D", rf"{_MAYBE}(?P<day>D)", _weekday),
    _anchor("d", rf"(?:{_OFFSET}|(?P<lead>[subj]))(?P<day>d)(?!x)", _weekday),
    _anchor("d", r"(?P<day>d)(?=[PT])", _weekday),
    _anchor("Dd", rf"{_MAYBE}(?P<day>[Dd])z?{_WHICH}(?P<week>U)", _weekday_of_week),
    _anchor("Dd", rf"{_MAYBE}{_WHICH}(?P<week>U)[jz]?(?P<day>[Dd])", _weekday_of_week),
    _anchor("Dd", rf"{_MAYBE}(?P<weekday>[Dd]),?t?(?P<day>O){_ENDS}", _weekday_and_date),
    _anchor("K", rf"{_MAYBE}{_WHICH}K", _weekend),
    _anchor("K", r"(?:(?P<lead>[ijJubsF])t?|t)K", _weekend),
    _anchor("g", r"(?P<n>[aN])(?P<what>[KDWV])g", _weekends_ago),
    Rule(needs=frozenset("U"), pattern=re.compile(r"(?P<lead>[iJF])J?tl(?P<whole>U)"), read=_lately),
    _anchor("U", rf"{_MAYBE}{_WHICH}(?P<whole>U)", _whole),
    _anchor("U", r"(?P<rest>f)(?P<which>h)(?P<whole>U)", _whole),
    _anchor("U", rf"{_MAYBE}(?P<edge>e)(?:t|{_WHICH})(?P<whole>U)", _whole),
    _anchor("S", rf"{_MAYBE}(?:(?P<edge>e)-?t?)?{_WHICH}(?P<season>S)", _season),
    _anchor("S", rf"{_MAYBE}(?:(?P<edge>e)-?t?)?(?P<season>S){_YEAR}", _season),
    _anchor("S", rf"{_NEEDED}(?P<season>S)", _season),
    _anchor("S", r"(?P<lead>i)t?(?P<edge>e)-?t?(?P<season>S)", _season),
    _anchor("S", r"(?P<n>[aN])(?P<season>S)g", _season),
    _anchor("Mmµ", rf"{_MAYBE}(?:(?P<edge>e)-?)?(?P<which>h?[ln])(?P<month>[Mmµ])", _month),
    _anchor("Mm", rf"{_MAYBE}(?:(?P<edge>e)-?)?(?P<which>h)(?P<month>[Mm])", _month),
    _anchor("Mm", rf"{_NEEDED}(?P<month>[Mm])(?!-?[NO])", _month),
    _anchor("µ", r"(?P<lead>[isub])(?P<month>µ)", _month),
    _anchor("Mmµ", rf"{_MAYBE}(?P<edge>e)-?(?P<month>[Mmµ]){_YEAR}?", _month),
    _anchor("Mmµ", rf"{_MAYBE}(?P<month>[Mmµ]){_YEAR}", _month),
    _anchor("Mm", r"p?(?P<month>[Mm])[r-](?P<last>[Mm])", _months),
    _anchor("Mm", rf"{_MAYBE}{_ON}(?P<day>[NO])z?(?P<month>[Mm]){_YEAR}?", _date),
    _anchor("µ", rf"{_MAYBE}{_ON}(?P<day>O)z?(?P<month>µ){_YEAR}?", _date),
    _anchor("Mmµ", rf"{_MAYBE}{_ON}(?P<day>[No])z(?P<month>[Mmµ]){_YEAR}?", _date),
    _anchor("µ", rf"{_NEEDED}{_ON}(?P<day>N)(?P<month>µ){_YEAR}?", _date),
    _anchor("µ", rf"{_ON}(?P<day>N)(?P<month>µ){_YEAR}", _date),
    _anchor("Mm", rf"{_MAYBE}{_ON}(?P<month>[Mm])t?(?P<day>[NOo])(?![UX]){_YEAR}?", _date),
    _anchor("µ", rf"{_MAYBE}{_ON}(?P<month>µ)t?(?P<day>O){_YEAR}?", _date),
    _anchor("µ", rf"{_NEEDED}{_ON}(?P<month>µ)(?P<day>N)(?![UX]){_YEAR}?", _date),
    _anchor("Mmµ", rf"[pjJ]?t?(?P<day>[NO])[-r]t?(?P<last>[NO])z?(?P<month>[Mmµ]){_YEAR}?", _date),
    _anchor("Mm", rf"[pjJ]?(?P<month>[Mm])t?(?P<day>[NO])[-r]t?(?P<last>[NO])(?![UX]){_YEAR}?", _date),
    _anchor("O", rf"(?:{_OFFSET}t|(?P<lead>[spubjFJ]|[su]j|[jub]J)t?|(?<![iz])t)(?P<day>O){_ENDS}", _day_of_month),
    _anchor("U", rf"(?:{_LEAD})?t?(?P<day>O)z(?:t|{_WHICH})(?P<of>U)", _day_of_month),
    _anchor("Y", rf"{_NEEDED}(?P<year>Y)(?![LUX]|-)(?=(?P<thing>x)|)", _year),
    _anchor("Y", r"η(?P<year>Y)&(?P<last>Y)", _years),
    _anchor("Mm", r"η(?P<month>[Mm])&(?P<last>[Mm])", _months),
    _anchor("Mmµ", rf"ηt?(?P<day>[NO])&t?(?P<last>[NO])z?(?P<month>[Mmµ]){_YEAR}?", _date),
    _anchor("Y", r"[pji]?(?P<year>Y)[ru-](?P<last>Y)(?![LUX])", _years),
    _anchor("Y", rf"{_MAYBE}(?P<edge>e)-?(?P<year>Y)(?![LUX])", _year),
    _anchor("I", rf"{_MAYBE}{_WHICH}?(?P<holiday>I){_YEAR}?", _holiday),
    _anchor("H", rf"{_NEEDED}{_WHICH}?(?P<holiday>H){_YEAR}?", _holiday),
    _anchor("H", rf"{_WHICH}(?P<holiday>H)", _holiday),
    _anchor("H", rf"(?P<holiday>H){_YEAR}", _holiday),
    _anchor("Z", rf"{_MAYBE}(?P<date>Z)", _iso),
)
ENGLISH = Grammar(
    rules=ANCHORED + _ANCHORS + LENGTHS,
    behind=re.compile(r"(?:(?:it)?(?P<part>P))?(?:,?[ij]?J?(?P<clock>[Tq]|(?<=j)N(?![xUXCQMm])))?"),
    before=re.compile(r"(?P<clock>[Tq])[ij,]?$"),
)
