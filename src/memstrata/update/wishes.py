"""What a user wishes done with a fact, as changes: nothing is overwritten, each wish is a line of the log."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from datetime import datetime
from typing import TypeVar

from memstrata.core.facts.codec import claim_to_json, time_to_json
from memstrata.core.facts.log import NewChange
from memstrata.errors import LogMoved, Stale
from memstrata.ports import FactStore
from memstrata.types import Change, ChangeKind, Claim, Fact, Scope
from memstrata.update.reconcile import new_change

USER = "user"
T = TypeVar("T")


def unless_stale(
    store: FactStore, scope: Scope, read: Callable[[], Fact], write: Callable[[int | None], T], *, version: str | None
) -> T:
    """Write what is decided about a fact; where the caller says which version it saw, only on top of that one.

    `write` gets the number of the log that the decision rests on, None for any. Raises `Stale` for another version.
    """
    while version is not None:
        last = store.last_change(scope)
        if (now := read().version) != version:
            raise Stale(f"the fact is at version {now}, not at {version!r}; read it again")
        try:
            return write(last)
        except LogMoved:
            continue  # by something else perhaps: the version tells
    return write(None)


def wish(kind: ChangeKind, fact_id: str, *, cause: str, at: datetime) -> list[NewChange]:
    """One change of one fact, by the user. `cause` is fresh for each wish."""
    return [new_change(kind, fact_id, cause=cause, at=at, actor=USER)]


def correction(old: Fact, claim: Claim, new_id: str, *, cause: str, at: datetime) -> list[NewChange]:
    """The old fact was never right; the claim, in the user's own words, takes its place and is confirmed."""
    begun = {"claim": claim_to_json(claim), "said_at": time_to_json(at)}
    return [
        new_change("asserted", new_id, cause=cause, at=at, actor=USER, data=begun),
        new_change("confirmed", new_id, cause=cause, at=at, actor=USER),
        new_change("retired", old.id, cause=cause, at=at, actor=USER, data={"by": new_id}),
    ]


def undoing(change: Change, log: Sequence[Change], *, cause: str, at: datetime) -> list[NewChange]:
    """Everything that the change's decision did counts no more: one line in the log of each fact that it touched."""
    together = [each for each in log if each.cause == change.cause]
    facts = dict.fromkeys(each.fact_id for each in together)
    return [
        new_change(
            "undone",
            fact,
            cause=cause,
            at=at,
            actor=USER,
            data={"changes": [each.id for each in together if each.fact_id == fact]},
        )
        for fact in facts
    ]
