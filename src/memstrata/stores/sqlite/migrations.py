"""The schema's history: what leads from each version of the file to the next. Migrations only go forward.

A new file gets the newest schema at once. Each step runs in the transaction that also raises the file's version, so
a file is migrated or it is as it was.
"""

from __future__ import annotations

from collections.abc import Callable

import apsw

from memstrata.stores.sqlite.blocks import seal
from memstrata.stores.sqlite.episodes import put_features
from memstrata.stores.sqlite.sql import SCHEMA, STEP_3, Q

SCHEMA_VERSION = 3


def migrate(connection: apsw.Connection, version: int) -> None:
    """Bring a file from `version` (0: empty) to `SCHEMA_VERSION`."""
    if version == 0:
        connection.execute(SCHEMA)
        return
    for step in range(version + 1, SCHEMA_VERSION + 1):
        _STEPS[step](connection)


def _count_proper_nouns(connection: apsw.Connection) -> None:
    """2: episodes know how many proper nouns they hold, and their terms are folded."""
    connection.execute("ALTER TABLE episode ADD COLUMN proper_nouns INTEGER NOT NULL DEFAULT 0")
    _derive_again(connection)


def _add_facts(connection: apsw.Connection) -> None:
    """3: facts have their log, and parts of an episode's text may be erased."""
    connection.execute(STEP_3)


_STEPS: dict[int, Callable[[apsw.Connection], None]] = {2: _count_proper_nouns, 3: _add_facts}


def _derive_again(connection: apsw.Connection) -> None:
    """Compute anew what is derived from the text of every episode, and the sealed blocks."""
    connection.execute("DELETE FROM block WHERE kind <> 2")
    last = -1
    while rows := list(connection.execute(Q["texts_after"], (last,))):
        for id_, text, name, said, offset in rows:
            put_features(connection, id_, text, name=name, said=said, offset=offset)
        last = rows[-1][0]
    for number, next_row in list(connection.execute("SELECT no, next_row FROM scope")):
        seal(connection, number, 0, next_row)
