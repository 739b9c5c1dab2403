"""A tool: what a client is told of it, and how a call is checked, run and answered. Errors say what to do next."""

from __future__ import annotations

import logging
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Generic, TypeVar

import mcp_types as types
from pydantic import BaseModel, ConfigDict, ValidationError

from memstrata.core.access import Right
from memstrata.core.messages import MAX_ID
from memstrata.errors import InvalidInput, MemstrataError, NotFound
from memstrata.memory import Memory
from memstrata.surfaces.mcp.here import Here, Refused
from memstrata.surfaces.mcp.reach import NARROWING, Reach

LOG = logging.getLogger("memstrata.server")
CODE = "memstrata/code"
"""Under this name an error's `_meta` holds its stable code."""
NO_SUCH = "no such memory or item; ids come from recall, context and profile"
"""Said of what does not exist and of what the caller does not reach, so that one cannot be told from the other."""
Schema = dict[str, Any]
A = TypeVar("A", bound="Arguments")
_ID: Mapping[str, str] = {
    "user_id": "Whose memory: the same id for the same person, always.",
    "run_id": "One conversation. When reading it narrows to that conversation; leave it out to use all.",
}


class Arguments(BaseModel):
    """What a tool takes; unknown fields are refused, so that a misspelt one is not passed over."""

    model_config = ConfigDict(extra="forbid")


class Structured(BaseModel):
    """What a tool answers for programs."""

    model_config = ConfigDict(extra="forbid")


@dataclass(frozen=True, slots=True, kw_only=True)
class Answer:
    """What a tool answers: for a reader, and for programs."""

    text: str
    structured: Structured


@dataclass(frozen=True, slots=True, kw_only=True)
class Tool(Generic[A]):
    """A tool. `right`: what a key needs to see it; `run` asks for more where the arguments do.

    `names`: the ids that it takes where they are not fixed; a contract of somebody else's leaves no place for a run.
    """

    name: str
    title: str
    description: str
    takes: type[A]
    gives: type[Structured]
    right: Right
    run: Callable[[Here, A], Answer]
    destructive: bool = False
    idempotent: bool = False
    names: tuple[str, ...] = NARROWING

    def described(self, reach: Reach) -> types.Tool:
        """The tool as a client is told of it, with the ids that this connection leaves open."""
        reads = self.right == "read" and not self.destructive
        return types.Tool(
            name=self.name,
            title=self.title,
            description=self.description,
            input_schema=_input_schema(self.takes, reach, self.names),
            output_schema=_plain(self.gives.model_json_schema()),
            annotations=types.ToolAnnotations(
                title=self.title,
                read_only_hint=reads,
                destructive_hint=self.destructive,
                idempotent_hint=reads or self.idempotent,
                open_world_hint=False,
            ),
        )

    def call(self, memory: Memory, reach: Reach, arguments: Mapping[str, object]) -> types.CallToolResult:
        """Run the tool; whatever goes wrong is an answer, too."""
        try:
            return _answered(self._run(memory, reach, arguments))
        except Refused as error:
            return _failed(str(error), error.code)
        except NotFound as error:
            return _failed(f"{error.code}: {NO_SUCH}", error.code)
        except MemstrataError as error:
            return _failed(f"{error.code}: {error}", error.code)
        except Exception as error:  # the server's top handler
            LOG.error("unexpected %s in the tool %s", type(error).__name__, self.name, exc_info=error)
            return _failed("error: something failed inside; the server's log says what", "error")

    def _run(self, memory: Memory, reach: Reach, arguments: Mapping[str, object]) -> Answer:
        reach.caller.must(self.right)
        given = {name: arguments[name] for name in self.names if arguments.get(name) is not None}
        rest = {name: value for name, value in arguments.items() if name not in self.names}
        scope = reach.scope(given)
        try:
            taken = self.takes.model_validate(rest)
        except ValidationError as error:
            raise InvalidInput(_what_is_wrong(error)) from None
        return self.run(Here(memory=memory, scope=scope, caller=reach.caller), taken)


def _answered(answer: Answer) -> types.CallToolResult:
    structured = answer.structured.model_dump(mode="json", exclude_none=True, by_alias=True)
    return types.CallToolResult(
        content=[types.TextContent(type="text", text=answer.text)], structured_content=structured
    )


def _failed(text: str, code: str) -> types.CallToolResult:
    whole = text.encode(errors="replace").decode()  # it may quote what is no text
    return types.CallToolResult(content=[types.TextContent(type="text", text=whole)], is_error=True, _meta={CODE: code})


def _what_is_wrong(error: ValidationError) -> str:
    """The first thing that is wrong, without the words that were given."""
    first = error.errors(include_input=False, include_url=False)[0]
    place = ".".join(str(each) for each in first["loc"])
    if first["type"] == "extra_forbidden":
        return f"{place[:MAX_ID]}: unknown; the tool's schema names what it takes"
    return f"{place}: {first['msg']}" if place else first["msg"]


def _input_schema(takes: type[Arguments], reach: Reach, names: Sequence[str]) -> Schema:
    schema = _plain(takes.model_json_schema())
    takes_too = [name for name in reach.open if name in names]
    ids = {name: {"type": "string", "maxLength": MAX_ID, "description": _ID[name]} for name in takes_too}
    schema["properties"] = {**schema.get("properties", {}), **ids}
    if reach.asks_for_user:
        schema["required"] = [*schema.get("required", []), "user_id"]
    return schema


def _plain(schema: Schema) -> Schema:
    """A schema as clients read it best: without made-up titles, and without null beside what may be left out."""
    plain: Schema = {}
    for key, value in schema.items():
        if key == "title" and isinstance(value, str):
            continue
        if key == "default" and value is None:
            continue
        plain[key] = _plain_part(value)
    choices = [each for each in plain.get("anyOf", ()) if each != {"type": "null"}]
    if len(choices) == 1 and "anyOf" in plain:
        del plain["anyOf"]
        plain = {**choices[0], **plain}
    return plain


def _plain_part(value: Any) -> Any:
    if isinstance(value, dict):
        return _plain(value)
    return [_plain_part(each) for each in value] if isinstance(value, list) else value
