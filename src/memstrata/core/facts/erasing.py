"""What an erasure leaves of a fact's log: nothing that rests on the erased words, and no trace of what they changed."""

from __future__ import annotations

from collections.abc import Callable, Collection, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import cast

from memstrata.core.facts.codec import claim_from_json, claim_to_json
from memstrata.types import Change, Claim, Json, Source

MARK = "[forgotten]"
"""What stands in an episode's text for a part that was erased."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Redaction:
    """Parts of one episode's text that are to go: disjoint spans in order, end exclusive."""

    episode_id: str
    spans: tuple[tuple[int, int], ...]


def redacted(text: str, spans: Sequence[tuple[int, int]]) -> str:
    """The text with a mark in place of each span."""
    for start, end in reversed(spans):
        text = text[:start] + MARK + text[end:]
    return text


def without_episodes(changes: Sequence[Change], gone: Collection[str]) -> list[Change]:
    """A fact's own changes as if these episodes had never been: empty where nothing else bears the fact.

    Where only some of its words go, the first claim that rests on others takes the place of the one that began it, and
    its number: what the user wished of the fact meanwhile still comes after its beginning.
    """
    return _rebased(changes, lambda claim: _keep_sources(claim, [s for s in claim.sources if s.episode_id not in gone]))


def without_spans(changes: Sequence[Change], redactions: Mapping[str, Redaction]) -> list[Change]:
    """A fact's own changes as if these parts of episodes had never been; other sources in them move with the text.

    `redactions`: by the id of the episode that each is of.
    """

    def keep(claim: Claim) -> Claim | None:
        moved = (_moved(source, redactions.get(source.episode_id)) for source in claim.sources)
        return _keep_sources(claim, [source for source in moved if source is not None])

    return _rebased(changes, keep)


def without_facts(changes: Sequence[Change], gone: Collection[str]) -> list[Change]:
    """A fact's own changes without those that erased facts caused."""
    return [change for change in changes if change.data.get("by") not in gone]


def _rebased(changes: Sequence[Change], keep: Callable[[Claim], Claim | None]) -> list[Change]:
    first = next((change for change in changes if change.kind == "asserted"), None)
    if first is None:
        return []
    beside = {key: value for key, value in first.data.items() if key != "claim"}
    begun = False
    kept: list[Change] = []
    for change in changes:
        if change.kind not in ("asserted", "supported"):
            kept.append(change)
            continue
        claim = keep(claim_from_json(cast(Mapping[str, Json], change.data["claim"])))
        if claim is None:
            continue
        data = {**beside, **change.data, "claim": claim_to_json(claim)}
        if begun:
            kept.append(replace(change, kind="supported", data=data))
        else:
            kept.append(replace(change, kind="asserted", data=data, number=first.number))
        begun = True
    return sorted(kept, key=lambda change: change.number) if begun else []


def _keep_sources(claim: Claim, sources: Sequence[Source]) -> Claim | None:
    """The claim, if all the words that its text is made of are still there: the first source's, and those lent."""
    if len(sources) < len(claim.sources):
        return None
    return replace(claim, sources=tuple(sources))


def _moved(source: Source, redaction: Redaction | None) -> Source | None:
    if redaction is None:
        return source
    if any(start < source.end and source.start < end for start, end in redaction.spans):
        return None
    shift = sum(len(MARK) - (end - start) for start, end in redaction.spans if end <= source.start)
    return replace(source, start=source.start + shift, end=source.end + shift)
