"""What a store implements: one Protocol for each thing that it keeps, and `Store` for all of them."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from contextlib import AbstractContextManager
from datetime import datetime, timedelta
from pathlib import Path
from typing import Protocol

from memstrata.core.access import Key
from memstrata.core.candidates import Floats, Integers, Pool, Probe, View
from memstrata.core.facts.erasing import Redaction
from memstrata.core.facts.log import NewChange
from memstrata.core.records import (
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
from memstrata.types import Artifact, ArtifactKind, ArtifactStatus, Change, Episode, Fact, Page, Scope


class FactStore(Protocol):
    """Keeps a memory's facts: an append-only log of changes, and the facts that it folds to.

    `scope.run_within` narrows reads to facts that rest on an episode of that run.
    """

    def scope_of(self, scope_key: int) -> Scope:
        """The partition that a job's scope key names. Raises NotFound for an unknown one."""
        ...

    def change_facts(
        self, scope: Scope, changes: Sequence[NewChange], *, expected: int | None, extracted: Extracted | None = None
    ) -> list[Change]:
        """Append to the scope's log, fold again what it touches, and move the mark of extraction; one transaction.

        `expected`: the last number of the log when this was decided; raises `LogMoved`, and writes nothing, where
        another change or an erasure came since. A change whose id is known is passed over. A claim of whose
        sources one was forgotten meanwhile is passed over, with whatever else its cause brought; so is a change of
        a fact that the log does not know.
        """
        ...

    def last_change(self, scope: Scope) -> int:
        """The last number that the scope's log gave out, 0 before the first; an erasure takes one as well."""
        ...

    def facts(self, scope: Scope, wanted: FactQuery) -> list[Fact]:
        """Facts as they stand, in the order in which they began."""
        ...

    def fact_log(self, scope: Scope, ids: Sequence[str] | None = None) -> list[Change]:
        """The changes of these facts, or of all, in order."""
        ...

    def change(self, scope: Scope, id: str) -> Change | None:  # noqa: A002 - the field's word
        """One change by its id, None where the scope has none such."""
        ...

    def unextracted(self, scope: Scope, *, extractor: str, limit: int) -> list[tuple[int, Episode]]:
        """Row and episode of those after this extractor's mark, oldest first."""
        ...

    def redact(
        self,
        scope: Scope,
        redactions: Sequence[Redaction],
        *,
        receipt_id: str,
        at: datetime,
        jobs: Sequence[NewJob] = (),
    ) -> Forgotten:
        """Erase parts of episodes' texts for good, with every fact that rests on them; a mark takes their place.

        The episode keeps its id, place and digest (the same message added again is known) and loses its vector;
        `missing_vectors` lists it again. Returns the ids of the episodes that changed; the jobs come with them.
        """
        ...

    def spent(self, scope: Scope, *, day: str) -> Spent:
        """What models were asked for on a scope's account on a day (ISO date, UTC)."""
        ...

    def spend(self, scope: Scope, *, day: str, spent: Spent) -> None:
        """Add to a day's account."""
        ...


class AccessStore(Protocol):
    """What a server keeps beside the memories: keys, and its answers to calls with an idempotency key."""

    def put_key(self, key: Key) -> None:
        """Keep a key, in place of one with the same id."""
        ...

    def key(self, id: str) -> Key | None:  # noqa: A002 - the field's word
        """A key by its id, revoked or not, None for an unknown one."""
        ...

    def keys(self) -> list[Key]:
        """All keys, revoked ones too, in the order of their making."""
        ...

    def keep_answer(self, name: bytes, answer: KeptAnswer, *, at: datetime, drop_before: datetime) -> None:
        """Keep an answer under a name unless the name has one, and drop those that were kept before a time."""
        ...

    def kept_answer(self, name: bytes) -> KeptAnswer | None:
        """The answer of this name."""
        ...


class SalienceStore(Protocol):
    """Keeps how surprising each episode is to one local model; of an earlier model's, nothing is kept."""

    def use_salience(self, model: str, *, queue: str, at: datetime) -> None:
        """Make `model` (a fingerprint) the one whose surprises are kept.

        Where it is another than before, those of the earlier one go, and every scope gets a job.
        """
        ...

    def session_to_weigh(self, scope_key: int, *, after: int) -> list[TurnRow]:
        """The session of the first episode behind row `after` without a surprise, in order; [] where all have one."""
        ...

    def put_surprises(
        self, scope_key: int, model: str, rows: Sequence[int], nats: Sequence[float], *, redactions: Sequence[int]
    ) -> None:
        """Keep the surprise of rows, if `model` is still the one in use; twice changes nothing.

        Rows that were forgotten, or whose text was redacted meanwhile, are passed over.
        """
        ...


