"""The application: verbs, jobs, health and metrics behind one gate, with OpenAPI."""

from __future__ import annotations

from collections.abc import Callable
from datetime import UTC, datetime
from typing import Any

from fastapi import FastAPI
from fastapi_offline import FastAPIOffline

from memstrata import __version__
from memstrata.memory import Memory
from memstrata.ports import Store
from memstrata.surfaces.mcp.http import mount_mcp
from memstrata.surfaces.rest.access import Gate
from memstrata.surfaces.rest.answers import Components
from memstrata.surfaces.rest.files import file_routes
from memstrata.surfaces.rest.jobs import job_routes
from memstrata.surfaces.rest.once import Once
from memstrata.surfaces.rest.problems import say_problems
from memstrata.surfaces.rest.proxy import proxy_routes
from memstrata.surfaces.rest.upstream import Upstream
from memstrata.surfaces.rest.verbs import verb_routes
from memstrata.surfaces.rest.watching import MAX_BODY, MAX_UPLOAD, Measures, Watch, watching_routes
from memstrata.types import Scope

DESCRIPTION = """A lasting memory for language models. Every call names a scope: at least one of user_id, agent_id,
app_id and run_id. Errors are problem details with a stable `code`. A POST that writes takes an `Idempotency-Key`, one
that changes a fact an `If-Match`."""


def create_app(
    memory: Memory,
    store: Store,
    *,
    rate: float = 200.0,
    burst: int = 400,
    max_body: int = MAX_BODY,
    max_upload: int = MAX_UPLOAD,
    clock: Callable[[], datetime] | None = None,
    upstream: Upstream | None = None,
    default_scope: Scope | None = None,
) -> FastAPI:
    """An ASGI application over a memory; `store` is the memory's own, where keys are kept too.

    `rate`, `burst`: calls a second that each key may make, for long and at once. `max_body`: bytes of a request,
    `max_upload`: of one that brings a file.
    `upstream`, `default_scope`: see `proxy.proxy_routes`.
    Closing the memory is the caller's.
    """
    app = FastAPIOffline(
        title="Memstrata", version=__version__, description=DESCRIPTION, redoc_url=None, redirect_slashes=False
    )
    components, measures = Components(), Measures()

    once = Once(store, clock=clock or (lambda: datetime.now(UTC)))
    app.include_router(verb_routes(memory, once, components))
    app.include_router(file_routes(memory, once, components))
    app.include_router(job_routes(memory))
    app.include_router(watching_routes(store, measures))
    mount_mcp(app, memory, max_body=max_body)
    app.include_router(proxy_routes(memory, upstream, default_scope=default_scope))
    say_problems(app)
    app.add_middleware(Watch, measures=measures, max_body=max_body, max_upload=max_upload)
    _describe(app, components)
    app.state.gate = Gate(store, rate=rate, burst=burst)
    return app


def _describe(app: FastAPI, components: Components) -> None:
    """Give the OpenAPI document the schemas of the nouns and the way to sign a request."""
    made = app.openapi

    def openapi() -> dict[str, Any]:
        document = made()
        known = document.setdefault("components", {})
        known.setdefault("schemas", {}).update(components.schemas)
        known["securitySchemes"] = {"key": {"type": "http", "scheme": "bearer"}}
        document["security"] = [{}, {"key": []}]
        return document

    app.openapi = openapi  # type: ignore[method-assign]
