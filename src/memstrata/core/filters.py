"""Filters on episodes, in the grammar that mem0's users know, parsed into a value and evaluated on plain fields.

    {"role": "user"}                                    equals
    {"timestamp": {"gte": "2025-01-01T00:00:00Z"}}      eq ne gt gte lt lte in nin contains icontains
    {"AND": [f, g]}   {"OR": [f, g]}   {"NOT": [f, g]}  (NOT: none of them)

Fields: `role`, `name`, `run_id`, `timestamp`, `recorded_at`, `message_id`; any other key, or `metadata.KEY`, is a key
of the metadata. Keys side by side are joined by and. A value compares with values of its own type only (a number
with a number, a text with a text), except that dates may be given as ISO text. A missing value satisfies `ne` and
`nin` and nothing else; `{"KEY": "*"}` asks that there is a value.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Literal, get_args

from memstrata.core.clock import microseconds, parse_time
from memstrata.errors import InvalidInput
from memstrata.types import Json

Operator = Literal["eq", "ne", "gt", "gte", "lt", "lte", "in", "nin", "contains", "icontains", "exists"]
OPERATORS: tuple[str, ...] = get_args(Operator)
TIME_FIELDS = ("timestamp", "recorded_at")
COLUMN_FIELDS = ("role", "name", "run_id", "message_id", *TIME_FIELDS)
MAX_DEPTH = 16

FieldValues = Mapping[str, Json]


@dataclass(frozen=True, slots=True)
class Condition:
    """One comparison. `metadata` says where `field` is looked up."""

    field: str
    metadata: bool
    operator: Operator
    value: Json


@dataclass(frozen=True, slots=True)
class Group:
    """`all`, `any` or `none` of the parts hold."""

    kind: Literal["all", "any", "none"]
    parts: tuple[Filter, ...]


Filter = Condition | Group


def parse_filter(raw: object, *, depth: int = 0) -> Filter:
    """The filter that a user wrote as a dictionary. Raises InvalidInput with the offending key."""
    if not isinstance(raw, Mapping):
        raise InvalidInput(f"a filter is a dictionary, not {type(raw).__name__}")
    if depth > MAX_DEPTH:
        raise InvalidInput(f"a filter may nest {MAX_DEPTH} levels at most")
    return Group("all", tuple(_parse_entry(key, value, depth) for key, value in raw.items()))


def matches(filter_: Filter, columns: FieldValues, metadata: FieldValues) -> bool:
    """Whether an episode passes. Times in `columns` are microseconds since 1970."""
    if isinstance(filter_, Group):
        results = (matches(part, columns, metadata) for part in filter_.parts)
        return all(results) if filter_.kind == "all" else any(results) is (filter_.kind == "any")
    values = metadata if filter_.metadata else columns
    return compare(filter_.operator, values.get(filter_.field), filter_.value)


def compare(operator: Operator, found: Json, wanted: Json) -> bool:
    """One comparison of a stored value with the one asked for."""
    if operator == "exists":
        return found is not None
    if operator in ("ne", "nin"):
        return not compare("eq" if operator == "ne" else "in", found, wanted)
    if found is None and wanted is not None:
        return False
    return _COMPARISONS[operator](found, wanted)


def _parse_entry(key: object, value: object, depth: int) -> Filter:
    if not isinstance(key, str):
        raise InvalidInput(f"a filter's keys are texts, not {key!r}")
    kinds: dict[str, Literal["all", "any", "none"]] = {"AND": "all", "OR": "any", "NOT": "none"}
    kind = kinds.get(key.upper())
    if kind is not None:
        parts = [value] if isinstance(value, Mapping) else value
        if not isinstance(parts, Sequence) or isinstance(parts, str):
            raise InvalidInput(f"{key} in a filter takes a list of filters")
        return Group(kind, tuple(parse_filter(part, depth=depth + 1) for part in parts))
    if isinstance(value, Mapping):
        return Group("all", tuple(_parse_condition(key, name, wanted) for name, wanted in value.items()))
    if value == "*":
        return _condition(key, "exists", None)
    if isinstance(value, list | tuple):
        return _parse_condition(key, "in", value)
    return _parse_condition(key, "eq", value)


def _parse_condition(field: str, name: object, wanted: object) -> Condition:
    operators: dict[object, Operator] = {
        "eq": "eq", "ne": "ne", "gt": "gt", "gte": "gte", "lt": "lt", "lte": "lte",
        "in": "in", "nin": "nin", "contains": "contains", "icontains": "icontains",
    }  # fmt: skip
    operator = operators.get(name)
    if operator is None:
        raise InvalidInput(f"unknown filter operator {name!r} on {field!r}; known: {', '.join(OPERATORS[:-1])}")
    if operator in ("in", "nin"):
        if not isinstance(wanted, list | tuple):
            raise InvalidInput(f"filter operator {name!r} on {field!r} takes a list")
        return _condition(field, operator, [_scalar(field, value) for value in wanted])
    value = _scalar(field, wanted)
    if operator in ("contains", "icontains") and not isinstance(value, str):
        raise InvalidInput(f"filter operator {name!r} on {field!r} takes a text")
    return _condition(field, operator, value)


def _condition(field: str, operator: Operator, value: Json) -> Condition:
    if field in COLUMN_FIELDS:
        return Condition(field, False, operator, value)
    return Condition(field.removeprefix("metadata."), True, operator, value)


def _scalar(field: str, value: object) -> Json:
    if field in TIME_FIELDS:
        if not isinstance(value, str | datetime):
            raise InvalidInput(f"filter on {field!r} takes a time, not {value!r}")
        return microseconds(parse_time(value, what=f"filter on {field!r}"))
    if isinstance(value, datetime):
        return value.isoformat()
    if value is None or isinstance(value, bool | int | float | str):
        return value
    raise InvalidInput(f"filter on {field!r} takes a text, a number, true, false or null, not {type(value).__name__}")


def _kind(value: Json) -> str:
    if isinstance(value, bool):
        return "bool"
    return "number" if isinstance(value, int | float) else type(value).__name__


def _equal(found: Json, wanted: Json) -> bool:
    if isinstance(found, list | tuple):
        return any(_equal(each, wanted) for each in found)
    return _kind(found) == _kind(wanted) and found == wanted


def _ordered(test: Callable[[float | str, float | str], bool]) -> Callable[[Json, Json], bool]:
    def compare_ordered(found: Json, wanted: Json) -> bool:
        if _kind(found) != _kind(wanted) or isinstance(found, bool):
            return False
        if not isinstance(found, int | float | str) or not isinstance(wanted, int | float | str):
            return False
        return test(found, wanted)

    return compare_ordered


def _contains(found: Json, wanted: Json) -> bool:
    if isinstance(found, list | tuple):
        return any(_equal(each, wanted) for each in found)
    return isinstance(found, str) and isinstance(wanted, str) and wanted in found


def _contains_folded(found: Json, wanted: Json) -> bool:
    if isinstance(found, list | tuple):
        return any(_contains_folded(each, wanted) for each in found)
    return isinstance(found, str) and isinstance(wanted, str) and wanted.casefold() in found.casefold()


def _in(found: Json, wanted: Json) -> bool:
    return isinstance(wanted, list | tuple) and any(_equal(found, each) for each in wanted)


_COMPARISONS: dict[Operator, Callable[[Json, Json], bool]] = {
    "eq": _equal,
    "gt": _ordered(lambda found, wanted: found > wanted),  # type: ignore[operator]
    "gte": _ordered(lambda found, wanted: found >= wanted),  # type: ignore[operator]
    "lt": _ordered(lambda found, wanted: found < wanted),  # type: ignore[operator]
    "lte": _ordered(lambda found, wanted: found <= wanted),  # type: ignore[operator]
    "in": _in,
    "contains": _contains,
    "icontains": _contains_folded,
}
