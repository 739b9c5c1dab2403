"""The SQLite store does what the store in memory does, whatever is done to both."""

from __future__ import annotations

import tempfile
from datetime import timedelta
from pathlib import Path

import numpy as np
from hypothesis import HealthCheck, settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, invariant, precondition, rule

from memstrata.core.candidates import Probe, View
from memstrata.core.filters import parse_filter
from memstrata.core.lexical import query_terms
from memstrata.core.records import NewJob
from memstrata.stores.memory import MemoryStore
from memstrata.stores.sqlite import blocks
from memstrata.stores.sqlite.store import SqliteStore
from memstrata.testing.episodes import NOON, new_episodes, numbered_ids
from memstrata.testing.store_contract import assert_same_pool
from memstrata.types import Message, Scope

WORDS = ["tea", "garden", "moved", "Ghent", "doctor", "茶", "搬家", "rain", "?"]
SCOPES = [
    Scope(user_id="ann"),
    Scope(user_id="ann", run_id="r1"),
    Scope(user_id="ann", run_id="r2"),
    Scope(user_id="ben"),
    Scope(run_id="r1"),
]
FILTERS = [
    None,
    {"name": "Ann"},
    {"OR": [{"role": "assistant"}, {"n": {"gte": 3}}]},
    {"NOT": {"n": {"in": [1, 2]}}},
    {"message_id": "*"},
    {"run_id": "r1"},
    {"timestamp": {"gt": (NOON + timedelta(hours=5)).isoformat()}},
]

messages = st.lists(
    st.builds(
        Message,
        content=st.lists(st.sampled_from(WORDS), min_size=1, max_size=5).map(" ".join),
        role=st.sampled_from(["user", "assistant"]),
        name=st.sampled_from([None, "Ann", "Ben"]),
        timestamp=st.integers(0, 40).map(lambda hours: NOON + timedelta(hours=hours)),
        metadata=st.sampled_from([{}, {"n": 1}, {"n": 2, "s": "x"}, {"n": 3}]),
    ),
    min_size=1,
    max_size=6,
)
scopes = st.sampled_from(SCOPES)


