"""The store in memory: the executable specification of `Store`, and what `Memory(":memory:")` uses.

Plain Python over lists; every search looks at every episode of its scope. Nothing is kept when the process ends.
"""

from __future__ import annotations

import threading
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta

import numpy as np

from memstrata.core.candidates import Floats, Pool, Probe, View
from memstrata.core.clock import day_in_words, from_microseconds, microseconds
from memstrata.core.features import Features
from memstrata.core.filters import matches
from memstrata.core.paging import decode_cursor, encode_cursor
from memstrata.core.records import Appended, Counts, Forgotten, Job, JobCounts, NewEpisode, NewJob, TextRow
from memstrata.core.sessions import continues_session
from memstrata.errors import Closed, Conflict
from memstrata.stores.memory_jobs import MemoryJobs
from memstrata.stores.reference import ReferenceRow, reference_candidates
from memstrata.types import Episode, Json, Page, Scope


@dataclass(slots=True)
class _Kept:
    row: int
    episode: Episode
    digest: bytes
    features: Features
    vectors: dict[str, Floats] = field(default_factory=dict)

    @property
    def said(self) -> int:
        return microseconds(self.episode.timestamp)

    @property
    def recorded(self) -> int:
        return microseconds(self.episode.recorded_at)

    def columns(self) -> dict[str, Json]:
        """The fields that a filter may name."""
        episode = self.episode
        return {
            "role": episode.role,
            "name": episode.name,
            "run_id": episode.run_id,
            "message_id": episode.message_id,
            "timestamp": self.said,
            "recorded_at": self.recorded,
        }


@dataclass(slots=True)
class _Partition:
    key: int
    scope: Scope
    kept: list[_Kept] = field(default_factory=list)
    next_row: int = 0
    next_session: int = 0
    forgotten: int = 0
    last_of_run: dict[str | None, tuple[int, int, int]] = field(default_factory=dict)

    def session_for(self, run_id: str | None, timestamp: int) -> int:
        """The session an episode belongs to, and remember it as the run's last."""
        session, last, episodes = self.last_of_run.get(run_id, (-1, 0, 0))
        if session < 0 or not continues_session(last=last, episodes=episodes, timestamp=timestamp):
            session, episodes = self.next_session, 0
            self.next_session += 1
        self.last_of_run[run_id] = (session, timestamp, episodes + 1)
        return session


