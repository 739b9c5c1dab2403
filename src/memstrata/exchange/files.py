"""Files of one's own: JSONL, LoCoMo-style JSON, plain text and Markdown.

Each reader yields `Portion`s, which are remembered one at a time, and `NotRead`s: what could not be read, and where.
A broken part never costs the rest.
"""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Iterator, Mapping
from datetime import UTC, datetime
from pathlib import PurePosixPath
from typing import BinaryIO, Literal, cast

from memstrata.exchange.portions import PORTION, SCOPE_FIELDS, Portion
from memstrata.types import Json, Message, MessageDict, NotRead

FileFormat = Literal["jsonl", "locomo", "text", "markdown"]
_SUFFIXES: dict[str, FileFormat] = {
    ".jsonl": "jsonl", ".ndjson": "jsonl", ".json": "locomo", ".md": "markdown", ".markdown": "markdown",
    ".txt": "text", ".text": "text",
}  # fmt: skip
MOST_WHOLE = 1 << 28
"""Bytes of a text or a LoCoMo file, which is read whole."""
MOST_OF_A_LINE = 1 << 26
TOO_LONG = f"has more than {MOST_OF_A_LINE:,} bytes"
_HEADING = re.compile(r"(#{1,6})\s+(.*?)\s*#*\s*$")
_SESSION = re.compile(r"session_(\d+)$")


def format_of(name: str) -> FileFormat | None:
    """The format that a file's name promises."""
    return _SUFFIXES.get(PurePosixPath(name).suffix.lower())


def read_file(stream: BinaryIO, name: str, kind: FileFormat) -> Iterator[Portion | NotRead]:
    """Everything in a file."""
    if kind == "jsonl":
        yield from read_jsonl(stream)
        return
    readers: dict[str, Callable[[bytes, str], Iterator[Portion | NotRead]]] = {
        "locomo": read_locomo,
        "text": read_text,
        "markdown": read_markdown,
    }
    data = stream.read(MOST_WHOLE + 1)
    if len(data) > MOST_WHOLE:
        yield NotRead(place=name, reason=f"has more than {MOST_WHOLE:,} bytes; split it")
    else:
        yield from readers[kind](data, name)


def lines_of(stream: BinaryIO) -> Iterator[bytes | None]:
    """Lines of a file; None for one that is too long to be read."""
    while line := stream.readline(MOST_OF_A_LINE + 1):
        if len(line) <= MOST_OF_A_LINE:
            yield line
            continue
        while line and not line.endswith(b"\n"):
            line = stream.readline(MOST_OF_A_LINE)
        yield None


def read_jsonl(stream: BinaryIO) -> Iterator[Portion | NotRead]:
    """One message, or one session `{"messages": [...]}`, a line; scope ids may stand beside either."""
    for number, line in enumerate(lines_of(stream), start=1):
        place = f"line {number}"
        if line is None:
            yield NotRead(place=place, reason=TOO_LONG)
            continue
        if not line.strip():
            continue
        try:
            value = json.loads(line.decode("utf-8-sig" if number == 1 else "utf-8"))
        except UnicodeDecodeError as error:
            yield NotRead(place=place, reason=f"not UTF-8 at byte {error.start}")
            continue
        except (json.JSONDecodeError, RecursionError) as error:
            yield NotRead(place=place, reason=f"not JSON: {error}")
            continue
        yield _jsonl_entry(value, place)


def read_locomo(data: bytes, name: str) -> Iterator[Portion | NotRead]:
    """Conversations with `session_N` and `session_N_date_time`; each is a user's memory, each session a run."""
    try:
        samples = json.loads(data)
    except (UnicodeDecodeError, json.JSONDecodeError, RecursionError) as error:
        yield NotRead(place=name, reason=f"not JSON: {error}")
        return
    samples = samples if isinstance(samples, list) else [samples]
    for place, sample in enumerate(samples, start=1):
        where = f"conversation {place}"
        conversation = sample.get("conversation", sample) if isinstance(sample, dict) else None
        if not isinstance(conversation, dict):
            yield NotRead(place=where, reason="not an object with sessions")
            continue
        user = str(sample.get("sample_id") or where)
        sessions = sorted((int(match[1]), key) for key in conversation if (match := _SESSION.match(key)))
        if not sessions:
            yield NotRead(place=where, reason="has no session_1")
        for number, key in sessions:
            yield _locomo_session(conversation, key, user, f"{user} session {number}")


