"""How background work is put together: which parts serve which queue, and what they say of themselves."""

from __future__ import annotations

import os
import secrets
import socket
from collections.abc import Callable
from dataclasses import dataclass, replace
from datetime import datetime
from typing import TYPE_CHECKING, Any

from memstrata.core.passages import vector_space
from memstrata.core.records import REFRESH_QUEUE, SCRUB_QUEUE, NewJob
from memstrata.learning import extraction_queue, learn_by_model_with, learn_with
from memstrata.parametric.asking import refresh_all
from memstrata.parametric.working import AdapterWork
from memstrata.ports import Embedder, Extractor, LanguageModel, Store
from memstrata.schedule.embedding import embed_scope_with, embedding_queue
from memstrata.schedule.reading import ReadingState
from memstrata.schedule.salience import Salience
from memstrata.schedule.scrubbing import scrub_with
from memstrata.schedule.worker import Alive, Handler, Worker
from memstrata.types import Scope, Stats

if TYPE_CHECKING:
    from memstrata.models.budget import Budget  # it brings the HTTP client along

MOST_UNREAD = 10_000
"""`stats` counts no further: it reads what it counts."""


@dataclass(frozen=True, slots=True, kw_only=True)
class ModelReader:
    """A language model that reads facts: the extractor that asks it, how its reading goes, and how to let go of it."""

    extractor: Extractor
    state: ReadingState
    close: Callable[[], None]


@dataclass(frozen=True, slots=True, kw_only=True)
class Background:
    """The parts that work behind the application's back; None where one is not wanted."""

    embedder: Embedder | None
    extractor: Extractor | None
    reader: ModelReader | None
    salience: Salience | None
    adapters: AdapterWork[Any] | None = None

    @property
    def jobs(self) -> tuple[NewJob, ...]:
        """The work that new episodes cause."""
        queues = [] if self.embedder is None else [embedding_queue(self.embedder)]
        queues += [] if self.extractor is None else [extraction_queue(self.extractor)]
        queues += [] if self.reader is None else [extraction_queue(self.reader.extractor)]
        queues += [] if self.salience is None else [self.salience.queue]
        return tuple(NewJob(queue=queue) for queue in queues)

    def notes(self, scope: Scope) -> tuple[str, ...]:
        """What a scope's facts and hits are made without at present."""
        facts = () if self.reader is None else self.reader.state.notes(scope)
        return facts if self.salience is None else facts + self.salience.notes(scope)

    def described(self, stats: Stats, scope: Scope, *, at: datetime) -> Stats:
        """Counts with those of the models."""
        if self.salience is not None:
            notes = self.salience.notes(scope)
            stats = replace(stats, local_model=self.salience.model, degraded=stats.degraded + notes)
        return stats if self.reader is None else _with_reader(stats, self.reader, scope, at=at)

    def close(self) -> None:
        """Let go of the models."""
        if self.reader is not None:
            self.reader.close()


def reader_with(
    store: Store,
    model: LanguageModel,
    budget: Budget | None,
    clock: Callable[[], datetime],
    *,
    own: bool,
    instead: str,
) -> ModelReader:
    """A language model as a reader of facts: bounded in calls at once, on each scope's account. `own`: we made it."""
    from memstrata.extract.model import ModelExtractor
    from memstrata.models.at_once import AtOnce
    from memstrata.models.budget import Budget, BudgetedModel

    bounded, limits = AtOnce(model), budget or Budget()

    def on_account(scope: Scope) -> LanguageModel:
        return BudgetedModel(bounded, store, scope=scope, budget=limits, clock=clock)

    extractor = ModelExtractor(bounded, on_account=on_account)
    state = ReadingState(store, extractor=extractor.name, instead=instead)
    return ModelReader(extractor=extractor, state=state, close=getattr(model, "close", _nothing) if own else _nothing)


def worker_of(store: Store, parts: Background, *, clock: Callable[[], datetime]) -> Worker:
    """The worker that serves every queue of these parts. Those of models are patient: they wait for others, or long."""
    handlers: dict[str, Handler] = {
        SCRUB_QUEUE: scrub_with(store),
        REFRESH_QUEUE: _refresh_with(store, clock=clock),
    }
    space = None if parts.embedder is None else vector_space(parts.embedder.fingerprint)
    first: Handler | None = None
    if parts.embedder is not None:
        handlers[embedding_queue(parts.embedder)] = embed_scope_with(store, parts.embedder)
    if parts.extractor is not None:
        first = learn_with(store, parts.extractor, clock=clock, space=space)
        handlers[extraction_queue(parts.extractor)] = first
    patient: list[str] = []
    if parts.reader is not None:
        patient.append(extraction_queue(parts.reader.extractor))
        handlers[patient[-1]] = learn_by_model_with(
            store, parts.reader.extractor, first=first, state=parts.reader.state, clock=clock, space=space
        )
    if parts.salience is not None:
        patient.append(parts.salience.queue)
        handlers[patient[-1]] = parts.salience.handler
    if parts.adapters is not None:
        patient.append(parts.adapters.queue)
        handlers[patient[-1]] = parts.adapters
    owner = f"{socket.gethostname()}/{os.getpid()}/{secrets.token_hex(4)}"
    return Worker(store, handlers, owner=owner, clock=clock, patient=patient)


def _refresh_with(store: Store, *, clock: Callable[[], datetime]) -> Handler:
    """Asks for adapters anew whose facts changed."""

    def refresh(scope_key: int, alive: Alive) -> None:
        refresh_all(store, store.scope_of(scope_key), clock=clock)

    return refresh


def _with_reader(stats: Stats, reader: ModelReader, scope: Scope, *, at: datetime) -> Stats:
    """The counts with those of the language model."""
    state = reader.state
    unread = state.unread(scope, most=MOST_UNREAD)
    refused, spent = state.refused(scope), state.spent_today(scope, at=at)
    waiting = (f"model: {unread} episodes still to be read",) if unread else ()
    return replace(
        stats,
        model=reader.extractor.name,
        unread=unread,
        refused_facts=refused.facts,
        refused_answers=refused.answers,
        calls_today=spent.calls,
        tokens_today=spent.tokens,
        money_today=spent.micros / 1_000_000,
        degraded=stats.degraded + state.notes(scope) + waiting,
    )


def _nothing() -> None:
    """Nothing is to be let go of: the caller made it."""
