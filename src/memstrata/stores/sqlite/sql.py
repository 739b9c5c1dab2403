"""The named SQL blocks of `queries.sql` and the schema, read once."""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from importlib.resources import files
from typing import Any

import apsw

_BLOCK = re.compile(r"^-- name: (\w+)\n(.*?)(?=^-- name: |\Z)", re.MULTILINE | re.DOTALL)


def _load(name: str) -> str:
    return files("memstrata.stores.sqlite").joinpath(name).read_text(encoding="utf-8")


SCHEMA = _load("schema.sql")
STEP_3 = _load("step_3.sql")
STEP_4 = _load("step_4.sql")
STEP_5 = _load("step_5.sql")
STEP_6 = _load("step_6.sql")
STEP_7 = _load("step_7.sql")
Q: dict[str, str] = {name: body.strip() for name, body in _BLOCK.findall(_load("queries.sql"))}


IDS_A_STATEMENT = 500
"""Values bound at once where a statement is asked about many."""
_KEYS = "/* keys */"


def in_batches(
    connection: apsw.Connection, statement: str, keys: Sequence[object], *, before: Sequence[object] = ()
) -> Iterator[tuple[Any, ...]]:
    """The rows of a statement that asks for any of `keys` in place of its mark; `before` are its other values."""
    for start in range(0, len(keys), IDS_A_STATEMENT):
        part = keys[start : start + IDS_A_STATEMENT]
        marked = statement.replace(_KEYS, ",".join("?" * len(part)))
        yield from list(connection.execute(marked, (*before, *part)))


def one(connection: apsw.Connection, statement: str, values: Sequence[Any] = ()) -> tuple[Any, ...]:
    """The first row of a statement that always has one."""
    row = connection.execute(statement, tuple(values)).fetchone()
    if row is None:
        raise LookupError(statement)
    return tuple(row)
