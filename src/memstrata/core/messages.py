"""From what a user hands to `add` to episodes that a store can keep: checked, dated, digested.

Two messages are the same, and the second adds nothing, if they lie in the same scope and run and either bear the
same id, or (both without an id) have the same role, name, text and stated time and are the same repetition within
their call: "ok" said twice in one call is two episodes, and both are known when the call is made again.
"""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from typing import cast

from memstrata.core.clock import day_in_words, microseconds, offset_minutes, parse_time
from memstrata.core.features import episode_features
from memstrata.core.ids import digest
from memstrata.core.records import NewEpisode
from memstrata.errors import InvalidInput, MissingScope
from memstrata.types import ROLES, Json, Message, MessageDict, Role, Scope

MAX_TEXT = 10_000_000
"""Characters of one message; longer ones are refused: split them, or import them as documents."""
MAX_ID = 512
MAX_METADATA = 65_536
FIELDS = ("role", "content", "name", "timestamp", "metadata", "id")
CHAT_FIELDS = frozenset(
    ("tool_calls", "tool_call_id", "function_call", "refusal", "annotations", "audio", "reasoning_content")
)
"""What chat APIs put beside the words; accepted and not kept."""

Messages = str | Message | MessageDict | Sequence[Message | MessageDict | str]


@dataclass(frozen=True, slots=True, kw_only=True)
class Batch:
    """Episodes of one call, in order, how many messages held no text, and how many secrets were taken out."""

    episodes: tuple[NewEpisode, ...]
    skipped_empty: int
    secrets: int = 0


def checked_scope(user_id: object, agent_id: object, app_id: object, run_id: object) -> Scope:
    """The scope of a call. Raises MissingScope without any id, InvalidInput for an id that is not a text."""
    given = {"user_id": user_id, "agent_id": agent_id, "app_id": app_id, "run_id": run_id}
    ids = {field: checked_text(value, what=field, limit=MAX_ID) for field, value in given.items() if value is not None}
    if not ids:
        raise MissingScope("say whose memory: give user_id, agent_id, app_id or run_id")
    for field, value in ids.items():
        if not value.strip() or "\0" in value:
            raise InvalidInput(f"{field} must not be blank or hold a NUL character: {value!r}")
    return Scope(**ids)


def checked_text(value: object, *, what: str, limit: int) -> str:
    """A text that UTF-8 can hold, at most `limit` characters long."""
    if not isinstance(value, str):
        raise InvalidInput(f"{what} is a text, not {type(value).__name__}")
    if len(value) > limit:
        raise InvalidInput(f"{what} has {len(value):,} characters, at most {limit:,} are kept; split it")
    try:
        value.encode("utf-8")
    except UnicodeEncodeError as error:
        raise InvalidInput(
            f"{what} holds half of a surrogate pair at character {error.start}, which is not text;"
            " decode the source as UTF-8 or UTF-16 and try again"
        ) from None
    return value


def read_batch(
    raw: Messages,
    *,
    scope: Scope,
    timestamp: datetime | str | None,
    metadata: Mapping[str, Json] | None,
    now: datetime,
    make_id: Callable[[], str],
    clean: Callable[[str], tuple[str, int]] = lambda text: (text, 0),
) -> Batch:
    """Episodes of everything in `raw`; one wrong message refuses the whole call.

    `clean` takes secrets out of a text and counts them; what it takes out goes no further than here.
    """
    messages = read_messages(raw)
    base = None if timestamp is None else parse_time(timestamp, what="timestamp")
    shared = checked_metadata(metadata, what="metadata")
    repeats: Counter[bytes] = Counter()
    episodes, secrets = [], 0
    for message in messages:
        if message.content.strip():
            stated = message.timestamp or base
            text, removed = clean(message.content)
            own = replace(message, content=text, metadata={**shared, **message.metadata})
            episodes.append(_episode(own, scope, stated, stated or now, repeats, make_id))
            secrets += removed
    return Batch(episodes=tuple(episodes), skipped_empty=len(messages) - len(episodes), secrets=secrets)


def read_messages(raw: Messages) -> list[Message]:
    """Messages from a text, a message or a sequence of them. Raises InvalidInput naming the message."""
    if isinstance(raw, str | Message | Mapping):
        return [read_message(raw, what="the message")]
    if isinstance(raw, bytes | bytearray) or not isinstance(raw, Sequence):
        raise InvalidInput(f"messages are a text, a message or a list of them, not {type(raw).__name__}")
    return [read_message(each, what=f"message {place}") for place, each in enumerate(raw)]


