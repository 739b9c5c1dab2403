"""What readers of files yield: portions to remember, what could not be read, what was passed over; what they share."""

from __future__ import annotations

import hashlib
import re
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime, timedelta
from typing import TypeAlias

from memstrata.types import Json, Message, MessageDict, NotRead

SCOPE_FIELDS = ("user_id", "agent_id", "app_id", "run_id")
PORTION = 200
"""Messages that are remembered at a time."""
PASSAGE = 2000
"""Characters of a passage that paragraphs are gathered into."""
_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
_SURROGATE = re.compile("[\ud800-\udfff]")


@dataclass(frozen=True, slots=True, kw_only=True)
class Portion:
    """Messages of one call to `add`, with the scope ids that the file itself names, and where they stand.

    `conversation`: names the conversation that they are of, None where they are of none. `known_by_id`: an id says
    all, so that a message whose id is known need not be looked at again.
    """

    messages: tuple[Message | MessageDict, ...]
    scope: Mapping[str, str] = field(default_factory=dict)
    place: str = ""
    conversation: str | None = None
    known_by_id: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class PassedOver:
    """What was left out on purpose, and how often."""

    reason: str
    count: int = 1


Read: TypeAlias = "Portion | NotRead | PassedOver"


class Unreadable(ValueError):
    """A conversation that cannot be read; the message says why."""


def portions(messages: Iterable[Message], *, product: str, conversation: str, place: str) -> Iterator[Portion]:
    """The messages of a conversation as portions; its run is named after product and conversation."""
    run_id = f"{product}:{conversation}"[:500]
    held: list[Message] = []
    for message in messages:
        held.append(message)
        if len(held) == PORTION:
            yield Portion(
                messages=tuple(held), scope={"run_id": run_id}, place=place, conversation=run_id, known_by_id=True
            )
            held = []
    if held:
        yield Portion(
            messages=tuple(held), scope={"run_id": run_id}, place=place, conversation=run_id, known_by_id=True
        )


def notes(messages: Iterable[Message], *, product: str, of: str, place: str) -> Iterator[Portion]:
    """What was written down beside the conversations, in a run of its own."""
    for each in portions(messages, product=product, conversation=of, place=place):
        yield replace(each, conversation=None)


def passages(text: str) -> list[str]:
    """A long text as passages: paragraphs, short ones together."""
    gathered: list[str] = []
    for paragraph in re.split(r"\n\s*\n", text):
        part = paragraph.strip()
        if not part:
            continue
        if gathered and len(gathered[-1]) + len(part) < PASSAGE:
            gathered[-1] += f"\n\n{part}"
        else:
            gathered.append(part)
    return gathered


def as_text(value: object) -> str:
    """A text that can be stored: half surrogates, which no text has, as replacement characters."""
    if not isinstance(value, str):
        return ""
    if undecoded := _UNDECODED.search(value):
        raise Unreadable(f"not UTF-8 near character {undecoded.start()} of a text")
    return value if value.isascii() else _SURROGATE.sub("\ufffd", value)


def as_object(value: object) -> Mapping[str, object]:
    """A JSON object, empty for anything else."""
    return value if isinstance(value, dict) else {}


def as_list(value: object) -> list[object]:
    """A JSON array, empty for anything else."""
    return value if isinstance(value, list) else []


def seconds(value: object) -> datetime | None:
    """A time in seconds since 1970."""
    if isinstance(value, bool) or not isinstance(value, int | float):
        return None
    try:
        return _EPOCH + timedelta(seconds=value)
    except (OverflowError, ValueError):
        return None


def moment(value: object) -> datetime | None:
    """A time in ISO 8601; without an offset it is UTC."""
    if not isinstance(value, str):
        return None
    try:
        time = datetime.fromisoformat(value.strip())
    except ValueError:
        return None
    return time if time.tzinfo else time.replace(tzinfo=UTC)


def short(value: object, *, limit: int = 300) -> str:
    """A title or a name, cut to what metadata should hold."""
    return " ".join(as_text(value).split())[:limit]


def named(**values: Json) -> dict[str, Json]:
    """Metadata of what is known."""
    return {key: value for key, value in values.items() if value not in (None, "", [], {})}


def name_of(*parts: str) -> str:
    """A short name that equal texts share, where the file gives none."""
    return hashlib.sha256("\0".join(parts).encode("utf-8", "replace")).hexdigest()[:24]


_UNDECODED = re.compile("[\udc80-\udcff]")
