"""Answers in the two forms of OpenAI's interface, whole or as server-sent events while the words come.

The shapes are those of OpenAI's reference of chat completions and responses; its own clients check them in the tests.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Literal, cast

from memstrata.core.replies import Api
from memstrata.types import Json

Ended = Literal["stop", "length"]
"""The model was done, or had written as much as it may."""
_PLACE: Mapping[str, Json] = {"output_index": 0, "content_index": 0}


@dataclass(frozen=True, slots=True, kw_only=True)
class Head:
    """What every part of an answer says of it. `created`: seconds since 1970."""

    api: Api
    id: str
    model: str
    created: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Usage:
    """Tokens that were read and written, and why it ended."""

    read: int
    written: int
    ended: Ended


def error_body(status: int, code: str, message: str) -> bytes:
    """An error as OpenAI's clients look for it."""
    kind = "invalid_request_error" if status < 500 else "memstrata_error"
    body = {"error": {"message": message, "type": kind, "param": None, "code": code}}
    return json.dumps(body, ensure_ascii=False).encode(errors="replace")


def whole(head: Head, text: str, usage: Usage) -> dict[str, Json]:
    """An answer in one piece."""
    if head.api == "responses":
        return _response(head, text, usage)
    choice: dict[str, Json] = {
        "index": 0,
        "message": {"role": "assistant", "content": text, "refusal": None},
        "logprobs": None,
        "finish_reason": usage.ended,
    }
    return {**_named(head, "chat.completion"), "choices": [choice], "usage": _chat_usage(usage)}


@dataclass(slots=True)
class Stream:
    """An answer as events. `tells_usage`: a completion ends with what it cost; a response always does."""

    head: Head
    tells_usage: bool = False
    _text: list[str] = field(default_factory=list)
    _number: int = 0

    def begin(self) -> bytes:
        """What comes before the first word."""
        if self.head.api == "chat":
            return self._chunk({"role": "assistant", "content": ""})
        begun = _response(self.head, "", None)
        item = _message(self.head, "", status="in_progress")
        part: dict[str, Json] = {"type": "output_text", "text": "", "annotations": []}
        return b"".join(
            (
                self._event("response.created", response=begun),
                self._event("response.in_progress", response=begun),
                self._event("response.output_item.added", output_index=0, item={**item, "content": []}),
                self._event("response.content_part.added", **_PLACE, item_id=item["id"], part=part),
            )
        )

    def say(self, text: str) -> bytes:
        """Some words."""
        self._text.append(text)
        if self.head.api == "chat":
            return self._chunk({"content": text})
        item = _item_id(self.head)
        return self._event("response.output_text.delta", **_PLACE, item_id=item, delta=text, logprobs=[])

    def end(self, usage: Usage) -> bytes:
        """What comes after the last word."""
        if self.head.api == "chat":
            last = self._chunk({}, finish=usage.ended)
            if self.tells_usage:
                last += self._data({**self._chunk_head(), "choices": [], "usage": _chat_usage(usage)})
            return last + b"data: [DONE]\n\n"
        text, item = "".join(self._text), _message(self.head, "".join(self._text), status=_status(usage))
        done = _response(self.head, text, usage)
        part = cast("list[Json]", item["content"])[0]
        said = {**_PLACE, "item_id": item["id"]}
        return b"".join(
            (
                self._event("response.output_text.done", **said, text=text, logprobs=[]),
                self._event("response.content_part.done", **said, part=part),
                self._event("response.output_item.done", output_index=0, item=item),
                self._event(f"response.{done['status']}", response=done),
            )
        )

    def _chunk(self, delta: dict[str, Json], *, finish: Ended | None = None) -> bytes:
        choice: dict[str, Json] = {"index": 0, "delta": delta, "logprobs": None, "finish_reason": finish}
        return self._data({**self._chunk_head(), "choices": [choice]})

    def _chunk_head(self) -> dict[str, Json]:
        return _named(self.head, "chat.completion.chunk")

    def _event(self, kind: str, **body: Json) -> bytes:
        numbered: dict[str, Json] = {"type": kind, "sequence_number": self._number, **body}
        self._number += 1
        return f"event: {kind}\n".encode() + self._data(numbered)

    def _data(self, body: dict[str, Json]) -> bytes:
        return f"data: {json.dumps(body, ensure_ascii=False)}\n\n".encode()


def _named(head: Head, kind: str) -> dict[str, Json]:
    return {"id": head.id, "object": kind, "created": head.created, "model": head.model}


def _chat_usage(usage: Usage) -> dict[str, Json]:
    both = usage.read + usage.written
    return {"prompt_tokens": usage.read, "completion_tokens": usage.written, "total_tokens": both}


def _response(head: Head, text: str, usage: Usage | None) -> dict[str, Json]:
    """A response, under way where nothing is known of its usage."""
    status = "in_progress" if usage is None else _status(usage)
    cut = usage is not None and usage.ended == "length"
    return {
        "id": head.id,
        "object": "response",
        "created_at": head.created,
        "model": head.model,
        "status": status,
        "error": None,
        "incomplete_details": {"reason": "max_output_tokens"} if cut else None,
        "output": [] if usage is None else [_message(head, text, status=status)],
        "usage": None
        if usage is None
        else {
            "input_tokens": usage.read,
            "input_tokens_details": {"cached_tokens": 0},
            "output_tokens": usage.written,
            "output_tokens_details": {"reasoning_tokens": 0},
            "total_tokens": usage.read + usage.written,
        },
        "instructions": None,
        "metadata": {},
        "parallel_tool_calls": False,
        "previous_response_id": None,
        "store": False,
        "text": {"format": {"type": "text"}},
        "tool_choice": "none",
        "tools": [],
        "truncation": "auto",
    }


def _message(head: Head, text: str, *, status: str) -> dict[str, Json]:
    content: list[Json] = [{"type": "output_text", "text": text, "annotations": [], "logprobs": []}]
    return {"type": "message", "id": _item_id(head), "status": status, "role": "assistant", "content": content}


def _item_id(head: Head) -> str:
    return f"msg_{head.id.partition('_')[2]}"


def _status(usage: Usage) -> str:
    return "incomplete" if usage.ended == "length" else "completed"
