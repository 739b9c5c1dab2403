"""The contract that every `Store` keeps. Subclass `StoreContract` and give it a `store` fixture.

class TestMyStore(StoreContract):
    @pytest.fixture
    def store(self) -> Iterator[Store]: ...
"""

from __future__ import annotations

from collections.abc import Sequence
from datetime import timedelta

import numpy as np
import pytest

from memstrata.core.candidates import WINDOWS, Floats, Pool, Probe, View
from memstrata.core.filters import parse_filter
from memstrata.core.lexical import query_terms
from memstrata.core.records import Appended, NewJob
from memstrata.errors import Closed, Conflict, InvalidInput
from memstrata.ports import Store
from memstrata.testing.episodes import ANN, BEN, NOON, chat, new_episodes
from memstrata.types import Message, Scope

SPACE = "test/8"
QUEUE = "embed/test"
MINUTE = timedelta(minutes=1)
LEASE = timedelta(seconds=60)


def unit(*values: float) -> Floats:
    """A vector of eight dimensions and unit length."""
    vector = np.zeros(8, dtype=np.float32)
    vector[: len(values)] = values
    return vector / np.linalg.norm(vector)


def add(store: Store, messages: Sequence[Message] | str, *, scope: Scope = ANN) -> list[Appended]:
    """Append messages said and recorded at noon, with a job."""
    episodes = new_episodes(messages, scope=scope)
    return store.append(scope, episodes, recorded_at=NOON, jobs=[NewJob(queue=QUEUE)])


def find(store: Store, query: str, *, scope: Scope = ANN, view: View | None = None) -> list[str]:
    """Texts of a question's pool that hold its words themselves, in order of rows."""
    pool = store.candidates(scope, Probe(terms=query_terms(query), view=view or View()))
    rows = pool.rows[pool.bm25[:, WINDOWS.index("turn")] > 0]
    return [episode.text for _, episode in store.by_rows(scope, rows.tolist())]


