"""One test body for every surface: Python, awaited, over HTTP, over a socket, on the command line, over MCP."""

from __future__ import annotations

import asyncio
import hashlib
import inspect
import io
import json
import os
import subprocess
import sys
import threading
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta
from pathlib import Path
from types import SimpleNamespace
from typing import Any, ClassVar, get_type_hints

import pytest
import uvicorn
from mcp import Client

from memstrata.aio import AsyncMemory
from memstrata.client import RemoteMemory
from memstrata.connect import open_store
from memstrata.errors import Conflict, InvalidInput, MissingScope, NotFound, Stale
from memstrata.memory import Memory
from memstrata.settings import Settings
from memstrata.surfaces.mcp.server import make_server
from memstrata.surfaces.mcp.tools import CODE
from memstrata.surfaces.rest.app import create_app
from memstrata.surfaces.rest.in_process import in_process
from memstrata.wire import VERBS, error_of, from_json, to_json

SAID = (
    ("2024-01-05T10:00:00+01:00", "I live in Ghent."),
    ("2024-01-06T10:00:00+01:00", "My sister Ana is allergic to nuts."),
    ("2024-05-02T10:00:00+01:00", "I moved to Lisbon last week."),
    ("2024-05-03T10:00:00+01:00", "我对花生过敏。"),
)


def remembered(memory: Any) -> list[str]:
    """What is said can be found again; returns the ids of what was said."""
    ids: list[str] = []
    for when, text in SAID:
        ids += memory.add(text, user_id="ann", run_id="r1", timestamp=when, wait=True).episode_ids
    again = memory.add(SAID[0][1], user_id="ann", run_id="r1", timestamp=SAID[0][0], wait=True)
    assert (again.added, again.duplicates, again.episode_ids) == (0, 1, (ids[0],))
    assert memory.wait(timeout=timedelta(seconds=20))

    hits = memory.search("Where do I live?", user_id="ann", limit=5, items=("fact", "episode"))
    assert "Lisbon" in hits[0].text
    assert any("Ghent" in fact.text for hit in hits for fact in hit.supersedes)
    before = memory.search("live in", user_id="ann", as_of="2024-02-01T00:00:00+00:00", limit=5)
    assert before[0].item.id == ids[0]
    assert "花生" in memory.search("花生", user_id="ann", limit=5)[0].text
    context = memory.context("Ana", user_id="ann", max_tokens=60)
    assert context.tokens <= 60
    assert "Ana" in context.text
    assert "Lisbon" in memory.profile(user_id="ann").text
    assert not memory.profile(user_id="bob").text
    assert not memory.search("Where do I live?", user_id="ann", run_id="r2", limit=5)
    return ids


def corrected(memory: Any) -> Any:
    """The user's words take a fact's place; returns the new fact."""
    home = memory.search("Where do I live?", user_id="ann", limit=1, items=("fact",))[0].item
    right = memory.correct(home.id, "I moved to Porto last week.", user_id="ann")
    assert right.text == "I moved to Porto last week."
    assert right.id != home.id
    page = memory.profile(user_id="ann").text
    assert "Porto" in page
    assert "Lisbon" not in page
    return right


def refused(memory: Any) -> None:
    """What is wrong is an error, and the same everywhere."""
    wrong_calls: list[tuple[Callable[[], object], type[Exception]]] = [
        (lambda: memory.search("x", user_id="ann", limit=0), InvalidInput),
        (lambda: memory.search(" ", user_id="ann"), InvalidInput),
        (lambda: memory.add("x", user_id="ann", timestamp="soon"), InvalidInput),
        (lambda: memory.correct("fa_none", "x", user_id="ann"), NotFound),
        (lambda: memory.search("x"), MissingScope),
    ]
    for wrong, error in wrong_calls:
        with pytest.raises(error):
            wrong()


def forgotten(memory: Any, ids: Sequence[str]) -> None:
    """What is forgotten is gone."""
    receipt = memory.forget([ids[1]], user_id="ann")
    assert receipt.episode_ids == (ids[1],)
    assert not any("Ana" in hit.text for hit in memory.search("Ana", user_id="ann", limit=5))
    assert memory.forget(user_id="ann").forgotten == 4
    assert not memory.search("Porto", user_id="ann", limit=5)


def six(memory: Any) -> None:
    """The body of surfaces that have the six verbs of a model."""
    ids = remembered(memory)
    corrected(memory)
    refused(memory)
    forgotten(memory, ids)


