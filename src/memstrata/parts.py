"""What a memory is made of, and the steps that need several of its parts."""

from __future__ import annotations

import secrets
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any, Literal, TypeVar

from memstrata.activation.attaching import Attacher
from memstrata.activation.keeping import Keeper
from memstrata.background import Background
from memstrata.core.clock import from_microseconds
from memstrata.core.ids import new_id
from memstrata.core.messages import Batch, read_batch
from memstrata.core.passages import vector_space
from memstrata.core.records import CORRECTS, Appended, NewJob
from memstrata.errors import InvalidInput, Stale
from memstrata.extract.rules.extractor import restated
from memstrata.forgetting import forget_on_request
from memstrata.govern.secrets import without_secrets
from memstrata.learning import read_again
from memstrata.models.resolve import attachable, resolve_chat_model, teacher_of
from memstrata.parametric.asking import KIND as ADAPTER
from memstrata.parametric.asking import AdapterRows, refresh_all
from memstrata.parametric.attaching import AdapterAttacher
from memstrata.ports import AttachingModel, Embedder, Extractor, P, Store
from memstrata.recall.items import search_items
from memstrata.recall.search import NO_EMBEDDER, Request, search, still_embedding
from memstrata.schedule.worker import Worker
from memstrata.types import (
    AskedToForget,
    Change,
    Fact,
    Facts,
    ForgetReceipt,
    Hits,
    ItemKind,
    LogKind,
    Receipt,
    Scope,
    Source,
    Stats,
)
from memstrata.update.wishes import correction, unless_stale

ForgetPolicy = Literal["act", "ask", "ignore"]
"""What happens when a user asks to forget: it is done, it waits for the application, or it is left alone."""
Found = TypeVar("Found", Hits, Facts)


