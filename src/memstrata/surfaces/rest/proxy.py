"""A model endpoint that remembers: OpenAI's interface, handed on to an upstream with the memory put in.

What the memory says goes to the end of the system message (or of `instructions`), where every endpoint takes it and
what the application wrote stays in front for the provider's prefix cache; not another byte of the request changes.
The user's turn is on the disk before the first byte of the answer, the model's soon after its last.
"""

from __future__ import annotations

import asyncio
import json
import logging
import traceback
from collections.abc import AsyncIterator, Awaitable, Callable, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import asynccontextmanager
from dataclasses import dataclass, field, replace
from typing import TypeVar, cast

import httpx
from fastapi import APIRouter, FastAPI, Request
from starlette.concurrency import run_in_threadpool
from starlette.exceptions import HTTPException
from starlette.responses import Response

from memstrata.chat.recalling import Recollection, recollect
from memstrata.chat.remembering import Conversation, Conversations
from memstrata.core.answers import error_body
from memstrata.core.messages import checked_scope
from memstrata.core.replies import Api, at, read_reply
from memstrata.core.scoping import ScopeIds, named
from memstrata.core.splicing import NoPlace, before_last_turn, into_instructions, into_messages
from memstrata.core.turns import Turn, question_of, turns_of_chat, turns_of_response
from memstrata.errors import Forbidden, InvalidInput, MemstrataError, NotFound, RateLimited
from memstrata.memory import Memory
from memstrata.surfaces.rest.access import Caller, Gate
from memstrata.surfaces.rest.problems import NO_SUCH
from memstrata.surfaces.rest.relaying import Relay
from memstrata.surfaces.rest.steering import Steering, read_steering, said_of
from memstrata.surfaces.rest.upstream import Upstream, client, memory_key, relayed_headers
from memstrata.types import Scope
from memstrata.wire import status_of

MEMORY_SECONDS = 3.0
"""The longest that a chat waits for the memory, for recall and for remembering each; then it goes on without."""
THREADS = 8
NOT_CONFIGURED = (
    "no model is configured behind this server: start it with memstrata serve --upstream URL,"
    " such as http://127.0.0.1:11434/v1, or --local-model smollm2"
)
LOG = logging.getLogger("memstrata.server")
T = TypeVar("T")

_STATELESS: Mapping[str, tuple[str, ...]] = {
    "GET": ("models",),
    "POST": ("completions", "embeddings", "moderations", "audio", "images"),
}
_STATEFUL = ("chat/completions", "responses", "conversations", "files", "uploads", "batches", "vector_stores")
"""What the upstream keeps for an account: handed on only on the caller's own."""


@dataclass(frozen=True, slots=True, kw_only=True)
class _Asked:
    """A request, read as far as the memory needs it; `text` is None where the body is not readable."""

    caller: Caller
    steering: Steering
    text: str | None
    turns: list[Turn]
    earlier: str | None


@dataclass(slots=True)
class _State:
    """What the memory did for a request so far."""

    recollection: Recollection = field(default_factory=Recollection)
    conversation: asyncio.Future[Conversation] | None = None
    degraded: list[str] = field(default_factory=list)


