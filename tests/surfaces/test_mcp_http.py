"""MCP at /mcp of the server, over a socket: both eras of the protocol, behind the same gate as the rest."""

from __future__ import annotations

import asyncio
import json
import socket
import threading
from collections.abc import Callable, Coroutine, Iterator
from contextlib import contextmanager
from datetime import UTC, datetime
from typing import Any

import httpx
import pytest
import uvicorn
from fastapi import FastAPI
from fastapi.testclient import TestClient
from hypothesis import given, settings
from hypothesis import strategies as st
from mcp import Client
from mcp.client.streamable_http import streamable_http_client
from mcp.shared._httpx_utils import create_mcp_http_client

from memstrata.core.access import Grant, Key, Right, digest_of, token_of
from memstrata.memory import Memory
from memstrata.stores.memory import MemoryStore
from memstrata.surfaces.mcp.http import mcp_app
from memstrata.surfaces.mcp.tools import CODE
from memstrata.surfaces.rest.app import create_app
from memstrata.types import Scope

SECRET = "s" * 43
ALL: tuple[Right, ...] = ("read", "write", "forget")
MODERN = "2026-07-28"
ERAS = pytest.mark.parametrize("era", ["legacy", MODERN])
ACCEPT = {"accept": "application/json, text/event-stream", "content-type": "application/json"}
JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.text(max_size=20),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=8), inner, max_size=3),
    max_leaves=5,
)


class Server:
    """A server on a socket of this machine, over a store in memory."""

    def __init__(self, make: Callable[[Memory, MemoryStore], FastAPI] = create_app) -> None:
        self.store = MemoryStore()
        self.memory = Memory(self.store, embedder="none", worker="none")
        self.app = make(self.memory, self.store)
        self.url = ""

    @contextmanager
    def running(self) -> Iterator[Server]:
        server = uvicorn.Server(uvicorn.Config(self.app, port=0, log_level="error"))
        started, startup = threading.Event(), server.startup

        async def announcing(*args: Any, **kwargs: Any) -> None:
            await startup(*args, **kwargs)
            started.set()

        server.startup = announcing  # type: ignore[method-assign]
        thread = threading.Thread(target=server.run)
        thread.start()
        try:
            assert started.wait(20)
            self.url = f"http://127.0.0.1:{server.servers[0].sockets[0].getsockname()[1]}"
            yield self
        finally:
            server.should_exit = True
            thread.join()
            self.memory.close()

    def key(self, id_: str = "0" * 12, **fields: Any) -> dict[str, str]:
        """A key, kept, as the header that carries it."""
        made = datetime(2026, 1, 1, tzinfo=UTC)
        key = {"rights": ALL, "grants": (Grant(),), "created_at": made, **fields}
        self.store.put_key(Key(id=id_, digest=digest_of(SECRET), **key))
        return {"Authorization": f"Bearer {token_of(id_, SECRET)}"}

    def talk(
        self,
        talk: Callable[[Client], Coroutine[Any, Any, Any]],
        headers: dict[str, str] | None = None,
        *,
        era: str = MODERN,
    ) -> Any:
        """What comes of a talk of the SDK's client with this server."""

        async def run() -> Any:
            async with create_mcp_http_client(headers=headers) as http:
                transport = streamable_http_client(f"{self.url}/mcp", http_client=http)
                async with Client(transport, mode=era) as client:
                    return await talk(client)

        return asyncio.run(run())

    def call(self, name: str, /, headers: dict[str, str] | None = None, *, era: str = MODERN, **given: Any) -> Any:
        return self.talk(lambda client: client.call_tool(name, given), headers, era=era)

    def post(self, body: Any, headers: dict[str, str] | None = None) -> httpx.Response:
        """A request as a stranger may send it."""
        content = body if isinstance(body, bytes) else json.dumps(body).encode()
        return httpx.post(f"{self.url}/mcp", content=content, headers={**ACCEPT, **(headers or {})})


@pytest.fixture
def server() -> Iterator[Server]:
    with Server().running() as running:
        yield running


def listing(era: str) -> tuple[dict[str, Any], dict[str, str]]:
    """A request for the tools, with its headers."""
    if era == "legacy":
        return {"jsonrpc": "2.0", "id": 1, "method": "tools/list"}, {"mcp-protocol-version": "2025-11-25"}
    meta = {
        "io.modelcontextprotocol/protocolVersion": MODERN,
        "io.modelcontextprotocol/clientCapabilities": {},
    }
    body = {"jsonrpc": "2.0", "id": 1, "method": "tools/list", "params": {"_meta": meta}}
    return body, {"mcp-protocol-version": MODERN, "mcp-method": "tools/list"}


