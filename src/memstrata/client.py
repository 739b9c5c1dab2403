"""`RemoteMemory`: the verbs of `Memory` against a server. Each is one request; there is no logic here.

Files go and come as streams: neither side holds one in memory.
"""

from __future__ import annotations

import functools
import hashlib
import inspect
import io
import json
import os
import re
import secrets
import time
from collections.abc import Callable, Iterator, Mapping
from datetime import timedelta
from pathlib import Path
from types import TracebackType
from typing import Any, BinaryIO, Concatenate, ParamSpec, Self, TypeAlias, TypeVar, cast, get_type_hints
from urllib.parse import quote

import httpx

from memstrata.errors import InvalidInput, MemstrataError, Unreachable
from memstrata.exchange.archive import Place, file_name, packed, seekable
from memstrata.exchange.exporting import written_whole
from memstrata.memory import Memory
from memstrata.wire import EVENTS, RECEIPT, VERBS, Carries, Verb, error_of, from_json, to_json

P = ParamSpec("P")
T = TypeVar("T")
TRIES = 3
PAUSE_SECONDS = 0.2
LONGEST_WAIT = 30.0
CHUNK = 1 << 18
Said: TypeAlias = tuple[int, object]
"""A status, and the JSON that came with it."""
_VERSION = re.compile(r"[0-9A-Za-z]+")
_TRY_AGAIN = frozenset({429, 502, 503})


def _sent(client: httpx.Client, verb: Verb, given: dict[str, Any]) -> object:
    """What the server answers to arguments."""
    request = _request(client, verb, given)
    return _tried(client, lambda: _said(client.send(request)))


def _downloaded(client: httpx.Client, verb: Verb, given: dict[str, Any]) -> object:
    """The answer in the header, once the file that came with it is in its place, whole."""
    place: Place = given.pop("place")
    timeout = httpx.Timeout(**{**client.timeout.as_dict(), "read": None})  # a large memory is first written, there

    def attempt() -> Said:
        response = client.send(_request(client, verb, given, timeout=timeout), stream=True)
        try:
            if not response.is_success:
                response.read()
                return _said(response)
            return response.status_code, _kept(response, place)
        finally:
            response.close()

    return _tried(client, attempt)


def _kept(response: httpx.Response, place: Place) -> object:
    sha256, size = hashlib.sha256(), 0
    receipt = _json(response.headers.get(RECEIPT, ""))
    with written_whole(place) as out:
        for chunk in response.iter_bytes():
            out.write(chunk)
            sha256.update(chunk)
            size += len(chunk)
        told = receipt if isinstance(receipt, dict) else {}
        if (told.get("size"), told.get("sha256")) != (size, sha256.hexdigest()):
            raise httpx.RemoteProtocolError("the file did not arrive as it was sent")
    return receipt


def _uploaded(client: httpx.Client, verb: Verb, given: dict[str, Any]) -> object:
    """What the server answers to a file; what it tells meanwhile is handed to `progress`."""
    place: Place = given.pop("place")
    progress: Callable[[int], None] = given.pop("progress", lambda messages: None)
    if given.pop("reaches", None) is not None:
        raise InvalidInput("reaches cannot be sent: what a call may write to is what its key reaches")
    if verb.name == "import_file":
        given["name"] = file_name(place)
    folder = verb.name == "import_file" and isinstance(place, str | os.PathLike) and Path(place).is_dir()
    headers = {**_once(verb), "Accept": EVENTS, "Content-Type": "application/octet-stream"}
    told = 0

    def attempt(file: BinaryIO) -> Said:
        nonlocal told
        size = file.seek(0, io.SEEK_END)
        file.seek(0)
        request = _request(client, verb, given, headers={**headers, "Content-Length": str(size)}, content=_chunks(file))
        response = client.send(request, stream=True)
        try:
            if response.headers.get("content-type", "").partition(";")[0] != EVENTS:
                response.read()
                return _said(response)
            for event, said in _events(response):
                if event != "progress":
                    return (200, said) if event == "done" else (int(said["status"]), said)
                progress(max(0, int(said["messages"]) - told))
                told = max(told, int(said["messages"]))
            raise httpx.RemoteProtocolError("the answer was cut short")
        finally:
            response.close()

    with packed(Path(cast("str", place))) if folder else seekable(place) as file:
        return _tried(client, lambda: attempt(file))


