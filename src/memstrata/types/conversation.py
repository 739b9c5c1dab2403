"""Who speaks to whom: scopes, messages, episodes and the words in them."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime
from typing import Literal, TypeAlias, TypedDict, get_args

Role = Literal["user", "assistant", "system", "tool", "document"]
"""Who a message comes from; `document` is a passage of a file."""
ROLES: tuple[str, ...] = get_args(Role)

LogKind = Literal["people", "assistant", "documents"]
"""What a log is made of: people chatting, a user with an assistant, or passages of documents."""
LOG_KINDS: tuple[str, ...] = get_args(LogKind)

Json: TypeAlias = "bool | int | float | str | Sequence[Json] | Mapping[str, Json] | None"
"""A value that JSON can hold."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Scope:
    """Whose memory: at least one id is given.

    `user_id`, `agent_id` and `app_id` together name one memory; scopes that differ in any of the three
    share nothing. `run_id` is a conversation inside it: a call that gives it sees that run only, a call
    that leaves it out sees every run. Where `run_id` is the only id, the run is a memory of its own.
    """

    user_id: str | None = None
    agent_id: str | None = None
    app_id: str | None = None
    run_id: str | None = None

    @property
    def partition(self) -> Scope:
        """The memory that this scope lies in: without `run_id`, unless that is the only id."""
        return self if self._only_run else replace(self, run_id=None)

    @property
    def run_within(self) -> str | None:
        """The run that narrows the memory, None for all of it."""
        return None if self._only_run else self.run_id

    @property
    def _only_run(self) -> bool:
        return self.user_id is None and self.agent_id is None and self.app_id is None


class MessageDict(TypedDict, total=False):
    """A message as a plain dictionary, the way chat APIs write it."""

    role: str
    content: object
    name: str | None
    timestamp: datetime | str | None
    metadata: Mapping[str, Json] | None
    id: str | None


@dataclass(frozen=True, slots=True, kw_only=True)
class Message:
    """One thing said, as it is handed to `add`. `id` is the caller's own; the same id again is the same message."""

    content: str
    role: Role = "user"
    name: str | None = None
    timestamp: datetime | None = None
    metadata: Mapping[str, Json] = field(default_factory=dict)
    id: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Episode:
    """One raw, immutable thing that was seen, as the store keeps it.

    `timestamp` is when it was said (the world's clock), `recorded_at` when it was stored (ours).
    `session` numbers the stretches of a run that follow each other without a long pause, from 0 in each scope.
    """

    id: str
    scope: Scope
    session: int
    role: Role
    name: str | None
    text: str
    timestamp: datetime
    recorded_at: datetime
    metadata: Mapping[str, Json]
    message_id: str | None

    @property
    def run_id(self) -> str | None:
        """The conversation that it belongs to."""
        return self.scope.run_id

    @property
    def speaker(self) -> str:
        """The name where there is one, else the role."""
        return self.name or self.role


@dataclass(frozen=True, slots=True, kw_only=True)
class Source:
    """The characters `start` to `end` of an episode's text."""

    episode_id: str
    start: int
    end: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Page:
    """Some episodes, newest first; `next` asks for the following page and is None on the last."""

    episodes: tuple[Episode, ...]
    next: str | None
