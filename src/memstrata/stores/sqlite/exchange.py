"""Handing over and taking in whole memories, in the file. Functions on a connection inside a transaction."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from datetime import datetime

import apsw

from memstrata.core.clock import microseconds
from memstrata.core.records import KeptEpisode, KeptLog, NewJob, Restored, RestoredEpisode
from memstrata.stores.restoring import Known, Settled, read_through, self_contained, settle, settled_changes
from memstrata.stores.sqlite import artifacts, facts
from memstrata.stores.sqlite.blocks import seal
from memstrata.stores.sqlite.episodes import episode_of, values_of
from memstrata.stores.sqlite.fact_rows import change_of, insert_changes, put_fact
from memstrata.stores.sqlite.scopes import (
    ROW_BITS,
    Placement,
    id_range,
    record_event,
    run_number,
    scope_number,
)
from memstrata.stores.sqlite.sql import Q, in_batches, one
from memstrata.types import Change, Scope

NO_RUN = -1
NOTHING = KeptLog(changes=(), read={})


def known(connection: apsw.Connection, scope: Scope, digests: Sequence[bytes]) -> set[bytes]:
    """Those of the digests that an episode of the scope's memory has."""
    number = scope_number(connection, scope)
    if number is None:
        return set()
    return {bytes(row[0]) for row in in_batches(connection, Q["known_digests"], digests, before=id_range(number))}


def export(connection: apsw.Connection, scope: Scope, take: Callable[[KeptEpisode], None]) -> KeptLog:
    """Every episode in the order of the rows, and the log."""
    number = scope_number(connection, scope)
    if number is None:
        return NOTHING
    if scope.run_within is None:
        for each in _kept(connection, scope, number, None):
            take(each)
        changes = facts.fact_log(connection, scope, None)
        return KeptLog(changes=tuple(changes), read=_read(connection, number))
    run = run_number(connection, number, scope.run_within)
    within = set()
    for each in _kept(connection, scope, number, NO_RUN if run is None else run):
        within.add(each.episode.id)
        take(each)
    changes = facts.fact_log(connection, scope.partition, None)
    return KeptLog(changes=tuple(self_contained(changes, within)), read={})


def restore(
    connection: apsw.Connection,
    scope: Scope,
    episodes: Sequence[RestoredEpisode],
    changes: Sequence[Change],
    *,
    read: Mapping[str, str],
    at: datetime,
    jobs: Sequence[NewJob],
) -> Restored:
    """Take in what is not known, the event, the facts, the marks and the jobs, and seal what became a full block."""
    placement = Placement.load(connection, scope)
    number = placement.number
    (last_row,) = one(connection, Q["last_row"], id_range(number))
    settled = _settled(connection, placement, episodes)
    _insert(connection, placement, settled, at)
    written, fresh = _take_in_changes(connection, number, settled, changes)
    through = dict(connection.execute(Q["extracted_marks"], (number,)))
    placed = [each.restored.new.id for each in settled.placed]
    order = [each.new.id for each in episodes]
    for extractor, id_ in read.items():
        mark = read_through(
            placed,
            order,
            id_,
            first_row=placement.first_row,
            through=through.get(extractor, -1),
            last_row=-1 if last_row is None else last_row,
        )
        if mark >= 0:
            connection.execute(Q["put_extracted_through"], (number, extractor, mark))
    for job in jobs if placed or written else ():
        connection.execute(Q["enqueue"], (job.queue, number, microseconds(at)))
    return Restored(added=len(placed), known=len(episodes) - len(placed), changes=written, passed_over=fresh - written)


def _settled(connection: apsw.Connection, placement: Placement, episodes: Sequence[RestoredEpisode]) -> Settled:
    digests = list(dict.fromkeys(each.new.digest for each in episodes))
    ids = list(dict.fromkeys(each.new.id for each in episodes))
    within = id_range(placement.number)
    rows = {row[0]: row for row in in_batches(connection, Q["known_by_digest"], digests, before=within)}
    rows |= {row[0]: row for row in in_batches(connection, Q["known_by_id"], ids, before=within)}
    known = [Known(id=row[0], digest=row[1], text=row[2], redactions=row[3], session=row[4]) for row in rows.values()]
    taken = {row[0] for row in in_batches(connection, Q["taken_ids"], ids)}
    return settle(episodes, known, taken, next_session=placement.next_session)


def _insert(connection: apsw.Connection, placement: Placement, settled: Settled, at: datetime) -> None:
    if not settled.placed:
        return
    values, redacted = [], []
    for each in settled.placed:
        run = placement.put_in_session(each.new.run_id, each.new.timestamp, each.session)
        if each.restored.redactions:
            redacted.append((placement.number << ROW_BITS | placement.next_row, each.restored.redactions))
        recorded_at = microseconds(each.restored.recorded_at)
        values.append(values_of(placement, each.new, recorded_at, run=run, session=each.session))
    placement.next_session = settled.next_session
    connection.executemany(Q["insert_episode"], values)
    connection.executemany(Q["set_redacted"], redacted)
    placement.save()
    rows = range(placement.first_row, placement.next_row)
    record_event(connection, placement.number, "added", rows, microseconds(at))
    seal(connection, placement.number, placement.first_row, placement.next_row)


def _take_in_changes(
    connection: apsw.Connection, number: int, settled: Settled, changes: Sequence[Change]
) -> tuple[int, int]:
    """Write the changes that may be; returns how many, and how many were not known."""
    fact_ids = list(dict.fromkeys(each.fact_id for each in changes))
    statement = f"{Q['changes']} AND c.scope = ? AND c.fact IN (/* keys */)"
    log = sorted(
        (change_of(row) for row in in_batches(connection, statement, fact_ids, before=(None, number))),
        key=lambda each: each.number,
    )
    ids = [each.id for each in changes]
    known = {row[0] for row in in_batches(connection, Q["known_changes"], ids, before=(number,))}
    told_of = {row[0] for row in in_batches(connection, Q["known_facts"], fact_ids, before=(number,))}
    last = facts.last_change(connection, number)
    written = settled_changes(changes, settled, log, known=known, facts=told_of, last=last)
    insert_changes(connection, number, written)
    connection.execute(Q["set_last_change"], (number, last + len(written)))
    logs: dict[str, list[Change]] = {}
    for each in (*log, *written):
        logs.setdefault(each.fact_id, []).append(each)
    for fact_id in dict.fromkeys(each.fact_id for each in written):
        put_fact(connection, number, fact_id, logs[fact_id])
    artifacts.follow(connection, number, written)
    return len(written), len(set(ids) - known)


def _kept(connection: apsw.Connection, scope: Scope, number: int, run: int | None) -> Iterator[KeptEpisode]:
    home = scope.partition
    for row in connection.execute(Q["kept_episodes"], (*id_range(number), run)):
        yield KeptEpisode(episode=episode_of(row[:12], home), digest=bytes(row[12]), redactions=row[13])


def _read(connection: apsw.Connection, number: int) -> dict[str, str]:
    """The last episode at or before each mark."""
    first, _ = id_range(number)
    found: dict[str, str] = {}
    for extractor, through in list(connection.execute(Q["extracted_marks"], (number,))):
        row = connection.execute(Q["last_read"], (first, first | through)).fetchone()
        if row is not None:
            found[extractor] = row[0]
    return found
