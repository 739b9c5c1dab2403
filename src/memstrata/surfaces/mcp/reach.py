"""What one call over MCP reaches: who calls, the ids that the server's configuration fixes, and those a tool may name.

A tool may name a user only where none is fixed, and a run inside what is fixed; it can never name more than that.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from urllib.parse import unquote

from memstrata.core.access import ANY, Key, Right
from memstrata.core.messages import checked_scope
from memstrata.errors import InvalidInput, MissingScope
from memstrata.surfaces.mcp.here import ids_of
from memstrata.surfaces.rest.access import Caller
from memstrata.types import Scope

HEADERS: Mapping[str, str] = {name: f"x-memory-{name.removesuffix('_id')}" for name in Scope.__dataclass_fields__}
"""The headers that fix an id of the scope, as those of the chat proxy: `X-Memory-User` and so on."""
NARROWING = ("user_id", "run_id")


@dataclass(frozen=True, slots=True, kw_only=True)
class Reach:
    """Who calls, and the ids that are fixed for the whole connection."""

    caller: Caller
    fixed: Scope

    @property
    def asks_for_user(self) -> bool:
        """A call must say whose memory it means: nothing else does."""
        return self.fixed.user_id is None and self.fixed.agent_id is None and self.fixed.app_id is None

    def may(self, right: Right) -> bool:
        """Whether the caller has this right."""
        return self.caller.key is None or right in self.caller.key.rights

    @property
    def open(self) -> tuple[str, ...]:
        """The ids that a tool may name."""
        return tuple(name for name in NARROWING if getattr(self.fixed, name) is None)

    def scope(self, given: Mapping[str, object]) -> Scope:
        """The scope of a call with the ids that it names.

        Raises InvalidInput, MissingScope, and NotFound where a key does not reach.
        """
        fixed_too = sorted(name for name in given if name not in self.open)
        if fixed_too:
            raise InvalidInput(f"{', '.join(fixed_too)} is fixed by this server; leave it out")
        if self.asks_for_user and given.get("user_id") is None:
            raise MissingScope("say whose memory: give user_id")
        named = replace(self.fixed, **given)  # type: ignore[arg-type]
        checked_scope(**ids_of(named))
        reached = self.caller.scoped(dict(ids_of(named)))
        return replace(named, app_id=reached["app_id"])  # type: ignore[arg-type]


def reach_of_request(caller: Caller, headers: Mapping[str, str], fixed: Scope) -> Reach:
    """What a request over HTTP reaches: its headers fix ids that the server leaves open, and so does a user's key."""
    named = {name: _text(headers[header]) for name, header in HEADERS.items() if header in headers}
    clash = sorted(name for name, value in named.items() if getattr(fixed, name) not in (None, value))
    if clash:
        raise InvalidInput(f"{HEADERS[clash[0]]} names another than this server is for; leave it out")
    scope = replace(fixed, **named)
    if scope.user_id is None and caller.key is not None:
        scope = replace(scope, user_id=_only_user(caller.key))
    return Reach(caller=caller, fixed=scope)


def _only_user(key: Key) -> str | None:
    """The user whom a key is for, None where it reaches several."""
    users = {grant.user_id for grant in key.grants}
    return users.pop() if len(users) == 1 and ANY not in users else None


def _text(value: str) -> str:
    """A header's words: UTF-8, raw or in percent signs after UTF-8''."""
    if value.startswith("UTF-8''"):
        return unquote(value.removeprefix("UTF-8''"), errors="replace")
    try:
        return value.encode("latin-1").decode("utf-8")
    except UnicodeError:
        return value
