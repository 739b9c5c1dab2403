"""Lengths of time and what comes again, in English words: two years ago, for six months, every Sunday."""

from __future__ import annotations

import re
from collections.abc import Callable
from typing import cast

from memstrata.extract.rules.times.calendar import (
    DAY,
    Interval,
    Length,
    Unit,
    ahead,
    around,
    days,
    shift,
    since_exactly,
)
from memstrata.extract.rules.times.grammar import Found, Reading, Rule, TimeRole
from memstrata.types import Precision

LENGTH = r"(?P<n>[NQ½a])(?P<c>c)?(?P<u>[UX])(?P<d>c)?"
_BEFORE = 100
"""Characters before a length that are searched for its verb."""
_STOP = re.compile(r"[.!?;\n]|\b(?:but|then)\b")
_PERFECT = re.compile(
    r"\b(?:have|has|haven't|hasn't|been|ive|weve|theyve|hes been)\b|'ve\b|\b(?:live|work|know)s? here\b"
)
_OVER = re.compile(r"(?<!have )(?<!has )(?<!'ve )\bhad\b|'d\b|\bhadn't\b|\bwas\b|\bwere\b|\bused to\b")
_NOT_AHEAD = re.compile(
    r"n't\b|\bnot\b|\bnever\b|\bfirst\b|\b\w{2,}est\b|\bonly\b|\bonce\b|\bbeen\b|\bhave\b|\bhas\b|'ve\b"
)
_ROLES: dict[str, TimeRole] = {"s": "from", "p": "from", "u": "until"}
_MANY: dict[str, tuple[int, Unit]] = {"fortnight": (2, "week"), "decade": (10, "year")}


def length_of(found: Found) -> Length:
    """The length that a rule found."""
    kind, value, unit = found.kind("n"), found.value("n"), found.word("u")
    count = 1.0 if kind == "a" else 0.5 if value == "half" else float(found.number("n"))
    times, whole = _MANY.get(unit, (1, cast("Unit", unit)))
    half = 0.5 if kind == "½" or found.has("c") or found.has("d") else 0.0
    return Length(amount=(count + half) * times, unit=whole, about=kind == "Q")


def clause_before(found: Found) -> str:
    """What stands before the length in its sentence."""
    start = found.scene.words.places[found.match.start()][0]
    return _STOP.split(found.scene.words.text[max(0, start - _BEFORE) : start])[-1]


def _reading(role: TimeRole, interval: Interval) -> Reading:
    return Reading(role=role, interval=interval, precision=interval.precision)


def _ago(found: Found) -> Reading:
    return _reading(_ROLES.get(found.kind("lead"), "at"), around(found.now, length_of(found), -1))


def _back(found: Found) -> Reading | None:
    long = length_of(found).unit in ("month", "year")
    return _ago(found) if found.direction < (1 if long else 0) else None  # "two weeks back home" has no such verb


def _in(found: Found) -> Reading | None:
    length = length_of(found)
    loose = length.unit in ("minute", "hour") or found.kind("n") == "a"
    if found.direction < (1 if loose else 0) or _NOT_AHEAD.search(clause_before(found)):
        return None  # "in two weeks I lost", "the first time in ten years"
    if found.word("lead") == "within":
        end = shift(found.now, length)
        return _reading("until", Interval(since=found.now, until=end, precision=ahead(found.now, length).precision))
    return _reading("at", around(found.now, length, 1))


def _later(found: Found) -> Reading | None:
    if found.word("f") == "earlier" or (found.word("f") and found.direction <= 0):
        return None  # later than what was told before
    return _reading("at", around(found.now, length_of(found), 1))


def _began(found: Found) -> Reading | None:
    """Something began a length ago and goes on."""
    if _OVER.search(clause_before(found)) or (found.kind("n") == "a" and found.word("u") == "minute"):
        return None  # "it had been two years"; "it's been a minute"
    return _reading("from", around(found.now, length_of(found), -1))


def _began_to_the_day(found: Found) -> Reading | None:
    length = length_of(found)
    over = found.direction < 0 and not _PERFECT.search(clause_before(found))
    if length.unit not in ("month", "year") or found.value("day") != 0 or over:
        return None
    there = shift(found.now, length, -1)
    return _reading("from", days(there) if not length.about else since_exactly(found.now, length))


def _for(found: Found) -> Reading | None:
    """For a length: until now where the verb is perfect, from now on where it is not past."""
    length, clause = length_of(found), clause_before(found)
    if _OVER.search(clause) and not found.has("now"):
        return None
    if found.has("now") or found.has("past") or _PERFECT.search(clause):
        return _reading("from", around(found.now, length, -1))
    if found.has("next"):
        return _reading("during_for", ahead(found.now, length))
    if found.direction < (1 if length.unit in ("minute", "hour") else 0):
        return None
    return _reading("during_for", ahead(found.now, length))


