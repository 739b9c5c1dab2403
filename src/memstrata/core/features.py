"""What is computed once when an episode is stored, so that a question costs no text work.

The values are priors about a turn: how much of it asks, how long it is, whether it names a time. Patterns cover
English and Chinese.
"""

from __future__ import annotations

import re
from dataclasses import dataclass

from memstrata.core.lexical import index_terms, normalise

_SENTENCE = re.compile(r"[^.!?。！？\n]+[.!?。！？]*")
_WORD = re.compile(r"[\w'’]+")
_CJK_CHARACTER = re.compile("[\u3040-\u30ff\u3400-\u9fff\uac00-\ud7af\uf900-\ufaff]")
_PROPER_NOUN = re.compile(r"(?<=[a-z,;:\"'] )[\"“']?[A-Z][a-zA-Z]+|[\"“《][A-Z\u4e00-\u9fff]")
_QUESTION_ENDS = ("?", "？")
_CJK_QUESTION = re.compile("[吗嗎呢]$")

_MONTHS = (
    "january|february|march|april|may|june|july|august|september|october|november|december"
    "|jan|feb|mar|apr|jun|jul|aug|sept|sep|oct|nov|dec"
)
_DAYS = "monday|tuesday|wednesday|thursday|friday|saturday|sunday"
_UNITS = "second|minute|hour|day|week|weekend|fortnight|month|year|decade|summer|winter|spring|autumn|fall"
_COUNTS = r"\d+|a|an|one|two|three|four|five|six|seven|eight|nine|ten|twelve|few|couple of|several|many"
TIME_EXPRESSION = re.compile(
    rf"\b(?:yesterday|today|tonight|tomorrow|last night|this (?:morning|afternoon|evening)|recently|just now|lately"
    rf"|(?:last|next|this|past|previous|coming|every)\s+(?:{_UNITS}|{_DAYS}|{_MONTHS}|few)s?"
    rf"|(?:{_COUNTS})\s+(?:{_UNITS})s?\b|since|ago|{_DAYS}"
    rf"|(?:in|on|since|until|by|early|late|mid|of)[\s-]+(?:{_MONTHS})\b|(?:{_MONTHS})\.?\s+\d|\d(?:st|nd|rd|th)?\s+(?:{_MONTHS})\b"
    rf"|(?:19|20)\d\d|\d{{1,2}}(?::\d\d)?\s?(?:am|pm)\b)"
    r"|[前昨今明后後][天日晚]|[上下这這本][个個]?(?:周|週|星期|礼拜|禮拜|月|季)|[去今明前后後]年|刚才|剛才|最近"
    r"|[\d一二三四五六七八九十两兩几幾半]+(?:个|個)?(?:秒|分钟|分鐘|小时|小時|天|日|周|週|星期|月|年)"
    r"|(?:星期|周|週|礼拜|禮拜)[一二三四五六日天]|[早晚]上|春节|春節|中秋|国庆|國慶|元旦"
)


@dataclass(frozen=True, slots=True, kw_only=True)
class Features:
    """What a stored episode is searched and weighed by.

    `terms`: term number to frequency, 1 to 255. `length`: terms that count, for BM25. `question_share`: share of
    the sentences that ask, 0 to 1. `words`: word count; a CJK character counts as half a word, at least 1 in all.
    `proper_nouns`: capitalised words inside sentences and quoted titles, at most 255. `time_expression`: the text
    names a time.
    """

    terms: dict[int, int]
    length: int
    question_share: float
    words: int
    proper_nouns: int
    time_expression: bool


def episode_features(text: str, *, name: str | None, date: str) -> Features:
    """Features of an episode; its date ("8 May 2023") and its speaker's name are indexed with its words."""
    indexed = index_terms(f"{date} {name or ''} {text}")
    return Features(
        terms=indexed.frequencies,
        length=indexed.length,
        question_share=question_share(text),
        words=word_count(text),
        proper_nouns=min(255, len(_PROPER_NOUN.findall(text))),
        time_expression=TIME_EXPRESSION.search(normalise(text)) is not None,
    )


def question_share(text: str) -> float:
    """Share of the sentences that are questions, 0 to 1."""
    sentences = [s for s in (found.strip() for found in _SENTENCE.findall(text)) if s]
    if not sentences:
        return 0.0
    asking = sum(s.endswith(_QUESTION_ENDS) or bool(_CJK_QUESTION.search(s.rstrip("。！!."))) for s in sentences)
    return asking / len(sentences)


def word_count(text: str) -> int:
    """Words, where two CJK characters make one word; at least 1."""
    cjk = len(_CJK_CHARACTER.findall(text))
    others = len(_WORD.findall(_CJK_CHARACTER.sub(" ", text))) if cjk else len(_WORD.findall(text))
    return max(1, others + (cjk + 1) // 2)
