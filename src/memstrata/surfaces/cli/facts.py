"""`facts`, `profile`, `history`, and what a user may do with a fact: `correct`, `confirm`, `reject`, `undo`."""

from __future__ import annotations

from typing import Annotated, cast

import typer
from rich.markup import escape
from rich.table import Table

from memstrata.core.facts.reading import BELIEVED
from memstrata.surfaces.cli import options, show
from memstrata.surfaces.cli.app import app
from memstrata.surfaces.cli.options import Target
from memstrata.types import Fact, FactKind, FactStatus

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
    as_json: options.AsJson = False,
) -> None:
    """List facts, or those that answer a question, best first."""
    scope = options.scope_ids(user_id, agent_id, app_id, run_id)
    with Target(store=store, embedder=embedder, scope=scope).open() as memory:
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
        show.print_json({"facts": list(found), "degraded": list(found.degraded)})
    elif found:
        show.OUT.print(_table(found))
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
        _print(memory.correct(id, text, **scope), as_json=as_json)


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
        _print(memory.confirm(id, **scope), as_json=as_json)


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
        _print(memory.reject(id, **scope), as_json=as_json)


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


def _print(fact: Fact, *, as_json: bool) -> None:
    if as_json:
        show.print_json(fact)
    else:
        show.OUT.print(_table([fact]))


def _table(found: list[Fact]) -> Table:
    table = Table(box=None, pad_edge=False)
    for column in ("id", "kind", "who", "fact", "since", "until", "status"):
        table.add_column(column)
    for fact in found:
        since = fact.valid_from.date().isoformat() if fact.valid_from else ""
        until = fact.valid_to.date().isoformat() if fact.valid_to else ""
        row = (fact.id, fact.kind, fact.subject or fact.speaker, fact.text, since, until, fact.status)
        table.add_row(*(escape(show.visible(each)) for each in row))
    return table
