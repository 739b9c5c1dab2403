"""`AsyncMemory` and `AsyncChat`: `Memory` and `Chat`, awaitable. Each call runs on a thread; there is no logic here."""

from __future__ import annotations

import asyncio
import functools
from collections.abc import AsyncIterator, Awaitable, Callable
from concurrent.futures import ThreadPoolExecutor
from types import TracebackType
from typing import Any, Concatenate, ParamSpec, Self, TypeVar, cast

from memstrata.chat.chatting import Answer, Chat, Stream
from memstrata.memory import Memory

P = ParamSpec("P")
T = TypeVar("T")
THREADS = 8


def _awaitable(method: Callable[Concatenate[Memory, P], T]) -> Callable[Concatenate[AsyncMemory, P], Awaitable[T]]:
    """The same method, run on one of the memory's threads."""

    @functools.wraps(method)
    async def run(self: AsyncMemory, *args: P.args, **kwargs: P.kwargs) -> T:
        call = functools.partial(method, self._memory, *args, **kwargs)
        return await asyncio.get_running_loop().run_in_executor(self._threads, call)

    return cast(Callable[Concatenate["AsyncMemory", P], Awaitable[T]], run)


class AsyncMemory:
    """A `Memory` whose verbs are awaited; it is built with the same arguments.

    An async context manager; without it, await `close`.
    """

    add = _awaitable(Memory.add)
    search = _awaitable(Memory.search)
    context = _awaitable(Memory.context)
    episode = _awaitable(Memory.episode)
    episodes = _awaitable(Memory.episodes)
    forget = _awaitable(Memory.forget)
    stats = _awaitable(Memory.stats)
    facts = _awaitable(Memory.facts)
    fact = _awaitable(Memory.fact)
    profile = _awaitable(Memory.profile)
    timeline = _awaitable(Memory.timeline)
    history = _awaitable(Memory.history)
    correct = _awaitable(Memory.correct)
    retire = _awaitable(Memory.retire)
    confirm = _awaitable(Memory.confirm)
    reject = _awaitable(Memory.reject)
    pin = _awaitable(Memory.pin)
    mute = _awaitable(Memory.mute)
    undo = _awaitable(Memory.undo)
    export = _awaitable(Memory.export)
    restore = _awaitable(Memory.restore)
    import_file = _awaitable(Memory.import_file)
    promote = _awaitable(Memory.promote)
    demote = _awaitable(Memory.demote)
    artifacts = _awaitable(Memory.artifacts)
    attacher = _awaitable(Memory.attacher)
    wait = _awaitable(Memory.wait)

    @functools.wraps(Memory.__init__)  # type: ignore[misc]
    def __init__(self, *args: Any, **kwargs: Any) -> None:
        self._memory = Memory(*args, **kwargs)
        self._threads = ThreadPoolExecutor(THREADS, thread_name_prefix="memstrata-async")

    async def close(self) -> None:
        """See `Memory.close`."""
        await asyncio.get_running_loop().run_in_executor(self._threads, self._memory.close)
        self._threads.shutdown(wait=False)

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        await self.close()


class AsyncStream:
    """A `Stream` that is awaited."""

    def __init__(self, stream: Stream, threads: ThreadPoolExecutor) -> None:
        self._stream, self._threads = stream, threads

    async def __aiter__(self) -> AsyncIterator[str]:
        words = iter(self._stream)
        while (word := await self._run(next, words, None)) is not None:
            yield word

    async def answer(self) -> Answer:
        """See `Stream.answer`."""
        return await self._run(self._stream.answer)

    async def close(self) -> None:
        """See `Stream.close`."""
        await self._run(self._stream.close)

    async def _run(self, step: Callable[..., T], *args: object) -> T:
        return await asyncio.get_running_loop().run_in_executor(self._threads, step, *args)


def _said(method: Callable[Concatenate[Chat, P], T]) -> Callable[Concatenate[AsyncChat, P], Awaitable[T]]:
    """The same call, run on one of the chat's threads."""

    @functools.wraps(method)
    async def run(self: AsyncChat, *args: P.args, **kwargs: P.kwargs) -> T:
        call = functools.partial(method, self._chat, *args, **kwargs)
        return await asyncio.get_running_loop().run_in_executor(self._threads, call)

    return cast(Callable[Concatenate["AsyncChat", P], Awaitable[T]], run)


def _streamed(method: Callable[Concatenate[Chat, P], Stream]) -> Callable[Concatenate[AsyncChat, P], AsyncStream]:
    """The same stream, to be awaited."""

    @functools.wraps(method)
    def run(self: AsyncChat, *args: P.args, **kwargs: P.kwargs) -> AsyncStream:
        return AsyncStream(method(self._chat, *args, **kwargs), self._threads)

    return cast(Callable[Concatenate["AsyncChat", P], AsyncStream], run)


class AsyncChat:
    """A `Chat` that is awaited: `await AsyncChat(memory, model)("...", user_id="ann")`, with an `AsyncMemory`."""

    __call__ = _said(Chat.__call__)
    stream = _streamed(Chat.stream)

    def __init__(self, memory: AsyncMemory, *args: Any, **kwargs: Any) -> None:
        self._chat = Chat(memory._memory, *args, **kwargs)
        self._threads = ThreadPoolExecutor(THREADS, thread_name_prefix="memstrata-chat")
