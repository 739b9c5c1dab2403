"""Surprises in the file: which session is to be weighed, what arrives, whose are kept. Functions on a connection."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime

import apsw
import numpy as np

from memstrata.core.candidates import Floats, Integers
from memstrata.core.clock import microseconds
from memstrata.core.surprise import Turn, TurnRow
from memstrata.stores.sqlite.scopes import id_range, record_event
from memstrata.stores.sqlite.sql import Q
from memstrata.types import ROLES


def current_model(connection: apsw.Connection) -> str | None:
    """The fingerprint of the model whose surprises are kept."""
    row = connection.execute(Q["current_salience"]).fetchone()
    return None if row is None else str(row[0])


def use_salience(connection: apsw.Connection, model: str, *, queue: str, at: datetime) -> None:
    """Make a model current; what an earlier one found goes, and every scope that holds something gets a job."""
    if current_model(connection) == model:
        return
    connection.execute(Q["set_current_salience"], (model,))
    for (number,) in list(connection.execute(Q["scopes_with_episodes"])):
        connection.execute(Q["delete_surprises"], id_range(number))
        connection.execute(Q["enqueue"], (queue, number, microseconds(at)))
        record_event(connection, number, "weighed", (), microseconds(at))


def session_to_weigh(connection: apsw.Connection, number: int, *, after: int) -> list[TurnRow]:
    """The turns of the first session with an episode behind a row that has no surprise."""
    first, last = id_range(number)
    rows = connection.execute(Q["session_to_weigh"], (first, first + after + 1, last))
    return [
        TurnRow(
            row=row, turn=Turn(speaker=name or ROLES[role], text=text), weighed=bool(weighed), redactions=redactions
        )
        for row, name, role, text, redactions, weighed in rows
    ]


def put(
    connection: apsw.Connection,
    number: int,
    model: str,
    rows: Sequence[int],
    nats: Sequence[float],
    *,
    redactions: Sequence[int],
    at: int,
) -> None:
    """Keep surprises of the current model; rows that are gone, were redacted meanwhile or have one are passed over."""
    if not rows or current_model(connection) != model:
        return  # an event without rows would say that all surprises are gone
    first, _ = id_range(number)
    values = [(first | row, value, times) for row, value, times in zip(rows, nats, redactions, strict=True)]
    connection.executemany(Q["insert_surprise"], values)
    record_event(connection, number, "weighed", rows, at)


def load(connection: apsw.Connection, number: int, low: int, high: int) -> tuple[Integers, Floats]:
    """The rows from `low` to `high` that have a surprise, and it."""
    first, _ = id_range(number)
    found = list(connection.execute(Q["surprises_in_range"], (first + low, first + high)))
    return np.array([row for row, _ in found], np.int64), np.array([nats for _, nats in found], np.float32)
