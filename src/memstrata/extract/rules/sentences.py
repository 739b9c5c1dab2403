"""A turn cut into sentences with their places, and the parts of it that are other people's words.

Chat is written without full stops: a line break ends a sentence as well. What a user pastes (quotation blocks,
fenced blocks, log lines, long quotations) is marked, for it is not the user who says it.
"""

from __future__ import annotations

import itertools
import re
from bisect import bisect_left, bisect_right
from collections.abc import Sequence
from dataclasses import dataclass

from memstrata.core.facts.erasing import MARK
from memstrata.extract.rules.quotations import Span, quotations, without_quotations

_ABBREVIATIONS = (
    r"(?<!\b[A-Za-z])(?<!\bMr)(?<!\bMs)(?<!\bMrs)(?<!\bDr)(?<!\bSt)(?<!\bvs)(?<!\be\.g)(?<!\bi\.e)(?<!\besp)(?<!\betc)"
)
_END = re.compile(rf"(?:[!?。！？…]++|{_ABBREVIATIONS}(?<!\.)\.++(?=[\s\"'”’)）]|$))[\"'”’)）]*|[;；](?=\s|\S)|\n+")
_FENCE = re.compile(r"```.*?(?:```|\Z)|^>[^\n]*", re.DOTALL | re.MULTILINE)
_LOG_LINE = re.compile(r"^[ \t]*+[\[【(]?[\w.@-][\w .@-]{0,39}[\])】]?[ \t]{0,4}[:：].*$", re.MULTILINE)
_MARK = re.compile(re.escape(MARK))
_BODY = re.compile(r"[:：]\s*\n|\n\s*\n")
_TITLE = re.compile(
    r"\W(?!(?:i|i'm|i've|my|me|we|our|you|your|always|never|please|don't|call|answer)\b)[^\W\u3040-\u9fff][\w'’.-]*"
    r"(?:[ ,&:-]+[^\W\u3040-\u9fff][\w'’.-]*){0,2}\W|\W(?!.*(?:我|你|您|请|以后))[\w·]{1,8}\W",
    re.IGNORECASE,
)
"""At most three words, or eight Chinese characters, that speak for nobody and order nothing."""
LONG_QUOTATION = 160
"""Characters from which a quotation is a pasted text, whatever surrounds it."""
PASTED = re.compile(
    r"""\b(?:summari[sz]e|tl;?dr|translate|proofread|read|check|rewrite|reply\ to|answer|explain|what\ does)\b.{0,60}
        \b(?:this|the|below|following|these)\b
    | \b(?:forum|thread|e-?mail|article|page|post|message|newsletter|review|comment|letter|pdf|web\s?site)s?\b
        .{0,40}(?:[:：]|says|said|reads)
    | \b(?:got|received|forwarded|came|arrived|landed|popped\ up|says|reads|wrote|sent|texted|posted|pinned)\b[^\n]{0,40}[:：][ \t]{0,4}\n
    | (?:收到|来的|发来|转来|发的|转发|推送|弹出|弹窗|显示|贴的|群里|写着|上面说)[^\n]{0,12}[:：][ \t]{0,4}\n
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
    quotes: tuple[Span, ...]

    @property
    def own(self) -> str:
        """The sentence with its quotations blanked out."""
        return without_quotations(self.text, [(start - self.start, end - self.start) for start, end in self.quotes])


def sentences(text: str) -> list[Sentence]:
    """The sentences of a turn, without surrounding blanks."""
    quotes = quotations(text)
    foreign = _disjoint(_foreign(text, quotes))
    ends = (match.end() for match in _END.finditer(text) if not _within(match.start(), quotes))
    marks = (place for match in _MARK.finditer(text) for place in match.span())
    cuts = sorted({0, *ends, *marks, len(text)})
    found = []
    for start, end in itertools.pairwise(cuts):
        piece = text[start:end]
        start, end = start + len(piece) - len(piece.lstrip()), end - len(piece) + len(piece.rstrip())
        if start < end:
            found.append(
                Sentence(
                    start=start,
                    end=end,
                    text=text[start:end],
                    foreign=_within(start, foreign),
                    quotes=_between(quotes, start, end),
                )
            )
    return found


def without_speech(text: str) -> str:
    """A text with the quotations blanked out that may be somebody's speech; a title or a name in marks stays."""
    return without_quotations(text, [span for span in quotations(text) if not _TITLE.fullmatch(text[slice(*span)])])


def is_foreign(text: str, place: int) -> bool:
    """Whether the words at a place are not the speaker's own."""
    return any(each.foreign for each in sentences(text) if each.start <= place < each.end)


def _foreign(text: str, quotes: Sequence[Span]) -> list[Span]:
    spans = [match.span() for match in _FENCE.finditer(text)]
    pasted = PASTED.search(text)
    spans += [span for span in quotes if _is_paste(text[slice(*span)], handed_over=bool(pasted))]
    if pasted and (rest := _BODY.search(text, pasted.start())):
        spans.append((rest.start(), len(text)))
    lines = list(_LOG_LINE.finditer(text))
    if len(lines) >= 3:
        spans.append((lines[0].start(), lines[-1].end()))
    return spans


def _is_paste(quotation: str, *, handed_over: bool) -> bool:
    """A quotation that is a text of its own rather than a phrase."""
    return len(quotation) >= LONG_QUOTATION or "\n" in quotation or (handed_over and len(quotation) > 24)


def _disjoint(spans: Sequence[Span]) -> list[Span]:
    """The same places as spans in order that do not touch."""
    joined: list[Span] = []
    for start, end in sorted(spans):
        if joined and start <= joined[-1][1]:
            joined[-1] = (joined[-1][0], max(end, joined[-1][1]))
        else:
            joined.append((start, end))
    return joined


def _between(spans: Sequence[Span], start: int, end: int) -> tuple[Span, ...]:
    """What of the spans, which are in order and disjoint, lies between two places."""
    first = bisect_right(spans, start, key=lambda span: span[1])
    after = bisect_left(spans, end, key=lambda span: span[0])
    return tuple((max(a, start), min(b, end)) for a, b in spans[first:after])


def _within(place: int, spans: Sequence[Span]) -> bool:
    """Whether a place lies in one of the spans, which are in order and disjoint."""
    at = bisect_right(spans, place, key=lambda span: span[0]) - 1
    return at >= 0 and place < spans[at][1]
