"""Handing over and taking in whole memories, in memory: the executable specification. The store holds the lock."""

from __future__ import annotations

from collections.abc import Callable, Collection, Mapping, Sequence

from memstrata.core.records import KeptEpisode, KeptLog, Restored, RestoredEpisode
from memstrata.stores.memory.facts import MemoryFacts
from memstrata.stores.memory.rows import Kept, Partition
from memstrata.stores.restoring import Known, read_through, self_contained, settle, settled_changes
from memstrata.types import Change


def export(partition: Partition, facts: MemoryFacts, run_id: str | None) -> tuple[list[KeptEpisode], KeptLog]:
    """The episodes of a run (of all) in the order of their rows, and the log that rests on them."""
    visible = partition.visible(run_id)
    episodes = [KeptEpisode(episode=each.episode, digest=each.digest, redactions=each.redactions) for each in visible]
    changes, _ = facts.known(partition.key)
    if run_id is not None:
        within = {each.episode.id for each in visible}
        return episodes, KeptLog(changes=tuple(self_contained(changes, within)), read={})
    return episodes, KeptLog(changes=tuple(changes), read=_read(visible, facts.marks(partition.key)))


def restore(
    partition: Partition,
    facts: MemoryFacts,
    episodes: Sequence[RestoredEpisode],
    changes: Sequence[Change],
    *,
    read: Mapping[str, str],
    taken: Collection[str],
    found: Callable[[], None],
    follow: Callable[[Sequence[Change]], None],
) -> Restored:
    """Take in what is not known.

    `taken`: ids of the store's episodes; `found` keeps the partition, `follow` hears what was written of facts.
    """
    digests, ids = {each.new.digest for each in episodes}, {each.new.id for each in episodes}
    known = [_known(each) for each in partition.kept if each.digest in digests or each.episode.id in ids]
    settled = settle(episodes, known, taken, next_session=partition.next_session)
    found()
    last_row = max((each.row for each in partition.kept), default=-1)
    first_row = partition.next_row
    for each in settled.placed:
        partition.take_in(each.new, each.restored, each.session)
    partition.next_session = settled.next_session
    log, of_facts = facts.known(partition.key)
    told = {each.id for each in log}
    written = settled_changes(changes, settled, log, known=told, facts=of_facts, last=facts.last(partition.key))
    before = facts.marks(partition.key)
    placed = [each.restored.new.id for each in settled.placed]
    order = [each.new.id for each in episodes]
    marks = {
        extractor: read_through(
            placed, order, id_, first_row=first_row, through=before.get(extractor, -1), last_row=last_row
        )
        for extractor, id_ in read.items()
    }
    facts.take_in(partition.key, written, {name: row for name, row in marks.items() if row >= 0})
    follow(written)
    fresh = len({each.id for each in changes if each.id not in told})
    return Restored(
        added=len(placed),
        known=len(episodes) - len(placed),
        changes=len(written),
        passed_over=fresh - len(written),
    )


def _known(kept: Kept) -> Known:
    episode = kept.episode
    return Known(
        id=episode.id, digest=kept.digest, text=episode.text, redactions=kept.redactions, session=episode.session
    )


def _read(visible: Sequence[Kept], marks: Mapping[str, int]) -> dict[str, str]:
    """The last episode at or before each mark."""
    found: dict[str, str] = {}
    for extractor, through in sorted(marks.items()):
        read = [each.episode.id for each in visible if each.row <= through]
        if read:
            found[extractor] = read[-1]
    return found
