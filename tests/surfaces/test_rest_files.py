"""Files over HTTP: rights, keys of others, limits, calls that are sent twice, transfers that break off."""

from __future__ import annotations

import io
import json
import os
import re
import subprocess
import sys
import tempfile
import threading
import zipfile
from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import httpx
import pytest

from memstrata.client import RemoteMemory
from memstrata.core.access import Grant, Key, Right, digest_of, token_of
from memstrata.errors import InvalidInput, TooLarge, Unreachable
from memstrata.exchange import archive
from memstrata.memory import Memory
from memstrata.stores.memory import MemoryStore
from memstrata.surfaces.rest import files
from memstrata.surfaces.rest.app import create_app
from memstrata.surfaces.rest.in_process import in_process
from memstrata.surfaces.rest.serving import serving

SECRET = "s" * 43
BINARY = {"Content-Type": "application/octet-stream"}
FILES = {"export": "GET", "restore": "POST", "import": "POST"}


class Server:
    """A server in process, over a store in memory."""

    def __init__(self, **limits: Any) -> None:
        self.store = MemoryStore()
        self.memory = Memory(self.store, embedder="none", worker="none")
        self.app = create_app(self.memory, self.store, **limits)
        self.client = in_process(self.app)

    def key(self, number: int, *grants: Grant, rights: tuple[Right, ...] = ("read", "write"), app: str = "crm") -> str:
        """A key, kept, as the one who holds it sends it."""
        made = datetime(2026, 1, 1, tzinfo=UTC)
        id_ = f"{number:012x}"
        self.store.put_key(
            Key(
                id=id_,
                digest=digest_of(SECRET),
                rights=rights,
                grants=grants or (Grant(),),
                created_at=made,
                app_id=app,
            )
        )
        return token_of(id_, SECRET)

    def call(self, path: str, body: bytes = b"", *, key: str = "", headers: Any = None, **query: str) -> httpx.Response:
        signed = {"Authorization": f"Bearer {key}"} if key else {}
        content = body if FILES[path] == "POST" else None
        return self.client.request(
            FILES[path], f"/v1/{path}", params=query, content=content, headers={**BINARY, **signed, **(headers or {})}
        )


@pytest.fixture
def server() -> Iterator[Server]:
    made = Server()
    yield made
    made.memory.close()


def problem(response: httpx.Response, status: int, code: str) -> str:
    assert response.status_code == status, response.text
    assert response.headers["content-type"] == "application/problem+json"
    assert response.json()["code"] == code
    return str(response.json()["detail"])


def bundle() -> bytes:
    out = io.BytesIO()
    with Memory(":memory:", embedder="none", worker="none") as memory:
        memory.add("I live in Ghent.", user_id="ann", wait=True)
        memory.export(out, user_id="ann")
    return out.getvalue()


def lines(*messages: dict[str, str]) -> bytes:
    return b"".join(json.dumps(each).encode() + b"\n" for each in messages)


def test_a_download_is_called_and_typed_as_what_it_is(server: Server) -> None:
    server.memory.add("I live in Ghent.", user_id="ann", wait=True)
    for form, media, end in (
        ("bundle", "application/zip", ".zip"),
        ("markdown", "text/markdown; charset=utf-8", ".md"),
    ):
        said = server.call("export", user_id="ann", format=form)
        assert (said.status_code, said.headers["content-type"]) == (200, media)
        assert said.headers["content-disposition"].endswith(f'{end}"')
        receipt = json.loads(said.headers["x-memory-receipt"])
        assert (
            (receipt["episodes"], receipt["size"]) == (1, len(said.content)) == (1, int(said.headers["content-length"]))
        )
    problem(server.call("export", user_id="ann", format="none"), 422, "invalid_input")
    problem(server.call("export"), 422, "missing_scope")


