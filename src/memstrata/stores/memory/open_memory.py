"""What is held in memory, behind one lock."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import datetime

from memstrata.core.access import Key
from memstrata.core.records import KeptAnswer
from memstrata.errors import Closed, NotFound
from memstrata.stores.memory.artifacts import MemoryArtifacts
from memstrata.stores.memory.facts import MemoryFacts
from memstrata.stores.memory.jobs import MemoryJobs
from memstrata.stores.memory.rows import Partition
from memstrata.types import Scope


class OpenMemory:
    """What every part of the store in memory works with."""

    def __init__(self) -> None:
        self._lock = threading.RLock()
        self._partitions: dict[Scope, Partition] = {}
        self._jobs = MemoryJobs()
        self._facts = MemoryFacts()
        self._artifacts = MemoryArtifacts()
        self._space: str | None = None
        self._weigher: str | None = None
        self._keys: dict[str, Key] = {}
        self._answers: dict[bytes, tuple[datetime, KeptAnswer]] = {}
        self._closed = False

    def close(self) -> None:
        """Let go of everything."""
        with self._lock:
            self._closed = True
            self._partitions.clear()
            self._artifacts.close()

    @contextmanager
    def _open(self) -> Iterator[None]:
        with self._lock:
            if self._closed:
                raise Closed("the store is closed; open the memory again")
            yield

    def _partition(self, scope: Scope) -> Partition:
        """The partition that a scope lies in; an empty one, which is not kept, where nothing was ever added."""
        return self._partitions.get(scope.partition) or Partition(0, scope.partition)

    def _by_key(self, scope_key: int) -> Partition:
        for each in self._partitions.values():
            if each.key == scope_key:
                return each
        raise NotFound(f"no scope has the key {scope_key!r}; take it from a job of this store")

    def _found(self, partition: Partition) -> None:
        """Keep a partition that is to hold something."""
        if not partition.key:
            partition.key = len(self._partitions) + 1
            self._partitions[partition.scope] = partition

    def _within(self, scope: Scope) -> set[str]:
        return {each.episode.id for each in self._partition(scope).visible(scope.run_within)}
