"""Artifacts in memory: the executable specification of `ArtifactStore`. The bytes lie in a temporary folder."""

from __future__ import annotations

import tempfile
from collections.abc import Callable, Collection, Iterable, Sequence
from dataclasses import replace
from datetime import datetime
from pathlib import Path

from memstrata.core.artifacts import HAVE_BYTES, SETTLED, finished, makes_stale, stale
from memstrata.stores.blobs import FolderBlobs
from memstrata.types import Artifact, Change

Rows = dict[str, Artifact]


class MemoryArtifacts:
    """The artifacts of one store by scope key; the store holds the lock and knows episodes and facts."""

    def __init__(self) -> None:
        self._rows: dict[int, Rows] = {}
        self._folder: tempfile.TemporaryDirectory[str] | None = None
        self._blobs: FolderBlobs | None = None
        self._doomed: set[str] = set()

    @property
    def blobs(self) -> FolderBlobs:
        """The bytes, in a folder that goes with the store."""
        if self._blobs is None:
            self._folder = tempfile.TemporaryDirectory(prefix="memstrata-")
            self._blobs = FolderBlobs(Path(self._folder.name))
        return self._blobs

    def begin(self, scope_key: int, artifact: Artifact, *, known: Collection[str]) -> bool:
        """See `ArtifactStore.begin_artifact`; `known` are the memory's episodes and believed facts."""
        if not set(artifact.sources) <= set(known):
            return False
        rows = self._rows.setdefault(scope_key, {})
        before = rows.get(artifact.id)
        if before is None or before.status not in SETTLED:
            rows[artifact.id] = replace(artifact, status="making")
            self._doomed.discard(name_of(scope_key, artifact.id))
        return True

    def finish(self, scope_key: int, made: Artifact) -> bool:
        """See `ArtifactStore.finish_artifact`."""
        rows = self._rows.get(scope_key, {})
        before = rows.get(made.id)
        if before is None or before.status not in HAVE_BYTES:
            self._doom(scope_key, [made.id])
            return False
        if before.status == "making":
            if made.status == "ready":
                self._step_back(rows, before.series)
            rows[made.id] = finished(before, made)
            if made.status == "refused":
                self._doom(scope_key, [made.id])
        return True

    def publish(self, scope_key: int, id_: str) -> bool:
        """See `ArtifactStore.publish_artifact`."""
        rows = self._rows.get(scope_key, {})
        if id_ not in rows or rows[id_].status != "kept":
            return False
        self._step_back(rows, rows[id_].series)
        rows[id_] = replace(rows[id_], status="ready")
        return True

    def rows(self, scope_key: int) -> list[Artifact]:
        """A memory's artifacts, the oldest first."""
        return sorted(self._rows.get(scope_key, {}).values(), key=lambda each: (each.made_at, each.id))

    def note_use(self, scope_key: int, ids: Iterable[str], *, at: datetime) -> None:
        """Count a use of each."""
        self._change(scope_key, set(ids), lambda each: replace(each, uses=each.uses + 1, used_at=at))

    def drop(self, scope_key: int, ids: Collection[str]) -> list[str]:
        """Delete rows, and then their bytes."""
        rows = self._rows.get(scope_key, {})
        there = [id_ for id_ in dict.fromkeys(ids) if rows.pop(id_, None) is not None]
        self._doom(scope_key, there)
        return there

    def erase(self, scope_key: int, sources: Collection[str] | None) -> None:
        """Delete those that were made of any of these sources, or all."""
        rows = self._rows.get(scope_key, {})
        self.drop(scope_key, [id_ for id_, each in rows.items() if sources is None or set(sources) & set(each.sources)])

    def follow(self, scope_key: int, changes: Sequence[Change]) -> bool:
        """Make stale those whose facts changed; True where an adapter was among them."""
        why = makes_stale(changes)
        adapters = False
        for id_, each in self._rows.get(scope_key, {}).items():
            reason = next((why[source] for source in each.sources if source in why), None)
            if reason is not None and each.status != "stale":
                self._rows[scope_key][id_] = stale(each, reason)
                self._doom(scope_key, [id_])
                adapters |= each.kind == "adapter"
        return adapters

    def delete_doomed(self) -> bool:
        """Delete the bytes of what was erased, dropped or made stale; False where some are still there."""
        if self._blobs is not None and self._doomed:
            self._doomed = set(self._blobs.delete(sorted(self._doomed)))
        return not self._doomed

    def close(self) -> None:
        """Let go of the folder."""
        if self._folder is not None:
            self._folder.cleanup()

    def _doom(self, scope_key: int, ids: Iterable[str]) -> None:
        self._doomed |= {name_of(scope_key, id_) for id_ in ids}

    def _step_back(self, rows: Rows, series: str) -> None:
        for id_, each in rows.items():
            if each.series == series and each.status == "ready":
                rows[id_] = replace(each, status="kept")

    def _change(self, scope_key: int, ids: Collection[str], how: Callable[[Artifact], Artifact]) -> None:
        rows = self._rows.get(scope_key, {})
        for id_ in ids & rows.keys():
            rows[id_] = how(rows[id_])


def name_of(scope_key: int, id_: str) -> str:
    """The name of an artifact's bytes."""
    return f"{scope_key}-{id_}"