@dataclass(frozen=True, slots=True, kw_only=True)
class Parts:
    """What a memory is made of, and the few steps that need several parts."""

    store: Store
    embedder: Embedder | None
    extractor: Extractor | None
    background: Background
    forget_requests: ForgetPolicy
    worker: Worker
    log_kind: LogKind | None
    clock: Callable[[], datetime]
    local_model: str | None = None
    attachers: dict[str, Attacher[Any]] = field(default_factory=dict)
    adapter_attachers: dict[str, AdapterAttacher[Any]] = field(default_factory=dict)

    def attacher(self, model: str | AttachingModel[P] | None) -> Attacher[P]:
        """What finds and keeps artifacts for a model, or for the memory's own; one for each fingerprint.

        Raises InvalidInput where none is named or it is not on this machine, ModelError, ModelUnavailable.
        """
        found = self.local(model)
        return self.attachers.setdefault(found.fingerprint, Attacher(Keeper(self.store, found, clock=self.clock)))

    def local(self, model: str | AttachingModel[P] | None) -> AttachingModel[P]:
        """The model of this machine that is named, or the memory's own. Raises as `attacher` does."""
        if model is None and self.local_model is None:
            raise InvalidInput('name the model that is to attend to it, such as model="local:smollm2"')
        found = resolve_chat_model(f"local:{self.local_model}") if model is None else resolve_chat_model(model)
        if not attachable(found):
            raise InvalidInput(f"the model {found.name!r} is not on this machine, so nothing can be attached to it")
        return found

    def adapter_rows(self, model: str | AttachingModel[P] | None) -> AdapterRows:
        """The adapters of memories for a model. Raises as `attacher` does, and where a model cannot be taught."""
        teacher = teacher_of(found := self.local(model))
        if teacher is None:
            raise InvalidInput(f'the model {found.name!r} cannot be taught; name one such as "local:smollm2"')
        return AdapterRows(self.store, teacher.base, clock=self.clock)

    def adapter_attacher(self, model: str | AttachingModel[P] | None) -> AdapterAttacher[Any] | None:
        """What finds the adapters that a question calls for; None for a model that cannot be taught."""
        teacher = teacher_of(found := self.local(model))
        if teacher is None:
            return None
        made = AdapterAttacher(self.store, teacher, clock=self.clock)
        return self.adapter_attachers.setdefault(found.fingerprint, made)

    @contextmanager
    def refreshing(self, scope: Scope) -> Iterator[None]:
        """What is forgotten meanwhile takes adapters with it; they are then asked for anew, of what is left."""
        before = self.store.artifacts(scope, kinds=[ADAPTER])
        yield
        if before and refresh_all(self.store, scope, clock=self.clock, before=before):
            self.worker.wake()

    @property
    def jobs(self) -> tuple[NewJob, ...]:
        """The work that new episodes cause."""
        return self.background.jobs

    def make_episode_id(self) -> str:
        """A fresh id."""
        return self.make_id("ep")

    def make_id(self, prefix: str) -> str:
        """A fresh id of a kind; ids sort by the time they were made."""
        return new_id(prefix, int(self.clock().timestamp() * 1000), secrets.token_bytes(10))

    def asked_to_forget(self, scope: Scope, batch: Batch, appended: Sequence[Appended]) -> tuple[AskedToForget, ...]:
        """Carry out, or with the policy "ask" only name, what the user asks to forget in new messages."""
        if self.forget_requests == "ignore":
            return ()
        asked = forget_on_request(
            self.store,
            self.embedder,
            scope,
            [(new, known.id) for new, known in zip(batch.episodes, appended, strict=True) if known.added],
            act=self.forget_requests == "act",
            make_id=lambda: self.make_id("fg"),
            clock=self.clock,
            jobs=self.jobs,
            around=lambda: self.refreshing(scope),
        )
        changed = dict.fromkeys(id_ for each in asked if each.receipt for id_ in each.receipt.episode_ids)
        if changed and self.extractor is not None:
            read_again(self.store, self.extractor, scope.partition, list(changed), at=self.clock())
        return asked

    def receipt(
        self,
        scope: Scope,
        batch: Batch,
        appended: Sequence[Appended],
        asked: tuple[AskedToForget, ...],
        *,
        wait: bool,
    ) -> Receipt:
        """Set the caused work going, or do it, and say what was done."""
        added = sum(each.added for each in appended)
        if wait:
            self.worker.drain(scope)
        elif added:
            self.worker.wake()
        pending = tuple(job.queue for job in self.jobs) if added and not wait else ()
        return Receipt(
            episode_ids=tuple(each.id for each in appended),
            added=added,
            duplicates=len(appended) - added,
            skipped_empty=batch.skipped_empty,
            pending=pending,
            secrets=batch.secrets,
            forget_requests=asked,
            degraded=(() if self.embedder is not None else (NO_EMBEDDER,)) + self.notes(scope),
        )

    def notes(self, scope: Scope) -> tuple[str, ...]:
        """What a scope's facts and hits are made without at present."""
        return self.background.notes(scope)

    def noted(self, scope: Scope, found: Found) -> Found:
        """What was found, with these notes."""
        found.degraded += self.notes(scope)
        return found

    def correct(self, scope: Scope, read: Callable[[], Fact], text: str, *, version: str | None) -> str:
        """Remember the user's own words and put them in the place of a fact; returns the new fact's id."""
        now, fact = self.clock(), read()
        batch = read_batch(
            text,
            scope=scope,
            timestamp=now,
            metadata={CORRECTS: fact.id},
            now=now,
            make_id=self.make_episode_id,
            clean=without_secrets,
        )
        text = batch.episodes[0].text
        unless_stale(self.store, scope, read, lambda _: None, version=version)  # before anything is remembered
        (episode,) = self.store.append(scope, batch.episodes, recorded_at=now, jobs=self.jobs)
        source = Source(episode_id=episode.id, start=0, end=len(text))
        claim = restated(fact.claim, text, source)
        new_id = self.make_id("fa")
        changes = correction(fact, claim, new_id, cause=self.make_id("us"), at=now)

        def write(expected: int | None) -> list[Change]:
            return self.store.change_facts(scope, changes, expected=expected)

        try:
            unless_stale(self.store, scope, read, write, version=version)
        except Stale:
            self.forget(scope, [episode.id])  # what was to be corrected changed in between: nothing was said
            raise
        self.worker.wake()
        return new_id

    def forget(self, scope: Scope, ids: Sequence[str] | None) -> ForgetReceipt:
        """Erase, and testify."""
        receipt_id = self.make_id("fg")
        asked_at = self.clock()
        with self.refreshing(scope):
            done = self.store.forget(scope, ids=ids, receipt_id=receipt_id, at=asked_at)
        reader = self.background.reader
        if reader is not None and not reader.state.unread(scope, most=1):
            reader.state.went_well(scope)  # what could not be read is gone
        return ForgetReceipt(
            id=receipt_id,
            forgotten=len(done.episode_ids),
            episode_ids=done.episode_ids,
            asked_at=asked_at,
            done_at=self.clock(),
            scrubbed=done.scrubbed,
        )

    def find(
        self,
        scope: Scope,
        request: Request,
        *,
        items: Sequence[ItemKind],
        as_of: datetime | None,
        known_at: datetime | None,
    ) -> Hits:
        """The best items of these kinds."""
        if "fact" not in items:
            hits = search(self.store, self.embedder, scope, request, log_kind=self.log_kind)
            return self.noted(scope, hits)
        hits = search_items(
            self.store,
            self.embedder,
            scope,
            request,
            items=items,
            at=as_of or self.clock(),
            known_at=known_at,
            log_kind=self.log_kind,
        )
        return self.noted(scope, hits)

    def stats(self, scope: Scope) -> Stats:
        """Counts with the embedder's name and what is degraded."""
        space = None if self.embedder is None else vector_space(self.embedder.fingerprint)
        counts = self.store.counts(scope, space=space)
        degraded = (NO_EMBEDDER,) if space is None else still_embedding(counts.episodes, counts.vectors)
        stats = Stats(
            episodes=counts.episodes,
            runs=counts.runs,
            sessions=counts.sessions,
            first=None if counts.first is None else from_microseconds(counts.first),
            last=None if counts.last is None else from_microseconds(counts.last),
            text_characters=counts.text_characters,
            embedder=None if self.embedder is None else self.embedder.fingerprint,
            vectors=counts.vectors,
            jobs_pending=counts.jobs.pending,
            jobs_running=counts.jobs.running,
            jobs_dead=counts.jobs.dead,
            forgotten=counts.forgotten,
            facts=counts.facts,
            quarantined=counts.quarantined,
            weighed=counts.weighed,
            degraded=degraded,
        )
        return self.background.described(stats, scope, at=self.clock())

    def close(self) -> None:
        """Stop the worker, let go of the model, then of the store."""
        self.worker.stop()
        self.background.close()
        self.store.close()
