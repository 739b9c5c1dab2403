"""`RemoteMemory`: the verbs of `Memory` against a server. Each is one request; there is no logic here."""

from __future__ import annotations

import functools
import inspect
import json
import re
import secrets
import time
from collections.abc import Callable, Iterator, Mapping
from datetime import timedelta
from types import TracebackType
from typing import Any, Concatenate, ParamSpec, Self, TypeVar, cast, get_type_hints
from urllib.parse import quote

import httpx

from memstrata.errors import InvalidInput, MemstrataError, Unreachable
from memstrata.memory import Memory
from memstrata.wire import VERBS, Verb, error_of, from_json, to_json

P = ParamSpec("P")
T = TypeVar("T")
TRIES = 3
PAUSE_SECONDS = 0.2
LONGEST_WAIT = 30.0
_VERSION = re.compile(r"[0-9A-Za-z]+")
_TRY_AGAIN = frozenset({429, 502, 503})


def _remote(method: Callable[Concatenate[Memory, P], T]) -> Callable[Concatenate[RemoteMemory, P], T]:
    """The same verb, as a request."""
    verb, signature = VERBS[method.__name__], inspect.signature(method)

    @functools.wraps(method)
    def run(self: RemoteMemory, *args: P.args, **kwargs: P.kwargs) -> T:
        request = _request(self._client, verb, signature, (None, *args), kwargs)
        return _read(method, _sent(self._client, request))

    return cast(Callable[Concatenate["RemoteMemory", P], T], run)


class RemoteMemory:
    """A `Memory` on a server: `RemoteMemory("http://127.0.0.1:8377", api_key="ms_...")`.

    The verbs take and return the same as those of `Memory` and raise the same errors; besides, the `AccessError`
    family where the server does not let the call through, and `Unreachable` where it does not answer. A call is tried
    three times where that may help; a writing one carries a key so that it is done once. `client`: an `httpx.Client`
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

    def wait(self, *, timeout: timedelta | None = None) -> bool:
        """See `Memory.wait`; asks the server as often as it takes."""
        for seconds in _portions(timeout):
            request = self._client.build_request("POST", "/v1/wait", json={"timeout_seconds": seconds}, timeout=None)
            if _sent(self._client, request)["done"]:  # type: ignore[index]
                return True
        return False

    def close(self) -> None:
        """Let go of the connections; the server goes on."""
        self._client.close()

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()


def _request(
    client: httpx.Client, verb: Verb, signature: inspect.Signature, args: tuple[Any, ...], kwargs: Mapping[str, Any]
) -> httpx.Request:
    given = dict(signature.bind(*args, **kwargs).arguments)
    del given["self"]
    path = verb.path.replace("{id}", quote(str(given.pop("id", "")), safe=""))
    headers = {} if verb.right == "read" else {"Idempotency-Key": secrets.token_hex(16)}
    if (version := given.pop("version", None)) is not None:
        headers["If-Match"] = f'"{version}"' if _VERSION.fullmatch(version) else '"none"'
    try:
        arguments = cast(dict[str, Any], to_json(given))
    except TypeError as error:
        raise InvalidInput(f"an argument cannot be sent: {error}") from error
    if verb.method == "POST":
        return client.build_request("POST", path, json=arguments, headers=headers)
    filters = arguments.get("filters")
    if filters is not None:
        arguments["filters"] = json.dumps(filters)
    query = {name: value for name, value in arguments.items() if value is not None}
    return client.build_request("GET", path, params=query, headers=headers)


def _sent(client: httpx.Client, request: httpx.Request) -> object:
    """What the server answers; tried again where it is busy or was not reached."""
    for last in (False,) * (TRIES - 1) + (True,):
        try:
            response = client.send(request)
        except httpx.TransportError as error:
            if last:
                raise Unreachable(f"no answer from {request.url.host}:{request.url.port} ({error})") from error
        else:
            if response.status_code not in _TRY_AGAIN or last:
                return _answer(response)
        time.sleep(PAUSE_SECONDS)
    raise AssertionError("the last try returns or raises")


def _answer(response: httpx.Response) -> object:
    try:
        said = response.json()
        if response.is_success:
            return said
        error: MemstrataError = error_of(said["code"], said["detail"])
    except (ValueError, TypeError, KeyError):
        raise Unreachable(f"{response.url.host} answers, but not as Memstrata ({response.status_code})") from None
    raise error


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
