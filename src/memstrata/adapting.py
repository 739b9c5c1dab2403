"""Adapters of memories: which are to be made, their making in the background, and which a question calls for.

The one place where the parametric slice meets the store. An adapter is a row before it is bytes: `refresh` writes the
rows that a memory should have, each with its job; the handler trains and measures, and publishes or refuses. What is
forgotten takes its adapter with it in the store's own transaction, and what changes makes it stale; `refresh` then has
the shard made anew from what is left.
"""

from __future__ import annotations

import logging
import threading
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager, suppress
from dataclasses import asdict, dataclass, replace
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any, Generic, TypeVar

from memstrata.core.artifacts import artifact_id
from memstrata.core.records import FactQuery
from memstrata.core.training import Limits, Progress, Recipe
from memstrata.errors import ArtifactRefused, InvalidInput, NotFound, TrainingStopped
from memstrata.parametric.making import MOST_FOREIGN, Made, Teacher, make
from memstrata.parametric.policy import SETTLED, Consent, called_for, teachable
from memstrata.parametric.sharding import FACTS_A_SHARD, Shard, sharded
from memstrata.parametric.wordings import Askable, askable
from memstrata.ports import Store
from memstrata.schedule.worker import LEASE, Alive
from memstrata.types import Artifact, ArtifactStatus, Fact, FactKind, Hit, Scope

KIND = "adapter"
HELD: tuple[ArtifactStatus, ...] = ("making", "ready", "kept", "refused", "stale")
SIGN_OF_LIFE_SECONDS = LEASE.total_seconds() / 6
MOST_LOADED = 8
"""Adapters held in memory; one of 135 million weights has 10 MB."""
A = TypeVar("A")
_log = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True, kw_only=True)
class Attached(Generic[A]):
    """An adapter that a question calls for, with its row."""

    artifact: Artifact
    adapter: A


