"""What a server tells of itself: health, readiness, metrics, and a line of JSON a request, none with users' words."""

from __future__ import annotations

import json
import logging
import time

from fastapi import APIRouter
from prometheus_client import CONTENT_TYPE_LATEST, CollectorRegistry, Counter, Gauge, Histogram, generate_latest
from starlette.exceptions import HTTPException
from starlette.responses import Response
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from memstrata.ports import Store
from memstrata.surfaces.rest.access import Who
from memstrata.surfaces.rest.verbs import answer, problems
from memstrata.wire import VERBS

LOG = logging.getLogger("memstrata.server")
MAX_BODY = 32 * 1024 * 1024
MAX_UPLOAD = 1024 * 1024 * 1024
_UPLOADS = frozenset(verb.path for verb in VERBS.values() if verb.carries == "upload")
_SECONDS = (0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 30)


class Measures:
    """Counts and times of requests, by route."""

    def __init__(self) -> None:
        self.registry = CollectorRegistry()
        names = ("method", "route", "status")
        self.requests = Counter("memstrata_requests", "Requests answered.", names, registry=self.registry)
        self.seconds = Histogram(
            "memstrata_request_seconds",
            "Time to the whole answer.",
            ("route",),
            buckets=_SECONDS,
            registry=self.registry,
        )
        self.jobs = Gauge("memstrata_jobs", "Background jobs of all scopes.", ("state",), registry=self.registry)


class Watch:
    """ASGI middleware: bounds a request's body, counts, times and logs each request."""

    def __init__(
        self, app: ASGIApp, *, measures: Measures, max_body: int = MAX_BODY, max_upload: int = MAX_UPLOAD
    ) -> None:
        self._app, self._measures = app, measures
        self._max_body, self._max_upload = max_body, max_upload

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """See ASGI."""
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        started, status, taken = time.perf_counter(), 500, 0
        most = self._max_upload if scope["path"] in _UPLOADS else self._max_body
        announced = int(dict(scope["headers"]).get(b"content-length", b"0"))  # the server refuses what is no number

        async def bounded() -> Message:
            nonlocal taken
            if announced <= most:
                message = await receive()
                taken += len(message.get("body", b""))
                if taken <= most:
                    return message
            raise HTTPException(413, f"a request to {scope['path']} holds at most {most:,} bytes")

        async def noting(message: Message) -> None:
            nonlocal status
            if message["type"] == "http.response.start":
                status = message["status"]
            await send(message)

        try:
            await self._app(scope, bounded, noting)
        finally:
            seconds = time.perf_counter() - started
            self._note(scope, status, seconds, taken)

    def _note(self, scope: Scope, status: int, seconds: float, taken: int) -> None:
        route = getattr(scope.get("route"), "path", "none")
        method = scope["method"] if scope["method"] in ("GET", "POST", "HEAD", "OPTIONS", "DELETE") else "other"
        self._measures.requests.labels(method, route, str(status)).inc()
        self._measures.seconds.labels(route).observe(seconds)
        caller = scope.get("state", {}).get("caller")
        line = {
            "method": method,
            "route": route,
            "status": status,
            "ms": round(seconds * 1000, 2),
            "bytes": taken,
            "key": caller,
        }
        LOG.info("%s", json.dumps(line))


def watching_routes(store: Store, measures: Measures) -> APIRouter:
    """Health, readiness, metrics."""
    routes = APIRouter(tags=["server"])

    @routes.get("/healthz", response_class=Response, operation_id="healthz", responses=_status(503))
    def healthz() -> Response:
        """The process answers."""
        return answer({"status": "ok"})

    @routes.get("/readyz", response_class=Response, operation_id="readyz", responses=_status(503))
    def readyz() -> Response:
        """The store can be read; 503 where it cannot."""
        store.job_counts(None, scope=None)
        return answer({"status": "ready"})

    @routes.get(
        "/metrics",
        response_class=Response,
        operation_id="metrics",
        responses={200: {"description": "Prometheus text.", "content": {"text/plain": {}}}, **problems()},
    )
    def metrics(who: Who) -> Response:
        """Requests and jobs in Prometheus' format; with keys, for one that may `admin`."""
        who.must("admin")
        counts = store.job_counts(None, scope=None)
        for state in ("pending", "running", "dead"):
            measures.jobs.labels(state).set(getattr(counts, state))
        return Response(generate_latest(measures.registry), media_type=CONTENT_TYPE_LATEST)

    return routes


def _status(*more: int) -> dict[int | str, dict[str, object]]:
    schema = {"type": "object", "required": ["status"], "properties": {"status": {"type": "string"}}}
    ok = {"description": "So it is.", "content": {"application/json": {"schema": schema}}}
    return {200: ok, **problems(*more)}
