"""What one call works on, and how it is refused. Needs no SDK and no server, so that files and graph need none."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Protocol, TypedDict

from memstrata.core.access import Right
from memstrata.memory import Memory
from memstrata.types import Scope


class Refused(Exception):
    """A call that is answered with exactly these words, as a contract of somebody else's has them."""

    def __init__(self, text: str, *, code: str = "invalid_input") -> None:
        super().__init__(text)
        self.code = code


class Permission(Protocol):
    """Says what a caller may do."""

    def must(self, right: Right) -> None:
        """Raises Forbidden without this right."""


class Everything:
    """The permission of a program that holds the memory itself."""

    def must(self, right: Right) -> None:
        """Every right is there."""


class Ids(TypedDict):
    """The four ids, as every verb takes them."""

    user_id: str | None
    agent_id: str | None
    app_id: str | None
    run_id: str | None


@dataclass(frozen=True, slots=True, kw_only=True)
class Here:
    """What a tool works on: the memory, the scope of the call, and who calls."""

    memory: Memory
    scope: Scope
    caller: Permission

    @property
    def ids(self) -> Ids:
        """The scope as the verbs take it."""
        return ids_of(self.scope)

    def within(self, run_id: str) -> Here:
        """The same in a run of its own, unless a run is fixed."""
        return self if self.scope.run_id is not None else replace(self, scope=replace(self.scope, run_id=run_id))


def ids_of(scope: Scope) -> Ids:
    """The four ids by name."""
    return Ids(user_id=scope.user_id, agent_id=scope.agent_id, app_id=scope.app_id, run_id=scope.run_id)
