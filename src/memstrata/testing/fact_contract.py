"""The contract that every `FactStore` keeps. Subclass it beside `StoreContract`; it asks for the same fixture."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta, timezone

import pytest

from memstrata.core.facts.erasing import Redaction
from memstrata.core.facts.log import NewChange, fold
from memstrata.core.records import Extracted, FactQuery, Spent
from memstrata.errors import InvalidInput, LogMoved, NotFound
from memstrata.ports import Store
from memstrata.testing.episodes import ANN, BEN, NOON, chat
from memstrata.testing.facts import asserted, change, claim, closed, source, supported, undone
from memstrata.testing.store_contract import LEASE, QUEUE, add
from memstrata.types import Change, Claim, Scope

ALL = FactQuery()
EXTRACTOR = "rules/1"


def write(store: Store, *changes: NewChange, scope: Scope = ANN) -> list[Change]:
    """Write changes whatever came before."""
    return store.change_facts(scope, changes, expected=None)


def ids_of(store: Store, scope: Scope = ANN, wanted: FactQuery = ALL) -> list[str]:
    """Ids of the facts that are wanted."""
    return [fact.id for fact in store.facts(scope, wanted)]


def said(store: Store, *texts: str, scope: Scope = ANN) -> list[str]:
    """Ids of episodes."""
    return [each.id for each in add(store, chat(*texts), scope=scope)]


class FactContract:
    """What holds for the facts of every store."""

    def test_a_fact_and_its_log_are_read_back_exactly(self, store: Store) -> None:
        (episode,) = said(store, "I moved to 根特 🎉")
        moved = Claim(
            text="I moved to 根特 🎉",
            kind="residence",
            subject="user",
            speaker="Ann",
            trust="user",
            confidence=0.1 + 0.2,
            sources=(source(episode, 0, 9),),
            slot="residence",
            value="根特\0",
            negated=True,
            valid_from=NOON.astimezone(timezone(timedelta(hours=9))),
            valid_to=NOON + timedelta(days=1),
            event_from=NOON - timedelta(microseconds=1),
            event_to=NOON,
            precision="minute",
            entities=("根特", "Ghent"),
            cues=("now",),
        )
        written = write(store, asserted("fa", moved), change("pinned", "fa"))
        (fact,) = store.facts(ANN, ALL)
        assert (fact.id, fact.claim, fact.status, fact.pinned) == ("fa", moved, "active", True)
        assert fact.valid_from is not None
        assert fact.valid_from.utcoffset() == timedelta(hours=9)
        assert (fact.said_at, fact.recorded_at, fact.retired_at) == (NOON, NOON, None)
        assert [each.number for each in written] == [1, 2]
        assert store.fact_log(ANN) == written == store.fact_log(ANN, ["fa"])
        assert list(fold(written).values()) == [fact]
        assert store.change(ANN, written[1].id) == written[1]
        assert store.change(ANN, "ch_unknown") is None
        assert store.last_change(ANN) == 2

    def test_a_known_change_is_passed_over(self, store: Store) -> None:
        (episode,) = said(store, "tea")
        begun = asserted("fa", claim("tea", source(episode)))
        assert len(write(store, begun, begun, change("muted", "fa"))) == 2
        assert write(store, replace(begun, fact_id="fb"), change("muted", "fa")) == []
        assert store.last_change(ANN) == 2
        assert ids_of(store) == ["fa"]

    def test_a_log_that_moved_is_not_written_to(self, store: Store) -> None:
        (episode,) = said(store, "tea")
        begun = asserted("fa", claim("tea", source(episode)))
        assert store.change_facts(ANN, [begun], expected=0)
        mark = Extracted(through=0, extractor=EXTRACTOR)
        with pytest.raises(LogMoved):
            store.change_facts(ANN, [change("pinned", "fa")], expected=0, extracted=mark)
        assert not store.facts(ANN, ALL)[0].pinned
        assert len(store.unextracted(ANN, extractor=EXTRACTOR, limit=9)) == 1
        assert store.change_facts(ANN, [change("pinned", "fa")], expected=1)
        with pytest.raises(LogMoved):
            store.change_facts(Scope(user_id="nobody"), [], expected=1)

    def test_what_was_decided_before_an_erasure_is_decided_again(self, store: Store) -> None:
        episode, other, third = said(store, "tea", "milk", "rum")
        write(store, asserted("fa", claim("tea", source(episode))))
        before = store.last_change(ANN)
        store.forget(ANN, ids=[episode], receipt_id="fg_1", at=NOON)
        with pytest.raises(LogMoved):
            store.change_facts(ANN, [supported("fa", claim("tea", source(other)))], expected=before)
        before = store.last_change(ANN)
        store.redact(ANN, [Redaction(episode_id=third, spans=((0, 3),))], receipt_id="fg_2", at=NOON)
        with pytest.raises(LogMoved):
            store.change_facts(ANN, [asserted("fb", claim("rum", source(third)))], expected=before)

    def test_a_claim_whose_words_were_forgotten_is_passed_over_with_what_it_caused(self, store: Store) -> None:
        kept, gone = said(store, "tea", "milk")
        write(store, asserted("fa", claim("tea", source(kept))))
        store.forget(ANN, ids=[gone], receipt_id="fg_1", at=NOON)
        (foreign,) = said(store, "theirs", scope=BEN)
        written = store.change_facts(
            ANN,
            [
                closed("fa", by="fb", cause="de_b"),
                asserted("fb", claim("milk", source(gone)), cause="de_b"),
                change("pinned", "fa", cause="de_c"),
                supported("fa", claim("milk", source(kept), source(gone)), id="ch_d"),
                asserted("fe", claim("theirs", source(foreign)), cause="de_e"),
            ],
            expected=None,
            extracted=Extracted(through=1, extractor=EXTRACTOR),
        )
        assert [each.cause for each in written] == ["de_c"]
        (fact,) = store.facts(ANN, ALL)
        assert (fact.status, fact.pinned) == ("active", True)
        assert store.unextracted(ANN, extractor=EXTRACTOR, limit=9) == []

    def test_a_change_of_no_fact_is_passed_over_and_a_claim_needs_words(self, store: Store) -> None:
        (episode,) = said(store, "tea")
        first = claim("tea", source(episode))
        assert write(store, change("pinned", "fx"), supported("fy", first)) == []
        assert write(store, asserted("fz", first), scope=Scope(user_id="nobody")) == []
        with pytest.raises(InvalidInput):
            write(store, asserted("fa", claim("from nowhere")))
        assert ids_of(store) == []

    def test_facts_by_every_condition(self, store: Store) -> None:
        episodes = said(store, "tea", "milk", "rum")
        write(
            store,
            asserted("fc", claim("tea", source(episodes[0]), subject="Éva", kind="habit")),
            asserted("fa", claim("milk", source(episodes[1]), slot="drink", kind="habit", entities=["Dr. Müller"])),
            asserted("fb", claim("rum", source(episodes[2]), source(episodes[0])), quarantined=True),
        )
        for wanted, ids in [
            (ALL, ["fc", "fa", "fb"]),
            (FactQuery(ids=["fb", "fc", "unknown"]), ["fc", "fb"]),
            (FactQuery(ids=[]), []),
            (FactQuery(rows=[0]), ["fc", "fb"]),
            (FactQuery(rows=[1, 99, 1 << 32]), ["fa"]),
            (FactQuery(rows=[]), []),
            (FactQuery(entities=["eva", "muller"]), ["fc", "fa"]),
            (FactQuery(entities=["user"]), ["fa", "fb"]),
            (FactQuery(kinds=["habit"]), ["fc", "fa"]),
            (FactQuery(kinds=[]), []),
            (FactQuery(slots=["drink", "food"]), ["fa"]),
            (FactQuery(statuses=["quarantined"]), ["fb"]),
            (FactQuery(rows=[0], statuses=["active"], entities=["eva"]), ["fc"]),
            (FactQuery(ids=["fa"], rows=[0]), []),
        ]:
            assert ids_of(store, wanted=wanted) == ids, wanted
        assert (store.counts(ANN, space=None).facts, store.counts(ANN, space=None).quarantined) == (2, 1)

    def test_long_lists_of_ids_and_rows(self, store: Store) -> None:
        episodes = said(store, *[f"word {n}" for n in range(1100)])
        write(store, *[asserted(f"fa_{n}", claim("word", source(id_))) for n, id_ in enumerate(episodes)])
        ids = [f"fa_{n}" for n in range(1100)]
        assert ids_of(store, wanted=FactQuery(ids=ids[::-1])) == ids
        assert ids_of(store, wanted=FactQuery(rows=range(1100))) == ids
        assert [each.fact_id for each in store.fact_log(ANN, ids[::-1])] == ids
        assert store.counts(ANN, space=None).facts == 1100

    def test_a_run_sees_the_facts_that_rest_on_it(self, store: Store) -> None:
        one, two = Scope(user_id="ann", run_id="1"), Scope(user_id="ann", run_id="2")
        (first,), (second,) = said(store, "tea", scope=one), said(store, "milk", scope=two)
        write(store, asserted("fa", claim("tea", source(first))), scope=one)
        write(store, asserted("fb", claim("milk", source(second))), scope=two)
        (support,) = write(store, supported("fb", claim("milk", source(first)), id="ch_s"))
        assert [ids_of(store, scope) for scope in (ANN, one, two)] == [["fa", "fb"], ["fa", "fb"], ["fb"]]
        assert ids_of(store, one, FactQuery(rows=[1])) == ["fb"]
        write(store, undone("fb", support.id))
        assert [ids_of(store, scope) for scope in (ANN, one, two)] == [["fa", "fb"], ["fa"], ["fb"]]
        assert {each.fact_id for each in store.fact_log(one)} == {"fa"}
        assert store.fact_log(one, ["fb"]) == []
        assert store.change(one, support.id) is None
        assert store.change(two, support.id) == support
        assert [store.counts(scope, space=None).facts for scope in (ANN, one, two)] == [2, 1, 1]
        assert store.last_change(one) == store.last_change(ANN) == 4
        assert store.unextracted(two, extractor=EXTRACTOR, limit=9) == store.by_rows(ANN, [1])
        assert ids_of(store, Scope(user_id="ann", run_id="3")) == []

    def test_scopes_never_share_facts(self, store: Store) -> None:
        (mine,), (theirs,) = said(store, "tea"), said(store, "milk", scope=BEN)
        write(store, asserted("fa", claim("tea", source(mine))))
        write(store, asserted("fa", claim("milk", source(theirs))), scope=BEN)
        write(store, closed("fa", by=None), scope=BEN)
        assert [fact.status for fact in store.facts(ANN, ALL)] == ["active"]
        assert [fact.text for fact in store.facts(BEN, FactQuery(ids=["fa"]))] == ["milk"]
        assert len(store.fact_log(ANN)) == store.last_change(ANN) == 1
        store.forget(BEN, ids=None, receipt_id="fg_1", at=NOON)
        assert (ids_of(store), ids_of(store, BEN)) == (["fa"], [])

    def test_what_is_undone_counts_as_if_it_had_not_been(self, store: Store) -> None:
        (episode,) = said(store, "tea")
        begun, shut = write(store, asserted("fa", claim("tea", source(episode))), closed("fa", by=None))
        (no,) = write(store, undone("fa", shut.id))
        assert [fact.status for fact in store.facts(ANN, ALL)] == ["active"]
        write(store, undone("fa", no.id))
        assert [fact.status for fact in store.facts(ANN, ALL)] == ["superseded"]
        write(store, undone("fa", begun.id))
        assert store.facts(ANN, ALL) == []
        assert len(store.fact_log(ANN)) == 5
        assert store.counts(ANN, space=None).facts == 0

    def test_each_extractor_reads_every_episode_once(self, store: Store) -> None:
        said(store, "one", "two", "three")
        assert [row for row, _ in store.unextracted(ANN, extractor=EXTRACTOR, limit=2)] == [0, 1]
        store.change_facts(ANN, [], expected=0, extracted=Extracted(through=1, extractor=EXTRACTOR))
        store.change_facts(ANN, [], expected=0, extracted=Extracted(through=0, extractor=EXTRACTOR))
        assert store.unextracted(ANN, extractor=EXTRACTOR, limit=9) == store.by_rows(ANN, [2])
        assert len(store.unextracted(ANN, extractor="rules/2", limit=9)) == 3
        assert store.unextracted(Scope(user_id="nobody"), extractor=EXTRACTOR, limit=9) == []

    def test_accounts_by_scope_and_day(self, store: Store) -> None:
        assert store.spent(ANN, day="2025-03-01") == Spent()
        store.spend(ANN, day="2025-03-01", spent=Spent(calls=1, tokens=20, micros=300))
        store.spend(ANN, day="2025-03-01", spent=Spent(calls=1, tokens=5))
        said(store, "tea")
        store.forget(ANN, ids=None, receipt_id="fg_1", at=NOON)
        assert store.spent(ANN, day="2025-03-01") == Spent(calls=2, tokens=25, micros=300)
        assert store.spent(ANN, day="2025-03-02") == store.spent(BEN, day="2025-03-01") == Spent()

    def test_a_job_names_its_scope(self, store: Store) -> None:
        for scope in (ANN, Scope(run_id="1"), Scope(user_id="ann", agent_id="bot", app_id="app", run_id="1")):
            said(store, "tea", scope=scope)
            job = store.claim([QUEUE], owner="w", at=NOON, lease=LEASE, scope=scope)
            assert job is not None
            assert store.scope_of(job.scope_key) == scope.partition
        with pytest.raises(NotFound):
            store.scope_of(99)
