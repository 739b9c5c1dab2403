"""Facts in the file: write to their log, read them, account for models. Functions on a connection in a transaction."""

from __future__ import annotations

import json
from collections.abc import Callable, Collection, Sequence
from dataclasses import dataclass

import apsw

from memstrata.core.facts.erasing import without_facts
from memstrata.core.facts.log import NewChange
from memstrata.core.facts.reading import BELIEVED
from memstrata.core.records import Extracted, FactQuery, Spent
from memstrata.stores.fact_rules import admitted, check_expected, claimed_episodes, numbered
from memstrata.stores.sqlite import artifacts
from memstrata.stores.sqlite.fact_rows import (
    change_of,
    delete_facts,
    fact_of,
    insert_changes,
    log_of,
    put_fact,
    rewrite_log,
)
from memstrata.stores.sqlite.scopes import LAST_ROW, Placement, id_range, run_number, scope_number
from memstrata.stores.sqlite.sql import Q, in_batches
from memstrata.types import Change, Fact, Scope

NO_RUN = -1
Rewrite = Callable[[Sequence[Change]], list[Change]]


@dataclass(frozen=True, slots=True)
class _Place:
    """The number of a scope's partition, and of the run that narrows it; None for every run."""

    number: int
    run: int | None


def change_facts(
    connection: apsw.Connection,
    scope: Scope,
    changes: Sequence[NewChange],
    *,
    expected: int | None,
    extracted: Extracted | None,
) -> tuple[list[Change], bool]:
    """Append what may be written, derive the facts that it touches anew, and move the mark of extraction.

    Returns the changes, and whether they made artifacts stale.
    """
    number = scope_number(connection, scope)
    last = 0 if number is None else last_change(connection, number)
    check_expected(expected, last)
    if number is None:
        return [], False
    written = numbered(_admitted(connection, number, changes), after=last)
    insert_changes(connection, number, written)
    connection.execute(Q["set_last_change"], (number, last + len(written)))
    for fact_id in dict.fromkeys(change.fact_id for change in written):
        put_fact(connection, number, fact_id, log_of(connection, number, fact_id))
    if extracted is not None:
        connection.execute(Q["put_extracted_through"], (number, extracted.extractor, extracted.through))
    return written, artifacts.follow(connection, number, written)


def last_change(connection: apsw.Connection, number: int) -> int:
    """The last number that a scope's log gave out."""
    row = connection.execute(Q["last_change"], (number,)).fetchone()
    return 0 if row is None else int(row[0])


def facts(
    connection: apsw.Connection, scope: Scope, wanted: FactQuery, *, read: Callable[[Sequence[object]], Fact] = fact_of
) -> list[Fact]:
    """Facts that meet every condition, in the order in which they began; `read` makes one of its row."""
    place = _place(connection, scope)
    if place is None:
        return []
    values = (place.run, *id_range(place.number), _json_list(wanted.kinds), _json_list(wanted.statuses))
    chosen = _chosen(connection, place.number, wanted)
    if chosen is None:
        return [read(row) for row in connection.execute(f"{Q['facts']} ORDER BY f.id", values)]
    statement = f"{Q['facts']} AND f.id IN (/* keys */) ORDER BY f.id"
    found = [read(row) for row in in_batches(connection, statement, sorted(chosen), before=values)]
    closing = wanted.superseded_by
    return found if closing is None else [fact for fact in found if fact.superseded_by in closing]


def fact_log(connection: apsw.Connection, scope: Scope, ids: Sequence[str] | None) -> list[Change]:
    """The changes of these facts, or of all, in order."""
    place = _place(connection, scope)
    if place is None:
        return []
    if ids is None:
        statement = f"{Q['changes']} AND c.id BETWEEN ? AND ? ORDER BY c.id"
        return [change_of(row) for row in connection.execute(statement, (place.run, *id_range(place.number)))]
    statement = f"{Q['changes']} AND c.scope = ? AND c.fact IN (/* keys */)"
    rows = in_batches(connection, statement, list(dict.fromkeys(ids)), before=(place.run, place.number))
    return sorted((change_of(row) for row in rows), key=lambda change: change.number)


def change(connection: apsw.Connection, scope: Scope, id_: str) -> Change | None:
    """One change by its id."""
    place = _place(connection, scope)
    if place is None:
        return None
    statement = f"{Q['changes']} AND c.scope = ? AND c.public_id = ?"
    row = connection.execute(statement, (place.run, place.number, id_)).fetchone()
    return None if row is None else change_of(row)


