"""The schema's history: what leads from each version of the file to the next. Migrations only go forward.

A new file gets the newest schema at once. Each step runs in the transaction that also raises the file's version, so
a file is migrated or it is as it was.
"""

from __future__ import annotations

from collections.abc import Callable

import apsw

from memstrata.stores.sqlite.blocks import seal
from memstrata.stores.sqlite.episodes import put_features
from memstrata.stores.sqlite.sql import SCHEMA, STEP_3, STEP_4, STEP_5, STEP_6, STEP_7, Q

SCHEMA_VERSION = 7


def migrate(connection: apsw.Connection, version: int) -> None:
    """Bring a file from `version` (0: empty) to `SCHEMA_VERSION`."""
    if version == 0:
        connection.execute(SCHEMA)
        return
    for step in range(version + 1, SCHEMA_VERSION + 1):
        _STEPS[step](connection)
    if version < _DERIVED_SINCE:
        _derive_again(connection)


def _count_proper_nouns(connection: apsw.Connection) -> None:
    """2: episodes know how many proper nouns they hold."""
    connection.execute("ALTER TABLE episode ADD COLUMN proper_nouns INTEGER NOT NULL DEFAULT 0")


def _add_facts(connection: apsw.Connection) -> None:
    """3: facts have their log, and parts of an episode's text may be erased."""
    connection.execute(STEP_3)


def _add_sentences(connection: apsw.Connection) -> None:
    """4: sentences have vectors, and episodes know how much of them speaks to the hearer."""
    connection.execute(STEP_4)


def _add_access(connection: apsw.Connection) -> None:
    """5: a server has keys, and knows what it answered."""
    connection.execute(STEP_5)


def _add_surprise(connection: apsw.Connection) -> None:
    """6: episodes may be weighed by a local model."""
    connection.execute(STEP_6)


def _add_artifacts(connection: apsw.Connection) -> None:
    """7: memories have artifacts in other tiers."""
    connection.execute(STEP_7)


_STEPS: dict[int, Callable[[apsw.Connection], None]] = {
    2: _count_proper_nouns,
    3: _add_facts,
    4: _add_sentences,
    5: _add_access,
    6: _add_surprise,
    7: _add_artifacts,
}
_DERIVED_SINCE = 4
"""Before this version, less or something else was derived from a text."""


def _derive_again(connection: apsw.Connection) -> None:
    """Compute anew what is derived from the text of every episode, and the sealed blocks."""
    connection.execute("DELETE FROM block WHERE kind IN (0, 1)")
    last = -1
    while rows := list(connection.execute(Q["texts_after"], (last,))):
        for id_, text, name, said, offset in rows:
            put_features(connection, id_, text, name=name, said=said, offset=offset)
        last = rows[-1][0]
    for number, next_row in list(connection.execute("SELECT no, next_row FROM scope")):
        seal(connection, number, 0, next_row)
