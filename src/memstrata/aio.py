"""`AsyncMemory`: the verbs of `Memory`, awaitable. Each runs on a thread; there is no logic here."""

from __future__ import annotations

import asyncio
import functools
from collections.abc import Awaitable, Callable
from concurrent.futures import ThreadPoolExecutor
from types import TracebackType
from typing import Any, Concatenate, ParamSpec, Self, TypeVar, cast

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
