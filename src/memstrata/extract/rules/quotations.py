"""Where the words of others stand inside a turn: quotations in marks, which are not what the speaker says of itself.

A mark that nothing closes opens nothing. One pass over the marks, so a text costs time in proportion to its length.
"""

from __future__ import annotations

import re

Span = tuple[int, int]

LONGEST = 4000
"""Characters within a quotation at most; beyond that a mark was left open."""
_SAYS = (
    r"(?:sa(?:id|ys|ying)|go(?:es|ing)|went|like|wrote|writes|texted|texts|ask(?:ed|s)|repl(?:ied|ies)|answer(?:ed|s)"
    r"|told\s\w{1,20}|tells\s\w{1,20}|[,:：，])"
)
_OPENS = re.compile(rf"[\"“「『【]|(?<!\w)‘|{_SAYS}\s{{0,2}}(?P<bare>(?<!\w)')(?=\w)", re.IGNORECASE)
_CLOSES = {
    '"': re.compile('"'),
    "“": re.compile("”"),
    "「": re.compile("」"),
    "『": re.compile("』"),
    "【": re.compile("】"),
    "‘": re.compile(r"’(?!\w)"),
    "'": re.compile(r"(?<!\s)'(?!\w)|\n"),
}
_MARKS = frozenset("\"“「『【‘'")


def quotations(text: str) -> list[Span]:
    """The quotations of a text with their marks, in order and disjoint."""
    if _MARKS.isdisjoint(text):
        return []
    found: list[Span] = []
    closing: dict[str, int] = {}
    at = 0
    while opening := _OPENS.search(text, at):
        at = opening.end()
        mark, start = text[at - 1], at - 1
        if closing.get(mark, -1) < at:
            closed = _CLOSES[mark].search(text, at)
            closing[mark] = closed.start() if closed else len(text)
        end = closing[mark]
        if end < len(text) and text[end] != "\n" and 0 < end - at <= LONGEST:
            at = end + 1
            found.append((start, at))
    return found


def without_quotations(text: str, spans: list[Span]) -> str:
    """The text with these spans blanked out; every other character keeps its place."""
    kept, end = [], 0
    for start, after in spans:
        kept += [text[end:start], " " * (after - start)]
        end = after
    return "".join([*kept, text[end:]])
