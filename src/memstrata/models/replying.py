"""Models that answer conversations, of services with OpenAI's interface, streamed."""

from __future__ import annotations

import json
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import cast

from memstrata.core.events import DONE, event_data
from memstrata.core.records import Piece, ToolCall
from memstrata.core.replies import at
from memstrata.core.turns import text_of
from memstrata.errors import ModelError, ModelUnavailable
from memstrata.models.chat import RETRY_SECONDS, TRIES, TRY_AGAIN
from memstrata.models.service import Answer, NoAnswer, Patience, Service, Streamed, checked_key, endpoint, is_openai
from memstrata.types import Json

MOST_BYTES = 16_000_000
"""Of an answer with the frames of its events."""


class OpenAIChatModel:
    """Converses with `model` of the service at `base_url` (OpenAI's own); connects when it is first used.

    `timeout_s`: between two pieces of an answer. What fails before the first piece is tried again, three times in all
    and none begun later than 20 s after the first; after it, never: the words are out. `options` go with every
    request as they are, such as {"temperature": 0.2}.
    """

    def __init__(
        self,
        model: str,
        *,
        base_url: str | None = None,
        api_key: str | None = None,
        timeout_s: float = 120.0,
        options: Mapping[str, Json] | None = None,
        pause: Callable[[float], None] = time.sleep,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        url = endpoint(base_url, path="/chat/completions", what="model")
        if is_openai(url) and not (api_key or "").strip():
            raise ModelError("OpenAI's models need a key: set OPENAI_API_KEY, or OPENAI_BASE_URL of another service")
        key = checked_key(api_key)
        self._service = Service(url, api_key=key, timeout_s=timeout_s, most_bytes=MOST_BYTES, pause=pause, clock=clock)
        self._patience = Patience(
            tries=TRIES, statuses=TRY_AGAIN, longest_pause_s=RETRY_SECONDS + 1, total_s=RETRY_SECONDS
        )
        self._model, self._options = model, dict(options or {})

    @property
    def name(self) -> str:
        """The model's name."""
        return self._model

    def reply(
        self, messages: Sequence[Mapping[str, Json]], *, tools: Sequence[Mapping[str, Json]] = ()
    ) -> Iterator[Piece]:
        """See `ChatModel.reply`."""
        body: dict[str, object] = {**self._options, "model": self._model, "messages": list(messages), "stream": True}
        if tools:
            body["tools"] = list(tools)
        try:
            answer = self._service.stream(body, patience=self._patience)
        except NoAnswer as error:
            raise ModelUnavailable(f"{self._named} does not answer just now ({error})") from error
        try:
            yield from self._pieces(answer, messages)
        except NoAnswer as error:
            raise ModelUnavailable(f"{self._named} broke off ({error})") from error
        finally:
            answer.close()

    def close(self) -> None:
        """Let go of connections; a later call opens new ones."""
        self._service.close()

    def _pieces(self, answer: Streamed, messages: Sequence[Mapping[str, Json]]) -> Iterator[Piece]:
        pieces = answer.pieces(most_bytes=MOST_BYTES)
        if not 200 <= answer.status < 300:
            told = Answer(status=answer.status, body=b"".join(pieces), whole=True, retry_after_s=0.0).message()
            said = self._service.quotable(told, [text_of(message.get("content")) for message in messages])
            raise ModelError(f"{self._named} refused ({answer.status}){said}")
        if not answer.events:
            yield from self._whole(b"".join(pieces))
            return
        calls, ended = _Calls(), False
        for data in event_data(pieces):
            if data == DONE:
                ended = True
                break
            event = _object(data)
            if event.get("error"):
                raise ModelError(f"{self._named} failed within an answer")
            text = at(event, "choices", 0, "delta", "content")
            if isinstance(text, str) and text:
                yield Piece(text=text_of(text))
            calls.take(at(event, "choices", 0, "delta", "tool_calls"))
            ended = ended or at(event, "choices", 0, "finish_reason") is not None
        if not ended:
            raise NoAnswer("the stream ended before the answer did")
        if made := calls.made():
            yield Piece(calls=made)

    def _whole(self, body: bytes) -> Iterator[Piece]:
        """The answer of a service that does not stream."""
        message = at(_object(body.decode(errors="replace")), "choices", 0, "message")
        if not isinstance(message, dict):
            raise ModelError(f"{self._named} answered something else than a chat; check the URL")
        calls = _Calls()
        calls.take(message.get("tool_calls"))
        if text := text_of(message.get("content")):
            yield Piece(text=text)
        if made := calls.made():
            yield Piece(calls=made)

    @property
    def _named(self) -> str:
        return f"the model {self._model!r} at {self._service.host}"


@dataclass(slots=True)
class _Calls:
    """Calls of tools while they come in parts."""

    parts: dict[int, list[str]] = field(default_factory=dict)

    def take(self, told: object) -> None:
        """Parts of calls, each with the place of its call."""
        for place, each in enumerate(told if isinstance(told, list) else []):
            number = at(each, "index")
            part = self.parts.setdefault(number if isinstance(number, int) else place, ["", "", ""])
            for slot, value in enumerate(
                (at(each, "id"), at(each, "function", "name"), at(each, "function", "arguments"))
            ):
                if isinstance(value, str):
                    part[slot] = part[slot] + value if slot == 2 else part[slot] or value

    def made(self) -> tuple[ToolCall, ...]:
        """The calls, in order."""
        ordered = (self.parts[number] for number in sorted(self.parts))
        return tuple(
            ToolCall(id=id_ or f"call_{n}", name=name, arguments=args) for n, (id_, name, args) in enumerate(ordered)
        )


def _object(text: str) -> dict[str, object]:
    try:
        found = json.loads(text)
    except (ValueError, RecursionError):
        return {}
    return cast(dict[str, object], found) if isinstance(found, dict) else {}