def counts(connection: apsw.Connection, number: int, run: int | None) -> tuple[int, int]:
    """How many facts are believed, and how many wait in quarantine."""
    found = dict(connection.execute(Q["count_facts"], (run, *id_range(number))))
    return sum(found.get(status, 0) for status in BELIEVED), found.get("quarantined", 0)


def extracted_through(connection: apsw.Connection, number: int, extractor: str) -> int:
    """The last row that an extractor has read, -1 for none."""
    row = connection.execute(Q["extracted_through"], (number, extractor)).fetchone()
    return -1 if row is None else int(row[0])


def spent(connection: apsw.Connection, scope: Scope, day: str) -> Spent:
    """A day's account."""
    number = scope_number(connection, scope)
    row = connection.execute(Q["spent"], (number, day)).fetchone()
    return Spent() if row is None else Spent(calls=row[0], tokens=row[1], micros=row[2])


def spend(connection: apsw.Connection, scope: Scope, day: str, more: Spent) -> None:
    """Add to a day's account, of a scope that may be new."""
    number = Placement.load(connection, scope).number
    connection.execute(Q["add_spent"], (number, day, more.calls, more.tokens, more.micros))


def rewrite(connection: apsw.Connection, number: int, episodes: Sequence[int], erase: Rewrite) -> None:
    """Erase from the log of every fact that rests on one of these episodes, and what the gone facts brought."""
    touched = [row[0] for row in in_batches(connection, Q["facts_ever_on_episode"], episodes)]
    gone = {fact_id for fact_id in dict.fromkeys(touched) if not _erase(connection, number, fact_id, erase)}
    bereft = {row[0] for row in in_batches(connection, Q["facts_changed_by"], sorted(gone), before=(number,))}
    for fact_id in sorted(bereft):
        _erase(connection, number, fact_id, lambda log: without_facts(log, gone))
    _erasure_counts(connection, number)


def forget_all(connection: apsw.Connection, number: int) -> None:
    """Erase every fact of a scope with its log."""
    delete_facts(connection, *id_range(number))
    connection.execute(Q["delete_changes"], id_range(number))
    _erasure_counts(connection, number)


def _erase(connection: apsw.Connection, number: int, fact_id: str, erase: Rewrite) -> list[Change]:
    before = log_of(connection, number, fact_id)
    after = erase(before)
    rewrite_log(connection, number, fact_id, before, after)
    return after


def _erasure_counts(connection: apsw.Connection, number: int) -> None:
    """An erasure takes a number, so that nothing that was decided before it is written after it."""
    connection.execute(Q["set_last_change"], (number, last_change(connection, number) + 1))


def _admitted(connection: apsw.Connection, number: int, changes: Sequence[NewChange]) -> list[NewChange]:
    return admitted(
        changes,
        known=_found(connection, "known_changes", [change.id for change in changes], (number,)),
        facts=_found(connection, "known_facts", [change.fact_id for change in changes], (number,)),
        present=_found(connection, "present_episodes", claimed_episodes(changes), id_range(number)),
    )


def _found(connection: apsw.Connection, query: str, keys: Collection[str], before: tuple[object, ...]) -> set[str]:
    return {row[0] for row in in_batches(connection, Q[query], list(dict.fromkeys(keys)), before=before)}


def _place(connection: apsw.Connection, scope: Scope) -> _Place | None:
    number = scope_number(connection, scope)
    if number is None:
        return None
    if scope.run_within is None:
        return _Place(number, None)
    run = run_number(connection, number, scope.run_within)
    return _Place(number, NO_RUN if run is None else run)


def _chosen(connection: apsw.Connection, number: int, wanted: FactQuery) -> set[int] | None:
    """The numbers of facts that meet the conditions that have an index; None where there are none of those."""
    first, _ = id_range(number)
    rows = None if wanted.rows is None else [first | row for row in wanted.rows if 0 <= row <= LAST_ROW]
    conditions: list[tuple[str, Sequence[object] | None, tuple[object, ...]]] = [
        ("facts_by_id", wanted.ids, (number,)),
        ("facts_by_episode", rows, ()),
        ("facts_by_entity", wanted.entities, (number,)),
        ("facts_by_slot", wanted.slots, (number,)),
        ("facts_by_closing", wanted.superseded_by, (number, number)),
    ]
    chosen: set[int] | None = None
    for query, keys, before in conditions:
        if keys is not None:
            found = {int(row[0]) for row in in_batches(connection, Q[query], keys, before=before)}
            chosen = found if chosen is None else chosen & found
    return chosen


def _json_list(values: Sequence[str] | None) -> str | None:
    return None if values is None else json.dumps(list(values))
