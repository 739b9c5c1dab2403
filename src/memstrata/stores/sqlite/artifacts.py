"""Artifacts in the file: rows, what their sources' changes do to them, and which bytes are to be deleted.

Functions on a connection inside a transaction. Bytes are never deleted here: their names are written down with what
condemns them, and `SqliteStore.scrub` deletes them once that is durable.
"""

from __future__ import annotations

import json
from collections.abc import Collection, Iterable, Sequence
from dataclasses import replace
from datetime import datetime
from typing import Any

import apsw

from memstrata.core.artifacts import HAVE_BYTES, SETTLED, finished, makes_stale, stale
from memstrata.core.clock import from_microseconds, microseconds
from memstrata.core.records import REFRESH_QUEUE, SCRUB_QUEUE
from memstrata.stores.sqlite.scopes import id_range, scope_of
from memstrata.stores.sqlite.sql import Q, in_batches
from memstrata.types import Artifact, ArtifactKind, ArtifactStatus, Change, Scope


def name_of(number: int, id_: str) -> str:
    """The name of an artifact's bytes."""
    return f"{number}-{id_}"


def begin(connection: apsw.Connection, number: int, artifact: Artifact, *, queue: str | None) -> bool:
    """See `ArtifactStore.begin_artifact`."""
    sources = list(dict.fromkeys(artifact.sources))
    found = {row[0] for row in in_batches(connection, Q["present_episodes"], sources, before=id_range(number))}
    found |= {row[0] for row in in_batches(connection, Q["facts_that_hold"], sources, before=(number,))}
    if len(found) < len(sources):
        return False
    before = _one(connection, number, artifact.id)
    if before is None or before.status not in SETTLED:
        _delete(connection, number, artifact.id)
        _put(connection, number, replace(artifact, status="making"))
        values = [(number, source, artifact.id, place) for place, source in enumerate(sources)]
        connection.executemany(Q["put_artifact_source"], values)
        connection.execute(Q["pardon"], (name_of(number, artifact.id),))
    if queue is not None:
        connection.execute(Q["enqueue"], (queue, number, microseconds(artifact.made_at)))
    return True


def finish(connection: apsw.Connection, number: int, made: Artifact) -> bool:
    """See `ArtifactStore.finish_artifact`."""
    before = _one(connection, number, made.id)
    if before is None or before.status not in HAVE_BYTES:
        _doom(connection, number, [made.id])
        return False
    if before.status == "making":
        if made.status == "ready":
            connection.execute(Q["step_back"], (number, before.series))
        _put(connection, number, finished(before, made))
        if made.status == "refused":
            _doom(connection, number, [made.id])
    return True


def publish(connection: apsw.Connection, number: int, id_: str) -> bool:
    """See `ArtifactStore.publish_artifact`."""
    found = _one(connection, number, id_)
    if found is None or found.status != "kept":
        return False
    connection.execute(Q["step_back"], (number, found.series))
    _put(connection, number, replace(found, status="ready"))
    return True


def listed(
    connection: apsw.Connection,
    number: int,
    *,
    kinds: Sequence[ArtifactKind] | None = None,
    statuses: Sequence[ArtifactStatus] | None = None,
    series: Sequence[str] | None = None,
) -> list[Artifact]:
    """A memory's artifacts that are one of each that is given, the oldest first."""
    wanted = [None if each is None else json.dumps(list(each)) for each in (kinds, statuses, series)]
    rows = list(connection.execute(Q["artifacts"], (number, *wanted)))
    return [_read(connection, number, row) for row in rows]


def all_of(connection: apsw.Connection, kinds: Sequence[ArtifactKind]) -> list[tuple[Scope, Artifact]]:
    """Every memory's artifacts of these kinds that have bytes."""
    rows = list(connection.execute(Q["all_artifacts"], (json.dumps(list(kinds)),)))
    return [(scope_of(connection, row[-1]), _read(connection, row[-1], row[:-1])) for row in rows]


def note_use(connection: apsw.Connection, number: int, ids: Iterable[str], *, at: datetime) -> None:
    """Count a use of each."""
    connection.executemany(Q["note_use"], [(microseconds(at), number, id_) for id_ in ids])


