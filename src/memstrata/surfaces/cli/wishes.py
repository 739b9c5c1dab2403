"""What a user may do with a fact: `correct`, `confirm`, `reject`, `retire`, `pin`, `mute`, and `undo`."""

from __future__ import annotations

from typing import Annotated

import typer

from memstrata.surfaces.cli import options, show
from memstrata.surfaces.cli.app import app
from memstrata.surfaces.cli.facts import FactId
from memstrata.surfaces.cli.options import Target


@app.command()
def correct(
    id: FactId,  # noqa: A002
    text: Annotated[str, typer.Argument(help="The right words.")],
    user_id: options.UserId = None,
    agent_id: options.AgentId = None,
    app_id: options.AppId = None,
    run_id: options.RunId = None,
    store: options.Store = None,
    as_json: options.AsJson = False,
) -> None:
    """Put your own words in the place of a fact that was never right."""
    scope = options.scope_ids(user_id, agent_id, app_id, run_id)
    with Target(store=store, embedder="none", scope=scope).open() as memory:
        show.print_fact(memory.correct(id, text, **scope), as_json=as_json)


@app.command()
def confirm(
    id: FactId,  # noqa: A002
    user_id: options.UserId = None,
    agent_id: options.AgentId = None,
    app_id: options.AppId = None,
    run_id: options.RunId = None,
    store: options.Store = None,
    as_json: options.AsJson = False,
) -> None:
    """Say yes to a fact that waits or is disputed."""
    scope = options.scope_ids(user_id, agent_id, app_id, run_id)
    with Target(store=store, embedder="none", scope=scope).open() as memory:
        show.print_fact(memory.confirm(id, **scope), as_json=as_json)


@app.command()
def reject(
    id: FactId,  # noqa: A002
    user_id: options.UserId = None,
    agent_id: options.AgentId = None,
    app_id: options.AppId = None,
    run_id: options.RunId = None,
    store: options.Store = None,
    as_json: options.AsJson = False,
) -> None:
    """Say no to a fact; its history stays."""
    scope = options.scope_ids(user_id, agent_id, app_id, run_id)
    with Target(store=store, embedder="none", scope=scope).open() as memory:
        show.print_fact(memory.reject(id, **scope), as_json=as_json)


@app.command()
def retire(
    id: FactId,  # noqa: A002
    user_id: options.UserId = None,
    agent_id: options.AgentId = None,
    app_id: options.AppId = None,
    run_id: options.RunId = None,
    store: options.Store = None,
    as_json: options.AsJson = False,
) -> None:
    """Believe a fact no more; its history stays."""
    scope = options.scope_ids(user_id, agent_id, app_id, run_id)
    with Target(store=store, embedder="none", scope=scope).open() as memory:
        show.print_fact(memory.retire(id, **scope), as_json=as_json)


@app.command()
def pin(
    id: FactId,  # noqa: A002
    off: Annotated[bool, typer.Option("--off", help="No longer.")] = False,
    user_id: options.UserId = None,
    agent_id: options.AgentId = None,
    app_id: options.AppId = None,
    run_id: options.RunId = None,
    store: options.Store = None,
    as_json: options.AsJson = False,
) -> None:
    """Keep a fact among the first."""
    scope = options.scope_ids(user_id, agent_id, app_id, run_id)
    with Target(store=store, embedder="none", scope=scope).open() as memory:
        show.print_fact(memory.pin(id, pinned=not off, **scope), as_json=as_json)


@app.command()
def mute(
    id: FactId,  # noqa: A002
    off: Annotated[bool, typer.Option("--off", help="Bring it up again.")] = False,
    user_id: options.UserId = None,
    agent_id: options.AgentId = None,
    app_id: options.AppId = None,
    run_id: options.RunId = None,
    store: options.Store = None,
    as_json: options.AsJson = False,
) -> None:
    """Never bring a fact up."""
    scope = options.scope_ids(user_id, agent_id, app_id, run_id)
    with Target(store=store, embedder="none", scope=scope).open() as memory:
        show.print_fact(memory.mute(id, muted=not off, **scope), as_json=as_json)


@app.command()
def undo(
    id: Annotated[str, typer.Argument(help="The id of a change, from `history`.")],  # noqa: A002
    user_id: options.UserId = None,
    agent_id: options.AgentId = None,
    app_id: options.AppId = None,
    run_id: options.RunId = None,
    store: options.Store = None,
    as_json: options.AsJson = False,
) -> None:
    """Undo a change with all that was decided together with it."""
    scope = options.scope_ids(user_id, agent_id, app_id, run_id)
    with Target(store=store, embedder="none", scope=scope).open() as memory:
        lines = memory.undo(id, **scope)
    if as_json:
        show.print_json(lines)
    else:
        show.OUT.print(f"undone, {len(lines)} facts touched")
