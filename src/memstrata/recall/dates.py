"""Dates that a question names, in English, Chinese and ISO form, and how near a day is to one."""

from __future__ import annotations

import re
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from memstrata.core.candidates import Floats, Integers

_MONTH_NAMES = "january february march april may june july august september october november december".split()
_MONTHS = {
    **{name: number for number, name in enumerate(_MONTH_NAMES, start=1)},
    **{name[:3]: number for number, name in enumerate(_MONTH_NAMES, start=1)},
    "sept": 9,
}
_MONTH = "(?:" + "|".join(sorted(_MONTHS, key=len, reverse=True)) + ")"
_PLAIN_MONTH = _MONTH.replace("march|", "").replace("may|", "").replace("|mar|", "|")
_YEAR = r"(?P<year>(?:19|20)\d\d)"
_DAY = r"(?P<day>\d{1,2})(?:st|nd|rd|th)?"
_FORMS = [
    re.compile(form, re.IGNORECASE)
    for form in (
        rf"\b{_YEAR}[-/.](?P<month>\d{{1,2}})(?:[-/.](?P<day>\d{{1,2}}))?\b",
        rf"{_YEAR}\s?年(?:\s?(?P<month>\d{{1,2}})\s?月(?:\s?(?P<day>\d{{1,2}})\s?[日号號])?)?",
        r"(?<!\d)(?P<month>\d{1,2})\s?月(?:\s?(?P<day>\d{1,2})\s?[日号號])?",
        rf"\b{_DAY}\s+(?:of\s+)?(?P<month>{_MONTH})\b\.?(?:,?\s*(?:of\s+)?{_YEAR})?",
        rf"\b(?P<month>{_MONTH})\b\.?\s+{_DAY}\b(?:,?\s*{_YEAR})?",
        rf"\b(?P<month>{_MONTH})\b\.?,?\s*(?:of\s+|in\s+)?{_YEAR}",
        rf"\b(?P<month>{_PLAIN_MONTH})\b",
    )
]
# "may" and "march" are verbs too: months only where they are capitalised and do not open the question.
_FORMS.append(re.compile(r"(?<!^)\b(?P<month>May|March)\b"))
_FORMS.append(re.compile(rf"\b{_YEAR}\b"))
_ANY_SIGN = re.compile("|".join((r"(?:19|20)\d\d", "月", *(name[:3] for name in _MONTH_NAMES))))
"""Every form needs one of these: most questions name no date, and trying all forms took a third of their reading."""
_UNIX_DAY = 86_400_000_000


@dataclass(frozen=True, slots=True, kw_only=True)
class NamedDate:
    """A date as a question names it; what it leaves out is None."""

    year: int | None = None
    month: int | None = None
    day: int | None = None


def named_dates(text: str) -> tuple[NamedDate, ...]:
    """The dates in a text, the most exact reading of each."""
    found: list[NamedDate] = []
    if not _ANY_SIGN.search(text.casefold()):
        return ()
    for form in _FORMS:
        while match := form.search(text):
            parts = match.groupdict()
            date = NamedDate(
                year=_number(parts.get("year")), month=_month(parts.get("month")), day=_number(parts.get("day"))
            )
            if _possible(date):
                found.append(date)
            text = f"{text[: match.start()]} | {text[match.end() :]}"
    return tuple(found)


def nearness(dates: tuple[NamedDate, ...], timestamps: Integers, offsets: NDArray[np.int32]) -> Floats:
    """How well each local day fits the nearest of the dates, 0 to 1.

    A day: 1 on it and the day after (people tell of yesterday), .8 within ten days after, .4 within a month either
    way. A month: 1 in it, .4 in the next. A year alone: .3.
    """
    if not dates:
        return np.zeros(len(timestamps), dtype=np.float32)
    local = timestamps + offsets.astype(np.int64) * 60_000_000
    days = np.floor_divide(local, _UNIX_DAY).astype("datetime64[D]")
    months = days.astype("datetime64[M]")
    years = days.astype("datetime64[Y]").astype(np.int64) + 1970
    best = np.zeros(len(timestamps), dtype=np.float32)
    for date in dates:
        for year in [date.year] if date.year else np.unique(years).tolist():
            best = np.maximum(best, _fit(date, int(year), days, months, years))
    return best.astype(np.float32)


def _fit(
    date: NamedDate, year: int, days: NDArray[np.datetime64], months: NDArray[np.datetime64], years: Integers
) -> NDArray[np.float64]:
    if date.month is None:
        return np.where(years == year, 0.3, 0.0)
    month = np.datetime64(f"{year:04}-{date.month:02}", "M")
    if date.day is None:
        after = (months - month).astype(np.int64)
        return np.where(after == 0, 1.0, np.where(after == 1, 0.4, 0.0))
    past = (days - (month.astype("datetime64[D]") + np.timedelta64(date.day - 1, "D"))).astype(np.int64)
    exact = (past >= 0) & (past <= 1)
    soon = (past >= -1) & (past <= 10)
    return np.where(exact, 1.0, np.where(soon, 0.8, np.where(np.abs(past) <= 31, 0.4, 0.0)))


def _number(text: str | None) -> int | None:
    return int(text) if text else None


def _month(text: str | None) -> int | None:
    if text is None:
        return None
    return int(text) if text.isdecimal() else _MONTHS[text.casefold().replace("ı", "i")]  # re matches ſ and ı as well


def _possible(date: NamedDate) -> bool:
    return (date.month is None or 1 <= date.month <= 12) and (date.day is None or 1 <= date.day <= 31)
