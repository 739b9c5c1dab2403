"""An episode and a change as JSON, and back: every value checked, so that a file from anywhere may be read.

What a store derives is left out: features, vectors, digests. A message without an id of its own is known by its words;
for it stands whether its time was stated, and which repetition it was, so that the same message is known again.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import cast

from memstrata.core.clock import microseconds, parse_time
from memstrata.core.facts.codec import claim_from_json, claim_to_json, sources_from_json
from memstrata.core.messages import (
    MAX_ID,
    MAX_TEXT,
    checked_metadata,
    checked_text,
    digest_of_repeat,
    digest_of_words,
)
from memstrata.core.records import KeptEpisode
from memstrata.errors import InvalidInput
from memstrata.types import CHANGE_KINDS, FACT_KINDS, ROLES, TRUSTS, Change, ChangeKind, Episode, Json, Role, Scope

MOST_REPEATS = 1000
_PRECISIONS = ("minute", "hour", "day", "week", "month", "season", "year")
_CLAIMING = ("asserted", "supported")
_LARGEST = 1 << 31


@dataclass(frozen=True, slots=True, kw_only=True)
class Told:
    """An episode as a file tells of it. `stated`: its time was its own, None where nothing is known of that."""

    id: str
    run_id: str | None
    session: int
    role: Role
    name: str | None
    text: str
    timestamp: datetime
    recorded_at: datetime
    metadata: Mapping[str, Json]
    message_id: str | None
    stated: bool | None
    repeat: int
    redactions: int


def episode_to_json(kept: KeptEpisode, scope: Scope, *, session: int) -> dict[str, Json]:
    """An episode of a scope; what is None or empty is left out."""
    episode = kept.episode
    stated, repeat = (None, None) if kept.redactions else _knowable(kept, scope)
    full: dict[str, Json] = {
        "id": episode.id,
        "run_id": episode.run_id,
        "session": session,
        "role": episode.role,
        "name": episode.name,
        "text": episode.text,
        "timestamp": episode.timestamp.isoformat(),
        "recorded_at": episode.recorded_at.astimezone(UTC).isoformat(),
        "metadata": episode.metadata or None,
        "message_id": episode.message_id,
        "stated": stated,
        "repeat": repeat or None,
        "redactions": kept.redactions or None,
    }
    return {key: value for key, value in full.items() if value is not None}


def episode_from_json(value: object, *, what: str) -> Told:
    """The episode that `episode_to_json` wrote. Raises InvalidInput."""
    data = _object(value, what)
    role = _one_of(data, "role", ROLES, what)
    stated = data.get("stated")
    if stated is not None and not isinstance(stated, bool):
        raise InvalidInput(f"{what} has a stated that is neither true nor false")
    return Told(
        id=_text(data, "id", what),
        run_id=_optional(data, "run_id", what),
        session=_number(data, "session", what),
        role=cast(Role, role),
        name=_optional(data, "name", what),
        text=_text(data, "text", what, limit=MAX_TEXT),
        timestamp=_time(data, "timestamp", what),
        recorded_at=_our_time(data, "recorded_at", what),
        metadata=checked_metadata(data.get("metadata"), what=f"{what}'s metadata"),
        message_id=_optional(data, "message_id", what),
        stated=stated,
        repeat=_number(data, "repeat", what, default=0),
        redactions=_number(data, "redactions", what, default=0),
    )


def change_to_json(change: Change) -> dict[str, Json]:
    """A change; its number is its place among those of the file."""
    return {
        "id": change.id,
        "fact_id": change.fact_id,
        "kind": change.kind,
        "cause": change.cause,
        "at": change.at.astimezone(UTC).isoformat(),
        "actor": change.actor,
        "data": change.data,
    }


def change_from_json(value: object, *, number: int, what: str) -> Change:
    """The change that `change_to_json` wrote. Raises InvalidInput."""
    data = _object(value, what)
    kind = _one_of(data, "kind", CHANGE_KINDS, what)
    details = _object(data.get("data"), f"{what}'s data")
    _check_details(kind, details, what)
    return Change(
        id=_text(data, "id", what),
        number=number,
        fact_id=_text(data, "fact_id", what),
        kind=cast(ChangeKind, kind),
        cause=_text(data, "cause", what),
        at=_our_time(data, "at", what),
        actor=_text(data, "actor", what),
        data=cast(Mapping[str, Json], details),
    )


def episodes_behind(change: Change) -> set[str]:
    """Ids of the episodes that a change's claim rests on."""
    if change.kind not in _CLAIMING:
        return set()
    claim = cast(Mapping[str, Json], change.data["claim"])
    return {source.episode_id for source in sources_from_json(claim["sources"])}


def _knowable(kept: KeptEpisode, scope: Scope) -> tuple[bool | None, int | None]:
    """How the words of a message without an id make its digest, where they do."""
    episode = kept.episode
    if episode.message_id is not None:
        return None, None
    for stated in (True, False):
        words = _words(episode, scope, stated=stated)
        for repeat in range(MOST_REPEATS):
            if digest_of_repeat(words, repeat) == kept.digest:
                return stated, repeat
    return None, None