def test_looking_needs_read_and_taking_in_needs_write(server: Server) -> None:
    reader, writer = server.key(1, rights=("read",)), server.key(2, rights=("write", "forget"))
    server.memory.add("I live in Ghent.", user_id="ann", app_id="crm")
    assert server.call("export", key=reader, user_id="ann").status_code == 200
    problem(server.call("export", key=writer, user_id="ann"), 403, "forbidden")
    for path in ("restore", "import"):
        problem(server.call(path, bundle(), key=reader, user_id="bob"), 403, "forbidden")
    assert server.call("restore", bundle(), key=writer, user_id="bob").json()["added"] == 1
    problem(server.call("export", user_id="ann"), 401, "unauthorized")


def test_a_file_leads_no_key_to_another_memory(server: Server) -> None:
    server.memory.add("A word of the shop.", user_id="ann", app_id="shop")
    mine = server.key(1, Grant(user_id="ann"))
    missing = server.call("export", key=mine, user_id="bob")
    denied = server.call("export", key=mine, user_id="ann", app_id="shop")
    assert missing.json() == denied.json()
    for path in ("restore", "import"):
        problem(server.call(path, bundle(), key=mine, user_id="bob"), 404, "not_found")
        problem(server.call(path, bundle(), key=mine, user_id="ann", app_id="shop"), 404, "not_found")

    told = lines(
        {"content": "mine", "user_id": "ann"},
        {"content": "another user's", "user_id": "bob"},
        {"content": "another app's", "user_id": "ann", "app_id": "shop"},
        {"content": "nobody's"},
    )
    read = server.call("import", told, key=mine, format="jsonl").json()
    assert [each["place"] for each in read["problems"]] == ["line 2", "line 4"]
    assert read["added"] == 2  # what names another app is taken into the key's own
    texts = {each.text for each in server.memory.episodes(user_id="ann", app_id="crm").episodes}
    assert texts == {"mine", "another app's"}
    assert server.memory.stats(user_id="ann", app_id="shop").episodes == 1
    assert server.memory.stats(user_id="bob", app_id="crm").episodes == 0
    without_agent = server.key(2, Grant(user_id="ann", agent_id=None))
    read = server.call(
        "import", lines({"content": "x", "agent_id": "a"}), key=without_agent, format="jsonl", user_id="ann"
    )
    assert (read.json()["added"], len(read.json()["problems"])) == (0, 1)


def test_a_file_that_is_sent_twice_is_taken_in_once(server: Server) -> None:
    named = {"Idempotency-Key": "k1"}
    told = lines({"content": "note", "user_id": "ann"}, {"quince": "jam"})
    first = server.call("import", told, headers=named, format="jsonl")
    again = server.call("import", told, headers=named, format="jsonl")
    assert "idempotency-replayed" not in first.headers
    assert again.headers["idempotency-replayed"] == "true"
    assert (first.json()["added"], again.json()["added"]) == (1, 1)
    assert first.json()["problems"][0]["place"] == "line 2"
    assert again.json()["problems"][0]["reason"].startswith("1 places")
    problem(server.call("import", told + b"\n", headers=named, format="jsonl"), 422, "invalid_input")
    whole = bundle()
    restored = [server.call("restore", whole, headers={"Idempotency-Key": "k2"}, user_id="bob") for _ in range(2)]
    assert restored[0].json() == restored[1].json()
    kept = [answer.body for _, answer in server.store._answers.values()]
    assert len(kept) == 2
    assert not any("quince" in body or "line" in body for body in kept)