def _contract(found: Found) -> Reading | None:
    if _OVER.search(clause_before(found)):
        return None
    return _reading("during_for", ahead(found.now, length_of(found)))


def _every(found: Found) -> Reading:
    kind = found.kind("what")[-1:]
    named = found.scene.words.values[found.match.end("what") - 1] if kind in "UXVωπ" else None
    if kind == "π" and found.match.group()[0] in "Dd":
        return Reading(role="every", interval=None, precision="week")
    period = {"D": "week", "d": "week", "W": "week", "K": "week", "P": "day"}.get(kind, "year")
    unit = _MANY.get(str(named), (1, str(named)))[1] if named else period
    return Reading(role="every", interval=None, precision=cast("Precision", unit))


def _weekdays(found: Found) -> Reading | None:
    """Several weekdays in a row: a habit, unless a verb says that they are these days."""
    count = sum(kind in "Dd" for kind in found.match.group())
    if "," in found.match.group() and (count < 3 or found.direction):
        return None
    if count == 2 and found.said("what").split() == ["sat", "sun"]:
        return None
    return Reading(role="every", interval=None, precision="week")


def _from_day_to_day(found: Found) -> Reading:
    """Monday to Friday: a habit, unless something was moved from the one to the other."""
    if not found.has("moved"):
        return Reading(role="every", interval=None, precision="week")
    away = (found.number("day") - found.now.weekday()) % 7
    return _reading("at", days(found.now + away * DAY))


def _rule(needs: str, pattern: str, read: Callable[[Found], Reading | None]) -> Rule:
    return Rule(needs=frozenset(needs), pattern=re.compile(pattern), read=read)


LENGTHS = (
    _rule("g", rf"(?P<lead>[spu])?J?{LENGTH}g", _ago),
    _rule("β", rf"(?<![Fi]){LENGTH}β", _back),
    _rule("iρ", rf"(?P<lead>[iρ])J?{LENGTH}(?![gf])", _in),
    _rule("f", rf"{LENGTH}(?P<f>f)", _later),
    _rule("s", rf"sJ?{LENGTH}(?!g)", _began),
    _rule("w", rf"{LENGTH}w", _began),
    _rule("B", rf"B[x_jJiw]{{0,4}}?(?P<only>{LENGTH})(?![gfbAxGzUXi])", _began),
    _rule("i", rf"(?P<only>{LENGTH}i)(?=[|,&wB]|$)", _began),
    _rule("R", rf"{LENGTH}(?P<day>R)", _began_to_the_day),
    _rule("F", rf"FJ?t?(?:(?P<past>l)|(?P<next>n))?{LENGTH}(?P<now>w)?(?!-?[gGUX])", _for),
    _rule("C", rf"Cx{{0,2}}LF?J?(?P<only>{LENGTH})(?![gfbAGz])", _contract),
    _rule("C", r"(?P<n>N)-?(?P<u>[UX])-?x?C", _contract),
    _rule("G", r"[Na]-?[UX]-?G", lambda found: None),
    _rule("v", r"v(?P<what>[UDdKPMmSHIWVω]|NX|O[Dd])(?:(?<=[Dd])(?:,?[Dd])*,?&[Dd])?P?", _every),
    _rule("V", r"(?<![NQt])j?(?P<what>V)", _every),
    _rule("π", r"(?:[Dd]|[ij]t?)(?P<what>π)", _every),
    _rule("W", r"[jv]?(?P<what>W)(?:,?&?W)*[PVπ]?", _every),
    _rule("k", r"N?k[ayv](?P<what>U)", _every),
    _rule("X", r"NX[ay](?P<what>U)", _every),
    _rule("Dd", r"(?<![lhnv])(?P<what>[Dd](?:/?[Dd])+(?:,?&?[Dd])?)", _weekdays),
    _rule("Dd", r"(?<![lhnv])(?P<what>[Dd](?:[,/]{0,2}[Dd]){1,5},?&[Dd]|[Dd](?:[,/]{0,2}[Dd]){2,6})", _weekdays),
    _rule("Dd", r"ηt?[Dd]&t?[Dd]", lambda found: None),
    _rule("Dd", r"(?P<moved>E[x_L]{0,3})?(?P<only>p?t?[Dd][r-]t?(?P<day>[Dd]))", _from_day_to_day),
)