def drop(connection: apsw.Connection, number: int, ids: Iterable[str]) -> list[str]:
    """Delete rows, and write down that their bytes are to go."""
    there = [id_ for id_ in dict.fromkeys(ids) if _one(connection, number, id_) is not None]
    for id_ in there:
        _delete(connection, number, id_)
    _doom(connection, number, there)
    return there


def erase(connection: apsw.Connection, number: int, sources: Collection[str] | None) -> None:
    """Delete those that were made of any of these sources, or all."""
    if not _any(connection, number):
        return
    if sources is None:
        drop(connection, number, [each.id for each in listed(connection, number)])
    else:
        drop(connection, number, _made_of(connection, number, sources))


def follow(connection: apsw.Connection, number: int, changes: Sequence[Change]) -> bool:
    """Make stale those whose facts changed; True where there were any, and a job then deletes their bytes."""
    why = makes_stale(changes)
    if not why or not _any(connection, number):
        return False
    gone, adapters = [], False
    for id_ in _made_of(connection, number, why):
        found = _one(connection, number, id_)
        if found is not None and found.status != "stale":
            reason = next(why[source] for source in found.sources if source in why)
            _put(connection, number, stale(found, reason))
            gone.append(id_)
            adapters |= found.kind == "adapter"
    if gone:
        _doom(connection, number, gone)
        connection.execute(Q["enqueue"], (SCRUB_QUEUE, number, microseconds(changes[-1].at)))
    if adapters:
        connection.execute(Q["enqueue"], (REFRESH_QUEUE, number, microseconds(changes[-1].at)))
    return bool(gone)


def doomed(connection: apsw.Connection) -> list[str]:
    """The names of bytes that wait to be deleted."""
    return [row[0] for row in connection.execute(Q["doomed"])]


def pardon(connection: apsw.Connection, names: Iterable[str]) -> None:
    """These wait no more."""
    connection.executemany(Q["pardon"], [(name,) for name in names])


def _any(connection: apsw.Connection, number: int) -> bool:
    return connection.execute(Q["any_artifact"], (number,)).fetchone() is not None


def _made_of(connection: apsw.Connection, number: int, sources: Collection[str]) -> list[str]:
    found = in_batches(connection, Q["artifacts_of_sources"], list(sources), before=(number,))
    return list(dict.fromkeys(row[0] for row in found))


def _doom(connection: apsw.Connection, number: int, ids: Iterable[str]) -> None:
    connection.executemany(Q["doom"], [(name_of(number, id_),) for id_ in ids])


def _delete(connection: apsw.Connection, number: int, id_: str) -> None:
    connection.execute(Q["delete_artifact"], (number, id_))
    connection.execute(Q["delete_artifact_sources"], (number, id_))


def _one(connection: apsw.Connection, number: int, id_: str) -> Artifact | None:
    row = connection.execute(Q["artifact"], (number, id_)).fetchone()
    return None if row is None else _read(connection, number, row)


def _put(connection: apsw.Connection, number: int, artifact: Artifact) -> None:
    body = {"recipe": artifact.recipe, "metrics": artifact.metrics, "reason": artifact.reason}
    connection.execute(
        Q["put_artifact"],
        (
            number,
            artifact.id,
            artifact.kind,
            artifact.series,
            artifact.status,
            artifact.model,
            artifact.tokens,
            artifact.size,
            artifact.digest,
            microseconds(artifact.made_at),
            None if artifact.used_at is None else microseconds(artifact.used_at),
            artifact.uses,
            json.dumps(body, ensure_ascii=False),
        ),
    )


def _read(connection: apsw.Connection, number: int, row: tuple[Any, ...]) -> Artifact:
    id_, kind, series, status, model, tokens, size, digest, made_at, used_at, uses, body = row
    more = json.loads(body)
    return Artifact(
        id=id_,
        kind=kind,
        series=series,
        status=status,
        model=model,
        sources=tuple(each[0] for each in connection.execute(Q["artifact_sources"], (number, id_))),
        recipe=more["recipe"],
        made_at=from_microseconds(made_at),
        tokens=tokens,
        size=size,
        digest=digest,
        metrics=more["metrics"],
        reason=more["reason"],
        used_at=None if used_at is None else from_microseconds(used_at),
        uses=uses,
    )