def body(memory: Any, folder: Path) -> None:
    """What any other surface must do alike; `memory` has the verbs of `Memory`, `folder` is for files."""
    ids = remembered(memory)
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

    assert memory.pin(home.id, user_id="ann").pinned
    assert not memory.pin(home.id, user_id="ann", pinned=False).pinned
    assert memory.mute(home.id, user_id="ann").muted
    muting = memory.history(home.id, user_id="ann")[-1]
    assert memory.undo(muting.id, user_id="ann")[0].kind == "undone"
    right = corrected(memory)
    assert memory.confirm(right.id, user_id="ann").confirmed
    assert memory.retire(right.id, user_id="ann").status == "retired"

    refused(memory)
    for id_, user in (("fa_none", "ann"), (home.id, "bob")):
        with pytest.raises(NotFound):
            memory.history(id_, user_id=user)
    with pytest.raises(InvalidInput):
        memory.timeline("Ana", user_id="ann", limit=0)

    assert memory.stats(user_id="bob").episodes == 0
    assert memory.artifacts(user_id="ann") == []
    assert memory.demote(user_id="ann") == []
    files(memory, folder)
    forgotten(memory, ids)
    assert memory.stats(user_id="ann").episodes == 0


def files(memory: Any, folder: Path) -> None:
    """Memories come and go as files."""
    folder.mkdir()
    bundle, page, notes = folder / "ann.zip", folder / "ann.md", folder / "notes.jsonl"
    told = memory.export(bundle, user_id="ann", format="bundle")
    assert (told.episodes, told.size) == (memory.stats(user_id="ann").episodes, bundle.stat().st_size)
    assert told.sha256 == hashlib.sha256(bundle.read_bytes()).hexdigest()
    assert memory.export(page, user_id="ann", format="markdown").format == "markdown"
    assert "花生" in page.read_text(encoding="utf-8")
    taken = memory.restore(bundle, user_id="bob")
    assert (taken.added, taken.duplicates) == (told.episodes, 0)
    assert memory.restore(bundle, user_id="bob").duplicates == told.episodes
    same = {"user_id": "ann", "limit": 100}
    assert [each.text for each in memory.episodes(**{**same, "user_id": "bob"}).episodes] == [
        each.text for each in memory.episodes(**same).episodes
    ]
    bundle.write_bytes(bundle.read_bytes()[:-30])
    with pytest.raises(InvalidInput):
        memory.restore(bundle, user_id="cy")
    with pytest.raises(InvalidInput):
        memory.export(folder / "none" / "x.zip", user_id="ann")
    assert memory.stats(user_id="cy").episodes == 0

    line = {"content": "我住在成都。", "id": "m1", "timestamp": "2024-01-05T10:00:00+08:00"}
    notes.write_text(f"{json.dumps(line)}\n{{broken\n", encoding="utf-8")
    read = memory.import_file(notes, user_id="cy", run_id="r")
    assert (read.messages, read.added, [each.place for each in read.problems]) == (1, 1, ["line 2"])
    assert [(each.user_id, each.run_id) for each in read.scopes] == [("cy", None)]
    assert memory.import_file(notes, user_id="cy", run_id="r").duplicates == 1
    exported = folder / "chatgpt"
    exported.mkdir()
    (exported / "notes.md").write_text("# Notes\n\nThe spare key is with Tom.\n")
    (exported / "more.md").write_text("Tom lives in Oslo.\n")
    (exported / "link.md").symlink_to(exported / "more.md")
    read = memory.import_file(exported, user_id="cy", format="markdown")
    assert (read.added, [each.place for each in read.problems]) == (2, ["link.md"])
    assert "Tom" in memory.search("Who has the spare key?", user_id="cy", limit=1)[0].text


