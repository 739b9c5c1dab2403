"""How a language model's reading of a scope goes: what failed last, when it is tried again, what was refused.

Kept in the store's accounts under names that no day has, so that whichever process reads, every process knows: one
account for the state, one for what was refused since the model first read. Only the one job of a queue and scope that
runs writes them.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Literal, get_args

from memstrata.core.clock import from_microseconds, microseconds
from memstrata.core.records import Spent
from memstrata.ports import Store
from memstrata.schedule.worker import retry_pause
from memstrata.types import Scope

Trouble = Literal["endpoint unavailable", "over the budget of the day", "no usable answer"]
TROUBLES: tuple[Trouble, ...] = get_args(Trouble)
FIRST_REFUSAL_PAUSE = timedelta(minutes=1)
LONGEST_REFUSAL_PAUSE = timedelta(hours=1)
"""An answer that is no use is paid for; whoever gave it twice is asked again after 1, 2, 4, ... minutes."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Standing:
    """`trouble`: what ended the last attempt, None where it went well. `failures`: attempts in a row that did not."""

    trouble: Trouble | None = None
    failures: int = 0
    not_before: datetime | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Refused:
    """Facts whose words did not bear them out, and attempts that gave no usable answer."""

    facts: int
    answers: int


class ReadingState:
    """The state of one extractor's reading, scope by scope. `instead`: what there is while it fails."""

    def __init__(self, store: Store, *, extractor: str, instead: str) -> None:
        self._store = store
        self._extractor = extractor
        self._state, self._refused = f"state of {extractor}", f"refused by {extractor}"
        self._notes = tuple((f"model: {trouble}, {instead}",) for trouble in TROUBLES)

    def notes(self, scope: Scope) -> tuple[str, ...]:
        """What a result says while the last attempt failed; one row is read, for every search asks."""
        trouble = self._store.spent(scope, day=self._state).tokens
        return self._notes[trouble - 1] if 1 <= trouble <= len(TROUBLES) else ()

    def unread(self, scope: Scope, *, most: int) -> int:
        """How many episodes of the memory are still to be read, at most `most`; reads them."""
        return len(self._store.unextracted(scope.partition, extractor=self._extractor, limit=most)) if most else 0

    def spent_today(self, scope: Scope, *, at: datetime) -> Spent:
        """What the models cost on the scope's account since midnight UTC."""
        return self._store.spent(scope, day=at.astimezone(UTC).date().isoformat())

    def standing(self, scope: Scope) -> Standing:
        """How the last attempt ended; one row is read."""
        kept = self._store.spent(scope, day=self._state)
        if not 1 <= kept.tokens <= len(TROUBLES):
            return Standing()
        until = from_microseconds(kept.micros) if kept.micros > 0 else None
        return Standing(trouble=TROUBLES[kept.tokens - 1], failures=max(1, kept.calls), not_before=until)

    def failed(self, scope: Scope, trouble: Trouble, *, at: datetime) -> datetime:
        """Take note of a failed attempt; returns when the next one is due."""
        before = self.standing(scope)
        failures = before.failures + 1 if before.trouble == trouble else 1
        until = at + _pause(trouble, failures, at)
        if trouble == "no usable answer" and failures > 1:
            self._store.spend(scope, day=self._refused, spent=Spent(tokens=1))
        self._put(scope, Spent(calls=failures, tokens=TROUBLES.index(trouble) + 1, micros=microseconds(until)))
        return until

    def went_well(self, scope: Scope, *, refused: int = 0) -> None:
        """Take note of a batch that was read. Writes only where something changes."""
        if self._store.spent(scope, day=self._state) != Spent():
            self._put(scope, Spent())
        if refused:
            self._store.spend(scope, day=self._refused, spent=Spent(calls=refused))

    def refused(self, scope: Scope) -> Refused:
        """What was refused since the model first read."""
        kept = self._store.spent(scope, day=self._refused)
        return Refused(facts=kept.calls, answers=kept.tokens)

    def _put(self, scope: Scope, wanted: Spent) -> None:
        kept = self._store.spent(scope, day=self._state)
        change = Spent(
            calls=wanted.calls - kept.calls,
            tokens=wanted.tokens - kept.tokens,
            micros=wanted.micros - kept.micros,
        )
        self._store.spend(scope, day=self._state, spent=change)


def _pause(trouble: Trouble, failures: int, at: datetime) -> timedelta:
    if trouble == "over the budget of the day":
        today = at.astimezone(UTC).replace(hour=0, minute=0, second=0, microsecond=0)
        return today + timedelta(days=1) - at
    if trouble == "no usable answer" and failures > 1:
        return min(LONGEST_REFUSAL_PAUSE, FIRST_REFUSAL_PAUSE * (1 << min(failures - 2, 20)))
    return retry_pause(failures)
