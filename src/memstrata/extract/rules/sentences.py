"""A turn cut into sentences with their places, and the parts of it that are other people's words.

Chat is written without full stops: a line break ends a sentence as well. What a user pastes (quotation blocks,
fenced blocks, log lines, long quotations) is marked, for it is not the user who says it.
"""

from __future__ import annotations

import itertools
import re
from dataclasses import dataclass

from memstrata.core.facts.erasing import MARK

_ABBREVIATIONS = (
    r"(?<!\b[A-Za-z])(?<!\bMr)(?<!\bMs)(?<!\bMrs)(?<!\bDr)(?<!\bSt)(?<!\bvs)(?<!\be\.g)(?<!\bi\.e)(?<!\besp)(?<!\betc)"
)
_END = re.compile(rf"(?:[!?。！？…]+|{_ABBREVIATIONS}\.+(?=[\s\"'”’)）]|$))[\"'”’)）]*|[;；](?=\s|\S)|\n+")
_FENCE = re.compile(r"```.*?(?:```|\Z)|^>.*$", re.DOTALL | re.MULTILINE)
_LOG_LINE = re.compile(r"^\s*[\[【(]?[\w .@-]{1,40}[\])】]?\s*[:：].*$", re.MULTILINE)
_QUOTED = re.compile(r"\"([^\"]{1,4000})\"|“([^”]{1,4000})”|「([^」]{1,4000})」|『([^』]{1,4000})』|‘([^’]{12,4000})’")
_MARK = re.compile(re.escape(MARK))
LONG_QUOTATION = 160
"""Characters from which a quotation is a pasted text, whatever surrounds it."""
PASTED = re.compile(
    r"""\b(?:summari[sz]e|tl;?dr|translate|proofread|read|check|rewrite|reply\ to|answer|explain|what\ does)\b.{0,60}
        \b(?:this|the|below|following|these)\b
    | \b(?:forum|thread|e-?mail|article|page|post|message|newsletter|review|comment|letter|pdf|web\s?site)s?\b
        .{0,40}(?:[:：]|says|said|reads)
    | (?:总结|概括|翻译|看看|看下|帮我看|读一下|润色|回复|解释).{0,20}(?:这|下面|以下|邮件|文章|帖子|网页|短信|消息|通知)
    | (?:邮件|帖子|网页|文章|短信|通知|公众号|群里).{0,12}(?:[:：]|说|写着|内容)""",
    re.IGNORECASE | re.VERBOSE,
)
"""Words with which a text is handed over for reading."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Sentence:
    """A sentence and where it stands. `foreign`: not the speaker's own words. `quotes`: quotations inside it."""

    start: int
    end: int
    text: str
    foreign: bool
    quotes: tuple[tuple[int, int], ...]

    @property
    def own(self) -> str:
        """The sentence with its quotations blanked out."""
        text = self.text
        for start, end in self.quotes:
            text = text[: start - self.start] + " " * (end - start) + text[end - self.start :]
        return text


def sentences(text: str) -> list[Sentence]:
    """The sentences of a turn, without surrounding blanks."""
    foreign, quotes = _foreign(text), _quotations(text)
    ends = (match.end() for match in _END.finditer(text) if not _within(match.start(), quotes))
    marks = (place for match in _MARK.finditer(text) for place in match.span())
    cuts = sorted({0, *ends, *marks, len(text)})
    found = []
    for start, end in itertools.pairwise(cuts):
        piece = text[start:end]
        start, end = start + len(piece) - len(piece.lstrip()), end - len(piece) + len(piece.rstrip())
        if start < end:
            inside = tuple((a, b) for a, b in quotes if start <= a and b <= end)
            found.append(
                Sentence(start=start, end=end, text=text[start:end], foreign=_within(start, foreign), quotes=inside)
            )
    return found


def is_foreign(text: str, place: int) -> bool:
    """Whether the words at a place are not the speaker's own."""
    return any(each.foreign for each in sentences(text) if each.start <= place < each.end)


def _foreign(text: str) -> list[tuple[int, int]]:
    spans = [match.span() for match in _FENCE.finditer(text)]
    pasted = PASTED.search(text)
    spans += [match.span() for match in _QUOTED.finditer(text) if _is_paste(match.group(), handed_over=bool(pasted))]
    if pasted and (rest := re.search(r"[:：]\s*\n|\n\s*\n", text[pasted.start() :])):
        spans.append((pasted.start() + rest.start(), len(text)))
    lines = list(_LOG_LINE.finditer(text))
    if len(lines) >= 3:
        spans.append((lines[0].start(), lines[-1].end()))
    return spans


def _is_paste(quotation: str, *, handed_over: bool) -> bool:
    """A quotation that is a text of its own rather than a phrase."""
    return len(quotation) >= LONG_QUOTATION or "\n" in quotation or (handed_over and len(quotation) > 24)


def _quotations(text: str) -> list[tuple[int, int]]:
    return [match.span() for match in _QUOTED.finditer(text)] if any(mark in text for mark in '"“「『‘') else []


def _within(place: int, spans: list[tuple[int, int]]) -> bool:
    return any(start <= place < end for start, end in spans)
