"""What only a store with files can get wrong of artifacts: a process that dies, a folder that cannot be written."""

from __future__ import annotations

from pathlib import Path

import pytest

from memstrata.core.records import SCRUB_QUEUE
from memstrata.errors import StoreError
from memstrata.stores.blobs import FolderBlobs
from memstrata.stores.sqlite.store import SqliteStore
from memstrata.testing.artifact_contract import artifact, make, statuses
from memstrata.testing.episodes import ANN, NOON
from memstrata.testing.fact_contract import said, write
from memstrata.testing.facts import asserted, change, claim, source


def opened(path: Path) -> SqliteStore:
    return SqliteStore(path, cache_bytes=1 << 24)


@pytest.mark.parametrize("erased", [True, False])
def test_bytes_that_a_process_could_not_delete_any_more_are_deleted_by_the_next(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, erased: bool
) -> None:
    store = opened(tmp_path / "memory.db")
    (one,) = said(store, "tea")
    write(store, asserted("fa", claim("tea", source(one))))
    assert make(store, artifact("fa", one))
    monkeypatch.setattr(FolderBlobs, "delete", lambda self, names: list(names))  # as if it died before
    if erased:
        assert not store.forget(ANN, ids=[one], receipt_id="fg_1", at=NOON).scrubbed
    else:
        write(store, change("retired", "fa"))
    assert statuses(store) == ({} if erased else {"ar_1": "stale"})
    assert len(store.blobs.names()) == 1
    assert store.job_counts([SCRUB_QUEUE], scope=None).pending == 1
    store.close()
    monkeypatch.undo()
    store = opened(tmp_path / "memory.db")
    assert store.scrub()
    assert store.blobs.names() == []
    store.close()


def test_a_half_written_blob_goes_with_the_artifact(tmp_path: Path) -> None:
    store = opened(tmp_path / "memory.db")
    (one,) = said(store, "tea")
    assert make(store, artifact(one))
    half = tmp_path / "memory.db.artifacts" / f".{store.blob_name(ANN, 'ar_1')}-0a1b"
    half.mkdir()
    (half / "keys").write_bytes(b"tea")
    store.forget(ANN, ids=[one], receipt_id="fg_1", at=NOON)
    assert store.blobs.names() == []
    store.close()


def test_a_folder_that_cannot_be_made_is_named(tmp_path: Path) -> None:
    store = opened(tmp_path / "memory.db")
    said(store, "tea")
    (tmp_path / "memory.db.artifacts").write_text("in the way")
    with pytest.raises(StoreError, match=r"memory\.db\.artifacts"):
        store.blobs.put("one", lambda path: None)
    store.close()