def read_text(data: bytes, name: str) -> Iterator[Portion | NotRead]:
    """Paragraphs, separated by blank lines."""
    text, problems = _decode(data, name)
    yield from problems
    paragraphs = (part.strip() for part in re.split(r"\n\s*\n", text))
    yield from _passages(((part, "") for part in paragraphs), name)


def read_markdown(data: bytes, name: str) -> Iterator[Portion | NotRead]:
    """Paragraphs under their headings; fenced code stays whole."""
    text, problems = _decode(data, name)
    yield from problems
    yield from _passages(_sections(text), name)


def _jsonl_entry(value: object, place: str) -> Portion | NotRead:
    if not isinstance(value, dict):
        return NotRead(place=place, reason=f"not an object but {type(value).__name__}")
    scope = {key: value[key] for key in SCOPE_FIELDS if isinstance(value.get(key), str)}
    if "messages" in value:
        messages = value["messages"]
        if not isinstance(messages, list) or not all(isinstance(each, dict) for each in messages):
            return NotRead(place=place, reason='"messages" is not a list of objects')
    elif "content" in value:
        messages = [{key: each for key, each in value.items() if key not in SCOPE_FIELDS}]
    else:
        return NotRead(place=place, reason='holds neither "content" nor "messages"')
    return Portion(messages=tuple(cast(list[MessageDict], messages)), scope=scope, place=place)


def _locomo_session(conversation: Mapping[str, object], key: str, user: str, place: str) -> Portion | NotRead:
    try:
        when = _locomo_time(str(conversation[f"{key}_date_time"]))
    except (KeyError, ValueError):
        return NotRead(place=place, reason=f'has no readable {key}_date_time such as "1:56 pm on 8 May, 2023"')
    turns = conversation[key]
    if not isinstance(turns, list):
        return NotRead(place=place, reason="is not a list of turns")
    messages: list[Message | MessageDict] = []
    for number, turn in enumerate(turns, start=1):
        if not isinstance(turn, dict) or not isinstance(turn.get("text"), str):
            return NotRead(place=f"{place} turn {number}", reason='has no "text"')
        caption = turn.get("blip_caption")
        messages.append(
            Message(
                content=f"{turn['text']} [shares an image: {caption}]" if caption else turn["text"],
                name=turn.get("speaker"),
                timestamp=when,
                id=turn.get("dia_id"),
            )
        )
    return Portion(messages=tuple(messages), scope={"user_id": user, "run_id": key}, place=place)


def _locomo_time(text: str) -> datetime:
    """A time such as 1:56 pm on 8 May, 2023, which names no zone and is read as UTC."""
    return datetime.strptime(text.strip(), "%I:%M %p on %d %B, %Y").replace(tzinfo=UTC)


def _decode(data: bytes, name: str) -> tuple[str, list[NotRead]]:
    try:
        return data.decode("utf-8-sig"), []
    except UnicodeDecodeError as error:
        line = data[: error.start].count(b"\n") + 1
        lines, problems = [], []
        for number, each in enumerate(data.splitlines(), start=1):
            try:
                lines.append(each.decode("utf-8"))
            except UnicodeDecodeError:
                problems.append(NotRead(place=f"line {number}", reason="not UTF-8"))
        return "\n".join(lines), problems or [NotRead(place=f"line {line}", reason="not UTF-8")]


def _sections(text: str) -> Iterator[tuple[str, str]]:
    """(paragraph, path of headings)."""
    path: list[str] = []
    paragraph: list[str] = []
    fenced = False

    def flush() -> Iterator[tuple[str, str]]:
        joined = "\n".join(paragraph).strip()
        paragraph.clear()
        if joined:
            yield joined, " > ".join(filter(None, path))

    for line in text.splitlines():
        if line.lstrip().startswith(("```", "~~~")):
            fenced = not fenced
        heading = None if fenced else _HEADING.match(line)
        if heading:
            yield from flush()
            depth = len(heading[1])
            path[:] = [*path[: depth - 1], *[""] * (depth - 1 - len(path)), heading[2]]
        elif not line.strip() and not fenced:
            yield from flush()
        else:
            paragraph.append(line)
    yield from flush()


def _passages(passages: Iterator[tuple[str, str]], name: str) -> Iterator[Portion]:
    messages: list[Message | MessageDict] = []
    for text, heading in passages:
        metadata: dict[str, Json] = {"file": name, **({"heading": heading} if heading else {})}
        if text:
            messages.append(Message(content=text, role="document", metadata=metadata))
        if len(messages) == PORTION:
            yield Portion(messages=tuple(messages), scope={"run_id": name}, place=name)
            messages = []
    if messages:
        yield Portion(messages=tuple(messages), scope={"run_id": name}, place=name)