class Proxy:
    """Hands requests on. Everything that touches the memory runs on threads of its own, never on the event loop."""

    def __init__(self, memory: Memory, upstream: Upstream, *, default_scope: Scope | None = None) -> None:
        self._memory, self._upstream, self._default = memory, upstream, default_scope
        self._conversations = Conversations(memory)
        self._threads = ThreadPoolExecutor(THREADS, thread_name_prefix="memstrata-proxy")
        self._client: httpx.AsyncClient | None = None

    async def chat(self, request: Request, api: Api) -> Response:
        """A chat completion, or a response, with memory."""
        body = await request.body()
        asked = await run_in_threadpool(self._read, request, api, body)
        state = _State()
        if asked.turns and asked.steering.reads:
            await self._recall(asked, state)
        if state.recollection.hits:
            body = await run_in_threadpool(_told, api, asked, state, body)
        sending = asyncio.ensure_future(self._send(request, _path(request), body))
        try:
            if asked.turns and asked.steering.writes:
                await self._remember(asked, state)
            answer = await sending
        finally:
            sending.cancel()
        return self._relay(api, asked, state, answer)

    async def hand_on(self, request: Request) -> Response:
        """A request that holds no chat, without memory."""
        caller = await run_in_threadpool(_admitted, request)
        path = _path(request)
        if _one_of(path, _STATEFUL) and caller.key is not None and self._upstream.asked_with_own_key(request.headers):
            raise Forbidden("what the upstream keeps for this server's account is handed out to nobody; bring your own")
        answer = await self._send(request, path, await request.body())
        return Relay(answer, relayed_headers(answer), heard=None)

    async def close(self) -> None:
        """Let what is under way be remembered, and let go of connections and threads."""
        if self._client is not None:
            await self._client.aclose()
            self._client = None
        await asyncio.get_running_loop().run_in_executor(None, self._threads.shutdown)

    def _read(self, request: Request, api: Api, body: bytes) -> _Asked:
        caller = _admitted(request)
        text, asked = _json_object(body)
        steering = read_steering(request.headers, asked, default=self._default)
        if steering.scope is not None and steering.mode != "incognito":
            steering = _allowed(caller, steering)
        earlier = asked.get("previous_response_id") if api == "responses" else None
        steering = _in_conversation(steering, asked.get("conversation") if api == "responses" else None)
        turns = turns_of_chat(asked.get("messages")) if api == "chat" else turns_of_response(asked.get("input"))
        return _Asked(
            caller=caller,
            steering=steering,
            text=text,
            turns=turns,
            earlier=earlier if isinstance(earlier, str) else None,
        )

    async def _recall(self, asked: _Asked, state: _State) -> None:
        scope, tokens = cast(Scope, asked.steering.scope), asked.steering.max_tokens
        present = self._conversations.present(scope, asked.turns, earlier=asked.earlier)
        question = question_of(asked.turns)

        def recall() -> Recollection:
            return recollect(self._memory, scope, question, max_tokens=tokens, present=present)

        found = await _in_time(self._run(recall), "memory could not be read", state)
        if found is not None:
            state.recollection = found
            state.degraded += found.degraded

    async def _remember(self, asked: _Asked, state: _State) -> None:
        def remember() -> Conversation:
            scope = cast(Scope, asked.steering.scope)
            conversation = self._conversations.find(scope, asked.turns, earlier=asked.earlier)
            self._conversations.remember(conversation)
            return conversation

        state.conversation = self._run(remember)
        await _in_time(state.conversation, "what was said could not be remembered", state)

    def _relay(self, api: Api, asked: _Asked, state: _State, answer: httpx.Response) -> Relay:
        conversation, ending = state.conversation, b""
        kept = conversation is not None and conversation.done() and conversation.exception() is None
        run_id = conversation.result().run_id if conversation is not None and kept else None
        told = said_of(asked.steering, run_id=run_id, hits=state.recollection.hits, degraded=state.degraded)
        headers = relayed_headers(answer) + [(name.lower().encode(), value.encode()) for name, value in told]
        streamed = "text/event-stream" in answer.headers.get("content-type", "")
        if streamed and answer.is_success and asked.steering.ending != "none":
            headers = [(name, value) for name, value in headers if name.lower() != b"content-length"]
            ending = _ending(told, as_event=asked.steering.ending == "event")

        async def heard(pieces: list[bytes]) -> None:
            if conversation is not None and answer.is_success:
                await asyncio.wait({conversation})  # where the memory was slow, it is still at the user's turn
                if conversation.exception() is None:
                    turn = conversation.result()
                    await self._run(lambda: self._remember_reply(api, turn, pieces, streamed))

        return Relay(answer, headers, heard=heard if conversation is not None else None, ending=ending)

    def _remember_reply(self, api: Api, conversation: Conversation, pieces: list[bytes], streamed: bool) -> None:
        try:
            self._conversations.remember_reply(conversation, read_reply(api, pieces, streamed=streamed))
        except Exception as error:  # noqa: BLE001 - the answer is out; nobody is left to tell but the log
            _log("an answer could not be remembered", error)

    async def _send(self, request: Request, path: str, body: bytes) -> httpx.Response:
        if self._client is None:
            self._client = client(self._upstream)
        query = request.scope.get("query_string", b"")
        asked = self._upstream.request(request.method, path, query, request.headers.raw, body)
        return await self._client.send(asked, stream=True)

    def _run(self, step: Callable[[], T]) -> asyncio.Future[T]:
        return asyncio.get_running_loop().run_in_executor(self._threads, step)