@ERAS
def test_the_client_of_the_sdk_remembers_and_recalls(server: Server, era: str) -> None:
    tools = server.talk(lambda client: client.list_tools(), era=era).tools
    assert len(tools) == 6
    assert all("user_id" in tool.input_schema["required"] for tool in tools)
    assert not server.call("remember", era=era, text="我妹妹小雨住在成都。", user_id="安").is_error
    server.memory.wait()
    found = server.call("recall", era=era, query="小雨住在哪里？", user_id="安")
    assert "成都" in found.content[0].text
    assert not server.call("recall", era=era, query="小雨", user_id="bob").structured_content["hits"]
    headers = {"X-Memory-User": "UTF-8''%E5%AE%89"}
    named = server.talk(lambda client: client.list_tools(), headers, era=era).tools
    assert not any("user_id" in tool.input_schema["properties"] for tool in named)
    assert "成都" in server.call("profile", headers, era=era).content[0].text
    read = server.talk(lambda client: client.read_resource("memory://profile"), headers, era=era)
    assert "成都" in read.contents[0].text


@ERAS
def test_with_a_key_in_the_store_none_comes_in_without(server: Server, era: str) -> None:
    body, headers = listing(era)
    assert server.post(body, headers).status_code == 200
    signed = server.key()
    asked = server.post(body, headers)
    assert (asked.status_code, asked.json()["code"]) == (401, "unauthorized")
    assert asked.headers["www-authenticate"] == "Bearer"
    assert len(server.post(body, {**headers, **signed}).json()["result"]["tools"]) == 6
    server.key(revoked_at=datetime(2026, 1, 2, tzinfo=UTC))
    assert server.post(body, {**headers, **signed}).status_code == 401


@ERAS
def test_a_key_acts_inside_its_app_and_what_it_does_not_reach_is_not_there(server: Server, era: str) -> None:
    one, two = server.key("1" * 12, app_id="one"), server.key("2" * 12, app_id="two")
    server.call("remember", one, era=era, text="I hide the marzipan.", user_id="ann")
    server.memory.wait()
    assert server.memory.stats(user_id="ann", app_id="one").episodes == 1
    assert not server.call("recall", two, era=era, query="marzipan", user_id="ann").structured_content["hits"]
    episode = server.memory.episodes(user_id="ann", app_id="one").episodes[0].id
    assert server.call("forget", two, era=era, ids=[episode], user_id="ann").structured_content["forgotten"] == 0
    other = {**two, "X-Memory-App": "one"}
    denied = server.call("correct", other, era=era, id="fa_x", text="x", user_id="ann")
    missing = server.call("correct", two, era=era, id="fa_x", text="x", user_id="ann")
    assert denied.is_error
    assert (denied.content, denied.meta[CODE]) == (missing.content, "not_found")
    granted = server.key("3" * 12, app_id="two", grants=(Grant(app_id="one", user_id="ann"),))
    there = {**granted, "X-Memory-App": "one"}
    assert server.call("recall", there, era=era, query="marzipan").structured_content["hits"]


def test_a_key_for_one_user_needs_no_user_and_reaches_no_other(server: Server) -> None:
    mine = server.key(app_id="crm", rights=("read", "write"), grants=(Grant(user_id="ann"),))
    tools = server.talk(lambda client: client.list_tools(), mine).tools
    assert {tool.name for tool in tools} == {"remember", "recall", "context", "correct", "profile"}
    assert not server.call("remember", mine, text="Hello there.").is_error
    assert server.memory.stats(user_id="ann", app_id="crm").episodes == 1
    elsewhere = server.call("recall", {**mine, "X-Memory-User": "bob"}, query="x")
    assert elsewhere.meta[CODE] == "not_found"
    assert server.call("forget", mine, everything=True).meta[CODE] == "forbidden"


def test_an_open_server_answers_no_page_of_elsewhere(server: Server) -> None:
    body, headers = listing(MODERN)
    for foreign in ({"Host": "evil.example"}, {"Origin": "https://evil.example"}):
        assert server.post(body, {**headers, **foreign}).status_code == 403


def test_there_is_no_session_to_listen_to_or_to_take_over(server: Server) -> None:
    for method in ("GET", "DELETE", "PUT"):
        answer = httpx.request(method, f"{server.url}/mcp", headers=ACCEPT)
        assert (answer.status_code, answer.headers["allow"]) == (405, "POST")
    hello = {"protocolVersion": "2025-11-25", "capabilities": {}, "clientInfo": {"name": "x", "version": "1"}}
    answer = server.post({"jsonrpc": "2.0", "id": 1, "method": "initialize", "params": hello})
    assert answer.status_code == 200
    assert "mcp-session-id" not in answer.headers


