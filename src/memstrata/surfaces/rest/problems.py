"""Errors as answers: problem details (RFC 9457) with the code that `memstrata.errors` gives each."""

from __future__ import annotations

import json
import logging
from collections.abc import Awaitable, Callable
from http import HTTPStatus

from fastapi import FastAPI, Request
from fastapi.exceptions import RequestValidationError
from starlette.exceptions import HTTPException
from starlette.responses import Response
from starlette.routing import compile_path

from memstrata.errors import MemstrataError, NotFound, RateLimited
from memstrata.wire import status_of

MEDIA = "application/problem+json"
LOG = logging.getLogger("memstrata.server")
NO_SUCH = "no such memory or item"
"""Said of what does not exist and of what a key does not reach, so that one cannot be told from the other."""
_CODES = {404: "not_found", 405: "no_such_method", 406: "not_acceptable", 413: "too_large", 415: "not_json"}


def problem(status: int, code: str, detail: str, *, headers: dict[str, str] | None = None) -> Response:
    """A problem as an answer."""
    title = HTTPStatus(status).phrase
    body = {"type": "about:blank", "title": title, "status": status, "code": code, "detail": detail}
    text = json.dumps(body, ensure_ascii=False).encode(errors="replace")
    return Response(text, status, headers, media_type=MEDIA)


def problem_of(error: MemstrataError) -> Response:
    """An error that was raised on purpose, as an answer."""
    headers = {"WWW-Authenticate": "Bearer"} if status_of(error) == 401 else {}
    if isinstance(error, RateLimited) or status_of(error) == 503:
        headers["Retry-After"] = "1"
    detail = NO_SUCH if isinstance(error, NotFound) else str(error)
    return problem(status_of(error), error.code, detail, headers=headers)


def unexpected(error: BaseException, *, route: str) -> Response:
    """What nobody expected, as an answer that tells nothing of it; the log has the traceback."""
    LOG.error("unexpected %s in %s", type(error).__name__, route, exc_info=error)
    return problem(500, "error", "something failed inside; the server's log says what")


def say_problems(app: FastAPI) -> None:
    """Answer every error with problem details; what nobody expected is logged with its traceback and tells nothing."""

    async def on_purpose(_: Request, error: Exception) -> Response:
        assert isinstance(error, MemstrataError)
        return problem_of(error)

    async def invalid(request: Request, error: Exception) -> Response:
        assert isinstance(error, RequestValidationError)
        first = error.errors()[0]
        if first["loc"] == ("body",) and "json" not in request.headers.get("content-type", "json"):
            return problem(422, "invalid_input", "the body is JSON, and says so: Content-Type: application/json")
        place = ".".join(str(each) for each in first["loc"] if each not in ("body", "query"))
        return problem(422, "invalid_input", f"{place}: {first['msg']}" if place else first["msg"])

    async def http(request: Request, error: Exception) -> Response:
        assert isinstance(error, HTTPException)
        if error.status_code == 405:
            return problem(405, _CODES[405], str(error.detail), headers={"Allow": _methods(request, error)})
        if error.status_code == 404:
            return problem(404, _CODES[404], "no such path; /docs shows those that there are")
        status = 422 if error.status_code == 400 else error.status_code  # a body that is no JSON
        return problem(
            status, _CODES.get(status, "invalid_input"), str(error.detail), headers=dict(error.headers or {})
        )

    async def not_expected(request: Request, error: Exception) -> Response:
        return unexpected(error, route=request.scope.get("path_template", ""))

    handlers: dict[type[Exception], Callable[[Request, Exception], Awaitable[Response]]] = {
        MemstrataError: on_purpose,
        RequestValidationError: invalid,
        HTTPException: http,
        Exception: not_expected,
    }
    for kind, handler in handlers.items():
        app.add_exception_handler(kind, handler)


def _methods(request: Request, error: HTTPException) -> str:
    """The methods that the document gives the path that was asked for, and that the route knows of itself."""
    state = request.app.state
    if not hasattr(state, "documented"):  # the document is made at the first question, and never again
        paths: dict[str, dict[str, object]] = request.app.openapi()["paths"]
        state.documented = {path: (compile_path(path)[0], {each.upper() for each in paths[path]}) for path in paths}
    asked, documented = request.scope["path"], state.documented
    here = [documented[asked]] if asked in documented else [it for it in documented.values() if it[0].match(asked)]
    own = {method for _, methods in here for method in methods}
    said = (error.headers or {}).get("Allow", "")
    return ", ".join(sorted(own | {each.strip() for each in said.split(",") if each.strip()}))