def proxy_routes(memory: Memory, upstream: Upstream | None = None, *, default_scope: Scope | None = None) -> APIRouter:
    """Routes of OpenAI's interface in front of an upstream; without one they answer 503 and say what to set.

    `default_scope`: whose memory it is where a request names nobody's; with None such a request has no memory. Only
    OpenAI's own paths are handed on, one by one: a misspelt path of this server must not carry its words elsewhere.
    They are not in this server's OpenAPI: OpenAI's reference describes them.
    """
    proxy = None if upstream is None else Proxy(memory, upstream, default_scope=default_scope)

    @asynccontextmanager
    async def lifespan(app: FastAPI) -> AsyncIterator[None]:
        yield
        if proxy is not None:
            await proxy.close()

    routes = APIRouter(lifespan=lifespan, include_in_schema=False)

    def route(path: str, methods: list[str], step: Callable[[Proxy, Request], Awaitable[Response]]) -> None:
        async def endpoint(request: Request) -> Response:
            return await _answered(proxy, request, step)

        routes.add_api_route(path, endpoint, methods=methods, name=f"proxy {path}", response_class=Response)

    route("/v1/chat/completions", ["POST"], lambda own, request: own.chat(request, "chat"))
    route("/v1/responses", ["POST"], lambda own, request: own.chat(request, "responses"))
    kept = {"GET": _STATEFUL, "POST": _STATEFUL, "DELETE": _STATEFUL}
    for method, names in [*_STATELESS.items(), *kept.items()]:
        for name in names:
            route(f"/v1/{name}", [method], Proxy.hand_on)
            route(f"/v1/{name}/{{rest:path}}", [method], Proxy.hand_on)
    return routes


def _told(api: Api, asked: _Asked, state: _State, body: bytes) -> bytes:
    """The body with what was recalled; as it came where there is no place for it."""
    found, text = state.recollection, asked.text
    try:
        if text is None:
            raise NoPlace("not JSON")
        if api == "responses":
            text = into_instructions(text, found.text)
        elif asked.steering.place == "system":
            text = into_messages(text, found.text)
        else:
            text = before_last_turn(text, found.recalled) if found.recalled else text
            text = into_messages(text, found.standing) if found.standing else text
    except NoPlace as error:
        state.recollection = Recollection()
        state.degraded.append(f"memory found no place in the request: {error}")
        return body
    return text.encode()


async def _answered(
    proxy: Proxy | None, request: Request, step: Callable[[Proxy, Request], Awaitable[Response]]
) -> Response:
    """The answer of a step; what goes wrong on this side in the shape in which OpenAI's clients look for errors."""
    if proxy is None:
        return _error(503, "no_upstream", NOT_CONFIGURED)
    try:
        return await step(proxy, request)
    except MemstrataError as error:
        headers = {"Retry-After": "1"} if isinstance(error, RateLimited) else {}
        said = NO_SUCH if isinstance(error, NotFound) else str(error)
        return _error(status_of(error), error.code, said, headers=headers)
    except HTTPException as error:
        return _error(error.status_code, "too_large", str(error.detail))
    except (httpx.HTTPError, httpx.InvalidURL) as error:
        LOG.warning("the upstream gave no answer: %s", type(error).__name__)
        return _error(502, "upstream_unreachable", f"the model service does not answer ({type(error).__name__})")


