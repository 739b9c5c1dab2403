"""Running a server until its client leaves or it is asked to stop."""

from __future__ import annotations

import os
import signal
import sys
from collections.abc import Callable
from typing import Any

import anyio
from anyio.to_thread import run_sync
from mcp.server.lowlevel.server import Server

from memstrata.memory import Memory
from memstrata.parts import ForgetPolicy
from memstrata.ports import Store
from memstrata.surfaces.mcp.http import mcp_app
from memstrata.surfaces.mcp.logs import log_without_words
from memstrata.surfaces.mcp.server import Profile, make_server, serve_stdio
from memstrata.surfaces.rest.serve import log_as_json, refuse_open_to_others, serve
from memstrata.types import Scope

SIGNALLED = 128
"""A process that a signal ended says so with this and the signal's number."""


def over_standard_streams(memory: Memory, *, scope: Scope, profile: Profile, forget_requests: ForgetPolicy) -> None:
    """Talk to the one client that started this process, until it closes the stream; calls under way are finished.

    Asked by a signal, the memory is closed and the process ends.
    """
    log_without_words()
    anyio.run(_until_left, make_server(memory, scope=scope, profile=profile, forget_requests=forget_requests), memory)


def over_http(
    memory: Memory,
    store: Store,
    *,
    scope: Scope,
    profile: Profile,
    forget_requests: ForgetPolicy,
    host: str,
    port: int,
    ready: Callable[[str], None],
) -> None:
    """Answer clients at an address; `ready` is told its URL. Raises InvalidInput where others could come in keyless."""
    refuse_open_to_others(host, store)
    log_as_json()
    app = mcp_app(memory, store, scope=scope, profile=profile, forget_requests=forget_requests)
    serve(app, host=host, port=port, ready=lambda url: ready(f"{url}/mcp"))


async def _until_left(server: Server[Any], memory: Memory) -> None:
    async with anyio.create_task_group() as group:
        if sys.platform != "win32":  # there a signal ends the process by itself
            group.start_soon(_end_when_asked, memory)
        await serve_stdio(server)
        group.cancel_scope.cancel()


async def _end_when_asked(memory: Memory) -> None:
    """On SIGINT or SIGTERM. A thread waits for the next line of the client, and nothing but an end of all wakes it."""
    with anyio.open_signal_receiver(signal.SIGINT, signal.SIGTERM) as signals:
        async for number in signals:
            await run_sync(memory.close)
            os._exit(SIGNALLED + number)
