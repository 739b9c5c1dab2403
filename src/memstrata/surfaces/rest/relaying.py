"""An answer handed on as it arrives, with a copy kept for the memory.

Nothing waits for the memory: each piece goes out before the next is read. Whatever ends the answer, its last byte, a
client that hangs up or an upstream that breaks off, what was heard until then is given to `heard` exactly once.
"""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Awaitable, Callable
from contextlib import suppress

import httpx
from starlette.responses import Response
from starlette.types import Receive, Scope, Send

from memstrata.surfaces.rest.upstream import Headers

MOST_HEARD = 16 * 1024 * 1024
"""Bytes of an answer that are read for the memory; more are relayed all the same."""
LOG = logging.getLogger("memstrata.server")
Heard = Callable[[list[bytes]], Awaitable[None]]


class Relay(Response):
    """Relays an upstream's answer; `ending` is sent after its last byte where the answer came whole."""

    def __init__(self, upstream: httpx.Response, headers: Headers, *, heard: Heard | None, ending: bytes = b"") -> None:
        self.status_code = upstream.status_code
        self.background = None
        self.raw_headers = headers
        self._upstream, self._heard, self._ending = upstream, heard, ending
        self._copy: list[bytes] = []
        self._copied = 0

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """See ASGI."""
        relaying = asyncio.ensure_future(self._relay(send))
        hung_up = asyncio.ensure_future(_hung_up(receive))
        try:
            await asyncio.wait({relaying, hung_up}, return_when=asyncio.FIRST_COMPLETED)
        finally:
            for task in (relaying, hung_up):
                task.cancel()
            await asyncio.wait({relaying, hung_up})
            with suppress(httpx.HTTPError):
                await self._upstream.aclose()
            if self._heard is not None:
                await asyncio.shield(self._heard(self._copy))
        if not relaying.cancelled() and (error := relaying.exception()) is not None:
            raise error

    async def _relay(self, send: Send) -> None:
        await send({"type": "http.response.start", "status": self.status_code, "headers": self.raw_headers})
        try:
            async for piece in self._upstream.aiter_raw():
                self._keep(piece)
                await send({"type": "http.response.body", "body": piece, "more_body": True})
        except httpx.HTTPError as error:
            # The caller must see that the answer is not whole; an answer that is left unfinished is closed so.
            LOG.warning("the upstream broke off an answer: %s", type(error).__name__)
            return
        await send({"type": "http.response.body", "body": self._ending, "more_body": False})

    def _keep(self, piece: bytes) -> None:
        if self._heard is not None and self._copied < MOST_HEARD:
            self._copy.append(piece)
            self._copied += len(piece)


async def _hung_up(receive: Receive) -> None:
    while (await receive())["type"] != "http.disconnect":
        pass
