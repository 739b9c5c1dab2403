"""`memstrata mcp`: over the standard streams of a process of its own, with nothing but the protocol on its output."""

from __future__ import annotations

import asyncio
import json
import os
import select
import signal
import subprocess
import sys
from collections.abc import Callable, Coroutine
from pathlib import Path
from typing import Any

import pytest
from mcp import Client, StdioServerParameters

from memstrata.memory import Memory

CODE = "from memstrata.surfaces.cli.main import main; main()"
PATIENCE_SECONDS = 60


def command(folder: Path, *options: str) -> list[str]:
    store = f"sqlite:///{folder}/m.db"
    return [sys.executable, "-c", CODE, "mcp", "--store", store, "--embedder", "none", *options]


def talked(words: list[str], talk: Callable[[Client], Coroutine[Any, Any, Any]], *, era: str) -> Any:
    """What comes of a talk of the SDK's client with a server that it starts."""
    started = StdioServerParameters(command=words[0], args=words[1:], env=dict(os.environ))

    async def run() -> Any:
        async with Client(started, mode=era) as client:
            return await talk(client)

    return asyncio.run(run())


def ask(process: subprocess.Popen[bytes], **message: Any) -> dict[str, Any]:
    """One request, and its answer: a line each."""
    assert process.stdin
    assert process.stdout
    process.stdin.write(json.dumps({"jsonrpc": "2.0", **message}).encode() + b"\n")
    process.stdin.flush()
    answer: dict[str, Any] = json.loads(process.stdout.readline()) if "id" in message else {}
    return answer


def greeted(process: subprocess.Popen[bytes]) -> None:
    hello = {"protocolVersion": "2025-11-25", "capabilities": {}, "clientInfo": {"name": "x", "version": "1"}}
    assert ask(process, id=0, method="initialize", params=hello)["result"]["serverInfo"]["name"] == "memstrata"
    ask(process, method="notifications/initialized")


def remembered(folder: Path) -> list[str]:
    """What the store holds once the server has left."""
    with Memory(f"sqlite:///{folder}/m.db", embedder="none", worker="none") as memory:
        return [episode.text for episode in memory.episodes(user_id="ann").episodes]


@pytest.mark.parametrize("era", ["legacy", "2026-07-28"])
def test_the_client_of_the_sdk_starts_it_and_remembers(tmp_path: Path, era: str) -> None:
    async def talk(client: Client) -> tuple[list[str], str]:
        names = [tool.name for tool in (await client.list_tools()).tools]
        await client.call_tool("remember", {"text": "我妹妹小雨住在成都。"})
        found = await client.call_tool("recall", {"query": "小雨", "items": ["episode"]})
        return names, found.content[0].text  # type: ignore[union-attr]

    names, found = talked(command(tmp_path, "--user-id", "ann"), talk, era=era)
    assert len(names) == 6
    assert "成都" in found
    assert remembered(tmp_path) == ["我妹妹小雨住在成都。"]


def test_with_all_profiles_and_no_user_every_tool_asks_for_one(tmp_path: Path) -> None:
    async def talk(client: Client) -> Any:
        tools = (await client.list_tools()).tools
        assert all("user_id" in tool.input_schema["required"] for tool in tools)
        given = {"command": "create", "path": "/memories/a", "file_text": "x", "user_id": "ann"}
        return len(tools), await client.call_tool("memory", given)

    count, said = talked(command(tmp_path, "--profile", "all"), talk, era="auto")
    assert count == 16
    assert said.content[0].text == "File created successfully at: /memories/a"


def test_the_output_holds_only_the_protocol_and_the_log_no_word(tmp_path: Path) -> None:
    words = command(tmp_path, "--user-id", "ann")
    with subprocess.Popen(words, stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.PIPE) as process:
        assert process.stdin
        assert process.stderr
        assert process.stdout
        greeted(process)
        process.stdin.write(b'{"jsonrpc": "2.0", "id": "marzipan", "method": 7}\nmarzipan\n\xff\n')
        call = {"name": "remember", "arguments": {"text": "I hide the marzipan."}}
        said = ask(process, id=1, method="tools/call", params=call)
        wrong = {"name": "recall", "arguments": {"query": "marzipan", "limit": "marzipan"}}
        ask(process, id=2, method="tools/call", params=wrong)
        ask(process, id=3, method="marzipan", params={"marzipan": 1})
        process.stdin.close()
        rest = process.stdout.read()
        assert process.wait(PATIENCE_SECONDS) == 0
        log = process.stderr.read().decode()
    assert said["jsonrpc"] == "2.0"
    for line in rest.splitlines():
        assert json.loads(line)["jsonrpc"] == "2.0"
    assert "marzipan" not in log
    assert remembered(tmp_path) == ["I hide the marzipan."]


