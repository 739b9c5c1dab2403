"""Remembering what a reader yields, and the report of it. What is known already costs a look, not a reading."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime

from memstrata.core.clock import parse_time
from memstrata.errors import Conflict, InvalidInput, MissingScope
from memstrata.exchange.portions import SCOPE_FIELDS, PassedOver, Portion, Read
from memstrata.types import ImportReceipt, Message, NotRead, Receipt, Scope

MOST_TOLD = 1000
"""Problems that a receipt names; it counts the others."""
Ids = Mapping[str, str | None]


@dataclass(slots=True)
class Tally:
    """Counts of one import as it goes."""

    conversations: int = 0
    messages: int = 0
    added: int = 0
    known: int = 0
    empty: int = 0
    secrets: int = 0
    forget_requests: int = 0
    first: datetime | None = None
    last: datetime | None = None
    passed_over: Counter[str] = field(default_factory=Counter)
    problems: list[NotRead] = field(default_factory=list)
    not_named: int = 0
    scopes: dict[tuple[tuple[str, str], ...], dict[str, str]] = field(default_factory=dict)
    _conversation: str | None = None

    def take(self, portion: Portion) -> None:
        """Count what was read."""
        if portion.conversation is not None and portion.conversation != self._conversation:
            self.conversations += 1
            self._conversation = portion.conversation
        self.messages += len(portion.messages)
        for message in portion.messages:
            when = _time_of(message)
            if when is not None:
                self.first = when if self.first is None else min(self.first, when)
                self.last = when if self.last is None else max(self.last, when)

    def added_by(self, receipt: Receipt, ids: Ids) -> None:
        """Count what was remembered, and where."""
        self.added += receipt.added
        self.known += receipt.duplicates
        self.empty += receipt.skipped_empty
        self.secrets += receipt.secrets
        self.forget_requests += len(receipt.forget_requests)
        whole = {key: id_ for key, id_ in ids.items() if id_ is not None and key != "run_id"}
        whole = whole or {key: id_ for key, id_ in ids.items() if id_ is not None}
        self.scopes[tuple(whole.items())] = whole

    def problem(self, place: str, reason: str) -> None:
        """Note what could not be read."""
        if len(self.problems) < MOST_TOLD:
            self.problems.append(NotRead(place=place, reason=reason))
        else:
            self.not_named += 1

    def receipt(self) -> ImportReceipt:
        """What was done."""
        problems = tuple(self.problems)
        if self.not_named:
            problems += (NotRead(place="", reason=f"and {self.not_named} more"),)
        return ImportReceipt(
            conversations=self.conversations,
            messages=self.messages,
            added=self.added,
            duplicates=self.known,
            skipped_empty=self.empty,
            secrets=self.secrets,
            forget_requests=self.forget_requests,
            first=self.first,
            last=self.last,
            passed_over=dict(sorted(self.passed_over.items())),
            problems=problems,
            scopes=tuple(Scope(**ids) for ids in self.scopes.values()),
        )


def import_all(
    found: Iterable[Read],
    given: Ids,
    *,
    known: Callable[[Mapping[str, str | None], Sequence[str]], set[str]],
    add: Callable[[Portion, Mapping[str, str | None]], Receipt] | None,
    progress: Callable[[int], None],
    reaches: Callable[[Scope], bool] = lambda scope: True,
) -> Tally:
    """Remember every portion under the ids that are given, or else those of the file; without `add` only count.

    `known`: which of these message ids a scope holds already. `progress`: is told how many messages went by.
    `reaches`: whether ids of the file may lead to a scope.
    """
    tally = Tally()
    for each in found:
        if isinstance(each, NotRead):
            tally.problem(each.place, each.reason)
        elif isinstance(each, PassedOver):
            tally.passed_over[each.reason] += each.count
        else:
            tally.take(each)
            if add is not None:
                if reaches(Scope(**_ids(each, given))):
                    _remember(tally, each, given, known=known, add=add)
                else:
                    tally.problem(each.place, "its ids lead to a memory that is out of reach here")
            progress(len(each.messages))
    return tally


def preview(found: Iterable[Read], *, progress: Callable[[int], None]) -> ImportReceipt:
    """What would be read; nothing is stored."""
    return import_all(found, {}, known=lambda ids, told: set(), add=None, progress=progress).receipt()


def _remember(
    tally: Tally,
    portion: Portion,
    given: Ids,
    *,
    known: Callable[[Mapping[str, str | None], Sequence[str]], set[str]],
    add: Callable[[Portion, Mapping[str, str | None]], Receipt],
) -> None:
    ids, fresh = _ids(portion, given), portion.messages
    try:
        here: set[str] = set()
        if portion.known_by_id:
            here = known(ids, [each.id for each in portion.messages if isinstance(each, Message) and each.id])
        fresh = tuple(each for each in portion.messages if _id_of(each) not in here)
        tally.known += len(portion.messages) - len(fresh)
        if fresh:
            tally.added_by(add(replace(portion, messages=fresh), ids), ids)
    except (InvalidInput, Conflict) as error:
        if len(portion.messages) == 1 or not portion.known_by_id or isinstance(error, MissingScope):
            tally.problem(portion.place, str(error))
            return
        for each in fresh:  # one wrong message is no reason to lose the others
            _remember(tally, replace(portion, messages=(each,)), given, known=known, add=add)


def _ids(portion: Portion, given: Ids) -> dict[str, str | None]:
    named = {key: value for key, value in given.items() if value is not None}
    ids: dict[str, str] = {**portion.scope, **named}
    if set(ids) == {"run_id"} and "run_id" not in named:
        ids = {}  # a file's own run is no scope to remember it under
    return {key: ids.get(key) for key in SCOPE_FIELDS}


def _id_of(message: object) -> str | None:
    return message.id if isinstance(message, Message) else None


def _time_of(message: object) -> datetime | None:
    time = message.timestamp if isinstance(message, Message) else None
    if isinstance(message, dict) and isinstance(message.get("timestamp"), str):
        try:
            return parse_time(message["timestamp"], what="timestamp")
        except InvalidInput:
            return None
    return time
