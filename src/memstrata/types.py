"""The nouns that every part of Memstrata exchanges: frozen values, no behaviour beyond small properties.

Times are aware `datetime`s. Text positions are Python string offsets (code points), end exclusive.
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime
from typing import Literal, TypeAlias, TypedDict, get_args

Role = Literal["user", "assistant", "system", "tool", "document"]
"""Who a message comes from; `document` is a passage of a file."""
ROLES: tuple[str, ...] = get_args(Role)

ItemKind = Literal["episode", "fact"]
"""What `search` may return."""
ITEM_KINDS: tuple[str, ...] = get_args(ItemKind)

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


FactKind = Literal[
    "identity",
    "residence",
    "work",
    "relationship",
    "possession",
    "health",
    "preference",
    "plan",
    "event",
    "habit",
    "instruction",
    "commitment",
    "quantity",
    "statement",
]
"""What a fact is about; `statement` is whatever was said and fits no other kind."""
FACT_KINDS: tuple[str, ...] = get_args(FactKind)

Trust = Literal["user", "assistant", "tool", "document", "quoted"]
"""Whose words a fact rests on; `quoted` are words that a user passed on, such as a pasted page."""
TRUSTS: tuple[str, ...] = get_args(Trust)

Precision = Literal["minute", "hour", "day", "week", "month", "season", "year"]
"""How exactly a time is known."""

FactStatus = Literal["active", "superseded", "retired", "disputed", "quarantined", "rejected"]
"""`superseded`: a newer fact closed it. `retired`: it should never have been believed. `disputed`: it stands against
another without order. `quarantined`: it waits for the user's word. `rejected`: the user said no."""
FACT_STATUSES: tuple[str, ...] = get_args(FactStatus)


@dataclass(frozen=True, slots=True, kw_only=True)
class Claim:
    """What an extractor read in an episode, before it is decided what becomes of it.

    `text`: readable, from the words of the first source. `slot`: what it is a value of ("residence",
    "quantity:book"), None where nothing is known to replace another. `value`: the slot's value as said. `subject`:
    whom or what it is about: "user", "assistant", or a name or relation ("Nadia", "sister"). `speaker`: who said it:
    a name or a role. `negated`: says that it is not so. `valid_from`, `valid_to`: when it is true in the world, None
    for open. `event_from`, `event_to`: when what it tells of happens, None where it tells of no event. `entities`:
    names that it mentions. `cues`: words of change that it was said with (see `core.facts.cues`).
    """

    text: str
    kind: FactKind
    subject: str
    speaker: str
    trust: Trust
    confidence: float
    sources: tuple[Source, ...]
    slot: str | None = None
    value: str | None = None
    negated: bool = False
    valid_from: datetime | None = None
    valid_to: datetime | None = None
    event_from: datetime | None = None
    event_to: datetime | None = None
    precision: Precision | None = None
    entities: tuple[str, ...] = ()
    cues: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class Fact:
    """One statement with two clocks, and the words it rests on.

    `claim`: what was read, with `valid_to` as it stands now. `recorded_at`: when we began to believe it,
    `retired_at`: when we stopped. `superseded_by`: the fact that closed it. `disputed_with`: facts that it stands
    against. `confirmed`: the user said yes to it. `pinned`: always among the first. `muted`: never brought up.
    `said_at`: when the words were said.
    """

    id: str
    claim: Claim
    status: FactStatus
    said_at: datetime
    recorded_at: datetime
    retired_at: datetime | None = None
    superseded_by: str | None = None
    disputed_with: tuple[str, ...] = ()
    confirmed: bool = False
    pinned: bool = False
    muted: bool = False

    @property
    def version(self) -> str:
        """Changes whenever anything about the fact does; 32 hexadecimal digits."""
        times = (self.valid_from, self.valid_to, self.recorded_at, self.retired_at)
        stand = (self.status, self.superseded_by, self.disputed_with, self.confirmed, self.pinned, self.muted)
        rests_on = tuple((each.episode_id, each.start, each.end) for each in self.sources)
        moments = tuple(each and each.timestamp() for each in times)
        whole = repr((self.id, self.text, self.claim.value, self.confidence, moments, stand, rests_on))
        return hashlib.sha256(whole.encode()).hexdigest()[:32]

    @property
    def text(self) -> str:
        """The statement."""
        return self.claim.text

    @property
    def kind(self) -> FactKind:
        """What it is about."""
        return self.claim.kind

    @property
    def subject(self) -> str:
        """Whom or what it is about."""
        return self.claim.subject

    @property
    def speaker(self) -> str:
        """Who said it."""
        return self.claim.speaker

    @property
    def timestamp(self) -> datetime:
        """When its words were said, as of an episode."""
        return self.said_at

    @property
    def trust(self) -> Trust:
        """Whose words it rests on."""
        return self.claim.trust

    @property
    def confidence(self) -> float:
        """How sure the extractor was, 0 to 1."""
        return self.claim.confidence

    @property
    def valid_from(self) -> datetime | None:
        """Since when it is true in the world; None: for as long as one can say."""
        return self.claim.valid_from

    @property
    def valid_to(self) -> datetime | None:
        """Until when it is true in the world, exclusive; None: until now."""
        return self.claim.valid_to

    @property
    def event_from(self) -> datetime | None:
        """When the event that it tells of begins."""
        return self.claim.event_from

    @property
    def event_to(self) -> datetime | None:
        """When the event that it tells of ends, exclusive."""
        return self.claim.event_to

    @property
    def entities(self) -> tuple[str, ...]:
        """Names that it mentions."""
        return self.claim.entities

    @property
    def sources(self) -> tuple[Source, ...]:
        """The words that it rests on, the first ones said first."""
        return self.claim.sources


