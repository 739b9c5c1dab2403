"""Facts that were read before are not read anew, and never in an older state."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import pytest

from memstrata.memory import Memory
from memstrata.stores.sqlite import fact_cache
from memstrata.stores.sqlite.fact_cache import FactCache
from memstrata.stores.sqlite.fact_rows import fact_of
from memstrata.stores.sqlite.store import SqliteStore
from memstrata.types import Fact

SAID = [
    "I live in Ghent.",
    "My sister Ana is allergic to nuts.",
    "I moved to Lisbon last week.",
    "我妹妹小雨住在成都。",
]


@pytest.fixture
def url(tmp_path: Path) -> str:
    return f"sqlite:///{tmp_path}/m.db"


def opened(url: str) -> Memory:
    return Memory(url, embedder="none", worker="none")


def kept(memory: Memory) -> dict[str, tuple[str, Fact]]:
    store = memory._parts.store
    assert isinstance(store, SqliteStore)
    return store._facts._kept


def test_a_fact_that_was_read_is_not_read_again(url: str, monkeypatch: pytest.MonkeyPatch) -> None:
    read: list[object] = []

    def counted(row: Sequence[object]) -> Fact:
        read.append(row[0])
        return fact_of(row)

    monkeypatch.setattr(fact_cache, "fact_of", counted)
    with opened(url) as memory:
        memory.add(SAID, user_id="ann", wait=True)
        first = memory.facts("Where do I live?", user_id="ann")
        read.clear()
        assert memory.facts("Where do I live?", user_id="ann") == first
        assert read == []
        memory.pin(first[0].id, user_id="ann")
        assert memory.facts("Where do I live?", user_id="ann")[0].pinned
        assert set(read) == {first[0].id}


def test_a_change_by_another_process_is_seen(url: str) -> None:
    with opened(url) as one, opened(url) as other:
        one.add(SAID, user_id="ann", wait=True)
        fact = one.facts("Ana", user_id="ann")[0]
        assert other.facts("Ana", user_id="ann")[0] == fact
        one.mute(fact.id, user_id="ann")
        assert fact.id not in {each.id for each in other.facts("Ana", user_id="ann")}
        assert other.fact(fact.id, user_id="ann").muted
        one.forget(user_id="ann")
        assert other.facts("Ana", user_id="ann") == []


def test_equal_ids_of_two_scopes_are_two_facts(url: str, tmp_path: Path) -> None:
    with opened(url) as memory:
        memory.add(SAID, user_id="ann", wait=True)
        memory.export(tmp_path / "ann.zip", user_id="ann")
        memory.restore(tmp_path / "ann.zip", user_id="bob")
        shared = {each.id for each in memory.facts(user_id="ann")} & {each.id for each in memory.facts(user_id="bob")}
        for id_ in shared:
            memory.pin(id_, user_id="ann")
            assert (memory.fact(id_, user_id="ann").pinned, memory.fact(id_, user_id="bob").pinned) == (True, False)
        for user in ("ann", "bob", "ann"):
            episodes = {each.id for each in memory.episodes(user_id=user).episodes}
            assert all(source.episode_id in episodes for f in memory.facts(user_id=user) for source in f.sources)


def test_nothing_is_kept_of_what_was_erased(url: str) -> None:
    with opened(url) as memory:
        memory.add(SAID, user_id="ann", wait=True)
        memory.facts(user_id="ann")
        assert kept(memory)
        memory.forget([memory.episodes(user_id="ann").episodes[0].id], user_id="ann")
        assert kept(memory) == {}
        memory.facts(user_id="ann")
        memory.add("Forget that my sister Ana is allergic to nuts.", user_id="ann", wait=True)
        assert not any("nuts" in body for body, _ in kept(memory).values())


def test_no_more_is_kept_than_may_be() -> None:
    cache = FactCache(most_characters=1000)
    body = '{"claim":{"text":"%s","kind":"event","subject":"","speaker":"","trust":"user","confidence":1,"sources":[]},'
    body += '"said_at":"2024-01-01T00:00:00+00:00","recorded_at":"2024-01-01T00:00:00+00:00"}'
    for number in range(50):
        row = (f"fa_{number % 7}", "active", body % f"note {number}")
        assert cache.fact(row).text == f"note {number}"
        assert cache._characters == sum(len(kept) for kept, _ in cache._kept.values()) <= 1000
