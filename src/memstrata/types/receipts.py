"""What the verbs say that they did, and what a scope holds."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Literal, get_args

from memstrata.types.conversation import Scope

ForgetOutcome = Literal["done", "waits", "nothing found"]
"""`waits`: the policy is to ask first."""


@dataclass(frozen=True, slots=True, kw_only=True)
class AskedToForget:
    """A request to forget that the user made in a message, and what came of it.

    `topic`: the words that named it, empty for "that" and for everything. `receipt`: the proof of an erasure.
    `affected`: the episodes that were changed or, where the request waits, would be.
    """

    episode_id: str
    topic: str
    outcome: ForgetOutcome
    affected: tuple[str, ...] = ()
    receipt: ForgetReceipt | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Receipt:
    """What `add` did; it exists only once the episodes are durable.

    `episode_ids` has one id a message that holds text, in order, whether new or already known. `secrets`: how many
    secrets were replaced by marks before anything was stored. `forget_requests`: what the user asked to forget in
    these messages, and what came of it. `degraded`: what was missing, such as a language model that failed last time.
    """

    episode_ids: tuple[str, ...]
    added: int
    duplicates: int
    skipped_empty: int
    pending: tuple[str, ...]
    secrets: int = 0
    forget_requests: tuple[AskedToForget, ...] = ()
    degraded: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class ForgetReceipt:
    """Proof that an erasure was asked for and done, without any of the words.

    `scrubbed` says that the files of the store were rewritten so that no byte of the text remains; it is
    False while another process still reads an older state, and a job repeats the scrubbing until it is done.
    """

    id: str
    forgotten: int
    episode_ids: tuple[str, ...]
    asked_at: datetime
    done_at: datetime
    scrubbed: bool


@dataclass(frozen=True, slots=True, kw_only=True)
class NotRead:
    """What of a file could not be read, and why."""

    place: str
    reason: str


@dataclass(frozen=True, slots=True, kw_only=True)
class ImportReceipt:
    """What an import did, or with a dry run would do.

    `messages`: how many were read, of `conversations` where the file has such, said from `first` to `last`.
    `passed_over`: how many were left out on purpose, by the reason. `problems`: what could not be read; the rest was.
    `secrets` as for `Receipt`. `forget_requests`: how many messages ask to forget something; none was carried out.
    `scopes`: the memories that hold what was read.
    """

    conversations: int
    messages: int
    added: int
    duplicates: int
    skipped_empty: int
    secrets: int
    forget_requests: int
    first: datetime | None
    last: datetime | None
    passed_over: Mapping[str, int]
    problems: tuple[NotRead, ...]
    scopes: tuple[Scope, ...]


ExportFormat = Literal["bundle", "json", "markdown", "pam"]
"""A bundle and JSON can be restored; Markdown is for people, PAM (Portable AI Memory) for other programs."""
EXPORT_FORMATS: tuple[str, ...] = get_args(ExportFormat)


@dataclass(frozen=True, slots=True, kw_only=True)
class ExportReceipt:
    """What was written: how many episodes, changes and facts, and the file's size in bytes and SHA-256."""

    format: ExportFormat
    episodes: int
    facts: int
    changes: int
    size: int
    sha256: str


@dataclass(frozen=True, slots=True, kw_only=True)
class RestoreReceipt:
    """What was taken in from an export; it exists only once that is durable.

    `added` episodes were new here, `duplicates` were known. `changes` of facts were new; `passed_over` are changes
    that rest on words which were erased here, or that later wishes of the user outdate. `secrets` as for `Receipt`.
    """

    added: int
    duplicates: int
    changes: int
    passed_over: int
    secrets: int
    pending: tuple[str, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class Stats:
    """Counts of one scope, and the state of the work that is still to be done for it.

    `model`: the language model that reads facts, None without one. `unread`: episodes that it has not read yet.
    `refused_facts`: facts of its answers that the words did not bear out, `refused_answers`: batches that it gave no
    usable answer for twice or more, both since it first read. `calls_today`, `tokens_today`, `money_today`: what it
    cost since midnight UTC, the money by the budget's prices. `unread` counts the whole memory, whatever the run.
    `local_model`: the fingerprint of the model that weighs episodes, None without one; `weighed`: how many are.
    """

    episodes: int
    runs: int
    sessions: int
    first: datetime | None
    last: datetime | None
    text_characters: int
    embedder: str | None
    vectors: int
    jobs_pending: int
    jobs_running: int
    jobs_dead: int
    forgotten: int
    facts: int = 0
    quarantined: int = 0
    model: str | None = None
    unread: int = 0
    refused_facts: int = 0
    refused_answers: int = 0
    calls_today: int = 0
    tokens_today: int = 0
    money_today: float = 0.0
    local_model: str | None = None
    weighed: int = 0
    degraded: tuple[str, ...] = ()
