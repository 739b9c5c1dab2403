"""One test body for every surface: a memory in Python, awaited, over HTTP, over a socket, on the command line."""

from __future__ import annotations

import asyncio
import inspect
import json
import os
import subprocess
import sys
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import timedelta
from pathlib import Path
from typing import Any, ClassVar, get_type_hints

import pytest
import uvicorn

from memstrata.aio import AsyncMemory
from memstrata.client import RemoteMemory
from memstrata.connect import open_store
from memstrata.errors import Conflict, InvalidInput, MissingScope, NotFound, Stale
from memstrata.memory import Memory
from memstrata.settings import Settings
from memstrata.surfaces.rest.app import create_app
from memstrata.surfaces.rest.in_process import in_process
from memstrata.wire import VERBS, error_of, from_json, to_json

SAID = (
    ("2024-01-05T10:00:00+01:00", "I live in Ghent."),
    ("2024-01-06T10:00:00+01:00", "My sister Ana is allergic to nuts."),
    ("2024-05-02T10:00:00+01:00", "I moved to Lisbon last week."),
    ("2024-05-03T10:00:00+01:00", "我对花生过敏。"),
)


def body(memory: Any) -> None:
    """What any surface must do alike; `memory` has the verbs of `Memory`."""
    ids = []
    for when, text in SAID:
        ids += memory.add(text, user_id="ann", run_id="r1", timestamp=when, wait=True).episode_ids
    again = memory.add(SAID[0][1], user_id="ann", run_id="r1", timestamp=SAID[0][0], wait=True)
    assert (again.added, again.duplicates, again.episode_ids) == (0, 1, (ids[0],))
    assert memory.wait(timeout=timedelta(seconds=20))

    hits = memory.search("Where do I live?", user_id="ann", limit=5, items=("fact", "episode"))
    assert "Lisbon" in hits[0].text
    assert any("Ghent" in fact.text for hit in hits for fact in hit.supersedes)
    before = memory.search("live in", user_id="ann", as_of="2024-02-01T00:00:00+00:00", limit=5)
    assert before.episodes[0].id == ids[0]
    assert "花生" in memory.search("花生", user_id="ann", limit=5)[0].text
    context = memory.context("Ana", user_id="ann", max_tokens=60)
    assert context.tokens <= 60
    assert "Ana" in context.text

    page = memory.episodes(user_id="ann", limit=3)
    assert [each.id for each in page.episodes] == ids[:0:-1]
    rest = memory.episodes(user_id="ann", limit=3, cursor=page.next)
    assert ([each.id for each in rest.episodes], rest.next) == (ids[:1], None)
    assert rest.episodes[0].timestamp.isoformat() == SAID[0][0]
    assert not memory.episodes(user_id="ann", filters={"role": "assistant"}, limit=2).episodes

    homes = memory.facts(user_id="ann", kind="residence", current=False, status=("active", "superseded"))
    assert {home.status for home in homes} == {"active", "superseded"}
    then = memory.facts("Where do I live?", user_id="ann", kind="residence", as_of="2024-02-01T00:00:00+00:00")
    assert "Ghent" in then[0].text
    home = next(each for each in homes if each.status == "active")
    assert memory.history(home.id, user_id="ann")[0].kind == "asserted"
    assert memory.timeline("Ana", user_id="ann")
    assert "Lisbon" in memory.profile(user_id="ann").text

    assert memory.pin(home.id, user_id="ann").pinned
    assert not memory.pin(home.id, user_id="ann", pinned=False).pinned
    assert memory.mute(home.id, user_id="ann").muted
    muting = memory.history(home.id, user_id="ann")[-1]
    assert memory.undo(muting.id, user_id="ann")[0].kind == "undone"
    right = memory.correct(home.id, "I moved to Porto last week.", user_id="ann")
    assert right.text == "I moved to Porto last week."
    assert "Porto" in memory.profile(user_id="ann").text
    assert memory.confirm(right.id, user_id="ann").confirmed
    assert memory.retire(right.id, user_id="ann").status == "retired"

    wrong_calls: list[tuple[Callable[[], object], type[Exception]]] = [
        (lambda: memory.search("x", user_id="ann", limit=0), InvalidInput),
        (lambda: memory.search("x"), MissingScope),
        (lambda: memory.history("fa_none", user_id="ann"), NotFound),
        (lambda: memory.history(home.id, user_id="bob"), NotFound),
        (lambda: memory.timeline("Ana", user_id="ann", limit=0), InvalidInput),
    ]
    for wrong, error in wrong_calls:
        with pytest.raises(error):
            wrong()

    assert memory.stats(user_id="bob").episodes == 0
    receipt = memory.forget([ids[1]], user_id="ann")
    assert receipt.episode_ids == (ids[1],)
    assert not any("Ana" in hit.text for hit in memory.search("Ana", user_id="ann", limit=5))
    assert memory.forget(user_id="ann").forgotten == memory.stats(user_id="ann").forgotten - 1
    assert memory.stats(user_id="ann").episodes == 0


