"""What every store decides alike when it takes in a memory from elsewhere. Plain values; the stores write."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import cast

from memstrata.core.facts.codec import claim_from_json, claim_to_json
from memstrata.core.facts.log import NewChange
from memstrata.core.records import NewEpisode, RestoredEpisode
from memstrata.errors import Conflict
from memstrata.stores.fact_rules import admitted, episodes_behind, numbered
from memstrata.types import Change, Json

_CLAIMING = ("asserted", "supported")
_USER = "user"


@dataclass(frozen=True, slots=True, kw_only=True)
class Known:
    """An episode that the scope has already."""

    id: str
    digest: bytes
    text: str
    redactions: int
    session: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Placed:
    """An episode that is to be written, with its id and session in this store."""

    new: NewEpisode
    session: int
    restored: RestoredEpisode


@dataclass(frozen=True, slots=True, kw_only=True)
class Settled:
    """What becomes of the episodes: those to be written, every one's id here, and those whose words are here."""

    placed: tuple[Placed, ...]
    ids: Mapping[str, str]
    present: frozenset[str]
    next_session: int


def settle(
    episodes: Sequence[RestoredEpisode], known: Collection[Known], taken: Collection[str], *, next_session: int
) -> Settled:
    """Decide about episodes. `known`: those of the scope that have one of their digests or ids; `taken`: those of
    their ids that the store has given away. Raises Conflict.
    """
    here, by_id = {each.digest: each for each in known}, {each.id: each for each in known}
    met = ((each.session, here.get(each.new.digest) or by_id.get(each.new.id)) for each in episodes)
    sessions = {session: found.session for session, found in met if found is not None}
    placed: list[Placed] = []
    ids: dict[str, str] = {}
    present: set[str] = set()
    for each in episodes:
        new, found = each.new, here.get(each.new.digest) or by_id.get(each.new.id)
        if found is None:
            new = replace(new, id=each.spare_id) if new.id in taken else new
            if each.session not in sessions:
                sessions[each.session] = next_session
                next_session += 1
            session = sessions[each.session]
            found = Known(id=new.id, digest=new.digest, text=new.text, redactions=each.redactions, session=session)
            here[new.digest] = found
            placed.append(Placed(new=new, session=session, restored=each))
        elif found.text != new.text and not found.redactions:
            raise Conflict(_other_words(each, found))
        if found.text == new.text:
            present.add(each.new.id)
        ids[each.new.id] = found.id
    return Settled(placed=tuple(placed), ids=ids, present=frozenset(present), next_session=next_session)


def settled_changes(
    changes: Sequence[Change],
    settled: Settled,
    log: Sequence[Change],
    *,
    known: Collection[str],
    facts: Collection[str],
    last: int,
) -> list[Change]:
    """The changes to be written, with their numbers, behind the last one.

    `log`: what the store tells of the same facts. `known`: those of the ids that it has; `facts`: those of the facts.
    """
    theirs = {each.id for each in changes}
    wished: dict[str, Change] = {}
    for each in log:
        if each.actor == _USER and each.id not in theirs:
            wished[each.fact_id] = max(wished.get(each.fact_id, each), each, key=lambda change: change.at)
    fresh = [each for each in changes if each.id not in known]
    outdated = {
        each.cause
        for each in fresh
        if each.actor == _USER and each.fact_id in wished and wished[each.fact_id].at >= each.at
    }
    may = [_as_new(each) for each in fresh if each.cause not in outdated]
    new = admitted(may, known=known, facts=facts, present=settled.present)
    begun = {each.fact_id for each in new if each.kind == "asserted"}
    if begun:  # an erasure may have left wishes in front of what begins a fact now: they are part of its log
        new = admitted(may, known=known, facts={*facts, *begun}, present=settled.present)
    return numbered([replace(each, data=_moved(each, settled.ids)) for each in new], after=last)


def self_contained(changes: Sequence[Change], within: Collection[str]) -> list[Change]:
    """The changes of facts whose every claim rests on these episodes alone."""
    inside = set(within)
    outside = {each.fact_id for each in changes if not episodes_behind([each]) <= inside}
    return [each for each in changes if each.fact_id not in outside]


def read_through(
    placed: Sequence[str], order: Iterable[str], last_read: str, *, first_row: int, through: int, last_row: int
) -> int:
    """How far an extractor has read here, once rows from `first_row` on are the `placed` episodes (ids elsewhere).

    `order`: ids of all episodes that came, `last_read` the last of them that it had read there. `through`: how far it
    had read here, up to `last_row`; where it had not read everything, its mark stays and it reads the rest again.
    """
    if through < last_row:
        return through
    read: set[str] = set()
    for id_ in order:
        read.add(id_)
        if id_ == last_read:
            break
    else:
        return through
    for row, id_ in enumerate(placed, start=first_row):
        if id_ not in read:
            return through
        through = row
    return through


def _other_words(each: RestoredEpisode, found: Known) -> str:
    if each.redactions:
        return (
            f"episode {each.new.id!r} was partly forgotten where this comes from and is whole here as {found.id!r}:"
            f" forget {found.id!r} here as well, then restore again"
        )
    what = each.new.id if each.new.message_id is None else f"{each.new.id!r} with message id {each.new.message_id}"
    return f"episode {what!r} is known here as {found.id!r} with another text; restore into another scope, or forget it"


def _as_new(change: Change) -> NewChange:
    return NewChange(
        id=change.id,
        fact_id=change.fact_id,
        kind=change.kind,
        cause=change.cause,
        at=change.at,
        actor=change.actor,
        data=change.data,
    )


def _moved(change: NewChange, ids: Mapping[str, str]) -> Mapping[str, Json]:
    """A change's data with the ids that its episodes have here."""
    if change.kind not in _CLAIMING or all(ids[each] == each for each in episodes_behind([change])):
        return change.data
    claim = claim_from_json(cast(Mapping[str, Json], change.data["claim"]))
    sources = tuple(replace(each, episode_id=ids[each.episode_id]) for each in claim.sources)
    return {**change.data, "claim": claim_to_json(replace(claim, sources=sources))}