class MemoryStore:
    """Implements `Store` in memory."""

    def __init__(self) -> None:
        self._lock = threading.RLock()
        self._partitions: dict[Scope, _Partition] = {}
        self._jobs = MemoryJobs()
        self._space: str | None = None
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
                if earlier != new.text:
                    raise Conflict(f"message id {new.message_id!r} is known with another text; give it a new id")
                if before is None:
                    fresh.setdefault(new.digest, new)
            if fresh and not partition.key:
                partition.key = len(self._partitions) + 1
                self._partitions[partition.scope] = partition
            for new in fresh.values():
                partition.kept.append(self._keep(partition, new, recorded_at))
            if fresh:
                for job in jobs:
                    self._jobs.enqueue(job.queue, partition.key, at=recorded_at)
            ids = {digest: kept.episode.id for digest, kept in known.items()}
            ids.update({digest: new.id for digest, new in fresh.items()})
            return [Appended(id=ids[new.digest], added=ids[new.digest] == new.id) for new in episodes]

    def candidates(self, scope: Scope, probe: Probe) -> Pool:
        """See `Store.candidates`."""
        with self._open():
            kept = {each.row: each for each in self._partition(scope).kept}
            rows = [self._reference_row(each, probe.space) for each in kept.values()]
            view = replace(probe.view, run_id=scope.run_within or probe.view.run_id)
            return reference_candidates(rows, replace(probe, view=view), lambda row: self._passes(kept[row.row], view))

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
            kept = {each.episode.id: each.episode for each in self._visible(scope, View())}
            return [kept[id_] for id_ in ids if id_ in kept]

    def list_episodes(self, scope: Scope, view: View, *, limit: int, cursor: str | None) -> Page:
        """See `Store.list_episodes`."""
        before = None if cursor is None else decode_cursor(cursor)
        with self._open():
            found = sorted(self._visible(scope, view), key=lambda each: (each.said, each.row), reverse=True)
        found = [each for each in found if before is None or (each.said, each.row) < before]
        page = found[:limit]
        more = encode_cursor(page[-1].said, page[-1].row) if page and len(found) > limit else None
        return Page(episodes=tuple(each.episode for each in page), next=more)

    def forget(self, scope: Scope, *, ids: Sequence[str] | None, receipt_id: str, at: datetime) -> Forgotten:
        """See `Store.forget`."""
        with self._open():
            partition = self._partition(scope)
            gone = [each for each in self._visible(scope, View()) if ids is None or each.episode.id in set(ids)]
            rows = {each.row for each in gone}
            partition.kept = [each for each in partition.kept if each.row not in rows]
            partition.forgotten += len(gone)
            runs = {each.episode.run_id for each in partition.kept}
            partition.last_of_run = {run: last for run, last in partition.last_of_run.items() if run in runs}
            if not partition.kept:
                self._jobs.drop_scope(partition.key)
            return Forgotten(episode_ids=tuple(each.episode.id for each in gone), scrubbed=True)

    def counts(self, scope: Scope, *, space: str | None) -> Counts:
        """See `Store.counts`."""
        with self._open():
            partition = self._partition(scope)
            found = self._visible(scope, View())
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
            return [
                TextRow(
                    row=each.row,
                    day=day_in_words(each.episode.timestamp),
                    name=each.episode.name,
                    text=each.episode.text,
                )
                for each in missing[:limit]
            ]

    def put_vectors(self, scope_key: int, space: str, rows: Sequence[int], vectors: Floats) -> None:
        """See `Store.put_vectors`."""
        with self._open():
            kept = {each.row: each for each in self._by_key(scope_key).kept}
            for row, vector in zip(rows, vectors, strict=True):
                if row in kept:
                    kept[row].vectors[space] = np.array(vector, dtype=np.float32)

    def drop_other_spaces(self, scope_key: int, space: str) -> None:
        """See `Store.drop_other_spaces`."""
        with self._open():
            kept = self._by_key(scope_key).kept
            if space == self._space and all(space in each.vectors for each in kept):
                for each in kept:
                    each.vectors = {space: each.vectors[space]}

    def scrub(self) -> bool:
        """There are no files."""
        return True

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

    def close(self) -> None:
        """Let go of everything."""
        with self._lock:
            self._closed = True
            self._partitions.clear()

    @contextmanager
    def _open(self) -> Iterator[None]:
        with self._lock:
            if self._closed:
                raise Closed("the store is closed; open the memory again")
            yield

    def _partition(self, scope: Scope) -> _Partition:
        """The partition that a scope lies in; an empty one, which is not kept, where nothing was ever added."""
        return self._partitions.get(scope.partition) or _Partition(0, scope.partition)

    def _by_key(self, scope_key: int) -> _Partition:
        return next(each for each in self._partitions.values() if each.key == scope_key)

    def _keep(self, partition: _Partition, new: NewEpisode, recorded_at: datetime) -> _Kept:
        episode = Episode(
            id=new.id,
            scope=replace(partition.scope, run_id=new.run_id),
            session=partition.session_for(new.run_id, new.timestamp),
            role=new.role,
            name=new.name,
            text=new.text,
            timestamp=from_microseconds(new.timestamp, new.offset),
            recorded_at=recorded_at,
            metadata=dict(new.metadata),
            message_id=new.message_id,
        )
        partition.next_row += 1
        return _Kept(partition.next_row - 1, episode, new.digest, new.features)

    def _visible(self, scope: Scope, view: View) -> list[_Kept]:
        narrowed = replace(view, run_id=scope.run_within or view.run_id)
        return [each for each in self._partition(scope).kept if self._passes(each, narrowed)]

    @staticmethod
    def _passes(each: _Kept, view: View) -> bool:
        if view.run_id is not None and each.episode.run_id != view.run_id:
            return False
        if view.said_until is not None and each.said > view.said_until:
            return False
        if view.recorded_until is not None and each.recorded > view.recorded_until:
            return False
        return view.filter is None or matches(view.filter, each.columns(), each.episode.metadata)

    @staticmethod
    def _reference_row(each: _Kept, space: str | None) -> ReferenceRow:
        episode = each.episode
        offset = episode.timestamp.utcoffset() or timedelta()
        return ReferenceRow(
            row=each.row,
            session=episode.session,
            role=episode.role,
            name=episode.name,
            timestamp=each.said,
            offset=int(offset.total_seconds() // 60),
            features=each.features,
            vector=each.vectors.get(space) if space is not None else None,
        )


def open_url(url: str, *, cache_bytes: int) -> MemoryStore:
    """The store that `":memory:"` names."""
    return MemoryStore()
