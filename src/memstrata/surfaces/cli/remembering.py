"""`add`."""

from __future__ import annotations

import sys
from typing import Annotated, cast

import typer

from memstrata.errors import InvalidInput
from memstrata.surfaces.cli import options, show
from memstrata.surfaces.cli.app import app
from memstrata.surfaces.cli.options import Target
from memstrata.types import Message, Role

Time = Annotated[str | None, typer.Option("--timestamp", help="When it was said (ISO 8601); now, if left out.")]


@app.command()
def add(
    text: Annotated[str, typer.Argument(help="What was said; - reads it from the input.")],
    user_id: options.UserId = None,
    agent_id: options.AgentId = None,
    app_id: options.AppId = None,
    run_id: options.RunId = None,
    role: Annotated[str, typer.Option("--role", help="user, assistant, system, tool or document.")] = "user",
    name: Annotated[str | None, typer.Option("--name", help="Who said it.")] = None,
    timestamp: Time = None,
    wait: Annotated[bool, typer.Option("--wait/--no-wait", help="Wait for vectors and facts.")] = True,
    store: options.Store = None,
    embedder: options.Embedder = "auto",
    model: options.Model = "none",
    local_model: options.LocalModel = "none",
    as_json: options.AsJson = False,
) -> None:
    """Remember one thing that was said."""
    scope = options.scope_ids(user_id, agent_id, app_id, run_id)
    content = _standard_input() if text == "-" else text
    message = Message(content=content, role=cast(Role, role), name=name)
    with Target(
        store=store, embedder=embedder, scope=scope, model=model, local_model=local_model, works=True
    ).open() as memory:
        when = options.moment(timestamp, what="--timestamp")
        receipt = memory.add(message, **scope, timestamp=when, wait=wait)
    if as_json:
        show.print_json(receipt)
        return
    if receipt.skipped_empty:
        show.OUT.print("There was nothing to remember: the text is empty.")
    for id_ in receipt.episode_ids:
        show.OUT.print(f"{id_} " + ("remembered" if receipt.added else "known already"))
    for note in receipt.degraded:
        show.remark(note)


def _standard_input() -> str:
    try:
        return sys.stdin.buffer.read().decode("utf-8-sig")
    except UnicodeDecodeError as error:
        raise InvalidInput(f"the input is not UTF-8 at byte {error.start}") from None
