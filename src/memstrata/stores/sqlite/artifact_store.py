"""`ArtifactStore` on one SQLite file, with the bytes in a folder beside it."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime

from memstrata.errors import NotFound
from memstrata.stores.blobs import FolderBlobs
from memstrata.stores.sqlite import artifacts
from memstrata.stores.sqlite.open_file import OpenFile
from memstrata.types import Artifact, ArtifactKind, ArtifactStatus, Scope


class SqliteArtifacts(OpenFile):
    """Implements `ArtifactStore`; see there for what each method promises."""

    @property
    def blobs(self) -> FolderBlobs:
        """See `ArtifactStore.blobs`: a folder beside the file."""
        return self._blobs

    def blob_name(self, scope: Scope, id: str) -> str:  # noqa: A002 - the field's word
        """See `ArtifactStore.blob_name`."""
        number = self._number(scope)
        if number is None:
            raise NotFound("nothing is stored of this scope, so it has no artifacts")
        return artifacts.name_of(number, id)

    def begin_artifact(self, scope: Scope, artifact: Artifact, *, queue: str | None = None) -> bool:
        """See `ArtifactStore.begin_artifact`."""
        number = self._number(scope)
        if number is None:
            return False
        return self._database.write(lambda connection: artifacts.begin(connection, number, artifact, queue=queue))

    def finish_artifact(self, scope: Scope, artifact: Artifact) -> bool:
        """See `ArtifactStore.finish_artifact`."""
        number = self._number(scope)
        if number is None:
            return False
        done = self._database.write(lambda connection: artifacts.finish(connection, number, artifact))
        if not done or artifact.status == "refused":
            self._delete_doomed()
        return done

    def publish_artifact(self, scope: Scope, id: str) -> bool:  # noqa: A002 - the field's word
        """See `ArtifactStore.publish_artifact`."""
        number = self._number(scope)
        if number is None:
            return False
        return self._database.write(lambda connection: artifacts.publish(connection, number, id))

    def artifacts(
        self,
        scope: Scope,
        *,
        kinds: Sequence[ArtifactKind] | None = None,
        statuses: Sequence[ArtifactStatus] | None = None,
        series: Sequence[str] | None = None,
    ) -> list[Artifact]:
        """See `ArtifactStore.artifacts`."""
        number = self._number(scope)
        if number is None:
            return []
        with self._database.read() as connection:
            return artifacts.listed(connection, number, kinds=kinds, statuses=statuses, series=series)

    def all_artifacts(self, kinds: Sequence[ArtifactKind]) -> list[tuple[Scope, Artifact]]:
        """See `ArtifactStore.all_artifacts`."""
        with self._database.read() as connection:
            return artifacts.all_of(connection, kinds)

    def note_use(self, scope: Scope, ids: Sequence[str], *, at: datetime) -> None:
        """See `ArtifactStore.note_use`."""
        number = self._number(scope)
        if number is not None and ids:
            self._database.write(lambda connection: artifacts.note_use(connection, number, ids, at=at))

    def drop_artifacts(self, scope: Scope, ids: Sequence[str]) -> list[str]:
        """See `ArtifactStore.drop_artifacts`."""
        number = self._number(scope)
        if number is None or not ids:
            return []
        there = self._database.write(lambda connection: artifacts.drop(connection, number, ids))
        self._delete_doomed()
        return there
