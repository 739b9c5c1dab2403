"""The job that makes a memory's adapters: train, measure, publish or refuse; stopped anywhere, the next goes on."""

from __future__ import annotations

import logging
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import asdict, replace
from pathlib import Path
from typing import Any, Generic, TypeVar

from memstrata.core.training import Limits, Progress
from memstrata.errors import ArtifactRefused, TrainingStopped
from memstrata.parametric.asking import KIND, askable_of, facts_of, queue_of, read_recipe
from memstrata.parametric.gate import Bounds
from memstrata.parametric.making import MOST_FOREIGN, Made, Teacher, make
from memstrata.parametric.sharding import Shard
from memstrata.parametric.wordings import Askable
from memstrata.ports import Store
from memstrata.types import Artifact, Scope

SIGN_OF_LIFE_SECONDS = 10.0
"""A sixth of a job's lease."""
A = TypeVar("A")
_log = logging.getLogger(__name__)


class AdapterWork(Generic[A]):
    """Makes adapters with a teacher. `watch` hears how each training goes, by the adapter's id."""

    def __init__(
        self,
        store: Store,
        teacher: Teacher[A],
        *,
        bounds: Bounds | None = None,
        limits: Limits | None = None,
        watch: Callable[[str, Progress], None] = lambda id_, progress: None,
    ) -> None:
        self._store, self._teacher = store, teacher
        self._bounds, self._limits, self._watch = bounds or Bounds(), limits or Limits(), watch

    @property
    def queue(self) -> str:
        """The queue of its jobs."""
        return queue_of(self._teacher.base)

    def __call__(self, scope_key: int, alive: Callable[[], bool]) -> None:
        """Make what is to be made of a memory. `alive` extends the job's lease; False: it is no longer ours."""
        scope = self._store.scope_of(scope_key)
        with _Pulse(alive) as pulse:
            for row in self._store.artifacts(scope, kinds=[KIND], statuses=["making"]):
                if row.model == self._teacher.base and not self._make(scope, row, pulse):
                    return

    def _make(self, scope: Scope, row: Artifact, pulse: _Pulse) -> bool:
        """Make one; False where the job is no longer ours."""
        by_id = askable_of(facts_of(self._store, scope))
        facts = tuple(by_id[id_] for id_ in row.sources if id_ in by_id)
        if not facts:
            return self._refuse(scope, row, "nothing of it can be asked any more")
        _, recipe = read_recipe(row)
        shard = Shard(series=row.series, subjects=tuple(dict.fromkeys(each.subject for each in facts)), facts=facts)
        try:
            made = make(
                self._teacher,
                shard,
                recipe,
                pool=list(by_id.values()),
                foreign=self._foreign(scope),
                bounds=self._bounds,
                checkpoints=_BlobCheckpoints(self._store, self._store.blob_name(scope, row.id)),
                limits=self._limits,
                watch=lambda progress: self._noted(row, progress),
                cancelled=lambda: not pulse.ours or not self._wanted(scope, row),
            )
        except TrainingStopped as stopped:
            if not pulse.ours:
                return False  # whoever takes the job goes on from the last epoch
            if self._wanted(scope, row):
                return self._refuse(scope, row, f"{stopped}; demote the adapter, and promote again where there is more")
            self._store.finish_artifact(scope, row)  # revoked meanwhile: its checkpoint goes
            return True
        except ArtifactRefused as refused:
            return self._refuse(scope, row, str(refused))
        return self._settle(scope, row, made)

    def _noted(self, row: Artifact, progress: Progress) -> None:
        """Every step to the caller, every epoch to the log."""
        if progress.validation is not None:
            _log.info(
                "adapter %s: epoch %d of at most %d, loss %.3f, validation %.3f",
                row.id, progress.epoch, progress.epochs, progress.loss, progress.validation,
            )  # fmt: skip
        self._watch(row.id, progress)

    def _settle(self, scope: Scope, row: Artifact, made: Made[A]) -> bool:
        """Publish what passed the gate, refuse what did not; either way with its measurements."""
        metrics: dict[str, Any] = {**made.measured.as_json(), "epochs": [asdict(each) for each in made.epochs]}
        if made.reasons:
            return self._refuse(scope, row, "; ".join(made.reasons), metrics)
        name = self._store.blob_name(scope, row.id)
        size = self._store.blobs.put(name, lambda path: self._teacher.write(made.adapter, path))
        digest = self._store.blobs.digest(name)
        self._store.finish_artifact(scope, replace(row, status="ready", size=size, digest=digest, metrics=metrics))
        _log.info("adapter %s is ready: %d bytes", row.id, size)
        return True

    def _refuse(self, scope: Scope, row: Artifact, reason: str, metrics: dict[str, Any] | None = None) -> bool:
        _log.info("adapter %s is refused: %s", row.id, reason)
        self._store.finish_artifact(scope, replace(row, status="refused", reason=reason, metrics=metrics or {}))
        return True

    def _wanted(self, scope: Scope, row: Artifact) -> bool:
        """Whether it is still to be made: nothing that it is made of was forgotten or changed."""
        rows = self._store.artifacts(scope, kinds=[KIND], statuses=["making"], series=[row.series])
        return any(each.id == row.id for each in rows)

    def _foreign(self, scope: Scope) -> list[Askable]:
        """Facts of other memories that have adapters: the gate asks for them, and keeps a share and no word."""
        others = {other.partition for other, _ in self._store.all_artifacts([KIND])} - {scope.partition}
        found: list[Askable] = []
        for other in sorted(others, key=repr):
            found += askable_of(facts_of(self._store, other)).values()
            if len(found) >= 5 * MOST_FOREIGN:
                break
        return found


class _Pulse:
    """Gives a sign of life every few seconds, from a thread, for measuring takes longer than a lease."""

    def __init__(self, alive: Callable[[], bool]) -> None:
        self._alive, self.ours = alive, alive()
        """`ours`: whether the job is."""
        self._over = threading.Event()
        self._thread = threading.Thread(target=self._beat, name="memstrata-pulse", daemon=True)

    def __enter__(self) -> _Pulse:
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._over.set()
        self._thread.join()

    def _beat(self) -> None:
        while self.ours and not self._over.wait(SIGN_OF_LIFE_SECONDS):
            try:
                self.ours = self._alive()
            except Exception:  # noqa: BLE001 - whatever it is, nobody knows any more that the job is ours
                _log.warning("a job's lease could not be extended", exc_info=True)
                self.ours = False


class _BlobCheckpoints:
    """Keeps an adapter's checkpoint where its bytes will be, so that what deletes these deletes it too."""

    def __init__(self, store: Store, name: str) -> None:
        self._store, self._name = store, name

    @contextmanager
    def reading(self) -> Iterator[Path | None]:
        """See `Checkpoints.reading`."""
        if self._name not in self._store.blobs.names():
            yield None
            return
        with self._store.blobs.reading(self._name) as path:
            yield path if path.is_file() else None

    def keep(self, write: Callable[[Path], None]) -> None:
        """See `Checkpoints.keep`."""
        self._store.blobs.put(self._name, write)
