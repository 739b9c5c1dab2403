"""Which words a request to forget means: pure, from the request and the turns that may be meant.

Sentences go that share a word with the topic, and those after them that speak on of the same person ("he still has
my key"); so do sentences that name whom the topic's sentences introduced ("my ex is called Bo"). A topic that is a
sort of thing (the time, the address, the number) takes just those words. What the user says is to stay, stays.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace

from memstrata.core.facts.erasing import Redaction
from memstrata.core.lexical import query_terms
from memstrata.extract.asked_to_forget import ForgetRequest
from memstrata.extract.rules.sentences import sentences
from memstrata.extract.rules.times import times
from memstrata.types import Episode

Span = tuple[int, int]

_EMPTY = re.compile(
    r"""\b(?:thing|stuff|bit|part|detail|info|information|story|message|everything|anything|all|what|whole|business|line
        |said|say|told|tell|mention\w*|know|about|that|this|the|my|i|you|me|of|on|earlier|before|just|wrote|shared)s?\b
    | [的那这位个些事情儿了过我你跟和说]""",
    re.IGNORECASE | re.VERBOSE,
)
_TIME_TOPIC = re.compile(
    r"\b(?:times?|schedule|hours|days?|when|timetable|routine|dates?)\b|时间|钟点|几点|日程|作息|日期|哪天",
    re.IGNORECASE,
)
_PAY_TOPIC = re.compile(
    r"\b(?:earn\w*|salary|salaries|wages?|income|pay(?:check|slip|\s?rise)?|paid|money|how much i (?:make|get))\b|what i make\b"
    r"|[挣赚]多少|挣的|工资|薪水|薪资|月薪|年薪|收入|待遇",
    re.IGNORECASE,
)
_PAID = re.compile(
    r"""\b(?:earn\w*|salary|wages?|income|my\spay|pa(?:y|ys|id|ying)\s(?:me|us)|(?:job|gig|boss|company|work|shift|role|position)\s(?:\w+\s)?pa(?:ys|id)
      |take-?home|offer(?:ed|ing|s)?|pay\s?rise|raise|bonus)\b
    | 工资 | 薪 | 挣 | 赚 | 收入 | 到手 | 奖金 | 年终 | offer | (?:东家|公司|老板|单位|厂里|工作|那边)[^，。,!！?？]{0,6}[给开]""",
    re.IGNORECASE | re.VERBOSE,
)
"""Words beside which an amount is what somebody is paid."""
_NUMBER_TOPIC = re.compile(r"\b(?:numbers?|amount|figures?|sum)\b|数字|金额|数目", re.IGNORECASE)
_CLOCK = re.compile(
    r"""(?:\b(?:at|around|by|from|til+|until)\s+)?\b\d{1,2}[:：.]\d{2}(?:\s?[ap]m)?\b | \bat\s+(?:\d{1,2}|one|two|three|four|five|six
        |seven|eight|nine|ten|eleven|twelve|noon)\b(?:\s?[ap]m)? | \b\d{1,2}\s?[ap]m\b
    | \b(?:mon|tues?|wed(?:nes)?|thu(?:rs)?|fri|sat(?:ur)?|sun)(?:day)?s?\b(?:[\s,/&+]*(?:and\s+)?(?:mon|tues?|wed(?:nes)?|thu(?:rs)?|fri
        |sat(?:ur)?|sun)(?:day)?s?\b)* | \b\w+-ish\b
    | [早晚上下中午凌晨]{0,2}[\d一二三四五六七八九十]{1,3}点(?:半|[\d一二三四五六七八九十]{1,3}分?)? | 每?(?:周|星期|礼拜)[一二三四五六日天末、到至]+""",
    re.IGNORECASE | re.VERBOSE,
)
_NUMBER = re.compile(
    r"[£$€¥]?\d[\d,.]*\s?(?:k|kg|%|万|元|块|斤|岁|years?)?|[一二两三四五六七八九十百千万]{2,}", re.IGNORECASE
)
_ON = re.compile(r"^\W*(?:and\s+|but\s+|so\s+)?(?:he|she|they|it|his|her|their)\b|^\W*[他她它]", re.IGNORECASE)
_CALLED = re.compile(
    r"(?:\b(?:called|named|name(?:'s| is| was)|is|was|,)\s+([A-Z][\w'-]+)|叫(?:做|作)?[\"“「]?([\u4e00-\u9fffA-Za-z]{2,4}?)(?=[，。,.！!？?、\s\"”」]|$|他|她|的|是|在|以))"
)


@dataclass(frozen=True, slots=True, kw_only=True)
class Asked:
    """A request with the turn that it was made in."""

    request: ForgetRequest
    episode: Episode


def topic_terms(topic: str) -> frozenset[int]:
    """The terms of a topic that name something."""
    return frozenset(query_terms(_EMPTY.sub(" ", topic)))


def targets(asked: Asked, turns: Sequence[Episode]) -> list[Redaction]:
    """The parts of turns that a request means, its own words included. `turns`: in order, those that may be meant."""
    request = asked.request
    found: dict[str, list[Span]] = {}
    if request.extent == "that":
        found = _that(asked, turns)
    elif request.extent == "topic":
        found = _topic(request, [turn for turn in turns if turn.id != asked.episode.id])
        own = _topic(request, [asked.episode]).get(asked.episode.id, [])
        beside = [(start, end) for start, end in own if end <= request.start or start >= request.end]
        if beside:
            found[asked.episode.id] = beside
    if not found:
        return []
    found.setdefault(asked.episode.id, []).append((request.start, request.end))
    return [Redaction(episode_id=id_, spans=_joined(spans)) for id_, spans in found.items()]


def _that(asked: Asked, turns: Sequence[Episode]) -> dict[str, list[Span]]:
    """What stands before the request in its turn, or after it, or the user's last turn with the answers to it."""
    text, request = asked.episode.text, asked.request
    before, after = text[: request.start].strip(" ,.;:-—，。；：\n"), text[request.end :].strip(" ,.;:-—，。；：\n")
    if len(before) > 6:
        return {asked.episode.id: [(0, request.start)]}
    if len(after) > 12:
        return {asked.episode.id: [(request.end, len(text))]}
    earlier = [turn for turn in turns if turn.timestamp <= asked.episode.timestamp and turn.id != asked.episode.id]
    last: list[Episode] = []
    for turn in reversed(earlier):
        last.append(turn)
        if turn.role == "user":
            break
    return {turn.id: [(0, len(turn.text))] for turn in last}