@pytest.mark.skipif(not hasattr(os, "pidfd_open"), reason="needs a handle on a process that is not a child")
def test_a_client_that_is_killed_takes_the_server_with_it_and_nothing_is_lost(tmp_path: Path) -> None:
    client = (
        "import subprocess, sys\n"
        "server = subprocess.Popen(sys.argv[1:], stdin=subprocess.PIPE, stdout=subprocess.PIPE)\n"
        "print(server.pid, flush=True)\n"
        "for line in sys.stdin.buffer:\n"
        "    server.stdin.write(line); server.stdin.flush()\n"
        "    if b'\"id\"' in line: sys.stdout.buffer.write(server.stdout.readline()); sys.stdout.buffer.flush()\n"
    )
    words = [sys.executable, "-c", client, *command(tmp_path, "--user-id", "ann")]
    with subprocess.Popen(words, stdin=subprocess.PIPE, stdout=subprocess.PIPE) as process:
        assert process.stdout
        server = os.pidfd_open(int(process.stdout.readline()))
        greeted(process)
        for number in range(3):
            call = {"name": "remember", "arguments": {"text": f"Note {number}."}}
            assert "result" in ask(process, id=number + 1, method="tools/call", params=call)
        process.send_signal(signal.SIGKILL)
    left, _, _ = select.select([server], [], [], PATIENCE_SECONDS)
    os.close(server)
    assert left, "the server went on without its client"
    assert sorted(remembered(tmp_path)) == ["Note 0.", "Note 1.", "Note 2."]


@pytest.mark.skipif(sys.platform == "win32", reason="a signal ends the process by itself there")
@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_asked_by_a_signal_it_closes_the_memory_and_ends(tmp_path: Path, number: signal.Signals) -> None:
    words = command(tmp_path, "--user-id", "ann")
    with subprocess.Popen(words, stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.PIPE) as process:
        greeted(process)
        call = {"name": "remember", "arguments": {"text": "Hello there."}}
        ask(process, id=1, method="tools/call", params=call)
        process.send_signal(number)
        assert process.wait(PATIENCE_SECONDS) == 128 + number
    assert not (tmp_path / "m.db-wal").exists(), "closed, not broken off"
    assert remembered(tmp_path) == ["Hello there."]


def run(folder: Path, *options: str) -> subprocess.CompletedProcess[bytes]:
    return subprocess.run(command(folder, *options), capture_output=True, check=False, stdin=subprocess.DEVNULL)


def test_over_http_it_refuses_others_without_keys(tmp_path: Path) -> None:
    done = run(tmp_path, "--http", "--host", "0.0.0.0", "--port", "0")
    assert done.returncode == 2
    assert b"keys create" in done.stderr
    assert done.stdout == b""


def test_over_http_it_says_where_and_ends_when_asked(tmp_path: Path) -> None:
    words = command(tmp_path, "--user-id", "ann", "--http", "--port", "0")
    with subprocess.Popen(words, stdout=subprocess.PIPE, stderr=subprocess.PIPE) as process:
        assert process.stdout
        url = process.stdout.readline().decode().split()[-1]

        async def talk() -> Any:
            async with Client(url) as client:
                return await client.call_tool("remember", {"text": "Hello there."})

        assert not asyncio.run(talk()).is_error
        process.send_signal(signal.SIGTERM)
        assert process.wait(PATIENCE_SECONDS) in (0, -signal.SIGTERM)
    assert remembered(tmp_path) == ["Hello there."]


def test_a_wrong_profile_opens_nothing(tmp_path: Path) -> None:
    done = run(tmp_path, "--profile", "other")
    assert (done.returncode, done.stdout) == (2, b"")
    assert b"reference" in done.stderr
    assert not list(tmp_path.iterdir())


def test_without_the_extra_it_says_what_to_install(tmp_path: Path) -> None:
    code = f"import sys; sys.modules['mcp_types'] = None; {CODE}"
    words = command(tmp_path)
    words[2] = code
    done = subprocess.run(words, capture_output=True, check=False, stdin=subprocess.DEVNULL)
    assert done.returncode == 2
    assert b"memstrata[server]" in done.stderr
