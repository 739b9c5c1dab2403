"""The composition root: from names and objects to the parts that a memory is made of."""

from __future__ import annotations

import secrets
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from importlib.metadata import entry_points
from typing import TYPE_CHECKING, Any, Literal, TypeVar, cast, get_args

from memstrata.activation.attaching import Attacher
from memstrata.activation.keeping import Keeper
from memstrata.background import Background, reader_with, worker_of
from memstrata.core.clock import from_microseconds
from memstrata.core.ids import new_id
from memstrata.core.messages import Batch, read_batch
from memstrata.core.passages import vector_space
from memstrata.core.records import CORRECTS, Appended, NewJob
from memstrata.errors import InvalidInput, Stale
from memstrata.extract.rules.extractor import RulesExtractor, restated
from memstrata.forgetting import forget_on_request
from memstrata.govern.secrets import without_secrets
from memstrata.learning import read_again
from memstrata.models.cached import CachedEmbedder
from memstrata.models.resolve import (
    attachable,
    resolve_chat_model,
    resolve_embedder,
    resolve_language_model,
    resolve_local_model,
)
from memstrata.ports import AttachingModel, Embedder, Extractor, LanguageModel, LocalModel, P, Store
from memstrata.recall.items import search_items
from memstrata.recall.search import NO_EMBEDDER, Request, search, still_embedding
from memstrata.schedule.embedding import embedding_queue
from memstrata.schedule.salience import Salience
from memstrata.schedule.worker import Worker
from memstrata.settings import Settings
from memstrata.types import (
    LOG_KINDS,
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

if TYPE_CHECKING:
    from memstrata.models.budget import Budget  # it brings the HTTP client along

WorkerMode = Literal["thread", "none"]
ForgetPolicy = Literal["act", "ask", "ignore"]
"""What happens when a user asks to forget: it is done, it waits for the application, or it is left alone."""
STORE_GROUP = "memstrata.stores"
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

    def attacher(self, model: str | AttachingModel[P] | None) -> Attacher[P]:
        """What finds and keeps artifacts for a model, or for the memory's own; one for each fingerprint.

        Raises InvalidInput where none is named or it is not on this machine, ModelError, ModelUnavailable.
        """
        if model is None and self.local_model is None:
            raise InvalidInput('name the model that is to attend to it, such as model="local:smollm2"')
        found = resolve_chat_model(f"local:{self.local_model}") if model is None else resolve_chat_model(model)
        if not attachable(found):
            raise InvalidInput(f"the model {found.name!r} is not on this machine, so nothing can be attached to it")
        return self.attachers.setdefault(found.fingerprint, Attacher(Keeper(self.store, found, clock=self.clock)))

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
        )
        changed = dict.fromkeys(id_ for each in asked if each.receipt for id_ in each.receipt.episode_ids)
        if changed and self.extractor is not None:
            read_again(self.store, self.extractor, scope, list(changed), at=self.clock())
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


def connect(
    store: str | Store | None,
    *,
    embedder: str | Embedder | None,
    extractor: str | Extractor | None,
    model: str | LanguageModel | None,
    local_model: str | LocalModel | None,
    budget: Budget | None,
    forget_requests: ForgetPolicy,
    log_kind: LogKind | Literal["auto"],
    worker: WorkerMode,
    clock: Callable[[], datetime] | None,
    settings: Settings | None,
) -> Parts:
    """Open the store, load the embedder, start the worker.

    Raises InvalidInput, StoreError, EmbedderError, ModelError.
    """
    if log_kind != "auto" and log_kind not in LOG_KINDS:
        raise InvalidInput(f"log_kind is auto, {', '.join(LOG_KINDS)}, not {log_kind!r}")
    if forget_requests not in get_args(ForgetPolicy):
        raise InvalidInput(f"forget_requests is one of {', '.join(get_args(ForgetPolicy))}, not {forget_requests!r}")
    if worker not in get_args(WorkerMode):
        raise InvalidInput(f"worker is one of {', '.join(get_args(WorkerMode))}, not {worker!r}")
    settings = settings or Settings.from_environment()
    clock = clock or _local_now
    vectors = _embedder(embedder, settings)
    asked = settings.model if model is None else model
    language_model = resolve_language_model(asked, base_url=settings.openai_base_url, api_key=settings.openai_api_key)
    home = open_store(settings.store if store is None else store, settings)
    try:
        if vectors is not None:
            home.use_space(vector_space(vectors.fingerprint), queue=embedding_queue(vectors), at=clock())
        rules = _extractor(extractor)
        weigher = settings.local_model if local_model is None else local_model
        salience = _salience(home, weigher, at=clock())
        reader = None
        if language_model is not None:
            instead = "rules only" if rules is not None else "no facts are read"
            reader = reader_with(home, language_model, budget, clock, own=isinstance(asked, str), instead=instead)
        background = Background(embedder=vectors, extractor=rules, reader=reader, salience=salience)
        runner = worker_of(home, background, clock=clock)
    except BaseException:
        home.close()
        raise
    if worker == "thread":
        runner.start()
    return Parts(
        store=home,
        embedder=vectors,
        extractor=rules,
        background=background,
        forget_requests=forget_requests,
        worker=runner,
        log_kind=None if log_kind == "auto" else log_kind,
        clock=clock,
        local_model=weigher if isinstance(weigher, str) and weigher != "none" else None,
    )


def open_store(store: str | Store, settings: Settings) -> Store:
    """A store by URL, through the entry points in which the built-in ones are registered too; an object is itself."""
    if not isinstance(store, str):
        return store
    scheme = store if store.startswith(":") else store.partition("://")[0]
    known = {entry.name: entry for entry in entry_points(group=STORE_GROUP)}
    if scheme not in known:
        hint = f'; for a file write "sqlite:///{store}"' if "://" not in store else ""
        raise InvalidInput(f"no store {store!r}; known: {', '.join(sorted(known))}{hint}")
    return cast(Store, known[scheme].load()(store, cache_bytes=settings.cache_bytes))


def _embedder(spec: str | Embedder | None, settings: Settings) -> Embedder | None:
    if spec == "auto":
        spec = settings.embedder
    model = resolve_embedder(spec, base_url=settings.openai_base_url, api_key=settings.openai_api_key)
    return None if model is None else CachedEmbedder(model)


def _salience(store: Store, spec: str | LocalModel, *, at: datetime) -> Salience | None:
    """A local model that weighs what a store holds and will hold."""
    model = resolve_local_model(spec)
    if model is None:
        return None
    salience = Salience(store, model)
    store.use_salience(salience.model, queue=salience.queue, at=at)
    return salience


def _extractor(spec: str | Extractor | None) -> Extractor | None:
    """An extractor by name; an object is itself."""
    if not isinstance(spec, str):
        return spec
    if spec not in ("rules", "none"):
        raise InvalidInput(f"extractor is rules, none or an Extractor, not {spec!r}")
    return RulesExtractor() if spec == "rules" else None


def _local_now() -> datetime:
    """Now on this machine's clock: the day that a message is dated by is the user's, not Greenwich's."""
    return datetime.now().astimezone()