def objects(memory: Any) -> None:
    """What surfaces that take Python's values do besides."""
    memory.add({"content": "one", "id": "m"}, user_id="ann")
    with pytest.raises(Conflict):
        memory.add({"content": "two", "id": "m"}, user_id="ann")
    memory.add("I live in Ghent.", user_id="ann", wait=True)
    fact = memory.facts(user_id="ann")[0]
    memory.mute(fact.id, user_id="ann", version=fact.version)
    with pytest.raises(Stale):
        memory.reject(fact.id, user_id="ann", version=fact.version)
    assert memory.fact(fact.id, user_id="ann").status == "active"
    assert memory.episode(fact.sources[0].episode_id, user_id="ann").text == "I live in Ghent."


class Awaited:
    """An `AsyncMemory`, whose verbs are awaited here."""

    def __init__(self, memory: AsyncMemory) -> None:
        self._memory = memory

    def __getattr__(self, verb: str) -> Callable[..., Any]:
        method = getattr(self._memory, verb)
        return lambda *args, **kwargs: asyncio.run(_awaited(method(*args, **kwargs)))


async def _awaited(call: Any) -> Any:
    return await call


class CommandLine:
    """The command line with the verbs of a memory: each call is a process."""

    _FLAGS: ClassVar = {
        ("wait", True): "--wait",
        ("pinned", False): "--off",
        ("muted", False): "--off",
        ("current", False): "--any-time",
    }
    _POSITIONAL = ("messages", "query", "id", "text", "entity")

    def __init__(self, folder: Path) -> None:
        self._environment = {**os.environ, "MEMSTRATA_STORE": f"sqlite:///{folder}/m.db", "MEMSTRATA_EMBEDDER": "none"}

    def wait(self, *, timeout: timedelta) -> bool:
        return True  # commands wait by themselves

    def __getattr__(self, verb: str) -> Callable[..., Any]:
        method = getattr(Memory, verb)

        def run(*args: Any, **kwargs: Any) -> Any:
            given = inspect.signature(method).bind(None, *args, **kwargs).arguments
            command = [verb, *self._words({name: each for name, each in given.items() if name != "self"}, verb)]
            printed = self._run([*command, "--json"])
            return from_json(get_type_hints(method)["return"], json.loads(printed))

        return run

    def _words(self, given: dict[str, Any], verb: str) -> Iterator[str]:
        if verb == "forget":
            yield from given.pop("ids", ["--everything", "--yes"])
        for name, value in given.items():
            option = f"--{name.replace('_', '-')}"
            if name in self._POSITIONAL:
                yield value
            elif isinstance(value, dict):
                yield from (option, json.dumps(value))
            elif name == "items":
                yield from (option, ",".join(value))
            elif name == "status":
                yield from (word for each in value for word in (option, each))
            elif (name, value) in self._FLAGS:
                yield self._FLAGS[name, value]
            elif not isinstance(value, bool):
                yield from (option, str(value))

    def _run(self, command: list[str]) -> str:
        code = "from memstrata.surfaces.cli.main import main; main()"
        done = subprocess.run(
            [sys.executable, "-c", code, *command], capture_output=True, env=self._environment, check=False
        )
        if done.returncode not in (0, 3):
            said, _, words = done.stderr.decode().strip().splitlines()[-1].partition(": ")
            raise error_of(said, words)
        return done.stdout.decode()


@contextmanager
def served(path: str) -> Iterator[str]:
    """A server on a socket of this machine; yields its URL."""
    store = open_store(path, Settings(store=path, embedder="none"))
    memory = Memory(store, embedder="none")
    config = uvicorn.Config(create_app(memory, store), port=0, log_level="error")
    server = uvicorn.Server(config)
    thread = threading.Thread(target=server.run)
    started = threading.Event()
    startup = server.startup

    async def announcing(*args: Any, **kwargs: Any) -> None:
        await startup(*args, **kwargs)
        started.set()

    server.startup = announcing  # type: ignore[method-assign]
    thread.start()
    try:
        assert started.wait(20)
        yield f"http://127.0.0.1:{server.servers[0].sockets[0].getsockname()[1]}"
    finally:
        server.should_exit = True
        thread.join()
        memory.close()


@contextmanager
def surface(kind: str, folder: Path) -> Iterator[Any]:
    path = f"sqlite:///{folder}/memory.db"
    if kind == "memory":
        with Memory(path, embedder="none") as memory:
            yield memory
    elif kind == "async":
        awaited = AsyncMemory(path, embedder="none")
        yield Awaited(awaited)
        asyncio.run(awaited.close())
    elif kind == "http in process":
        store = open_store(path, Settings(store=path, embedder="none"))
        with Memory(store, embedder="none") as memory:
            yield RemoteMemory(client=in_process(create_app(memory, store)))
    elif kind == "socket":
        with served(path) as url, RemoteMemory(url) as remote:
            yield remote
    else:
        yield CommandLine(folder)


@pytest.mark.parametrize("kind", ["memory", "async", "http in process", "socket", "command line"])
def test_every_surface_does_the_same(kind: str, tmp_path: Path) -> None:
    with surface(kind, tmp_path) as memory:
        body(memory)


@pytest.mark.parametrize("kind", ["memory", "async", "http in process", "socket"])
def test_every_surface_of_python_does_the_same(kind: str, tmp_path: Path) -> None:
    with surface(kind, tmp_path) as memory:
        objects(memory)


def test_the_remote_signatures_are_those_of_a_memory() -> None:
    for name in VERBS:
        assert (
            inspect.signature(getattr(RemoteMemory, name)).parameters
            == inspect.signature(getattr(Memory, name)).parameters
        )
    assert to_json(timedelta(seconds=2)) == 2.0
