"""Artifacts over HTTP: a server's own model reads, callers neither choose it nor see others' artifacts."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path

import pytest

pytest.importorskip("torch")
pytest.importorskip("transformers")

from memstrata.client import RemoteMemory
from memstrata.core.access import RIGHTS, Grant, Key, Right, checked_rights, digest_of, token_of
from memstrata.errors import Forbidden, InvalidInput
from memstrata.memory import Memory
from memstrata.models.local.tiny import save_tiny_model
from memstrata.stores.memory import MemoryStore
from memstrata.surfaces.rest.app import create_app
from memstrata.surfaces.rest.in_process import in_process

SECRET = "s" * 43


class Server:
    """A server with a tiny local model, and clients with keys of two apps."""

    def __init__(self, model: str | None) -> None:
        self.store = MemoryStore()
        self.memory = Memory(self.store, embedder="none", worker="none", local_model=model)
        self.app = create_app(self.memory, self.store)

    def client(self, number: int, app: str, *rights: Right) -> RemoteMemory:
        key = Key(
            id=f"{number:012x}",
            digest=digest_of(SECRET),
            rights=checked_rights(list(rights or RIGHTS)),
            grants=(Grant(),),
            created_at=datetime(2026, 1, 1, tzinfo=UTC),
            app_id=app,
        )
        self.store.put_key(key)
        client = in_process(self.app)
        return RemoteMemory(client=client, api_key=token_of(key.id, SECRET))


@pytest.fixture
def server(tmp_path: Path) -> Iterator[Server]:
    made = Server(str(save_tiny_model(tmp_path)))
    yield made
    made.memory.close()


def test_a_server_promotes_with_its_own_model_for_those_who_may(server: Server) -> None:
    one, other = server.client(1, "crm"), server.client(2, "shop")
    receipt = one.add(["I live in Ghent.", "The boiler man comes on 3 March."], user_id="ann", wait=True)
    (prefix,) = one.promote(user_id="ann", system="Be brief.")
    (passage,) = one.promote([receipt.episode_ids[1]], user_id="ann", form="int8")
    assert (prefix.kind, passage.kind) == ("prefix", "passage")
    assert [each.id for each in one.artifacts(user_id="ann", status="ready")] == [prefix.id, passage.id]
    assert other.artifacts(user_id="ann") == []
    assert other.demote(user_id="ann") == []
    one.forget([receipt.episode_ids[1]], user_id="ann")
    assert [each.id for each in one.artifacts(user_id="ann", tier="activation")] == [prefix.id]
    assert one.demote([prefix.id], user_id="ann") == [prefix.id]


def test_a_caller_can_neither_choose_a_model_nor_take_more_of_the_disk(server: Server) -> None:
    one = server.client(1, "crm")
    one.add("I live in Ghent.", user_id="ann", wait=True)
    with pytest.raises(InvalidInput):
        one.promote(user_id="ann", model="local:/etc")
    with pytest.raises(InvalidInput):
        one.promote(user_id="ann", budget_bytes=1 << 50)
    with pytest.raises(Forbidden):
        server.client(3, "crm", "read", "write").promote(user_id="ann")


def test_a_server_without_a_model_says_so() -> None:
    server = Server(None)
    one = server.client(1, "crm")
    one.add("I live in Ghent.", user_id="ann", wait=True)
    with pytest.raises(InvalidInput, match="model"):
        one.promote(user_id="ann")
    server.memory.close()
