"""The contract of erasure, as far as it reaches beyond the episodes. Subclass it beside `StoreContract`."""

from __future__ import annotations

import numpy as np
import pytest

from memstrata.core.candidates import Probe
from memstrata.core.facts.erasing import MARK, Redaction
from memstrata.core.facts.log import fold
from memstrata.core.records import NewJob
from memstrata.errors import Conflict
from memstrata.ports import Store
from memstrata.testing.episodes import ANN, BEN, NOON
from memstrata.testing.fact_contract import ALL, ids_of, said, write
from memstrata.testing.facts import asserted, change, claim, closed, source, supported, undone
from memstrata.testing.store_contract import LEASE, QUEUE, SPACE, add, find, unit
from memstrata.types import Message, Scope


def redaction(episode_id: str, *spans: tuple[int, int]) -> Redaction:
    """Parts of an episode."""
    return Redaction(episode_id=episode_id, spans=spans)


class ErasureContract:
    """What an erasure takes with it, and what it leaves."""

    def test_a_fact_goes_with_its_words_and_what_it_did_is_as_if_it_had_not_been(self, store: Store) -> None:
        old, new, more = said(store, "Paris", "Ghent", "Paris again")
        begun, support, _, _, _ = write(
            store,
            asserted("fa", claim("Paris", source(old))),
            supported("fa", claim("Paris again", source(more, 0, 5))),
            asserted("fb", claim("Ghent", source(new))),
            closed("fa", by="fb"),
            change("disputed", "fa", {"by": "fb"}),
        )
        assert [fact.status for fact in store.facts(ANN, ALL)] == ["superseded", "active"]
        store.forget(ANN, ids=[new], receipt_id="fg_1", at=NOON)
        (fact,) = store.facts(ANN, ALL)
        assert (fact.id, fact.status, fact.valid_to, fact.superseded_by) == ("fa", "active", None, None)
        assert store.fact_log(ANN) == [begun, support]
        store.forget(ANN, ids=[old], receipt_id="fg_2", at=NOON)
        (fact,) = store.facts(ANN, ALL)
        assert (fact.text, fact.sources) == ("Paris again", (source(more, 0, 5),))
        (left,) = store.fact_log(ANN)
        assert (left.id, left.number, left.kind) == (support.id, begun.number, "asserted")
        assert list(fold([left]).values()) == [fact]
        assert store.change(ANN, begun.id) is None

    def test_words_that_only_an_undone_claim_held_go_too(self, store: Store) -> None:
        kept, gone = said(store, "tea", "green tea")
        begun, support = write(
            store, asserted("fa", claim("tea", source(kept))), supported("fa", claim("green tea", source(gone)))
        )
        write(store, undone("fa", support.id))
        (other,) = write(store, asserted("fb", claim("green tea", source(gone)), cause="de_x"))
        write(store, undone("fb", other.id))
        store.forget(ANN, ids=[gone], receipt_id="fg_1", at=NOON)
        assert "green" not in repr(store.fact_log(ANN))
        assert store.fact_log(ANN, ["fb"]) == []
        assert store.fact_log(ANN)[0] == begun
        assert ids_of(store) == ["fa"]

    def test_what_the_user_wished_of_a_fact_outlives_the_words_that_it_began_with(self, store: Store) -> None:
        first, second, third = said(store, "tea", "green tea", "tea again")
        write(
            store,
            asserted("fa", claim("tea", source(first))),
            change("pinned", "fa"),
            change("muted", "fa"),
            supported("fa", claim("green tea", source(second))),
            asserted("fb", claim("tea", source(first))),
            change("retired", "fb"),
            supported("fb", claim("tea again", source(third))),
        )
        store.forget(ANN, ids=[first], receipt_id="fg_1", at=NOON)
        pinned, retired = store.facts(ANN, ALL)
        assert (pinned.text, pinned.pinned, pinned.muted) == ("green tea", True, True)
        assert (retired.text, retired.status) == ("tea again", "retired")
        assert [each.kind for each in store.fact_log(ANN, ["fb"])] == ["asserted", "retired"]
        assert fold(store.fact_log(ANN)) == {"fa": pinned, "fb": retired}

    def test_forgetting_a_run_and_everything_takes_the_facts(self, store: Store) -> None:
        one, two = Scope(user_id="ann", run_id="1"), Scope(user_id="ann", run_id="2")
        (first,), (second,) = said(store, "tea", scope=one), said(store, "milk", scope=two)
        write(store, asserted("fa", claim("tea", source(first))), asserted("fb", claim("milk", source(second))))
        store.forget(one, ids=None, receipt_id="fg_1", at=NOON)
        assert ids_of(store) == ["fb"]
        before = store.last_change(ANN)
        store.forget(ANN, ids=None, receipt_id="fg_2", at=NOON)
        assert (store.facts(ANN, ALL), store.fact_log(ANN)) == ([], [])
        assert store.last_change(ANN) == before + 1
        (again,) = said(store, "tea")
        (written,) = write(store, asserted("fa", claim("tea", source(again))))
        assert written.number == before + 2

    def test_a_redacted_part_is_gone_from_text_search_vectors_and_facts(self, store: Store) -> None:
        store.use_space(SPACE, queue=QUEUE, at=NOON)
        text = "The code is marzipan and my dog is Rex"
        first, second = said(store, text, "plain words")
        job = store.claim([QUEUE], owner="w", at=NOON, lease=LEASE, scope=ANN)
        assert job is not None
        store.put_vectors(job.scope_key, SPACE, [0, 1], np.stack([unit(1), unit(0, 1)]))
        store.finish(job, owner="w")
        write(
            store,
            asserted("fa", claim("The code is marzipan", source(first, 0, 20))),
            asserted("fb", claim("my dog is Rex", source(first, 25, 38))),
            closed("fb", by="fa"),
        )
        assert find(store, "marzipan") == [text]
        parts = [redaction(first, (12, 20), (99, 200)), redaction("ep_unknown", (0, 1)), redaction(second, (99, 100))]
        done = store.redact(ANN, parts, receipt_id="fg_1", at=NOON, jobs=[NewJob(queue=QUEUE)])
        assert done.episode_ids == (first,)
        left = f"The code is {MARK} and my dog is Rex"
        assert [episode.text for episode in store.by_ids(ANN, [first, second])] == [left, "plain words"]
        assert (find(store, "marzipan"), find(store, "dog")) == ([], [left])
        (fact,) = store.facts(ANN, ALL)
        words = fact.sources[0]
        assert (fact.id, fact.status, left[words.start : words.end]) == ("fb", "active", "my dog is Rex")
        assert "marzipan" not in repr(store.fact_log(ANN))
        (row,) = store.missing_vectors(job.scope_key, SPACE, limit=9)
        assert (row.row, row.text) == (0, left)
        assert store.counts(ANN, space=SPACE).vectors == 1
        assert store.counts(ANN, space=SPACE).text_characters == len(left) + len("plain words")
        assert store.job_counts([QUEUE], scope=ANN).pending == 1
        store.put_vectors(job.scope_key, SPACE, [0], unit(0, 0, 1)[None], redactions=[row.redactions])
        pool = store.candidates(ANN, Probe(terms=(), vector=unit(0, 0, 1), space=SPACE, per_leg=1))
        assert [each.text for _, each in store.by_rows(ANN, pool.rows.tolist())] == [left]
        assert store.missing_vectors(job.scope_key, SPACE, limit=9) == []

    def test_a_vector_of_the_text_before_its_redaction_is_passed_over(self, store: Store) -> None:
        store.use_space(SPACE, queue=QUEUE, at=NOON)
        (episode,) = said(store, "the code is marzipan")
        job = store.claim([QUEUE], owner="w", at=NOON, lease=LEASE, scope=ANN)
        assert job is not None
        (row,) = store.missing_vectors(job.scope_key, SPACE, limit=9)
        store.redact(ANN, [redaction(episode, (12, 20))], receipt_id="fg_1", at=NOON)
        store.put_vectors(job.scope_key, SPACE, [row.row], unit(1)[None], redactions=[row.redactions])
        assert store.counts(ANN, space=SPACE).vectors == 0

    def test_a_redacted_message_is_known_whatever_its_text(self, store: Store) -> None:
        (first,) = add(store, [Message(content="the code is marzipan", id="m")])
        store.redact(ANN, [redaction(first.id, (12, 20))], receipt_id="fg_1", at=NOON)
        for text in ("the code is marzipan", "another text"):
            (again,) = add(store, [Message(content=text, id="m")])
            assert (again.id, again.added) == (first.id, False)
        add(store, [Message(content="plain", id="n")])
        with pytest.raises(Conflict):
            add(store, [Message(content="other", id="n"), Message(content="new", id="o")])
        assert store.counts(ANN, space=None).episodes == 2

    def test_redactions_reach_their_scope_only_and_join(self, store: Store) -> None:
        one, two = Scope(user_id="ann", run_id="1"), Scope(user_id="ann", run_id="2")
        (first,) = said(store, "abcdefghij", scope=one)
        for scope in (BEN, two, Scope(user_id="ann", run_id="3"), Scope(user_id="nobody")):
            done = store.redact(scope, [redaction(first, (0, 3))], receipt_id=f"fg_{scope}", at=NOON)
            assert done.episode_ids == ()
        before = store.last_change(ANN)
        assert store.redact(ANN, [redaction(first, (5, 5))], receipt_id="fg_0", at=NOON).episode_ids == ()
        assert store.last_change(ANN) == before
        parts = [redaction(first, (7, 99)), redaction(first, (-5, 2), (1, 3))]
        assert store.redact(one, parts, receipt_id="fg_1", at=NOON).episode_ids == (first,)
        assert [each.text for each in store.by_ids(ANN, [first])] == [f"{MARK}defg{MARK}"]
        assert store.redact(ANN, [redaction(first, (0, 99))], receipt_id="fg_2", at=NOON).episode_ids == (first,)
        assert [each.text for each in store.by_ids(ANN, [first])] == [MARK]
        store.forget(ANN, ids=[first], receipt_id="fg_3", at=NOON)
        assert said(store, "abcdefghij", scope=one) != [first]
