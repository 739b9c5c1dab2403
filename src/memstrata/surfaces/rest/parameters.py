"""Arguments of the verbs as requests carry them: one description each, defaults from the verbs themselves."""

from __future__ import annotations

import inspect
from collections.abc import Mapping
from typing import Annotated, Any, Literal

from pydantic import BaseModel, ConfigDict, Field, JsonValue, create_model

from memstrata.core.messages import MAX_ID, MAX_TEXT
from memstrata.core.requests import MAX_LIMIT, MAX_QUERY
from memstrata.exchange.formats import Format
from memstrata.memory import Memory
from memstrata.types import ArtifactStatus, DerivedTier, ExportFormat, FactKind, FactStatus, ItemKind, KvForm, Role

_CLOSED = ConfigDict(extra="forbid", strict=True)


class TextPart(BaseModel):
    """A part of a content, as chat APIs write it."""

    model_config = ConfigDict(extra="allow", strict=True)
    text: str


class MessageBody(BaseModel):
    """A message; fields that chat APIs put beside the words are accepted and not kept."""

    model_config = ConfigDict(extra="allow", strict=True)
    content: Annotated[str, Field(max_length=MAX_TEXT)] | list[TextPart] | None = None
    role: Role = "user"
    name: str | None = None
    timestamp: str | None = Field(None, description="When it was said, ISO 8601.")
    metadata: dict[str, JsonValue] | None = None
    id: str | None = Field(None, description="The caller's own id; the same id again is the same message.")


Id = Annotated[str, Field(min_length=1, max_length=MAX_ID)]
Words = Annotated[str, Field(min_length=1, max_length=MAX_QUERY)]
Limit = Annotated[int, Field(ge=1, le=MAX_LIMIT["limit"])]
Filters = dict[str, JsonValue]

PARAMETERS: Mapping[str, tuple[Any, str]] = {
    "user_id": (Id | None, "Whose memory."),
    "agent_id": (Id | None, "Which agent's memory."),
    "app_id": (Id | None, "Which application's memory; with a key, its own where this is left out."),
    "run_id": (Id | None, "Which conversation."),
    "messages": (str | MessageBody | list[MessageBody | str], "A text, a message or a list of them."),
    "timestamp": (str | None, "When they were said, for messages without their own; ISO 8601."),
    "metadata": (dict[str, JsonValue] | None, "Added to each message's own."),
    "wait": (bool, "Answer only when the background work it caused is done too."),
    "query": (Words, "The question."),
    "limit": (Limit, "At most so many."),
    "max_tokens": (Annotated[int, Field(ge=1, le=MAX_LIMIT["max_tokens"])], "The text is never longer."),
    "as_of": (str | None, "The world's clock: only what had been said, or held, by then; ISO 8601."),
    "known_at": (str | None, "Our clock: only what had been stored, or was believed, by then; ISO 8601."),
    "filters": (Filters | None, "On role, name, run_id, timestamp, metadata...; with AND, OR, NOT."),
    "seen": (list[Id], "Ids of items that the prompt holds already."),
    "items": (list[ItemKind], "What to find."),
    "id": (Id, "The id."),
    "ids": (list[Id] | Literal["everything"], "Ids of episodes; without it, everything that the scope names."),
    "cursor": (str | None, "The `next` of the page before."),
    "about": (str | None, "Whom or what they are about, under any of its names."),
    "kind": (FactKind | list[FactKind] | None, "Of these kinds."),
    "status": (FactStatus | list[FactStatus], "That stand so."),
    "current": (bool, "Only those that hold now, or at `as_of`."),
    "entity": (Words, "A person or thing, under any of its names."),
    "text": (Words, "The right words."),
    "tier": (DerivedTier, "Which tier."),
    "system": (Annotated[str, Field(max_length=MAX_TEXT)], "What the application itself tells the model first."),
    "keep": (Annotated[int, Field(ge=1, le=MAX_LIMIT["keep"])] | None, "Tokens for each layer and head of a passage."),
    "kinds": (list[FactKind], "Kinds of facts that the person agrees to have trained on."),
    "form": (KvForm, "The numbers that keys and values are kept in."),
    "pinned": (bool, "False takes it back."),
    "muted": (bool, "False takes it back."),
}
HEADERS = frozenset({"version"})
"""Arguments that are headers: `If-Match` carries the version of a fact."""
FILES = frozenset({"place", "progress", "reaches"})
"""Arguments that no request holds: the file is the body, the key says what it reaches."""
SERVERS = frozenset({"model", "budget_bytes"})
"""Arguments that the server decides: which of its models, and how much of its disk."""
_OF_A_VERB: Mapping[tuple[str, str], tuple[Any, str]] = {
    ("facts", "query"): (Words | None, "The question."),
    ("promote", "ids"): (list[Id] | None, "Ids of episodes; without, what stands in memory."),
    ("demote", "ids"): (list[Id] | None, "Ids of artifacts, or of what they were made of; without, all of the tier."),
    ("artifacts", "tier"): (DerivedTier | None, "Of this tier."),
    ("artifacts", "status"): (ArtifactStatus | list[ArtifactStatus] | None, "That stand so."),
    ("export", "format"): (ExportFormat, "What to write; a bundle and JSON can be restored."),
    ("import_file", "format"): (Format | None, "Without it, the content shows which it is."),
}
_IN_A_QUERY: Mapping[str, tuple[Any, str]] = {
    "filters": (str | None, PARAMETERS["filters"][1] + " As JSON."),
}


def body_of(verb: str, *, query: bool) -> type[BaseModel]:
    """The request of a verb, without what stands in the path or in headers. `query`: it is a query string."""
    fields: dict[str, Any] = {}
    for name, parameter in inspect.signature(getattr(Memory, verb)).parameters.items():
        if name in HEADERS | FILES | SERVERS or name in ("self", "id"):
            continue
        of_verb = _OF_A_VERB.get((verb, name)) or (_IN_A_QUERY if query else {}).get(name)
        kind, description = of_verb or PARAMETERS[name]
        default = ... if parameter.default is inspect.Parameter.empty else parameter.default
        fields[name] = (kind, Field(list(default) if isinstance(default, tuple) else default, description=description))
    if verb == "import_file":
        fields["name"] = (str, Field("file", max_length=255, description="The file's name, for what it holds no name."))
    config = ConfigDict(extra="forbid", strict=not query)
    return create_model(f"{verb.capitalize()}Request", __config__=config, **fields)
