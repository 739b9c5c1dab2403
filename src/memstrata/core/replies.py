"""What a model answered, read from the body of a chat completion or a response, whole or streamed.

Bodies are read as far as they make sense: of one that was cut short, what had come by then; of nonsense, nothing.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from typing import Literal

from memstrata.core.events import event_objects
from memstrata.core.turns import text_of

Api = Literal["chat", "responses"]


@dataclass(frozen=True, slots=True, kw_only=True)
class Reply:
    """The words of the first choice, "" for none, and the id that a service gave a response."""

    text: str
    response_id: str | None = None


def read_reply(api: Api, pieces: Sequence[bytes], *, streamed: bool) -> Reply:
    """The answer in a body, given as the pieces in which it came."""
    whole = b"".join(pieces)
    if streamed:
        return _of_chat_stream([whole]) if api == "chat" else _of_response_stream([whole])
    try:
        body = json.loads(whole)
    except (ValueError, RecursionError):
        return Reply(text="")
    if api == "responses":
        return _of_response(body)
    return Reply(text=text_of(at(body, "choices", 0, "message", "content")))


def at(value: object, *path: str | int) -> object:
    """What stands at a path of a JSON value, None where there is nothing."""
    for key in path:
        if isinstance(value, dict):
            value = value.get(key)
        elif isinstance(value, list) and isinstance(key, int) and key < len(value):
            value = value[key]
        else:
            return None
    return value


def _of_chat_stream(pieces: Iterable[bytes]) -> Reply:
    said: list[str] = []
    for event in event_objects(pieces):
        choices = event.get("choices")
        for choice in choices if isinstance(choices, list) else []:
            text = at(choice, "delta", "content")
            if isinstance(text, str) and at(choice, "index") in (0, None):
                said.append(text)
    return Reply(text=text_of("".join(said)))


def _of_response(body: object) -> Reply:
    output = at(body, "output")
    messages = [each for each in output if at(each, "type") == "message"] if isinstance(output, list) else []
    id_ = at(body, "id")
    text = "\n".join(filter(None, (text_of(at(each, "content")) for each in messages)))
    return Reply(text=text, response_id=id_ if isinstance(id_, str) else None)


@dataclass(slots=True)
class _Heard:
    """A response while it is streamed: its texts by the places of their parts."""

    id: str | None = None
    parts: dict[tuple[str, str], str] = field(default_factory=dict)

    def reply(self) -> Reply:
        return Reply(text=text_of("\n".join(filter(None, self.parts.values()))), response_id=self.id)


def _of_response_stream(pieces: Iterable[bytes]) -> Reply:
    heard = _Heard()
    for event in event_objects(pieces):
        kind = event.get("type")
        id_ = at(event, "response", "id")
        heard.id = id_ if isinstance(id_, str) else heard.id
        place = (str(event.get("output_index")), str(event.get("content_index")))
        delta, text = event.get("delta"), event.get("text")
        if kind == "response.output_text.delta" and isinstance(delta, str):
            heard.parts[place] = heard.parts.get(place, "") + delta
        elif kind == "response.output_text.done" and isinstance(text, str):
            heard.parts[place] = text
        elif kind == "response.completed" and (whole := _of_response(event.get("response"))).text:
            return whole
    return heard.reply()
