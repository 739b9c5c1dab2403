"""What to write where, so that a client starts or reaches this server: JSON or TOML, a client a form."""

from __future__ import annotations

import json
import shlex
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Literal, get_args

from memstrata.errors import InvalidInput

Client = Literal["claude-desktop", "claude-code", "cursor", "vscode", "codex", "generic"]
CLIENTS: tuple[str, ...] = get_args(Client)
NAME = "memstrata"
_WHERE: Mapping[str, str] = {
    "claude-desktop": "Claude Desktop: claude_desktop_config.json (Settings, Developer, Edit config)",
    "claude-code": "Claude Code: .mcp.json of a project, or: {command}",
    "cursor": "Cursor: ~/.cursor/mcp.json",
    "vscode": "VS Code: .vscode/mcp.json",
    "codex": "Codex: ~/.codex/config.toml",
    "generic": "Others: mcpServers of their configuration",
}
_KEY = "ms_..."


@dataclass(frozen=True, slots=True, kw_only=True)
class Started:
    """The server is a process that the client starts with this command line."""

    command: Sequence[str]


@dataclass(frozen=True, slots=True, kw_only=True)
class Reached:
    """The server answers at an address; where it asks for a key, it stands in the headers."""

    url: str


Target = Started | Reached


def hint(client: str, target: Target) -> str:
    """The configuration of one client. Raises InvalidInput for one not known, or that cannot reach an address."""
    if client not in CLIENTS:
        raise InvalidInput(f"a client is one of {', '.join(CLIENTS)}, not {client!r}")
    if client == "claude-desktop" and isinstance(target, Reached):
        raise InvalidInput("the configuration of claude-desktop starts a process; leave --http out")
    if client == "codex":
        return _toml(target)
    entry = _entry(target, typed=client in ("claude-code", "vscode", "generic"))
    return json.dumps({"servers" if client == "vscode" else "mcpServers": {NAME: entry}}, ensure_ascii=False, indent=2)


def hints(target: Target) -> str:
    """The configurations of all clients that can have one, each under where it goes."""
    parts = []
    for client in CLIENTS:
        if client == "claude-desktop" and isinstance(target, Reached):
            continue
        where = _WHERE[client].format(command=_claude_mcp_add(target))
        parts.append(f"# {where}\n{hint(client, target)}")
    return "\n\n".join(parts)


def _entry(target: Target, *, typed: bool) -> dict[str, object]:
    if isinstance(target, Started):
        command, *arguments = target.command
        return {**({"type": "stdio"} if typed else {}), "command": command, "args": arguments}
    headers = {"Authorization": f"Bearer {_KEY}"}
    return {**({"type": "http"} if typed else {}), "url": target.url, "headers": headers}


def _toml(target: Target) -> str:
    if isinstance(target, Reached):
        lines = [f"url = {_quoted(target.url)}", 'bearer_token_env_var = "MEMSTRATA_KEY"']
    else:
        command, *arguments = target.command
        lines = [f"command = {_quoted(command)}", f"args = [{', '.join(map(_quoted, arguments))}]"]
    return "\n".join([f"[mcp_servers.{NAME}]", *lines])


def _quoted(text: str) -> str:
    """A text as TOML and JSON both write it."""
    return json.dumps(text, ensure_ascii=False).replace("\x7f", "\\u007f")


def _claude_mcp_add(target: Target) -> str:
    if isinstance(target, Reached):
        return f'claude mcp add --transport http {NAME} {target.url} --header "Authorization: Bearer {_KEY}"'
    return f"claude mcp add {NAME} -- {shlex.join(target.command)}"
