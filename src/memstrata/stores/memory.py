"""The store in memory: the executable specification of `Store`, and what `Memory(":memory:")` uses.

Plain Python over lists; every search looks at every episode of its scope. Nothing is kept when the process ends.
"""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import replace
from datetime import datetime, timedelta

import numpy as np

from memstrata.core.access import Key
from memstrata.core.artifacts import HAVE_BYTES, MAY_BE_SOURCES
from memstrata.core.candidates import Floats, Integers, Pool, Probe, View
from memstrata.core.facts.erasing import Redaction, without_episodes
from memstrata.core.facts.log import NewChange
from memstrata.core.facts.reading import BELIEVED
from memstrata.core.paging import decode_cursor, encode_cursor
from memstrata.core.records import (
    REFRESH_QUEUE,
    Appended,
    Counts,
    Extracted,
    FactQuery,
    Forgotten,
    Job,
    JobCounts,
    KeptAnswer,
    KeptEpisode,
    KeptLog,
    NewEpisode,
    NewJob,
    Restored,
    RestoredEpisode,
    Spent,
    TextRow,
)
from memstrata.core.surprise import TurnRow
from memstrata.errors import Closed, Conflict, NotFound
from memstrata.stores import memory_exchange
from memstrata.stores.blobs import FolderBlobs
from memstrata.stores.fact_rules import clipped, without_words
from memstrata.stores.memory_artifacts import MemoryArtifacts, name_of
from memstrata.stores.memory_facts import MemoryFacts
from memstrata.stores.memory_jobs import MemoryJobs
from memstrata.stores.memory_rows import Partition
from memstrata.stores.reference import reference_candidates, reference_links
from memstrata.types import Artifact, ArtifactKind, ArtifactStatus, Change, Episode, Fact, FactStatus, Page, Scope


