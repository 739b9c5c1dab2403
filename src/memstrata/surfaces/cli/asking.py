"""`search`, `context` and `episodes`."""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Annotated, cast

import typer

from memstrata.errors import InvalidInput
from memstrata.surfaces.cli import options, show
from memstrata.surfaces.cli.app import app
from memstrata.surfaces.cli.options import Target

Query = Annotated[str, typer.Argument(help="The question, in any language.")]


@app.command()
def search(
    query: Query,
    user_id: options.UserId = None,
    agent_id: options.AgentId = None,
    app_id: options.AppId = None,
    run_id: options.RunId = None,
    limit: Annotated[int, typer.Option("--limit", "-n", help="How many hits.")] = 5,
    as_of: options.AsOf = None,
    known_at: options.KnownAt = None,
    filters: options.Filters = None,
    items: options.Items = "episode",
    why: Annotated[bool, typer.Option("--why", help="Show each signal's share of the score.")] = False,
    store: options.Store = None,
    embedder: options.Embedder = "auto",
    model: options.Model = "none",
    local_model: options.LocalModel = "none",
    as_json: options.AsJson = False,
) -> None:
    """Find what bears on a question, best first."""
    scope = options.scope_ids(user_id, agent_id, app_id, run_id)
    with Target(store=store, embedder=embedder, scope=scope, model=model, local_model=local_model).open() as memory:
        hits = memory.search(
            query,
            **scope,
            limit=limit,
            as_of=options.moment(as_of, what="--as-of"),
            known_at=options.moment(known_at, what="--known-at"),
            filters=_filters(filters),
            items=options.item_kinds(items),
        )
    if as_json:
        show.print_json(hits)
    else:
        show.print_hits(hits, why=why)


@app.command()
def context(
    query: Query,
    user_id: options.UserId = None,
    agent_id: options.AgentId = None,
    app_id: options.AppId = None,
    run_id: options.RunId = None,
    max_tokens: Annotated[int, typer.Option("--max-tokens", help="The budget of the text.")] = 1000,
    as_of: options.AsOf = None,
    known_at: options.KnownAt = None,
    filters: options.Filters = None,
    items: options.Items = "episode",
    seen: Annotated[list[str] | None, typer.Option("--seen", help="An id that the prompt holds already.")] = None,
    store: options.Store = None,
    embedder: options.Embedder = "auto",
    model: options.Model = "none",
    local_model: options.LocalModel = "none",
    as_json: options.AsJson = False,
) -> None:
    """Print text for a model's prompt: dated, numbered, inside a token budget."""
    scope = options.scope_ids(user_id, agent_id, app_id, run_id)
    with Target(store=store, embedder=embedder, scope=scope, model=model, local_model=local_model).open() as memory:
        found = memory.context(
            query,
            **scope,
            max_tokens=max_tokens,
            as_of=options.moment(as_of, what="--as-of"),
            known_at=options.moment(known_at, what="--known-at"),
            filters=_filters(filters),
            items=options.item_kinds(items),
            seen=seen or (),
        )
    if as_json:
        show.print_json(found)
        return
    typer.echo(found.text)
    show.remark(f"{found.tokens} tokens (estimated), {len(found.hits)} hits")
    for note in found.degraded:
        show.remark(note)


@app.command()
def episodes(
    user_id: options.UserId = None,
    agent_id: options.AgentId = None,
    app_id: options.AppId = None,
    run_id: options.RunId = None,
    limit: Annotated[int, typer.Option("--limit", "-n", help="How many a page.")] = 20,
    cursor: Annotated[str | None, typer.Option("--cursor", help="Where the page before ended.")] = None,
    as_of: options.AsOf = None,
    known_at: options.KnownAt = None,
    filters: options.Filters = None,
    store: options.Store = None,
    as_json: options.AsJson = False,
) -> None:
    """List what is remembered, newest first."""
    scope = options.scope_ids(user_id, agent_id, app_id, run_id)
    with Target(store=store, embedder="none", scope=scope).open() as memory:
        page = memory.episodes(
            **scope,
            limit=limit,
            cursor=cursor,
            as_of=options.moment(as_of, what="--as-of"),
            known_at=options.moment(known_at, what="--known-at"),
            filters=_filters(filters),
        )
    if as_json:
        show.print_json(page)
    else:
        show.print_episodes(page.episodes, following=page.next)


def _filters(text: str | None) -> Mapping[str, object] | None:
    if text is None:
        return None
    try:
        value = json.loads(text)
    except (json.JSONDecodeError, RecursionError) as error:
        raise InvalidInput(f"--filters is not JSON: {error}") from None
    if not isinstance(value, dict):
        raise InvalidInput("--filters is a JSON object")
    return cast(Mapping[str, object], value)
