"""The contract that every `ArtifactStore` keeps. Subclass it beside `StoreContract`; it asks for the same fixture."""

from __future__ import annotations

from dataclasses import replace
from datetime import datetime, timedelta
from pathlib import Path

import pytest

from memstrata.errors import InvalidInput, NotFound
from memstrata.ports import Store
from memstrata.testing.episodes import ANN, BEN, NOON
from memstrata.testing.erasure_contract import redaction
from memstrata.testing.exchange_contract import copy_out, restored, take_in
from memstrata.testing.fact_contract import said, write
from memstrata.testing.facts import asserted, change, claim, closed, source, supported
from memstrata.types import Artifact, ArtifactStatus, Scope


def artifact(
    *sources: str,
    id: str = "ar_1",  # noqa: A002 - the field's word
    series: str = "standing",
    status: ArtifactStatus = "making",
    made_at: datetime = NOON,
    size: int = 0,
    digest: str = "",
) -> Artifact:
    """An artifact of these sources."""
    return Artifact(
        id=id,
        kind="prefix",
        series=series,
        status=status,
        model="tiny/1",
        sources=sources,
        recipe={"form": "float16", "length": 7},
        made_at=made_at,
        size=size,
        digest=digest,
    )


def make(store: Store, made: Artifact, *, scope: Scope = ANN) -> bool:
    """Begin it, write its bytes and make it ready."""
    if not store.begin_artifact(scope, made):
        return False
    put(store, made.id, scope=scope)
    return store.finish_artifact(scope, replace(made, status="ready", size=5))


def put(store: Store, id_: str, *, scope: Scope = ANN) -> None:
    """Some bytes of an artifact."""
    store.blobs.put(store.blob_name(scope, id_), five_bytes)


def statuses(store: Store, scope: Scope = ANN) -> dict[str, str]:
    """How a memory's artifacts stand."""
    return {each.id: each.status for each in store.artifacts(scope)}


