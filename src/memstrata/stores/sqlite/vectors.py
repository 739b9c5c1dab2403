"""Vectors in the file: what is missing, what arrives, which space is current. Functions on a connection."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime

import apsw
import numpy as np

from memstrata.core.candidates import Floats
from memstrata.core.clock import day_in_words, from_microseconds, microseconds
from memstrata.core.index.vectors import quantise
from memstrata.core.records import TextRow
from memstrata.stores.sqlite.blocks import seal_vectors
from memstrata.stores.sqlite.scopes import id_range, record_event
from memstrata.stores.sqlite.sql import Q, one


def space_number(connection: apsw.Connection, fingerprint: str) -> int | None:
    """The number of a space that has been used."""
    row = connection.execute(Q["space_number"], (fingerprint,)).fetchone()
    return None if row is None else int(row[0])


def current_space(connection: apsw.Connection) -> str | None:
    """The fingerprint of the space that vectors are kept in."""
    row = connection.execute(Q["current_space"]).fetchone()
    return None if row is None else str(row[0])


def use_space(connection: apsw.Connection, fingerprint: str, *, queue: str, at: datetime) -> None:
    """Make a space current; a new one gets a job for every scope that holds something."""
    if current_space(connection) == fingerprint:
        return
    if space_number(connection, fingerprint) is None:
        connection.execute(Q["insert_space"], (fingerprint,)).fetchone()
    connection.execute(Q["set_current_space"], (fingerprint,))
    for (number,) in list(connection.execute(Q["scopes_with_episodes"])):
        connection.execute(Q["enqueue"], (queue, number, microseconds(at)))


def missing(connection: apsw.Connection, number: int, fingerprint: str, *, limit: int) -> list[TextRow]:
    """Episodes of a scope without a vector in a space, oldest first."""
    space = space_number(connection, fingerprint)
    rows = connection.execute(Q["missing_vectors"], (*_unembedded(connection, number, space), space, limit))
    return [
        TextRow(row=row, day=day_in_words(from_microseconds(said, offset)), name=name, text=text, redactions=redactions)
        for row, said, offset, name, text, redactions in rows
    ]


def put(
    connection: apsw.Connection,
    number: int,
    fingerprint: str,
    rows: Sequence[int],
    vectors: Floats,
    *,
    redactions: Sequence[int] | None,
    sentences: Sequence[Floats] | None,
    at: int,
) -> None:
    """Keep vectors in half precision; rows that are gone, were redacted meanwhile or have one are passed over."""
    space = space_number(connection, fingerprint)
    if space is None:
        (space,) = one(connection, Q["insert_space"], (fingerprint,))
    first, _ = id_range(number)
    halves = np.ascontiguousarray(vectors, dtype=np.float16)
    seen = [None] * len(rows) if redactions is None else redactions
    connection.executemany(
        Q["insert_vector"],
        [(space, first | row, half.tobytes(), times) for row, half, times in zip(rows, halves, seen, strict=True)],
    )
    if sentences is not None:
        told = [(row, *quantise(each)) for row, each in zip(rows, sentences, strict=True) if len(each)]
        connection.executemany(
            Q["insert_sentences"],
            [(space, first | row, len(whole), scales.tobytes() + whole.tobytes()) for row, whole, scales in told],
        )
    record_event(connection, number, "embedded", rows, at, space=space)
    _advance(connection, number, int(space), rows)
    seal_vectors(connection, number, int(space), rows)


def drop_others(connection: apsw.Connection, number: int, fingerprint: str) -> None:
    """Remove a scope's vectors in other spaces, if this space is current and complete for the scope."""
    space = space_number(connection, fingerprint)
    if space is None or current_space(connection) != fingerprint:
        return
    (missing_id,) = one(connection, Q["first_missing_vector"], (*_unembedded(connection, number, space), space))
    if missing_id is not None:
        return
    for (other,) in list(connection.execute(Q["other_spaces"], (space,))):
        connection.execute(Q["delete_vectors"], (other, *id_range(number)))
        connection.execute(Q["delete_sentences"], (other, *id_range(number)))
        connection.execute(Q["delete_vector_blocks"], (number, other))
        connection.execute(Q["delete_embedded"], (number, other))


def _unembedded(connection: apsw.Connection, number: int, space: int | None) -> tuple[int, int]:
    """The ids of a scope among which an episode may lack its vector in a space."""
    first, last = id_range(number)
    row = connection.execute(Q["embedded_through"], (number, space)).fetchone()
    return first + (row[0] if row is not None else 0), last


def _advance(connection: apsw.Connection, number: int, space: int, rows: Sequence[int]) -> None:
    """Remember how far the scope is embedded now."""
    first, _ = id_range(number)
    (missing_id,) = one(connection, Q["first_missing_vector"], (*_unembedded(connection, number, space), space))
    through = missing_id - first if missing_id is not None else max(rows, default=-1) + 1
    before, _ = _unembedded(connection, number, space)
    connection.execute(Q["put_embedded_through"], (number, space, max(through, before - first)))


def of_rows(connection: apsw.Connection, number: int, space: str, rows: Sequence[int]) -> Floats:
    """Vectors of these rows of a scope, NaN where a row has none in the space."""
    space_no = space_number(connection, space)
    first, _ = id_range(number)
    found: dict[int, Floats] = {}
    for row in rows if space_no is not None else ():
        half = connection.execute(Q["vector_of"], (space_no, first | row)).fetchone()
        if half is not None:
            found[row] = np.frombuffer(half[0], np.float16).astype(np.float32)
    dimensions = len(next(iter(found.values()))) if found else 0
    nothing = np.full(dimensions, np.nan, np.float32)
    return np.array([found.get(row, nothing) for row in rows], np.float32).reshape(len(rows), dimensions)