def test_what_happens_meanwhile_comes_as_events(server: Server, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(files, "_PAUSE_SECONDS", 0.001)
    told = lines(*({"content": f"note {n}", "user_id": "ann"} for n in range(300)))
    said = server.call("import", told, headers={"Accept": "text/event-stream"}, format="jsonl")
    assert said.headers["content-type"].startswith("text/event-stream")
    events = re.findall(r"event: (\w+)\ndata: (.*)\n\n", said.text)
    assert {name for name, _ in events} == {"progress", "done"}
    assert json.loads(events[-1][1])["added"] == 300
    refused = server.call("restore", b"nothing of ours", headers={"Accept": "text/event-stream"}, user_id="ann")
    name, data = re.findall(r"event: (\w+)\ndata: (.*)\n\n", refused.text)[-1]
    assert (name, json.loads(data)["status"], json.loads(data)["code"]) == ("problem", 422, "invalid_input")


def test_what_nobody_expected_is_a_problem_that_tells_nothing(
    server: Server, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    def broken(*_: object, **__: object) -> None:
        raise RuntimeError("secret words")

    monkeypatch.setattr(server.memory, "restore", broken)
    for accept in ("*/*", "text/event-stream"):
        said = server.call("restore", bundle(), headers={"Accept": accept}, user_id="ann")
        assert '"error"' in said.text
        assert "secret" not in said.text
    assert "RuntimeError" in caplog.text


def test_too_large_a_file_is_refused_before_anything_is_stored() -> None:
    server = Server(max_upload=100_000, max_body=1000)
    detail = problem(server.call("import", b"x" * 100_001, user_id="ann", format="text"), 413, "too_large")
    assert "100,000" in detail
    assert server.call("import", b"x" * 99_000, user_id="ann", format="text").json()["added"] == 1
    problem(server.client.post("/v1/episodes", json={"messages": "x" * 2000, "user_id": "ann"}), 413, "too_large")


def test_a_client_hears_that_its_file_is_too_large(tmp_path: Path) -> None:
    server = Server(max_upload=100_000)
    large = tmp_path / "large.txt"
    large.write_bytes(b"word " * 4_000_000)
    with serving(server.app) as served, RemoteMemory(served.url) as remote:
        with pytest.raises(TooLarge):
            remote.import_file(large, user_id="ann")
        with pytest.raises(TooLarge):
            remote.import_file(io.BytesIO(large.read_bytes()), user_id="ann", format="text")
    assert server.memory.stats(user_id="ann").episodes == 0


def test_a_restore_that_unpacks_to_too_much_is_refused(server: Server, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(files, "MOST_RESTORED", 100_000)
    packed = io.BytesIO()
    with zipfile.ZipFile(packed, "w", zipfile.ZIP_DEFLATED) as out:
        for name in ("episodes.jsonl", "changes.jsonl", "manifest.json"):
            out.writestr(name, b"\n" * 50_000)
    problem(server.call("restore", packed.getvalue(), user_id="ann"), 413, "too_large")


def test_a_zip_with_an_endless_list_is_refused(server: Server, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(archive, "MOST_DIRECTORY", 10_000)
    packed = io.BytesIO()
    with zipfile.ZipFile(packed, "w") as out:
        for number in range(300):
            out.writestr(f"{number}.txt", b"")
    for path in ("restore", "import"):
        assert "directory" in problem(server.call(path, packed.getvalue(), user_id="ann"), 422, "invalid_input")


def test_a_form_is_no_file(server: Server) -> None:
    said = server.client.post("/v1/import?user_id=ann", files={"file": ("notes.md", b"# Notes\n\nx")})
    assert "not a form" in problem(said, 422, "invalid_input")


def test_no_file_lies_about_while_one_is_worked_on(
    server: Server, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(tempfile, "tempdir", str(tmp_path))
    monkeypatch.setattr(files, "_HELD", 100)
    seen: list[str] = []
    restore = server.memory.restore

    def watched(place: Any, **scope: str) -> Any:
        seen.extend(os.listdir(tmp_path))
        return restore(place, **scope)

    monkeypatch.setattr(server.memory, "restore", watched)
    assert len(bundle()) > files._HELD
    assert server.call("restore", bundle(), user_id="ann").json()["added"] == 1
    assert seen == []


def test_a_download_that_breaks_off_leaves_no_file(tmp_path: Path) -> None:
    whole = bundle()
    receipt = {"format": "bundle", "episodes": 1, "facts": 1, "changes": 1, "size": len(whole), "sha256": "0" * 64}

    def torn(_: httpx.Request) -> httpx.Response:
        return httpx.Response(200, content=whole[:-9], headers={"X-Memory-Receipt": json.dumps(receipt)})

    remote = RemoteMemory(client=httpx.Client(transport=httpx.MockTransport(torn), base_url="http://x"))
    with pytest.raises(Unreachable):
        remote.export(tmp_path / "a.zip", user_id="ann")
    stream = io.BytesIO()
    with pytest.raises(Unreachable):
        remote.export(stream, user_id="ann")
    assert (list(tmp_path.iterdir()), stream.getvalue()) == ([], b"")


def test_an_upload_whose_answer_is_lost_is_sent_again_under_the_same_key(server: Server, tmp_path: Path) -> None:
    keys: list[str] = []
    straight = in_process(server.app)

    def losing(request: httpx.Request) -> httpx.Response:
        request.read()
        keys.append(request.headers["idempotency-key"])
        said = straight.send(
            httpx.Request(request.method, request.url, headers=request.headers, content=request.content)
        )
        if len(keys) == 1:
            raise httpx.ReadError("lost")
        return said

    remote = RemoteMemory(client=httpx.Client(transport=httpx.MockTransport(losing), base_url="http://127.0.0.1"))
    (tmp_path / "notes.txt").write_text("The spare key is with Tom.")
    assert remote.import_file(tmp_path / "notes.txt", user_id="ann").added == 1
    assert len(keys) == 2
    assert len(set(keys)) == 1


def test_what_cannot_be_sent_is_said(server: Server, tmp_path: Path) -> None:
    remote = RemoteMemory(client=server.client)
    with pytest.raises(InvalidInput, match="reaches"):
        remote.import_file(io.BytesIO(b"x"), user_id="ann", reaches=lambda scope: True)
    with pytest.raises(InvalidInput, match="cannot read"):
        remote.import_file(tmp_path / "none.txt", user_id="ann")
    with pytest.raises(InvalidInput, match="cannot read"):
        remote.restore(tmp_path, user_id="ann")


def test_others_are_answered_while_files_are_worked_on(server: Server, monkeypatch: pytest.MonkeyPatch) -> None:
    going_on = threading.Event()

    def slow(*_: object, **__: object) -> None:
        going_on.wait(20)
        raise InvalidInput("over")

    monkeypatch.setattr(server.memory, "restore", slow)
    callers = [threading.Thread(target=server.call, args=("restore", b"x"), kwargs={"user_id": "a"}) for _ in range(60)]
    for caller in callers:
        caller.start()
    try:
        assert server.client.get("/v1/stats", params={"user_id": "ann"}, timeout=10).status_code == 200
    finally:
        going_on.set()
        for caller in callers:
            caller.join()


@pytest.mark.skipif(not Path("/proc/self/status").exists(), reason="reads the size of a process from /proc")
def test_neither_side_holds_a_file_in_memory(tmp_path: Path) -> None:
    """64 MiB go up; the most that the server and this process ever held grows by less than half of it."""
    large = tmp_path / "large.bin"
    with large.open("wb") as out:
        for _ in range(64):
            out.write(os.urandom(1 << 20))
    command = [sys.executable, "-c", "from memstrata.surfaces.cli.main import main; main()", "serve", "--port", "0"]
    environment = {**os.environ, "MEMSTRATA_STORE": f"sqlite:///{tmp_path}/m.db", "MEMSTRATA_EMBEDDER": "none"}
    with (tmp_path / "log").open("w") as log:
        process = subprocess.Popen(command, stdout=subprocess.PIPE, stderr=log, env=environment, text=True)
    try:
        assert process.stdout is not None
        url = process.stdout.readline().split(" at ")[1].split(",")[0]
        with RemoteMemory(url) as remote:
            remote.import_file(io.BytesIO(b"A first note."), user_id="ann", format="text")
            before = _held(process.pid), _held(os.getpid())
            with pytest.raises(InvalidInput, match="format"):
                remote.import_file(large, user_id="ann")
            grown = _held(process.pid) - before[0], _held(os.getpid()) - before[1]
    finally:
        process.terminate()
        process.communicate(timeout=30)
    assert max(grown) < 32 << 20, grown


def _held(pid: int) -> int:
    """The most memory that a process ever held, in bytes."""
    status = Path(f"/proc/{pid}/status").read_text()
    return int(next(line for line in status.splitlines() if line.startswith("VmHWM:")).split()[1]) << 10