class ArtifactContract:
    """What holds for the artifacts of every store."""

    def test_an_artifact_is_read_back_as_it_was_made_and_counts_its_uses(self, store: Store) -> None:
        (first, second) = said(store, "tea", "milk")
        made = artifact(second, first, made_at=NOON + timedelta(hours=1))
        assert store.begin_artifact(ANN, made)
        assert store.artifacts(ANN) == [made]
        put(store, "ar_1")
        done = replace(made, status="ready", tokens=9, size=5, digest="ab", metrics={"recall": 0.5, "why": ["茶"]})
        assert store.finish_artifact(ANN, done)
        assert make(store, artifact(first, id="ar_0", series="other"))
        store.note_use(ANN, ["ar_1", "ar_none"], at=NOON)
        store.note_use(ANN, ["ar_1"], at=NOON + timedelta(hours=2))
        other, found = store.artifacts(ANN)
        assert found == replace(done, uses=2, used_at=NOON + timedelta(hours=2))
        assert (other.id, other.tier) == ("ar_0", "activation")
        assert store.artifacts(ANN, kinds=["adapter"]) == store.artifacts(ANN, statuses=["kept"]) == []
        assert [each.id for each in store.artifacts(ANN, kinds=["prefix", "passage"], statuses=["ready"])] == [
            "ar_0",
            "ar_1",
        ]
        assert [each.id for each in store.artifacts(ANN, series=["other", "none"])] == ["ar_0"]
        assert store.all_artifacts(["passage"]) == []
        assert store.artifacts(ANN, series=[]) == []
        with store.blobs.reading(store.blob_name(ANN, "ar_1")) as path:
            assert path.read_bytes() == b"bytes"

    def test_a_memory_sees_its_own_artifacts_only(self, store: Store) -> None:
        (mine,), (theirs,) = said(store, "tea"), said(store, "tea", scope=BEN)
        assert not store.begin_artifact(ANN, artifact(mine, theirs))
        assert not store.begin_artifact(Scope(user_id="nobody"), artifact())
        assert make(store, artifact(mine))
        assert make(store, artifact(theirs, series="theirs"), scope=BEN)
        assert [(scope, each.series) for scope, each in store.all_artifacts(["prefix"])] == [
            (ANN, "standing"),
            (BEN, "theirs"),
        ]
        assert store.blob_name(ANN, "ar_1") != store.blob_name(BEN, "ar_1")
        store.forget(ANN, ids=None, receipt_id="fg_1", at=NOON)
        assert (statuses(store), statuses(store, BEN)) == ({}, {"ar_1": "ready"})
        assert store.blobs.names() == [store.blob_name(BEN, "ar_1")]
        store.note_use(ANN, ["ar_1"], at=NOON)
        assert store.drop_artifacts(ANN, ["ar_1"]) == []
        assert store.artifacts(BEN)[0].uses == 0
        assert store.artifacts(Scope(user_id="ann", run_id="any")) == []
        with pytest.raises(NotFound):
            store.blob_name(Scope(user_id="nobody"), "ar_1")

    def test_what_is_forgotten_takes_its_artifacts_and_their_bytes(self, store: Store) -> None:
        first, second, third = said(store, "tea", "milk", "rum")
        write(store, asserted("fa", claim("tea", source(first))))
        assert make(store, artifact("fa", first, second))
        assert make(store, artifact(third, id="ar_2", series="passage"))
        assert store.begin_artifact(ANN, artifact(second, id="ar_3", series="unfinished"))
        put(store, "ar_3")
        done = store.forget(ANN, ids=[second], receipt_id="fg_1", at=NOON)
        assert done.scrubbed
        assert statuses(store) == {"ar_2": "ready"}
        assert store.blobs.names() == [store.blob_name(ANN, "ar_2")]
        store.redact(ANN, [redaction(third, (0, 2))], receipt_id="fg_2", at=NOON)
        assert (statuses(store), store.blobs.names()) == ({}, [])

    def test_what_is_forgotten_while_it_is_read_is_never_finished(self, store: Store) -> None:
        first, _ = said(store, "tea", "milk")
        assert store.begin_artifact(ANN, artifact(first))
        store.forget(ANN, ids=[first], receipt_id="fg_1", at=NOON)
        put(store, "ar_1")
        assert not store.finish_artifact(ANN, artifact(first, status="ready"))
        assert (statuses(store), store.blobs.names()) == ({}, [])
        assert not store.begin_artifact(ANN, artifact(first))

    @pytest.mark.parametrize("kind", ["closed", "retired", "disputed", "rejected", "muted"])
    def test_a_fact_that_changed_makes_its_artifacts_stale_and_deletes_their_bytes(
        self, store: Store, kind: str
    ) -> None:
        one, two = said(store, "Paris", "Ghent")
        write(
            store, asserted("fa", claim("Paris", source(one))), asserted("fb", claim("Ghent", source(two)), cause="x")
        )
        assert make(store, artifact("fa", one))
        assert make(store, artifact("fb", two, id="ar_2", series="other"))
        assert store.begin_artifact(ANN, artifact("fa", id="ar_3", series="slow"))
        changed = closed("fa", by="fb") if kind == "closed" else change(kind, "fa", {"by": "fb"})  # type: ignore[arg-type]
        write(store, changed)
        assert statuses(store) == {"ar_1": "stale", "ar_2": "ready", "ar_3": "stale"}
        assert store.artifacts(ANN)[0].reason == f"fact fa was {kind}"
        assert store.blobs.names() == [store.blob_name(ANN, "ar_2")]
        put(store, "ar_3")
        assert not store.finish_artifact(ANN, artifact(id="ar_3", status="ready"))
        assert store.blobs.names() == [store.blob_name(ANN, "ar_2")]
        if kind != "muted" and kind != "disputed":
            assert not store.begin_artifact(ANN, artifact("fa", id="ar_4"))

    def test_what_leaves_the_words_as_they_are_leaves_the_artifacts(self, store: Store) -> None:
        one, two = said(store, "tea", "tea again")
        write(store, asserted("fa", claim("tea", source(one))))
        assert make(store, artifact("fa", one))
        write(
            store, supported("fa", claim("tea again", source(two))), change("pinned", "fa"), change("confirmed", "fa")
        )
        assert statuses(store) == {"ar_1": "ready"}

    def test_a_memory_that_is_taken_in_makes_stale_what_it_changes(self, store: Store) -> None:
        (one,) = said(store, "Paris")
        write(store, asserted("fa", claim("Paris", source(one))))
        episodes, before = copy_out(store)
        write(store, change("retired", "fa"))
        _, after = copy_out(store)
        store.forget(ANN, ids=None, receipt_id="fg_1", at=NOON)
        take_in(store, ANN, restored(episodes), before.changes)
        assert make(store, artifact("fa", one))
        take_in(store, ANN, restored(episodes), after.changes)
        assert (statuses(store), store.blobs.names()) == ({"ar_1": "stale"}, [])

    def test_of_a_series_one_version_is_ready_and_an_earlier_one_can_be_gone_back_to(self, store: Store) -> None:
        (one,) = said(store, "tea")
        for number in (1, 2, 3):
            assert make(store, artifact(one, id=f"ar_{number}"))
        assert make(store, artifact(one, id="ar_4", series="other"))
        assert statuses(store) == {"ar_1": "kept", "ar_2": "kept", "ar_3": "ready", "ar_4": "ready"}
        assert store.publish_artifact(ANN, "ar_1")
        assert statuses(store) == {"ar_1": "ready", "ar_2": "kept", "ar_3": "kept", "ar_4": "ready"}
        assert not store.publish_artifact(ANN, "ar_1")
        assert not store.publish_artifact(ANN, "ar_9")
        assert store.drop_artifacts(ANN, ["ar_1", "ar_9", "ar_1"]) == ["ar_1"]
        assert statuses(store) == {"ar_2": "kept", "ar_3": "kept", "ar_4": "ready"}
        assert store.blob_name(ANN, "ar_1") not in store.blobs.names()

    def test_a_refused_one_has_no_bytes_and_says_why(self, store: Store) -> None:
        (one,) = said(store, "tea")
        assert store.begin_artifact(ANN, artifact(one))
        put(store, "ar_1")
        refused = replace(artifact(one), status="refused", reason="recall 0.2", metrics={"recall": 0.2})
        assert store.finish_artifact(ANN, refused)
        assert store.artifacts(ANN) == [refused]
        assert store.blobs.names() == []
        assert make(store, artifact(one))
        assert statuses(store) == {"ar_1": "ready"}

    def test_what_is_begun_has_its_job_and_what_is_refused_has_none(self, store: Store) -> None:
        (one,) = said(store, "tea")
        assert not store.begin_artifact(ANN, artifact("ep_none"), queue="adapt/tiny")
        assert store.claim(["adapt/tiny"], owner="me", at=NOON, lease=timedelta(minutes=1), scope=ANN) is None
        assert store.begin_artifact(ANN, artifact(one), queue="adapt/tiny")
        job = store.claim(["adapt/tiny"], owner="me", at=NOON, lease=timedelta(minutes=1), scope=ANN)
        assert job is not None
        assert store.scope_of(job.scope_key) == ANN

    def test_two_that_make_the_same_both_find_it_made(self, store: Store) -> None:
        (one,) = said(store, "tea")
        for _ in range(2):
            assert store.begin_artifact(ANN, artifact(one))
        for _ in range(2):
            put(store, "ar_1")
            assert store.finish_artifact(ANN, artifact(one, status="ready", size=5, digest="ab"))
        assert store.begin_artifact(ANN, artifact(one))
        assert (statuses(store), len(store.blobs.names())) == ({"ar_1": "ready"}, 1)

    def test_a_write_that_breaks_off_leaves_what_was_there(self, store: Store) -> None:
        def broken(path: Path) -> None:
            path.write_bytes(b"half")
            raise InvalidInput("broke off")

        store.blobs.put("one", five_bytes)
        with pytest.raises(InvalidInput):
            store.blobs.put("one", broken)
        with store.blobs.reading("one") as path:
            assert path.read_bytes() == b"bytes"
        assert store.blobs.put("one", _a_folder) == 6
        assert store.blobs.names() == ["one"]
        whole = store.blobs.digest("one")
        store.blobs.put("two", _a_folder)
        assert store.blobs.digest("two") == whole
        with store.blobs.reading("two") as path:
            (path / "b").write_bytes(b"deF")
        assert store.blobs.digest("two") != whole
        assert store.blobs.delete(["one", "two"]) == store.blobs.names() == []
        with pytest.raises(NotFound), store.blobs.reading("one"):
            pass
        for name in ("../one", "", ".one", "a/b"):
            with pytest.raises(InvalidInput):
                store.blobs.put(name, five_bytes)


def five_bytes(path: Path) -> None:
    """What stands for keys and values."""
    path.write_bytes(b"bytes")


def _a_folder(path: Path) -> None:
    path.mkdir()
    (path / "a").write_bytes(b"abc")
    (path / "b").write_bytes(b"def")
