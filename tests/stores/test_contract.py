"""Both stores keep the contract."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from memstrata.ports import Store
from memstrata.stores.memory import MemoryStore
from memstrata.stores.sqlite.store import SqliteStore
from memstrata.testing.access_contract import AccessContract
from memstrata.testing.artifact_contract import ArtifactContract
from memstrata.testing.erasure_contract import ErasureContract
from memstrata.testing.exchange_contract import ExchangeContract
from memstrata.testing.fact_contract import FactContract
from memstrata.testing.salience_contract import SalienceContract
from memstrata.testing.store_contract import StoreContract


class Contracts(
    StoreContract,
    FactContract,
    ErasureContract,
    SalienceContract,
    AccessContract,
    ExchangeContract,
    ArtifactContract,
):
    """All that a store promises."""


class TestMemoryStore(Contracts):
    @pytest.fixture
    def store(self) -> Iterator[Store]:
        store = MemoryStore()
        yield store
        store.close()


class TestSqliteStore(Contracts):
    @pytest.fixture
    def store(self, tmp_path: Path) -> Iterator[Store]:
        store = SqliteStore(tmp_path / "memory.db", cache_bytes=1 << 24)
        yield store
        store.close()
