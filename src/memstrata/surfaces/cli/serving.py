"""`serve` and `keys`: the memory over HTTP, and who may call it."""

from __future__ import annotations

import os
from datetime import UTC, datetime
from secrets import token_hex, token_urlsafe
from typing import TYPE_CHECKING, Annotated, cast

import typer
from rich.markup import escape
from rich.table import Table

from memstrata.connect import open_store
from memstrata.core.access import Grant, Key, checked_rights, digest_of, parse_grant, token_of
from memstrata.core.messages import checked_scope
from memstrata.errors import InvalidInput, NotFound
from memstrata.memory import Memory
from memstrata.settings import Settings
from memstrata.surfaces.cli import options, show
from memstrata.surfaces.cli.app import app
from memstrata.wire import to_json

if TYPE_CHECKING:
    from memstrata.ports import Store

keys = typer.Typer(help="Keys of a server: who may call it, where and for what.", no_args_is_help=True)
app.add_typer(keys, name="keys")


@app.command()
def serve(
    host: Annotated[
        str, typer.Option("--host", help="Where to listen; others are let in with keys only.")
    ] = "127.0.0.1",
    port: Annotated[int, typer.Option("--port", min=0, max=65535, help="0 for any free one.")] = 8377,
    store: options.Store = None,
    embedder: options.Embedder = "auto",
    model: options.Model = "none",
    local_model: options.LocalModel = "none",
    rate: Annotated[float, typer.Option("--rate", min=0.1, help="Calls a second that each key may make.")] = 200.0,
    max_upload: Annotated[
        int, typer.Option("--max-upload", min=1, help="MiB of a file that is imported or restored.")
    ] = 1024,
    upstream: Annotated[
        str | None,
        typer.Option(
            "--upstream",
            envvar="MEMSTRATA_UPSTREAM",
            help="The model service that chats are handed on to, such as http://127.0.0.1:11434/v1.",
        ),
    ] = None,
    user_id: Annotated[
        str | None, typer.Option("--user-id", "-u", help="Whose memory a chat has that names nobody.")
    ] = None,
) -> None:
    """Answer over HTTP until interrupted: the API, chats with memory, docs, health and metrics."""
    try:
        from memstrata.surfaces.rest.app import create_app
        from memstrata.surfaces.rest.serve import log_as_json, refuse_open_to_others
        from memstrata.surfaces.rest.serve import serve as run
        from memstrata.surfaces.rest.upstream import upstream_at
    except ModuleNotFoundError as error:
        raise InvalidInput(f"the server needs {error.name}: pip install 'memstrata[server]'") from error
    settings = Settings.from_environment(os.environ)
    behind = upstream_at(upstream or settings.upstream, settings)
    here = None if behind or local_model == "none" else local_model
    default = None if user_id is None else checked_scope(user_id, None, None, None)
    home = _open(store)
    with Memory(home, embedder=embedder, model=model, local_model=local_model) as memory:
        if here is not None:
            from memstrata.models.local.conversing import LocalChatModel
            from memstrata.surfaces.rest.local import answered_here

            behind = answered_here(LocalChatModel(here))
        refuse_open_to_others(host, home)
        log_as_json()
        application = create_app(
            memory,
            home,
            rate=rate,
            burst=int(2 * rate) + 1,
            max_upload=max_upload << 20,
            upstream=behind,
            default_scope=default,
        )
        run(application, host=host, port=port, ready=lambda url: _say_where(url, asks=bool(home.keys()), model=here))


@keys.command("create")
def create_key(
    app_id: Annotated[str | None, typer.Option("--app-id", help="The app that it belongs to.")] = None,
    rights: Annotated[str, typer.Option("--rights", help="Some of read, write, forget, admin.")] = "read,write,forget",
    grant: Annotated[
        list[str] | None,
        typer.Option("--grant", help="Such as user_id=ann; several times. Without it, all of its app."),
    ] = None,
    note: Annotated[str, typer.Option("--note", help="Words for yourself.")] = "",
    store: options.Store = None,
    as_json: options.AsJson = False,
) -> None:
    """Make a key and print it, once: of its secret only a digest is kept."""
    secret, made = token_urlsafe(32), datetime.now(UTC)
    key = Key(
        id=token_hex(6),
        digest=digest_of(secret),
        rights=checked_rights([each.strip() for each in rights.split(",")]),
        grants=tuple(parse_grant(each) for each in grant or ()) or (Grant(),),
        created_at=made,
        app_id=app_id,
        note=note,
    )
    home = _open(store)
    home.put_key(key)
    home.close()
    token = token_of(key.id, secret)
    if as_json:
        show.print_json({"id": key.id, "key": token})
    else:
        typer.echo(token)
        show.remark("keep it; it is not shown again")


@keys.command("list")
def list_keys(store: options.Store = None, as_json: options.AsJson = False) -> None:
    """Keys with what they may do; never their secrets."""
    home = _open(store)
    every = home.keys()
    home.close()
    if as_json:
        show.print_json([{name: each for name, each in _shown(key).items() if name != "digest"} for key in every])
        return
    table = Table(box=None, pad_edge=False)
    for name in ("id", "app", "rights", "grants", "made", "revoked", "note"):
        table.add_column(name, overflow="fold")
    for key in every:
        grants = "; ".join(_grant_words(each) for each in key.grants)
        made, revoked = (each.date().isoformat() if each else "" for each in (key.created_at, key.revoked_at))
        row = (key.id, key.app_id or "", ", ".join(key.rights), grants, made, revoked, key.note)
        table.add_row(*(escape(show.visible(each)) for each in row))
    show.OUT.print(table)


@keys.command("revoke")
def revoke_key(
    id: Annotated[str, typer.Argument(help="The id of a key, from `keys list`.")],  # noqa: A002
    store: options.Store = None,
) -> None:
    """Let a key count no more, at once, also on a running server."""
    from dataclasses import replace

    home = _open(store)
    try:
        key = home.key(id)
        if key is None:
            raise NotFound(f"no key {id!r}")
        home.put_key(replace(key, revoked_at=key.revoked_at or datetime.now(UTC)))
    finally:
        home.close()
    show.remark("revoked")


def _open(store: str | None) -> Store:
    settings = Settings.from_environment(os.environ)
    return open_store(settings.store if store is None else store, settings)


def _shown(key: Key) -> dict[str, object]:
    return cast(dict[str, object], to_json(key))


def _grant_words(grant: Grant) -> str:
    named = ((name, getattr(grant, name)) for name in ("user_id", "agent_id", "app_id", "run_id"))
    return ", ".join(f"{name}={value}" for name, value in named if value != "*") or "all of its app"


def _say_where(url: str, *, asks: bool, model: str | None) -> None:
    typer.echo(f"Memstrata answers at {url}, {'with a key' if asks else 'for this machine, without a key'}")
    chats = "/v1/chat/completions" + (f", answered by {model}" if model else "")
    for name, path in (("API", "/v1"), ("docs", "/docs"), ("MCP", "/mcp"), ("chats", chats)):
        typer.echo(f"  {name:7}{url}{path}")