def _topic(request: ForgetRequest, turns: Sequence[Episode]) -> dict[str, list[Span]]:
    sort = _TIME_TOPIC.search(request.topic) or _NUMBER_TOPIC.search(request.topic)
    if sort is not None:
        named = topic_terms(request.topic.replace(sort.group(), " "))
        found = _of_a_sort(turns, named, time=_TIME_TOPIC.search(request.topic) is not None)
        if found:
            return found
    if "," in request.topic or "，" in request.topic or "、" in request.topic:
        return _of_a_list(request, turns)
    if _PAY_TOPIC.search(request.topic):
        found = _paid(turns, topic_terms(request.topic))
        if found:
            return found
    terms, keep = topic_terms(request.topic), topic_terms(request.keep)
    found = _about(turns, lambda text: bool(terms & _terms(text)) and not (keep & _terms(text) - terms))
    names = {name for spans in _texts(turns, found) for name in _introduced(spans)}
    if names:
        more = _about(turns, lambda text: any(name in text for name in names))
        for id_, spans in more.items():
            found[id_] = sorted({*found.get(id_, []), *spans})
    return found


def _of_a_list(request: ForgetRequest, turns: Sequence[Episode]) -> dict[str, list[Span]]:
    """All that any member of a list means; a mere sort of thing (the money, when) is looked for where the others are."""
    parts = [part.strip() for part in re.split("[,，、]", request.topic) if part.strip()]
    sorts = [part for part in parts if any(sort.search(part) for sort in (_TIME_TOPIC, _NUMBER_TOPIC, _PAY_TOPIC))]
    found: dict[str, list[Span]] = {}
    for part in parts:
        if part not in sorts:
            for id_, spans in _topic(replace(request, topic=part), turns).items():
                found[id_] = sorted({*found.get(id_, []), *spans})
    if not found:
        return _topic(replace(request, topic=" ".join(parts)), turns)
    for turn in [turn for turn in turns if turn.id in found]:
        for part in sorts:
            time = _TIME_TOPIC.search(part) is not None
            spans = _time_spans(turn) if time else [match.span() for match in _NUMBER.finditer(turn.text)]
            found[turn.id] = sorted({*found[turn.id], *spans})
    return found


def _paid(turns: Sequence[Episode], named: frozenset[int]) -> dict[str, list[Span]]:
    """Sentences that say what somebody is paid, and those that share a word with the topic."""
    return _about(
        turns,
        lambda text: (
            bool(named & _terms(text)) or (_NUMBER.search(text) is not None and _PAID.search(text) is not None)
        ),
    )


def _of_a_sort(turns: Sequence[Episode], named: frozenset[int], *, time: bool) -> dict[str, list[Span]]:
    """Just the times, or just the numbers, of the latest session in which the user named one that is meant."""
    found: dict[str, list[Span]] = {}
    session: int | None = None
    for turn in reversed(turns):
        if session is not None and turn.session != session:
            break
        spans = _time_spans(turn) if time else [match.span() for match in _NUMBER.finditer(turn.text)]
        meant = not named or any(named & _terms(each.text) for each in turns if each.session == turn.session)
        if spans and meant:
            found[turn.id] = spans
            session = turn.session if turn.role == "user" or session is not None else session
    for turn in turns:  # answers that say it again before the user's turn was reached
        if session is not None and turn.session != session:
            found.pop(turn.id, None)
    return found if session is not None else {}


def _time_spans(turn: Episode) -> list[Span]:
    spans = [match.span() for match in _CLOCK.finditer(turn.text)]
    spans += [
        (each.start, each.end)
        for each in times(turn.text, said_at=turn.timestamp)
        if each.role == "every" or each.precision in ("hour", "minute")
    ]
    return sorted(spans)


def _about(turns: Sequence[Episode], meant: Callable[[str], bool]) -> dict[str, list[Span]]:
    """Sentences that are meant, with those right after them that go on about the same."""
    found: dict[str, list[Span]] = {}
    for turn in turns:
        running = False
        for sentence in sentences(turn.text):
            running = meant(sentence.text) or (running and _ON.match(sentence.text) is not None)
            if running:
                found.setdefault(turn.id, []).append((sentence.start, sentence.end))
    return found


def _texts(turns: Sequence[Episode], found: dict[str, list[Span]]) -> list[str]:
    return [turn.text[start:end] for turn in turns for start, end in found.get(turn.id, [])]


def _introduced(text: str) -> list[str]:
    return [name for pair in _CALLED.findall(text) for name in pair if name]


def _terms(text: str) -> frozenset[int]:
    return frozenset(query_terms(text))


def _joined(spans: Sequence[Span]) -> tuple[Span, ...]:
    """Disjoint spans in order."""
    joined: list[Span] = []
    for start, end in sorted(spans):
        if joined and start <= joined[-1][1]:
            joined[-1] = (joined[-1][0], max(end, joined[-1][1]))
        elif end > start:
            joined.append((start, end))
    return tuple(joined)