def read_message(raw: object, *, what: str) -> Message:
    """One message from a text, a Message or a dictionary as chat APIs write it."""
    if isinstance(raw, str):
        raw = {"role": "user", "content": raw}
    if isinstance(raw, Message):
        raw = {field: getattr(raw, field) for field in FIELDS}
    if not isinstance(raw, Mapping):
        raise InvalidInput(f"{what} is a text, a Message or a dictionary, not {type(raw).__name__}")
    unknown = sorted(str(key) for key in set(raw) - set(FIELDS) - CHAT_FIELDS)
    if unknown:
        raise InvalidInput(f"{what} has unknown fields {unknown}; known: {', '.join(FIELDS)}")
    role = raw.get("role") or "user"
    if role not in ROLES:
        raise InvalidInput(f"{what} has role {role!r}; known: {', '.join(ROLES)}")
    time = raw.get("timestamp")
    return Message(
        content=checked_text(_content(raw.get("content"), what), what=f"{what}'s content", limit=MAX_TEXT),
        role=cast(Role, role),
        name=_optional(raw.get("name"), what=f"{what}'s name"),
        timestamp=None if time is None else parse_time(_time(time, what), what=f"{what}'s timestamp"),
        metadata=checked_metadata(raw.get("metadata"), what=f"{what}'s metadata"),
        id=_optional(raw.get("id"), what=f"{what}'s id"),
    )


def digest_by_id(scope: Scope, run_id: str | None, message_id: str) -> bytes:
    """What a message with an id of its own is known by."""
    return digest("id", *_where(scope, run_id), message_id)


def digest_of_words(
    scope: Scope, run_id: str | None, role: Role, name: str | None, text: str, stated: int | None
) -> bytes:
    """What all repetitions of a message without an id share; `stated`: its own time in microseconds."""
    time = None if stated is None else str(stated)
    return digest("content", *_where(scope, run_id), role, name, text, time)


def digest_of_repeat(words: bytes, repeat: int) -> bytes:
    """What one repetition of a message without an id is known by."""
    return digest(words.hex(), str(repeat))


def checked_metadata(raw: object, *, what: str) -> dict[str, Json]:
    """Metadata that JSON can hold."""
    if raw is None:
        return {}
    if not isinstance(raw, Mapping):
        raise InvalidInput(f"{what} is a dictionary, not {type(raw).__name__}")
    return {_key(key, what): _json(value, what=f"{what}[{key!r}]", depth=0) for key, value in raw.items()}


def _episode(
    message: Message,
    scope: Scope,
    stated: datetime | None,
    said: datetime,
    repeats: Counter[bytes],
    make_id: Callable[[], str],
) -> NewEpisode:
    if message.id is not None:
        key = digest_by_id(scope, scope.run_id, message.id)
    else:
        time = None if stated is None else microseconds(stated)
        content = digest_of_words(scope, scope.run_id, message.role, message.name, message.content, time)
        key = digest_of_repeat(content, repeats[content])
        repeats[content] += 1
    return NewEpisode(
        id=make_id(),
        digest=key,
        run_id=scope.run_id,
        role=message.role,
        name=message.name,
        text=message.content,
        timestamp=microseconds(said),
        offset=offset_minutes(said),
        metadata=message.metadata,
        message_id=message.id,
        features=episode_features(message.content, name=message.name, date=day_in_words(said)),
    )


def _where(scope: Scope, run_id: str | None) -> tuple[str | None, ...]:
    partition = scope.partition
    return (partition.user_id, partition.agent_id, partition.app_id, partition.run_id, run_id)


def _content(raw: object, what: str) -> str:
    """Text of a content, which chat APIs also write as a list of parts or leave out beside tool calls."""
    if raw is None:
        return ""
    if isinstance(raw, str):
        return raw
    if isinstance(raw, Sequence) and not isinstance(raw, bytes | bytearray):
        return "\n".join(_part(part, what) for part in raw)
    raise InvalidInput(f"{what}'s content is a text or a list of text parts, not {type(raw).__name__}")


def _part(part: object, what: str) -> str:
    if isinstance(part, Mapping) and isinstance(part.get("text"), str):
        return cast(str, part["text"])
    kind = part.get("type") if isinstance(part, Mapping) else type(part).__name__
    raise InvalidInput(f"{what}'s content has a part of type {kind!r}; only text can be remembered")


def _optional(value: object, *, what: str) -> str | None:
    return None if value is None else checked_text(value, what=what, limit=MAX_ID) or None


def _time(value: object, what: str) -> datetime | str:
    if isinstance(value, datetime | str):
        return value
    raise InvalidInput(f"{what}'s timestamp is a datetime or ISO 8601 text, not {type(value).__name__}")


def _key(key: object, what: str) -> str:
    return checked_text(key, what=f"a key of {what}", limit=MAX_ID)


def _json(value: object, *, what: str, depth: int) -> Json:
    if value is None or isinstance(value, bool):
        return value
    if isinstance(value, str):
        return checked_text(value, what=what, limit=MAX_METADATA)
    if isinstance(value, int | float):
        if isinstance(value, float) and not math.isfinite(value):
            raise InvalidInput(f"{what} is {value}, which JSON cannot hold")
        return value
    if depth > 8:
        raise InvalidInput(f"{what} nests too deep")
    if isinstance(value, Mapping):
        return {_key(key, what): _json(each, what=what, depth=depth + 1) for key, each in value.items()}
    if isinstance(value, Sequence) and not isinstance(value, bytes | bytearray):
        return [_json(each, what=what, depth=depth + 1) for each in value]
    raise InvalidInput(f"{what} is of type {type(value).__name__}, which JSON cannot hold")