class ExchangeStore(Protocol):
    """Hands a memory over whole, and takes one in as it was elsewhere."""

    def known(self, scope: Scope, digests: Sequence[bytes]) -> set[bytes]:
        """Those of the digests that an episode of the scope's memory has."""
        ...

    def export(self, scope: Scope, take: Callable[[KeptEpisode], None]) -> KeptLog:
        """Hand `take` every episode in the order of their rows, and return the log; all as of one moment.

        Where a run narrows the scope, the log is that of the facts that rest on nothing but episodes of the run.
        """
        ...

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
        """Take in the episodes that are not known, in order, and the changes that are not; one transaction.

        What is known (by its digest, or a change by its id) stays as it is here. Claims follow their episodes to the
        ids that those have here. Passed over, with whatever else their causes brought, are changes that rest on
        words which are not here (erased, say), and wishes of the user for a fact about which the user wished
        something later here. The jobs come with what was added; an extractor's mark (`KeptLog.read`) moves where it
        had read all that was here. Raises `Conflict`, and takes nothing in, for an episode that has other words here.
        """
        ...


class Blobs(Protocol):
    """Keeps files or folders of derived bytes by name, whole or not at all. Safe to call from several threads."""

    def put(self, name: str, write: Callable[[Path], None]) -> int:
        """Keep what `write` makes at the path that it is given, in place of what has the name; returns its bytes.

        Durable when it returns. Raises the `StoreError` family, and then keeps what was there before.
        """
        ...

    def reading(self, name: str) -> AbstractContextManager[Path]:
        """A path to read from until the context ends; a mapping of a file may outlive it. Raises NotFound."""
        ...

    def digest(self, name: str) -> str:
        """SHA-256, in hexadecimal, of the bytes of a file, or of the names and bytes of a folder's. Raises NotFound."""
        ...

    def delete(self, names: Sequence[str]) -> list[str]:
        """Delete these; returns those that are still there. Unknown ones are passed over."""
        ...

    def names(self) -> list[str]:
        """All names, those too that a process left half written."""
        ...


class ArtifactStore(Protocol):
    """Keeps what was derived of a memory into other tiers: a row for each artifact, and its bytes among the blobs.

    An artifact belongs to the whole memory, whatever the run. Forgetting or redacting an episode erases those that
    were made of it, with their bytes; another change of a fact (`core.artifacts.makes_stale`) makes those that were
    made of it stale and deletes their bytes. Either is part of the transaction that changes the source, whatever an
    artifact's status is, so that one which is being made meanwhile cannot be finished.
    """

    @property
    def blobs(self) -> Blobs:
        """Where the bytes lie; `blob_name` says under which name."""
        ...

    def blob_name(self, scope: Scope, id: str) -> str:  # noqa: A002 - the field's word
        """The name of an artifact's bytes, which another memory's never have. Raises NotFound for an empty scope."""
        ...

    def begin_artifact(self, scope: Scope, artifact: Artifact, *, queue: str | None = None) -> bool:
        """Keep a row of an artifact that is going to be made, before any of its bytes are written.

        `queue`: where the job waits that is to make it; row and job are one transaction.

        False, and nothing is kept, where a source is no episode and no active or disputed fact of the memory. One
        that is ready or kept stays as it is; of any other status, the new row takes its place.
        """
        ...

    def finish_artifact(self, scope: Scope, artifact: Artifact) -> bool:
        """Say what became of one that was being made: ready, kept or refused, with size, digest and metrics.

        A ready one takes the place of the series' earlier ready one, which is then kept. False where it was erased,
        became stale or was dropped meanwhile: its bytes are deleted then. True, and nothing changes, where another
        process was first.
        """
        ...

    def publish_artifact(self, scope: Scope, id: str) -> bool:  # noqa: A002 - the field's word
        """Make a kept version the ready one of its series; the ready one is kept. False where it is not kept."""
        ...

    def artifacts(
        self,
        scope: Scope,
        *,
        kinds: Sequence[ArtifactKind] | None = None,
        statuses: Sequence[ArtifactStatus] | None = None,
        series: Sequence[str] | None = None,
    ) -> list[Artifact]:
        """A memory's artifacts that are one of each that is given, the oldest first, then by id."""
        ...

    def all_artifacts(self, kinds: Sequence[ArtifactKind]) -> list[tuple[Scope, Artifact]]:
        """Every memory's artifacts of these kinds that have bytes: for keeping to a budget."""
        ...

    def note_use(self, scope: Scope, ids: Sequence[str], *, at: datetime) -> None:
        """Count a use of each."""
        ...

    def drop_artifacts(self, scope: Scope, ids: Sequence[str]) -> list[str]:
        """Delete artifacts with their bytes; returns the ids of those that were there. Nothing is forgotten."""
        ...


