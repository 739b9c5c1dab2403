"""`adapters`: what a model on this machine was taught of a memory: ask for it, look at it, go back, export, delete."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, cast

import typer

from memstrata.core.requests import checked_kinds
from memstrata.surfaces.cli import options, show
from memstrata.surfaces.cli.app import app
from memstrata.surfaces.cli.options import Target
from memstrata.types import Artifact, FactKind

commands = typer.Typer(no_args_is_help=True, help="What a model on this machine was taught of a memory.")
app.add_typer(commands, name="adapters")
Teaches = Annotated[
    str, typer.Option("--model", help="The model that is taught: local:smollm2, local:PATH or a hub id.")
]


@commands.command()
def promote(
    kinds: Annotated[list[str], typer.Argument(help="Kinds of facts that the person lets be trained on.")],
    user_id: options.UserId = None,
    agent_id: options.AgentId = None,
    app_id: options.AppId = None,
    model: Teaches = "local:smollm2",
    store: options.Store = None,
    as_json: options.AsJson = False,
) -> None:
    """Ask for adapters of a memory's facts; `memstrata worker --adapters smollm2` makes them."""
    scope = options.scope_ids(user_id, agent_id, app_id, None)
    wanted = checked_kinds(cast("list[FactKind]", kinds)) or ()
    with Target(store=store, embedder="none", scope=scope).open() as memory:
        _print(memory.promote(tier="parametric", kinds=wanted, model=model, **scope), as_json=as_json)


@commands.command("list")
def listed(
    user_id: options.UserId = None,
    agent_id: options.AgentId = None,
    app_id: options.AppId = None,
    store: options.Store = None,
    as_json: options.AsJson = False,
) -> None:
    """All versions of a memory's adapters, with what was measured of them and why some are refused or stale."""
    scope = options.scope_ids(user_id, agent_id, app_id, None)
    with Target(store=store, embedder="none", scope=scope).open() as memory:
        _print(memory.artifacts(tier="parametric", **scope), as_json=as_json)


@commands.command()
def rollback(
    adapter_id: Annotated[str, typer.Argument(metavar="ID", help="A version that is kept.")],
    user_id: options.UserId = None,
    agent_id: options.AgentId = None,
    app_id: options.AppId = None,
    store: options.Store = None,
    as_json: options.AsJson = False,
) -> None:
    """Put an earlier version in the place of the one that is ready."""
    scope = options.scope_ids(user_id, agent_id, app_id, None)
    with Target(store=store, embedder="none", scope=scope).open() as memory:
        _print([memory.rollback(adapter_id, **scope)], as_json=as_json)


@commands.command()
def delete(
    ids: Annotated[
        list[str] | None, typer.Argument(help="Ids of adapters or of facts; all where none is given.")
    ] = None,
    user_id: options.UserId = None,
    agent_id: options.AgentId = None,
    app_id: options.AppId = None,
    store: options.Store = None,
    as_json: options.AsJson = False,
) -> None:
    """Delete adapters; the facts that they were made of stay."""
    scope = options.scope_ids(user_id, agent_id, app_id, None)
    with Target(store=store, embedder="none", scope=scope).open() as memory:
        gone = memory.demote(ids, tier="parametric", **scope)
    show.print_json({"deleted": gone}) if as_json else show.OUT.print(f"{len(gone)} deleted")


@commands.command()
def export(
    adapter_id: Annotated[str, typer.Argument(metavar="ID", help="An adapter that is ready or kept.")],
    folder: Annotated[Path, typer.Argument(help="A folder that does not exist yet.")],
    user_id: options.UserId = None,
    agent_id: options.AgentId = None,
    app_id: options.AppId = None,
    store: options.Store = None,
) -> None:
    """Copy an adapter out, as a folder that PEFT and what builds on it load."""
    scope = options.scope_ids(user_id, agent_id, app_id, None)
    with Target(store=store, embedder="none", scope=scope).open() as memory:
        size = memory.export_adapter(adapter_id, folder, **scope)
    show.OUT.print(f"{size} bytes written; what it was taught can be read out of it")


def _print(rows: list[Artifact], *, as_json: bool) -> None:
    if as_json:
        show.print_json({"adapters": rows})
        return
    for each in rows:
        recall = each.metrics.get("recall_exact")
        known = f"answers {recall:.0%} exactly" if isinstance(recall, float) else ""
        words = (each.id, each.status, each.series, f"{each.size} bytes", f"used {each.uses} times", known, each.reason)
        show.OUT.print("  ".join(word for word in words if word))
    if not rows:
        show.remark("no adapters: nothing of these kinds can be trained on, or was asked for")
