"""What is believed: claims, facts, profiles, and the changes that facts are folded from."""

from __future__ import annotations

import hashlib
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Literal, get_args

from memstrata.types.conversation import Json, Source

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