class Store(FactStore, AccessStore, SalienceStore, ExchangeStore, ArtifactStore, Protocol):
    """Keeps one memory's episodes, vectors and jobs durably, one partition of scopes from another.

    Every method that takes a `Scope` reads or writes that scope only; `run_id` narrows it to one run. Safe to call
    from several threads. Errors: the `StoreError` family.
    """

    def append(
        self, scope: Scope, episodes: Sequence[NewEpisode], *, recorded_at: datetime, jobs: Sequence[NewJob]
    ) -> list[Appended]:
        """Add those whose digest is not known yet, and the jobs if anything was added, in one transaction.

        Durable when it returns. Raises `Conflict`, and adds nothing, where a digest is known with another text.
        """
        ...

    def candidates(self, scope: Scope, probe: Probe) -> Pool:
        """Candidates for a question by every leg, with the columns that scoring needs."""
        ...

    def links(self, scope: Scope, anchors: Sequence[int], rows: Integers) -> Floats:
        """How far each of a pool's rows speaks of what an anchor speaks of: float32 (anchors, rows), 0 to 1.

        The share of the idf mass of the anchor's rare words (`core.candidates.most_of_a_rare_term`, two episodes at
        least) that the row's words hold; 0 for rows and anchors that were forgotten meanwhile.
        """
        ...

    def names(self, scope: Scope) -> tuple[str, ...]:
        """The distinct names of the scope's speakers."""
        ...

    def by_rows(self, scope: Scope, rows: Sequence[int]) -> list[tuple[int, Episode]]:
        """Row and episode of a pool's rows, in that order; those forgotten meanwhile are left out."""
        ...

    def by_ids(self, scope: Scope, ids: Sequence[str]) -> list[Episode]:
        """The episodes with these ids, in that order; unknown ones and other scopes' are left out."""
        ...

    def list_episodes(self, scope: Scope, view: View, *, limit: int, cursor: str | None) -> Page:
        """Episodes newest first (by time said, then by row). Raises InvalidInput for a foreign cursor."""
        ...

    def forget(self, scope: Scope, *, ids: Sequence[str] | None, receipt_id: str, at: datetime) -> Forgotten:
        """Erase these episodes, or with None all of the scope, from rows, vectors, indexes and free pages."""
        ...

    def counts(self, scope: Scope, *, space: str | None) -> Counts:
        """Counts of the scope; `vectors` are those in `space`."""
        ...

    def use_space(self, space: str, *, queue: str, at: datetime) -> None:
        """Make `space` the one that vectors are kept in; where it is new, enqueue a job for every scope."""
        ...

    def missing_vectors(self, scope_key: int, space: str, *, limit: int) -> list[TextRow]:
        """Episodes of a scope that have no vector in `space` yet, oldest first."""
        ...

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
        """Keep vectors, and those of each row's sentences, (count, dimensions).

        Rows that were forgotten meanwhile are passed over. Doing it twice changes nothing. `redactions`: those of
        each `TextRow`; a row whose text was redacted meanwhile is passed over.
        """
        ...

    def vectors(self, scope: Scope, rows: Sequence[int], space: str) -> Floats:
        """Vectors of rows in a space, without their sentences: float32 (len(rows), dimensions), NaN for none."""
        ...

    def drop_other_spaces(self, scope_key: int, space: str) -> None:
        """Remove a scope's vectors in other spaces, once every episode has one in the current `space`."""
        ...

    def scrub(self) -> bool:
        """Leave no byte of erased text, nor of artifacts that were erased, dropped or made stale, in any file.

        False where another reader is still in the way.
        """
        ...

    def claim(
        self, queues: Sequence[str], *, owner: str, at: datetime, lease: timedelta, scope: Scope | None
    ) -> Job | None:
        """Take the oldest due job of these queues (of one scope), or one whose lease ran out; None if there is none.

        Of one queue and scope, one job at a time.
        """
        ...

    def extend(self, job: Job, *, owner: str, until: datetime) -> bool:
        """Keep a claimed job longer; False if it was taken over."""
        ...

    def finish(self, job: Job, *, owner: str) -> bool:
        """The job is done and goes; False if it was taken over."""
        ...

    def fail(self, job: Job, *, owner: str, error: str, retry_at: datetime | None) -> bool:
        """Put the job back for `retry_at`, or with None among the dead; False if it was taken over."""
        ...

    def release(self, job: Job, *, owner: str) -> bool:
        """Hand a job back unfinished and uncounted, for anybody to claim at once; False if it was taken over."""
        ...

    def job_counts(self, queues: Sequence[str] | None, *, scope: Scope | None) -> JobCounts:
        """Jobs of some queues (all) and of one scope (all)."""
        ...

    def retry_dead(self, *, at: datetime) -> int:
        """Give every dead job another round of attempts; returns how many."""
        ...

    def close(self) -> None:
        """Finish what was begun and let go of files and threads. Further calls raise `Closed`."""
        ...
