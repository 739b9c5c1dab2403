"""`mcp`: the memory for assistants and agents that speak the Model Context Protocol."""

from __future__ import annotations

import os
import shutil
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, cast
from urllib.parse import quote, unquote

import typer

from memstrata.connect import open_store
from memstrata.errors import InvalidInput
from memstrata.memory import Memory
from memstrata.parts import ForgetPolicy
from memstrata.settings import Settings
from memstrata.surfaces.cli import options
from memstrata.surfaces.cli.app import app
from memstrata.surfaces.mcp.hints import Reached, Started, Target, hint, hints
from memstrata.types import Scope

if TYPE_CHECKING:
    from memstrata.surfaces.mcp.server import Profile

DEFAULT_USER = "me"
_SQLITE = "sqlite:///"
_POLICY: ForgetPolicy = "ask"
"""A model has a tool of its own to forget; what it hands on as said must not erase by itself."""


@app.command()
def mcp(
    user_id: options.UserId = None,
    agent_id: options.AgentId = None,
    app_id: options.AppId = None,
    run_id: options.RunId = None,
    profile: Annotated[str, typer.Option("--profile", help="Tools: default, reference, anthropic or all.")] = "default",
    http: Annotated[bool, typer.Option("--http", help="Listen instead of talking over the standard streams.")] = False,
    host: Annotated[str, typer.Option("--host", help="With --http: where; others need keys.")] = "127.0.0.1",
    port: Annotated[int, typer.Option("--port", min=0, max=65535, help="With --http; 0 for any free one.")] = 8378,
    install_hint: Annotated[
        bool, typer.Option("--install-hint", help="Print configuration for common clients, and end.")
    ] = False,
    client: Annotated[
        str | None,
        typer.Option("--client", help="Only for claude-desktop, claude-code, cursor, vscode, codex or generic."),
    ] = None,
    store: options.Store = None,
    embedder: options.Embedder = "auto",
    model: options.Model = "none",
) -> None:
    """Give an assistant or agent this memory, over the standard streams or HTTP. Ids given here are fixed for it."""
    scope = Scope(user_id=user_id, agent_id=agent_id, app_id=app_id, run_id=run_id)
    if install_hint or client is not None:
        url = f"http://{f'[{host}]' if ':' in host else host}:{port}/mcp"
        words = _words(scope, profile=profile, store=store, embedder=embedder, model=model)
        target: Target = Reached(url=url) if http else Started(command=[*_command(), "mcp", *words])
        typer.echo(hints(target) if client is None else hint(client, target))
        return
    try:
        from memstrata.surfaces.mcp.server import tools_of
        from memstrata.surfaces.mcp.serving import over_http, over_standard_streams
    except ModuleNotFoundError as error:
        raise InvalidInput(f"the server needs {error.name}: pip install 'memstrata[server]'") from error
    chosen = cast("Profile", profile)
    tools_of(chosen)  # before anything is opened
    settings = Settings.from_environment(os.environ)
    home = open_store(settings.store if store is None else store, settings)
    with Memory(home, embedder=embedder, model=model, forget_requests=_POLICY) as memory:
        if not http:
            over_standard_streams(memory, scope=scope, profile=chosen, forget_requests=_POLICY)
            return
        over_http(
            memory,
            home,
            scope=scope,
            profile=chosen,
            forget_requests=_POLICY,
            host=host,
            port=port,
            ready=lambda url: typer.echo(f"Memstrata answers MCP at {url}"),
        )


def _command() -> list[str]:
    """How a client that knows no folder of ours starts this command."""
    beside = Path(sys.executable).parent / ("memstrata.exe" if os.name == "nt" else "memstrata")
    found = str(beside) if beside.is_file() else shutil.which("memstrata")
    return [found] if found else [sys.executable, "-c", "from memstrata.surfaces.cli.main import main; main()"]


def _words(scope: Scope, *, profile: str, store: str | None, embedder: str, model: str) -> Sequence[str]:
    """The options that say the same wherever the client starts the command: it has another folder and environment."""
    given = {f"--{name.replace('_', '-')}": getattr(scope, name) for name in Scope.__dataclass_fields__}
    if all(value is None for value in given.values()):
        given["--user-id"] = DEFAULT_USER
    given |= {
        "--profile": None if profile == "default" else profile,
        "--store": None if store is None else _absolute(store),
        "--embedder": None if embedder == "auto" else embedder,
        "--model": None if model == "none" else model,
    }
    return [word for name, value in given.items() if value is not None for word in (name, cast(str, value))]


def _absolute(store: str) -> str:
    """A store's URL that names the same file from every folder."""
    if not store.startswith(_SQLITE):
        return store
    name, mark, query = store.removeprefix(_SQLITE).partition("?")
    return _SQLITE + quote(str(Path(unquote(name)).expanduser().absolute())) + mark + query
