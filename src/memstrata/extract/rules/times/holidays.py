"""The days of holidays, year by year: fixed ones, Easter and what the moon decides in China."""

from __future__ import annotations

from datetime import datetime, timedelta

from memstrata.extract.rules.times.calendar import DAY, Interval, days

_FIRST_LUNAR_YEAR = 1990
# Month and day of the lunar new year, the dragon boat and the mid-autumn festival, 1990 to 2050. Computed with the
# public calendar tables of three independent libraries (lunardate, zhdate, borax), which agree on every day.
_NEW_YEAR = """0127 0215 0204 0123 0210 0131 0219 0207 0128 0216 0205 0124 0212 0201 0122 0209 0129 0218 0207 0126 0214
0203 0123 0210 0131 0219 0208 0128 0216 0205 0125 0212 0201 0122 0210 0129 0217 0206 0126 0213 0203 0123 0211 0131 0219
0208 0128 0215 0204 0124 0212 0201 0122 0210 0130 0217 0206 0126 0214 0202 0123""".split()
_DRAGON_BOAT = """0528 0616 0605 0624 0613 0602 0620 0609 0530 0618 0606 0625 0615 0604 0622 0611 0531 0619 0608 0528 0616
0606 0623 0612 0602 0620 0609 0530 0618 0607 0625 0614 0603 0622 0610 0531 0619 0609 0528 0616 0605 0624 0612 0601 0620
0610 0530 0618 0607 0527 0614 0603 0622 0611 0531 0619 0608 0529 0615 0604 0623""".split()
_MID_AUTUMN = """1003 0922 0911 0930 0920 0909 0927 0916 1005 0924 0912 1001 0921 0911 0928 0918 1006 0925 0914 1003 0922
0912 0930 0919 0908 0927 0915 1004 0924 0913 1001 0921 0910 0929 0917 1006 0925 0915 1003 0922 0912 1001 0919 0908 0927
0916 1004 0924 0913 1002 0920 0910 0928 0917 1005 0925 0915 1004 0922 0911 0930""".split()
_LUNAR = {"dragon boat": _DRAGON_BOAT, "mid-autumn": _MID_AUTUMN}
_FIXED: dict[str, tuple[int, int, int]] = {  # month, day, and how many days it lasts
    "new year": (1, 1, 1),
    "valentine": (2, 14, 1),
    "women's day": (3, 8, 1),
    "labour day": (5, 1, 5),
    "children's day": (6, 1, 1),
    "teachers' day": (9, 10, 1),
    "national day": (10, 1, 7),
    "halloween": (10, 31, 1),
    "singles' day": (11, 11, 1),
    "christmas eve": (12, 24, 1),
    "christmas": (12, 25, 1),
    "boxing day": (12, 26, 1),
    "new year's eve": (12, 31, 1),
}


def holiday(name: str, year: int) -> Interval:
    """The days of a holiday in a year. Raises ValueError where the tables do not reach."""
    if name in _FIXED:
        month, day, count = _FIXED[name]
        return days(datetime(year, month, day), count, precision="week" if count > 1 else "day")
    if name in _LUNAR:
        return days(_from_table(_LUNAR[name], year))
    if name == "tomb-sweeping":  # the usual rule of thumb for the solar term, right for 2000 to 2099
        return days(datetime(year, 4, int(0.2422 * (year % 100) + 4.81) - year % 100 // 4))
    if name == "easter":
        return days(easter(year))
    if name == "good friday":
        return days(easter(year) - 2 * DAY)
    if name == "thanksgiving":
        first = datetime(year, 11, 1)
        return days(first + ((3 - first.weekday()) % 7 + 21) * DAY)
    if name == "spring festival":
        return days(lunar_new_year(year), 7, precision="week")
    if name == "lunar new year's eve":
        return days(lunar_new_year(year) - DAY)
    if name == "lantern":
        return days(lunar_new_year(year) + 14 * DAY)
    raise ValueError(f"no holiday is called {name!r}")


def lunar_new_year(year: int) -> datetime:
    """The first day of the lunar year that begins in a year. Raises ValueError before 1990 and after 2050."""
    return _from_table(_NEW_YEAR, year)


def easter(year: int) -> datetime:
    """Easter Sunday of the Gregorian calendar (the anonymous algorithm of 1876, as given by Meeus)."""
    century, rest = divmod(year, 100)
    leaps, left = divmod(century, 4)
    moon = (19 * (year % 19) + century - leaps - (century - (century + 8) // 25 + 1) // 3 + 15) % 30
    sunday = (32 + 2 * left + 2 * (rest // 4) - moon - rest % 4) % 7
    late = (year % 19 + 11 * moon + 22 * sunday) // 451
    day = moon + sunday - 7 * late + 114
    return datetime(year, day // 31, 1) + timedelta(days=day % 31)


def _from_table(table: list[str], year: int) -> datetime:
    if not 0 <= year - _FIRST_LUNAR_YEAR < len(table):
        raise ValueError(f"no lunar calendar for {year}")
    entry = table[year - _FIRST_LUNAR_YEAR]
    return datetime(year, int(entry[:2]), int(entry[2:]))