class Adapting(Generic[A]):
    """The adapters of a store's memories for one local model. Safe to use from several threads."""

    def __init__(
        self,
        store: Store,
        teacher: Teacher[A],
        *,
        clock: Callable[[], datetime],
        recipe: Recipe | None = None,
        limits: Limits | None = None,
        settled: timedelta = SETTLED,
        watch: Callable[[str, Progress], None] = lambda id_, progress: None,
    ) -> None:
        self._store, self._teacher, self._clock = store, teacher, clock
        self._recipe, self._limits, self._settled = recipe or Recipe(), limits or Limits(), settled
        self._watch = watch
        self._loaded: dict[str, A] = {}
        self._lock = threading.Lock()

    @property
    def queue(self) -> str:
        """The queue of its jobs; only a worker with the same model serves it."""
        return f"adapt/{self._teacher.base}"

    def promote(self, scope: Scope, kinds: Sequence[FactKind]) -> list[Artifact]:
        """Have a memory's facts of these kinds learned; returns the rows of all adapters that it then has or will have.

        The kinds are the person's consent, and kept with every adapter. Raises InvalidInput without any.
        """
        if not kinds:
            raise InvalidInput("name the kinds of facts that may be trained on; by default none may")
        self._ask_for(scope, Consent(kinds=frozenset(kinds)), self.rows(scope))
        return self.rows(scope)

    def rows(self, scope: Scope) -> list[Artifact]:
        """A memory's adapters for this model, whatever their status."""
        return [each for each in self._store.artifacts(scope, kind=KIND) if each.model == self._teacher.base]

    def refresh(self, scope: Scope, before: Sequence[Artifact]) -> bool:
        """Ask for what a memory's adapters lack after something was forgotten or changed; True where that is anything.

        `before`: its rows before that, for those of what was forgotten are gone. What was consented to holds on.
        """
        known = {each.id: each for each in (*before, *self.rows(scope))}
        kinds = frozenset(kind for each in known.values() for kind in _kinds(each))
        return bool(kinds) and self._ask_for(scope, Consent(kinds=kinds), list(known.values()))

    def rollback(self, scope: Scope, id_: str) -> Artifact:
        """Make an earlier version of an adapter the ready one. Raises NotFound where it is none that was kept."""
        if not self._store.publish_artifact(scope, id_):
            raise NotFound(f"no adapter {id_!r} is kept; see which versions there are")
        return next(each for each in self.rows(scope) if each.id == id_)

    def revoke(self, scope: Scope, ids: Sequence[str] | None = None) -> list[str]:
        """Delete adapters, or all of a memory, rows and bytes; the facts stay. Returns the ids of those deleted."""
        gone = self._store.drop_artifacts(scope, [each.id for each in self.rows(scope)] if ids is None else list(ids))
        self._store.scrub()
        with self._lock:
            for id_ in gone:
                self._loaded.pop(id_, None)
        return gone

    def attached(self, scope: Scope, question: str, hits: Sequence[Hit]) -> list[Attached[A]]:
        """The adapters that a question calls for, by what recall found for it.

        One is left out where recall found something about its subjects that was said after it was made: then the text
        knows more, and wins. So is one whose bytes are refused.
        """
        ready = {each.series: each for each in self.rows(scope) if each.status == "ready"}
        if not ready:
            return []
        asked = self._askable(scope)
        subjects = {
            series: tuple(dict.fromkeys(asked[id_].subject for id_ in row.sources if id_ in asked))
            for series, row in ready.items()
        }
        known = {name for names in subjects.values() for name in names}
        recalled = {name for name in known for hit in hits if _about(hit, name, asked)}
        series = called_for(question, subjects, recalled=recalled)
        found = []
        for each in series:
            row = ready[each]
            newer = any(
                hit.item.recorded_at > row.made_at and _about(hit, name, asked)
                for hit in hits
                for name in subjects[each]
            )
            if not newer and (adapter := self._load(scope, row)) is not None:
                found.append(Attached(artifact=row, adapter=adapter))
        self._store.note_use(scope, [each.artifact.id for each in found], at=self._clock())
        return found

    def handler(self, scope_key: int, alive: Alive) -> None:
        """Make what is to be made of a memory: the handler of `queue`."""
        scope = self._store.scope_of(scope_key)
        for row in self.rows(scope):
            if row.status == "making" and not self._make(scope, row, alive):
                return

    def _ask_for(self, scope: Scope, consent: Consent, known: Sequence[Artifact]) -> bool:
        facts = teachable(self._facts(scope), consent, now=self._clock(), settled=self._settled)
        by_id = self._askable(scope)
        subjects: dict[str, list[str]] = {}
        for row in known:
            names = [by_id[id_].subject for id_ in row.sources if id_ in by_id]
            subjects.setdefault(row.series, []).extend(name for name in names)
        taken: set[str] = set()
        for series, names in subjects.items():
            subjects[series] = [name for name in dict.fromkeys(names) if name not in taken]
            taken |= set(subjects[series])
        there = {each.id for each in self.rows(scope) if each.status in ("making", "ready", "kept", "refused")}
        begun = False
        for shard in sharded(facts, known=subjects, most=FACTS_A_SHARD):
            row = self._row(scope, shard, consent)
            if row.id not in there:
                begun |= self._store.begin_artifact(scope, row, queue=self.queue)
        return begun

    def _row(self, scope: Scope, shard: Shard, consent: Consent) -> Artifact:
        recipe: dict[str, Any] = {**self._recipe.as_json(), "kinds": sorted(consent.kinds)}
        episodes = {fact.id: [each.episode_id for each in fact.sources] for fact in self._facts(scope)}
        sources = [id_ for fact in shard.facts for id_ in (fact.fact_id, *episodes[fact.fact_id])]
        sources = list(dict.fromkeys(sources))
        id_ = artifact_id(KIND, model=self._teacher.base, series=shard.series, recipe=recipe, sources=sources)
        return Artifact(
            id=id_,
            kind=KIND,
            series=shard.series,
            status="making",
            model=self._teacher.base,
            sources=tuple(sources),
            recipe=recipe,
            made_at=self._clock(),
        )

    def _make(self, scope: Scope, row: Artifact, alive: Alive) -> bool:
        """Make one; False where the job is no longer ours."""
        by_id = self._askable(scope)
        facts = tuple(by_id[id_] for id_ in row.sources if id_ in by_id)
        shard = Shard(series=row.series, subjects=tuple(dict.fromkeys(each.subject for each in facts)), facts=facts)
        if not facts:
            return self._refused(scope, row, "nothing of it can be asked any more")
        pulse = _Pulse(alive)
        kept = _BlobCheckpoints(self._store, scope, row.id)
        recipe = Recipe.from_json({key: each for key, each in row.recipe.items() if key != "kinds"})

        def cancelled() -> bool:
            return not pulse() or not self._wanted(scope, row)

        try:
            made = make(
                self._teacher, shard, recipe, pool=list(by_id.values()), foreign=self._foreign(scope),
                checkpoints=kept, limits=self._limits, watch=lambda each: self._watch(row.id, each),
                cancelled=cancelled,
            )  # fmt: skip
        except TrainingStopped as stopped:
            if not pulse():
                return False  # whoever takes the job goes on from the last epoch
            if not self._wanted(scope, row):
                self._store.finish_artifact(scope, row)  # it was revoked meanwhile: its checkpoint goes
                return True
            return self._refused(scope, row, str(stopped))
        except ArtifactRefused as refused:
            return self._refused(scope, row, str(refused))
        return self._settle(scope, row, made)

    def _settle(self, scope: Scope, row: Artifact, made: Made[A]) -> bool:
        """Publish what passed the gate, refuse what did not; either way with its measurements."""
        metrics: dict[str, Any] = {**made.measured.as_json(), "epochs": [asdict(each) for each in made.epochs]}
        if made.reasons:
            return self._refused(scope, row, "; ".join(made.reasons), metrics)
        size = self._store.blobs.put(
            self._store.blob_name(scope, row.id), lambda path: self._teacher.write(made.adapter, path)
        )
        self._store.finish_artifact(scope, replace(row, status="ready", size=size, metrics=metrics))
        return True

    def _refused(self, scope: Scope, row: Artifact, reason: str, metrics: dict[str, Any] | None = None) -> bool:
        _log.info("the adapter %s is refused", row.id)
        self._store.finish_artifact(scope, replace(row, status="refused", reason=reason, metrics=metrics or {}))
        return True

    def _wanted(self, scope: Scope, row: Artifact) -> bool:
        """Whether it is still to be made: nothing that it is made of was forgotten or changed."""
        return any(each.id == row.id and each.status == "making" for each in self.rows(scope))

    def _facts(self, scope: Scope) -> list[Fact]:
        return list(self._store.facts(scope.partition, FactQuery(statuses=("active", "disputed"))))

    def _askable(self, scope: Scope) -> dict[str, Askable]:
        return {fact.id: made for fact in self._facts(scope) if (made := askable(fact)) is not None}

    def _foreign(self, scope: Scope) -> list[Askable]:
        """Facts of other memories that have adapters: the gate asks for them, and keeps a share and no word."""
        found: list[Askable] = []
        for other, _ in self._store.all_artifacts(KIND):
            if other.partition != scope.partition and len(found) < 5 * MOST_FOREIGN:
                found += self._askable(other).values()
        return list(dict.fromkeys(found))

    def _load(self, scope: Scope, row: Artifact) -> A | None:
        with self._lock:
            if row.id in self._loaded:
                return self._loaded[row.id]
        try:
            with self._store.blobs.reading(self._store.blob_name(scope, row.id)) as path:
                adapter = self._teacher.read(path)
        except (ArtifactRefused, NotFound):
            _log.warning("the adapter %s cannot be attached", row.id, exc_info=True)
            return None
        with self._lock:
            while len(self._loaded) >= MOST_LOADED:
                self._loaded.pop(next(iter(self._loaded)))
            self._loaded[row.id] = adapter
        return adapter


