"""The contract of surprises: what a store keeps of them, and when they go. Subclass it beside `StoreContract`."""

from __future__ import annotations

import numpy as np
import pytest

from memstrata.core.candidates import Floats, Probe
from memstrata.core.lexical import query_terms
from memstrata.core.surprise import Turn
from memstrata.ports import Store
from memstrata.testing.episodes import ANN, BEN, NOON, chat
from memstrata.testing.erasure_contract import redaction
from memstrata.testing.store_contract import LEASE, add
from memstrata.types import Scope

WEIGHING = "salience/one"


def scope_key(store: Store, scope: Scope = ANN, *, queue: str = WEIGHING) -> int:
    """The key of a scope, from its waiting job."""
    job = store.claim([queue], owner="w", at=NOON, lease=LEASE, scope=scope)
    assert job is not None
    store.release(job, owner="w")
    return job.scope_key


def surprises(store: Store, query: str = "tea") -> Floats:
    """Those of the episodes that a question finds."""
    return store.candidates(ANN, Probe(terms=query_terms(query))).surprise


class SalienceContract:
    """What is kept of how surprising episodes are."""

    def test_a_session_is_weighed_as_far_as_it_is_not_and_its_values_are_found(self, store: Store) -> None:
        add(store, chat("tea one", "tea two", "tea three", names=["Ann", None]))
        add(store, "ben's tea", scope=BEN)
        store.use_salience("one", queue=WEIGHING, at=NOON)
        key = scope_key(store)
        assert np.isnan(surprises(store)).all()
        turns = store.session_to_weigh(key, after=-1)
        assert [each.turn for each in turns] == [
            Turn(speaker="Ann", text="tea one"),
            Turn(speaker="user", text="tea two"),
            Turn(speaker="Ann", text="tea three"),
        ]
        for _ in range(2):
            store.put_surprises(key, "one", [0, 2, 999], [3.5, 4.5, 1.0], redactions=[0, 0, 0])
        store.put_surprises(key, "one", [0], [99.0], redactions=[0])
        np.testing.assert_array_equal(surprises(store), [3.5, np.nan, 4.5])
        assert [each.weighed for each in store.session_to_weigh(key, after=-1)] == [True, False, True]
        assert store.session_to_weigh(key, after=1) == []
        assert (store.counts(ANN, space=None).weighed, store.counts(BEN, space=None).weighed) == (2, 0)

    def test_sessions_come_one_by_one(self, store: Store) -> None:
        for text, run in (("tea", "a"), ("coffee", "b"), ("milk", "a")):
            add(store, chat(f"{text} one", f"{text} two"), scope=Scope(user_id="ann", run_id=run))
        store.use_salience("one", queue=WEIGHING, at=NOON)
        key = scope_key(store)
        assert [each.row for each in store.session_to_weigh(key, after=-1)] == [0, 1, 4, 5]
        store.put_surprises(key, "one", [0, 1], [1, 2], redactions=[0, 0])
        assert [each.row for each in store.session_to_weigh(key, after=1)] == [2, 3]
        store.put_surprises(key, "one", [2, 3, 4, 5], [1, 2, 3, 4], redactions=[0] * 4)
        assert store.session_to_weigh(key, after=3) == []

    def test_another_model_begins_anew(self, store: Store) -> None:
        add(store, chat("tea one", "tea two"))
        store.use_salience("one", queue=WEIGHING, at=NOON)
        key = scope_key(store)
        store.put_surprises(key, "one", [0, 1], [3, 4], redactions=[0, 0])
        store.use_salience("one", queue=WEIGHING, at=NOON)
        assert surprises(store).tolist() == [3, 4]
        store.use_salience("two", queue="salience/two", at=NOON)
        assert np.isnan(surprises(store)).all()
        assert scope_key(store, queue="salience/two") == key
        store.put_surprises(key, "one", [0], [3], redactions=[0])
        store.put_surprises(key, "two", [1], [7], redactions=[0])
        np.testing.assert_array_equal(surprises(store), [np.nan, 7])

    @pytest.mark.parametrize("weighed_before", [True, False])
    def test_a_redacted_turn_loses_its_surprise_and_gets_none_of_the_old_text(
        self, store: Store, weighed_before: bool
    ) -> None:
        first, _ = add(store, chat("tea with marzipan", "tea two"))
        store.use_salience("one", queue=WEIGHING, at=NOON)
        key = scope_key(store)
        if weighed_before:
            store.put_surprises(key, "one", [0, 1], [3, 4], redactions=[0, 0])
        store.redact(ANN, [redaction(first.id, (9, 17))], receipt_id="fg", at=NOON)
        store.put_surprises(key, "one", [0, 1], [3, 4], redactions=[0, 0])
        np.testing.assert_array_equal(surprises(store), [np.nan, 4])
        (turn,) = [each for each in store.session_to_weigh(key, after=-1) if not each.weighed]
        assert (turn.row, turn.redactions) == (0, 1)
        store.put_surprises(key, "one", [0], [2], redactions=[1])
        assert surprises(store).tolist() == [2, 4]

    def test_what_is_forgotten_has_no_surprise(self, store: Store) -> None:
        ids = [each.id for each in add(store, chat("tea one", "tea two", "tea three"))]
        store.use_salience("one", queue=WEIGHING, at=NOON)
        key = scope_key(store)
        store.put_surprises(key, "one", [0, 1], [3, 4], redactions=[0, 0])
        assert len(surprises(store)) == 3
        store.forget(ANN, ids=[ids[0]], receipt_id="fg", at=NOON)
        store.put_surprises(key, "one", [0, 2], [3, 5], redactions=[0, 0])
        assert surprises(store).tolist() == [4, 5]
        assert store.counts(ANN, space=None).weighed == 2
