"""Background work of a scope: how far it is, as it goes on (server-sent events), and waiting for it."""

from __future__ import annotations

import asyncio
import json
from collections.abc import AsyncIterator, Callable
from datetime import timedelta
from typing import Annotated

from fastapi import APIRouter, Query, Request
from pydantic import BaseModel, ConfigDict, Field
from starlette.concurrency import run_in_threadpool
from starlette.responses import Response, StreamingResponse

from memstrata.memory import Memory
from memstrata.surfaces.rest.access import Who
from memstrata.surfaces.rest.parameters import Id
from memstrata.surfaces.rest.verbs import answer, problems
from memstrata.types import Stats

PAUSE_SECONDS = 0.25
LONGEST_SECONDS = 600.0
LONGEST_WAIT = 60.0


class ScopeQuery(BaseModel):
    """The four ids."""

    model_config = ConfigDict(extra="forbid")
    user_id: Id | None = None
    agent_id: Id | None = None
    app_id: Id | None = None
    run_id: Id | None = None


class WaitRequest(BaseModel):
    """How long to wait."""

    model_config = ConfigDict(extra="forbid", strict=True)
    timeout_seconds: float = Field(30.0, ge=0, le=LONGEST_WAIT, description="At most so long.")


def job_routes(memory: Memory) -> APIRouter:
    """Jobs as they go on, and waiting."""
    routes = APIRouter(tags=["jobs"])

    @routes.get(
        "/v1/jobs/events",
        response_class=Response,
        operation_id="job_events",
        responses={200: {"description": "Events.", "content": {"text/event-stream": {}}}, **problems()},
    )
    async def events(request: Request, who: Who, scope: Annotated[ScopeQuery, Query()]) -> Response:
        """Server-sent events: `progress` whenever the counts change, `done` when no work is left, then the end."""
        who.must("read")
        ids = who.scoped(scope.model_dump())

        def stats() -> Stats:
            return memory.stats(**ids)  # type: ignore[arg-type]

        first = await run_in_threadpool(stats)
        return StreamingResponse(_progress(request, stats, first), media_type="text/event-stream")

    @routes.post(
        "/v1/wait",
        response_class=Response,
        operation_id="wait",
        responses={200: {"description": "Whether all is done.", "content": {"application/json": {}}}, **problems()},
    )
    def wait(who: Who, request: WaitRequest) -> Response:
        """Answer when no background work is left that can be done now; `done` is false where the time ran out."""
        who.must("write")
        return answer({"done": memory.wait(timeout=timedelta(seconds=request.timeout_seconds))})

    return routes


async def _progress(request: Request, stats: Callable[[], Stats], now: Stats) -> AsyncIterator[str]:
    before: dict[str, int] | None = None
    for _ in range(int(LONGEST_SECONDS / PAUSE_SECONDS)):
        counts = {
            "pending": now.jobs_pending,
            "running": now.jobs_running,
            "dead": now.jobs_dead,
            "episodes": now.episodes,
            "vectors": now.vectors,
        }
        done = not (now.jobs_pending or now.jobs_running)
        if counts != before or done:
            yield f"event: {'done' if done else 'progress'}\ndata: {json.dumps(counts)}\n\n"
        before = counts
        if done or await request.is_disconnected():
            return
        await asyncio.sleep(PAUSE_SECONDS)
        now = await run_in_threadpool(stats)
