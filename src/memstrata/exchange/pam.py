"""Facts in the Portable AI Memory format, version 1.0 (portable-ai-memory.org), for programs that know no other.

PAM has one clock more than one status too few: what it cannot say stands in `metadata` under `memstrata`. What waits
in quarantine goes as archived, so that nobody takes outside words for the user's.
"""

from __future__ import annotations

import hashlib
import json
import re
import unicodedata
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime
from importlib.metadata import version
from typing import BinaryIO

from memstrata.core.facts.log import fold
from memstrata.core.records import KeptEpisode, KeptLog
from memstrata.exchange.contents import Copy
from memstrata.types import Fact, FactKind, FactStatus, Json, Scope

PLATFORM = "memstrata"
_TYPES: Mapping[FactKind, str] = {
    "identity": "identity", "relationship": "relationship", "preference": "preference", "plan": "goal",
    "event": "context", "commitment": "context", "instruction": "instruction",
}  # fmt: skip
_STATUSES: Mapping[FactStatus, str] = {
    "active": "active", "disputed": "active", "superseded": "superseded", "retired": "retracted",
    "rejected": "retracted", "quarantined": "archived",
}  # fmt: skip


@dataclass(slots=True)
class _Conversation:
    episodes: int
    first: datetime
    last: datetime
    title: str | None
    facts: list[Json] = field(default_factory=list)


def write_pam(out: BinaryIO, copy: Copy, scope: Scope, *, at: datetime) -> KeptLog:
    """Write the facts, whatever their status, with their relations and an index of conversations."""
    conversations: dict[str, _Conversation] = {}
    runs: dict[str, str | None] = {}

    def take(kept: KeptEpisode) -> None:
        episode = kept.episode
        runs[episode.id] = episode.run_id
        if episode.run_id is not None:
            title = episode.metadata.get("title")
            found = conversations.setdefault(
                episode.run_id,
                _Conversation(0, episode.timestamp, episode.timestamp, title if isinstance(title, str) else None),
            )
            found.episodes += 1
            found.first, found.last = min(found.first, episode.timestamp), max(found.last, episode.timestamp)

    log = copy(take)
    facts = fold(log.changes)
    begun = {each.fact_id: each.actor for each in log.changes if each.kind == "asserted"}
    memories: list[Json] = []
    for fact in facts.values():
        run_id = next((run for each in fact.sources if (run := runs.get(each.episode_id)) is not None), None)
        if run_id is not None:
            conversations[run_id].facts.append(fact.id)
        memories.append(_memory(fact, facts, run_id=run_id, actor=begun[fact.id]))
    document: dict[str, Json] = {
        "schema": "portable-ai-memory",
        "schema_version": "1.0",
        "exported_by": f"{PLATFORM}/{version(PLATFORM)}",
        "export_date": _time(at),
        "owner": {"id": ", ".join(filter(None, (scope.user_id, scope.agent_id, scope.app_id, scope.run_id)))},
        "memories": memories,
        "relations": [relation for fact in facts.values() for relation in _relations(fact, facts)],
        "conversations_index": [_conversation(id_, each) for id_, each in conversations.items()],
        "integrity": {
            "canonicalization": "RFC8785",
            "checksum": checksum(memories),
            "total_memories": len(memories),
        },
    }
    out.write(json.dumps(document, ensure_ascii=False, indent=1).encode() + b"\n")
    return log


def content_hash(text: str) -> str:
    """The hash by which PAM knows equal contents."""
    plain = re.sub(r"\s+", " ", unicodedata.normalize("NFC", text.strip().lower()))
    return f"sha256:{hashlib.sha256(plain.encode()).hexdigest()}"


def checksum(memories: list[Json]) -> str:
    """SHA-256 of the memories, sorted by id, as RFC 8785 writes them.

    With ASCII keys, integers, and numbers from 0.001 to 1 that is what `json.dumps` writes with sorted keys.
    """
    ordered = sorted(memories, key=lambda each: str(each["id"]) if isinstance(each, Mapping) else "")
    plain = json.dumps(ordered, ensure_ascii=False, sort_keys=True, separators=(",", ":"))
    return f"sha256:{hashlib.sha256(plain.encode()).hexdigest()}"


def _memory(fact: Fact, facts: Mapping[str, Fact], *, run_id: str | None, actor: str) -> Json:
    status = _STATUSES[fact.status]
    successor = fact.superseded_by if fact.superseded_by in facts else None
    if status == "superseded" and successor is None:
        status = "archived"
    until = fact.valid_to
    if until is not None and fact.valid_from is not None and until < fact.valid_from:
        until = fact.valid_from
    confidence = _confidence(fact.confidence)
    memory: dict[str, Json] = {
        "id": fact.id,
        "type": _TYPES.get(fact.kind, "fact"),
        "status": status,
        "content": fact.text,
        "content_hash": content_hash(fact.text),
        "tags": [fact.kind],
        "confidence": {"initial": confidence, "current": confidence, "decay_model": "none"},
        "temporal": {
            "created_at": _time(fact.recorded_at),
            "valid_from": _time(fact.valid_from),
            "valid_until": _time(until),
            "superseded_by": successor if status == "superseded" else None,
        },
        "provenance": {
            "platform": PLATFORM,
            "conversation_ref": run_id,
            "message_ref": fact.sources[0].episode_id,
            "extraction_method": "explicit_user_input" if actor == "user" else None,
        },
        "metadata": {
            "memstrata": {
                "status": fact.status,
                "subject": fact.subject,
                "speaker": fact.speaker,
                "trust": fact.trust,
                "extractor": actor,
                "said_at": _time(fact.said_at),
                "sources": [[each.episode_id, each.start, each.end] for each in fact.sources],
                "confirmed": fact.confirmed,
                "pinned": fact.pinned,
                "muted": fact.muted,
            }
        },
    }
    return _known(memory)


def _known(value: Json) -> Json:
    """A value without the members of objects that are null: programs that drop those must find the same checksum."""
    if isinstance(value, Mapping):
        return {key: _known(each) for key, each in value.items() if each is not None}
    return [_known(each) for each in value] if isinstance(value, list) else value


def _relations(fact: Fact, facts: Mapping[str, Fact]) -> list[Json]:
    """What the fact closed, seen from the later one, and what it stands against."""
    found = [("contradicts", fact.id, other) for other in fact.disputed_with]
    if fact.superseded_by is not None:
        found.append(("supersedes", fact.superseded_by, fact.id))
    return [
        {"id": f"{kind}/{one}/{other}", "from": one, "to": other, "type": kind, "created_at": _time(fact.recorded_at)}
        for kind, one, other in found
        if one in facts and other in facts
    ]


def _conversation(id_: str, found: _Conversation) -> Json:
    entry: Json = {
        "id": id_,
        "platform": PLATFORM,
        "title": found.title,
        "message_count": found.episodes,
        "temporal": {"created_at": _time(found.first), "updated_at": _time(found.last)},
        "derived_memories": found.facts,
    }
    return _known(entry)


def _confidence(value: float) -> int | float:
    """A number that JSON in any language writes alike."""
    rounded = round(value, 3)
    return int(rounded) if rounded == int(rounded) else rounded


def _time(time: datetime | None) -> str | None:
    """A time in UTC, as RFC 3339 wants it."""
    if time is None:
        return None
    try:
        time = time.astimezone(UTC)
    except OverflowError:  # the first or the last day of the calendar
        time = time.replace(tzinfo=UTC)
    return time.isoformat().replace("+00:00", "Z")
