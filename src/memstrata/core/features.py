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
_ADDRESSES = re.compile(r"\b(?:you|your|yours|yourself)\b|[你您妳]", re.IGNORECASE)
_CJK_QUESTION = re.compile("[吗嗎呢]$")

_MONTHS = (
    "january|february|march|april|may|june|july|august|september|october|november|december"
    "|jan|feb|mar|apr|jun|jul|aug|sept|sep|oct|nov|dec"
)
_HAN_NUMBER = "[0-9零〇一二三四五六七八九十两兩几幾半数數]+"
TIME_EXPRESSION = re.compile(
    rf"""\b(?:
      yesterday | today | tonight | tomorrow | recently | lately | currently | soon | nowadays
    | (?:last|next|this|past|coming|previous|following|each|every)\s+(?:few\s+|couple\s+(?:of\s+)?|two\s+|three\s+)?
        (?:night|day|morning|afternoon|evening|week|weekend|month|year|decade|summer|winter|spring|autumn|fall
        |mon|tues?|wednes|thurs?|fri|satur|sun)(?:day)?s?
    | (?:mon|tues|wednes|thurs|fri|satur|sun)days?
    | (?:{_MONTHS})\.?\s+\d{{1,4}} | \d{{1,2}}(?:st|nd|rd|th)?\s+(?:of\s+)?(?:{_MONTHS})
    | (?:in|since|until|by|during|last|next|this|early|late|mid|of)[\s-]+(?:{_MONTHS})
    | (?:19|20)\d\d | \d{{1,2}}(?::\d\d)?\s?[ap]\.?m
    | (?:a|an|one|two|three|four|five|six|seven|eight|nine|ten|few|several|couple\ of|many|\d+)\s+
        (?:more\s+)?(?:minute|hour|day|night|week|weekend|month|year|decade|summer)s?
    | years | months | ago | weekend | the\ other\ (?:day|week|night)
    | (?:when|since)\ (?:i|we)\ (?:was|were) | as\ a\ (?:kid|child) | birthday | anniversary
    | christmas | thanksgiving | easter | halloween | new\ year
    )\b
    | 昨[天晚日] | 前[天晚年] | 今[天晚早年日] | 明[天晚早年] | [后後]天
    | 去年 | 当时 | 當時 | 最近 | 刚刚 | 剛剛 | 刚才 | 剛才
    | (?:上|下|这|這|本|每)(?:个|個)?(?:周|週|星期|礼拜|禮拜|月|季度|学期|學期|周末|週末|年) | [早晚]上
    | (?:周|週|星期|礼拜|禮拜)[一二三四五六日天末] | 周末 | 週末 | 春节 | 春節 | 国庆 | 國慶 | 中秋
    | 元旦 | 生日 | 暑假 | 寒假
    | {_HAN_NUMBER}\s?(?:年|个月|個月|月|周|週|星期|天|日|号|號|小时|小時|分钟|分鐘|点|點)
    """,
    re.VERBOSE,
)


@dataclass(frozen=True, slots=True, kw_only=True)
class Features:
    """What a stored episode is searched and weighed by.

    `terms`: term number to frequency, 1 to 255. `length`: terms that count, for BM25. `question_share`: share of
    the sentences that ask, `address_share`: that speak to the hearer, 0 to 1. `words`: word count; a CJK character
    counts as half a word, at least 1 in all. `proper_nouns`: capitalised words inside sentences and quoted titles, at
    most 255. `time_expression`: the text names a time.
    """

    terms: dict[int, int]
    length: int
    question_share: float
    address_share: float
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
        address_share=address_share(text),
        words=word_count(text),
        proper_nouns=min(255, len(_PROPER_NOUN.findall(text))),
        time_expression=TIME_EXPRESSION.search(normalise(text)) is not None,
    )


def split_sentences(text: str) -> list[str]:
    """The sentences of a text, in order, as they stand; without those that hold no letter or number."""
    return [stripped for found in _SENTENCE.findall(text) if _WORD.search(stripped := found.strip())]


def asks(sentence: str) -> bool:
    """The sentence is a question."""
    return sentence.endswith(_QUESTION_ENDS) or bool(_CJK_QUESTION.search(sentence.rstrip("。！!.")))


def question_share(text: str) -> float:
    """Share of the sentences that are questions, 0 to 1."""
    sentences = [s for s in (found.strip() for found in _SENTENCE.findall(text)) if s]
    return sum(map(asks, sentences)) / len(sentences) if sentences else 0.0


def address_share(text: str) -> float:
    """Share of the sentences that speak to the hearer ("your garden looks great"), 0 to 1."""
    sentences = split_sentences(text)
    return sum(bool(_ADDRESSES.search(each)) for each in sentences) / len(sentences) if sentences else 0.0


def word_count(text: str) -> int:
    """Words, where two CJK characters make one word; at least 1."""
    cjk = len(_CJK_CHARACTER.findall(text))
    others = len(_WORD.findall(_CJK_CHARACTER.sub(" ", text))) if cjk else len(_WORD.findall(text))
    return max(1, others + (cjk + 1) // 2)
