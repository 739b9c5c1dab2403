"""The store in memory: the executable specification of `Store`, and what `Memory(":memory:")` uses.

Plain Python over lists; every search looks at every episode of its scope. Nothing is kept when the process ends.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from datetime import datetime

import numpy as np

from memstrata.core.candidates import Floats, Integers, Pool, Probe, View
from memstrata.core.facts.erasing import Redaction, without_episodes
from memstrata.core.facts.reading import BELIEVED
from memstrata.core.paging import decode_cursor, encode_cursor
from memstrata.core.records import (
    Appended,
    Counts,
    Forgotten,
    KeptEpisode,
    KeptLog,
    NewEpisode,
    NewJob,
    Restored,
    RestoredEpisode,
    TextRow,
)
from memstrata.core.surprise import TurnRow
from memstrata.errors import Conflict
from memstrata.stores.fact_rules import clipped, without_words
from memstrata.stores.memory import exchange
from memstrata.stores.memory.artifact_store import ArtifactsInMemory
from memstrata.stores.memory.job_store import JobsInMemory
from memstrata.stores.memory.reference import reference_candidates, reference_links
from memstrata.types import Change, Episode, Page, Scope


class MemoryStore(ArtifactsInMemory, JobsInMemory):
    """Implements `Store` in memory."""

    def append(
        self, scope: Scope, episodes: Sequence[NewEpisode], *, recorded_at: datetime, jobs: Sequence[NewJob]
    ) -> list[Appended]:
        """See `Store.append`."""
        with self._open():
            partition = self._partition(scope)
            known = {kept.digest: kept for kept in partition.kept}
            fresh: dict[bytes, NewEpisode] = {}
            for new in episodes:
                before = known.get(new.digest)
                earlier = before.episode.text if before else fresh.get(new.digest, new).text
                if earlier != new.text and not (before and before.redactions):
                    raise Conflict(f"message id {new.message_id!r} is known with another text; give it a new id")
                if before is None:
                    fresh.setdefault(new.digest, new)
            if fresh:
                self._found(partition)
                for new in fresh.values():
                    partition.keep(new, recorded_at)
                for job in jobs:
                    self._jobs.enqueue(job.queue, partition.key, at=recorded_at)
            ids = {digest: kept.episode.id for digest, kept in known.items()}
            ids.update({digest: new.id for digest, new in fresh.items()})
            return [Appended(id=ids[new.digest], added=ids[new.digest] == new.id) for new in episodes]

    def candidates(self, scope: Scope, probe: Probe) -> Pool:
        """See `Store.candidates`. Computed outside the lock: it takes long, and nobody else should wait for it."""
        view = replace(probe.view, run_id=scope.run_within or probe.view.run_id)
        with self._open():
            kept = {each.row: each for each in self._partition(scope).kept}
            rows = [each.reference_row(probe.space) for each in kept.values()]
        return reference_candidates(rows, replace(probe, view=view), lambda row: kept[row.row].passes(view))

    def links(self, scope: Scope, anchors: Sequence[int], rows: Integers) -> Floats:
        """See `Store.links`."""
        with self._open():
            held = {each.row: set(each.features.terms) for each in self._partition(scope).kept}
        return reference_links(held, anchors, rows.tolist())

    def names(self, scope: Scope) -> tuple[str, ...]:
        """See `Store.names`."""
        with self._open():
            names = (each.episode.name for each in self._partition(scope).kept)
            return tuple(dict.fromkeys(name for name in names if name is not None))

    def by_rows(self, scope: Scope, rows: Sequence[int]) -> list[tuple[int, Episode]]:
        """See `Store.by_rows`."""
        with self._open():
            kept = {each.row: each.episode for each in self._partition(scope).kept}
            return [(row, kept[row]) for row in rows if row in kept]

    def by_ids(self, scope: Scope, ids: Sequence[str]) -> list[Episode]:
        """See `Store.by_ids`."""
        with self._open():
            kept = {each.episode.id: each.episode for each in self._partition(scope).visible(scope.run_within)}
            return [kept[id_] for id_ in ids if id_ in kept]

    def list_episodes(self, scope: Scope, view: View, *, limit: int, cursor: str | None) -> Page:
        """See `Store.list_episodes`."""
        before = None if cursor is None else decode_cursor(cursor)
        with self._open():
            found = sorted(
                self._partition(scope).visible(scope.run_within, view),
                key=lambda each: (each.said, each.row),
                reverse=True,
            )
        found = [each for each in found if before is None or (each.said, each.row) < before]
        page = found[:limit]
        more = encode_cursor(page[-1].said, page[-1].row) if page and len(found) > limit else None
        return Page(episodes=tuple(each.episode for each in page), next=more)

    def forget(self, scope: Scope, *, ids: Sequence[str] | None, receipt_id: str, at: datetime) -> Forgotten:
        """See `Store.forget`."""
        with self._open():
            partition = self._partition(scope)
            visible = partition.visible(scope.run_within)
            gone = [each for each in visible if ids is None or each.episode.id in set(ids)]
            rows = {each.row for each in gone}
            gone_ids = tuple(each.episode.id for each in gone)
            partition.kept = [each for each in partition.kept if each.row not in rows]
            partition.forgotten += len(gone)
            runs = {each.episode.run_id for each in partition.kept}
            partition.last_of_run = {run: last for run, last in partition.last_of_run.items() if run in runs}
            everything = ids is None and scope.run_within is None
            self._artifacts.erase(partition.key, None if everything else gone_ids)
            if gone:
                self._facts.erase(partition.key, gone_ids, lambda log: without_episodes(log, gone_ids))
            if not partition.kept:
                self._jobs.drop_scope(partition.key)
            return Forgotten(episode_ids=gone_ids, scrubbed=self._artifacts.delete_doomed())

    def redact(
        self,
        scope: Scope,
        redactions: Sequence[Redaction],
        *,
        receipt_id: str,
        at: datetime,
        jobs: Sequence[NewJob] = (),
    ) -> Forgotten:
        """See `FactStore.redact`."""
        with self._open():
            partition = self._partition(scope)
            kept = {each.episode.id: each for each in partition.visible(scope.run_within)}
            found = clipped(redactions, {id_: each.episode.text for id_, each in kept.items()})
            for redaction in found:
                kept[redaction.episode_id].redact(redaction.spans)
            if not found:
                return Forgotten(episode_ids=(), scrubbed=True)
            changed = {redaction.episode_id for redaction in found}
            self._facts.erase(partition.key, changed, lambda log: without_words(log, found))
            self._artifacts.erase(partition.key, changed)
            for job in jobs:
                self._jobs.enqueue(job.queue, partition.key, at=at)
            scrubbed = self._artifacts.delete_doomed()
            return Forgotten(episode_ids=tuple(id_ for id_ in kept if id_ in changed), scrubbed=scrubbed)

    def counts(self, scope: Scope, *, space: str | None) -> Counts:
        """See `Store.counts`."""
        with self._open():
            partition = self._partition(scope)
            found = partition.visible(scope.run_within)
            facts = self._statuses(scope)
            times = [each.said for each in found]
            return Counts(
                episodes=len(found),
                runs=len({each.episode.run_id for each in found} - {None}),
                sessions=len({each.episode.session for each in found}),
                first=min(times, default=None),
                last=max(times, default=None),
                text_characters=sum(len(each.episode.text) for each in found),
                vectors=sum(space in each.vectors for each in found),
                forgotten=partition.forgotten,
                jobs=self._jobs.counts(None, scope_key=partition.key),
                facts=sum(status in BELIEVED for status in facts),
                quarantined=facts.count("quarantined"),
                weighed=sum(each.surprise is not None for each in found),
            )

    def use_space(self, space: str, *, queue: str, at: datetime) -> None:
        """See `Store.use_space`."""
        with self._open():
            if space == self._space:
                return
            self._space = space
            for partition in self._partitions.values():
                if partition.kept:
                    self._jobs.enqueue(queue, partition.key, at=at)

    def missing_vectors(self, scope_key: int, space: str, *, limit: int) -> list[TextRow]:
        """See `Store.missing_vectors`."""
        with self._open():
            missing = [each for each in self._by_key(scope_key).kept if space not in each.vectors]
            return [each.text_row() for each in missing[:limit]]

    def put_vectors(
        self,
        scope_key: int,
        space: str,
        rows: Sequence[int],
        vectors: Floats,
        *,
        redactions: Sequence[int] | None = None,
        sentences: Sequence[Floats] | None = None,
    ) -> None:
        """See `Store.put_vectors`."""
        with self._open():
            kept = {each.row: each for each in self._by_key(scope_key).kept}
            for place, (row, vector) in enumerate(zip(rows, vectors, strict=True)):
                if row in kept and (redactions is None or redactions[place] == kept[row].redactions):
                    told = np.empty((0, len(vector)), np.float32) if sentences is None else sentences[place]
                    kept[row].vectors.setdefault(space, np.array(vector, dtype=np.float32))
                    kept[row].sentences.setdefault(space, np.array(told, dtype=np.float32))

    def vectors(self, scope: Scope, rows: Sequence[int], space: str) -> Floats:
        """See `Store.vectors`."""
        with self._open():
            kept = {each.row: each.vectors.get(space) for each in self._partition(scope).kept}
        known = {row: kept[row] for row in rows if kept.get(row) is not None}
        dimensions = len(next(iter(known.values()))) if known else 0  # type: ignore[arg-type]
        nothing = np.full(dimensions, np.nan, np.float32)
        return np.array([known.get(row, nothing) for row in rows], np.float32).reshape(len(rows), dimensions)

    def drop_other_spaces(self, scope_key: int, space: str) -> None:
        """See `Store.drop_other_spaces`."""
        with self._open():
            kept = self._by_key(scope_key).kept
            if space == self._space and all(space in each.vectors for each in kept):
                for each in kept:
                    each.vectors = {space: each.vectors[space]}
                    each.sentences = {space: each.sentences[space]}

    def use_salience(self, model: str, *, queue: str, at: datetime) -> None:
        """See `SalienceStore.use_salience`."""
        with self._open():
            if model == self._weigher:
                return
            self._weigher = model
            for partition in self._partitions.values():
                for each in partition.kept:
                    each.surprise = None
                if partition.kept:
                    self._jobs.enqueue(queue, partition.key, at=at)

    def session_to_weigh(self, scope_key: int, *, after: int) -> list[TurnRow]:
        """See `SalienceStore.session_to_weigh`."""
        with self._open():
            kept = self._by_key(scope_key).kept
            first = next((each for each in kept if each.row > after and each.surprise is None), None)
            return [each.turn_row() for each in kept if first and each.episode.session == first.episode.session]

    def put_surprises(
        self, scope_key: int, model: str, rows: Sequence[int], nats: Sequence[float], *, redactions: Sequence[int]
    ) -> None:
        """See `SalienceStore.put_surprises`."""
        with self._open():
            kept = {each.row: each for each in self._by_key(scope_key).kept} if model == self._weigher else {}
            for row, value, times in zip(rows, nats, redactions, strict=True):
                if row in kept and kept[row].redactions == times and kept[row].surprise is None:
                    kept[row].surprise = float(np.float32(value))

    def scrub(self) -> bool:
        """There are no files but those of artifacts."""
        with self._open():
            return self._artifacts.delete_doomed()

    def known(self, scope: Scope, digests: Sequence[bytes]) -> set[bytes]:
        """See `ExchangeStore.known`."""
        with self._open():
            return {each.digest for each in self._partition(scope).kept}.intersection(digests)

    def export(self, scope: Scope, take: Callable[[KeptEpisode], None]) -> KeptLog:
        """See `ExchangeStore.export`."""
        with self._open():
            episodes, log = exchange.export(self._partition(scope), self._facts, scope.run_within)
        for each in episodes:
            take(each)
        return log

    def restore(
        self,
        scope: Scope,
        episodes: Sequence[RestoredEpisode],
        changes: Sequence[Change],
        *,
        read: Mapping[str, str],
        at: datetime,
        jobs: Sequence[NewJob],
    ) -> Restored:
        """See `ExchangeStore.restore`."""
        with self._open():
            partition = self._partition(scope)
            done = exchange.restore(
                partition,
                self._facts,
                episodes,
                changes,
                read=read,
                taken={kept.episode.id for each in self._partitions.values() for kept in each.kept},
                found=lambda: self._found(partition) if episodes else None,
                follow=lambda written: self._follow(partition, written),
            )
            self._artifacts.delete_doomed()
            for job in jobs if done.added or done.changes else ():
                self._jobs.enqueue(job.queue, partition.key, at=at)
            return done


def open_url(url: str, *, cache_bytes: int) -> MemoryStore:
    """The store that `":memory:"` names."""
    return MemoryStore()
