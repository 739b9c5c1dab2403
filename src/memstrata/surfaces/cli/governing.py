"""`forget` and `stats`."""

from __future__ import annotations

from dataclasses import fields
from typing import Annotated

import typer

from memstrata.errors import InvalidInput
from memstrata.surfaces.cli import options, show
from memstrata.surfaces.cli.app import IN_PART, app
from memstrata.surfaces.cli.options import Target


@app.command()
def forget(
    ids: Annotated[list[str] | None, typer.Argument(help="Ids of episodes.")] = None,
    user_id: options.UserId = None,
    agent_id: options.AgentId = None,
    app_id: options.AppId = None,
    run_id: options.RunId = None,
    everything: Annotated[bool, typer.Option("--everything", help="All of the scope, or of the run.")] = False,
    yes: Annotated[bool, typer.Option("--yes", "-y", help="Do not ask.")] = False,
    store: options.Store = None,
    as_json: options.AsJson = False,
) -> None:
    """Erase episodes for good, from every part of the store."""
    if bool(ids) == everything:
        raise InvalidInput("name the ids to forget, or say --everything")
    scope = options.scope_ids(user_id, agent_id, app_id, run_id)
    with Target(store=store, embedder="none", scope=scope).open() as memory:
        if everything and not yes:
            count = memory.stats(**scope).episodes
            typer.confirm(f"Erase {count} episodes for good?", abort=True, err=True)
        receipt = memory.forget(ids or "everything", **scope)
    missing = len(set(ids or ())) - receipt.forgotten if ids else 0
    if as_json:
        show.print_json(receipt)
    else:
        show.OUT.print(f"{receipt.forgotten} forgotten, receipt {receipt.id}")
        if missing:
            show.remark(f"{missing} of the ids are not in this scope")
        if not receipt.scrubbed:
            show.remark("another process still reads the store; the last pages are scrubbed as soon as it lets go")
    if missing:
        raise typer.Exit(IN_PART)


@app.command()
def stats(
    user_id: options.UserId = None,
    agent_id: options.AgentId = None,
    app_id: options.AppId = None,
    run_id: options.RunId = None,
    store: options.Store = None,
    embedder: options.Embedder = "auto",
    model: options.Model = "none",
    local_model: options.LocalModel = "none",
    as_json: options.AsJson = False,
) -> None:
    """Count what a scope holds and how far its background work is."""
    scope = options.scope_ids(user_id, agent_id, app_id, run_id)
    with Target(store=store, embedder=embedder, scope=scope, model=model, local_model=local_model).open() as memory:
        found = memory.stats(**scope)
    if as_json:
        show.print_json(found)
        return
    shown = [(each.name.replace("_", " "), getattr(found, each.name)) for each in fields(found)]
    show.print_pairs((name, "" if value in (None, ()) else value) for name, value in shown if name != "degraded")
    for note in found.degraded:
        show.remark(note)