class TwoStores(RuleBasedStateMachine):
    def __init__(self) -> None:
        super().__init__()
        self.folder = tempfile.TemporaryDirectory()
        self.path = Path(self.folder.name) / "memory.db"
        self.memory = MemoryStore()
        self.sqlite = self.open()
        self.ids = numbered_ids()
        self.known: list[str] = []
        self.space = "one/4"
        self.receipts = 0
        for store in (self.memory, self.sqlite):
            store.use_space(self.space, queue=self.space, at=NOON)

    def open(self) -> SqliteStore:
        return SqliteStore(self.path, cache_bytes=1)

    @rule(scope=scopes, batch=messages)
    def add(self, scope: Scope, batch: list[Message]) -> None:
        episodes = new_episodes(batch, scope=scope, ids=self.ids)
        jobs = [NewJob(queue=self.space)]
        one, other = (
            store.append(scope, episodes, recorded_at=NOON, jobs=jobs) for store in (self.memory, self.sqlite)
        )
        assert one == other
        self.known += [each.id for each in one if each.added]

    @precondition(lambda self: self.known)
    @rule(scope=scopes, data=st.data())
    def forget_some(self, scope: Scope, data: st.DataObject) -> None:
        ids = data.draw(st.lists(st.sampled_from(self.known), max_size=4, unique=True))
        self.forget(scope, ids)

    @rule(scope=scopes)
    def forget_everything(self, scope: Scope) -> None:
        self.forget(scope, None)

    def forget(self, scope: Scope, ids: list[str] | None) -> None:
        self.receipts += 1
        one, other = (
            store.forget(scope, ids=ids, receipt_id=f"fg_{self.receipts}", at=NOON)
            for store in (self.memory, self.sqlite)
        )
        assert set(one.episode_ids) == set(other.episode_ids)
        assert other.scrubbed

    @rule(limit=st.integers(1, 5))
    def embed(self, limit: int) -> None:
        for store in (self.memory, self.sqlite):
            job = store.claim([self.space], owner="w", at=NOON, lease=timedelta(minutes=1), scope=None)
            if job is None:
                continue
            missing = store.missing_vectors(job.scope_key, self.space, limit=limit)
            if missing:
                vectors = np.stack([embedded(row.text) for row in missing])
                store.put_vectors(job.scope_key, self.space, [row.row for row in missing], vectors)
                store.release(job, owner="w")
            else:
                store.drop_other_spaces(job.scope_key, self.space)
                store.finish(job, owner="w")

    @rule(space=st.sampled_from(["one/4", "two/4"]))
    def change_space(self, space: str) -> None:
        self.space = space
        for store in (self.memory, self.sqlite):
            store.use_space(space, queue=space, at=NOON)

    @rule()
    def reopen(self) -> None:
        self.sqlite.close()
        self.sqlite = self.open()

    @rule(
        scope=scopes,
        words=st.lists(st.sampled_from(WORDS), max_size=3),
        wanted=st.sampled_from(FILTERS),
        hours=st.sampled_from([None, 3, 20]),
        per_leg=st.sampled_from([2, 100]),
        dense=st.booleans(),
    )
    def search(
        self,
        scope: Scope,
        words: list[str],
        wanted: dict[str, object] | None,
        hours: int | None,
        per_leg: int,
        dense: bool,
    ) -> None:
        view = View(
            said_until=None if hours is None else int((NOON + timedelta(hours=hours)).timestamp() * 1e6),
            filter=None if wanted is None else parse_filter(wanted),
        )
        text = " ".join(words)
        probe = Probe(
            terms=query_terms(text),
            vector=embedded(text) if dense else None,
            space=self.space,
            per_leg=per_leg if not dense else 100,  # scores in one byte may order near ties differently
            view=view,
        )
        one, other = (store.candidates(scope, probe) for store in (self.memory, self.sqlite))
        if dense:
            assert_same_pool(one, other)
        else:
            assert one.rows.tolist() == other.rows.tolist()
        found, same = (store.by_rows(scope, one.rows.tolist()) for store in (self.memory, self.sqlite))
        assert found == same
        pages = [store.list_episodes(scope, view, limit=3, cursor=None) for store in (self.memory, self.sqlite)]
        assert pages[0] == pages[1]

    @invariant()
    def counts_agree(self) -> None:
        for scope in SCOPES:
            one, other = (store.counts(scope, space=self.space) for store in (self.memory, self.sqlite))
            assert one == other, scope
            assert set(self.memory.names(scope)) == set(self.sqlite.names(scope))

    def teardown(self) -> None:
        self.sqlite.close()
        self.memory.close()
        self.folder.cleanup()


def embedded(text: str) -> np.ndarray[tuple[int], np.dtype[np.float32]]:
    """A vector of four dimensions that depends on the words."""
    counts = np.array([sum(text.count(word) for word in WORDS[part::3]) for part in range(3)] + [0.5], np.float32)
    return counts / np.float32(np.linalg.norm(counts))


TestTwoStores = TwoStores.TestCase
TestTwoStores.settings = settings(
    max_examples=60, stateful_step_count=25, deadline=None, suppress_health_check=list(HealthCheck)
)


class TinyBlocks(TwoStores):
    """The same with blocks of two rows, so that sealing and sealing again happen all the time."""

    def __init__(self) -> None:
        self.rows_before, blocks.BLOCK_ROWS = blocks.BLOCK_ROWS, 2
        super().__init__()

    def teardown(self) -> None:
        super().teardown()
        blocks.BLOCK_ROWS = self.rows_before


TestTinyBlocks = TinyBlocks.TestCase
TestTinyBlocks.settings = TestTwoStores.settings
