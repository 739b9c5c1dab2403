"""English words for times, and what kind each is of."""

from __future__ import annotations

import re

from memstrata.extract.rules.times.grammar import Value, Words

# Kinds, one character each; the rules in `english.py` are written in them.
# N number  Q "few"  a "a"  t "the"  Y year  O "2nd"  o "second" of a month  Z ISO date  U unit  X units  K weekend
# M month  m May  µ may  D weekday  d sat, sun, wed  W Mondays  S season  R today, last night  P part of the day
# H holiday  I day of a holiday  ½ 1.5  ω weekday  T clock  q clock without am or pm  V weekly, weekends  π evenings  l last  h this  n next  g ago  β back  η between  f from now, later
# i in  j on, at  J over, about  s since  p from  u until, by  b before  A after  z of  F for  v every  w now, already  B been
# γ gone  κ come  θ time, after a length  ν in the new year  τ this time  ρ back in
# e early, end of  c and a half  k twice, times  y per  L lasts, is  C contract  r through  E moved  G old  , & / - |
# _ pronouns and other small words  x everything else
_KINDS: dict[str, str] = {
    "a": "a an",
    "t": "the",
    "G": "old age aged",
    "P": "morning afternoon evening night",
    "l": "last past previous",
    "h": "this",
    "n": "next coming upcoming following",
    "g": "ago",
    "β": "back",
    "η": "between",
    "f": "later earlier hence",
    "i": "in",
    "j": "on at",
    "J": "over during around about approx roughly nearly almost",
    "s": "since",
    "p": "from starting beginning",
    "u": "until till til by",
    "b": "before",
    "A": "after",
    "z": "of",
    "F": "for",
    "v": "every each",
    "w": "now already today",
    "B": "been",
    "k": "once twice times",
    "y": "per",
    "L": "is lasts takes runs last lasting",
    "C": "contract lease visa course internship subscription rental tenancy warranty membership sublet placement ban leave"
    " probation sabbatical secondment posting fellowship apprenticeship notice",
    "r": "to through thru",
    "E": "moved bumped pushed rescheduled postponed switched changed swapped shifted",
    "&": "and & plus or",
    "_": "i we you he she it they who that which there is are was were am be will would shall should can could may might"
    " must do does did has have had so but because cos if when while where with without to then as please pls plz for"
    " not also or and latest sharp at by my our his her their your its just only still too instead"
    " im ive ill id dont cant wont thats lol haha ha tbh though anyway btw ok okay obviously",
}
_UNITS = {
    "minute": "minute min",
    "hour": "hour hr h",
    "day": "day d",
    "week": "week wk",
    "fortnight": "fortnight",
    "month": "month mth mo",
    "year": "year yr y",
    "decade": "decade",
}
_SEVERAL = {
    "minute": "minutes mins",
    "hour": "hours hrs",
    "day": "days",
    "week": "weeks wks",
    "fortnight": "fortnights",
    "month": "months mths mos",
    "year": "years yrs",
    "decade": "decades",
}
_MONTHS = """january jan|february feb|march mar|april apr|may|june jun|july jul|august aug|september sept sep|october oct
|november nov|december dec""".split("|")
_WEEKDAYS = "monday mon|tuesday tues tue|wednesday wed weds|thursday thurs thur thu|friday fri|saturday sat|sunday sun"
_SMALL = """zero one two three four five six seven eight nine ten eleven twelve thirteen fourteen fifteen sixteen seventeen
eighteen nineteen""".split()
_TENS = "twenty thirty forty fifty sixty seventy eighty ninety".split()
_ORDINALS = """first second third fourth fifth sixth seventh eighth ninth tenth eleventh twelfth thirteenth fourteenth
fifteenth sixteenth seventeenth eighteenth nineteenth twentieth""".split()
_PHRASES: dict[str, tuple[str, Value]] = {
    "the day before yesterday": ("R", -2),
    "day before yesterday": ("R", -2),
    "the day after tomorrow": ("R", 2),
    "day after tomorrow": ("R", 2),
    "the other day": ("R", "other"),
    "last night": ("R", "-1 evening"),
    "last evening": ("R", "-1 evening"),
    "this morning": ("R", "0 morning"),
    "this afternoon": ("R", "0 afternoon"),
    "this evening": ("R", "0 evening"),
    "end of the day": ("x", None),
    "at the moment": ("x", None),
    "day one": ("x", None),
    "may be": ("x", None),
    "may as well": ("x", None),
    "may have": ("x", None),
    "may not": ("x", None),
    "from now on": ("x", None),
    "from time to time": ("x", None),
    "every now and then": ("x", None),
    "a couple of": ("N", 2),
    "a couple": ("N", 2),
    "couple of": ("N", 2),
    "couple": ("N", 2),
    "a few": ("Q", 3),
    "few": ("Q", 3),
    "half an": ("N", "half"),
    "half a": ("N", "half"),
    "and a half": ("c", None),
    "from now": ("f", None),
    "from today": ("f", None),
    "for another": ("F", None),
    "within": ("i", "within"),
    "starting from": ("p", None),
    "starting on": ("p", None),
    "starting in": ("p", None),
    "beginning in": ("p", None),
    "as of": ("p", None),
    "ever since": ("s", None),
    "up to": ("u", None),
    "up until": ("u", None),
    "due on": ("u", None),
    "due by": ("u", None),
    "due": ("u", None),
    "no later than": ("u", None),
    "ends on": ("u", None),
    "ends in": ("u", None),
    "ends": ("u", None),
    "expires on": ("u", None),
    "expires in": ("u", None),
    "back in": ("ρ", None),
    "back on": ("j", None),
    "back at": ("j", None),
    "early in": ("e", "early"),
    "early": ("e", "early"),
    "mid": ("e", "mid"),
    "late in": ("e", "late"),
    "late": ("e", "late"),
    "beginning of": ("e", "start"),
    "start of": ("e", "start"),
    "middle of": ("e", "mid"),
    "end of": ("e", "end"),
    "first week of": ("e", "start"),
    "last week of": ("e", "end"),
    "every other": ("v", None),
    "every single": ("v", None),
    "christmas eve": ("I", "christmas eve"),
    "xmas eve": ("I", "christmas eve"),
    "christmas day": ("I", "christmas"),
    "xmas day": ("I", "christmas"),
    "new year's eve": ("I", "new year's eve"),
    "new years eve": ("I", "new year's eve"),
    "nye": ("I", "new year's eve"),
    "new year's day": ("I", "new year"),
    "new years day": ("I", "new year"),
    "chinese new year": ("I", "spring festival"),
    "lunar new year": ("I", "spring festival"),
    "spring festival": ("I", "spring festival"),
    "mid-autumn festival": ("I", "mid-autumn"),
    "valentine's day": ("I", "valentine"),
    "valentines day": ("I", "valentine"),
    "boxing day": ("I", "boxing day"),
    "good friday": ("I", "good friday"),
    "easter sunday": ("I", "easter"),
    "in the new year": ("ν", None),
    "this time": ("τ", None),
    "just gone": ("γ", None),
    "come": ("κ", None),
    "gone": ("γ", None),
    "new year's": ("H", "new year"),
    "new year": ("H", "new year"),
    "christmas": ("H", "christmas"),
    "xmas": ("H", "christmas"),
    "easter": ("H", "easter"),
    "halloween": ("H", "halloween"),
    "valentine's": ("H", "valentine"),
    "christmases": ("H", "christmas"),
    "easters": ("H", "easter"),
    "halloweens": ("H", "halloween"),
    "thanksgivings": ("H", "thanksgiving"),
    "thanksgiving": ("H", "thanksgiving"),
    "noon": ("T", 720),
}


