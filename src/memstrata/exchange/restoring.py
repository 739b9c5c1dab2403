"""Taking in an export: read and check all of it, then let the store take it in at once."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime
from typing import BinaryIO, TypeAlias, cast

from memstrata.core.clock import day_in_words, microseconds, offset_minutes
from memstrata.core.facts.codec import claim_from_json, claim_to_json
from memstrata.core.features import episode_features
from memstrata.core.ids import digest
from memstrata.core.messages import digest_by_id, digest_of_repeat, digest_of_words
from memstrata.core.records import NewEpisode, NewJob, RestoredEpisode
from memstrata.errors import InvalidInput
from memstrata.exchange.archive import Place, seekable
from memstrata.exchange.bundle import is_bundle, read_bundle, scope_of_bundle
from memstrata.exchange.contents import Contents
from memstrata.exchange.json_export import is_json_export, read_json, scope_of_json
from memstrata.exchange.lines import Told
from memstrata.ports import Store
from memstrata.types import Change, Claim, Json, RestoreReceipt, Scope, Source

Clean: TypeAlias = Callable[[str], tuple[str, int]]
_CLAIMING = ("asserted", "supported")


def restore_from(
    place: Place,
    store: Store,
    scope: Scope,
    *,
    clean: Clean,
    make_id: Callable[[], str],
    at: datetime,
    jobs: Sequence[NewJob],
) -> RestoreReceipt:
    """Take a bundle or a JSON export in under a scope. `clean` takes secrets out of a text and counts them."""
    with seekable(place) as stream:
        found = _read(stream)
    target = scope.partition
    runs = _runs(found, scope)
    cleaned = _Cleaned(clean)
    episodes = [_restored(each, target, runs(each.run_id), cleaned, make_id) for each in found.episodes]
    changes = [cleaned.change(each) for each in found.changes]
    done = store.restore(target, episodes, changes, read=found.read, at=at, jobs=jobs)
    return RestoreReceipt(
        added=done.added,
        duplicates=done.known,
        changes=done.changes,
        passed_over=done.passed_over,
        secrets=cleaned.count,
        pending=tuple(job.queue for job in jobs) if done.added or done.changes else (),
    )


def scope_of_export(place: Place) -> Scope | None:
    """The scope that a bundle or a JSON export is of; None for any other file."""
    with seekable(place) as stream:
        if is_bundle(stream):
            return scope_of_bundle(stream)
        return scope_of_json(stream) if _is_json_export(stream) else None


def _read(stream: BinaryIO) -> Contents:
    start = stream.read(4)
    stream.seek(0)
    if start[:2] == b"PK":
        return read_bundle(stream)
    if _is_json_export(stream):
        return read_json(stream)
    raise InvalidInput("the file is neither a bundle nor a JSON export; `import_file` reads other formats")


def _is_json_export(stream: BinaryIO) -> bool:
    start = stream.read(200)
    stream.seek(0)
    return is_json_export(start)


def _runs(found: Contents, scope: Scope) -> Callable[[str | None], str | None]:
    """Which run here a run there becomes. Raises InvalidInput where several would become one."""
    run = scope.run_id
    if run is None:
        return lambda run_id: run_id
    if scope.run_within is not None or len({each.run_id for each in found.episodes}) > 1:
        raise InvalidInput("an export brings its own runs: leave run_id out, or name the run alone for one of one run")
    return lambda run_id: run


def _restored(
    told: Told, scope: Scope, run_id: str | None, cleaned: _Cleaned, make_id: Callable[[], str]
) -> RestoredEpisode:
    text = cleaned.text_of(told)
    new = NewEpisode(
        id=told.id,
        digest=_digest(told, text, scope, run_id),
        run_id=run_id,
        role=told.role,
        name=told.name,
        text=text,
        timestamp=microseconds(told.timestamp),
        offset=offset_minutes(told.timestamp),
        metadata=told.metadata,
        message_id=told.message_id,
        features=episode_features(text, name=told.name, date=day_in_words(told.timestamp)),
    )
    return RestoredEpisode(
        new=new,
        session=told.session,
        recorded_at=told.recorded_at,
        redactions=told.redactions,
        spare_id=make_id(),
    )


def _digest(told: Told, text: str, scope: Scope, run_id: str | None) -> bytes:
    """What the message is known by here. None is ever taken from a file: it might be another memory's.

    Where nothing is known of its making (parts of its words were erased), it is known by the episode's id.
    """
    if told.message_id is not None:
        return digest_by_id(scope, run_id, told.message_id)
    if told.stated is None:
        where = (scope.user_id, scope.agent_id, scope.app_id, scope.run_id)
        return digest("restored", *where, told.id)
    time = microseconds(told.timestamp) if told.stated else None
    return digest_of_repeat(digest_of_words(scope, run_id, told.role, told.name, text, time), told.repeat)


@dataclass(slots=True)
class _Cleaned:
    """Takes secrets out by today's rules, which may know more than those of the day of the export."""

    clean: Clean
    count: int = 0
    sizes: dict[str, int] = field(default_factory=dict)

    def text_of(self, told: Told) -> str:
        """An episode's text without secrets; where it held some, its sources become the whole of it."""
        text, secrets = self.clean(told.text)
        if secrets:
            self.count += secrets
            self.sizes[told.id] = len(text)
        return text

    def change(self, change: Change) -> Change:
        """A change whose claim holds no secrets."""
        if change.kind not in _CLAIMING:
            return change
        claim = claim_from_json(cast(Mapping[str, Json], change.data["claim"]))
        own = self._claim(claim)
        return change if own == claim else replace(change, data={**change.data, "claim": claim_to_json(own)})

    def _claim(self, claim: Claim) -> Claim:
        return replace(
            claim,
            text=self._text(claim.text),
            value=None if claim.value is None else self._text(claim.value),
            entities=tuple(self._text(each) for each in claim.entities),
            sources=tuple(
                Source(episode_id=each.episode_id, start=0, end=self.sizes[each.episode_id])
                if each.episode_id in self.sizes
                else each
                for each in claim.sources
            ),
        )

    def _text(self, text: str) -> str:
        clean, secrets = self.clean(text)
        self.count += secrets
        return clean
