"""What a question asks, by its form: whom it names, whether it wants a time, a name or what the assistant said.

English and Chinese. Only the beginning of a text is read for its form; a question is not longer than that.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass
from functools import lru_cache

from memstrata.core.lexical import query_terms
from memstrata.recall.dates import NamedDate, named_dates

READ = 2000
"""Characters that are read for the form of a question."""
_HAN = re.compile("[\u3400-\u9fff]")
_ASKS_WHEN = re.compile(
    r"""^\W*(?:when|how\ long|how\ often|how\ recently|since\ when|until\ when)\b | ,\s*when\b
    | \b(?:what|which|whose)\s+(?:\w+\s+)?(?:date|day|month|year|week|weekend|time|season|decade)s?\b
    | \bhow\ (?:long|old|soon|many\ (?:minutes|hours|days|weeks|months|years))\b
    | 什么时候 | 甚么时候 | 什麼時候 | 何时 | 何時 | 哪一?[年天月日周週] | [几幾][月号點点年天]
    | 多久 | 多长时间 | 多長時間
    | [几幾]岁 | 幾歲""",
    re.IGNORECASE | re.VERBOSE,
)
_WANTS_NAME = re.compile(
    r"""^\W*(?:where|who|which|whose)\b | \b(?:name[ds]?|titled?|called)\b
    | \bwhat\s+(?:\w+\s+)?(?:books?|movies?|films?|cit(?:y|ies)|countr(?:y|ies)|songs?|bands?|places?|states?|games?)\b
    | 哪里 | 哪裡 | 哪儿 | 哪兒 | 叫什么 | 叫什麼 | 名字 | 谁 | 誰 | 哪[个個家本部座]""",
    re.IGNORECASE | re.VERBOSE,
)
_ASKS_ASSISTANT = re.compile(
    r"""\b(?:did|have|had|were|was|do|would|could)\s+you\s+(?:\w+\s+)?(?:suggest|recommend|advise|tell|told|say|said
        |mention|propose|explain|warn|show|give|given|think)
    | \byou\s+(?:\w+\s+)?(?:suggested|recommended|advised|told|said|mentioned|proposed|explained|warned|gave|showed
        |taught)
    | \byour\s+(?:\w+\s+)?(?:advice|tips?|tricks?|suggestions?|recommendations?|ideas?|recipes?|answers?)\b
    | 你(?:当时|當時|上次|之前|那时|那次|曾经|都|给我|給我|跟我)*
        (?:建议|建議|推荐|推薦|说|說|教|告诉|告訴|提|讲|講|给|給|列|写|寫|提醒)
    | 你(?:的|给的|給的)(?:\w{0,4})(?:建议|建議|办法|辦法|方法|主意|推荐|推薦)""",
    re.IGNORECASE | re.VERBOSE,
)
_THE_USER = re.compile(r"\b(?:the\s+)?user(?:['’]s)?\b|用户的?", re.IGNORECASE)
"""The one whose memory it is: named in questions about the scope, and hardly ever in what was said."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Question:
    """A question taken apart.

    `terms`: term numbers for the lexical legs, without the names in `named`. `text`: what is embedded, also
    without them. `named`: those of the scope's speakers that the question names.
    """

    terms: tuple[int, ...]
    text: str
    named: tuple[str, ...]
    asks_when: bool
    asks_assistant: bool
    wants_name: bool
    dates: tuple[NamedDate, ...]


def read_question(query: str, *, speakers: Sequence[str]) -> Question:
    """The form of a question about what `speakers` (and others) said.

    The names of speakers are left out of what is searched for: every turn of a chat is by or to them, so they only
    draw greetings. They count by the `speaker` signal instead.
    """
    head = query[:READ]
    named = tuple(speaker for speaker in speakers if _names(head, speaker))
    text = _without(_without_the_user(query), named)
    terms = query_terms(text)
    if not terms:
        terms, text = query_terms(query), query
    return Question(
        terms=terms,
        text=text if text.strip() else query,
        named=named,
        asks_when=_ASKS_WHEN.search(head) is not None,
        asks_assistant=_ASKS_ASSISTANT.search(head) is not None,
        wants_name=_WANTS_NAME.search(head) is not None,
        dates=named_dates(head),
    )


def _without_the_user(query: str) -> str:
    return " ".join(_THE_USER.sub(" ", query).split()) if _THE_USER.search(query) else query


def _names(text: str, speaker: str) -> bool:
    return any(_pattern(form).search(text) for form in _forms(speaker))


def _without(text: str, speakers: Sequence[str]) -> str:
    for speaker in speakers:
        for form in _forms(speaker):
            text = _pattern(form).sub(" ", text)
    return re.sub(r"\s+", " ", text).strip() if speakers else text


def _forms(speaker: str) -> list[str]:
    """The full name and the first name, where they have two letters at least; the longer first."""
    words = speaker.split()
    return [form for form in dict.fromkeys((" ".join(words), words[0] if words else "")) if len(form) > 1]


@lru_cache(maxsize=1024)
def _pattern(form: str) -> re.Pattern[str]:
    exact = re.escape(form)
    if _HAN.search(form):
        return re.compile(exact)
    return re.compile(rf"(?<![^\W_]){exact}(?:['’]s)?(?![^\W_])", re.IGNORECASE)
