"""The schema's history: what leads from each version of the file to the next. Migrations only go forward."""

from __future__ import annotations

from collections.abc import Callable

import apsw

from memstrata.stores.sqlite.sql import SCHEMA


def _create(connection: apsw.Connection) -> None:
    connection.execute(SCHEMA)


MIGRATIONS: dict[int, Callable[[apsw.Connection], None]] = {1: _create}
SCHEMA_VERSION = max(MIGRATIONS)
