"""A model on this machine in the place of an upstream: the proxy's requests are answered here, in OpenAI's form.

It converses in text and does nothing else: what it cannot do (tools, images, answers in a schema) is refused before
anything is read, so that nobody takes silence for an answer. It keeps no responses.
"""

from __future__ import annotations

import asyncio
import json
import threading
import time
from collections.abc import AsyncIterator, Callable, Mapping
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from dataclasses import dataclass, replace
from pathlib import Path
from secrets import token_hex
from typing import TypeAlias, cast

import httpx

from memstrata.core.answers import Head, Stream, Usage, error_body, whole
from memstrata.core.replies import Api, at
from memstrata.core.turns import text_of
from memstrata.errors import InvalidInput, MemstrataError, ModelError, NotFound
from memstrata.models.local.conversing import LocalChatModel
from memstrata.models.local.runtime import Sampling, Tally
from memstrata.surfaces.rest.problems import LOG
from memstrata.surfaces.rest.upstream import Upstream
from memstrata.types import Json
from memstrata.wire import status_of

USUAL_TOKENS = 512
"""Tokens of an answer whose caller does not say."""
THREADS = 4
"""Answers that are under way at a time; others wait. They take turns token by token."""
_URL = "http://local.invalid/v1"
_APIS: Mapping[str, Api] = {"chat/completions": "chat", "responses": "responses"}
_TEXT_PARTS = (None, "text", "input_text", "output_text")
Told: TypeAlias = "str | Usage | Exception"
"""Words, and at the end what they cost or what went wrong."""


@dataclass(frozen=True, slots=True, kw_only=True)
class _Wanted:
    """A request, as the model needs it."""

    messages: list[dict[str, Json]]
    sampling: Sampling
    streamed: bool
    tells_usage: bool


def answered_here(model: LocalChatModel) -> Upstream:
    """An upstream that is a model on this machine."""
    return Upstream(url=_URL, transport=LocalAnswers(model))


