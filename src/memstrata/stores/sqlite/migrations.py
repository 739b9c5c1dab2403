"""The schema's history: what leads from each version of the file to the next. Migrations only go forward.

A new file gets the newest schema at once. Each step runs in the transaction that also raises the file's version, so
a file is migrated or it is as it was.
"""

from __future__ import annotations

from collections.abc import Callable

import apsw

from memstrata.core.clock import day_in_words, from_microseconds
from memstrata.core.features import episode_features
from memstrata.core.index.postings import pack_terms
from memstrata.stores.sqlite.blocks import seal
from memstrata.stores.sqlite.sql import SCHEMA, Q

SCHEMA_VERSION = 2
_ROW = (1 << 32) - 1


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


_STEPS: dict[int, Callable[[apsw.Connection], None]] = {2: _count_proper_nouns}


def _derive_again(connection: apsw.Connection) -> None:
    """Compute anew what is derived from the text of every episode, and the sealed blocks."""
    connection.execute("DELETE FROM block WHERE kind <> 2")
    last = -1
    while rows := list(connection.execute(Q["texts_after"], (last,))):
        for id_, text, name, said, offset in rows:
            features = episode_features(text, name=name, date=day_in_words(from_microseconds(said, offset)))
            connection.execute(
                Q["put_features"],
                (
                    id_,
                    pack_terms(features.terms, id_ & _ROW).tobytes(),
                    features.length,
                    features.question_share,
                    features.words,
                    features.proper_nouns,
                    features.time_expression,
                ),
            )
        last = rows[-1][0]
    for number, next_row in list(connection.execute("SELECT no, next_row FROM scope")):
        seal(connection, number, 0, next_row)
