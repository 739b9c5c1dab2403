"""The SQLite store does what the store in memory does, whatever is done to both."""

from __future__ import annotations

import tempfile
from dataclasses import replace
from datetime import timedelta
from pathlib import Path
from typing import Any

import numpy as np
from hypothesis import HealthCheck, settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, precondition, rule

from memstrata.core.artifacts import HAVE_BYTES, MAY_BE_SOURCES
from memstrata.core.candidates import Probe, View
from memstrata.core.facts.log import NewChange, fold
from memstrata.core.filters import parse_filter
from memstrata.core.lexical import query_terms
from memstrata.core.records import Extracted, FactQuery, KeptEpisode, KeptLog, NewJob
from memstrata.errors import Conflict, LogMoved
from memstrata.stores.fact_rules import episodes_behind
from memstrata.stores.memory import MemoryStore
from memstrata.stores.sqlite import blocks
from memstrata.stores.sqlite.store import SqliteStore
from memstrata.testing.artifact_contract import artifact, five_bytes
from memstrata.testing.episodes import NOON, new_episodes, numbered_ids
from memstrata.testing.erasure_contract import redaction
from memstrata.testing.exchange_contract import copy_out, restored, take_in
from memstrata.testing.facts import asserted, change, claim, closed, source, supported, undone
from memstrata.testing.store_contract import assert_same_pool
from memstrata.types import CHANGE_KINDS, ArtifactStatus, Change, ChangeKind, Message, Scope, Source

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
        self.weigher = "w1"
        self.receipts = 0
        self.homes: dict[str, Scope] = {}
        self.fact_ids: list[str] = []
        self.changes: list[tuple[str, str]] = []
        self.copies: list[tuple[Scope, list[KeptEpisode], KeptLog]] = []
        for store in (self.memory, self.sqlite):
            store.use_space(self.space, queue=self.space, at=NOON)
            store.use_salience(self.weigher, queue=self.weigher, at=NOON)

    def open(self) -> SqliteStore:
        return SqliteStore(self.path, cache_bytes=1)

    @initialize(batch=messages, data=st.data(), words=st.lists(st.sampled_from(WORDS), min_size=3, max_size=6))
    def begin(self, batch: list[Message], data: st.DataObject, words: list[str]) -> None:
        """Enough to change and to erase from the first step on."""
        for scope in SCOPES[1:3]:
            self.add(scope, batch)
            self.assert_facts(scope, data, words)

    @rule(scope=scopes, batch=messages)
    def add(self, scope: Scope, batch: list[Message]) -> None:
        episodes = new_episodes(batch, scope=scope, ids=self.ids)
        jobs = [NewJob(queue=self.space), NewJob(queue=self.weigher)]
        one, other = (
            store.append(scope, episodes, recorded_at=NOON, jobs=jobs) for store in (self.memory, self.sqlite)
        )
        assert one == other
        self.known += [each.id for each in one if each.added]
        self.homes |= {each.id: scope.partition for each in one if each.added}

    @precondition(lambda self: self.known)
    @rule(scope=scopes, data=st.data())
    def forget_some(self, scope: Scope, data: st.DataObject) -> None:
        ids = data.draw(st.lists(st.sampled_from(self.known), max_size=4, unique=True))
        self.forget(scope, ids)

    @precondition(lambda self: self.receipts % 3 == 2)
    @rule(scope=scopes)
    def forget_everything(self, scope: Scope) -> None:
        self.forget(scope, None)

    def forget(self, scope: Scope, ids: list[str] | None) -> None:
        self.receipts += 1
        one, other = (
            store.forget(scope, ids=ids, receipt_id=f"fg_{self.receipts}", at=NOON)
            for store in (self.memory, self.sqlite)
        )
        for id_ in one.episode_ids:
            del self.homes[id_]
        assert set(one.episode_ids) == set(other.episode_ids)
        assert other.scrubbed

    @precondition(lambda self: self.known)
    @rule(scope=scopes, data=st.data())
    def redact(self, scope: Scope, data: st.DataObject) -> None:
        part = st.builds(redaction, st.sampled_from(self.known), st.tuples(st.integers(0, 12), st.integers(0, 20)))
        parts = data.draw(st.lists(part, min_size=1, max_size=3))
        self.receipts += 1
        one, other = (
            store.redact(scope, parts, receipt_id=f"fg_{self.receipts}", at=NOON, jobs=[NewJob(queue=self.space)])
            for store in (self.memory, self.sqlite)
        )
        assert one == other

    @precondition(lambda self: self.known)
    @rule(scope=scopes, data=st.data(), words=st.lists(st.sampled_from(WORDS), min_size=1, max_size=4))
    def assert_facts(self, scope: Scope, data: st.DataObject, words: list[str]) -> None:
        changes = []
        for word in words:
            said = claim(
                word,
                *self.sources(scope, data),
                subject=data.draw(st.sampled_from(["user", "Éva"])),
                kind=data.draw(st.sampled_from(["habit", "plan"])),
                slot=data.draw(st.sampled_from([None, "drink"])),
                entities=[word],
            )
            self.fact_ids.append(f"fa_{len(self.fact_ids)}")
            cause = data.draw(st.sampled_from(["de_1", "de_2"]))
            changes.append(asserted(self.fact_ids[-1], said, quarantined=data.draw(st.booleans()), cause=cause))
            shut = closed(data.draw(st.sampled_from(self.fact_ids)), by=self.fact_ids[-1], cause=cause)
            changes.append(replace(shut, id=f"{shut.id}_{self.fact_ids[-1]}"))
        self.write(scope, changes, data)

    @precondition(lambda self: self.fact_ids)
    @rule(scope=scopes, data=st.data(), kinds=st.lists(st.sampled_from(CHANGE_KINDS), min_size=1, max_size=4))
    def change_facts(self, scope: Scope, data: st.DataObject, kinds: list[ChangeKind]) -> None:
        self.write(scope, [self.change(scope, kind, place, data) for place, kind in enumerate(kinds)], data)

    def change(self, scope: Scope, kind: ChangeKind, place: int, data: st.DataObject) -> NewChange:
        fact, by = (data.draw(st.sampled_from(self.fact_ids)) for _ in range(2))
        name = f"ch_{len(self.changes)}_{place}"
        if kind == "undone":
            ids = [id_ for owner, id_ in self.changes if owner == fact] or ["ch_none"]
            return undone(fact, *data.draw(st.lists(st.sampled_from(ids), min_size=1, max_size=2)))
        if kind in ("asserted", "supported"):
            said = claim(data.draw(st.sampled_from(WORDS)), *self.sources(scope, data))
            return replace(supported(fact, said, id=name), kind=kind)
        if kind == "closed":
            return replace(closed(fact, by=by, at=NOON + timedelta(hours=len(self.changes) % 5)), id=name)
        return change(kind, fact, {"by": by} if kind in ("retired", "disputed", "rejected") else {}, id=name)

    def sources(self, scope: Scope, data: st.DataObject) -> list[Source]:
        """Words of one or two episodes, mostly of the scope's own that are still there."""
        own = [id_ for id_, home in self.homes.items() if home == scope.partition]
        ids = data.draw(st.lists(st.sampled_from(own or self.known), min_size=1, max_size=2))
        return [source(id_, start, start + 3) for id_ in ids for start in [data.draw(st.integers(0, 9))]]

    def write(self, scope: Scope, changes: list[NewChange], data: st.DataObject) -> None:
        expected = data.draw(st.sampled_from([None, self.memory.last_change(scope), 0]))
        through = data.draw(st.sampled_from([None, 0, 2, 5]))
        mark = None if through is None else Extracted(through=through, extractor="e")
        written: list[list[Change] | None] = []
        for store in (self.memory, self.sqlite):
            try:
                written.append(store.change_facts(scope, changes, expected=expected, extracted=mark))
            except LogMoved:
                written.append(None)
        assert written[0] == written[1]
        self.changes += [(each.fact_id, each.id) for each in written[0] or ()]

    @rule(
        scope=scopes,
        rows=st.none() | st.lists(st.integers(0, 20), max_size=4),
        entities=st.sampled_from([None, ["eva"], ["tea", "茶"], []]),
        kinds=st.sampled_from([None, ["habit"]]),
        slots=st.sampled_from([None, ["drink"]]),
        statuses=st.sampled_from([None, ["active", "quarantined"], ["superseded"]]),
    )
    def ask_for_facts(self, scope: Scope, **wanted: Any) -> None:
        ids = self.fact_ids[::2] if len(self.fact_ids) % 2 else None
        query = FactQuery(ids=ids, **wanted)
        assert self.memory.facts(scope, query) == self.sqlite.facts(scope, query)
        assert self.memory.fact_log(scope, self.fact_ids[::2]) == self.sqlite.fact_log(scope, self.fact_ids[::2])

    @precondition(lambda self: self.known)
    @rule(scope=scopes, data=st.data(), series=st.sampled_from(["standing", "passage"]), then=st.booleans())
    def derive(self, scope: Scope, data: st.DataObject, series: str, then: bool) -> None:
        """Begin an artifact of some sources, and perhaps finish it now."""
        own = [id_ for id_, home in self.homes.items() if home == scope.partition] or self.known
        sources = data.draw(st.lists(st.sampled_from([*own, *self.fact_ids]), min_size=1, max_size=3, unique=True))
        made = artifact(*sources, id=f"ar_{data.draw(st.integers(0, 5))}", series=series)
        one, other = (store.begin_artifact(scope, made) for store in (self.memory, self.sqlite))
        assert one == other
        if then and one:
            self.finish_artifact(scope, data)

    @rule(scope=scopes, data=st.data())
    def finish_artifact(self, scope: Scope, data: st.DataObject) -> None:
        id_ = f"ar_{data.draw(st.integers(0, 5))}"
        status: ArtifactStatus = data.draw(st.sampled_from(["ready", "kept", "refused"]))
        done = []
        for store in (self.memory, self.sqlite):
            if any(each.id == id_ and each.status in HAVE_BYTES for each in store.artifacts(scope)):
                store.blobs.put(store.blob_name(scope, id_), five_bytes)
            done.append(store.finish_artifact(scope, artifact(id=id_, status=status, size=5)))
        assert done[0] == done[1]

    @rule(scope=scopes, number=st.integers(0, 5), what=st.sampled_from(["publish", "drop", "use"]))
    def handle_artifact(self, scope: Scope, number: int, what: str) -> None:
        id_ = f"ar_{number}"
        done: list[object] = []
        for store in (self.memory, self.sqlite):
            if what == "publish":
                done.append(store.publish_artifact(scope, id_))
            elif what == "drop":
                done.append(store.drop_artifacts(scope, [id_, id_]))
            else:
                done.append(store.note_use(scope, [id_], at=NOON))
        assert done[0] == done[1]

    @invariant()
    def artifacts_agree_and_have_sources_and_bytes(self) -> None:
        for scope in SCOPES:
            one, other = (store.artifacts(scope) for store in (self.memory, self.sqlite))
            assert one == other, scope
            present = {each.id for each in self.sqlite.by_ids(scope.partition, self.known)}
            holding = {fact.id for fact in self.sqlite.facts(scope.partition, FactQuery(statuses=MAY_BE_SOURCES))}
            for each in one:
                if each.status in ("ready", "kept"):
                    assert set(each.sources) <= present | holding
        for store in (self.memory, self.sqlite):
            wanted = {
                store.blob_name(home, each.id)
                for home, each in store.all_artifacts(["prefix"])
                if each.status in ("ready", "kept")
            }
            names = set(store.blobs.names())
            assert wanted <= names
            making = {store.blob_name(home, each.id) for home, each in store.all_artifacts(["prefix"])}
            assert names <= making

    @rule(scope=scopes)
    def hand_over(self, scope: Scope) -> None:
        one, other = (copy_out(store, scope) for store in (self.memory, self.sqlite))
        assert one == other
        self.copies.append((scope.partition, *one))

    @precondition(lambda self: self.copies)
    @rule(data=st.data(), other=st.sampled_from(["", "x", "y"]), scope=scopes)
    def take_in(self, data: st.DataObject, other: str, scope: Scope) -> None:
        home, kept, log = data.draw(st.sampled_from(self.copies))
        target = scope.partition if other else home
        into = "" if target == home else f"{other}{SCOPES.index(scope)}"
        episodes = [each for each in restored(kept, into=into) if target.run_id is None or each.new.run_id == "r1"]
        self.receipts += 1
        episodes = [replace(each, spare_id=f"{each.spare_id}_{self.receipts}") for each in episodes]
        done: list[object] = []
        for store in (self.memory, self.sqlite):
            try:
                done.append(take_in(store, target, episodes, log.changes, read=log.read))
            except Conflict:
                done.append(None)
        assert done[0] == done[1]
        mine, theirs = (copy_out(store, target) for store in (self.memory, self.sqlite))
        assert mine == theirs
        self.known += [each.episode.id for each in mine[0] if each.episode.id not in self.homes]
        self.homes |= {each.episode.id: target for each in mine[0]}

    @rule(limit=st.integers(1, 5))
    def embed(self, limit: int) -> None:
        for store in (self.memory, self.sqlite):
            job = store.claim([self.space], owner="w", at=NOON, lease=timedelta(minutes=1), scope=None)
            if job is None:
                continue
            missing = store.missing_vectors(job.scope_key, self.space, limit=limit)
            if missing:
                vectors = np.stack([embedded(row.text) for row in missing])
                rows, redactions = [row.row for row in missing], [row.redactions for row in missing]
                told = [vectors[: len(row.text) % 3] for row in missing]
                store.put_vectors(job.scope_key, self.space, rows, vectors, redactions=redactions, sentences=told)
                store.release(job, owner="w")
            else:
                store.drop_other_spaces(job.scope_key, self.space)
                store.finish(job, owner="w")

    @rule(space=st.sampled_from(["one/4", "two/4"]))
    def change_space(self, space: str) -> None:
        self.space = space
        for store in (self.memory, self.sqlite):
            store.use_space(space, queue=space, at=NOON)

    @rule(limit=st.integers(1, 5), after=st.integers(-1, 3))
    def weigh(self, limit: int, after: int) -> None:
        for store in (self.memory, self.sqlite):
            job = store.claim([self.weigher], owner="w", at=NOON, lease=timedelta(minutes=1), scope=None)
            if job is None:
                continue
            turns = store.session_to_weigh(job.scope_key, after=after)
            assert not turns or any(each.row > after and not each.weighed for each in turns)
            some = [each for each in turns if not each.weighed][:limit]
            nats = [len(each.turn.text) + len(each.turn.speaker) / 4 for each in some]
            redactions = [each.redactions for each in some]
            store.put_surprises(job.scope_key, self.weigher, [each.row for each in some], nats, redactions=redactions)
            if some:
                store.release(job, owner="w")
            else:
                store.finish(job, owner="w")

    @rule(model=st.sampled_from(["w1", "w2"]))
    def change_weigher(self, model: str) -> None:
        self.weigher = model
        for store in (self.memory, self.sqlite):
            store.use_salience(model, queue=model, at=NOON)

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

    @invariant()
    def facts_agree_and_are_their_log_folded(self) -> None:
        for scope in SCOPES:
            one, other = (store.facts(scope, FactQuery()) for store in (self.memory, self.sqlite))
            logs = [store.fact_log(scope) for store in (self.memory, self.sqlite)]
            assert one == other, scope
            assert logs[0] == logs[1], scope
            assert list(fold(logs[0]).values()) == one, scope
            assert self.memory.last_change(scope) == self.sqlite.last_change(scope)
            unread = [store.unextracted(scope, extractor="e", limit=9) for store in (self.memory, self.sqlite)]
            assert unread[0] == unread[1], scope

    @invariant()
    def claims_rest_on_what_is_there(self) -> None:
        for scope in SCOPES:
            behind = episodes_behind(self.sqlite.fact_log(scope.partition))
            assert len(self.sqlite.by_ids(scope.partition, sorted(behind))) == len(behind)

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
