"""Reading files to be remembered: JSONL, LoCoMo-style JSON, plain text and Markdown.

Each reader yields `Portion`s, which are remembered one at a time, and `Problem`s: what could not be read, and where.
A broken part never costs the rest.
"""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path
from typing import Literal, cast, get_args

from memstrata.errors import InvalidInput
from memstrata.types import Json, Message, MessageDict

Format = Literal["jsonl", "locomo", "text", "markdown"]
FORMATS: tuple[str, ...] = get_args(Format)
SCOPE_FIELDS = ("user_id", "agent_id", "app_id", "run_id")
PORTION = 200
"""Passages of a document that are remembered at a time."""
_SUFFIXES: dict[str, Format] = {
    ".jsonl": "jsonl", ".ndjson": "jsonl", ".json": "locomo", ".md": "markdown", ".markdown": "markdown",
    ".txt": "text", ".text": "text",
}  # fmt: skip
_HEADING = re.compile(r"(#{1,6})\s+(.*?)\s*#*\s*$")
_SESSION = re.compile(r"session_(\d+)$")


@dataclass(frozen=True, slots=True, kw_only=True)
class Portion:
    """Messages of one call to `add`, with the scope ids that the file itself names, and where they stand."""

    messages: tuple[Message | MessageDict, ...]
    scope: Mapping[str, str] = field(default_factory=dict)
    place: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class Problem:
    """What could not be read."""

    place: str
    reason: str


def format_of(path: Path) -> Format:
    """The format that a file's name promises. Raises InvalidInput for a suffix that promises none."""
    found = _SUFFIXES.get(path.suffix.lower())
    if found is None:
        raise InvalidInput(f"cannot tell the format of {path.name!r}; say --format {'|'.join(FORMATS)}")
    return found


def read_file(path: Path, kind: Format) -> Iterator[Portion | Problem]:
    """Everything in a file. Raises InvalidInput where it cannot be read at all."""
    try:
        data = path.read_bytes()
    except OSError as error:
        raise InvalidInput(f"cannot read {str(path)!r}: {error.strerror}") from None
    readers: dict[str, Callable[[bytes, str], Iterator[Portion | Problem]]] = {
        "jsonl": read_jsonl,
        "locomo": read_locomo,
        "text": read_text,
        "markdown": read_markdown,
    }
    yield from readers[kind](data, path.name)


def read_jsonl(data: bytes, name: str) -> Iterator[Portion | Problem]:
    """One message, or one session `{"messages": [...]}`, a line; scope ids may stand beside either."""
    for number, line in enumerate(data.splitlines(), start=1):
        place = f"line {number}"
        if not line.strip():
            continue
        try:
            value = json.loads(line.decode("utf-8-sig" if number == 1 else "utf-8"))
        except UnicodeDecodeError as error:
            yield Problem(place=place, reason=f"not UTF-8 at byte {error.start}")
            continue
        except (json.JSONDecodeError, RecursionError) as error:
            yield Problem(place=place, reason=f"not JSON: {error}")
            continue
        yield _jsonl_entry(value, place)


def read_locomo(data: bytes, name: str) -> Iterator[Portion | Problem]:
    """Conversations with `session_N` and `session_N_date_time`; each is a user's memory, each session a run."""
    try:
        samples = json.loads(data)
    except (UnicodeDecodeError, json.JSONDecodeError, RecursionError) as error:
        yield Problem(place=name, reason=f"not JSON: {error}")
        return
    samples = samples if isinstance(samples, list) else [samples]
    for place, sample in enumerate(samples, start=1):
        where = f"conversation {place}"
        conversation = sample.get("conversation", sample) if isinstance(sample, dict) else None
        if not isinstance(conversation, dict):
            yield Problem(place=where, reason="not an object with sessions")
            continue
        user = str(sample.get("sample_id") or where)
        sessions = sorted((int(match[1]), key) for key in conversation if (match := _SESSION.match(key)))
        if not sessions:
            yield Problem(place=where, reason="has no session_1")
        for number, key in sessions:
            yield _locomo_session(conversation, key, user, f"{user} session {number}")


def read_text(data: bytes, name: str) -> Iterator[Portion | Problem]:
    """Paragraphs, separated by blank lines."""
    text, problems = _decode(data, name)
    yield from problems
    paragraphs = (part.strip() for part in re.split(r"\n\s*\n", text))
    yield from _passages(((part, "") for part in paragraphs), name)


def read_markdown(data: bytes, name: str) -> Iterator[Portion | Problem]:
    """Paragraphs under their headings; fenced code stays whole."""
    text, problems = _decode(data, name)
    yield from problems
    yield from _passages(_sections(text), name)


def _jsonl_entry(value: object, place: str) -> Portion | Problem:
    if not isinstance(value, dict):
        return Problem(place=place, reason=f"not an object but {type(value).__name__}")
    scope = {key: value[key] for key in SCOPE_FIELDS if isinstance(value.get(key), str)}
    if "messages" in value:
        messages = value["messages"]
        if not isinstance(messages, list) or not all(isinstance(each, dict) for each in messages):
            return Problem(place=place, reason='"messages" is not a list of objects')
    elif "content" in value:
        messages = [{key: each for key, each in value.items() if key not in SCOPE_FIELDS}]
    else:
        return Problem(place=place, reason='holds neither "content" nor "messages"')
    return Portion(messages=tuple(cast(list[MessageDict], messages)), scope=scope, place=place)


def _locomo_session(conversation: Mapping[str, object], key: str, user: str, place: str) -> Portion | Problem:
    try:
        when = _locomo_time(str(conversation[f"{key}_date_time"]))
    except (KeyError, ValueError):
        return Problem(place=place, reason=f'has no readable {key}_date_time such as "1:56 pm on 8 May, 2023"')
    turns = conversation[key]
    if not isinstance(turns, list):
        return Problem(place=place, reason="is not a list of turns")
    messages: list[Message | MessageDict] = []
    for number, turn in enumerate(turns, start=1):
        if not isinstance(turn, dict) or not isinstance(turn.get("text"), str):
            return Problem(place=f"{place} turn {number}", reason='has no "text"')
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


def _decode(data: bytes, name: str) -> tuple[str, list[Problem]]:
    try:
        return data.decode("utf-8-sig"), []
    except UnicodeDecodeError as error:
        line = data[: error.start].count(b"\n") + 1
        lines, problems = [], []
        for number, each in enumerate(data.splitlines(), start=1):
            try:
                lines.append(each.decode("utf-8"))
            except UnicodeDecodeError:
                problems.append(Problem(place=f"line {number}", reason="not UTF-8"))
        return "\n".join(lines), problems or [Problem(place=f"line {line}", reason="not UTF-8")]


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
