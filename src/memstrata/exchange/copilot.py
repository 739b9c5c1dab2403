"""Microsoft Copilot's activity as the privacy dashboard exports it: a CSV of Conversation, Time, Author, Message.

It names no messages and no conversations but by their titles; the rows of one title that follow each other are one.
"""

from __future__ import annotations

import codecs
import csv
import itertools
from collections.abc import Iterator, Mapping
from datetime import datetime
from typing import BinaryIO

from memstrata.exchange.portions import (
    PassedOver,
    Read,
    Unreadable,
    as_text,
    moment,
    named,
    portions,
    short,
)
from memstrata.types import Message, NotRead, Role

PRODUCT = "copilot"
COLUMNS = ("conversation", "time", "author", "message")
_ROLES: Mapping[str, Role] = {
    "human": "user", "user": "user", "you": "user", "ai": "assistant", "copilot": "assistant", "bot": "assistant",
    "assistant": "assistant",
}  # fmt: skip
_MOST_OF_A_FIELD = 1 << 24


def columns_of(line: str) -> list[str]:
    """The columns that a header line names."""
    try:
        row = next(csv.reader([line]), [])
    except csv.Error:
        return []
    return [each.strip().lower() for each in row]


def read_csv(stream: BinaryIO, name: str) -> Iterator[Read]:
    """Every conversation of the file."""
    start = stream.read(4)
    encoding = "utf-16" if start.startswith((codecs.BOM_UTF16_LE, codecs.BOM_UTF16_BE)) else "utf-8"
    rows = _rows(_lines(start, stream, encoding), name)
    for title, group in itertools.groupby(rows, key=lambda row: row[1].get("conversation", "")):
        yield from _conversation(title, list(group))


def _conversation(title: str, rows: list[tuple[str, Mapping[str, str]]]) -> Iterator[Read]:
    dated: list[tuple[datetime, Message]] = []
    for place, row in rows:
        if "problem" in row:
            yield NotRead(place=place, reason=row["problem"])
            continue
        try:
            found = _message(row, title)
        except Unreadable as error:
            yield NotRead(place=place, reason=str(error))
            continue
        if isinstance(found, PassedOver):
            yield found
        else:
            dated.append(found)
    dated.sort(key=lambda each: each[0])  # the file may be newest first
    yield from portions(
        (message for _, message in dated), product=PRODUCT, conversation=short(title) or "untitled", place=rows[0][0]
    )


def _message(row: Mapping[str, str], title: str) -> tuple[datetime, Message] | PassedOver:
    role = _ROLES.get(row.get("author", "").strip().lower())
    when, text = moment(row.get("time")), as_text(row.get("message"))
    if when is None:
        raise Unreadable("has no readable time")
    if role is None:
        return PassedOver(reason=f"of author {short(row.get('author'), limit=20)!r}")
    if not text.strip():
        return PassedOver(reason="without words")
    metadata = named(product=PRODUCT, title=short(title))
    return when, Message(content=text, role=role, timestamp=when, metadata=metadata)


def _rows(lines: Iterator[str], name: str) -> Iterator[tuple[str, Mapping[str, str]]]:
    csv.field_size_limit(_MOST_OF_A_FIELD)
    reader = csv.reader(lines)
    columns: list[str] = []
    while True:
        place = f"{name} line {reader.line_num + 1}"
        try:
            row = next(reader)
        except StopIteration:
            return
        except csv.Error as error:
            yield place, {"problem": f"not CSV: {error}"}
            continue
        if not columns:
            columns = [each.strip().lower() for each in row]
        elif len(row) != len(columns):
            yield place, {"problem": f"has {len(row)} fields, not {len(columns)}"}
        else:
            yield place, dict(zip(columns, row, strict=True))


def _lines(start: bytes, stream: BinaryIO, encoding: str) -> Iterator[str]:
    """Lines with their ends, which quoted fields keep."""
    decoder = codecs.getincrementaldecoder(encoding)("surrogateescape" if encoding == "utf-8" else "replace")
    held = decoder.decode(start).removeprefix("\ufeff")
    while data := stream.read(1 << 16):
        *whole, held = (held + decoder.decode(data)).split("\n")
        yield from (f"{line}\n" for line in whole)
    if held := held + decoder.decode(b"", final=True):
        yield held