_SEND: Mapping[Carries, Callable[[httpx.Client, Verb, dict[str, Any]], object]] = {
    "nouns": _sent,
    "upload": _uploaded,
    "download": _downloaded,
}


def _chunks(file: BinaryIO) -> Iterator[bytes]:
    while chunk := file.read(CHUNK):
        yield chunk


def _events(response: httpx.Response) -> Iterator[tuple[str, Any]]:
    """Server-sent events, as this server writes them: a name and one line of JSON."""
    name = ""
    for line in response.iter_lines():
        if line.startswith("event: "):
            name = line.removeprefix("event: ")
        elif line.startswith("data: "):
            yield name, _json(line.removeprefix("data: "))


def _request(
    client: httpx.Client, verb: Verb, given: Mapping[str, Any], *, headers: Mapping[str, str] | None = None, **more: Any
) -> httpx.Request:
    given, sent = dict(given), dict(_once(verb) if headers is None else headers)
    path = verb.path.replace("{id}", quote(str(given.pop("id", "")), safe=""))
    if (version := given.pop("version", None)) is not None:
        sent["If-Match"] = f'"{version}"' if _VERSION.fullmatch(version) else '"none"'
    try:
        arguments = cast(dict[str, Any], to_json(given))
    except TypeError as error:
        raise InvalidInput(f"an argument cannot be sent: {error}") from error
    if verb.method == "POST" and verb.carries == "nouns":
        return client.build_request("POST", path, json=arguments, headers=sent, **more)
    filters = arguments.get("filters")
    if filters is not None:
        arguments["filters"] = json.dumps(filters)
    query = {name: value for name, value in arguments.items() if value is not None}
    return client.build_request(verb.method, path, params=query, headers=sent, **more)


def _once(verb: Verb) -> dict[str, str]:
    """The header with which a writing call is done once, however often it is tried."""
    return {} if verb.right == "read" else {"Idempotency-Key": secrets.token_hex(16)}


def _tried(client: httpx.Client, attempt: Callable[[], Said]) -> object:
    """What the server answers; tried again where it is busy or was not reached."""
    host = client.base_url.netloc.decode("ascii", "replace")
    for last in (False,) * (TRIES - 1) + (True,):
        try:
            status, said = attempt()
        except httpx.TransportError as error:
            if last:
                raise Unreachable(f"no answer from {host} ({error})") from error
        else:
            if status not in _TRY_AGAIN or last:
                return _answer(status, said, host)
        time.sleep(PAUSE_SECONDS)
    raise AssertionError("the last try returns or raises")


def _said(response: httpx.Response) -> Said:
    return response.status_code, _json(response.text)


def _json(text: str) -> object:
    try:
        return cast(object, json.loads(text))
    except (ValueError, RecursionError):
        return None


def _answer(status: int, said: object, host: str) -> object:
    if 200 <= status < 300 and said is not None:
        return said
    if not isinstance(said, dict) or not isinstance(said.get("code"), str):
        raise Unreachable(f"{host} answers, but not as Memstrata ({status})")
    error: MemstrataError = error_of(said["code"], str(said.get("detail")))
    raise error


def _remote(method: Callable[Concatenate[Memory, P], T]) -> Callable[Concatenate[RemoteMemory, P], T]:
    """The same verb, as a request."""
    verb, signature = VERBS[method.__name__], inspect.signature(method)
    send = _SEND[verb.carries]

    @functools.wraps(method)
    def run(self: RemoteMemory, *args: P.args, **kwargs: P.kwargs) -> T:
        given = dict(signature.bind(None, *args, **kwargs).arguments)
        del given["self"]
        return _read(method, send(self._client, verb, given))

    return cast(Callable[Concatenate["RemoteMemory", P], T], run)


