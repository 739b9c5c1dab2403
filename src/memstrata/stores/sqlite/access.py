"""Keys of a server and the answers that it keeps. Functions on a connection."""

from __future__ import annotations

from datetime import datetime

import apsw

from memstrata.core.access import Key
from memstrata.core.clock import microseconds
from memstrata.core.records import KeptAnswer
from memstrata.stores.access_json import key_from_text, key_to_text
from memstrata.stores.sqlite.sql import Q


def put_key(connection: apsw.Connection, key: Key) -> None:
    """Insert or replace."""
    connection.execute(Q["put_key"], (key.id, key_to_text(key)))


def key(connection: apsw.Connection, id_: str) -> Key | None:
    """One by its id."""
    row = connection.execute("SELECT body FROM access_key WHERE id = ?", (id_,)).fetchone()
    return None if row is None else key_from_text(row[0])


def keys(connection: apsw.Connection) -> list[Key]:
    """All, in the order of their making."""
    every = [key_from_text(row[0]) for row in connection.execute("SELECT body FROM access_key")]
    return sorted(every, key=lambda each: (each.created_at, each.id))


def keep_answer(
    connection: apsw.Connection, name: bytes, answer: KeptAnswer, *, at: datetime, drop_before: datetime
) -> None:
    """Keep the first answer of a name; drop old ones."""
    connection.execute("DELETE FROM kept_answer WHERE at < ?", (microseconds(drop_before),))
    connection.execute(Q["keep_answer"], (name, answer.request, answer.body, microseconds(at)))


def kept_answer(connection: apsw.Connection, name: bytes) -> KeptAnswer | None:
    """One by its name."""
    row = connection.execute("SELECT request, body FROM kept_answer WHERE name = ?", (name,)).fetchone()
    return None if row is None else KeptAnswer(request=bytes(row[0]), body=row[1])
