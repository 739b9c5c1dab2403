"""Puts a text into the JSON of a chat request without touching another byte of it.

Parsing and writing JSON again would change numbers, the order and repetition of keys and the spelling of characters;
so the place is found and the text put there. The body is known to be JSON; where it has no such place, NoPlace is
raised and the body is to stay as it is.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from json.decoder import scanstring  # type: ignore[attr-defined]
from typing import Literal

Place = Literal["system", "turn"]
"""Where recalled text goes: at the end of the leading system message, or in one of its own before the last turn."""
Span = tuple[int, int]
_BLANK = re.compile(r"[ \t\n\r]*")
_VALUE = json.JSONDecoder()


class NoPlace(ValueError):
    """The body is not the JSON of a chat request."""


def into_messages(body: str, text: str) -> str:
    """A chat completion's body with a text at the end of its first system or developer message, or as one before all.

    Endpoints that take one system message, and only as the first, take this. Raises NoPlace.
    """
    start, end = _member(body, _start(body), "messages")
    first = next(_elements(body, start, end), None)
    if first is None:
        raise NoPlace("no message")
    if _json_at(body, first, "role") in ("system", "developer"):
        return _appended(body, _member(body, first[0], "content"), text)
    return _inserted(body, first[0], f"{_written({'role': 'system', 'content': text})},")


def before_last_turn(body: str, text: str) -> str:
    """The body with a text as a system message before the last user's message. Raises NoPlace."""
    start, end = _member(body, _start(body), "messages")
    turns = [each for each in _elements(body, start, end) if _json_at(body, each, "role") == "user"]
    if not turns:
        raise NoPlace("no message of a user")
    return _inserted(body, turns[-1][0], f"{_written({'role': 'system', 'content': text})},")


def into_instructions(body: str, text: str) -> str:
    """The body of a request for a response with a text at the end of its `instructions`. Raises NoPlace."""
    start = _start(body)
    try:
        span = _member(body, start, "instructions")
    except NoPlace:
        rest = "" if body[_skip(body, start + 1)] == "}" else ","
        return _inserted(body, start + 1, f'"instructions":{_written(text)}{rest}')
    if body[span[0] : span[1]] == "null":
        return body[: span[0]] + _written(text) + body[span[1] :]
    if body[span[0]] != '"':
        raise NoPlace("instructions that are no text")
    return _appended(body, span, text)


def _appended(body: str, span: Span, text: str) -> str:
    """A content with more text: at the end of a string, or as one more part."""
    start, end = span
    if body[start] == '"':
        gap = "\n\n" if end - start > 2 else ""
        return _inserted(body, end - 1, _written(gap + text)[1:-1])
    if body[start] == "[":
        comma = "," if body[_skip(body, start + 1)] != "]" else ""
        return _inserted(body, end - 1, comma + _written({"type": "text", "text": text}))
    raise NoPlace("a content that is neither text nor parts")


def _inserted(body: str, place: int, text: str) -> str:
    return body[:place] + text + body[place:]


def _written(value: object) -> str:
    return json.dumps(value, ensure_ascii=False, separators=(",", ":"))


def _start(body: str) -> int:
    return _skip(body, 0)


def _json_at(body: str, span: Span, key: str) -> object:
    try:
        start, end = _member(body, span[0], key)
    except NoPlace:
        return None
    return json.loads(body[start:end])


def _member(body: str, start: int, key: str) -> Span:
    """Where the value of a key of the object at `start` stands; of a repeated key the last, which is what counts."""
    found = [span for name, span in _members(body, start) if name == key]
    if not found:
        raise NoPlace(f"no {key}")
    return found[-1]


def _members(body: str, start: int) -> Iterator[tuple[str, Span]]:
    if body[start : start + 1] != "{":
        raise NoPlace("not an object")
    place = _skip(body, start + 1)
    while body[place] != "}":
        name, place = scanstring(body, place + 1)
        place = _skip(body, _skip(body, place) + 1)
        _, end = _VALUE.raw_decode(body, place)
        yield name, (place, end)
        place = _skip(body, end)
        if body[place] == ",":
            place = _skip(body, place + 1)


def _elements(body: str, start: int, end: int) -> Iterator[Span]:
    if body[start] != "[":
        raise NoPlace("not a list")
    place = _skip(body, start + 1)
    while place < end - 1:
        _, after = _VALUE.raw_decode(body, place)
        yield place, after
        place = _skip(body, after)
        if body[place] == ",":
            place = _skip(body, place + 1)


def _skip(body: str, place: int) -> int:
    found = _BLANK.match(body, place)
    return place if found is None else found.end()