def _error(status: int, code: str, message: str, *, headers: Mapping[str, str] | None = None) -> Response:
    return Response(error_body(status, code, message), status, dict(headers or {}), media_type="application/json")


def _admitted(request: Request) -> Caller:
    """The caller, by this server's key; another in `Authorization` is for the upstream."""
    gate: Gate = request.app.state.gate
    headers, key = dict(request.headers), memory_key(request.headers)
    if key is not None:
        headers["authorization"] = f"Bearer {key}"
    caller = gate.let_in(headers)
    request.state.caller = caller.id
    return caller


def _allowed(caller: Caller, steering: Steering) -> Steering:
    """The steering in the scope that the caller's key acts in. Raises Forbidden, NotFound."""
    if steering.reads:
        caller.must("read")
    if steering.writes:
        caller.must("write")
    ids = caller.scoped({**named(cast(Scope, steering.scope))})
    return replace(steering, scope=Scope(**cast(ScopeIds, ids)))


def _in_conversation(steering: Steering, named: object) -> Steering:
    """The steering in the conversation that the upstream keeps, where a request names one and no run."""
    id_ = at(named, "id") if isinstance(named, dict) else named
    if steering.scope is None or steering.scope.run_id is not None or not (isinstance(id_, str) and id_.strip()):
        return steering
    try:
        run_id = checked_scope(None, None, None, id_).run_id
    except InvalidInput:
        return steering
    return replace(steering, scope=replace(steering.scope, run_id=run_id))


def _json_object(body: bytes) -> tuple[str | None, Mapping[str, object]]:
    """A body's text and what it says; None and nothing where it is no JSON object, which is the upstream's to say."""
    try:
        text = body.decode()
        found = json.loads(text)
    except (ValueError, RecursionError):
        return None, {}
    return (text, found) if isinstance(found, dict) else (None, {})


def _path(request: Request) -> str:
    """What follows /v1/, as it was spelt."""
    raw: bytes = request.scope.get("raw_path") or request.url.path.encode()
    return raw.decode("latin-1").partition("?")[0].partition("/v1/")[2]


def _one_of(path: str, names: Sequence[str]) -> bool:
    return any(path == name or path.startswith(f"{name}/") for name in names)


def _ending(told: Sequence[tuple[str, str]], *, as_event: bool) -> bytes:
    """The headers once more, after a stream's last event: a comment, which clients pass over, or an event."""
    said = json.dumps({name.removeprefix("X-Memory-").lower(): value for name, value in told})
    return (f"\nevent: memory\ndata: {said}\n\n" if as_event else f"\n: memory {said}\n\n").encode()


async def _in_time(step: asyncio.Future[T], failed: str, state: _State) -> T | None:
    """What a step of the memory gives; where it fails or takes too long, None, and the chat goes on without."""
    done, _ = await asyncio.wait({step}, timeout=MEMORY_SECONDS)
    if not done:
        state.degraded.append(f"{failed} within {MEMORY_SECONDS:g} s")
        return None
    error = step.exception()
    if error is None:
        return step.result()
    _log(failed, error)
    state.degraded.append(f"{failed} ({getattr(error, 'code', 'error')})")
    return None


def _log(what: str, error: BaseException) -> None:
    """A failure of the memory, without its message, which may hold a user's words."""
    where = "" if isinstance(error, MemstrataError) else "".join(traceback.format_tb(error.__traceback__))
    LOG.error("%s: %s %s", what, type(error).__name__, where)