def streams(memory: Any) -> None:
    """Files that are no files, and values of Python."""
    memory.add("I live in Ghent.", user_id="dee", wait=True)
    out = io.BytesIO()
    receipt = memory.export(out, user_id="dee", format="json")
    assert hashlib.sha256(out.getvalue()).hexdigest() == receipt.sha256
    out.seek(0)
    assert memory.restore(out, user_id="eva").added == 1
    told: list[int] = []
    lines = b"".join(json.dumps({"content": f"note {n}", "user_id": "fay"}).encode() + b"\n" for n in range(20))
    read = memory.import_file(
        io.BytesIO(lines), format="jsonl", timestamp=datetime(2024, 1, 1, tzinfo=UTC), progress=told.append
    )
    assert (read.added, sum(told), read.first) == (20, 20, None)
    assert {each.timestamp.year for each in memory.episodes(user_id="fay").episodes} == {2024}
    with pytest.raises(InvalidInput):
        memory.import_file(io.BytesIO(lines), format="none")
    with pytest.raises(MissingScope):
        memory.export(io.BytesIO())


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
    _POSITIONAL = ("place", "messages", "query", "id", "text", "entity")
    _COMMANDS: ClassVar = {"restore": "import", "import_file": "import"}

    def __init__(self, folder: Path) -> None:
        self._environment = {**os.environ, "MEMSTRATA_STORE": f"sqlite:///{folder}/m.db", "MEMSTRATA_EMBEDDER": "none"}

    def wait(self, *, timeout: timedelta) -> bool:
        return True  # commands wait by themselves

    def __getattr__(self, verb: str) -> Callable[..., Any]:
        method = getattr(Memory, verb)

        def run(*args: Any, **kwargs: Any) -> Any:
            given = inspect.signature(method).bind(None, *args, **kwargs).arguments
            command = [
                self._COMMANDS.get(verb, verb),
                *self._words({name: each for name, each in given.items() if name != "self"}, verb),
            ]
            printed = self._run([*command, "--json"])
            return from_json(get_type_hints(method)["return"], json.loads(printed))

        return run

    def _words(self, given: dict[str, Any], verb: str) -> Iterator[str]:
        if verb == "forget":
            yield from given.pop("ids", ["--everything", "--yes"])
        for name, value in given.items():
            option = f"--{name.replace('_', '-')}"
            if name in self._POSITIONAL:
                yield str(value)
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


class Tools:
    """The six tools of MCP with the verbs of a memory: each call is a client of its own."""

    _TOOLS: ClassVar = {"add": "remember", "search": "recall"}

    def __init__(self, target: Any, wait: Callable[..., bool]) -> None:
        self._target = target
        self.wait = wait

    def __getattr__(self, verb: str) -> Callable[..., Any]:
        signature = inspect.signature(getattr(Memory, verb))

        def run(*args: Any, **kwargs: Any) -> Any:
            bound = signature.bind(None, *args, **kwargs)
            if verb == "search":
                bound.apply_defaults()
            given = {name: each for name, each in bound.arguments.items() if each is not None and name != "self"}
            said = asyncio.run(self._called(self._TOOLS.get(verb, verb), self._given(verb, given)))
            return self._answer(verb, said)

        return run

    def _given(self, verb: str, given: dict[str, Any]) -> dict[str, Any]:
        if verb == "add":
            given.pop("wait", None)
            return {"text": given.pop("messages"), **given}
        return {"everything": True, **given} if verb == "forget" and "ids" not in given else given

    async def _called(self, tool: str, given: dict[str, Any]) -> Any:
        async with Client(self._target) as client:
            result: Any = await client.call_tool(tool, given)
        if result.is_error:
            raise error_of(str(result.meta[CODE]), result.content[0].text)
        return result.structured_content

    def _answer(self, verb: str, said: dict[str, Any]) -> Any:
        if verb == "search":
            return [_hit(each) for each in said["hits"]]
        lists = {name: tuple(each) if isinstance(each, list) else each for name, each in said.items()}
        return SimpleNamespace(**(said["fact"] if verb == "correct" else lists))


def _hit(said: dict[str, Any]) -> Any:
    changes = {
        name: [SimpleNamespace(**each) for each in said.get(name) or ()] for name in ("supersedes", "superseded_by")
    }
    return SimpleNamespace(text=said["text"], item=SimpleNamespace(**said), **changes)


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
    elif kind == "mcp":
        with Memory(path, embedder="none") as memory:
            yield Tools(make_server(memory), memory.wait)
    elif kind == "mcp over http":
        with served(path) as url, RemoteMemory(url) as remote:
            yield Tools(f"{url}/mcp", remote.wait)
    else:
        yield CommandLine(folder)


@pytest.mark.parametrize("kind", ["memory", "async", "http in process", "socket", "command line"])
def test_every_surface_does_the_same(kind: str, tmp_path: Path) -> None:
    with surface(kind, tmp_path) as memory:
        body(memory, tmp_path / "files")


@pytest.mark.parametrize("kind", ["memory", "mcp", "mcp over http"])
def test_what_a_model_can_do_is_the_same_too(kind: str, tmp_path: Path) -> None:
    with surface(kind, tmp_path) as memory:
        six(memory)


@pytest.mark.parametrize("kind", ["memory", "async", "http in process", "socket"])
def test_every_surface_of_python_does_the_same(kind: str, tmp_path: Path) -> None:
    with surface(kind, tmp_path) as memory:
        objects(memory)
        streams(memory)


def test_the_remote_signatures_are_those_of_a_memory() -> None:
    for name in VERBS:
        assert (
            inspect.signature(getattr(RemoteMemory, name)).parameters
            == inspect.signature(getattr(Memory, name)).parameters
        )
    assert to_json(timedelta(seconds=2)) == 2.0