def _vocabulary() -> dict[str, tuple[str, Value]]:
    """Each single word with its kind and its value; later entries win."""
    words: dict[str, tuple[str, Value]] = {}
    for kind, group in reversed(_KINDS.items()):
        words |= {word: (kind, word) for word in group.split()}
    for kind, units in (("U", _UNITS), ("X", _SEVERAL)):
        words |= {word: (kind, unit) for unit, group in units.items() for word in group.split()}
    for number, names in enumerate(_MONTHS, start=1):
        words |= {name: ("m" if name in ("may", "march", "mar") else "M", number) for name in names.split()}
    for number, names in enumerate(_WEEKDAYS.split("|")):
        words |= {name: ("d" if name in ("sat", "sun", "wed", "mon") else "D", number) for name in names.split()}
        words |= {f"{names.split()[0]}s": ("W", number)}
    for name in ("spring", "summer", "autumn", "winter"):
        words |= {name: ("S", name), f"{name}s": ("S", name)}
    words |= {"fall": ("S", "autumn"), "falls": ("x", None)}
    words |= {word: ("N", number) for number, word in enumerate(_SMALL)}
    words |= {word: ("N", 10 * number) for number, word in enumerate(_TENS, start=2)}
    words |= {word: ("o", number) for number, word in enumerate(_ORDINALS, start=1)}
    words |= dict.fromkeys(("weekend", "wknd"), ("K", None))
    words |= {"weekends": ("V", "week"), "weekday": ("ω", "day"), "weekdays": ("V", "day")}
    words |= {"daily": ("V", "day"), "nightly": ("V", "day"), "weekly": ("V", "week"), "fortnightly": ("V", "week")}
    words |= {"biweekly": ("V", "week"), "monthly": ("V", "month"), "yearly": ("V", "year"), "annually": ("V", "year")}
    words |= dict.fromkeys(("mornings", "afternoons", "evenings", "nights"), ("π", "day"))
    words |= {"everyday": ("V", "day"), "time": ("θ", None)}
    words |= {"today": ("R", 0), "tonight": ("R", "0 evening"), "2nite": ("R", "0 evening")}
    words |= dict.fromkeys(("yesterday", "yday", "yest"), ("R", -1))
    return words | dict.fromkeys(("tomorrow", "tmrw", "tmr", "tmw", "tomorow", "tommorow", "2moro"), ("R", 1))


