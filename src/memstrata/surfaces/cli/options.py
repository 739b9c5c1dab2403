"""Options that several commands share, and what they stand for."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from typing import Annotated, TypedDict, cast

import typer

from memstrata.core.clock import parse_time
from memstrata.errors import InvalidInput
from memstrata.memory import Memory
from memstrata.types import ItemKind

UserId = Annotated[str | None, typer.Option("--user-id", "-u", help="Whose memory.")]
AgentId = Annotated[str | None, typer.Option("--agent-id", help="Which agent's memory.")]
AppId = Annotated[str | None, typer.Option("--app-id", help="Which application's memory.")]
RunId = Annotated[str | None, typer.Option("--run-id", help="Which conversation.")]
Store = Annotated[
    str | None, typer.Option("--store", envvar="MEMSTRATA_STORE", help="sqlite:///PATH; without it, your own store.")
]
Embedder = Annotated[
    str, typer.Option("--embedder", envvar="MEMSTRATA_EMBEDDER", help="auto, none, onnx:PATH or openai:MODEL@URL.")
]
Model = Annotated[
    str, typer.Option("--model", envvar="MEMSTRATA_MODEL", help="Reads facts as well: none or openai:MODEL@URL.")
]
LocalModel = Annotated[
    str,
    typer.Option(
        "--local-model", envvar="MEMSTRATA_LOCAL_MODEL", help="Weighs turns: none, smollm2, PATH or a hub id."
    ),
]
AsJson = Annotated[bool, typer.Option("--json", help="Print one JSON document.")]
AsOf = Annotated[str | None, typer.Option("--as-of", help="Only what had been said by then (ISO 8601).")]
KnownAt = Annotated[str | None, typer.Option("--known-at", help="Only what had been stored by then (ISO 8601).")]
Filters = Annotated[str | None, typer.Option("--filters", help='A filter as JSON, such as {"role": "user"}.')]

Items = Annotated[str, typer.Option("--items", help="What to find: episode, fact, or fact,episode.")]


class ScopeIds(TypedDict):
    """The four ids, as every verb takes them."""

    user_id: str | None
    agent_id: str | None
    app_id: str | None
    run_id: str | None


@dataclass(frozen=True, slots=True, kw_only=True)
class Target:
    """Which memory a command works on. `works`: it does the work of models, too, and does not only ask."""

    store: str | None
    embedder: str
    scope: ScopeIds
    model: str = "none"
    local_model: str = "none"
    works: bool = False

    def open(self) -> Memory:
        """The memory, with a worker beside the command, unless that began calls that end with the command."""
        with_worker = self.works or self.model == self.local_model == "none"
        return Memory(
            self.store,
            embedder=self.embedder,
            model=self.model,
            local_model=self.local_model,
            worker="thread" if with_worker else "none",
        )


def scope_ids(user_id: str | None, agent_id: str | None, app_id: str | None, run_id: str | None) -> ScopeIds:
    """The four ids by name."""
    return ScopeIds(user_id=user_id, agent_id=agent_id, app_id=app_id, run_id=run_id)


def item_kinds(items: str) -> tuple[ItemKind, ...]:
    """Kinds of items as a list with commas names them; the memory checks them."""
    return cast(tuple[ItemKind, ...], tuple(each.strip() for each in items.split(",")))


def moment(text: str | None, *, what: str) -> datetime | None:
    """A time of the command line: ISO 8601; without an offset it is this machine's own clock."""
    if text is None:
        return None
    try:
        time = datetime.fromisoformat(text)
    except ValueError:
        raise InvalidInput(f"{what} is not a time in ISO 8601, such as 2025-03-01T12:00: {text!r}") from None
    try:
        return parse_time(time if time.tzinfo else time.astimezone(), what=what)
    except (OverflowError, OSError):
        raise InvalidInput(f"{what} lies outside the calendar of this machine; give an offset: {text!r}") from None