class RemoteMemory:
    """A `Memory` on a server: `RemoteMemory("http://127.0.0.1:8377", api_key="ms_...")`.

    The verbs take and return the same as those of `Memory` and raise the same errors; besides, the `AccessError`
    family where the server does not let the call through, and `Unreachable` where it does not answer. A call is tried
    three times where that may help; a writing one carries a key so that it is done once. Files are sent and received as
    streams; a folder to import is sent as a zip. `client`: an `httpx.Client`
    of your own, with its base URL. A context manager; without it, call `close`. Safe to use from several threads.
    """

    def __init__(
        self,
        url: str = "http://127.0.0.1:8377",
        *,
        api_key: str | None = None,
        timeout: timedelta = timedelta(seconds=60),
        client: httpx.Client | None = None,
    ) -> None:
        self._client = client or httpx.Client(base_url=_checked(url), timeout=timeout.total_seconds())
        self._client.headers.update(_signed(api_key))

    add = _remote(Memory.add)
    search = _remote(Memory.search)
    context = _remote(Memory.context)
    episode = _remote(Memory.episode)
    episodes = _remote(Memory.episodes)
    forget = _remote(Memory.forget)
    stats = _remote(Memory.stats)
    promote = _remote(Memory.promote)
    demote = _remote(Memory.demote)
    artifacts = _remote(Memory.artifacts)
    rollback = _remote(Memory.rollback)
    facts = _remote(Memory.facts)
    fact = _remote(Memory.fact)
    profile = _remote(Memory.profile)
    timeline = _remote(Memory.timeline)
    history = _remote(Memory.history)
    correct = _remote(Memory.correct)
    retire = _remote(Memory.retire)
    confirm = _remote(Memory.confirm)
    reject = _remote(Memory.reject)
    pin = _remote(Memory.pin)
    mute = _remote(Memory.mute)
    undo = _remote(Memory.undo)
    export = _remote(Memory.export)
    restore = _remote(Memory.restore)
    import_file = _remote(Memory.import_file)

    def wait(self, *, timeout: timedelta | None = None) -> bool:
        """See `Memory.wait`; asks the server as often as it takes."""
        return any(self._waited(seconds) for seconds in _portions(timeout))

    def _waited(self, seconds: float) -> bool:
        request = self._client.build_request("POST", "/v1/wait", json={"timeout_seconds": seconds}, timeout=None)
        return bool(_tried(self._client, lambda: _said(self._client.send(request)))["done"])  # type: ignore[index]

    def close(self) -> None:
        """Let go of the connections; the server goes on."""
        self._client.close()

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()


def _read(method: Callable[..., T], said: object) -> T:
    try:
        return cast(T, from_json(_answer_type(method), said))
    except (TypeError, KeyError, ValueError) as error:
        raise Unreachable("the server answers in a form that this version does not know; update the older") from error


@functools.cache
def _answer_type(method: Callable[..., object]) -> Any:
    return get_type_hints(method)["return"]


def _portions(timeout: timedelta | None) -> Iterator[float]:
    """How long to ask the server to wait, again and again, until the time is over."""
    end = None if timeout is None else time.monotonic() + timeout.total_seconds()
    while True:
        left = LONGEST_WAIT if end is None else max(0.0, min(LONGEST_WAIT, end - time.monotonic()))
        yield left
        if end is not None and time.monotonic() >= end:
            return


def _checked(url: str) -> str:
    if not url.startswith(("http://", "https://")):
        raise InvalidInput(f"a server's URL begins with http:// or https://, not {url!r}")
    return url


def _signed(api_key: str | None) -> dict[str, str]:
    return {} if api_key is None else {"Authorization": f"Bearer {api_key}"}
