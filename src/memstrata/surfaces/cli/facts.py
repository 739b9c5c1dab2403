"""`facts`, `profile`, `timeline` and `history`."""

from __future__ import annotations

from typing import Annotated, cast

import typer
from rich.markup import escape

from memstrata.core.facts.reading import BELIEVED
from memstrata.surfaces.cli import options, show
from memstrata.surfaces.cli.app import app
from memstrata.surfaces.cli.options import Target
from memstrata.types import FactKind, FactStatus

FactId = Annotated[str, typer.Argument(help="The id of a fact.")]


@app.command()
def facts(
    query: Annotated[str | None, typer.Argument(help="A question; without it the surest and latest.")] = None,
    user_id: options.UserId = None,
    agent_id: options.AgentId = None,
    app_id: options.AppId = None,
    run_id: options.RunId = None,
    about: Annotated[str | None, typer.Option("--about", help="About this person or thing.")] = None,
    kind: Annotated[list[str] | None, typer.Option("--kind", help="Of this kind; may be repeated.")] = None,
    status: Annotated[list[str] | None, typer.Option("--status", help="That stand so, such as quarantined.")] = None,
    as_of: Annotated[str | None, typer.Option("--as-of", help="What held then (ISO 8601).")] = None,
    known_at: Annotated[str | None, typer.Option("--known-at", help="As it was believed then (ISO 8601).")] = None,
    any_time: Annotated[bool, typer.Option("--any-time", help="Whatever their time, not only what holds now.")] = False,
    limit: Annotated[int, typer.Option("--limit", "-n", help="How many.")] = 10,
    store: options.Store = None,
    embedder: options.Embedder = "auto",
    model: options.Model = "none",
    local_model: options.LocalModel = "none",
    as_json: options.AsJson = False,
) -> None:
    """List facts, or those that answer a question, best first."""
    scope = options.scope_ids(user_id, agent_id, app_id, run_id)
    with Target(store=store, embedder=embedder, scope=scope, model=model, local_model=local_model).open() as memory:
        found = memory.facts(
            query,
            **scope,
            about=about,
            kind=cast("list[FactKind] | None", kind or None),
            status=cast("list[FactStatus]", status) if status else BELIEVED,
            as_of=options.moment(as_of, what="--as-of"),
            known_at=options.moment(known_at, what="--known-at"),
            current=not any_time,
            limit=limit,
        )
    if as_json:
        show.print_json(found)
    elif found:
        show.print_facts(found)
    else:
        show.OUT.print("No facts.")
    for remark in found.degraded:
        show.remark(remark)


@app.command()
def profile(
    user_id: options.UserId = None,
    agent_id: options.AgentId = None,
    app_id: options.AppId = None,
    run_id: options.RunId = None,
    store: options.Store = None,
    as_json: options.AsJson = False,
) -> None:
    """Print a page of what is known now, in sections, each line with its source."""
    scope = options.scope_ids(user_id, agent_id, app_id, run_id)
    with Target(store=store, embedder="none", scope=scope).open() as memory:
        found = memory.profile(**scope)
    if as_json:
        show.print_json(found)
    else:
        show.OUT.print(escape(found.text) or "Nothing is known yet.")


@app.command()
def timeline(
    entity: Annotated[str, typer.Argument(help="A person or thing, by any of its names.")],
    user_id: options.UserId = None,
    agent_id: options.AgentId = None,
    app_id: options.AppId = None,
    run_id: options.RunId = None,
    limit: Annotated[int, typer.Option("--limit", "-n", help="How many.")] = 100,
    store: options.Store = None,
    as_json: options.AsJson = False,
) -> None:
    """Tell what happened to a person or thing, in order."""
    scope = options.scope_ids(user_id, agent_id, app_id, run_id)
    with Target(store=store, embedder="none", scope=scope).open() as memory:
        found = memory.timeline(entity, limit=limit, **scope)
    if as_json:
        show.print_json(found)
    elif found:
        show.print_facts(found)
    else:
        show.OUT.print("No facts.")


@app.command()
def history(
    id: FactId,  # noqa: A002 - the field's word
    user_id: options.UserId = None,
    agent_id: options.AgentId = None,
    app_id: options.AppId = None,
    run_id: options.RunId = None,
    store: options.Store = None,
    as_json: options.AsJson = False,
) -> None:
    """Every change of a fact, in order."""
    scope = options.scope_ids(user_id, agent_id, app_id, run_id)
    with Target(store=store, embedder="none", scope=scope).open() as memory:
        changes = memory.history(id, **scope)
    if as_json:
        show.print_json(changes)
        return
    for change in changes:
        show.OUT.print(escape(f"{change.id}  {change.at:%Y-%m-%d %H:%M}  {change.kind} by {change.actor}"))
