"""What the six tools answer: the shapes for programs, and the same in words for a model to read."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Literal

from pydantic import Field

from memstrata.surfaces.mcp.tools import Structured
from memstrata.types import AskedToForget, Episode, Fact, Hit, Receipt


class SourceOut(Structured):
    """The words that an item rests on."""

    episode_id: str
    start: int
    end: int


class FactOut(Structured):
    """A fact that an item's truth changed with."""

    id: str
    text: str
    timestamp: str


class ItemOut(Structured):
    """An episode or a fact."""

    item: Literal["episode", "fact"]
    id: str
    text: str
    timestamp: str = Field(description="When it was said.")
    speaker: str
    run_id: str | None = None
    score: float | None = None
    kind: str | None = Field(default=None, description="Of a fact: what it is about.")
    subject: str | None = None
    status: str | None = Field(default=None, description="Of a fact: active, superseded, disputed, quarantined, ...")
    trust: str | None = Field(default=None, description="Of a fact: whose words it rests on.")
    valid_from: str | None = None
    valid_to: str | None = None
    version: str | None = Field(default=None, description="Of a fact: give it to correct, to change only what you saw.")
    sources: list[SourceOut]
    supersedes: list[FactOut] | None = Field(default=None, description="What held before this.")
    superseded_by: list[FactOut] | None = Field(default=None, description="What holds since in place of this.")


class Recalled(Structured):
    """What was found, best first."""

    hits: list[ItemOut]
    degraded: list[str] = Field(description="What could not be used to find it.")


class Packed(Structured):
    """Text for a prompt, and the items quoted in it in the order of their numbers."""

    text: str
    tokens: int
    ids: list[str]
    degraded: list[str]


class Remembered(Structured):
    """What became of what was said."""

    episode_ids: list[str]
    added: int
    duplicates: int
    secrets: int = Field(description="Secrets that were replaced by marks and not kept.")
    forget_requests: list[AskedOut]
    degraded: list[str]


class AskedOut(Structured):
    """A request to forget that the words held."""

    topic: str
    outcome: str
    affected: list[str]


class Corrected(Structured):
    """The fact that stands now, and the one that it took the place of."""

    fact: ItemOut
    replaced: str


class Forgotten(Structured):
    """The receipt of an erasure."""

    id: str
    forgotten: int
    episode_ids: list[str]
    scrubbed: bool = Field(description="No byte is left in any file; false while another process still reads them.")


class ProfileOut(Structured):
    """What is known now."""

    text: str
    facts: list[ItemOut]


Remembered.model_rebuild()


def item_out(item: Episode | Fact, *, score: float | None = None, hit: Hit | None = None) -> ItemOut:
    """An item for programs."""
    if isinstance(item, Episode):
        out = ItemOut(
            item="episode",
            id=item.id,
            text=item.text,
            timestamp=item.timestamp.isoformat(),
            speaker=item.speaker,
            run_id=item.run_id,
            score=score,
            sources=[],
        )
    else:
        out = ItemOut(
            item="fact",
            id=item.id,
            text=item.text,
            timestamp=item.timestamp.isoformat(),
            speaker=item.speaker,
            score=score,
            kind=item.kind,
            subject=item.subject,
            status=item.status,
            trust=item.trust,
            valid_from=item.valid_from.isoformat() if item.valid_from else None,
            valid_to=item.valid_to.isoformat() if item.valid_to else None,
            version=item.version,
            sources=[],
        )
    sources = item.sources if hit is None and isinstance(item, Fact) else hit.sources if hit else ()
    changes = (
        {
            name: [_fact_out(fact) for fact in facts] or None
            for name, facts in (("supersedes", hit.supersedes), ("superseded_by", hit.superseded_by))
        }
        if hit
        else {}
    )
    named = [SourceOut(episode_id=each.episode_id, start=each.start, end=each.end) for each in sources]
    return out.model_copy(update={"sources": named, **changes})


def hits_in_words(hits: Sequence[Hit], degraded: Sequence[str]) -> str:
    """Hits, numbered, each with when it was said, by whom, and its id; what they say is indented under that."""
    lines = ["Nothing found."] if not hits else []
    for number, hit in enumerate(hits, start=1):
        lines.append(f"[{number}] {item_in_words(hit.item)}")
        lines += [f"    before, {fact.said_at:%Y-%m-%d}: {flat(fact.text)}" for fact in hit.supersedes]
        lines += [f"    since then, {fact.said_at:%Y-%m-%d}: {flat(fact.text)}" for fact in hit.superseded_by]
    return "\n".join([*lines, *in_spite_of(degraded)])


def item_in_words(item: Episode | Fact) -> str:
    """One line: when, who, what, and the id to name it by."""
    about = f"{item.kind}, {item.status}, " if isinstance(item, Fact) else ""
    return f"{item.timestamp:%Y-%m-%d}, {flat(item.speaker)}: {flat(item.text)} ({about}{item.id})"


def remembered_in_words(receipt: Receipt) -> str:
    """What became of what was said."""
    lines = ["There was nothing to remember: the text is empty."] if not receipt.episode_ids else []
    lines += [f"{'Remembered' if receipt.added else 'Known already'}: {id_}" for id_ in receipt.episode_ids]
    if receipt.secrets:
        lines.append(f"{receipt.secrets} secret(s) in it were replaced by marks; secrets are never kept.")
    lines += [_asked_in_words(each) for each in receipt.forget_requests]
    return "\n".join([*lines, *in_spite_of(receipt.degraded)])


def in_spite_of(degraded: Sequence[str]) -> list[str]:
    """What was missing, as a line."""
    return [f"Degraded: {'; '.join(degraded)}"] if degraded else []


def flat(text: str) -> str:
    """A text on one line: its own line breaks would look like ours."""
    return " ".join(text.splitlines()) if len(text.splitlines()) > 1 else text


def _fact_out(fact: Fact) -> FactOut:
    return FactOut(id=fact.id, text=fact.text, timestamp=fact.timestamp.isoformat())


def _asked_in_words(asked: AskedToForget) -> str:
    topic = f"“{flat(asked.topic)}”" if asked.topic else "that"
    if asked.outcome == "done":
        return f"As the user asked, {topic} was erased from {len(asked.affected)} episode(s)."
    if asked.outcome == "waits":
        ids = ", ".join(asked.affected)
        return f"The user asks to forget {topic}: nothing is erased yet. If they confirm, call forget with ids: {ids}"
    return f"The user asks to forget {topic}: nothing like it was found."
