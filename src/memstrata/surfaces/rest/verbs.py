"""A route for each verb of the wire's table that carries nouns: check the caller, call it, answer with its noun."""

from __future__ import annotations

import inspect
import json
import re
from collections.abc import Callable, Mapping
from typing import Annotated, Any, get_type_hints

from fastapi import APIRouter, Header, Path, Query
from pydantic import BaseModel
from starlette.responses import Response

from memstrata.core.messages import MAX_ID
from memstrata.errors import InvalidInput
from memstrata.memory import Memory
from memstrata.surfaces.rest.access import Caller, Who
from memstrata.surfaces.rest.answers import Components, Schema
from memstrata.surfaces.rest.once import Once
from memstrata.surfaces.rest.parameters import body_of
from memstrata.surfaces.rest.problems import MEDIA
from memstrata.types import Fact, Json
from memstrata.wire import VERBS, Verb, to_json

_SAID_OF: Mapping[int, str] = {
    401: "no key, or none that counts",
    403: "the key may not do this",
    404: "no such memory or item",
    409: "known with another text",
    412: "the fact has changed since",
    413: "too many bytes",
    422: "the request cannot be accepted; nothing was stored",
    429: "too many calls, or no budget left",
    500: "something failed inside",
    502: "a model failed",
    503: "busy or closing; try again",
    507: "no room on the disk",
}
_ALWAYS = (401, 403, 404, 413, 422, 429, 500, 502, 503)
IdempotencyKey = Annotated[
    str | None, Header(max_length=255, description="Do the call once, however often it is sent.")
]
IfMatch = Annotated[str | None, Header(description="The ETag of the fact as it was seen; 412 where it has changed.")]
Id = Annotated[str, Path(max_length=MAX_ID)]


def answer(value: Json, *, headers: Mapping[str, str] | None = None) -> Response:
    """JSON as it is."""
    return Response(json.dumps(value, ensure_ascii=False), 200, dict(headers or {}), media_type="application/json")


def problems(*more: int) -> dict[int | str, dict[str, Any]]:
    """The problems that a route may answer with, for its docs."""
    content = {MEDIA: {"schema": {"$ref": "#/components/schemas/Problem"}}}
    return {status: {"description": _SAID_OF[status], "content": content} for status in sorted({*_ALWAYS, *more})}


def verb_routes(memory: Memory, once: Once, components: Components) -> APIRouter:
    """All verbs of the table."""
    routes = APIRouter(tags=["memory"])
    for verb in VERBS.values():
        if verb.carries != "nouns":
            continue  # see `files`
        _add(routes, verb, _Call(memory, once, verb), components)
    return routes


def _add(routes: APIRouter, verb: Verb, call: _Call, components: Components) -> None:
    body = body_of(verb.name, query=verb.method == "GET")
    method = getattr(Memory, verb.name)
    versioned = "version" in method.__annotations__
    schema = components.schema(get_type_hints(method)["return"])
    routes.add_api_route(
        verb.path,
        _endpoint(call, body, versioned=versioned),
        methods=[verb.method],
        name=verb.name,
        operation_id=verb.name,
        summary=(method.__doc__ or "").split("\n")[0],
        response_class=Response,
        responses={200: ok(schema), **problems(*((409, 507) if verb.method == "POST" else ()), *((412,) * versioned))},
    )


def ok(schema: Schema) -> dict[str, Any]:
    return {"description": "Done.", "content": {"application/json": {"schema": schema}}}


class _Call:
    """One verb, called as a request says."""

    def __init__(self, memory: Memory, once: Once, verb: Verb) -> None:
        self.verb = verb
        self._memory, self._once = memory, once

    def __call__(
        self, caller: Caller, arguments: dict[str, Any], *, key: str | None = None, if_match: str | None = None
    ) -> Response:
        caller.must(self.verb.right)
        given = caller.scoped(_plain(arguments))
        if if_match is not None:
            given["version"] = _version(if_match)
        method = getattr(self._memory, self.verb.name)
        if key is None:
            done = method(**given)
            return answer(to_json(done), headers=_etag(done))
        scope = {name: given.get(name) for name in ("user_id", "agent_id", "app_id", "run_id")}
        done, again = self._once.answer(
            caller.id,
            key,
            [self.verb.name, given],
            lambda: method(**given),
            lambda id_: self._memory.fact(id_, **scope),  # type: ignore[arg-type]
        )
        return answer(to_json(done), headers={**_etag(done), **({"Idempotency-Replayed": "true"} if again else {})})


def _endpoint(call: _Call, body: type[BaseModel], *, versioned: bool) -> Callable[..., Response]:
    """A function whose signature tells the framework what the request holds."""
    writes = call.verb.method == "POST"
    parameters = {
        "who": Who,
        **({"id": Id} if "{id}" in call.verb.path else {}),
        "request": body if writes else Annotated[body, Query()],
        **({"idempotency_key": IdempotencyKey} if call.verb.right != "read" else {}),
        **({"if_match": IfMatch} if versioned else {}),
    }

    def endpoint(
        *,
        who: Caller,
        request: BaseModel,
        id: str | None = None,  # noqa: A002 - the field's word
        idempotency_key: str | None = None,
        if_match: str | None = None,
    ) -> Response:
        arguments = {**({} if id is None else {"id": id}), **request.model_dump(exclude_unset=True)}
        return call(who, arguments, key=idempotency_key, if_match=if_match)

    endpoint.__signature__ = inspect.Signature(  # type: ignore[attr-defined]
        [
            inspect.Parameter(
                name,
                inspect.Parameter.KEYWORD_ONLY,
                annotation=kind,
                default=None if name in ("idempotency_key", "if_match") else inspect.Parameter.empty,
            )
            for name, kind in parameters.items()
        ]
    )
    return endpoint


def _plain(arguments: dict[str, Any]) -> dict[str, Any]:
    """Arguments as the verb takes them: a filter of a query string is JSON."""
    filters = arguments.get("filters")
    if not isinstance(filters, str):
        return arguments
    try:
        read = json.loads(filters)
    except (ValueError, RecursionError):
        read = None
    if not isinstance(read, dict):
        raise InvalidInput("filters is a JSON object")
    return {**arguments, "filters": read}


def _version(if_match: str) -> str | None:
    """The version that an ETag carries, None for any."""
    if if_match.strip() == "*":
        return None
    match = re.fullmatch(r'(?:W/)?"([^"]*)"', if_match.strip())
    if match is None:
        raise InvalidInput('If-Match is one ETag in quotes, as it came with the fact, or "*" without them')
    return match[1]


def _etag(done: object) -> dict[str, str]:
    return {"ETag": f'"{done.version}"'} if isinstance(done, Fact) else {}
