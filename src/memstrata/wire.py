"""The nouns and verbs as HTTP and JSON spell them: one spelling for every surface and for `RemoteMemory`.

Times are ISO 8601 with an offset. A fact is one flat object; lists that say what was missing are objects with
`degraded`. `to_json` and `from_json` are each other's inverse for every noun of `memstrata.types`.
"""

from __future__ import annotations

import functools
import types
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, fields, is_dataclass
from datetime import datetime, timedelta
from typing import Any, Literal, TypeVar, Union, cast, get_args, get_origin, get_type_hints

from memstrata import errors
from memstrata.core.access import Right
from memstrata.errors import MemstrataError
from memstrata.types import Claim, Episode, Fact, Facts, Hit, Hits, Json

T = TypeVar("T")
Method = Literal["GET", "POST"]
Carries = Literal["nouns", "upload", "download"]
"""What goes over the wire: JSON both ways, a file there, or a file back with the answer in a header."""
EVENTS = "text/event-stream"
RECEIPT = "X-Memory-Receipt"
"""The header of a download that holds the verb's answer as JSON."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Verb:
    """A verb of `Memory` over HTTP: its arguments are the query of a GET or the JSON object of a POST.

    Where a file is carried, the arguments are the query, and the file's bytes are the body of the request or answer.
    """

    name: str
    method: Method
    path: str
    right: Right
    carries: Carries = "nouns"


VERBS: Mapping[str, Verb] = {
    name: Verb(
        name=name,
        method=cast(Method, method),
        path=f"/v1/{path}",
        right=cast(Right, right),
        carries=cast(Carries, carries[0] if carries else "nouns"),
    )
    for name, method, path, right, *carries in (
        ("add", "POST", "episodes", "write"),
        ("episodes", "GET", "episodes", "read"),
        ("episode", "GET", "episodes/{id}", "read"),
        ("search", "POST", "search", "read"),
        ("context", "POST", "context", "read"),
        ("facts", "POST", "facts/search", "read"),
        ("fact", "GET", "facts/{id}", "read"),
        ("history", "GET", "facts/{id}/history", "read"),
        ("correct", "POST", "facts/{id}/correct", "write"),
        ("retire", "POST", "facts/{id}/retire", "write"),
        ("confirm", "POST", "facts/{id}/confirm", "write"),
        ("reject", "POST", "facts/{id}/reject", "write"),
        ("pin", "POST", "facts/{id}/pin", "write"),
        ("mute", "POST", "facts/{id}/mute", "write"),
        ("undo", "POST", "changes/{id}/undo", "write"),
        ("profile", "GET", "profile", "read"),
        ("timeline", "GET", "timeline", "read"),
        ("forget", "POST", "forget", "forget"),
        ("stats", "GET", "stats", "read"),
        ("promote", "POST", "artifacts", "admin"),
        ("demote", "POST", "artifacts/demote", "write"),
        ("artifacts", "GET", "artifacts", "read"),
        ("rollback", "POST", "artifacts/{id}/rollback", "admin"),
        ("export", "GET", "export", "read", "download"),
        ("restore", "POST", "restore", "write", "upload"),
        ("import_file", "POST", "import", "write", "upload"),
    )
}

STATUS: Mapping[type[MemstrataError], int] = {
    errors.NotFound: 404,
    errors.Conflict: 409,
    errors.LogMoved: 409,
    errors.Stale: 412,
    errors.InvalidInput: 422,
    errors.Unauthorized: 401,
    errors.Forbidden: 403,
    errors.TooLarge: 413,
    errors.RateLimited: 429,
    errors.BudgetExceeded: 429,
    errors.ModelUnavailable: 503,
    errors.ModelError: 502,
    errors.EmbedderUnavailable: 503,
    errors.EmbedderError: 502,
    errors.StoreBusy: 503,
    errors.StoreFull: 507,
    errors.Closed: 503,
    errors.StoreError: 500,
    errors.Unreachable: 502,
    MemstrataError: 500,
}
"""The answer's status for each error; an error that is not listed has its base's."""


def status_of(error: MemstrataError) -> int:
    """The HTTP status that says this error."""
    return next(STATUS[kind] for kind in type(error).__mro__ if kind in STATUS)


def error_of(code: str, message: str) -> MemstrataError:
    """The error that a code of the wire names; `MemstrataError` for one that this version does not know."""
    return _errors_by_code().get(code, MemstrataError)(message)


@functools.cache
def _errors_by_code() -> dict[str, type[MemstrataError]]:
    every = [value for value in vars(errors).values() if isinstance(value, type) and issubclass(value, MemstrataError)]
    return {each.code: each for each in every}


def to_json(value: object) -> Json:
    """A noun, or any nesting of nouns, as JSON can hold it."""
    if isinstance(value, Hits | Facts):
        name = "hits" if isinstance(value, Hits) else "facts"
        return {name: [to_json(each) for each in value], "degraded": list(value.degraded)}
    if isinstance(value, Fact):
        return {**_fields(value.claim), **{key: each for key, each in _fields(value).items() if key != "claim"}}
    if isinstance(value, Hit):
        return {"text": value.text, **_fields(value)}
    if is_dataclass(value) and not isinstance(value, type):
        return _fields(value)
    if isinstance(value, datetime):
        return value.isoformat()
    if isinstance(value, timedelta):
        return value.total_seconds()
    if isinstance(value, Mapping):
        return {str(key): to_json(each) for key, each in value.items()}
    if isinstance(value, list | tuple):
        return [to_json(each) for each in value]
    if value is None or isinstance(value, bool | int | float | str):
        return value
    raise TypeError(f"no JSON for {type(value).__name__}")


def from_json(kind: type[T], value: object) -> T:
    """What `to_json` made of a value of this type. Raises TypeError, KeyError or ValueError for anything else.

    Unknown fields of an object are passed over: they may come from a newer version.
    """
    return cast(T, _read(kind, value))


def _read(kind: Any, value: Any) -> object:
    origin = get_origin(kind)
    if kind in (Hits, Facts):
        name, item = ("hits", Hit) if kind is Hits else ("facts", Fact)
        return kind([_read(item, each) for each in value[name]], degraded=tuple(value["degraded"]))
    if kind is Fact:
        return Fact(claim=cast(Claim, _noun(Claim, value)), **_arguments(Fact, value, without="claim"))
    if is_dataclass(kind):
        return _noun(cast(type, kind), value)
    if kind is datetime:
        return datetime.fromisoformat(value)
    if origin in (Union, types.UnionType):
        return _one_of(get_args(kind), value)
    if origin in (tuple, list, Sequence):
        items = [_read(get_args(kind)[0], each) for each in value]
        return tuple(items) if origin is tuple else items
    if kind is float:
        return float(value)
    return value


def _one_of(kinds: tuple[Any, ...], value: Any) -> object:
    if value is None:
        return None
    if Episode in kinds and Fact in kinds:
        return _read(Episode if "role" in value else Fact, value)
    (kind,) = (each for each in kinds if each is not type(None)) if len(kinds) == 2 else (None,)
    return value if kind is None else _read(kind, value)


def _noun(kind: type, value: Mapping[str, object]) -> object:
    return kind(**_arguments(kind, value))


def _arguments(kind: type, value: Mapping[str, object], *, without: str = "") -> dict[str, Any]:
    hints = hints_of(kind)
    return {name: _read(hints[name], value[name]) for name in hints if name != without and name in value}


@functools.cache
def hints_of(kind: type) -> dict[str, Any]:
    """The fields of a noun with their types."""
    hints = get_type_hints(kind, localns={"Json": object})
    return {each.name: hints[each.name] for each in fields(kind)}


def _fields(value: object) -> dict[str, Json]:
    return {each.name: to_json(getattr(value, each.name)) for each in fields(value)}  # type: ignore[arg-type]
