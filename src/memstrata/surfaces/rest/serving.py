"""A server on a thread of this process, at a free port of this machine: for tests, notebooks and trying things out."""

from __future__ import annotations

import socket
import threading
from collections.abc import Iterator
from contextlib import contextmanager

import uvicorn
from starlette.types import ASGIApp, Receive, Scope, Send

_SETTLED_SECONDS = 30.0


class Served:
    """An application that is being served at `url`."""

    def __init__(self, app: ASGIApp, url: str) -> None:
        self.url = url
        self._app = app
        self._under_way = 0
        self._changed = threading.Condition()

    def settle(self) -> None:
        """Return when no request is under way, also behind the last byte of its answer. Raises TimeoutError."""
        with self._changed:
            if not self._changed.wait_for(lambda: not self._under_way, timeout=_SETTLED_SECONDS):
                raise TimeoutError(f"{self._under_way} requests are still under way")

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """See ASGI."""
        request = scope["type"] == "http"
        self._count(request)
        try:
            await self._app(scope, receive, send)
        finally:
            self._count(-request)

    def _count(self, more: int) -> None:
        with self._changed:
            self._under_way += more
            self._changed.notify_all()


@contextmanager
def serving(app: ASGIApp) -> Iterator[Served]:
    """Serve an application until the end of the block, which waits for what is under way."""
    listening = socket.create_server(("127.0.0.1", 0))
    served = Served(app, f"http://127.0.0.1:{listening.getsockname()[1]}")
    config = uvicorn.Config(served, log_config=None, access_log=False, server_header=False, lifespan="on")
    server = uvicorn.Server(config)
    thread = threading.Thread(target=server.run, kwargs={"sockets": [listening]}, daemon=True)
    thread.start()
    try:
        yield served
    finally:
        server.should_exit = True
        thread.join()
        listening.close()
