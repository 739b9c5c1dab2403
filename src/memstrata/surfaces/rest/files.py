"""The verbs that carry files: export as a download, restore and import as uploads, none held in memory.

A file lies in an unnamed temporary file while it is read or written, which is gone whatever happens to the process.
The work is done on threads of its own, so that a long import keeps nobody else waiting.
"""

from __future__ import annotations

import asyncio
import errno
import hashlib
import inspect
import json
import tempfile
from collections.abc import AsyncIterator, Callable, Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import PurePosixPath
from typing import Annotated, Any, BinaryIO, cast, get_type_hints

from fastapi import APIRouter, Query, Request
from pydantic import BaseModel
from starlette.concurrency import run_in_threadpool
from starlette.responses import Response, StreamingResponse

from memstrata.core.access import reaches
from memstrata.errors import InvalidInput, MemstrataError, StoreFull, TooLarge
from memstrata.exchange.archive import Member, opened
from memstrata.memory import Memory
from memstrata.surfaces.rest.access import Caller, Who
from memstrata.surfaces.rest.answers import Components
from memstrata.surfaces.rest.once import Once
from memstrata.surfaces.rest.parameters import body_of
from memstrata.surfaces.rest.problems import problem_of, unexpected
from memstrata.surfaces.rest.verbs import IdempotencyKey, answer, ok, problems
from memstrata.types import ExportReceipt, Json
from memstrata.wire import EVENTS, RECEIPT, VERBS, Verb, to_json

THREADS = 4
"""Files that are worked on at a time; others wait."""
MOST_RESTORED = 1 << 28
"""Unpacked bytes of a restore, which checks all of a memory before it takes in any of it."""
CHUNK = 1 << 18
_HELD = 1 << 20
_NO_ROOM = (errno.ENOSPC, errno.EDQUOT, errno.EFBIG)
_PAUSE_SECONDS = 0.25
_SIGN_OF_LIFE = 20
"""Pauses after which something is said, so that nobody on the way takes the connection for dead."""
_MEDIA = {
    "bundle": "application/zip",
    "json": "application/json",
    "markdown": "text/markdown",
    "pam": "application/json",
}
_SUFFIX = {"bundle": "zip", "json": "json", "markdown": "md", "pam": "pam.json"}
_BINARY = {"schema": {"type": "string", "format": "binary"}}


class _Spool(tempfile.SpooledTemporaryFile[bytes]):
    """A temporary file, called as the caller calls it."""

    name = "file"


@dataclass(slots=True)
class _Upload:
    """A file that came, with what is known of it."""

    file: _Spool
    sha256: str
    messages: int = 0
    done: Future[tuple[object, bool]] = field(default_factory=Future)


def file_routes(memory: Memory, once: Once, components: Components) -> APIRouter:
    """All verbs of the table that carry files."""
    routes, threads = APIRouter(tags=["files"]), ThreadPoolExecutor(THREADS, thread_name_prefix="memstrata-files")
    for verb in VERBS.values():
        if verb.carries == "download":
            _add(routes, verb, _downloading(memory, verb, threads), components)
        elif verb.carries == "upload":
            _add(routes, verb, _uploading(_Taking(memory, once, verb), threads), components)
    return routes


def _add(routes: APIRouter, verb: Verb, endpoint: Callable[..., Any], components: Components) -> None:
    method = getattr(Memory, verb.name)
    schema = components.schema(get_type_hints(method)["return"])
    if verb.carries == "download":
        done: dict[str, Any] = {
            "description": f"The file; `{RECEIPT}` tells of it.",
            "content": {media: _BINARY if media == "application/zip" else {} for media in _MEDIA.values()},
            "headers": {RECEIPT: {"content": {"application/json": {"schema": schema}}}},
        }
    else:
        done = ok(schema)
        done["content"][EVENTS] = {}
    body = {"requestBody": {"required": True, "content": {"application/octet-stream": _BINARY}}}
    routes.add_api_route(
        verb.path,
        endpoint,
        methods=[verb.method],
        name=verb.name,
        operation_id=verb.name,
        summary=(method.__doc__ or "").split("\n")[0],
        response_class=Response,
        responses={200: done, **problems(507, *((409,) if verb.method == "POST" else ()))},
        openapi_extra=body if verb.carries == "upload" else None,
    )


def _downloading(memory: Memory, verb: Verb, threads: ThreadPoolExecutor) -> Callable[..., Any]:
    async def endpoint(who: Who, request: BaseModel) -> Response:
        who.must(verb.right)
        given = who.scoped(request.model_dump(exclude_unset=True))

        def write() -> tuple[_Spool, ExportReceipt]:
            with _open_if_done(_Spool(max_size=_HELD)) as file:
                return file, getattr(memory, verb.name)(cast(BinaryIO, file), **given)

        file, receipt = await asyncio.wrap_future(threads.submit(write))
        file.seek(0)
        headers = {
            "Content-Length": str(receipt.size),
            "Content-Disposition": f'attachment; filename="memory.{_SUFFIX[receipt.format]}"',
            RECEIPT: json.dumps(to_json(receipt)),
        }
        return StreamingResponse(_chunks(file), headers=headers, media_type=_MEDIA[receipt.format])

    return _asked_by_query(endpoint, verb)


