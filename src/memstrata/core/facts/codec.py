"""Claims as JSON and back; times in ISO 8601 with their offset, so that a day stays the day it was said on."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import cast

from memstrata.types import Claim, FactKind, Json, Precision, Source, Trust


def claim_to_json(claim: Claim) -> dict[str, Json]:
    """A claim as JSON; what is None or empty is left out."""
    full: dict[str, Json] = {
        "text": claim.text,
        "kind": claim.kind,
        "subject": claim.subject,
        "speaker": claim.speaker,
        "trust": claim.trust,
        "confidence": claim.confidence,
        "sources": sources_to_json(claim.sources),
        "slot": claim.slot,
        "value": claim.value,
        "negated": claim.negated or None,
        "valid_from": time_to_json(claim.valid_from),
        "valid_to": time_to_json(claim.valid_to),
        "event_from": time_to_json(claim.event_from),
        "event_to": time_to_json(claim.event_to),
        "precision": claim.precision,
        "entities": list(claim.entities) or None,
        "cues": list(claim.cues) or None,
    }
    return {key: value for key, value in full.items() if value is not None}


def claim_from_json(data: Mapping[str, Json]) -> Claim:
    """The claim that `claim_to_json` wrote."""
    return Claim(
        text=str(data["text"]),
        kind=cast(FactKind, data["kind"]),
        subject=str(data["subject"]),
        speaker=str(data["speaker"]),
        trust=cast(Trust, data["trust"]),
        confidence=float(cast(float, data["confidence"])),
        sources=sources_from_json(data["sources"]),
        slot=cast("str | None", data.get("slot")),
        value=cast("str | None", data.get("value")),
        negated=bool(data.get("negated", False)),
        valid_from=time_from_json(data.get("valid_from")),
        valid_to=time_from_json(data.get("valid_to")),
        event_from=time_from_json(data.get("event_from")),
        event_to=time_from_json(data.get("event_to")),
        precision=cast("Precision | None", data.get("precision")),
        entities=tuple(cast(Sequence[str], data.get("entities") or ())),
        cues=tuple(cast(Sequence[str], data.get("cues") or ())),
    )


def sources_to_json(sources: Sequence[Source]) -> list[Json]:
    """Sources as triples."""
    return [[source.episode_id, source.start, source.end] for source in sources]


def sources_from_json(data: Json) -> tuple[Source, ...]:
    """The sources that `sources_to_json` wrote."""
    triples = cast(Sequence[tuple[str, int, int]], data)
    return tuple(Source(episode_id=id_, start=start, end=end) for id_, start, end in triples)


def time_to_json(time: datetime | None) -> str | None:
    """A time in ISO 8601."""
    return None if time is None else time.isoformat()


def time_from_json(data: Json) -> datetime | None:
    """The time that `time_to_json` wrote."""
    return None if data is None else datetime.fromisoformat(str(data))
