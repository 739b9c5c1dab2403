"""The named SQL blocks of `queries.sql` and the schema, read once."""

from __future__ import annotations

import re
from collections.abc import Sequence
from importlib.resources import files
from typing import Any

import apsw

_BLOCK = re.compile(r"^-- name: (\w+)\n(.*?)(?=^-- name: |\Z)", re.MULTILINE | re.DOTALL)


def _load(name: str) -> str:
    return files("memstrata.stores.sqlite").joinpath(name).read_text(encoding="utf-8")


SCHEMA = _load("schema.sql")
Q: dict[str, str] = {name: body.strip() for name, body in _BLOCK.findall(_load("queries.sql"))}


def one(connection: apsw.Connection, statement: str, values: Sequence[Any] = ()) -> tuple[Any, ...]:
    """The first row of a statement that always has one."""
    row = connection.execute(statement, tuple(values)).fetchone()
    if row is None:
        raise LookupError(statement)
    return tuple(row)
