"""What a user asks the memory to forget, and what to keep, in their own words, English and Chinese.

A request is an order to the one who remembers: its verb stands where an order stands, and its object is something
said, known or personal. To forget as a wish ("I want to forget my ex"), an idiom ("forget it, let's eat"), the
editing of a text ("delete the last line") and words that are quoted or another's are none.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass, replace
from typing import Literal

from memstrata.extract.forget_words import (
    ASKS,
    ATTRIBUTED,
    BOUND,
    CHINESE_ASKS,
    CHINESE_EDITING,
    CHINESE_LEAD,
    CHINESE_SAID,
    CUES,
    EDITING,
    EVERYTHING,
    FOREIGN,
    IDIOM,
    INTO_MEMORY,
    KEEPS,
    LEAD,
    OPENING,
    PERSONAL,
    QUOTED,
    SAID,
    TAIL,
    THAT,
)

ForgetExtent = Literal["that", "topic", "everything"]
"""`that`: what was just said, in this turn or the one before. `topic`: something named. `everything`: all of it."""


@dataclass(frozen=True, slots=True, kw_only=True)
class ForgetRequest:
    """A request to forget: its span in the text, end exclusive, and what it is about.

    `topic`: the words that name it, "" unless the extent is "topic". `keep`: what the same turn says is to stay.
    """

    start: int
    end: int
    extent: ForgetExtent
    topic: str
    keep: str


def forget_requests(text: str) -> list[ForgetRequest]:
    """The requests to forget in a turn of the user, in order and disjoint."""
    lower = text.lower()
    if len(lower) != len(text):
        lower = "".join(character.lower()[:1] for character in text)
    if not any(cue in lower for cue in CUES):
        return []
    plain = _own_words(lower.replace("’", "'"))
    found = [*_english(text, plain), *_chinese(text, plain)]
    if not found:
        return []
    joined = _joined(plain, found)
    keep = _kept(text, plain, joined)
    return [replace(request, keep=keep) for request in joined]


def _own_words(lower: str) -> str:
    """The text with blocks and log lines of others blanked out, quotations too, though their places stay."""
    if any(sign in lower for sign in ">`[:：【"):
        lower = FOREIGN.sub(lambda match: "\n" * len(match[0]), lower)
    return QUOTED.sub(lambda match: "\x00" * len(match[0]), lower)


def _english(text: str, plain: str) -> Iterator[ForgetRequest]:
    for pattern in ASKS:
        for match in pattern.finditer(plain):
            verb = match.lastgroup or ""
            before = plain[max(0, match.start() - 60) : match.start()]
            if ATTRIBUTED.search(before) or not _led(before, verb):
                continue
            request = _english_request(text, plain, match.start(), match.end(), verb)
            if request is not None:
                yield request


def _led(before: str, verb: str) -> bool:
    """Whether an order may begin here: not after a subject, a negation or "to"."""
    return verb == "free" or LEAD.search(before) is not None


def _english_request(text: str, plain: str, start: int, begin: int, verb: str) -> ForgetRequest | None:
    bound = BOUND.search(plain, begin)
    end = bound.start() if bound else len(plain)
    said = plain[begin:end].strip()
    after = plain[end : end + 24]
    memory = INTO_MEMORY.search(said)
    if EDITING.search(said) and not memory:
        return None
    if verb in ("off", "free", "whole") and not said:
        return _request(start, begin, "that")
    if not _about_memory(said, after, verb, memory is not None):
        return None
    named = said[: memory.start()] if memory else said
    extent, topic = _named(text, plain, begin, named)
    return _request(start, end if topic or said else begin, extent, topic)


def _about_memory(said: str, after: str, verb: str, memory: bool) -> bool:
    """Whether the object is something said, known or personal; how much is asked depends on the verb."""
    if IDIOM.match(said) or (verb == "forget" and after.lstrip(" ,-!.").startswith(("let's", "lets ", "i'll just"))):
        return SAID.search(said) is not None
    if memory or SAID.search(said) or verb in ("off", "free", "whole", "unsaid"):
        return True
    if EVERYTHING.fullmatch(TAIL.sub("", said)):
        return verb in ("forget", "delete") and said.split()[0] != "it"
    if THAT.fullmatch(TAIL.sub("", said)):
        return verb in ("forget", "keep", "note", "erase")
    if verb in ("forget", "note"):
        return re.match(r"(?:about )?(?:my|our|the|that|this|what|who|where|which|how|i|we)\b", said) is not None
    return verb in ("keep", "delete", "erase") and PERSONAL.search(said) is not None


def _named(text: str, plain: str, begin: int, named: str) -> tuple[ForgetExtent, str]:
    """How much is to go, and the words that name it, cut from the text as written."""
    named = TAIL.sub("", named)
    if EVERYTHING.fullmatch(named):
        return "everything", ""
    if not named or THAT.fullmatch(named):
        return "that", ""
    offset = plain.index(named, begin)
    opening = OPENING.match(named)
    rest = named[opening.end() :] if opening else named
    if not rest.strip():
        return "that", ""
    if rest.strip() in ("me", "us", "myself"):
        return "everything", ""
    start = offset + len(named) - len(rest)
    topic = text[start : start + len(rest)].strip(" ,:-")
    return ("topic", topic) if topic else ("that", "")


def _chinese(text: str, plain: str) -> Iterator[ForgetRequest]:
    for pattern in CHINESE_ASKS:
        for match in pattern.finditer(plain):
            before = re.split(r"[\s，。,.!！?？；;：:、\x00（(~…]", plain[max(0, match.start() - 40) : match.start()])[
                -1
            ]
            parts = match.groupdict()
            ahead = parts.get("ahead") or ""
            if not CHINESE_LEAD.fullmatch(before) or _another_says(plain, match.start()):
                continue
            lead = CHINESE_LEAD.match(ahead)
            ahead_start = match.start("ahead") + (lead.end() if lead else 0) if ahead else match.start()
            request = _chinese_request(text, match, ahead_start)
            if request is not None:
                yield request


def _another_says(plain: str, start: int) -> bool:
    return re.search(r"(?<!我)(?<!我跟你)(?:说|写着?|写道|讲|劝我|叫我|让我|歌词|歌名|电影|书名)[：:，,\s]{0,2}$", plain[max(0, start - 12) : start]) is not None  # fmt: skip


def _chinese_request(text: str, match: re.Match[str], ahead_start: int) -> ForgetRequest | None:
    parts = match.groupdict()
    ahead = text[ahead_start : match.end("ahead")] if parts.get("ahead") else ""
    behind = parts.get("behind") or ""
    named = (ahead or behind).strip(" ，,")
    sure = parts.get("sure") is not None
    if CHINESE_EDITING.search(named) or re.search("(?:^|[^的])[我他她它们咱]$", ahead):
        return None
    if not sure and not CHINESE_SAID.search(named):
        return None
    if ahead and behind and CHINESE_EDITING.search(behind):
        return None
    start = ahead_start if ahead else match.start()
    if re.fullmatch(CHINESE_THAT, named):
        return _request(start, match.end(), "that")
    if re.fullmatch(CHINESE_EVERYTHING, named):
        return _request(start, match.end(), "everything")
    topic = re.sub(CHINESE_OPENING, "", named)
    topic = re.sub(CHINESE_TAIL, "", topic)
    return _request(start, match.end(), "topic" if topic else "that", topic)


def _request(start: int, end: int, extent: ForgetExtent, topic: str = "") -> ForgetRequest:
    return ForgetRequest(start=start, end=end, extent=extent, topic=topic, keep="")


def _joined(plain: str, found: list[ForgetRequest]) -> list[ForgetRequest]:
    """In order and disjoint; a bare "leave no word of it" right behind a named request belongs to that one."""
    joined: list[ForgetRequest] = []
    for request in sorted(found, key=lambda each: (each.start, -each.end)):
        last = joined[-1] if joined else None
        if last is None:
            joined.append(request)
        elif request.start < last.end:
            if last.extent == "that" and request.extent == "topic":
                joined[-1] = replace(request, start=last.start, end=max(last.end, request.end))
        elif request.extent == "that" and not re.search(r"[.。!！?？\n\w]", plain[last.end : request.start]):
            joined[-1] = replace(last, end=request.end)
        else:
            joined.append(request)
    return joined


def _kept(text: str, plain: str, requests: list[ForgetRequest]) -> str:
    """What the turn says is to stay; "" where it says nothing of it."""
    for pattern in KEEPS:
        for match in pattern.finditer(plain):
            inside = any(request.start <= match.start("keep") < request.end for request in requests)
            if match["keep"].strip() and (match.groupdict().get("except") or not inside):
                return text[match.start("keep") : match.end("keep")].strip(" ，,。.")
    return ""