_WORDS = _vocabulary()
_PHRASE = "|".join(re.escape(each).replace(r"\ ", r"\s+") for each in sorted(_PHRASES, key=len, reverse=True))
_UNIT = "minutes|mins?|hours|hrs?|h|days?|d|weeks?|wks?|months?|mths?|mos?|years?|yrs?|y"
_SCAN = re.compile(
    rf"""(?P<phrase>\b(?:{_PHRASE})\b(?!'))
    | (?P<tens>\b(?:{"|".join(_TENS)})[- ](?:{"|".join(_SMALL[1:10])})\b)
    | (?P<oclock>\b(?:(?:half|quarter)\s+past\s+(?:{"|".join(_SMALL[1:13])}|1[0-2]|[1-9])|(?:1[0-2]|[1-9])\s?o'clock)\b)
    | (?P<word>[a-z]+(?![a-z0-9_]))
    | (?P<clitic>'[a-z]{{1,2}}\b)
    | (?P<iso>(?<![\w./-])(?:19|20)\d\d[-/](?:0[1-9]|1[0-2])[-/][0-3]\d(?=t\d\d:|[^\w-]|$))
    | (?P<dated>(?<![\w./-])\d{{1,2}}[/.]\d{{1,2}}[/.](?:19|20)\d\d(?![\w/]|[.-]\d))
    | (?P<clock>(?<![\w.:/,-])(?:(?:1[0-2]|0?[1-9])(?::[0-5]\d)?\s?(?:am|pm|a\.m\.|p\.m\.)|(?:[01]?\d|2[0-3]):[0-5]\d)(?![\w:]))
    | (?P<ordinal>(?<![\w.:/,-])(?:[12]?1st|2?2nd|2?3rd|31st|30th|[12]?[0-9]th)\b)
    | (?P<year>(?<![\w.:/,$€£])(?<!(?<!\d\d\d\d)[-–])(?:19|20)\d\d(?![\w:/%]|[.,]\d|[-–]\d(?!\d\d\d\b)))
    | (?P<half>(?<![\w.:/,$€£-])\d{{1,2}}\.5(?=\s?(?:{_UNIT})\b))
    | (?P<number>(?<![\w.:/,$€£-])\d{{1,4}}(?=(?:{_UNIT})\b|-[a-z]|[–—-]\d{{1,2}}\b(?![-–—/.:]\d)|(?![\w:/%-]|[.,]\d)))
    | (?P<upto>(?<=\d)[–—-](?P<last>\d{{1,2}})(?![\w:/%-]|[.,]\d))
    | (?P<other>[\w$€£%][\w.:/%]*(?<![.:]))
    | (?P<stop>[.!?;\n…]+)
    | (?P<mark>[^\s])""",
    re.VERBOSE | re.ASCII,
)
_MARKS = {",": ",", "-": "-", "–": "-", "—": "|", "/": "/", "&": "&", "@": "j", "~": "J", ":": "|", "(": "|", ")": "|"}
_TRIGGERS = frozenset(
    word for word, (kind, _) in _WORDS.items() if kind in "UXKMmDdWSRHVgsSY" and word not in ("h", "d", "y", "mo")
) | frozenset(
    "ago morning afternoon evening night nye half couple xmas christmas easter halloween valentine thanksgiving year years noon valentines".split()
)
_LETTERS = re.compile(r"[a-z]+")
_DIGITS = re.compile(r"\d(?:st|nd|rd|th)|(?:19|20)\d\d", re.ASCII)