@settings(max_examples=150, deadline=None)
@given(st.data())
def test_no_body_breaks_the_server_or_leaks(fuzzed: Server, data: st.DataObject) -> None:
    era = data.draw(st.sampled_from(["legacy", MODERN]))
    body, headers = listing(era)
    meta = body.get("params", {}).get("_meta")
    method = data.draw(st.sampled_from(["tools/call", "resources/read", "tools/list", "prompts/get", "ping", "\x00"]))
    params = data.draw(
        st.fixed_dictionaries(
            {"name": st.sampled_from(["recall", "memory", "read_graph"]) | JSON},
            optional={"arguments": JSON, "uri": st.just("memory://profile?user_id=ann") | JSON},
        )
        | JSON
    )
    if isinstance(params, dict) and meta is not None:
        params = {**params, "_meta": meta}
    call = {"jsonrpc": "2.0", "id": data.draw(st.integers() | st.text(max_size=5)), "method": method, "params": params}
    sent = data.draw(st.sampled_from([call, [call], b"{", b"\xff", b"[" * 2000, data.draw(JSON)]))
    answer = fuzzed.post(sent, {**headers, "mcp-method": method if method.isprintable() else "ping", **fuzzed.key()})
    assert answer.status_code < 500, answer.text
    assert "marzipan" not in answer.text


@pytest.fixture(scope="module")
def fuzzed() -> Iterator[Server]:
    with Server(lambda memory, store: create_app(memory, store, rate=1e9, burst=10**9)).running() as running:
        running.memory.add("Ann hides the marzipan.", user_id="ann", app_id="one", wait=True)
        running.key(app_id="two")
        yield running


def test_half_a_surrogate_pair_is_refused(server: Server) -> None:
    body, headers = listing(MODERN)
    arguments = {"command": "view", "path": "/memories/\ud800"}
    for name, given_ in (
        ("recall", {"query": "\ud800", "user_id": "ann"}),
        ("recall", {"\ud800": 1}),
        ("memory", arguments),
    ):
        params = {**body["params"], "name": name, "arguments": given_}
        sent = {**body, "method": "tools/call", "params": params}
        answer = server.post(sent, {**headers, "mcp-method": "tools/call", "mcp-name": name})
        assert answer.status_code < 500, answer.text


def test_a_slow_call_keeps_nobody_waiting(server: Server, monkeypatch: pytest.MonkeyPatch) -> None:
    begun, go_on, search = threading.Event(), threading.Event(), server.memory.search

    def slow(*args: Any, **kwargs: Any) -> Any:
        begun.set()
        assert go_on.wait(20)
        return search(*args, **kwargs)

    monkeypatch.setattr(server.memory, "search", slow)
    found: list[Any] = []
    asking = threading.Thread(target=lambda: found.append(server.call("recall", query="x", user_id="ann")))
    asking.start()
    assert begun.wait(20)
    assert not server.call("remember", text="Meanwhile.", user_id="ann").is_error
    go_on.set()
    asking.join()
    assert not found[0].is_error


def test_a_client_that_breaks_off_leaves_the_server_as_it_was(server: Server) -> None:
    host, port = server.url.removeprefix("http://").split(":")
    for part in (b"POST /mcp HTTP/1.1\r\n", b"POST /mcp HTTP/1.1\r\nHost: 127.0.0.1\r\nContent-Length: 900\r\n\r\n{"):
        with socket.create_connection((host, int(port))) as connection:
            connection.sendall(part)
    assert not server.call("remember", text="Still here.", user_id="ann").is_error
    assert server.memory.stats(user_id="ann").episodes == 1


def test_requests_are_counted_under_their_route(server: Server) -> None:
    server.call("remember", text="I adore quinces.", user_id="ann-the-user")
    counted = httpx.get(f"{server.url}/metrics").text
    assert 'route="/mcp",status="200"' in counted
    assert "quinces" not in counted


def test_an_application_answers_from_its_start_to_its_end_and_may_start_again() -> None:
    server = Server()
    body, headers = listing(MODERN)
    client = TestClient(server.app, base_url="http://127.0.0.1")
    assert client.post("/mcp", json=body, headers={**ACCEPT, **headers}).json()["code"] == "closed"
    for _ in range(2):
        with TestClient(server.app, base_url="http://127.0.0.1") as started:
            assert started.post("/mcp", json=body, headers={**ACCEPT, **headers}).status_code == 200
    server.memory.close()


def test_an_application_of_its_own_has_what_is_fixed_and_the_profile() -> None:
    def make(memory: Memory, store: MemoryStore) -> FastAPI:
        return mcp_app(memory, store, scope=Scope(user_id="ann"), profile="anthropic", forget_requests="ask")

    with Server(make).running() as server:
        command: dict[str, Any] = {"command": "create", "path": "/memories/注.md", "file_text": "茶"}
        assert not server.call("memory", **command).is_error
        assert server.memory.stats(user_id="ann").episodes == 1
        assert "user_id is fixed" in server.call("memory", **command, user_id="bob").content[0].text
        assert httpx.get(f"{server.url}/healthz").json() == {"status": "ok"}
        assert httpx.get(f"{server.url}/v1/profile").status_code == 404
