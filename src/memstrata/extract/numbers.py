"""Numbers of a text by their value, in figures and in English and Chinese words."""

from __future__ import annotations

import re
from collections.abc import Iterator

_FIGURES = re.compile(r"\d+(?:[.,]\d+)*")
_GROUPED = re.compile(r"\d{1,3}(?:[.,]\d{3})+")
_SMALL = "zero one two three four five six seven eight nine ten eleven twelve thirteen fourteen fifteen sixteen".split()
_WORTH = {word: number for number, word in enumerate([*_SMALL, "seventeen", "eighteen", "nineteen"])}
_TENS = {word: 10 * ten for ten, word in enumerate("twenty thirty forty fifty sixty seventy eighty ninety".split(), 2)}
_ALSO = {"both": 2, "couple": 2, "pair": 2, "twins": 2, "twice": 2, "once": 1, "dozen": 12, "a": 1, "an": 1}
_WORDED = re.compile(
    rf"\b(?:(?P<tens>{'|'.join(_TENS)})(?:[ -](?P<ones>{'|'.join(_SMALL[1:10])}))?|(?P<small>{'|'.join(_WORTH)}))\b",
    re.IGNORECASE,
)
_ALSO_WORDED = re.compile(rf"\b(?:{'|'.join(_ALSO)})\b", re.IGNORECASE)
_CHINESE = re.compile("[一二两三四五六七八九十百千万]+")
_DIGITS = {character: number for number, character in enumerate("一二三四五六七八九", start=1)} | {"两": 2}


def numbers_in(text: str) -> Iterator[tuple[float | None, str]]:
    """Each number with how it is written; None for the value of a Chinese one above 99."""
    for match in _FIGURES.finditer(text):
        yield _value(match.group()), match.group()
    for match in _WORDED.finditer(text):
        yield _worth(match), match.group()
    for match in _CHINESE.finditer(text):
        yield _chinese(match.group()), match.group()


def numbers_meant(text: str) -> Iterator[float]:
    """The values that a text can bear out: its numbers, and what "a", "both" and "a couple" amount to."""
    yield from (number for number, _ in numbers_in(text) if number is not None)
    yield from (float(_ALSO[match.group().lower()]) for match in _ALSO_WORDED.finditer(text))


def _value(figures: str) -> float:
    """1,200 is 1200; 1,5 is 1.5; several dots (a date, a version) make one long number."""
    if _GROUPED.fullmatch(figures):
        return float(re.sub("[.,]", "", figures)[:300])
    parts = re.split("[.,]", figures)
    return float(("." if len(parts) == 2 else "").join(parts)[:300])


def _worth(match: re.Match[str]) -> float:
    if match["small"]:
        return float(_WORTH[match["small"].lower()])
    return float(_TENS[match["tens"].lower()] + (_WORTH[match["ones"].lower()] if match["ones"] else 0))


def _chinese(figures: str) -> float | None:
    tens, ten, ones = figures.partition("十")
    if not ten:
        return float(_DIGITS[figures]) if figures in _DIGITS else None
    if len(tens) > 1 or len(ones) > 1 or any(each not in _DIGITS for each in tens + ones):
        return None
    return float(10 * _DIGITS.get(tens, 1) + _DIGITS.get(ones, 0))
