"""What passes between the verbs and a store: values that are complete before a transaction begins."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Literal

from memstrata.core.features import Features
from memstrata.types import Json, Role

SCRUB_QUEUE = "scrub"
"""The queue of the job that an erasure causes: leave no byte of the text in any file."""

JobState = Literal["pending", "running", "dead"]


@dataclass(frozen=True, slots=True, kw_only=True)
class NewEpisode:
    """An episode to be appended. `digest` is equal for messages that count as the same (see `core.messages`)."""

    id: str
    digest: bytes
    run_id: str | None
    role: Role
    name: str | None
    text: str
    timestamp: int
    offset: int
    metadata: Mapping[str, Json]
    message_id: str | None
    features: Features


@dataclass(frozen=True, slots=True, kw_only=True)
class Appended:
    """The id an episode has in the store, and whether this call added it."""

    id: str
    added: bool


@dataclass(frozen=True, slots=True, kw_only=True)
class NewJob:
    """Work that a write causes. While a job of the same queue and scope is pending, it is not added again."""

    queue: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Job:
    """A claimed job: `scope_key` names the scope to the store; `attempts` counts this one."""

    number: int
    queue: str
    scope_key: int
    attempts: int
    lease_until: datetime


@dataclass(frozen=True, slots=True, kw_only=True)
class JobCounts:
    """How many jobs wait, run, and were given up."""

    pending: int = 0
    running: int = 0
    dead: int = 0


@dataclass(frozen=True, slots=True, kw_only=True)
class TextRow:
    """What an embedder is given: an episode's row in its scope, its day, its speaker and its text."""

    row: int
    day: str
    name: str | None
    text: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Forgotten:
    """What an erasure removed, and whether the files were scrubbed at once."""

    episode_ids: tuple[str, ...]
    scrubbed: bool


@dataclass(frozen=True, slots=True, kw_only=True)
class Counts:
    """What a store knows of one scope (and run)."""

    episodes: int
    runs: int
    sessions: int
    first: int | None
    last: int | None
    text_characters: int
    vectors: int
    forgotten: int
    jobs: JobCounts