class MemoryStore:
    """Implements `Store` in memory."""

    def __init__(self) -> None:
        self._lock = threading.RLock()
        self._partitions: dict[Scope, Partition] = {}
        self._jobs = MemoryJobs()
        self._facts = MemoryFacts()
        self._artifacts = MemoryArtifacts()
        self._space: str | None = None
        self._weigher: str | None = None
        self._keys: dict[str, Key] = {}
        self._answers: dict[bytes, tuple[datetime, KeptAnswer]] = {}
        self._closed = False

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

    def scope_of(self, scope_key: int) -> Scope:
        """See `FactStore.scope_of`."""
        with self._open():
            return self._by_key(scope_key).scope

    def change_facts(
        self, scope: Scope, changes: Sequence[NewChange], *, expected: int | None, extracted: Extracted | None = None
    ) -> list[Change]:
        """See `FactStore.change_facts`."""
        with self._open():
            partition = self._partition(scope)
            present = {each.episode.id for each in partition.kept}
            written = self._facts.write(partition.key, changes, expected=expected, extracted=extracted, present=present)
            self._follow(partition, written)
            self._artifacts.delete_doomed()
            return written

    def _follow(self, partition: Partition, written: Sequence[Change]) -> None:
        """Make stale what was made of changed facts."""
        if self._artifacts.follow(partition.key, written):
            self._jobs.enqueue(REFRESH_QUEUE, partition.key, at=written[-1].at)

    def last_change(self, scope: Scope) -> int:
        """See `FactStore.last_change`."""
        with self._open():
            return self._facts.last(self._partition(scope).key)

    def facts(self, scope: Scope, wanted: FactQuery) -> list[Fact]:
        """See `FactStore.facts`."""
        with self._open():
            partition = self._partition(scope)
            rows = {each.episode.id: each.row for each in partition.kept}
            return self._facts.facts(partition.key, wanted, rows, self._within(scope))

    def fact_log(self, scope: Scope, ids: Sequence[str] | None = None) -> list[Change]:
        """See `FactStore.fact_log`."""
        with self._open():
            log = self._facts.log(self._partition(scope).key, self._within(scope))
            return [change for change in log if ids is None or change.fact_id in set(ids)]

    def change(self, scope: Scope, id: str) -> Change | None:  # noqa: A002 - the field's word
        """See `FactStore.change`."""
        return next((change for change in self.fact_log(scope) if change.id == id), None)

    def unextracted(self, scope: Scope, *, extractor: str, limit: int) -> list[tuple[int, Episode]]:
        """See `FactStore.unextracted`."""
        with self._open():
            partition = self._partition(scope)
            through = self._facts.through(partition.key, extractor)
            visible = partition.visible(scope.run_within)
            return [(each.row, each.episode) for each in visible if each.row > through][:limit]

    def spent(self, scope: Scope, *, day: str) -> Spent:
        """See `FactStore.spent`."""
        with self._open():
            return self._facts.spent(self._partition(scope).key, day)

    def spend(self, scope: Scope, *, day: str, spent: Spent) -> None:
        """See `FactStore.spend`."""
        with self._open():
            partition = self._partition(scope)
            self._found(partition)
            self._facts.spend(partition.key, day, spent)

    def claim(
        self, queues: Sequence[str], *, owner: str, at: datetime, lease: timedelta, scope: Scope | None
    ) -> Job | None:
        """See `Store.claim`."""
        with self._open():
            key = None if scope is None else self._partition(scope).key
            return self._jobs.claim(queues, owner=owner, at=at, lease=lease, scope_key=key)

    def extend(self, job: Job, *, owner: str, until: datetime) -> bool:
        """See `Store.extend`."""
        with self._open():
            return self._jobs.extend(job, owner=owner, until=until)

    def finish(self, job: Job, *, owner: str) -> bool:
        """See `Store.finish`."""
        with self._open():
            return self._jobs.finish(job, owner=owner)

    def fail(self, job: Job, *, owner: str, error: str, retry_at: datetime | None) -> bool:
        """See `Store.fail`."""
        with self._open():
            return self._jobs.fail(job, owner=owner, error=error, retry_at=retry_at)

    def release(self, job: Job, *, owner: str) -> bool:
        """See `Store.release`."""
        with self._open():
            return self._jobs.release(job, owner=owner)

    def job_counts(self, queues: Sequence[str] | None, *, scope: Scope | None) -> JobCounts:
        """See `Store.job_counts`."""
        with self._open():
            return self._jobs.counts(queues, scope_key=None if scope is None else self._partition(scope).key)

    def retry_dead(self, *, at: datetime) -> int:
        """See `Store.retry_dead`."""
        with self._open():
            return self._jobs.retry_dead(at=at)

    def known(self, scope: Scope, digests: Sequence[bytes]) -> set[bytes]:
        """See `ExchangeStore.known`."""
        with self._open():
            return {each.digest for each in self._partition(scope).kept}.intersection(digests)

    def export(self, scope: Scope, take: Callable[[KeptEpisode], None]) -> KeptLog:
        """See `ExchangeStore.export`."""
        with self._open():
            episodes, log = memory_exchange.export(self._partition(scope), self._facts, scope.run_within)
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
            done = memory_exchange.restore(
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

    @property
    def blobs(self) -> FolderBlobs:
        """See `ArtifactStore.blobs`: a temporary folder, made when it is asked for."""
        with self._open():
            return self._artifacts.blobs

    def blob_name(self, scope: Scope, id: str) -> str:  # noqa: A002 - the field's word
        """See `ArtifactStore.blob_name`."""
        with self._open():
            key = self._partition(scope).key
        if not key:
            raise NotFound("nothing is stored of this scope, so it has no artifacts")
        return name_of(key, id)

    def begin_artifact(self, scope: Scope, artifact: Artifact, *, queue: str | None = None) -> bool:
        """See `ArtifactStore.begin_artifact`."""
        with self._open():
            partition = self._partition(scope)
            facts = self.facts(scope.partition, FactQuery(statuses=MAY_BE_SOURCES))
            known = {each.episode.id for each in partition.kept} | {fact.id for fact in facts}
            begun = bool(partition.key) and self._artifacts.begin(partition.key, artifact, known=known)
            if begun and queue is not None:
                self._jobs.enqueue(queue, partition.key, at=artifact.made_at)
            return begun

    def finish_artifact(self, scope: Scope, artifact: Artifact) -> bool:
        """See `ArtifactStore.finish_artifact`."""
        with self._open():
            done = self._artifacts.finish(self._partition(scope).key, artifact)
            self._artifacts.delete_doomed()
            return done

    def publish_artifact(self, scope: Scope, id: str) -> bool:  # noqa: A002 - the field's word
        """See `ArtifactStore.publish_artifact`."""
        with self._open():
            return self._artifacts.publish(self._partition(scope).key, id)

    def artifacts(
        self,
        scope: Scope,
        *,
        kinds: Sequence[ArtifactKind] | None = None,
        statuses: Sequence[ArtifactStatus] | None = None,
        series: Sequence[str] | None = None,
    ) -> list[Artifact]:
        """See `ArtifactStore.artifacts`."""
        with self._open():
            found = self._artifacts.rows(self._partition(scope).key)
        return [
            each
            for each in found
            if (kinds is None or each.kind in kinds)
            and (statuses is None or each.status in statuses)
            and (series is None or each.series in series)
        ]

    def all_artifacts(self, kinds: Sequence[ArtifactKind]) -> list[tuple[Scope, Artifact]]:
        """See `ArtifactStore.all_artifacts`."""
        with self._open():
            homes = sorted(self._partitions.values(), key=lambda each: each.key)
            found = [(home.scope, each) for home in homes for each in self._artifacts.rows(home.key)]
        return [(scope, each) for scope, each in found if each.kind in kinds and each.status in HAVE_BYTES]

    def note_use(self, scope: Scope, ids: Sequence[str], *, at: datetime) -> None:
        """See `ArtifactStore.note_use`."""
        with self._open():
            self._artifacts.note_use(self._partition(scope).key, ids, at=at)

    def drop_artifacts(self, scope: Scope, ids: Sequence[str]) -> list[str]:
        """See `ArtifactStore.drop_artifacts`."""
        with self._open():
            there = self._artifacts.drop(self._partition(scope).key, ids)
            self._artifacts.delete_doomed()
            return there

    def put_key(self, key: Key) -> None:
        """See `AccessStore.put_key`."""
        with self._open():
            self._keys[key.id] = key

    def key(self, id: str) -> Key | None:  # noqa: A002 - the field's word
        """See `AccessStore.key`."""
        with self._open():
            return self._keys.get(id)

    def keys(self) -> list[Key]:
        """See `AccessStore.keys`."""
        with self._open():
            return sorted(self._keys.values(), key=lambda each: (each.created_at, each.id))

    def keep_answer(self, name: bytes, answer: KeptAnswer, *, at: datetime, drop_before: datetime) -> None:
        """See `AccessStore.keep_answer`."""
        with self._open():
            self._answers = {each: kept for each, kept in self._answers.items() if kept[0] >= drop_before}
            self._answers.setdefault(name, (at, answer))

    def kept_answer(self, name: bytes) -> KeptAnswer | None:
        """See `AccessStore.kept_answer`."""
        with self._open():
            return self._answers[name][1] if name in self._answers else None

    def close(self) -> None:
        """Let go of everything."""
        with self._lock:
            self._closed = True
            self._partitions.clear()
            self._artifacts.close()

    @contextmanager
    def _open(self) -> Iterator[None]:
        with self._lock:
            if self._closed:
                raise Closed("the store is closed; open the memory again")
            yield

    def _partition(self, scope: Scope) -> Partition:
        """The partition that a scope lies in; an empty one, which is not kept, where nothing was ever added."""
        return self._partitions.get(scope.partition) or Partition(0, scope.partition)

    def _by_key(self, scope_key: int) -> Partition:
        for each in self._partitions.values():
            if each.key == scope_key:
                return each
        raise NotFound(f"no scope has the key {scope_key!r}; take it from a job of this store")

    def _found(self, partition: Partition) -> None:
        """Keep a partition that is to hold something."""
        if not partition.key:
            partition.key = len(self._partitions) + 1
            self._partitions[partition.scope] = partition

    def _within(self, scope: Scope) -> set[str]:
        return {each.episode.id for each in self._partition(scope).visible(scope.run_within)}

    def _statuses(self, scope: Scope) -> list[FactStatus]:
        return [fact.status for fact in self.facts(scope, FactQuery())]


def open_url(url: str, *, cache_bytes: int) -> MemoryStore:
    """The store that `":memory:"` names."""
    return MemoryStore()
