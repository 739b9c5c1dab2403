"""One fact in the file: its log as rows, and what is derived from it so that a read need not fold. On a connection."""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping, Sequence
from typing import cast

import apsw

from memstrata.core.clock import from_microseconds, microseconds
from memstrata.core.facts.codec import claim_from_json, claim_to_json, time_from_json, time_to_json
from memstrata.core.facts.log import fold_one
from memstrata.core.facts.names import folded
from memstrata.stores.fact_rules import episodes_behind
from memstrata.stores.sqlite.scopes import LAST_ROW, ROW_BITS, id_range
from memstrata.stores.sqlite.sql import Q
from memstrata.types import Change, ChangeKind, Fact, FactStatus, Json


def insert_changes(connection: apsw.Connection, number: int, changes: Iterable[Change]) -> None:
    """Append to the log."""
    connection.executemany(
        Q["insert_change"],
        [
            (
                number << ROW_BITS | change.number,
                change.id,
                change.fact_id,
                change.kind,
                change.cause,
                microseconds(change.at),
                change.actor,
                change.data.get("by"),
                _dumps(change.data),
            )
            for change in changes
        ],
    )


def log_of(connection: apsw.Connection, number: int, fact_id: str) -> list[Change]:
    """The changes of one fact, in order."""
    rows = connection.execute(f"{Q['changes']} AND c.scope = ? AND c.fact = ? ORDER BY c.id", (None, number, fact_id))
    return [change_of(row) for row in rows]


def rewrite_log(
    connection: apsw.Connection, number: int, fact_id: str, before: Sequence[Change], after: Sequence[Change]
) -> None:
    """Put what an erasure leaves of a fact's log in the place of the log as it was."""
    was = {change.number: change for change in before}
    left = {change.number: change for change in after}
    gone = [change.number for change in before if left.get(change.number) != change]
    connection.executemany(Q["delete_change"], [(number << ROW_BITS | each,) for each in gone])
    insert_changes(connection, number, [change for change in after if was.get(change.number) != change])
    put_fact(connection, number, fact_id, after)


def put_fact(connection: apsw.Connection, number: int, fact_id: str, log: Sequence[Change]) -> None:
    """Derive a fact's rows from its log; from an empty one, none."""
    before = connection.execute(Q["fact_number"], (number, fact_id)).fetchone()
    if before is not None:
        delete_facts(connection, before[0], before[0])
    if not log:
        return
    id_ = number << ROW_BITS | log[0].number
    fact = fold_one(log)
    if fact is None:
        connection.execute(Q["insert_fact"], (id_, fact_id, None, None, None, None))
    else:
        body = _dumps(_fact_to_json(fact))
        connection.execute(Q["insert_fact"], (id_, fact_id, fact.kind, fact.claim.slot, fact.status, body))
        names = sorted({folded(name) for name in (fact.subject, *fact.entities)})
        connection.executemany(Q["insert_fact_entity"], [(number, name, id_) for name in names])
    behind = episodes_behind(log)
    standing = behind if fact is None else {source.episode_id for source in fact.sources}
    connection.executemany(
        Q["insert_fact_source"], [(id_, each in standing, each, *id_range(number)) for each in sorted(behind)]
    )


def delete_facts(connection: apsw.Connection, first: int, last: int) -> None:
    """Remove what is derived of the facts with these numbers; their log stays."""
    for name in ("delete_fact_sources", "delete_fact_entities", "delete_fact"):
        connection.execute(Q[name], (first, last))


def change_of(row: Sequence[object]) -> Change:
    """A change from the columns of the query `changes`."""
    id_, number, fact_id, kind, cause, at, actor, data = row
    return Change(
        id=cast(str, id_),
        number=cast(int, number) & LAST_ROW,
        fact_id=cast(str, fact_id),
        kind=cast(ChangeKind, kind),
        cause=cast(str, cause),
        at=from_microseconds(cast(int, at)),
        actor=cast(str, actor),
        data=cast(Mapping[str, Json], json.loads(cast(str, data))),
    )


def fact_of(row: Sequence[object]) -> Fact:
    """A fact from the columns of the query `facts`."""
    id_, status, body = row
    data = cast(Mapping[str, Json], json.loads(cast(str, body)))
    recorded_at, said_at = time_from_json(data["recorded_at"]), time_from_json(data["said_at"])
    assert recorded_at is not None
    assert said_at is not None
    return Fact(
        id=cast(str, id_),
        claim=claim_from_json(cast(Mapping[str, Json], data["claim"])),
        status=cast(FactStatus, status),
        said_at=said_at,
        recorded_at=recorded_at,
        retired_at=time_from_json(data.get("retired_at")),
        superseded_by=cast("str | None", data.get("superseded_by")),
        disputed_with=tuple(cast(Sequence[str], data.get("disputed_with") or ())),
        confirmed=bool(data.get("confirmed", False)),
        pinned=bool(data.get("pinned", False)),
        muted=bool(data.get("muted", False)),
    )


def _fact_to_json(fact: Fact) -> dict[str, Json]:
    full: dict[str, Json] = {
        "claim": claim_to_json(fact.claim),
        "said_at": time_to_json(fact.said_at),
        "recorded_at": time_to_json(fact.recorded_at),
        "retired_at": time_to_json(fact.retired_at),
        "superseded_by": fact.superseded_by,
        "disputed_with": list(fact.disputed_with) or None,
        "confirmed": fact.confirmed or None,
        "pinned": fact.pinned or None,
        "muted": fact.muted or None,
    }
    return {key: value for key, value in full.items() if value is not None}


def _dumps(data: object) -> str:
    return json.dumps(data, ensure_ascii=False, separators=(",", ":"))
