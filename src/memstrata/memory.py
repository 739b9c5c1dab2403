"""`Memory`: the verbs of a memory. Each names its steps; the slices do them."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from datetime import datetime, timedelta
from types import TracebackType
from typing import TYPE_CHECKING, Literal, Self

from memstrata.connect import WorkerMode, connect
from memstrata.core.messages import Messages, checked_scope, read_batch
from memstrata.core.requests import (
    checked_ids,
    checked_items,
    checked_limit,
    checked_query,
    read_times,
    read_view,
)
from memstrata.core.tokens import Tokenizer, estimated_tokens
from memstrata.errors import NotFound
from memstrata.govern.secrets import without_secrets
from memstrata.parts import ForgetPolicy
from memstrata.ports import Embedder, Extractor, LanguageModel, LocalModel, Store
from memstrata.recall.context import build_context
from memstrata.recall.search import Request
from memstrata.settings import Settings
from memstrata.tier_verbs import TierVerbs
from memstrata.types import (
    Context,
    Episode,
    ForgetReceipt,
    Hits,
    ItemKind,
    Json,
    LogKind,
    Page,
    Receipt,
    Stats,
)

if TYPE_CHECKING:
    from memstrata.models.budget import Budget

Time = datetime | str


class Memory(TierVerbs):
    """A lasting memory: remember with `add`, recall with `search` and `context`, erase with `forget`.

    `store`: `"sqlite:///PATH"`, `":memory:"`, a `Store`, or None for the user's own (see `Settings`).
    `embedder`: `"auto"` (the built-in multilingual model where it loads), `"none"`, `"onnx:PATH"`,
    `"openai:MODEL@URL"`, or an `Embedder`. `extractor`: `"rules"` reads facts in what was said, `"none"` leaves it
    at episodes, or an `Extractor`. `model`: a language model that reads the same words afterwards, in the background:
    `"openai:MODEL@URL"`, a `LanguageModel`, `"none"`, or None for the user's own (see `Settings`). `budget`: what it
    may cost a scope and day. Whatever it does, episodes and the facts of the rules are there; `degraded` says when it
    failed. `local_model`: a model on this machine that weighs, in the background, how much each turn tells:
    `"smollm2"`, a folder, a Hugging Face hub id, a `LocalModel`, `"none"`, or None for the user's own; what it costs
    is in the how-to about local models. `adapters`: a model on this machine, named likewise, that this memory's worker
    teaches what is promoted to the parametric tier; None leaves that to other workers. `forget_requests`: what happens
    when a user asks in a message to forget something: `"act"`, `"ask"` (the receipt says what would go) or `"ignore"`.
    `log_kind`: what the logs are made of, found out by itself with `"auto"`. `worker`: `"thread"` runs background work
    beside the application, `"none"` leaves it to `memstrata worker` (and to calls with `wait=True`). `clock` tells the
    time for tests.

    A context manager; without it, call `close`. Safe to use from several threads, and several processes may open
    one file. Every verb names a scope; see `Scope` for what the four ids mean.
    Raises `InvalidInput` for a wrong argument, the `StoreError` family where the store cannot be opened, and
    `EmbedderError` or `ModelError` where a named model cannot be had. An endpoint is not asked before it is needed.
    """

    def __init__(
        self,
        store: str | Store | None = None,
        *,
        embedder: str | Embedder | None = "auto",
        extractor: str | Extractor | None = "rules",
        model: str | LanguageModel | None = None,
        local_model: str | LocalModel | None = None,
        adapters: str | None = None,
        budget: Budget | None = None,
        forget_requests: ForgetPolicy = "act",
        log_kind: LogKind | Literal["auto"] = "auto",
        worker: WorkerMode = "thread",
        tokenizer: Tokenizer = estimated_tokens,
        clock: Callable[[], datetime] | None = None,
        settings: Settings | None = None,
    ) -> None:
        self._parts = connect(
            store,
            embedder=embedder,
            extractor=extractor,
            model=model,
            local_model=local_model,
            adapters=adapters,
            budget=budget,
            forget_requests=forget_requests,
            log_kind=log_kind,
            worker=worker,
            clock=clock,
            settings=settings,
        )
        self._tokenizer = tokenizer

    def add(
        self,
        messages: Messages,
        *,
        user_id: str | None = None,
        agent_id: str | None = None,
        app_id: str | None = None,
        run_id: str | None = None,
        timestamp: Time | None = None,
        metadata: Mapping[str, Json] | None = None,
        wait: bool = False,
    ) -> Receipt:
        """Remember what was said. When it returns, it is on the disk and can be found by its words.

        `messages`: a text, a message (dictionary or `Message`) or a list of them. `timestamp`: when they were said,
        for messages without their own; now, where neither is given. `metadata` is added to each message's own.
        `wait=True` returns only when the background work it caused is done too. Adding the same again adds nothing
        and says so. Raises `InvalidInput`, `MissingScope`, `Conflict` (a message id known with another text);
        nothing of the call is stored then.
        """
        scope = checked_scope(user_id, agent_id, app_id, run_id)
        parts = self._parts
        now = parts.clock()
        batch = read_batch(
            messages,
            scope=scope,
            timestamp=timestamp,
            metadata=metadata,
            now=now,
            make_id=parts.make_episode_id,
            clean=without_secrets,
        )
        appended = parts.store.append(scope, batch.episodes, recorded_at=now, jobs=parts.jobs)
        asked = parts.asked_to_forget(scope, batch, appended)
        return parts.receipt(scope, batch, appended, asked, wait=wait)

    def search(
        self,
        query: str,
        *,
        user_id: str | None = None,
        agent_id: str | None = None,
        app_id: str | None = None,
        run_id: str | None = None,
        limit: int = 10,
        as_of: Time | None = None,
        known_at: Time | None = None,
        filters: Mapping[str, object] | None = None,
        items: Sequence[ItemKind] = ("episode",),
    ) -> Hits:
        """Find what bears on a question, best first, at most `limit` hits (1 to 1,000).

        `as_of`: only what had been said by then. `known_at`: only what had been stored by then. `filters`: on role,
        name, run_id, message_id, timestamp, recorded_at and metadata, with AND, OR, NOT (see `core.filters`).
        `items`: `"episode"`, `"fact"` or both. Facts are those that hold now, or at `as_of`; never are a fact and the
        episode that it rests on both among the hits. Each hit tells its score, each signal's share of it in `why`, its
        `sources` and, with facts, what changed (`Hit.supersedes`, `Hit.superseded_by`). What could not be used is
        named in the result's `degraded`.
        """
        scope = checked_scope(user_id, agent_id, app_id, run_id)
        times = read_times(as_of, known_at)
        view = read_view(as_of=times[0], known_at=times[1], filters=filters)
        request = Request(query=checked_query(query), view=view, limit=checked_limit(limit))
        return self._parts.find(scope, request, items=checked_items(items), as_of=times[0], known_at=times[1])

    def context(
        self,
        query: str,
        *,
        max_tokens: int,
        user_id: str | None = None,
        agent_id: str | None = None,
        app_id: str | None = None,
        run_id: str | None = None,
        as_of: Time | None = None,
        known_at: Time | None = None,
        filters: Mapping[str, object] | None = None,
        items: Sequence[ItemKind] = ("episode",),
        seen: Sequence[str] = (),
    ) -> Context:
        """Text for a model's prompt: what bears on the question, dated and numbered, never over `max_tokens`.

        Tokens are counted by the memory's `tokenizer`; the default estimates them (`core.tokens`). The hits come
        back in the order of their numbers in the text. `items` as for `search`; with facts, the text says what changed.
        `seen`: ids of the items that the prompt holds already. They are left out and the numbers go on behind theirs,
        so that texts appended turn by turn leave a prompt's beginning as it is, which prefix caches need.
        """
        scope = checked_scope(user_id, agent_id, app_id, run_id)
        times = read_times(as_of, known_at)
        view = read_view(as_of=times[0], known_at=times[1], filters=filters)
        kinds = checked_items(items)

        def find(limit: int) -> Hits:
            request = Request(query=checked_query(query), view=view, limit=limit)
            return self._parts.find(scope, request, items=kinds, as_of=times[0], known_at=times[1])

        limit, known = checked_limit(max_tokens, what="max_tokens"), checked_ids(seen)
        return build_context(find, max_tokens=limit, count=self._tokenizer, seen=known)

    def episode(
        self,
        id: str,  # noqa: A002 - the field's word
        *,
        user_id: str | None = None,
        agent_id: str | None = None,
        app_id: str | None = None,
        run_id: str | None = None,
    ) -> Episode:
        """One episode by its id. Raises `NotFound` where the scope has none such, whoever else may have."""
        scope = checked_scope(user_id, agent_id, app_id, run_id)
        found = self._parts.store.by_ids(scope, checked_ids([id]))
        if not found:
            raise NotFound(f"no episode {id!r} in this scope")
        return found[0]

    def episodes(
        self,
        *,
        user_id: str | None = None,
        agent_id: str | None = None,
        app_id: str | None = None,
        run_id: str | None = None,
        limit: int = 100,
        cursor: str | None = None,
        as_of: Time | None = None,
        known_at: Time | None = None,
        filters: Mapping[str, object] | None = None,
    ) -> Page:
        """Episodes newest first, a page at a time; give a page's `next` as `cursor` to go on."""
        scope = checked_scope(user_id, agent_id, app_id, run_id)
        view = read_view(as_of=as_of, known_at=known_at, filters=filters)
        return self._parts.store.list_episodes(scope, view, limit=checked_limit(limit), cursor=cursor)

    def forget(
        self,
        ids: str | Sequence[str] | Literal["everything"] = "everything",
        *,
        user_id: str | None = None,
        agent_id: str | None = None,
        app_id: str | None = None,
        run_id: str | None = None,
    ) -> ForgetReceipt:
        """Erase episodes for good: these ids, or without `ids` the whole run or memory that the scope names.

        Text, vectors, index entries and free pages go; afterwards no byte of the text is in any file of the store.
        Ids that the scope does not hold are passed over; the receipt lists what was erased.
        """
        scope = checked_scope(user_id, agent_id, app_id, run_id)
        wanted = None if isinstance(ids, str) and ids == "everything" else checked_ids(ids)
        return self._parts.forget(scope, wanted)

    def stats(
        self,
        *,
        user_id: str | None = None,
        agent_id: str | None = None,
        app_id: str | None = None,
        run_id: str | None = None,
    ) -> Stats:
        """Counts of a scope, how far its background work is, and what is degraded."""
        return self._parts.stats(checked_scope(user_id, agent_id, app_id, run_id))

    def wait(self, *, timeout: timedelta | None = None) -> bool:
        """Return when no background work is left that can be done now; False where `timeout` came first.

        What a language model failed at is tried again later and not awaited; `stats().unread` counts it.
        """
        return self._parts.worker.drain(timeout=timeout)

    def close(self) -> None:
        """Finish the step at hand and let go of the store. Work that is left waits in the store."""
        self._parts.close()

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()
