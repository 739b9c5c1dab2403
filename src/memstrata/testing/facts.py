"""Making claims and changes for tests: what an extractor and `update` do before a store is asked."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime

from memstrata.core.facts.codec import claim_to_json, time_to_json
from memstrata.core.facts.log import NewChange
from memstrata.testing.episodes import NOON
from memstrata.types import ChangeKind, Claim, FactKind, Json, Source

ACTOR = "test/1"


def source(episode_id: str, start: int = 0, end: int = 4) -> Source:
    """Words of an episode."""
    return Source(episode_id=episode_id, start=start, end=end)


def claim(
    text: str,
    *sources: Source,
    subject: str = "user",
    kind: FactKind = "statement",
    slot: str | None = None,
    entities: Sequence[str] = (),
) -> Claim:
    """A claim of a user."""
    return Claim(
        text=text,
        kind=kind,
        subject=subject,
        speaker="user",
        trust="user",
        confidence=0.75,
        sources=sources,
        slot=slot,
        entities=tuple(entities),
    )


def asserted(fact_id: str, said: Claim, *, cause: str | None = None, quarantined: bool = False) -> NewChange:
    """The change that begins a fact."""
    data: dict[str, Json] = {"claim": claim_to_json(said), "said_at": time_to_json(NOON)}
    return change("asserted", fact_id, data | ({"quarantined": True} if quarantined else {}), cause=cause)


def supported(fact_id: str, said: Claim, *, id: str | None = None) -> NewChange:  # noqa: A002 - the field's word
    """The change that gives a fact more words to rest on."""
    return change("supported", fact_id, {"claim": claim_to_json(said), "said_at": time_to_json(NOON)}, id=id)


def closed(fact_id: str, *, by: str | None, at: datetime = NOON, cause: str | None = None) -> NewChange:
    """The change by which a newer fact supersedes one."""
    data: dict[str, Json] = {"valid_to": time_to_json(at)}
    if by is not None:
        data["by"] = by
    return change("closed", fact_id, data, cause=cause)


def undone(fact_id: str, *ids: str) -> NewChange:
    """The change by which others of a fact do not count."""
    return change("undone", fact_id, {"changes": list(ids)}, id=f"ch_undone_{fact_id}_{'_'.join(ids)}")


def change(
    kind: ChangeKind,
    fact_id: str,
    data: dict[str, Json] | None = None,
    *,
    cause: str | None = None,
    id: str | None = None,  # noqa: A002 - the field's word
) -> NewChange:
    """Any change, named after what it does."""
    cause = cause or f"de_{fact_id}"
    return NewChange(
        id=id or f"ch_{kind}_{fact_id}_{cause}",
        fact_id=fact_id,
        kind=kind,
        cause=cause,
        at=NOON,
        actor=ACTOR,
        data=data or {},
    )
