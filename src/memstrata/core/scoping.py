"""A scope as the verbs take it: four ids."""

from __future__ import annotations

from typing import TypedDict

from memstrata.types import Scope


class ScopeIds(TypedDict):
    """The four ids."""

    user_id: str | None
    agent_id: str | None
    app_id: str | None
    run_id: str | None


def named(scope: Scope) -> ScopeIds:
    """The arguments that name a scope."""
    return {
        "user_id": scope.user_id,
        "agent_id": scope.agent_id,
        "app_id": scope.app_id,
        "run_id": scope.run_id,
    }
