"""Erasing in the file: whole episodes, or parts of their texts, with everything that was derived from them.

Functions on a connection inside a transaction. What is left are an event, a receipt, and the job that scrubs.
"""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime
from typing import cast

import apsw

from memstrata.core.clock import microseconds
from memstrata.core.facts.erasing import Redaction, redacted, without_episodes, without_spans
from memstrata.core.records import SCRUB_QUEUE, NewJob
from memstrata.stores.fact_rules import clipped
from memstrata.stores.sqlite import artifacts, facts
from memstrata.stores.sqlite.blocks import seal_again, unseal_vectors
from memstrata.stores.sqlite.episodes import by_ids, put_features
from memstrata.stores.sqlite.scopes import LAST_ROW, id_range, record_event, run_number, scope_number
from memstrata.stores.sqlite.sql import Q, in_batches
from memstrata.types import Scope


def erase(
    connection: apsw.Connection, scope: Scope, *, ids: Sequence[str] | None, receipt_id: str, at: datetime
) -> tuple[str, ...]:
    """Delete episodes with everything derived from them; leave an event, a receipt and no word."""
    number = scope_number(connection, scope)
    if number is None:
        return ()
    targets = _targets(connection, scope, number, ids)
    numbers = [target[0] for target in targets]
    gone = tuple(target[1] for target in targets)
    everything = ids is None and scope.run_within is None
    artifacts.erase(connection, number, None if everything else gone)
    if targets and everything:
        facts.forget_all(connection, number)
    elif targets:
        erased = frozenset(gone)
        facts.rewrite(connection, number, numbers, lambda log: without_episodes(log, erased))
    connection.executemany("DELETE FROM episode WHERE id = ?", [(id_,) for id_ in numbers])
    _delete_derived(connection, numbers)
    connection.execute(Q["delete_unused_speakers"], (number,))
    connection.execute(Q["delete_unused_runs"], (number,))
    rows = [id_ & LAST_ROW for id_ in numbers]
    seal_again(connection, number, rows)
    if targets:
        connection.execute(Q["count_forgotten"], (number, len(targets)))
        record_event(connection, number, "forgot", rows, microseconds(at))
        if connection.execute(Q["any_episode"], id_range(number)).fetchone() is None:
            connection.execute(Q["delete_jobs_of_scope"], (number,))
    _testify(connection, number, receipt_id=receipt_id, erased=len(targets), at=at)
    return gone


def redact(
    connection: apsw.Connection,
    scope: Scope,
    redactions: Sequence[Redaction],
    *,
    receipt_id: str,
    at: datetime,
    jobs: Sequence[NewJob],
) -> tuple[str, ...]:
    """Put marks in place of parts of texts, and erase what was derived from the texts as they were."""
    number = scope_number(connection, scope)
    if number is None:
        return ()
    run = None if scope.run_within is None else run_number(connection, number, scope.run_within)
    if scope.run_within is not None and run is None:
        return ()
    ids = list(dict.fromkeys(redaction.episode_id for redaction in redactions))
    rows = in_batches(connection, Q["texts_by_id"], ids, before=(*id_range(number), run))
    texts = {row[1]: row for row in sorted(rows)}
    found = clipped(redactions, {id_: row[2] for id_, row in texts.items()})
    for redaction in found:
        id_, _, text, name, said, offset = texts[redaction.episode_id]
        text = redacted(text, redaction.spans)
        connection.execute(Q["put_redacted_text"], (id_, text))
        put_features(connection, id_, text, name=name, said=said, offset=offset)
    changed = {redaction.episode_id for redaction in found}
    changed_ids = [row[0] for id_, row in texts.items() if id_ in changed]
    if found:
        artifacts.erase(connection, number, changed)
        _derive_again(connection, number, changed_ids, at)
        parts = {redaction.episode_id: redaction for redaction in found}
        facts.rewrite(connection, number, changed_ids, lambda log: without_spans(log, parts))
        for job in jobs:
            connection.execute(Q["enqueue"], (job.queue, number, microseconds(at)))
    _testify(connection, number, receipt_id=receipt_id, erased=len(found), at=at)
    return tuple(id_ for id_ in texts if id_ in changed)


def _derive_again(connection: apsw.Connection, number: int, ids: Sequence[int], at: datetime) -> None:
    """Let go of the vectors and surprises of episodes that changed, and seal their blocks again."""
    rows = [id_ & LAST_ROW for id_ in ids]
    _delete_derived(connection, ids)
    connection.execute(Q["lower_embedded_through"], (number, min(rows)))
    unseal_vectors(connection, number, rows)
    seal_again(connection, number, rows)
    record_event(connection, number, "rewrote", rows, microseconds(at))


def _delete_derived(connection: apsw.Connection, ids: Sequence[int]) -> None:
    spaces = [row[0] for row in connection.execute("SELECT no FROM space")]
    for statement in (Q["delete_vectors"], Q["delete_sentences"]):
        connection.executemany(statement, [(space, id_, id_) for space in spaces for id_ in ids])
    connection.executemany(Q["delete_surprises"], [(id_, id_) for id_ in ids])


def _testify(connection: apsw.Connection, number: int, *, receipt_id: str, erased: int, at: datetime) -> None:
    """The receipt; where anything was erased, the job that scrubs the files, and no sample of an index is kept."""
    connection.execute(Q["insert_erasure"], (receipt_id, number, erased, microseconds(at)))
    if erased:
        connection.execute(Q["enqueue"], (SCRUB_QUEUE, number, microseconds(at)))
        if connection.execute(Q["has_samples"]).fetchone() is not None:
            connection.execute(Q["delete_samples"])


def _targets(
    connection: apsw.Connection, scope: Scope, number: int, ids: Sequence[str] | None
) -> list[tuple[int, str]]:
    run = scope.run_within
    if ids is not None:
        wanted = {episode.id for episode in by_ids(connection, scope, ids)}
        found = (connection.execute("SELECT id, public_id FROM episode WHERE public_id = ?", (i,)) for i in wanted)
        return sorted(cast(tuple[int, str], row) for cursor in found for row in cursor)
    if run is None:
        return [cast(tuple[int, str], row) for row in connection.execute(Q["ids_of_scope"], id_range(number))]
    run_no = run_number(connection, number, run)
    rows = connection.execute(Q["ids_of_run"], (*id_range(number), run_no))
    return [cast(tuple[int, str], row) for row in rows]