def names_a_time(text: str) -> bool:
    """A cheap look whether a lower-case text may hold an English time."""
    return not _TRIGGERS.isdisjoint(_LETTERS.findall(text)) or _DIGITS.search(text) is not None


def words_of(text: str, original: str) -> Words:
    """The words of a lower-case text; `original` has its capitals."""
    kinds: list[str] = []
    places: list[tuple[int, int]] = []
    values: list[Value] = []
    for match in _SCAN.finditer(text):
        kind, value = _word(match)
        if kind == "m" and not original[match.start()].isupper():
            kind = "µ"
        if match["upto"]:
            kinds.append("-")
            places.append((match.start(), match.start() + 1))
            values.append(None)
            places.append((match.start() + 1, match.end()))
        else:
            places.append(match.span())
        kinds.append(kind)
        values.append(value)
    return Words(text=text, kinds="".join(kinds), places=places, values=values)


def _word(match: re.Match[str]) -> tuple[str, Value]:
    form, said = match.lastgroup or "", match.group()
    if form == "word":
        return _WORDS.get(said, ("x", None))
    if form == "phrase":
        return _PHRASES[" ".join(said.split())]
    if form == "mark":
        return _MARKS.get(said, "x" if said.isalnum() else "|"), None
    if form == "stop":
        return "|", None
    if form == "clitic":
        return {"'s": "L", "'ve": "_"}.get(said, "_"), None
    return _figure(form, said, match)


def _figure(form: str, said: str, match: re.Match[str]) -> tuple[str, Value]:
    """Kind and value of what is written with digits."""
    if form == "last":
        return "N", int(match["last"])
    if form == "upto":
        return "N", int(match["last"])
    if form in ("year", "number"):
        return ("Y" if form == "year" else "N"), int(said)
    if form == "ordinal":
        return "O", int(said[:-2])
    if form == "tens":
        tens, ones = re.split("[- ]", said)
        return "N", 10 * _TENS.index(tens) + 20 + _SMALL.index(ones)
    if form == "half":
        return "½", int(said[:-2])
    if form in ("clock", "oclock"):
        return _clock(said)
    if form == "iso":
        return "Z", said.replace("/", "-")
    if form == "dated":
        return _dated(said)
    return "x", None


def _clock(said: str) -> tuple[str, Value]:
    past = re.fullmatch(r"(half|quarter)\s+past\s+(\w+)", said)
    if past:
        hour = int(past[2]) if past[2].isdecimal() else _SMALL.index(past[2])
        return "q", hour * 60 + (30 if past[1] == "half" else 15)
    hours, minutes = (int(each) if each else 0 for each in re.findall(r"^(\d+)(?::(\d\d))?", said)[0])
    if "m" not in said:
        return ("q" if "o'clock" in said else "T"), hours * 60 + minutes
    return "T", (hours % 12 + (12 if "p" in said else 0)) * 60 + minutes


def _dated(said: str) -> tuple[str, Value]:
    """A date in figures: day first, unless only month first is possible; nothing where both are."""
    first, second, year = (int(each) for each in re.split(r"[./]", said))
    if "/" in said and first <= 12 and second <= 12 and first != second:
        return "x", None
    day, month = (second, first) if second > 12 else (first, second)
    return "Z", f"{year:04}-{month:02}-{day:02}"
