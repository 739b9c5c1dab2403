"""A memory as one JSON document, an item a line: for programs and people to look at, and to be restored.

`facts` are what the `changes` fold to, for whoever reads the file; a restore folds the changes again.
"""

from __future__ import annotations

import json
from dataclasses import replace
from datetime import UTC, datetime
from typing import BinaryIO

from memstrata.core.facts.log import fold
from memstrata.core.records import KeptEpisode, KeptLog
from memstrata.errors import InvalidInput
from memstrata.exchange.contents import (
    Contents,
    Copy,
    Sessions,
    contents,
    head_from_json,
    head_to_json,
    read_to_json,
)
from memstrata.exchange.json_stream import Broken, elements
from memstrata.exchange.lines import change_to_json, episode_to_json
from memstrata.exchange.portions import as_object
from memstrata.types import Json, Scope
from memstrata.wire import to_json

FORMAT = "memstrata-export"
_ARRAYS = ("episodes", "changes", "facts")


def write_json(out: BinaryIO, copy: Copy, scope: Scope, *, at: datetime) -> KeptLog:
    """Write what `copy` hands over; returns the log."""
    sessions, count = Sessions(), 0
    head = _dumps(head_to_json(FORMAT, scope, at=at))
    out.write(head[:-1] + b',\n"episodes": [')

    def take(kept: KeptEpisode) -> None:
        nonlocal count
        line = episode_to_json(kept, scope, session=sessions.number(kept.episode.session))
        out.write((b",\n" if count else b"\n") + _dumps(line))
        count += 1

    log = copy(take)
    facts = fold(replace(each, at=each.at.astimezone(UTC)) for each in log.changes)  # the same whatever the store
    out.write(b'\n],\n"changes": [\n' + b",\n".join(_dumps(change_to_json(each)) for each in log.changes))
    out.write(b'\n],\n"facts": [\n' + b",\n".join(_dumps(to_json(each)) for each in facts.values()))
    tail: dict[str, Json] = {
        "read": read_to_json(log.read),
        "counts": {"episodes": count, "changes": len(log.changes)},
    }
    out.write(b"\n],\n" + _dumps(tail)[1:] + b"\n")
    return log


def is_json_export(start: bytes) -> bool:
    """The file, of which this is the beginning, is an export of ours."""
    return f'"format":"{FORMAT}"'.encode() in start[:200].replace(b" ", b"")


def read_json(stream: BinaryIO) -> Contents:
    """Everything that an export holds. Raises InvalidInput for one that is broken, cut short or too new."""
    head: dict[str, object] = {}
    arrays: dict[str, list[object]] = {name: [] for name in _ARRAYS}
    for each in elements(stream, keys=_ARRAYS):
        if isinstance(each, Broken):
            raise InvalidInput(f"the export is not whole: {each.reason}")
        if each.key in arrays:
            if each.key != "facts":
                arrays[each.key].append(each.value)
        elif each.key is not None:
            head[each.key] = each.value
    scope = head_from_json(head, FORMAT)
    return contents(
        scope, arrays["episodes"], arrays["changes"], head.get("read"), counts=as_object(head.get("counts"))
    )


def scope_of_json(stream: BinaryIO) -> Scope:
    """The scope that an export is of; leaves it at its beginning."""
    head: dict[str, object] = {}
    for each in elements(stream, keys=_ARRAYS):
        if isinstance(each, Broken) or each.number or each.key is None:
            break
        head[each.key] = each.value
    stream.seek(0)
    return head_from_json(head, FORMAT)


def _dumps(value: Json) -> bytes:
    return json.dumps(value, ensure_ascii=False, separators=(",", ":")).encode()
