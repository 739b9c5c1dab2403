"""Which adapters a question calls for, read from the store and held ready; text wins where it knows more."""

from __future__ import annotations

import logging
import threading
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Generic, TypeVar

from memstrata.errors import ArtifactRefused, NotFound
from memstrata.parametric.asking import KIND, askable_of, facts_of, subjects_of
from memstrata.parametric.making import Teacher
from memstrata.parametric.policy import called_for
from memstrata.parametric.wordings import Askable
from memstrata.ports import Store
from memstrata.types import Artifact, Fact, Hit, Scope

MOST_LOADED = 8
"""Adapters held in memory; one for 135 million weights has 10 MB."""
A = TypeVar("A")
_log = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True, kw_only=True)
class AttachedAdapter(Generic[A]):
    """An adapter that a question calls for, with its row."""

    artifact: Artifact
    adapter: A


class AdapterAttacher(Generic[A]):
    """Finds the adapters of a store's memories for one model. Safe to use from several threads."""

    def __init__(self, store: Store, teacher: Teacher[A], *, clock: Callable[[], datetime]) -> None:
        self._store, self._teacher, self._clock = store, teacher, clock
        self._loaded: dict[str, A] = {}
        self._lock = threading.Lock()

    def attached(self, scope: Scope, question: str, hits: Sequence[Hit]) -> list[AttachedAdapter[A]]:
        """The adapters that a question calls for, by what recall found for it.

        One is left out where recall found something about its subjects that was said after it was made: then the text
        knows more, and wins. So is one whose bytes are of no use.
        """
        rows = self._store.artifacts(scope, kinds=[KIND], statuses=["ready"])
        ready = {each.series: each for each in rows if each.model == self._teacher.base}
        if not ready:
            return []
        sources = [id_ for row in ready.values() for id_ in row.sources]
        asked = askable_of(facts_of(self._store, scope, sources))
        subjects = subjects_of(list(ready.values()), asked)
        known = {name for names in subjects.values() for name in names}
        recalled = {name for name in known if any(_about(hit, name, asked) for hit in hits)}
        found = []
        for series in called_for(question, subjects, recalled=recalled):
            row = ready[series]
            late = [hit for hit in hits if hit.item.recorded_at > row.made_at]
            if any(_about(hit, name, asked) for hit in late for name in subjects[series]):
                continue
            adapter = self._load(scope, row)
            if adapter is not None:
                found.append(AttachedAdapter(artifact=row, adapter=adapter))
        if found:
            self._store.note_use(scope, [each.artifact.id for each in found], at=self._clock())
        return found

    def _load(self, scope: Scope, row: Artifact) -> A | None:
        """The same row's adapter is read once; a row that is gone is never asked for."""
        key = self._store.blob_name(scope, row.id)
        with self._lock:
            if key in self._loaded:
                return self._loaded[key]
        try:
            if self._store.blobs.digest(key) != row.digest:
                raise ArtifactRefused(f"the adapter {row.id!r} holds other bytes than were written")
            with self._store.blobs.reading(key) as path:
                adapter = self._teacher.read(path)
        except (ArtifactRefused, NotFound):
            _log.warning("the adapter %s cannot be attached", row.id, exc_info=True)
            return None
        with self._lock:
            while len(self._loaded) >= MOST_LOADED:
                self._loaded.pop(next(iter(self._loaded)))
            self._loaded[key] = adapter
        return adapter


def _about(hit: Hit, name: str, asked: dict[str, Askable]) -> bool:
    """Whether a hit is a fact about somebody, or words that name them; of the user, any of the user's own."""
    if isinstance(hit.item, Fact):
        known = asked.get(hit.item.id)
        return known.subject == name if known is not None else name in hit.item.text
    return hit.item.role == "user" if name == "user" else name in hit.item.text
