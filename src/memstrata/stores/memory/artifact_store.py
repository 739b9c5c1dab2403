"""`ArtifactStore` in memory, with the bytes in a temporary folder."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime

from memstrata.core.artifacts import HAVE_BYTES, MAY_BE_SOURCES
from memstrata.core.records import FactQuery
from memstrata.errors import NotFound
from memstrata.stores.blobs import FolderBlobs
from memstrata.stores.memory.artifacts import name_of
from memstrata.stores.memory.fact_store import FactsInMemory
from memstrata.types import Artifact, ArtifactKind, ArtifactStatus, Scope


class ArtifactsInMemory(FactsInMemory):
    """Implements `ArtifactStore`; see there for what each method promises."""

    @property
    def blobs(self) -> FolderBlobs:
        """See `ArtifactStore.blobs`: a temporary folder, made when it is asked for."""
        with self._open():
            return self._artifacts.blobs

    def blob_name(self, scope: Scope, id: str) -> str:  # noqa: A002 - the field's word
        """See `ArtifactStore.blob_name`."""
        with self._open():
            key = self._partition(scope).key
        if not key:
            raise NotFound("nothing is stored of this scope, so it has no artifacts")
        return name_of(key, id)

    def begin_artifact(self, scope: Scope, artifact: Artifact, *, queue: str | None = None) -> bool:
        """See `ArtifactStore.begin_artifact`."""
        with self._open():
            partition = self._partition(scope)
            facts = self.facts(scope.partition, FactQuery(statuses=MAY_BE_SOURCES))
            known = {each.episode.id for each in partition.kept} | {fact.id for fact in facts}
            begun = bool(partition.key) and self._artifacts.begin(partition.key, artifact, known=known)
            if begun and queue is not None:
                self._jobs.enqueue(queue, partition.key, at=artifact.made_at)
            return begun

    def finish_artifact(self, scope: Scope, artifact: Artifact) -> bool:
        """See `ArtifactStore.finish_artifact`."""
        with self._open():
            done = self._artifacts.finish(self._partition(scope).key, artifact)
            self._artifacts.delete_doomed()
            return done

    def publish_artifact(self, scope: Scope, id: str) -> bool:  # noqa: A002 - the field's word
        """See `ArtifactStore.publish_artifact`."""
        with self._open():
            return self._artifacts.publish(self._partition(scope).key, id)

    def artifacts(
        self,
        scope: Scope,
        *,
        kinds: Sequence[ArtifactKind] | None = None,
        statuses: Sequence[ArtifactStatus] | None = None,
        series: Sequence[str] | None = None,
    ) -> list[Artifact]:
        """See `ArtifactStore.artifacts`."""
        with self._open():
            found = self._artifacts.rows(self._partition(scope).key)
        return [
            each
            for each in found
            if (kinds is None or each.kind in kinds)
            and (statuses is None or each.status in statuses)
            and (series is None or each.series in series)
        ]

    def all_artifacts(self, kinds: Sequence[ArtifactKind]) -> list[tuple[Scope, Artifact]]:
        """See `ArtifactStore.all_artifacts`."""
        with self._open():
            homes = sorted(self._partitions.values(), key=lambda each: each.key)
            found = [(home.scope, each) for home in homes for each in self._artifacts.rows(home.key)]
        return [(scope, each) for scope, each in found if each.kind in kinds and each.status in HAVE_BYTES]

    def note_use(self, scope: Scope, ids: Sequence[str], *, at: datetime) -> None:
        """See `ArtifactStore.note_use`."""
        with self._open():
            self._artifacts.note_use(self._partition(scope).key, ids, at=at)

    def drop_artifacts(self, scope: Scope, ids: Sequence[str]) -> list[str]:
        """See `ArtifactStore.drop_artifacts`."""
        with self._open():
            there = self._artifacts.drop(self._partition(scope).key, ids)
            self._artifacts.delete_doomed()
            return there
