"""`promote`, `demote`, `artifacts` and `chat`: what is derived for a model on this machine, and talking to one."""

from __future__ import annotations

import sys
from typing import Annotated, cast

import typer
from rich.markup import escape
from rich.table import Table

from memstrata.chat import Answer, Chat
from memstrata.core.telling import DEFAULT_TOKENS
from memstrata.core.turns import ChatMode
from memstrata.surfaces.cli import options, show
from memstrata.surfaces.cli.app import app
from memstrata.surfaces.cli.options import Target
from memstrata.types import Artifact, DerivedTier, FactKind, KvForm

ChatModel = Annotated[
    str,
    typer.Option("--model", envvar="MEMSTRATA_CHAT_MODEL", help="local:smollm2, local:FOLDER_OR_ID, openai:MODEL@URL."),
]
System = Annotated[str, typer.Option("--system", help="What the application itself tells the model first.")]
MaxTokens = Annotated[int, typer.Option("--max-tokens", help="The most that the model is told of the memory.")]
Tier = Annotated[str, typer.Option("--tier", help="activation or parametric.")]


@app.command()
def promote(
    ids: Annotated[list[str] | None, typer.Argument(help="Ids of episodes; without, what stands in memory.")] = None,
    user_id: options.UserId = None,
    agent_id: options.AgentId = None,
    app_id: options.AppId = None,
    run_id: options.RunId = None,
    tier: Tier = "activation",
    model: ChatModel = "local:smollm2",
    system: System = "",
    max_tokens: MaxTokens = DEFAULT_TOKENS,
    form: Annotated[str, typer.Option("--form", help="float32, bfloat16, float16 or int8.")] = "float16",
    keep: Annotated[int | None, typer.Option("--keep", help="Tokens for each layer and head of a passage.")] = None,
    kinds: Annotated[
        list[str] | None, typer.Option("--kind", help="Of facts that may be trained on; for the parametric tier.")
    ] = None,
    store: options.Store = None,
    as_json: options.AsJson = False,
) -> None:
    """Have a model on this machine read memories now, so that it need not read them in a chat.

    To the parametric tier, ask for what it is to learn; `memstrata worker --adapters smollm2` teaches it.
    """
    scope = options.scope_ids(user_id, agent_id, app_id, run_id)
    with Target(store=store, embedder="none", scope=scope).open() as memory:
        made = memory.promote(
            ids,
            tier=cast(DerivedTier, tier),
            model=model,
            system=system,
            max_tokens=max_tokens,
            form=cast(KvForm, form),
            keep=keep,
            kinds=cast("list[FactKind]", kinds or []),
            **scope,
        )
    _print(made, as_json=as_json)


@app.command()
def demote(
    ids: Annotated[list[str] | None, typer.Argument(help="Of artifacts, or of what they were made of.")] = None,
    user_id: options.UserId = None,
    agent_id: options.AgentId = None,
    app_id: options.AppId = None,
    run_id: options.RunId = None,
    tier: Tier = "activation",
    store: options.Store = None,
    as_json: options.AsJson = False,
) -> None:
    """Delete what was derived into a tier. The memories stay as they are."""
    scope = options.scope_ids(user_id, agent_id, app_id, run_id)
    with Target(store=store, embedder="none", scope=scope).open() as memory:
        gone = memory.demote(ids, tier=cast(DerivedTier, tier), **scope)
    if as_json:
        show.print_json(gone)
    else:
        show.OUT.print(f"{len(gone)} deleted; the memories themselves are as they were")


@app.command()
def artifacts(
    user_id: options.UserId = None,
    agent_id: options.AgentId = None,
    app_id: options.AppId = None,
    run_id: options.RunId = None,
    store: options.Store = None,
    as_json: options.AsJson = False,
) -> None:
    """List what was derived of a memory into other tiers than text."""
    scope = options.scope_ids(user_id, agent_id, app_id, run_id)
    with Target(store=store, embedder="none", scope=scope).open() as memory:
        found = memory.artifacts(**scope)
    _print(found, as_json=as_json)


@app.command()
def chat(
    text: Annotated[str, typer.Argument(help="What you say; - for standard input.")],
    user_id: options.UserId = None,
    agent_id: options.AgentId = None,
    app_id: options.AppId = None,
    run_id: options.RunId = None,
    model: ChatModel = "local:smollm2",
    system: System = "",
    mode: Annotated[str, typer.Option("--mode", help="read-write, read-only, write-only or incognito.")] = "read-write",
    passages: Annotated[bool, typer.Option("--passages", help="Attach promoted episodes.")] = False,
    max_tokens: MaxTokens = DEFAULT_TOKENS,
    store: options.Store = None,
    embedder: options.Embedder = "auto",
    as_json: options.AsJson = False,
) -> None:
    """Say something to a model that remembers."""
    scope = options.scope_ids(user_id, agent_id, app_id, run_id)
    said = sys.stdin.read() if text == "-" else text
    messages = [{"role": "system", "content": system}] if system else []
    with Target(store=store, embedder=embedder, scope=scope).open() as memory:
        talk = Chat(memory, model, passages=passages)
        stream = talk.stream(
            [*messages, {"role": "user", "content": said}], mode=cast(ChatMode, mode), max_tokens=max_tokens, **scope
        )
        for word in stream:
            if not as_json:
                sys.stdout.write(word)
                sys.stdout.flush()
        answer = stream.answer()
    if as_json:
        show.print_json(answer)
        return
    sys.stdout.write("\n")
    _remark(answer)


def _remark(answer: Answer) -> None:
    """What was used, and by which tier it came."""
    if answer.hits:
        kept = sum(each.tier != "text" for each in answer.served)
        show.remark(f"{len(answer.hits)} memories used" + (f", {kept} of them without reading" if kept else ""))
    if answer.reading is not None and answer.reading.attached:
        reading = answer.reading
        show.remark(
            f"{reading.attached} tokens attached, {reading.read} read; about {reading.saved_seconds:.1f} s saved"
        )
    for note in answer.degraded:
        show.remark(note)


def _print(found: list[Artifact], *, as_json: bool) -> None:
    if as_json:
        show.print_json(found)
        return
    if not found:
        show.OUT.print("No artifacts.")
        return
    table = Table()
    table.add_column("id", no_wrap=True)
    for column in ("what", "status"):
        table.add_column(column)
    for column in ("tokens", "kB", "uses"):
        table.add_column(column, justify="right")
    for each in found:
        status = f"{each.status}: {each.reason}" if each.reason else each.status
        size = f"{each.size / 1000:,.0f}"
        table.add_row(each.id, each.kind, escape(status), str(each.tokens), size, str(each.uses))
    show.OUT.print(table)
