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

from memstrata.extract import forget_chinese as chinese
from memstrata.extract import forget_words as english

ForgetExtent = Literal["that", "topic", "everything"]
"""`that`: what was just said, in this turn or the one before. `topic`: something named. `everything`: all of it."""


_CLAUSES = re.compile(r"[\s，。,.!！?？；;：:、\x00（(~…]")


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
    if not any(cue in lower for cue in english.CUES):
        return []
    plain = _own_words(lower.replace("’", "'"))
    found = [*_said_first(text, plain), *_english(text, plain), *_chinese(text, plain)]
    if not found:
        return []
    joined: list[ForgetRequest] = []
    for request in _joined(plain, found):
        wider = _with_what_stands_before(text, plain, request)
        taken = joined[-1].end if joined else 0  # what another request is made of is not named again
        joined.append(wider if wider.start >= taken else request)
    keep = _kept(text, plain, joined)
    return [replace(request, keep=keep) for request in joined]


def _own_words(lower: str) -> str:
    """The text with blocks and log lines of others blanked out, quotations too, though their places stay."""
    if any(sign in lower for sign in ">`[:：【"):
        lower = english.FOREIGN.sub(lambda match: "\n" * len(match[0]), lower)
    return english.QUOTED.sub(lambda match: "\x00" * len(match[0]), lower)


def _said_first(text: str, plain: str) -> Iterator[ForgetRequest]:
    for match in english.SAID_FIRST.finditer(plain):
        before = plain[max(0, match.start() - 60) : match.start()]
        opening = english.OPENING.match(match["named"])
        if opening is None or english.ATTRIBUTED.search(before) or english.EDITING.search(match["named"]):
            continue
        topic = text[match.start("named") + opening.end() : match.end("named")].strip(" ,:-")
        if topic:
            yield _request(match.start(), match.end(), "topic", topic)


def _english(text: str, plain: str) -> Iterator[ForgetRequest]:
    for kind, pattern in english.ASKS:
        verb = kind.removeprefix("free ")
        for match in pattern.finditer(plain):
            before = plain[max(0, match.start() - 60) : match.start()]
            if english.ATTRIBUTED.search(before) or not (verb != kind or english.LEAD.search(before)):
                continue
            request = _english_request(text, plain, match.start(), match.end(), verb)
            if request is not None:
                yield request


def _english_request(text: str, plain: str, start: int, begin: int, verb: str) -> ForgetRequest | None:
    if verb == "off":
        return _request(start, begin, "that")
    bound = english.BOUND.search(plain, begin)
    end = bound.start() if bound else len(plain)
    said = plain[begin:end].strip()
    memory = english.INTO_MEMORY.search(said)
    if verb in ("drop", "out") and memory is not None and not memory[0].lstrip().startswith(("from", "out", "of")):
        return None
    never_mind = verb == "forget" and english.NEVER_MIND.match(plain, end) is not None
    if memory is None and not _about_memory(said, verb, never_mind=never_mind):
        return None
    extent, topic = _named(text, plain, begin, said[: memory.start()] if memory else said)
    return _request(start, end, extent, topic)


def _about_memory(said: str, verb: str, *, never_mind: bool) -> bool:
    """Whether the object is something said, known or personal; how much is asked of it depends on the verb."""
    if verb == "unsaid":
        return True
    if verb in ("put", "out") or (verb != "forget" and english.EDITING.search(said)):
        return False
    if english.INDIRECT.match(said):
        return True
    if english.SAID.search(said):
        return True
    if never_mind or (verb == "forget" and english.IDIOM.match(said)):
        return False
    bare = english.TAIL.sub("", said)
    if english.EVERYTHING.fullmatch(bare):
        return verb == "forget"
    if english.THAT.fullmatch(bare):
        return verb in ("forget", "keep", "note", "erase")
    if verb == "note" and english.NOTED.match(said):
        return True
    if verb in ("forget", "note") and english.FORGETTABLE.match(said):
        return True
    return verb in ("keep", "delete", "erase", "note") and english.PERSONAL.search(bare) is not None