def _words(episode: Episode, scope: Scope, *, stated: bool) -> bytes:
    time = microseconds(episode.timestamp) if stated else None
    return digest_of_words(scope, episode.run_id, episode.role, episode.name, episode.text, time)


def _check_details(kind: str, details: Mapping[str, object], what: str) -> None:
    try:
        json.dumps(details, ensure_ascii=False, allow_nan=False).encode()
    except (ValueError, RecursionError):
        raise InvalidInput(f"{what} holds data that is no text, no number, or nested too deep") from None
    by = details.get("by")
    if by is not None and not isinstance(by, str):
        raise InvalidInput(f"{what} names by whom with something that is no id")
    if kind in _CLAIMING:
        _check_claim(_object(details.get("claim"), f"{what}'s claim"), what)
        if kind == "asserted":
            _time(details, "said_at", what)
    elif kind == "closed":
        _time(details, "valid_to", what)
    elif kind == "disputed" and by is None:
        raise InvalidInput(f"{what} does not say with what it is disputed")
    elif kind == "undone":
        undone = details.get("changes")
        if not isinstance(undone, list) or not all(isinstance(each, str) for each in undone):
            raise InvalidInput(f"{what} does not say which changes it undoes")


def _check_claim(claim: Mapping[str, object], what: str) -> None:
    """Raise InvalidInput where a claim is none."""
    _text(claim, "text", what, limit=MAX_TEXT)
    for name, known in (("kind", FACT_KINDS), ("trust", TRUSTS)):
        _one_of(claim, name, known, what)
    if claim.get("precision") is not None:
        _one_of(claim, "precision", _PRECISIONS, what)
    for name in ("valid_from", "valid_to", "event_from", "event_to"):
        if claim.get(name) is not None:
            _time(claim, name, what)
    for name in ("subject", "speaker", "slot", "value"):
        if claim.get(name) is not None or name in ("subject", "speaker"):
            checked_text(claim.get(name), what=f"{what}'s {name}", limit=MAX_TEXT)
    for name in ("entities", "cues"):
        for each in _list(claim.get(name) or [], what):
            checked_text(each, what=f"{what}'s {name}", limit=MAX_TEXT)
    confidence = claim.get("confidence")
    if isinstance(confidence, bool) or not isinstance(confidence, int | float) or not 0 <= confidence <= 1:
        raise InvalidInput(f"{what} has a confidence that is not between 0 and 1")
    _check_sources(_list(claim.get("sources"), what), what)
    claim_to_json(claim_from_json(cast(Mapping[str, Json], claim)))


def _check_sources(sources: list[object], what: str) -> None:
    """Raise InvalidInput where words that a claim rests on are not named."""
    if not sources:
        raise InvalidInput(f"{what} rests on no words")
    for each in sources:
        place = _list(each, what)
        if len(place) != 3 or not isinstance(place[0], str) or not _in_order(place[1], place[2]):
            raise InvalidInput(f"{what} has a source that is no episode with a start and an end")


def _in_order(start: object, end: object) -> bool:
    return type(start) is int and type(end) is int and 0 <= start <= end < _LARGEST


def _object(value: object, what: str) -> Mapping[str, object]:
    if not isinstance(value, dict):
        raise InvalidInput(f"{what} is no object")
    return value


def _list(value: object, what: str) -> list[object]:
    if not isinstance(value, list):
        raise InvalidInput(f"{what} holds something else than a list")
    return value


def _text(data: Mapping[str, object], name: str, what: str, *, limit: int = MAX_ID) -> str:
    text = checked_text(data.get(name), what=f"{what}'s {name}", limit=limit)
    if not text or (limit == MAX_ID and "\0" in text):
        raise InvalidInput(f"{what} has no {name}")
    return text


def _optional(data: Mapping[str, object], name: str, what: str) -> str | None:
    return None if data.get(name) is None else _text(data, name, what)


def _one_of(data: Mapping[str, object], name: str, known: tuple[str, ...], what: str) -> str:
    value = data.get(name)
    if not isinstance(value, str) or value not in known:
        raise InvalidInput(f"{what} has {name} {str(value)[:40]!r}; known: {', '.join(known)}")
    return value


def _number(data: Mapping[str, object], name: str, what: str, *, default: int | None = None) -> int:
    value = data.get(name, default)
    if type(value) is not int or not 0 <= value < _LARGEST:
        raise InvalidInput(f"{what} has a {name} that is no number from 0 on")
    return value


def _time(data: Mapping[str, object], name: str, what: str) -> datetime:
    value = data.get(name)
    if not isinstance(value, str):
        raise InvalidInput(f"{what} has no time in {name}")
    return parse_time(value, what=f"{what}'s {name}")


def _our_time(data: Mapping[str, object], name: str, what: str) -> datetime:
    """A time of our own clock, which is kept in UTC."""
    try:
        return _time(data, name, what).astimezone(UTC)
    except OverflowError:
        raise InvalidInput(f"{what} has a time in {name} that lies outside the calendar") from None
