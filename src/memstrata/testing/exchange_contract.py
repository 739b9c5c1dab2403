"""The contract of handing a memory over and taking one in. Subclass it beside `StoreContract`."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace
from datetime import datetime, timedelta

import pytest

from memstrata.core.candidates import Probe, View
from memstrata.core.clock import day_in_words, microseconds, offset_minutes
from memstrata.core.facts.log import fold
from memstrata.core.features import episode_features
from memstrata.core.lexical import query_terms
from memstrata.core.records import (
    Extracted,
    FactQuery,
    KeptEpisode,
    KeptLog,
    NewEpisode,
    NewJob,
    Restored,
    RestoredEpisode,
)
from memstrata.errors import Conflict
from memstrata.ports import Store
from memstrata.testing.episodes import ANN, BEN, NOON, chat, new_episodes
from memstrata.testing.erasure_contract import redaction
from memstrata.testing.facts import asserted, change, claim, closed, source
from memstrata.types import Change, Message, Scope

HOUR = timedelta(hours=1)
QUEUE = "embed/test"
CARLA = Scope(user_id="carla")


def copy_out(store: Store, scope: Scope = ANN) -> tuple[list[KeptEpisode], KeptLog]:
    """A memory as the store hands it over."""
    episodes: list[KeptEpisode] = []
    return episodes, store.export(scope, episodes.append)


def restored(kept: Sequence[KeptEpisode], *, into: str = "") -> list[RestoredEpisode]:
    """What was handed over, as it is taken in; `into` makes digests those of another scope."""
    return [
        RestoredEpisode(
            new=NewEpisode(
                id=each.episode.id,
                digest=each.digest if not into else bytes(into, "utf-8") + each.digest,
                run_id=each.episode.run_id,
                role=each.episode.role,
                name=each.episode.name,
                text=each.episode.text,
                timestamp=microseconds(each.episode.timestamp),
                offset=offset_minutes(each.episode.timestamp),
                metadata=each.episode.metadata,
                message_id=each.episode.message_id,
                features=episode_features(
                    each.episode.text, name=each.episode.name, date=day_in_words(each.episode.timestamp)
                ),
            ),
            session=each.episode.session,
            recorded_at=each.episode.recorded_at,
            redactions=each.redactions,
            spare_id=f"ep_spare_{each.episode.id}",
        )
        for each in kept
    ]


def take_in(
    store: Store,
    scope: Scope,
    episodes: Sequence[RestoredEpisode],
    changes: Sequence[Change] = (),
    *,
    read: Mapping[str, str] | None = None,
    at: datetime = NOON + 5 * HOUR,
) -> Restored:
    """Restore with a job."""
    return store.restore(scope, episodes, changes, read=read or {}, at=at, jobs=[NewJob(queue=QUEUE)])


def fill(store: Store) -> list[str]:
    """Three turns of two runs, six hours apart, two of them behind facts; returns the ids."""
    turns = chat("tea is fine", "moved to Ghent", names=["Ann", None])
    one, two = new_episodes(turns, scope=replace(ANN, run_id="r1"))
    late = Message(content="back home", timestamp=NOON + 7 * HOUR, metadata={"n": 1}, id="m1")
    (three,) = new_episodes([late], scope=replace(ANN, run_id="r1"))
    store.append(replace(ANN, run_id="r1"), [one, two], recorded_at=NOON, jobs=[])
    store.append(replace(ANN, run_id="r1"), [three], recorded_at=NOON + HOUR, jobs=[])
    ids = [one.id, two.id, three.id]
    changes = [
        asserted("fa_tea", claim("likes tea", source(ids[0]), slot="drink"), cause="de_1"),
        asserted("fa_ghent", claim("lives in Ghent", source(ids[1]), entities=["Ghent"]), cause="de_2"),
        closed("fa_tea", by="fa_ghent", cause="de_2"),
    ]
    store.change_facts(ANN, changes, expected=None, extracted=Extracted(through=1, extractor="e"))
    return ids


class ExchangeContract:
    """Every `ExchangeStore` passes these tests."""

    def test_what_is_taken_in_is_as_it_was(self, store: Store) -> None:
        fill(store)
        kept, log = copy_out(store)
        facts = store.facts(ANN, FactQuery())
        ids = [each.episode.id for each in kept]
        assert log.read == {"e": ids[1]}
        store.forget(ANN, ids=None, receipt_id="fg", at=NOON)
        done = take_in(store, ANN, restored(kept), log.changes, read=log.read)
        assert (done.added, done.known, done.changes, done.passed_over) == (3, 0, 3, 0)
        again, relog = copy_out(store)
        sessions = {each.episode.id: each.episode.session for each in again}
        assert sessions[ids[0]] == sessions[ids[1]] != sessions[ids[2]]
        assert [replace(each, episode=replace(each.episode, session=0)) for each in again] == [
            replace(each, episode=replace(each.episode, session=0)) for each in kept
        ]
        assert [replace(each, number=0) for each in relog.changes] == [replace(each, number=0) for each in log.changes]
        assert store.facts(ANN, FactQuery()) == facts == list(fold(relog.changes).values())
        assert store.job_counts([QUEUE], scope=ANN).pending == 1
        assert [each.id for _, each in store.unextracted(ANN, extractor="e", limit=9)] == [ids[2]]
        pool = store.candidates(ANN, Probe(terms=query_terms("Ghent")))
        assert [each.id for _, each in store.by_rows(ANN, pool.rows.tolist())] == ids[:2]

    def test_taking_in_what_is_known_changes_nothing(self, store: Store) -> None:
        fill(store)
        kept, log = copy_out(store)
        done = take_in(store, ANN, restored(kept), log.changes, read=log.read)
        assert (done.added, done.known, done.changes, done.passed_over) == (0, 3, 0, 0)
        assert copy_out(store) == (kept, log)
        assert store.job_counts([QUEUE], scope=ANN).pending == 0
        assert take_in(store, CARLA, []) == Restored(added=0, known=0, changes=0, passed_over=0)

    def test_another_scope_of_the_same_store_gets_ids_of_its_own_and_claims_follow(self, store: Store) -> None:
        fill(store)
        kept, log = copy_out(store)
        take_in(store, BEN, restored(kept, into="b"), log.changes, read=log.read)
        theirs, relog = copy_out(store, BEN)
        assert {each.episode.id for each in theirs}.isdisjoint(each.episode.id for each in kept)
        assert [each.episode.text for each in theirs] == [each.episode.text for each in kept]
        for fact in store.facts(BEN, FactQuery()):
            assert store.by_ids(BEN, [each.episode_id for each in fact.sources])
        assert relog.read == {"e": theirs[1].episode.id}
        assert copy_out(store) == (kept, log)

    def test_a_merge_keeps_what_is_here_and_goes_on_in_its_sessions(self, store: Store) -> None:
        fill(store)
        kept, log = copy_out(store)
        store.forget(ANN, ids=[kept[1].episode.id], receipt_id="fg", at=NOON)
        store.append(ANN, new_episodes("something else"), recorded_at=NOON, jobs=[])
        done = take_in(store, ANN, restored(kept), log.changes, read=log.read)
        assert (done.added, done.known, done.changes) == (1, 2, 2)
        now, _ = copy_out(store)
        assert [each.episode.text for each in now] == ["tea is fine", "back home", "something else", "moved to Ghent"]
        assert now[3].episode.session == now[0].episode.session
        statuses = {fact.id: fact.status for fact in store.facts(ANN, FactQuery())}
        assert statuses == {"fa_tea": "superseded", "fa_ghent": "active"}
        unread = [each.text for _, each in store.unextracted(ANN, extractor="e", limit=9)]
        assert unread == ["back home", "something else", "moved to Ghent"], "it had not read all that was here"

    def test_words_erased_here_stay_erased_and_so_do_their_facts(self, store: Store) -> None:
        ids = fill(store)
        kept, log = copy_out(store)
        store.redact(ANN, [redaction(ids[1], (0, 5))], receipt_id="fg", at=NOON)
        take_in(store, ANN, restored(kept), log.changes)
        assert [each.text for each in store.by_ids(ANN, ids)][1] == "[forgotten] to Ghent"
        assert [fact.id for fact in store.facts(ANN, FactQuery())] == ["fa_tea"]

    def test_words_erased_there_and_whole_here_are_a_conflict(self, store: Store) -> None:
        ids = fill(store)
        before, _ = copy_out(store)
        store.redact(ANN, [redaction(ids[1], (9, 14))], receipt_id="fg", at=NOON)
        kept, log = copy_out(store)
        store.forget(ANN, ids=None, receipt_id="fg2", at=NOON)
        take_in(store, ANN, restored(before))
        with pytest.raises(Conflict, match="forget"):
            take_in(store, ANN, restored(kept), log.changes)
        assert [each.episode.text for each in copy_out(store)[0]] == [each.episode.text for each in before]

    def test_another_text_is_a_conflict_and_takes_nothing_in(self, store: Store) -> None:
        kept, _ = copy_out(store)
        assert kept == []
        fill(store)
        there = restored(copy_out(store)[0])
        store.forget(ANN, ids=[there[0].new.id], receipt_id="fg", at=NOON)
        bad = [*there[:2], replace(there[2], new=replace(there[2].new, text="other"))]
        with pytest.raises(Conflict):
            take_in(store, ANN, bad)
        assert store.counts(ANN, space=None).episodes == 2

    def test_a_later_wish_here_beats_an_earlier_one_from_there(self, store: Store) -> None:
        fill(store)
        kept, log = copy_out(store)

        def wishes(kind: str, at: datetime, cause: str) -> Change:
            new = change(kind, "fa_ghent", id=f"ch_{cause}", cause=cause)  # type: ignore[arg-type]
            return Change(
                id=new.id, number=9, fact_id=new.fact_id, kind=new.kind, cause=cause, at=at, actor="user", data={}
            )

        own = wishes("unpinned", NOON + 2 * HOUR, "us_own")
        take_in(store, ANN, restored(kept), [*log.changes, own])
        early, late = wishes("pinned", NOON + HOUR, "us_early"), wishes("muted", NOON + 3 * HOUR, "us_late")
        done = take_in(store, ANN, restored(kept), [*log.changes, early, late])
        assert (done.changes, done.passed_over) == (1, 1)
        (fact,) = store.facts(ANN, FactQuery(ids=["fa_ghent"]))
        assert (fact.pinned, fact.muted) == (False, True)

    def test_a_run_hands_over_the_facts_that_rest_on_it_alone(self, store: Store) -> None:
        ids = fill(store)
        (other,) = new_episodes("Ghent is fine", scope=replace(ANN, run_id="r2"))
        store.append(replace(ANN, run_id="r2"), [other], recorded_at=NOON, jobs=[])
        both = claim("fond of Ghent", source(ids[1]), source(other.id))
        store.change_facts(ANN, [asserted("fa_both", both), asserted("fa_two", claim("x", source(other.id)))],
                           expected=None)  # fmt: skip
        kept, log = copy_out(store, replace(ANN, run_id="r2"))
        assert [each.episode.id for each in kept] == [other.id]
        assert [each.fact_id for each in log.changes] == ["fa_two"]
        assert log.read == {}

    def test_what_follows_is_in_the_session_that_was_taken_in(self, store: Store) -> None:
        fill(store)
        kept, _ = copy_out(store)
        store.forget(ANN, ids=None, receipt_id="fg", at=NOON)
        take_in(store, ANN, restored(kept))
        run = replace(ANN, run_id="r1")
        more = new_episodes([Message(content="soon after", timestamp=NOON + 8 * HOUR)], scope=run)
        store.append(run, more, recorded_at=NOON, jobs=[])
        page = store.list_episodes(ANN, View(), limit=2, cursor=None).episodes
        assert page[0].session == page[1].session