def _named(text: str, plain: str, begin: int, named: str) -> tuple[ForgetExtent, str]:
    """How much is to go, and the words that name it, cut from the text as written."""
    named = english.TAIL.sub("", named)
    if english.EVERYTHING.fullmatch(named):
        return "everything", ""
    if not named or english.THAT.fullmatch(named):
        return "that", ""
    offset = plain.index(named, begin)
    opening = english.OPENING.match(named)
    rest = named[opening.end() :] if opening else named
    if not rest.strip() or english.THAT.fullmatch(rest):
        return "that", ""
    if rest.strip() in ("me", "us", "myself"):
        return "everything", ""
    start = offset + len(named) - len(rest)
    topic = text[start : start + len(rest)].strip(" ,:-")
    return ("topic", topic) if topic else ("that", "")


def _chinese(text: str, plain: str) -> Iterator[ForgetRequest]:
    if plain.isascii():
        return
    for signs, pattern in chinese.ASKS:
        for match in pattern.finditer(plain) if any(sign in plain for sign in signs) else ():
            before = _CLAUSES.split(plain[max(0, match.start() - 40) : match.start()])[-1]
            if chinese.LEAD.fullmatch(before) and not chinese.ATTRIBUTED.search(
                plain, max(0, match.start() - 12), match.start()
            ):
                request = None if chinese.tells(before, match[0]) else _chinese_request(text, match)
                if request is not None:
                    yield request


def _chinese_request(text: str, match: re.Match[str]) -> ForgetRequest | None:
    parts = match.groupdict()
    start, ahead = match.start(), parts.get("ahead") or ""
    lead = chinese.LEAD.match(ahead)
    if lead is not None:
        start, ahead = start + lead.end(), ahead[lead.end() :]
    behind = parts.get("behind") or ""
    ahead = chinese.ALSO_NOT.sub("", ahead)
    named = ahead or behind
    if chinese.EDITING.search(ahead + " " + behind) or chinese.SUBJECT.search(ahead):
        return None
    of_memory = parts.get("place") is not None or (parts.get("sure") is not None and not ahead)
    if named.strip() and not of_memory and not chinese.SAID.search(named) and not chinese.TAIL.fullmatch(named):
        return None
    said, named = chinese.PARTICLES.sub("", named), chinese.TAIL.sub("", named)
    if chinese.EVERYTHING.fullmatch(said) or chinese.EVERYTHING.fullmatch(named):
        return _request(start, match.end(), "everything")
    if chinese.THAT.fullmatch(said) or chinese.THAT.fullmatch(named):
        return _request(start, match.end(), "that")
    topic = chinese.OPENING.sub("", named)
    if not topic:
        return _request(start, match.end(), "that")
    place = match.string.find(topic, start)
    return _request(start, match.end(), "topic", text[place : place + len(topic)].strip() if place >= 0 else topic)


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


def _with_what_stands_before(text: str, plain: str, request: ForgetRequest) -> ForgetRequest:
    """ "The thing about the loan. Scrub it": what is only pointed at, if it is named right before and nothing is told."""
    if request.extent != "that":
        return request
    before = plain[max(0, request.start - 90) : request.start]
    for words in (english, chinese):
        named = words.NAMED_BEFORE.search(before)
        if named is None or words.TOLD.search(named["named"]):
            continue
        start = request.start - len(before) + named.start("named")
        said = plain[start : start + len(named["named"])]
        topic = words.OPENING.sub("", said)
        end = start + len(said)
        if topic.strip() and (end - len(topic) == start or said.endswith(topic)):
            return replace(request, start=start, extent="topic", topic=text[end - len(topic) : end].strip(" ,:-"))
    return request


def _kept(text: str, plain: str, requests: list[ForgetRequest]) -> str:
    """What the turn says is to stay; "" where it says nothing of it."""
    for pattern in english.KEEPS:
        for match in pattern.finditer(plain):
            inside = any(request.start <= match.start("keep") < request.end for request in requests)
            if match["keep"].strip() and (match.groupdict().get("except") or not inside):
                return text[match.start("keep") : match.end("keep")].strip(" ，,。.")
    return ""
