"""Episodes in the file: append, read, page, count. Functions on a connection inside a transaction."""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import replace
from datetime import datetime
from typing import cast

import apsw

from memstrata.core.candidates import View
from memstrata.core.clock import day_in_words, from_microseconds, microseconds
from memstrata.core.features import episode_features
from memstrata.core.filters import matches
from memstrata.core.index.postings import pack_terms
from memstrata.core.paging import decode_cursor, encode_cursor
from memstrata.core.records import Appended, Counts, JobCounts, NewEpisode, NewJob
from memstrata.errors import Conflict
from memstrata.stores.sqlite import facts
from memstrata.stores.sqlite.blocks import seal
from memstrata.stores.sqlite.jobs import counts as job_counts
from memstrata.stores.sqlite.scopes import (
    LAST_ROW,
    ROW_BITS,
    Placement,
    id_range,
    record_event,
    run_number,
    scope_ids,
    scope_number,
)
from memstrata.stores.sqlite.sql import Q, in_batches, one
from memstrata.stores.sqlite.vectors import space_number
from memstrata.types import ROLES, Episode, Json, Page, Role, Scope

_Row = tuple[int, str, str | None, int, int, str | None, str, int, int, int, str | None, str | None]
NO_RUN = -1
NO_COUNTS = Counts(
    episodes=0,
    runs=0,
    sessions=0,
    first=None,
    last=None,
    text_characters=0,
    vectors=0,
    forgotten=0,
    jobs=JobCounts(),
)


def append(
    connection: apsw.Connection,
    scope: Scope,
    episodes: Sequence[NewEpisode],
    *,
    recorded_at: datetime,
    jobs: Sequence[NewJob],
) -> list[Appended]:
    """Add the unknown ones, the event, the jobs, and seal what became a full block."""
    placement = Placement.load(connection, scope)
    at = microseconds(recorded_at)
    ids: dict[bytes, str] = {}
    texts: dict[bytes, str | None] = {}
    values = []
    for new in episodes:
        if new.digest not in ids:
            known = connection.execute(Q["episode_by_digest"], (new.digest,)).fetchone()
            ids[new.digest], texts[new.digest] = known or (new.id, new.text)
            if known is None:
                run, session = placement.session_for(new.run_id, new.timestamp)
                values.append(values_of(placement, new, at, run=run, session=session))
        if texts[new.digest] not in (None, new.text):
            raise Conflict(f"message id {new.message_id!r} is known with another text; give it a new id")
    if values:
        connection.executemany(Q["insert_episode"], values)
        placement.save()
        record_event(connection, placement.number, "added", range(placement.first_row, placement.next_row), at)
        seal(connection, placement.number, placement.first_row, placement.next_row)
        for job in jobs:
            connection.execute(Q["enqueue"], (job.queue, placement.number, at))
    return [Appended(id=ids[new.digest], added=ids[new.digest] == new.id) for new in episodes]


def by_rows(connection: apsw.Connection, scope: Scope, number: int, rows: Sequence[int]) -> list[tuple[int, Episode]]:
    """Row and episode of these rows of a scope, which has this number, in that order."""
    first, _ = id_range(number)
    found = {row[0]: row for row in _select_in(connection, "e.id", [first | row for row in rows])}
    home = scope.partition
    return [(row, episode_of(found[row], home)) for row in rows if row in found]


def by_ids(connection: apsw.Connection, scope: Scope, ids: Sequence[str]) -> list[Episode]:
    """Episodes with these public ids that lie in the scope, in that order."""
    number = scope_number(connection, scope)
    if number is None:
        return []
    home = scope.partition
    first, last = id_range(number)
    rows = _select_in(connection, "e.public_id", list(ids), f"AND e.id BETWEEN {first} AND {last}")
    found = {row[1]: episode_of(row, home) for row in rows}
    run = scope.run_within
    return [found[id_] for id_ in ids if id_ in found and run in (None, found[id_].run_id)]


def list_episodes(connection: apsw.Connection, scope: Scope, view: View, *, limit: int, cursor: str | None) -> Page:
    """One page, newest first. A filter is evaluated row by row, as the specification does."""
    before = None if cursor is None else decode_cursor(cursor)
    number = scope_number(connection, scope)
    if number is None:
        return Page(episodes=(), next=None)
    home = scope.partition
    found: list[_Row] = []
    for row in connection.execute(*_page_query(connection, number, scope, view, before)):
        typed = cast(_Row, row)
        if view.filter is None or matches(view.filter, _columns(typed), _metadata(typed)):
            found.append(typed)
            if len(found) > limit:
                break
    more = encode_cursor(found[limit - 1][7], found[limit - 1][0]) if len(found) > limit > 0 else None
    return Page(episodes=tuple(episode_of(row, home) for row in found[:limit]), next=more)