class StoreContract:
    """What holds for every store."""

    def test_what_was_appended_is_read_back_exactly(self, store: Store) -> None:
        message = Message(
            content="I moved to Ghent\0 last week. 我搬家了 🎉",
            role="assistant",
            name="Mélanie",
            timestamp=NOON.astimezone() - MINUTE,
            metadata={"tags": ["a", 1, None, True], "深": {"x": 1.5}},
            id="m-1",
        )
        (appended,) = add(store, [message])
        (episode,) = store.by_ids(ANN, [appended.id])
        assert appended.added
        assert (episode.text, episode.role, episode.name) == (message.content, "assistant", "Mélanie")
        assert episode.timestamp == message.timestamp
        assert episode.timestamp.utcoffset() == message.timestamp.utcoffset() if message.timestamp else False
        assert episode.recorded_at == NOON
        assert dict(episode.metadata) == message.metadata
        assert (episode.message_id, episode.run_id, episode.scope) == ("m-1", None, ANN)

    def test_the_same_again_adds_nothing(self, store: Store) -> None:
        first = add(store, chat("ok", "ok", "fine"))
        again = add(store, chat("ok", "ok", "fine"))
        assert [each.added for each in first] == [True, True, True]
        assert [each.added for each in again] == [False, False, False]
        assert [each.id for each in again] == [each.id for each in first]
        assert store.counts(ANN, space=None).episodes == 3

    def test_a_message_id_with_another_text_is_a_conflict_and_adds_nothing(self, store: Store) -> None:
        add(store, [Message(content="one", id="x")])
        with pytest.raises(Conflict):
            add(store, [Message(content="zero", id="w"), Message(content="two", id="x")])
        assert store.counts(ANN, space=None).episodes == 1

    def test_scopes_never_see_each_other(self, store: Store) -> None:
        (mine,) = add(store, "the secret garden", scope=ANN)
        add(store, "the secret kitchen", scope=BEN)
        other = Scope(user_id="ann", agent_id="bot")
        assert find(store, "secret", scope=BEN) == ["the secret kitchen"]
        assert find(store, "secret", scope=other) == []
        assert store.by_ids(BEN, [mine.id]) == []
        assert store.list_episodes(other, View(), limit=9, cursor=None).episodes == ()
        assert store.forget(BEN, ids=[mine.id], receipt_id="r1", at=NOON).episode_ids == ()
        assert store.counts(ANN, space=None).episodes == 1

    def test_statistics_are_those_of_the_scope_alone(self, store: Store) -> None:
        add(store, chat("tea in the garden", "coffee"))
        before = store.candidates(ANN, Probe(terms=query_terms("tea garden")))
        add(store, chat(*[f"tea number {n}" for n in range(30)]), scope=BEN)
        after = store.candidates(ANN, Probe(terms=query_terms("tea garden")))
        assert_same_pool(before, after)

    def test_a_run_narrows_and_a_run_alone_is_a_memory_of_its_own(self, store: Store) -> None:
        one, two, alone = Scope(user_id="ann", run_id="1"), Scope(user_id="ann", run_id="2"), Scope(run_id="1")
        add(store, "apples in run one", scope=one)
        add(store, "apples in run two", scope=two)
        add(store, "apples alone", scope=alone)
        assert find(store, "apples", scope=one) == ["apples in run one"]
        assert find(store, "apples", scope=ANN) == ["apples in run one", "apples in run two"]
        assert find(store, "apples", scope=alone) == ["apples alone"]
        assert store.counts(one, space=None).episodes == 1
        assert store.counts(ANN, space=None).runs == 2

    def test_views_by_both_clocks_and_by_filter(self, store: Store) -> None:
        add(store, chat("pear one", "pear two", "pear three", names=["Ann", "Ben"]))
        late = new_episodes(chat("pear four", start=NOON))
        store.append(ANN, late, recorded_at=NOON + MINUTE, jobs=[])
        noon = int(NOON.timestamp() * 1e6)
        assert find(store, "pear", view=View(said_until=noon + 60_000_000)) == ["pear one", "pear two", "pear four"]
        assert find(store, "pear", view=View(recorded_until=noon)) == ["pear one", "pear two", "pear three"]
        named = View(filter=parse_filter({"name": "Ann"}))
        assert find(store, "pear", view=named) == ["pear one", "pear three"]
        not_named = View(filter=parse_filter({"NOT": {"name": {"in": ["Ann", "Ben"]}}}))
        assert find(store, "pear", view=not_named) == ["pear four"]

    def test_metadata_filters(self, store: Store) -> None:
        add(store, [Message(content=f"plum {n}", metadata={"n": n, "even": n % 2 == 0}) for n in range(4)])
        assert find(store, "plum", view=View(filter=parse_filter({"n": {"gte": 2}}))) == ["plum 2", "plum 3"]
        assert find(store, "plum", view=View(filter=parse_filter({"even": True}))) == ["plum 0", "plum 2"]
        assert find(store, "plum", view=View(filter=parse_filter({"n": True}))) == []
        assert find(store, "plum", view=View(filter=parse_filter({"metadata.n": {"in": [1, 7]}}))) == ["plum 1"]

    def test_pages_newest_first_without_gap_or_repeat(self, store: Store) -> None:
        add(store, chat(*[f"turn {n}" for n in range(7)]))
        seen: list[str] = []
        cursor = None
        for _ in range(9):
            page = store.list_episodes(ANN, View(), limit=3, cursor=cursor)
            seen += [episode.text for episode in page.episodes]
            cursor = page.next
            if cursor is None:
                break
        assert seen == [f"turn {n}" for n in reversed(range(7))]
        with pytest.raises(InvalidInput):
            store.list_episodes(ANN, View(), limit=3, cursor="not a cursor")

    def test_vectors_are_found_kept_once_and_counted_by_space(self, store: Store) -> None:
        store.use_space(SPACE, queue=QUEUE, at=NOON)
        add(store, chat("red", "green", "blue"))
        job = store.claim([QUEUE], owner="w", at=NOON, lease=LEASE, scope=ANN)
        assert job is not None
        missing = store.missing_vectors(job.scope_key, SPACE, limit=2)
        assert [row.text for row in missing] == ["red", "green"]
        rows = [row.row for row in store.missing_vectors(job.scope_key, SPACE, limit=9)]
        vectors = np.stack([unit(1, 0, 0), unit(0, 1, 0), unit(0, 0, 1)])
        store.put_vectors(job.scope_key, SPACE, rows, vectors)
        store.put_vectors(job.scope_key, SPACE, [*rows, 999], np.stack([*vectors, unit(1)]))
        assert store.missing_vectors(job.scope_key, SPACE, limit=9) == []
        assert store.counts(ANN, space=SPACE).vectors == 3
        assert store.counts(ANN, space="other").vectors == 0
        pool = store.candidates(ANN, Probe(terms=(), vector=unit(0, 1, 0.2), space=SPACE, per_leg=1))
        assert [each.text for _, each in store.by_rows(ANN, pool.rows.tolist())] == ["green"]
        assert pool.cosine[0] == pytest.approx(0.9806, abs=1e-2)
        assert pool.cosine_next[0] == pytest.approx(0.1961, abs=1e-2)

    def test_the_best_of_a_rows_sentences_counts(self, store: Store) -> None:
        store.use_space(SPACE, queue=QUEUE, at=NOON)
        add(store, chat("red", "green", "blue"))
        job = store.claim([QUEUE], owner="w", at=NOON, lease=LEASE, scope=ANN)
        assert job is not None
        assert store.candidates(ANN, Probe(terms=(), vector=unit(1), space=SPACE)).rows.tolist() == []
        told = [np.stack([unit(0, 1), unit(1, 1)]), np.empty((0, 8), np.float32), unit(0, 1)[None]]
        for _ in range(2):
            turns = np.stack([unit(1), unit(1), unit(1)])
            store.put_vectors(job.scope_key, SPACE, [0, 1, 2], turns, sentences=told)
        pool = store.candidates(ANN, Probe(terms=(), vector=unit(1), space=SPACE))
        np.testing.assert_allclose(pool.cosine_sentence, [0.7071, np.nan, 0], atol=1e-2)
        (gone,) = (episode.id for _, episode in store.by_rows(ANN, [0]))
        store.forget(ANN, ids=[gone], receipt_id="r", at=NOON)
        pool = store.candidates(ANN, Probe(terms=(), vector=unit(0, 1), space=SPACE))
        np.testing.assert_allclose(pool.cosine_sentence, [np.nan, 1], atol=1e-2)

    def test_rows_are_linked_by_the_rare_words_that_they_share(self, store: Store) -> None:
        often = [f"we talked again about the weather, {n} times" for n in range(20)]
        add(store, chat("a heron by the canal", "the heron came back", "the canal froze", "heron, canal", *often))
        rows = np.arange(24)
        links = store.links(ANN, [0, 23, 999], rows)
        assert links.shape == (3, 24)
        assert links[0, [0, 3]].tolist() == pytest.approx([1, 1])
        assert 0.3 < links[0, 1] < 0.7
        assert 0.3 < links[0, 2] < 0.7
        assert links[0, 4:].max() == links[2].max() == 0
        assert store.links(BEN, [0], rows).max() == 0

    def test_a_new_space_asks_for_new_vectors_and_the_old_ones_stay_until_it_is_complete(self, store: Store) -> None:
        store.use_space(SPACE, queue=QUEUE, at=NOON)
        add(store, "red")
        job = store.claim([QUEUE], owner="w", at=NOON, lease=LEASE, scope=None)
        assert job is not None
        store.put_vectors(job.scope_key, SPACE, [0], unit(1)[None])
        assert store.finish(job, owner="w")
        store.use_space("new/8", queue="embed/new", at=NOON)
        assert store.counts(ANN, space=SPACE).vectors == 1
        job = store.claim(["embed/new"], owner="w", at=NOON, lease=LEASE, scope=None)
        assert job is not None
        store.drop_other_spaces(job.scope_key, "new/8")
        assert store.counts(ANN, space=SPACE).vectors == 1
        store.put_vectors(job.scope_key, "new/8", [0], unit(0, 1)[None])
        store.drop_other_spaces(job.scope_key, "new/8")
        assert store.counts(ANN, space=SPACE).vectors == 0
        assert store.counts(ANN, space="new/8").vectors == 1

    def test_what_is_forgotten_is_gone_from_every_read(self, store: Store) -> None:
        store.use_space(SPACE, queue=QUEUE, at=NOON)
        ids = [each.id for each in add(store, chat("keep tea", "lose tea", "keep coffee", names=["Ann"]))]
        key = store.claim([QUEUE], owner="w", at=NOON, lease=LEASE, scope=ANN)
        assert key is not None
        store.put_vectors(key.scope_key, SPACE, [0, 1, 2], np.stack([unit(1), unit(1, 0.1), unit(0, 1)]))
        assert find(store, "tea") == ["keep tea", "lose tea"]
        done = store.forget(ANN, ids=[ids[1], "ep_unknown"], receipt_id="r", at=NOON)
        assert done.episode_ids == (ids[1],)
        assert find(store, "tea") == ["keep tea"]
        assert find(store, "lose") == []
        pool = store.candidates(ANN, Probe(terms=(), vector=unit(1), space=SPACE))
        assert pool.rows.tolist() == [0, 2]
        assert pool.population == 2
        assert store.by_ids(ANN, ids) == [*store.by_ids(ANN, [ids[0]]), *store.by_ids(ANN, [ids[2]])]
        assert store.counts(ANN, space=SPACE).forgotten == 1
        again = add(store, chat("x", "lose tea", names=["Ann"])[1:])
        assert again[0].added

    def test_forgetting_a_run_and_everything(self, store: Store) -> None:
        add(store, "one", scope=Scope(user_id="ann", run_id="1"))
        add(store, "two", scope=Scope(user_id="ann", run_id="2"))
        add(store, "ben", scope=BEN)
        gone = store.forget(Scope(user_id="ann", run_id="1"), ids=None, receipt_id="r1", at=NOON)
        assert len(gone.episode_ids) == 1
        assert store.counts(ANN, space=None).episodes == 1
        assert len(store.forget(ANN, ids=None, receipt_id="r2", at=NOON).episode_ids) == 1
        assert store.counts(ANN, space=None).episodes == 0
        assert store.counts(BEN, space=None).episodes == 1
        assert store.forget(Scope(user_id="new"), ids=None, receipt_id="r3", at=NOON).episode_ids == ()

    def test_a_write_and_its_job_come_together_and_once(self, store: Store) -> None:
        add(store, "one")
        add(store, "two")
        add(store, "one")
        assert store.job_counts([QUEUE], scope=ANN).pending == 1
        assert store.job_counts([QUEUE], scope=BEN).pending == 0

    def test_leases_retries_and_dead_letters(self, store: Store) -> None:
        add(store, "one")
        first = store.claim([QUEUE], owner="a", at=NOON, lease=LEASE, scope=None)
        assert first is not None
        assert first.attempts == 1
        assert store.claim([QUEUE], owner="b", at=NOON + MINUTE / 2, lease=LEASE, scope=None) is None
        assert store.extend(first, owner="a", until=NOON + 3 * MINUTE)
        assert store.claim([QUEUE], owner="b", at=NOON + 2 * MINUTE, lease=LEASE, scope=None) is None
        second = store.claim([QUEUE], owner="b", at=NOON + 3 * MINUTE, lease=LEASE, scope=None)
        assert second is not None
        assert second.attempts == 2
        assert not store.finish(first, owner="a")
        assert not store.extend(first, owner="a", until=NOON)
        assert store.fail(second, owner="b", error="ValueError", retry_at=NOON + 5 * MINUTE)
        assert store.claim([QUEUE], owner="b", at=NOON + 4 * MINUTE, lease=LEASE, scope=None) is None
        third = store.claim([QUEUE], owner="b", at=NOON + 5 * MINUTE, lease=LEASE, scope=None)
        assert third is not None
        assert third.attempts == 3
        assert store.release(third, owner="b")
        fourth = store.claim([QUEUE], owner="c", at=NOON + 5 * MINUTE, lease=LEASE, scope=ANN)
        assert fourth is not None
        assert fourth.attempts == 3
        assert store.fail(fourth, owner="c", error="ValueError", retry_at=None)
        assert store.job_counts(None, scope=None).dead == 1
        assert store.retry_dead(at=NOON) == 1
        revived = store.claim([QUEUE], owner="c", at=NOON, lease=LEASE, scope=None)
        assert revived is not None
        assert revived.attempts == 1
        assert store.finish(revived, owner="c")
        assert store.job_counts(None, scope=None) == type(store.job_counts(None, scope=None))()

    def test_work_that_arrives_while_its_job_runs_gets_a_job_of_its_own(self, store: Store) -> None:
        add(store, "one")
        running = store.claim([QUEUE], owner="a", at=NOON, lease=LEASE, scope=None)
        assert running is not None
        add(store, "two")
        counts = store.job_counts([QUEUE], scope=ANN)
        assert (counts.pending, counts.running) == (1, 1)
        assert store.claim([QUEUE], owner="b", at=NOON, lease=LEASE, scope=None) is None, "one at a time"
        assert store.fail(running, owner="a", error="E", retry_at=NOON)
        assert store.job_counts([QUEUE], scope=ANN).pending == 1
        assert store.job_counts([QUEUE], scope=ANN).running == 0

    def test_a_closed_store_says_so(self, store: Store) -> None:
        store.close()
        store.close()
        with pytest.raises(Closed):
            add(store, "late")
        with pytest.raises(Closed):
            store.counts(ANN, space=None)


