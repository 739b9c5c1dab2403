"""`rollback` and `export-adapter`: earlier versions of what a model was taught, and a copy for other tools."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from memstrata.surfaces.cli import options, show
from memstrata.surfaces.cli.app import app
from memstrata.surfaces.cli.options import Target


@app.command()
def rollback(
    adapter_id: Annotated[str, typer.Argument(metavar="ID", help="An adapter that is kept; see `artifacts`.")],
    user_id: options.UserId = None,
    agent_id: options.AgentId = None,
    app_id: options.AppId = None,
    store: options.Store = None,
    as_json: options.AsJson = False,
) -> None:
    """Put an adapter's earlier version in the place of the one that is ready."""
    scope = options.scope_ids(user_id, agent_id, app_id, None)
    with Target(store=store, embedder="none", scope=scope).open() as memory:
        row = memory.rollback(adapter_id, **scope)
    if as_json:
        show.print_json(row)
    else:
        show.OUT.print(f"{row.id} is {row.status}")


@app.command("export-adapter")
def export_adapter(
    adapter_id: Annotated[str, typer.Argument(metavar="ID", help="An adapter that is ready or kept.")],
    folder: Annotated[Path, typer.Argument(help="A folder that does not exist yet.")],
    user_id: options.UserId = None,
    agent_id: options.AgentId = None,
    app_id: options.AppId = None,
    store: options.Store = None,
) -> None:
    """Copy an adapter into a folder that PEFT and what builds on it load."""
    scope = options.scope_ids(user_id, agent_id, app_id, None)
    with Target(store=store, embedder="none", scope=scope).open() as memory:
        size = memory.export_adapter(adapter_id, folder, **scope)
    show.OUT.print(f"{size} bytes written; what was taught can be read out of them")
