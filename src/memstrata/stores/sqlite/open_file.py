"""An open file: its connections, its cache of indexes, its blobs, and the numbers of its scopes."""

from __future__ import annotations

from pathlib import Path

from memstrata.stores.blobs import FolderBlobs
from memstrata.stores.sqlite import artifacts
from memstrata.stores.sqlite.cache import IndexCache
from memstrata.stores.sqlite.database import Database
from memstrata.stores.sqlite.fact_cache import FactCache
from memstrata.stores.sqlite.scopes import scope_number
from memstrata.types import Scope


class OpenFile:
    """What every part of the store on one file works with."""

    def __init__(self, path: Path, *, cache_bytes: int, read_only: bool = False) -> None:
        self._database = Database(path, read_only=read_only)
        self._cache = IndexCache(self._database, limit_bytes=cache_bytes)
        self._facts = FactCache()
        self._numbers: dict[Scope, int] = {}
        self._blobs = FolderBlobs(path.with_name(f"{path.name}.artifacts"))

    def close(self) -> None:
        """See `Store.close`."""
        self._database.close()

    def _number(self, scope: Scope) -> int | None:
        """The number of a scope's partition, which never changes once it has one."""
        partition = scope.partition
        if partition not in self._numbers:
            with self._database.read() as connection:
                number = scope_number(connection, scope)
            if number is None:
                return None
            self._numbers[partition] = number
        return self._numbers[partition]

    def _delete_doomed(self) -> bool:
        """Delete the bytes that are condemned; False where some are still there, which a later scrub tries again."""
        with self._database.read() as connection:
            names = artifacts.doomed(connection)
        if names:
            gone = set(names) - set(self._blobs.delete(names))
            self._database.write(lambda connection: artifacts.pardon(connection, gone))
            return len(gone) == len(names)
        return True