class _Pulse:
    """Gives a sign of life every few seconds, however often it is asked; False once the job is no longer ours."""

    def __init__(self, alive: Alive) -> None:
        self._alive, self._last, self._ours = alive, 0.0, True

    def __call__(self) -> bool:
        if self._ours and time.monotonic() - self._last >= SIGN_OF_LIFE_SECONDS:
            self._last, self._ours = time.monotonic(), self._alive()
        return self._ours


class _BlobCheckpoints:
    """Keeps an adapter's checkpoint where its bytes will be, so that what deletes these deletes it too."""

    def __init__(self, store: Store, scope: Scope, id_: str) -> None:
        self._store, self._scope, self._id = store, scope, id_

    @contextmanager
    def reading(self) -> Iterator[Path | None]:
        """See `Checkpoints.reading`."""
        with suppress(NotFound), self._store.blobs.reading(self._name) as path:
            if path.is_file():
                yield path
                return
        yield None

    def keep(self, write: Callable[[Path], None]) -> None:
        """See `Checkpoints.keep`."""
        self._store.blobs.put(self._name, write)

    @property
    def _name(self) -> str:
        return self._store.blob_name(self._scope, self._id)


def _about(hit: Hit, name: str, asked: dict[str, Askable]) -> bool:
    """Whether a hit is a fact about somebody, or words that name them; of the user, any of the user's own."""
    if isinstance(hit.item, Fact):
        known = asked.get(hit.item.id)
        return known.subject == name if known is not None else name in hit.item.text
    return hit.item.role == "user" if name == "user" else name in hit.item.text


def _kinds(row: Artifact) -> tuple[FactKind, ...]:
    kinds = row.recipe.get("kinds")
    return tuple(kinds) if isinstance(kinds, list) else ()  # type: ignore[arg-type]