class Facts(list[Fact]):
    """A list of facts, best first, that also says in `degraded` what could not be used to find them."""

    def __init__(self, facts: Iterable[Fact] = (), *, degraded: Sequence[str] = ()) -> None:
        super().__init__(facts)
        self.degraded: tuple[str, ...] = tuple(degraded)


@dataclass(frozen=True, slots=True, kw_only=True)
class Section:
    """A part of a profile: its title and its facts."""

    title: str
    facts: tuple[Fact, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class Profile:
    """A page about a scope's user in Markdown, empty where nothing is known, and the facts on it."""

    text: str
    sections: tuple[Section, ...]


ChangeKind = Literal[
    "asserted",
    "supported",
    "closed",
    "retired",
    "disputed",
    "confirmed",
    "rejected",
    "pinned",
    "unpinned",
    "muted",
    "unmuted",
    "undone",
]
CHANGE_KINDS: tuple[str, ...] = get_args(ChangeKind)


@dataclass(frozen=True, slots=True, kw_only=True)
class Change:
    """One line of the log that facts are folded from.

    `id`: names it. `number`: its place in the scope's log. `cause`: the id of the decision that it belongs to; what
    one decision changed is undone together. `actor`: an extractor's name, or "user". `data`: what the kind needs,
    see `core.facts.log`.
    """

    id: str
    number: int
    fact_id: str
    kind: ChangeKind
    cause: str
    at: datetime
    actor: str
    data: Mapping[str, Json]


@dataclass(frozen=True, slots=True, kw_only=True)
class Hit:
    """Something found: the item, its score, each signal's share of the score, and the words it rests on.

    What changed, where the search is for facts too: `supersedes`, what held before a fact that was found;
    `superseded_by`, what holds since in place of something that was found.
    """

    item: Episode | Fact
    score: float
    why: Mapping[str, float]
    sources: tuple[Source, ...]
    supersedes: tuple[Fact, ...] = ()
    superseded_by: tuple[Fact, ...] = ()

    @property
    def text(self) -> str:
        """The item's text."""
        return self.item.text


class Hits(list[Hit]):
    """A list of hits, best first, that also says in `degraded` what could not be used to find them."""

    def __init__(self, hits: Iterable[Hit] = (), *, degraded: Sequence[str] = ()) -> None:
        super().__init__(hits)
        self.degraded: tuple[str, ...] = tuple(degraded)

    @property
    def episodes(self) -> list[Episode]:
        """The episodes among them, best first."""
        return [hit.item for hit in self if isinstance(hit.item, Episode)]

    @property
    def facts(self) -> list[Fact]:
        """The facts among them, best first."""
        return [hit.item for hit in self if isinstance(hit.item, Fact)]


@dataclass(frozen=True, slots=True, kw_only=True)
class Context:
    """Text for a model's prompt, the hits quoted in it in order of citation, and its size in tokens."""

    text: str
    hits: tuple[Hit, ...]
    tokens: int
    degraded: tuple[str, ...] = ()


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


Tier = Literal["text", "activation", "parametric"]
"""Text that people read, KV cache that a model attends to, weights that a model learns."""
TIERS: tuple[str, ...] = get_args(Tier)
DerivedTier = Literal["activation", "parametric"]
"""The tiers that something is derived into, and deleted from."""
DERIVED_TIERS: tuple[str, ...] = get_args(DerivedTier)
ArtifactKind = Literal["prefix", "passage", "adapter"]
"""What is derived: keys and values of a prompt's beginning; those of a text that was read for itself, to be attached
beside others; LoRA weights that a model has learnt."""
ARTIFACT_KINDS: tuple[str, ...] = get_args(ArtifactKind)
KvForm = Literal["float32", "bfloat16", "float16", "int8"]
"""The numbers in which keys and values are kept: 4, 2, 2 or 1 byte each."""
KV_FORMS: tuple[str, ...] = get_args(KvForm)
ArtifactStatus = Literal["making", "ready", "kept", "refused", "stale"]
"""`making`: not finished, or never will be. `ready`: may be attached. `kept`: a version to go back to. `refused`: it
did not pass its gate. `stale`: a source changed; it is never attached again and its bytes are gone."""
ARTIFACT_STATUSES: tuple[str, ...] = get_args(ArtifactStatus)


@dataclass(frozen=True, slots=True, kw_only=True)
class Artifact:
    """Derived bytes in another tier than text: immutable, named by their content, for one model, never the truth.

    `series`: what it is a version of; of each, one version at most is ready. `model`: the fingerprint of the only
    model that it fits. `sources`: the ids of every fact and episode that it was made of. `recipe`: how it was made,
    without any of their words. `tokens`: how many it saves reading, 0 for weights; `size` in bytes; `digest`: SHA-256
    of its manifest. `metrics`: what was measured of it. `reason`: why it is stale or was refused.
    """

    id: str
    kind: ArtifactKind
    series: str
    status: ArtifactStatus
    model: str
    sources: tuple[str, ...]
    recipe: Mapping[str, Json]
    made_at: datetime
    tokens: int = 0
    size: int = 0
    digest: str = ""
    metrics: Mapping[str, Json] = field(default_factory=dict)
    reason: str = ""
    used_at: datetime | None = None
    uses: int = 0

    @property
    def tier(self) -> DerivedTier:
        """The tier that it lies in."""
        return "parametric" if self.kind == "adapter" else "activation"


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


@dataclass(frozen=True, slots=True, kw_only=True)
class Page:
    """Some episodes, newest first; `next` asks for the following page and is None on the last."""

    episodes: tuple[Episode, ...]
    next: str | None
