"""A client of an application in the same process, without a socket: for tests, and for `RemoteMemory(client=...)`."""

from __future__ import annotations

import asyncio

import httpx
from starlette.types import ASGIApp

URL = "http://127.0.0.1"


def in_process(app: ASGIApp) -> httpx.Client:
    """An `httpx.Client` whose requests go straight to the application; what it raises becomes a 500."""
    return httpx.Client(transport=_Straight(app), base_url=URL)


class _Straight(httpx.BaseTransport):
    def __init__(self, app: ASGIApp) -> None:
        self._app = httpx.ASGITransport(app, raise_app_exceptions=False)

    def handle_request(self, request: httpx.Request) -> httpx.Response:
        """See httpx."""
        return asyncio.run(self._answer(request))

    async def _answer(self, request: httpx.Request) -> httpx.Response:
        whole = httpx.Request(request.method, request.url, headers=request.headers, content=request.read())
        response = await self._app.handle_async_request(whole)
        content = await response.aread()
        return httpx.Response(response.status_code, headers=response.headers, content=content)
