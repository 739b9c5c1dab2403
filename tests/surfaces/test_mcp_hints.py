"""`memstrata mcp --install-hint`: what it prints can be pasted, and starts this server."""

from __future__ import annotations

import json
import tomllib
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from typer.testing import CliRunner

from memstrata.errors import InvalidInput
from memstrata.surfaces.cli.main import app
from memstrata.surfaces.mcp.hints import CLIENTS, NAME, Reached, Started, hint, hints

WORDS = st.lists(st.text(st.characters(codec="utf-8", exclude_characters="\x00"), max_size=12), min_size=1, max_size=6)


def read(client: str, text: str) -> dict[str, Any]:
    """The entry of the server in a configuration."""
    if client == "codex":
        entry: dict[str, Any] = tomllib.loads(text)["mcp_servers"][NAME]
    else:
        entry = json.loads(text)["servers" if client == "vscode" else "mcpServers"][NAME]
    return entry


def printed(*options: str) -> str:
    done = CliRunner().invoke(app, ["mcp", "--install-hint", *options], env={"MEMSTRATA_STORE": ""})
    assert done.exit_code == 0, done.output
    return str(done.stdout)


@given(WORDS)
def test_any_command_line_comes_back_from_every_configuration(words: list[str]) -> None:
    for client in CLIENTS:
        entry = read(client, hint(client, Started(command=words)))
        assert [entry["command"], *entry["args"]] == words


def test_an_address_comes_with_the_place_of_its_key() -> None:
    target = Reached(url="http://127.0.0.1:8378/mcp")
    for client in set(CLIENTS) - {"claude-desktop"}:
        entry = read(client, hint(client, target))
        assert entry["url"] == target.url
        assert "bearer_token_env_var" in entry or entry["headers"]["Authorization"].startswith("Bearer ")
    with pytest.raises(InvalidInput):
        hint("claude-desktop", target)
    with pytest.raises(InvalidInput, match="cursor"):
        hint("other", target)
    assert "Claude Desktop" not in hints(target)


def test_the_command_prints_a_form_for_each_client_and_one_alone_for_a_program(tmp_path: Path) -> None:
    whole = printed("--user-id", "ann")
    for client in CLIENTS:
        alone = printed("--user-id", "ann", "--client", client)
        assert alone.strip() in whole
        entry = read(client, alone)
        assert Path(entry["command"]).is_absolute()
        assert entry["args"][-3:] == ["mcp", "--user-id", "ann"]
    assert printed("--client", "generic", "--http", "--port", "9000").count("http://127.0.0.1:9000/mcp") == 1


def test_what_is_said_holds_in_every_folder(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.chdir(tmp_path)
    entry = read("cursor", printed("--client", "cursor", "--store", "sqlite:///my%20memory.db", "--profile", "all"))
    assert f"sqlite:///{tmp_path}/my%20memory.db" in entry["args"]
    assert entry["args"][entry["args"].index("--profile") + 1] == "all"
    assert "me" in read("cursor", printed("--client", "cursor"))["args"], "without an id a user is fixed"
