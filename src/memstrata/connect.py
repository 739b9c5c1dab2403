"""The composition root: from names and objects to the parts that a memory is made of."""

from __future__ import annotations

from collections.abc import Callable
from datetime import datetime
from importlib.metadata import entry_points
from typing import TYPE_CHECKING, Any, Literal, cast, get_args

from memstrata.background import Background, reader_with, worker_of
from memstrata.core.passages import vector_space
from memstrata.errors import InvalidInput
from memstrata.extract.rules.extractor import RulesExtractor
from memstrata.models.cached import CachedEmbedder
from memstrata.models.resolve import (
    resolve_embedder,
    resolve_language_model,
    resolve_local_model,
    resolve_teacher,
)
from memstrata.parametric.working import AdapterWork
from memstrata.parts import ForgetPolicy, Parts
from memstrata.ports import Embedder, Extractor, LanguageModel, LocalModel, Store
from memstrata.schedule.embedding import embedding_queue
from memstrata.schedule.salience import Salience
from memstrata.settings import Settings
from memstrata.types import LOG_KINDS, LogKind

if TYPE_CHECKING:
    from memstrata.models.budget import Budget  # it brings the HTTP client along

WorkerMode = Literal["thread", "none"]
STORE_GROUP = "memstrata.stores"


def connect(
    store: str | Store | None,
    *,
    embedder: str | Embedder | None,
    extractor: str | Extractor | None,
    model: str | LanguageModel | None,
    local_model: str | LocalModel | None,
    adapters: str | None = None,
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
        background = Background(
            embedder=vectors, extractor=rules, reader=reader, salience=salience, adapters=_adapters(home, adapters)
        )
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


def _adapters(store: Store, spec: str | None) -> AdapterWork[Any] | None:
    """Work that teaches a local model, or none."""
    return None if spec is None or spec == "none" else AdapterWork(store, resolve_teacher(spec))


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