class LocalAnswers(httpx.AsyncBaseTransport):
    """Answers the requests of a client with a local model, without any connection."""

    def __init__(self, model: LocalChatModel) -> None:
        self._model = model
        self.name = Path(model.name).name if Path(model.name).is_dir() else model.name
        self._threads: ThreadPoolExecutor | None = None

    async def handle_async_request(self, request: httpx.Request) -> httpx.Response:
        """See httpx."""
        body = await request.aread()
        path = request.url.path.removeprefix("/v1/")
        try:
            if request.method == "POST" and path in _APIS:
                return await self._converse(_APIS[path], body)
            if request.method == "GET" and (path == "models" or path == f"models/{self.name}"):
                about: dict[str, Json] = {"id": self.name, "object": "model", "created": 0, "owned_by": "memstrata"}
                return _json({"object": "list", "data": [about]} if path == "models" else about)
            raise NotFound(f"no {path} here: the local model {self.name!r} answers chats and responses only")
        except MemstrataError as error:
            return _refused(error)

    async def aclose(self) -> None:
        """See httpx."""
        if self._threads is not None:
            self._threads.shutdown(wait=False, cancel_futures=True)
            self._threads = None

    async def _converse(self, api: Api, body: bytes) -> httpx.Response:
        wanted = self._read(api, body)
        head = Head(
            api=api,
            id=f"{'chatcmpl' if api == 'chat' else 'resp'}_{token_hex(12)}",
            model=self.name,
            created=int(time.time()),
        )
        words = _Words(Stream(head, tells_usage=wanted.tells_usage))
        self._threads = self._threads or ThreadPoolExecutor(THREADS, thread_name_prefix="memstrata-local")
        working = asyncio.get_running_loop().run_in_executor(self._threads, self._work, wanted, words)
        first = await words.first(working)
        if wanted.streamed:
            return httpx.Response(200, headers={"Content-Type": "text/event-stream"}, stream=words)
        text = [first] if isinstance(first, str) else []
        async for each in words.rest():
            if isinstance(each, Usage):
                return _json(whole(head, "".join(text), each))
            text.append(each)
        raise AssertionError("an answer ends with what it cost")

    def _read(self, api: Api, body: bytes) -> _Wanted:
        try:
            asked = json.loads(body)
        except (ValueError, RecursionError):
            asked = None
        if not isinstance(asked, dict):
            raise InvalidInput("the body is no JSON object")
        if asked.get("model") not in (None, self.name):
            raise NotFound(f"the model here is {self.name!r}, not {asked['model']!r}")
        _refuse_more_than_text(asked, self.name)
        return _Wanted(
            messages=_messages(asked.get("messages")) if api == "chat" else _messages_of_response(asked),
            sampling=_sampling(asked, self._model.sampling, most=max(1, self._model.runtime.window // 2)),
            streamed=asked.get("stream") is True,
            tells_usage=at(asked, "stream_options", "include_usage") is True,
        )

    def _work(self, wanted: _Wanted, words: _Words) -> None:
        """Answer; on a thread of its own."""
        try:
            model, tally = LocalChatModel(self._model.runtime, sampling=wanted.sampling), Tally()
            try:
                ids = model.prompt(wanted.messages)
            except ModelError as error:
                raise InvalidInput(str(error)) from error  # trying again does not help
            for text in model.runtime.generate(ids, sampling=wanted.sampling, tally=tally):
                if words.over:
                    return
                words.tell(text)
            words.tell(Usage(read=len(ids), written=tally.tokens, ended=tally.ended))
        except Exception as error:  # noqa: BLE001 - whoever waits for the words must hear that none will come
            words.tell(error)


class _Words(httpx.AsyncByteStream):
    """The words of a model, from its thread to the loop that relays them."""

    def __init__(self, stream: Stream) -> None:
        self._stream = stream
        self._loop = asyncio.get_running_loop()
        self._told: asyncio.Queue[Told] = asyncio.Queue()
        self._first: Told = ""
        self._over = threading.Event()

    @property
    def over(self) -> bool:
        """Nobody listens any more."""
        return self._over.is_set()

    def tell(self, said: Told) -> None:
        """Called by the model's thread."""
        with suppress(RuntimeError):  # the loop has ended, and with it whoever listened
            self._loop.call_soon_threadsafe(self._told.put_nowait, said)

    async def first(self, working: asyncio.Future[None]) -> str | Usage:
        """What comes first. Raises what went wrong before it; stops the work where its caller gives up."""
        try:
            self._first = await self._told.get()
        except BaseException:
            self._over.set()
            working.cancel()
            raise
        return _sound(self._first)

    async def rest(self) -> AsyncIterator[str | Usage]:
        """What comes then, up to what it cost."""
        said: Told = self._first
        try:
            while not isinstance(said, Usage):
                said = await self._told.get()
                yield _sound(said)
            if said is self._first:
                yield said
        finally:
            self._over.set()

    async def __aiter__(self) -> AsyncIterator[bytes]:
        yield self._stream.begin()
        if isinstance(self._first, str):
            yield self._stream.say(self._first)
        try:
            async for said in self.rest():
                yield self._stream.say(said) if isinstance(said, str) else self._stream.end(said)
        except MemstrataError as error:
            LOG.warning("the local model broke off an answer: %s", type(error).__name__)
            raise httpx.ReadError("the answer was broken off") from error

    async def aclose(self) -> None:
        """See httpx."""
        self._over.set()


def _sound(said: Told) -> str | Usage:
    if isinstance(said, MemstrataError):
        raise said
    if isinstance(said, Exception):
        raise ModelError(f"the local model failed ({type(said).__name__})") from said
    return said


def _refuse_more_than_text(asked: Mapping[str, object], name: str) -> None:
    """Raises InvalidInput for what the model cannot do, and would pass over without a word."""
    tools = asked.get("tools") or asked.get("functions")
    choice = asked.get("tool_choice", asked.get("function_call"))
    refused: tuple[tuple[bool, str], ...] = (
        (bool(tools) and choice != "none", "calls no tools; leave them out, or set an upstream that does"),
        (asked.get("n") not in (None, 1), "gives one answer; leave n out"),
        (bool(asked.get("logprobs")), "tells no logprobs; leave them out"),
        (_kind(asked.get("response_format")) != "text", "answers in no schema; leave response_format out"),
        (_kind(at(asked, "text", "format")) != "text", "answers in no schema; leave text.format out"),
        (asked.get("modalities") not in (None, ["text"]), "answers in text; leave modalities out"),
        (bool(asked.get("background")), "answers at once; leave background out"),
        (bool(asked.get("previous_response_id")), "keeps no responses; send the conversation as input"),
        (bool(asked.get("conversation")), "keeps no conversations; send the conversation as input"),
    )
    for is_so, why in refused:
        if is_so:
            raise InvalidInput(f"the local model {name!r} {why}")


def _kind(form: object) -> object:
    return "text" if form is None else at(form, "type")


def _messages(given: object) -> list[dict[str, Json]]:
    """The messages of a chat completion, as texts."""
    if not isinstance(given, list) or not given:
        raise InvalidInput("messages is a list of messages")
    return [_message(each) for each in given]


def _messages_of_response(asked: Mapping[str, object]) -> list[dict[str, Json]]:
    """The messages of a request for a response: its instructions, and what its input holds."""
    instructions, given = asked.get("instructions"), asked.get("input")
    first: list[dict[str, Json]] = (
        [{"role": "system", "content": instructions}] if isinstance(instructions, str) else []
    )
    if isinstance(given, str):
        return [*first, {"role": "user", "content": given}]
    if not isinstance(given, list) or not given:
        raise InvalidInput("input is a text or a list of items")
    read = [each for each in given if at(each, "type") != "reasoning"]
    for each in read:
        if at(each, "type") not in (None, "message"):
            raise InvalidInput(f"the local model reads messages, not {at(each, 'type')!r}")
    return [*first, *(_message(each) for each in read)]


def _message(given: object) -> dict[str, Json]:
    role, content = at(given, "role"), at(given, "content")
    if not isinstance(role, str):
        raise InvalidInput("a message has a role")
    for part in content if isinstance(content, list) else []:
        if at(part, "type") not in _TEXT_PARTS:
            raise InvalidInput(f"the local model reads text, not {at(part, 'type')!r}")
    return {"role": role, "content": text_of(content)}


def _sampling(asked: Mapping[str, object], usual: Sampling, *, most: int) -> Sampling:
    """How a request wants its answer chosen. `most`: tokens; half of what the model may read together."""
    limits = [asked[name] for name in ("max_completion_tokens", "max_tokens", "max_output_tokens") if asked.get(name)]
    tokens = _number(limits[0], "max_tokens", int, 1, 1 << 31) if limits else USUAL_TOKENS
    stop = asked.get("stop")
    words = [stop] if isinstance(stop, str) else stop or []
    if not isinstance(words, list) or not all(isinstance(each, str) and each for each in words):
        raise InvalidInput("stop is a text or a list of texts")
    named: dict[str, Callable[[object], float]] = {
        "temperature": lambda value: _number(value, "temperature", float, 0, 2),
        "top_p": lambda value: _number(value, "top_p", float, 0, 1),
        "seed": lambda value: _number(value, "seed", int, -(1 << 63), (1 << 63) - 1),
    }
    given = {name: read(asked[name]) for name, read in named.items() if asked.get(name) is not None}
    if given.get("top_p") == 0:
        given["temperature"] = 0.0
    return replace(usual, max_tokens=int(min(tokens, most)), stop=tuple(words), **given)  # type: ignore[arg-type]


def _number(value: object, name: str, kind: type, least: float, most: float) -> float:
    whole_one = isinstance(value, int) and not isinstance(value, bool)
    if not (whole_one or (kind is float and isinstance(value, float))) or not least <= cast(float, value) <= most:
        raise InvalidInput(f"{name} is a number from {least:g} to {most:g}")
    return cast(float, value)


def _json(body: Mapping[str, Json]) -> httpx.Response:
    return _whole(200, json.dumps(body, ensure_ascii=False).encode())


def _refused(error: MemstrataError) -> httpx.Response:
    status, said = status_of(error), str(error)
    code = "model_not_found" if isinstance(error, NotFound) else error.code
    if status >= 500:
        LOG.error("the local model failed: %s", type(error).__name__, exc_info=error)
        said = "the local model failed; the server's log says how"
    return _whole(status, error_body(status, code, said))


def _whole(status: int, body: bytes) -> httpx.Response:
    return httpx.Response(status, headers={"Content-Type": "application/json"}, stream=_Body(body))


class _Body(httpx.AsyncByteStream):
    """A body that has yet to be relayed; httpx takes one that is given as bytes for read."""

    def __init__(self, body: bytes) -> None:
        self._body = body

    async def __aiter__(self) -> AsyncIterator[bytes]:
        yield self._body
