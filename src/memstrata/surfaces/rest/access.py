"""Who calls: the key of a request, checked, and what it may reach.

Without any key in the store the server is open, and is bound to this machine (see `serve`); then only requests that
name it as this machine are answered, and none that a web page of elsewhere sends, so that a browser cannot be led to
read a memory.
"""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Annotated
from urllib.parse import urlsplit

from fastapi import Depends
from starlette.requests import HTTPConnection

from memstrata.core.access import Key, Right, fits, reaches, scope_for, split_token
from memstrata.errors import Forbidden, NotFound, RateLimited, Unauthorized
from memstrata.ports import AccessStore
from memstrata.types import Scope

LOOPBACK = frozenset({"localhost", "127.0.0.1", "::1", "testserver"})
_IDS = ("user_id", "agent_id", "app_id", "run_id")


@dataclass(frozen=True, slots=True)
class Caller:
    """Who calls: a key, or None on an open server."""

    key: Key | None

    @property
    def id(self) -> str:
        """The key's id, `open` without keys."""
        return "open" if self.key is None else self.key.id

    def must(self, right: Right) -> None:
        """Raises Forbidden without this right."""
        if self.key is not None and right not in self.key.rights:
            raise Forbidden(f"this key may {', '.join(self.key.rights)}, not {right}")

    def scoped(self, arguments: Mapping[str, object]) -> dict[str, object]:
        """Arguments with the scope that the call acts in. Raises NotFound where the key does not reach it."""
        ids = {name: arguments.get(name) for name in _IDS}
        if all(each is None for each in ids.values()):
            return dict(arguments)  # the verb says that a scope is missing
        scope = scope_for(self.key, Scope(**ids))  # type: ignore[arg-type]
        if not reaches(self.key, scope):
            raise NotFound("the key does not reach this scope")
        return {**arguments, "app_id": scope.app_id}


class Gate:
    """Lets requests in: reads the key of each from the store, so that a revoked one counts no more at once."""

    def __init__(
        self,
        store: AccessStore,
        *,
        rate: float = 200.0,
        burst: int = 400,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        """`rate`: calls a second that a key may make for long; `burst`: calls that it may make at once."""
        self._store = store
        self._rate, self._burst, self._clock = rate, burst, clock
        self._buckets: dict[str, tuple[float, float]] = {}
        self._lock = threading.Lock()
        self._closed_since_start = False

    def let_in(self, headers: Mapping[str, str]) -> Caller:
        """The caller. Raises Unauthorized, RateLimited, Forbidden."""
        token = _token(headers)
        if token is None:
            if self._has_keys():
                raise Unauthorized("this server asks for a key: Authorization: Bearer ms_...")
            _refuse_foreign_pages(headers)
            return self._counted(Caller(None))
        parts = split_token(token)
        key = None if parts is None else self._store.key(parts[0])
        if parts is None or key is None or not fits(key, parts[1]):
            if parts is None and not self._has_keys():
                _refuse_foreign_pages(headers)
                return self._counted(Caller(None))  # clients send a made-up key where none is asked for
            raise Unauthorized("the key is not known or was revoked")
        return self._counted(Caller(key))

    def _has_keys(self) -> bool:
        """Whether there ever was a key: revoking the last one must not open the server."""
        self._closed_since_start = self._closed_since_start or bool(self._store.keys())
        return self._closed_since_start

    def _counted(self, caller: Caller) -> Caller:
        now = self._clock()
        with self._lock:
            left, at = self._buckets.get(caller.id, (float(self._burst), now))
            left = min(self._burst, left + (now - at) * self._rate)
            self._buckets[caller.id] = (max(left - 1, 0.0), now)
        if left < 1 and caller.key is not None:
            raise RateLimited(f"more than {self._rate:g} calls a second; try again in a moment")
        return caller


def _token(headers: Mapping[str, str]) -> str | None:
    scheme, _, token = headers.get("authorization", "").partition(" ")
    return token.strip() if scheme.lower() == "bearer" and token.strip() else headers.get("x-api-key")


def _refuse_foreign_pages(headers: Mapping[str, str]) -> None:
    """An open server answers only requests of this machine's own programs and pages."""
    host = urlsplit(f"//{headers.get('host', '')}").hostname
    origin = headers.get("origin")
    if host not in LOOPBACK or (origin is not None and urlsplit(origin).hostname not in LOOPBACK):
        raise Forbidden("an open server answers this machine only; make a key: memstrata keys create")


def admitted(request: HTTPConnection) -> Caller:
    """The caller of a request, by the gate of its application; noted for the log."""
    gate: Gate = request.app.state.gate
    who = gate.let_in(request.headers)
    request.state.caller = who.id
    return who


Who = Annotated[Caller, Depends(admitted)]
