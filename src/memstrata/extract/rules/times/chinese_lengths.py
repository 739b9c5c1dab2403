"""Lengths of time and what comes again, in Chinese words: 两周后, 满五年了, 去一年, 每周日."""

from __future__ import annotations

import re
from collections.abc import Callable
from typing import cast

from memstrata.extract.rules.times.calendar import Interval, Length, ahead, around, shift, since_exactly
from memstrata.extract.rules.times.grammar import Found, Reading, Rule, TimeRole
from memstrata.types import Precision

_END = r"(?=[,|]|$)"
_SHORT = ("minute", "hour", "day")


def length_of(found: Found, group: str) -> Length:
    """The length in a group. Raises ValueError where there is none."""
    value = found.value(group)
    if not isinstance(value, Length):
        raise ValueError(f"{group!r} is no length")
    return value


def _reading(role: TimeRole, interval: Interval) -> Reading:
    return Reading(role=role, interval=interval, precision=interval.precision)


def _later(found: Found) -> Reading | None:
    if found.direction < 0 and not found.has("to_go"):
        return None  # 两周后他走了: later than what was told before
    return _reading("at", around(found.now, length_of(found, "length"), 1))


def _within(found: Found) -> Reading | None:
    length = length_of(found, "length")
    if found.direction < 0:
        return None
    end = shift(found.now, length)
    return _reading("until", Interval(since=found.now, until=end, precision=ahead(found.now, length).precision))


def _full(found: Found) -> Reading:
    return _reading("from", since_exactly(found.now, length_of(found, "length")))


def _full_by(found: Found) -> Reading | None:
    """到这个月整七年: what is full today or in this month, week or year began a length before."""
    this = found.word("today") == "0" or 0 in (found.value("month"), found.value("week"), found.value("year"))
    return _full(found) if this else None


def _began(found: Found) -> Reading:
    return _reading("from", around(found.now, length_of(found, "length"), -1))


def _did(found: Found) -> Reading | None:
    """干了十年: goes on, where it is long enough for that; 打了两天 is over."""
    return None if length_of(found, "length").unit in _SHORT else _began(found)


def _ahead(found: Found) -> Reading | None:
    return _reading("during_for", ahead(found.now, length_of(found, "length")))


def _going(found: Found) -> Reading | None:
    """去一年, 请假三天: from now on unless a verb says that it is over."""
    start = found.match.start()
    if "V" in found.scene.words.kinds[max(0, start - 8) : start]:
        return None  # 每逢周日才休一天
    least = 1 if length_of(found, "length").unit in ("minute", "hour") else 0
    return _ahead(found) if found.direction >= least else None


def _aside(found: Found) -> Reading | None:
    """A length that is a clause by itself, after something ahead."""
    return _ahead(found) if found.direction > 0 else None


def _every(found: Found) -> Reading:
    return Reading(role="every", interval=None, precision=cast("Precision", found.word("period")))


def _per(found: Found) -> Reading | None:
    """一周一次, 一天两片."""
    length = length_of(found, "length")
    if not found.has("times") and length.amount != 1:
        return None
    return Reading(role="every", interval=None, precision=length.unit)


def _from_day_to_day(found: Found) -> Reading:
    return Reading(role="every", interval=None, precision="week")


def _rule(needs: str, pattern: str, read: Callable[[Found], Reading | None]) -> Rule:
    return Rule(needs=frozenset(needs), pattern=re.compile(pattern), read=read)


LENGTHS = (
    _rule("L", r"(?P<length>L)a", _later),
    _rule("L", r"(?:^|(?<=[,|x]))(?P<to_go>g)(?P<length>L)a?(?![fk])", _later),
    _rule("L", r"(?P<length>L)I", _within),
    _rule("L", rf"j{{0,2}}F(?P<length>L)(?:f|{_END})", _full),
    _rule(
        "L", rf"u(?:(?P<today>R)|(?P<month>c)|(?P<week>w)|(?P<year>y))[jF]{{0,3}}(?P<length>L)(?:f|{_END})", _full_by
    ),
    _rule("L", r"j{0,2}(?P<length>L)f", _began),
    _rule("L", r"(?P<length>L)i", _began),
    _rule("L", rf"j(?P<length>L){_END}", _began),
    _rule("L", rf"fj{{0,2}}(?P<only>(?P<length>L)){_END}", _did),
    _rule("L", r"C[Gxft]{0,3}(?P<only>(?P<length>L))(?![baIfN#])", _ahead),
    _rule("L", r"(?P<length>L)t?C", _ahead),
    _rule("L", r"G(?P<only>(?P<length>L))(?![baIfkN#io])", _going),
    _rule("L", rf"(?<=,)(?P<length>L){_END}", _aside),
    _rule("V", r"(?P<period>V)(?:[DK]|P)?[Tq]?[bz]?", _every),
    _rule("L", r"(?P<length>L)[xt]{0,3}(?P<times>[N#])k", _per),
    _rule("L", r"(?P<length>L)[N#]x", _per),
    _rule("D", r"p?[D]u[D]", _from_day_to_day),
)
