"""The memory over streamable HTTP at /mcp, behind the gate of the application that it is mounted in.

Without sessions: each request stands alone, passes the gate alone and is answered with JSON, in both eras of the
protocol. So no session can be taken over, a revoked key counts no more at once, and any process may answer.
"""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any

from anyio.to_thread import run_sync
from fastapi import FastAPI
from mcp.server.streamable_http_manager import StreamableHTTPSessionManager
from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.routing import Route
from starlette.types import Receive, Send
from starlette.types import Scope as Connection

from memstrata import __version__
from memstrata.errors import Closed
from memstrata.memory import Memory
from memstrata.parts import ForgetPolicy
from memstrata.ports import Store
from memstrata.surfaces.mcp.reach import Reach, reach_of_request
from memstrata.surfaces.mcp.server import Context, Profile, make_server
from memstrata.surfaces.rest.access import Gate, admitted
from memstrata.surfaces.rest.problems import say_problems
from memstrata.surfaces.rest.watching import MAX_BODY, Measures, Watch, watching_routes
from memstrata.types import Scope

PATH = "/mcp"
_REACH = "memstrata.reach"


def mount_mcp(
    app: FastAPI,
    memory: Memory,
    *,
    scope: Scope | None = None,
    profile: Profile = "default",
    forget_requests: ForgetPolicy = "act",
    max_body: int = MAX_BODY,
) -> None:
    """Answer MCP at /mcp of an application whose `state.gate` lets callers in; adds to the application's lifespan.

    `scope`, `profile`, `forget_requests`: see `make_server`; `X-Memory-User`, `-Agent`, `-App` and `-Run` fix what
    `scope` leaves open, and so does a key that is for one user.
    """
    endpoint = _Endpoint(
        make_server(memory, profile=profile, forget_requests=forget_requests, reach_of=_reach_of),
        fixed=scope or Scope(),
        max_body=max_body,
    )
    app.router.routes.append(Route(PATH, endpoint=endpoint))
    before = app.router.lifespan_context

    @asynccontextmanager
    async def both(started: FastAPI) -> AsyncIterator[Any]:
        async with before(started) as state, endpoint.running():
            yield state

    app.router.lifespan_context = both


def mcp_app(
    memory: Memory,
    store: Store,
    *,
    scope: Scope | None = None,
    profile: Profile = "default",
    forget_requests: ForgetPolicy = "act",
    rate: float = 200.0,
    burst: int = 400,
    max_body: int = MAX_BODY,
) -> FastAPI:
    """An application of MCP alone, with health and metrics; `store` is the memory's own, where keys are kept."""
    app = FastAPI(title="Memstrata", version=__version__, openapi_url=None, redirect_slashes=False)
    measures = Measures()
    app.include_router(watching_routes(store, measures))
    say_problems(app)
    app.add_middleware(Watch, measures=measures, max_body=max_body)
    app.state.gate = Gate(store, rate=rate, burst=burst)
    mount_mcp(app, memory, scope=scope, profile=profile, forget_requests=forget_requests, max_body=max_body)
    return app


class _Endpoint:
    """The ASGI application at /mcp."""

    def __init__(self, server: Any, *, fixed: Scope, max_body: int) -> None:
        self.path = PATH  # by which the request is counted
        self._server, self._fixed, self._max_body = server, fixed, max_body
        self._manager: StreamableHTTPSessionManager | None = None

    @asynccontextmanager
    async def running(self) -> AsyncIterator[None]:
        """Answer as long as this lasts. A manager runs once, an application may be started again."""
        manager = StreamableHTTPSessionManager(
            app=self._server, json_response=True, stateless=True, max_request_body_size=self._max_body
        )
        async with manager.run():
            self._manager = manager
            try:
                yield
            finally:
                self._manager = None

    async def __call__(self, connection: Connection, receive: Receive, send: Send) -> None:
        """See ASGI. Raises the memory's errors, which the application says as problems."""
        request = Request(connection, receive)
        connection["route"] = self
        caller = await run_sync(admitted, request)
        connection[_REACH] = reach_of_request(caller, request.headers, self._fixed)
        if request.method != "POST":  # without sessions there is nothing to listen to and nothing to end
            raise HTTPException(405, "send POST requests", headers={"Allow": "POST"})
        if self._manager is None:
            raise Closed("the server is not running")
        await self._manager.handle_request(connection, receive, send)


def _reach_of(context: Context) -> Reach:
    assert isinstance(context.request, Request)
    reach = context.request.scope[_REACH]
    assert isinstance(reach, Reach)
    return reach
