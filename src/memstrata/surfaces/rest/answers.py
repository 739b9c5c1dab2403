"""What the verbs answer, as JSON Schema: read off the types of the nouns, so that docs and answers cannot differ."""

from __future__ import annotations

import types
from collections.abc import Mapping, Sequence
from dataclasses import is_dataclass
from datetime import datetime
from typing import Any, Literal, Union, get_args, get_origin

from memstrata.types import Claim, Fact, Facts, Hit, Hits
from memstrata.wire import hints_of

Schema = dict[str, Any]
PROBLEM: Schema = {
    "title": "Problem",
    "description": "RFC 9457; `code` is stable, `detail` is for people.",
    "type": "object",
    "required": ["type", "title", "status", "code", "detail"],
    "properties": {
        "type": {"type": "string"},
        "title": {"type": "string"},
        "status": {"type": "integer"},
        "code": {"type": "string"},
        "detail": {"type": "string"},
    },
}
_SIMPLE: Mapping[Any, Schema] = {
    str: {"type": "string"},
    int: {"type": "integer"},
    float: {"type": "number"},
    bool: {"type": "boolean"},
    datetime: {"type": "string", "format": "date-time"},
    object: {},
    type(None): {"type": "null"},
}


class Components:
    """The schemas of nouns by name, collected while the routes are made."""

    def __init__(self) -> None:
        self.schemas: dict[str, Schema] = {"Problem": PROBLEM}

    def schema(self, kind: Any) -> Schema:
        """The schema of a type of `memstrata.types`; nouns are references to components."""
        origin = get_origin(kind)
        if kind in _SIMPLE:
            return _SIMPLE[kind]
        if kind in (Hits, Facts):
            return self._list(kind)
        if is_dataclass(kind):
            return self._noun(kind)
        if origin is Literal:
            return {"enum": list(get_args(kind))}
        if origin in (Union, types.UnionType):
            return {"anyOf": [self.schema(each) for each in get_args(kind)]}
        if origin in (tuple, list, Sequence):
            return {"type": "array", "items": self.schema(get_args(kind)[0])}
        return {"type": "object"}

    def _list(self, kind: type) -> Schema:
        name, item = ("hits", Hit) if kind is Hits else ("facts", Fact)
        texts = {"type": "array", "items": {"type": "string"}}
        properties = {name: {"type": "array", "items": self._noun(item)}, "degraded": texts}
        self.schemas[kind.__name__] = {"type": "object", "required": [name, "degraded"], "properties": properties}
        return _reference(kind)

    def _noun(self, kind: Any) -> Schema:
        if kind.__name__ not in self.schemas:
            self.schemas[kind.__name__] = {}  # nouns may hold each other
            hints = dict(hints_of(kind))
            if kind is Fact:
                hints = {**hints_of(Claim), **{name: hint for name, hint in hints.items() if name != "claim"}}
            properties = {name: self.schema(hint) for name, hint in hints.items()}
            if kind is Hit:
                properties = {"text": {"type": "string"}, **properties}
            self.schemas[kind.__name__] = {
                "type": "object",
                "description": (kind.__doc__ or "").split("\n\n")[0],
                "required": list(properties),
                "properties": properties,
            }
        return _reference(kind)


def _reference(kind: Any) -> Schema:
    return {"$ref": f"#/components/schemas/{kind.__name__}"}
