"""Times by patterns over words: each word of a text becomes one character for its kind, and rules are plain regular
expressions over these. No nesting and no unbounded guess, so a text costs time in proportion to its length."""

from __future__ import annotations

import re
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import datetime
from itertools import islice
from typing import Literal

from memstrata.extract.rules.times.calendar import DAY, Direction, Interval, Length, clock_on, part_of_day
from memstrata.extract.rules.times.tense import Marks, direction, marks_of
from memstrata.types import Precision

TimeRole = Literal["at", "from", "until", "during_for", "every"]
Value = int | str | Length | None


@dataclass(frozen=True, slots=True, kw_only=True)
class Words:
    """A text cut into words: the kind of each as a character, its place, and its value."""

    text: str
    kinds: str
    places: Sequence[tuple[int, int]]
    values: Sequence[Value]


class Scene:
    """What all rules see: the words, the moment they were said, and lazily the verbs among them."""

    def __init__(self, words: Words, now: datetime) -> None:
        self.words, self.now = words, now
        self._marks: Marks | None = None

    def direction(self, first: int, after: int) -> Direction:
        """Whether the words around the words `first` to before `after` tell of the past or the future."""
        if self._marks is None:
            self._marks = marks_of(self.words.text)
        return direction(self._marks, self.words.places[first][0], self.words.places[after - 1][1])


@dataclass(frozen=True, slots=True, kw_only=True)
class Found:
    """A place where a rule fits."""

    scene: Scene
    match: re.Match[str]

    @property
    def now(self) -> datetime:
        """The moment the words were said, without its zone."""
        return self.scene.now

    @property
    def direction(self) -> Direction:
        """What the verbs around tell of."""
        return self.scene.direction(*self.match.span())

    def has(self, group: str) -> bool:
        """Whether the pattern has the group, and the words have it."""
        return group in self.match.re.groupindex and self.match[group] is not None

    def kind(self, group: str) -> str:
        """The kinds in a group; empty where it is missing."""
        return self.match[group] or "" if group in self.match.re.groupindex else ""

    def value(self, group: str) -> Value:
        """The value of the first word in a group."""
        return self.scene.words.values[self.match.start(group)] if self.has(group) else None

    def number(self, group: str) -> int:
        """The number in a group. Raises ValueError where there is none."""
        value = self.value(group)
        if not isinstance(value, int):
            raise ValueError(f"{group!r} is no number")
        return value

    def word(self, group: str) -> str:
        """The word in a group, by its entry in the vocabulary; empty where it is missing."""
        value = self.value(group)
        return value if isinstance(value, str) else ""

    def said(self, group: str) -> str:
        """The letters of a group as they stand in the lower-case text."""
        if not self.has(group):
            return ""
        first, after = self.match.span(group)
        return self.scene.words.text[self.scene.words.places[first][0] : self.scene.words.places[after - 1][1]]


@dataclass(frozen=True, slots=True, kw_only=True)
class Reading:
    """What a place means; a rule that gives None instead says that its words are no time."""

    role: TimeRole
    interval: Interval | None
    precision: Precision


@dataclass(frozen=True, slots=True, kw_only=True)
class Rule:
    """A pattern over kinds and its meaning. The group `only` limits the span, where the pattern looks further. `needs`:
    kinds of which the words hold at least one, or the pattern is not tried."""

    needs: frozenset[str]
    pattern: re.Pattern[str]
    read: Callable[[Found], Reading | None]


@dataclass(frozen=True, slots=True, kw_only=True)
class Grammar:
    """The rules of a language.

    `behind`, `before`: a `part` of the day and a `clock` that may stand beside a day; `before` is searched for in the
    few words that end where the day begins. A clock of the kind T is of 24 hours; q may be of the morning or of the evening, and N is
    an hour of either.
    """

    rules: tuple[Rule, ...]
    behind: re.Pattern[str]
    before: re.Pattern[str]


@dataclass(frozen=True, slots=True, kw_only=True)
class Mention:
    """A time in the text, without its zone."""

    start: int
    end: int
    reading: Reading


MOST = 1000
"""Times of one text at most: what names more is a table or a log."""
_BESIDE = 6
"""Words before a day that are searched for a clock time."""
_NOON = 12 * 60


def read_all(scene: Scene, grammar: Grammar) -> list[Mention]:
    """The mentions of a text. Where rules overlap, the longest wins, even where it then turns out to mean nothing."""
    found = []
    for first, after, rule, match in _longest(scene.words.kinds, grammar.rules):
        try:
            reading = rule.read(Found(scene=scene, match=match))
            if reading is not None:
                found.append(_beside(scene, grammar, first, after, reading))
        except (ValueError, OverflowError):
            continue  # 31 February, the year 10000, a lunar year beyond the table
    return found


def _longest(kinds: str, rules: tuple[Rule, ...]) -> list[tuple[int, int, Rule, re.Match[str]]]:
    fits: list[tuple[int, int, Rule, re.Match[str]]] = []
    present = frozenset(kinds)
    for rule in rules:
        if rule.needs.isdisjoint(present):
            continue
        group = "only" if "only" in rule.pattern.groupindex else 0
        fits += [(*match.span(group), rule, match) for match in islice(rule.pattern.finditer(kinds), MOST)]
    fits.sort(key=lambda fit: fit[0] - fit[1])
    taken, kept = bytearray(len(kinds)), []
    for fit in fits:
        first, after = fit[:2]
        if not any(taken[first:after]):
            taken[first:after] = b"\1" * (after - first)
            kept.append(fit)
    return sorted(kept, key=lambda fit: fit[0])[:MOST]


def _beside(scene: Scene, grammar: Grammar, first: int, after: int, reading: Reading) -> Mention:
    """The mention with the part of the day and the clock time that stand beside it."""
    words, day = scene.words, reading.interval
    if day is not None and reading.precision == "day" and day.until - day.since <= DAY:
        behind = grammar.behind.match(words.kinds, after)
        start = max(0, first - _BESIDE)
        before = grammar.before.search(words.kinds[start:first])
        if behind and behind["part"]:
            day = part_of_day(day, str(words.values[behind.start("part")]))
        clock = behind.start("clock") if behind and behind["clock"] else None
        if behind and behind.end() > after:
            after = behind.end()
        elif before and before["clock"]:
            first, clock = start + before.start(), start + before.start("clock")
        if clock is not None:
            day = _on_the_clock(day, words.values[clock], words.kinds[clock])
        reading = Reading(role=reading.role, interval=day, precision=day.precision)
    return Mention(start=words.places[first][0], end=words.places[after - 1][1], reading=reading)


def _on_the_clock(day: Interval, value: Value, kind: str) -> Interval:
    """The hour or minute on a day; the day itself where morning or evening is open."""
    sure, whole, begins = kind == "T", day.until - day.since == DAY, day.since.hour
    if not isinstance(value, int) or (whole and not sure):
        return day
    if kind == "N":
        value *= 60
    later = not sure and value < _NOON and (begins >= 12 or (begins == 11 and value < 10 * 60))
    exact = clock_on(day, value + _NOON if later else value)
    return exact if sure or day.since <= exact.since < day.until else day
