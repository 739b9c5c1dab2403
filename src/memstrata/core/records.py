"""What passes between the verbs and a store: values that are complete before a transaction begins."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Literal

from memstrata.core.features import Features
from memstrata.types import Change, Claim, Episode, FactKind, FactStatus, Json, Role

SCRUB_QUEUE = "scrub"
"""The queue of the job that an erasure causes: leave no byte of the text in any file."""

REFRESH_QUEUE = "refresh"
"""The queue of the job that a stale adapter causes: ask for it anew, of what still holds."""

CORRECTS = "corrects"
"""Metadata of an episode that corrects a fact: it became a fact when it was said, and is not read again."""

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
    """What an embedder is given: an episode's row in its scope, its day, its speaker and its text.

    `redactions`: how often parts of the text have been erased; tells whether a vector is still one of this text.
    """

    row: int
    day: str
    name: str | None
    text: str
    redactions: int = 0


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
    facts: int = 0
    quarantined: int = 0
    weighed: int = 0


@dataclass(frozen=True, slots=True, kw_only=True)
class FactQuery:
    """Which facts a store is to return: those that meet every condition that is given.

    `rows`: they rest on one of these episodes. `entities`: their subject or one of their entities is one of these,
    folded as by `core.facts.names.folded`. `statuses`: they stand so. `superseded_by`: one of these facts closed them.
    None leaves a condition out.
    """

    ids: Sequence[str] | None = None
    rows: Sequence[int] | None = None
    entities: Sequence[str] | None = None
    kinds: Sequence[FactKind] | None = None
    slots: Sequence[str] | None = None
    statuses: Sequence[FactStatus] | None = None
    superseded_by: Sequence[str] | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Extracted:
    """How far an extractor has read a scope: every episode up to and with row `through`."""

    through: int
    extractor: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Spent:
    """What models cost: calls, tokens, and money in millionths of the currency that prices are given in."""

    calls: int = 0
    tokens: int = 0
    micros: int = 0


@dataclass(frozen=True, slots=True, kw_only=True)
class Extraction:
    """What an extractor read: claims in the order of their sources, and how many it refused for want of evidence."""

    claims: tuple[Claim, ...]
    refused: int = 0


@dataclass(frozen=True, slots=True, kw_only=True)
class Prompt:
    """What a language model is asked: instructions, the matter, and a JSON schema that the answer must fit."""

    system: str
    user: str
    schema_name: str | None = None
    schema: Mapping[str, Json] | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Completion:
    """A model's answer, and its cost in tokens; estimated where the endpoint does not tell."""

    text: str
    prompt_tokens: int
    completion_tokens: int


@dataclass(frozen=True, slots=True, kw_only=True)
class ToolCall:
    """A model's wish to have a tool called; `arguments` is JSON as the model wrote it, which may be none."""

    id: str
    name: str
    arguments: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Piece:
    """A piece of a model's answer to a conversation, as it comes: some words, or the calls that it ends with."""

    text: str = ""
    calls: tuple[ToolCall, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class KeptAnswer:
    """What a server answered to a call with an idempotency key, without any of the user's words.

    `request`: digest of the call. `body`: JSON, what is needed to answer the same again.
    """

    request: bytes
    body: str


@dataclass(frozen=True, slots=True, kw_only=True)
class KeptEpisode:
    """An episode as a store keeps it. `digest`: what it is known by; `redactions`: how often parts were erased."""

    episode: Episode
    digest: bytes
    redactions: int


@dataclass(frozen=True, slots=True, kw_only=True)
class KeptLog:
    """The log of a scope's facts, and the last episode that each extractor has read (its id, by the extractor)."""

    changes: tuple[Change, ...]
    read: Mapping[str, str]


@dataclass(frozen=True, slots=True, kw_only=True)
class RestoredEpisode:
    """An episode that comes from elsewhere as it was there; its own `session` says which belong together.

    `spare_id`: its id where another memory of the store has taken its own.
    """

    new: NewEpisode
    session: int
    recorded_at: datetime
    redactions: int
    spare_id: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Restored:
    """What a store took in: episodes and changes that it did not know, and changes that it passed over."""

    added: int
    known: int
    changes: int
    passed_over: int