def counts(connection: apsw.Connection, scope: Scope, *, space: str | None) -> Counts:
    """Counts of a scope; those of jobs and erasures are of its whole partition."""
    row = connection.execute(Q["scope_number"], scope_ids(scope)).fetchone()
    if row is None:
        return NO_COUNTS
    number, forgotten = int(row[0]), int(row[4])
    run = None
    if scope.run_within is not None:
        run = run_number(connection, number, scope.run_within)
        run = NO_RUN if run is None else run
    found = one(connection, Q["counts"], (*id_range(number), run))
    space_no = None if space is None else space_number(connection, space)
    (vectors,) = one(connection, Q["count_vectors"], (space_no, *id_range(number), run))
    (weighed,) = one(connection, Q["count_surprises"], (*id_range(number), run))
    believed, quarantined = facts.counts(connection, number, run)
    return Counts(
        episodes=found[0],
        runs=found[1],
        sessions=found[2],
        first=found[3],
        last=found[4],
        text_characters=found[5],
        vectors=vectors,
        forgotten=forgotten,
        jobs=job_counts(connection, None, scope_key=number),
        facts=believed,
        quarantined=quarantined,
        weighed=weighed,
    )


def after(connection: apsw.Connection, scope: Scope, number: int, row: int, *, limit: int) -> list[tuple[int, Episode]]:
    """Row and episode of those behind a row, oldest first."""
    run = None if scope.run_within is None else run_number(connection, number, scope.run_within)
    run = NO_RUN if run is None and scope.run_within is not None else run
    first, last = id_range(number)
    statement = (
        f"{Q['episode_columns']} WHERE e.id BETWEEN ? AND ? AND e.run = coalesce(?, e.run) ORDER BY e.id LIMIT ?"
    )
    rows = connection.execute(statement, (first + row + 1, last, run, limit))
    home = scope.partition
    return [(typed[0], episode_of(typed, home)) for typed in (cast(_Row, found) for found in rows)]


def put_features(connection: apsw.Connection, id_: int, text: str, *, name: str | None, said: int, offset: int) -> None:
    """Derive anew what an episode is searched and weighed by."""
    features = episode_features(text, name=name, date=day_in_words(from_microseconds(said, offset)))
    connection.execute(
        Q["put_features"],
        (
            id_,
            pack_terms(features.terms, id_ & LAST_ROW).tobytes(),
            features.length,
            features.question_share,
            features.address_share,
            features.words,
            features.proper_nouns,
            features.time_expression,
        ),
    )


def values_of(placement: Placement, new: NewEpisode, recorded_at: int, *, run: int, session: int) -> tuple[object, ...]:
    """The columns of an episode that takes the next row, for the statement `insert_episode`."""
    row = placement.take_row()
    features = new.features
    return (
        placement.number << ROW_BITS | row,
        new.id,
        new.digest,
        run,
        session,
        ROLES.index(new.role),
        placement.speaker(new.name),
        new.text,
        new.timestamp,
        new.offset,
        recorded_at,
        json.dumps(new.metadata, ensure_ascii=False, separators=(",", ":")) if new.metadata else None,
        new.message_id,
        pack_terms(features.terms, row).tobytes(),
        features.length,
        features.question_share,
        features.address_share,
        features.words,
        features.proper_nouns,
        features.time_expression,
    )


def episode_of(row: _Row, scope: Scope) -> Episode:
    """An episode of a partition from the columns of the query `episode_columns`."""
    return Episode(
        id=row[1],
        scope=scope if row[2] is None else replace(scope, run_id=row[2]),
        session=row[3],
        role=cast(Role, ROLES[row[4]]),
        name=row[5],
        text=row[6],
        timestamp=from_microseconds(row[7], row[8]),
        recorded_at=from_microseconds(row[9]),
        metadata=_metadata(row),
        message_id=row[11],
    )


def _page_query(
    connection: apsw.Connection, number: int, scope: Scope, view: View, before: tuple[int, int] | None
) -> tuple[str, tuple[object, ...]]:
    conditions, values = ["e.scope = ?"], [cast(object, number)]
    run = scope.run_within or view.run_id
    if run is not None:
        conditions.append("e.run = ?")
        values.append(run_number(connection, number, run))
    for column, bound in (("e.timestamp", view.said_until), ("e.recorded_at", view.recorded_until)):
        if bound is not None:
            conditions.append(f"{column} <= ?")
            values.append(bound)
    if before is not None:
        conditions.append("(e.timestamp, e.id) < (?, ?)")
        values += [before[0], number << ROW_BITS | before[1]]
    where = " AND ".join(conditions)
    return f"{Q['episode_columns']} WHERE {where} ORDER BY e.timestamp DESC, e.id DESC", tuple(values)


def _select_in(connection: apsw.Connection, column: str, keys: Sequence[object], more: str = "") -> list[_Row]:
    statement = f"{Q['episode_columns']} WHERE {column} IN (/* keys */) {more}"
    return [cast(_Row, row) for row in in_batches(connection, statement, keys)]


def _columns(row: _Row) -> dict[str, Json]:
    return {
        "role": ROLES[row[4]],
        "name": row[5],
        "run_id": row[2],
        "message_id": row[11],
        "timestamp": row[7],
        "recorded_at": row[9],
    }


def _metadata(row: _Row) -> dict[str, Json]:
    return {} if row[10] is None else cast(dict[str, Json], json.loads(row[10]))