def _uploading(take: _Taking, threads: ThreadPoolExecutor) -> Callable[..., Any]:
    async def endpoint(who: Who, http: Request, request: BaseModel, idempotency_key: IdempotencyKey = None) -> Response:
        given = take.arguments(who, request)
        upload = await _received(http, name=cast(str, given.pop("name", "file")))
        upload.done = threads.submit(take, who, upload, given, idempotency_key)
        if EVENTS in http.headers.get("accept", ""):
            return StreamingResponse(_told(upload), media_type=EVENTS)
        done, again = await asyncio.wrap_future(upload.done)
        return answer(to_json(done), headers={"Idempotency-Replayed": "true"} if again else {})

    return _asked_by_query(endpoint, take.verb)


def _asked_by_query(endpoint: Callable[..., Any], verb: Verb) -> Callable[..., Any]:
    """Tell the framework which arguments `request` holds."""
    endpoint.__annotations__["request"] = Annotated[body_of(verb.name, query=True), Query()]
    return endpoint


class _Taking:
    """A verb that takes in a file, called as a request says."""

    def __init__(self, memory: Memory, once: Once, verb: Verb) -> None:
        self.verb = verb
        self._memory, self._once = memory, once
        self._takes = inspect.signature(getattr(Memory, verb.name)).parameters

    def arguments(self, who: Caller, request: BaseModel) -> dict[str, object]:
        """What a request asks for, in the scope that its key reaches."""
        who.must(self.verb.right)
        given = who.scoped(request.model_dump(exclude_unset=True))
        if "reaches" in self._takes and who.key is not None and given.get("app_id") is None:
            given["app_id"] = who.key.app_id  # also where the file names the user
        return given

    def __call__(self, who: Caller, upload: _Upload, given: dict[str, object], key: str | None) -> tuple[object, bool]:
        """The answer, and whether it was given before. Closes the file."""

        def told(messages: int) -> None:
            upload.messages += messages

        more: dict[str, object] = {"progress": told, "reaches": lambda scope: reaches(who.key, scope)}
        own = {name: value for name, value in more.items() if name in self._takes}
        with upload.file as file, _open_if_done(file):
            if self.verb.name == "restore":
                _refuse_large(file)

            def do() -> object:
                return getattr(self._memory, self.verb.name)(cast(BinaryIO, file), **given, **own)

            if key is None:
                return do(), False
            return self._once.answer(who.id, key, [self.verb.name, given, upload.sha256], do, _no_fact)


async def _received(http: Request, *, name: str) -> _Upload:
    """The body of a request as a file. Raises InvalidInput, StoreFull, and what bounds the body."""
    if http.headers.get("content-type", "").startswith("multipart/"):
        raise InvalidInput("the body is the file itself, not a form: curl -X POST -T FILE")
    sha256, held = hashlib.sha256(), bytearray()
    with _open_if_done(_Spool(max_size=_HELD)) as file:
        file.name = PurePosixPath(name.replace("\\", "/")).name or "file"
        async for chunk in http.stream():
            held += chunk
            if len(held) >= CHUNK:
                sha256.update(held)
                await run_in_threadpool(file.write, bytes(held))
                held.clear()
        sha256.update(held)
        file.write(bytes(held))
        file.seek(0)
    return _Upload(file=file, sha256=sha256.hexdigest())


async def _told(upload: _Upload) -> AsyncIterator[str]:
    """Server-sent events: `progress` with the messages so far, at the end `done` or `problem`.

    Where nobody listens any more, the work goes on: the same call again, with its key, is answered by it.
    """
    told, silent = 0, 0
    future = asyncio.wrap_future(upload.done)
    while not future.done():
        await asyncio.wait([future], timeout=_PAUSE_SECONDS)
        silent += 1
        if upload.messages != told:
            told, silent = upload.messages, 0
            yield _event("progress", {"messages": told})
        elif silent == _SIGN_OF_LIFE:
            silent = 0
            yield ": still at it\n\n"
    error = future.exception()
    if error is None:
        yield _event("done", to_json(future.result()[0]))
    else:
        refused = problem_of(error) if isinstance(error, MemstrataError) else unexpected(error, route="a file")
        yield _event("problem", json.loads(bytes(refused.body)))


def _event(name: str, said: Json) -> str:
    return f"event: {name}\ndata: {json.dumps(said)}\n\n"


def _chunks(file: _Spool) -> Iterator[bytes]:
    with file:
        while chunk := file.read(CHUNK):
            yield chunk


def _refuse_large(file: _Spool) -> None:
    """Raises TooLarge where a restore would unpack to more than it may; a bundle is read as far as it says."""
    with opened(cast(BinaryIO, file)) as found:
        size = sum(each.size for each in found if isinstance(each, Member))
    file.seek(0)
    if size > MOST_RESTORED:
        raise TooLarge(
            f"a restore over HTTP takes {MOST_RESTORED:,} bytes unpacked, not {size:,}; use memstrata import"
        )


@contextmanager
def _open_if_done(file: _Spool) -> Iterator[_Spool]:
    """Closes a file that something failed with. Raises StoreFull where it was the disk that holds such files."""
    try:
        yield file
    except BaseException as error:
        file.close()
        if isinstance(error, OSError) and error.errno in _NO_ROOM:
            raise StoreFull(f"no room for the file on the server: {error.strerror}") from error
        raise


def _no_fact(id_: str) -> Any:
    raise AssertionError(f"no file is answered with a fact: {id_}")