def assert_same_pool(one: Pool, other: Pool) -> None:
    """Two pools agree in every column."""
    assert one.rows.tolist() == other.rows.tolist()
    for column in ("bm25", "coverage"):
        np.testing.assert_allclose(getattr(one, column), getattr(other, column), atol=2e-4, rtol=1e-3)
    for column in ("cosine", "cosine_sentence", "cosine_previous", "cosine_next", "cosine_session"):
        np.testing.assert_allclose(getattr(one, column), getattr(other, column), atol=1.2e-2)
    for column in (
        "timestamps",
        "offsets",
        "sessions",
        "positions",
        "roles",
        "words",
        "proper_nouns",
        "time_expression",
        "surprise",
    ):
        np.testing.assert_array_equal(getattr(one, column), getattr(other, column))
    for column in ("question_share", "address_share", "previous_question_share"):
        np.testing.assert_allclose(getattr(one, column), getattr(other, column), atol=1e-3)
    assert (one.population, one.with_vector) == (other.population, other.with_vector)
    assert [one.names[s] if s >= 0 else None for s in one.speakers] == [
        other.names[s] if s >= 0 else None for s in other.speakers
    ]
    counts = [dict(zip(pool.names, pool.name_counts, strict=True)) for pool in (one, other)]
    assert {k: v for k, v in counts[0].items() if v} == {k: v for k, v in counts[1].items() if v}
    assert one.role_counts == other.role_counts
