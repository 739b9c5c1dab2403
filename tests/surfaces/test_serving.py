"""`memstrata serve` and `memstrata keys` as processes."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import httpx
import pytest

from memstrata.client import RemoteMemory
from memstrata.errors import Forbidden, NotFound, RateLimited, Unauthorized, Unreachable

COMMAND = [sys.executable, "-c", "from memstrata.surfaces.cli.main import main; main()"]


def environment(folder: Path) -> dict[str, str]:
    return {**os.environ, "MEMSTRATA_STORE": f"sqlite:///{folder}/m.db", "MEMSTRATA_EMBEDDER": "none"}


def run(folder: Path, *arguments: str, code: int = 0) -> str:
    done = subprocess.run([*COMMAND, *arguments], capture_output=True, env=environment(folder), check=False)
    assert done.returncode == code, done.stderr.decode()
    assert b"Traceback" not in done.stderr
    return (done.stdout if code == 0 else done.stderr).decode()


@contextmanager
def serving(folder: Path, *arguments: str) -> Iterator[tuple[str, subprocess.Popen[str]]]:
    """A server process; yields its URL, as its first line says it."""
    command = [*COMMAND, "serve", "--port", "0", *arguments]
    with (folder / "log").open("w") as log:
        process = subprocess.Popen(command, stdout=subprocess.PIPE, stderr=log, env=environment(folder), text=True)
    assert process.stdout is not None
    try:
        first = process.stdout.readline()
        assert "http://" in first, (folder / "log").read_text()
        yield first.split(" at ")[1].split(",")[0].strip(), process
    finally:
        process.terminate()
        process.communicate(timeout=30)


def test_a_server_says_where_it_is_answers_and_ends_when_asked(tmp_path: Path) -> None:
    with serving(tmp_path) as (url, process):
        with RemoteMemory(url) as memory:
            memory.add("I live in Ghent.", user_id="ann", wait=True)
            assert memory.facts(user_id="ann")[0].text == "I live in Ghent."
        assert "Ghent" in run(tmp_path, "search", "Ghent", "--user-id", "ann")  # a second process on the same store
        run(tmp_path, "add", "My dog is called Rex.", "--user-id", "ann")
        with RemoteMemory(url) as memory:
            assert memory.search("Rex", user_id="ann")[0].text == "My dog is called Rex."
        assert httpx.get(f"{url}/docs").status_code == 200
        process.send_signal(signal.SIGTERM)
        rest, _ = process.communicate(timeout=30)
        assert process.returncode == 0
        assert f"{url}/mcp" in rest
    with pytest.raises(Unreachable), RemoteMemory(url) as memory:
        memory.stats(user_id="ann")
    lines = [json.loads(line) for line in (tmp_path / "log").read_text().splitlines()]
    assert {line["route"] for line in lines} >= {"/v1/episodes", "/v1/facts/search"}
    assert not any("Ghent" in json.dumps(line) or "ann" in json.dumps(line) for line in lines)


def test_a_key_is_shown_once_kept_as_a_digest_and_revoked_on_a_running_server(tmp_path: Path) -> None:
    token = run(tmp_path, "keys", "create", "--app-id", "crm", "--rights", "read,write", "--note", "night").strip()
    (listed,) = json.loads(run(tmp_path, "keys", "list", "--json"))
    assert (listed["app_id"], listed["rights"], listed["note"]) == ("crm", ["read", "write"], "night")
    secret = token.rsplit("_", 1)[1]
    assert not any(secret.encode() in file.read_bytes() for file in tmp_path.glob("m.db*"))
    with serving(tmp_path) as (url, _), RemoteMemory(url, api_key=token) as memory:
        memory.add("I live in Ghent.", user_id="ann")
        assert memory.episodes(user_id="ann").episodes[0].scope.app_id == "crm"
        with pytest.raises(NotFound):
            memory.stats(user_id="ann", app_id="shop")
        with pytest.raises(Forbidden):
            memory.forget(user_id="ann")
        with pytest.raises(Unauthorized), RemoteMemory(url) as stranger:
            stranger.stats(user_id="ann")
        run(tmp_path, "keys", "revoke", listed["id"])
        with pytest.raises(Unauthorized):
            memory.stats(user_id="ann")
    assert "no key" in run(tmp_path, "keys", "revoke", "nobody", code=1)


def test_a_key_that_calls_too_often_is_told_to_wait(tmp_path: Path) -> None:
    token = run(tmp_path, "keys", "create").strip()
    with serving(tmp_path, "--rate", "0.1") as (url, _), RemoteMemory(url, api_key=token) as memory:
        memory.stats(user_id="ann")
        with pytest.raises(RateLimited):
            memory.stats(user_id="ann")


@pytest.mark.parametrize(
    ("arguments", "says"),
    [
        (("serve", "--host", "0.0.0.0"), "memstrata keys create"),
        (("serve", "--host", "203.0.113.7", "--port", "1"), "memstrata keys create"),
        (("keys", "create", "--rights", "everything"), "rights are some of"),
        (("keys", "create", "--grant", "somebody"), "a grant names"),
    ],
)
def test_what_is_not_safe_or_not_right_is_refused_in_one_line(
    tmp_path: Path, arguments: tuple[str, ...], says: str
) -> None:
    said = run(tmp_path, *arguments, code=2)
    assert says in said
    assert len(said.strip().splitlines()) == 1


def test_a_port_that_is_taken_is_one_clear_line(tmp_path: Path) -> None:
    with serving(tmp_path) as (url, _):
        said: Any = run(tmp_path, "serve", "--port", url.rsplit(":", 1)[1], code=2)
        assert "choose another with --port" in said
