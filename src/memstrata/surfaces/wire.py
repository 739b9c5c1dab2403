"""The nouns as JSON: one spelling for every surface. Times are ISO 8601 with an offset."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import fields, is_dataclass
from datetime import datetime

from memstrata.types import Fact, Hit, Hits, Json


def to_json(value: object) -> Json:
    """A noun, or any nesting of nouns, as JSON can hold it."""
    if isinstance(value, Hits):
        return {"hits": [to_json(hit) for hit in value], "degraded": list(value.degraded)}
    if isinstance(value, Fact):
        return {**_fields(value.claim), **{key: each for key, each in _fields(value).items() if key != "claim"}}
    if isinstance(value, Hit):
        return {"text": value.text, **_fields(value)}
    if is_dataclass(value) and not isinstance(value, type):
        return _fields(value)
    if isinstance(value, datetime):
        return value.isoformat()
    if isinstance(value, Mapping):
        return {str(key): to_json(each) for key, each in value.items()}
    if isinstance(value, list | tuple):
        return [to_json(each) for each in value]
    if value is None or isinstance(value, bool | int | float | str):
        return value
    raise TypeError(f"no JSON for {type(value).__name__}")


def _fields(value: object) -> dict[str, Json]:
    return {each.name: to_json(getattr(value, each.name)) for each in fields(value)}  # type: ignore[arg-type]
