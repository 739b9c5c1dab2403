"""The verbs by which memories come and go, which `Memory` has beside its own: export, restore, import a file."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from datetime import datetime

from memstrata.core.messages import checked_scope, digest_by_id, read_batch
from memstrata.core.requests import optional_time
from memstrata.exchange.archive import Place
from memstrata.exchange.exporting import export_to
from memstrata.exchange.formats import Format, checked_format, read_export
from memstrata.exchange.importing import import_all
from memstrata.exchange.portions import Portion
from memstrata.exchange.restoring import restore_from
from memstrata.fact_verbs import FactVerbs
from memstrata.govern.secrets import without_secrets
from memstrata.parts import Parts
from memstrata.types import ExportFormat, ExportReceipt, ImportReceipt, Receipt, RestoreReceipt, Scope

Time = datetime | str


class ExchangeVerbs(FactVerbs):
    """Export, restore and import; see `Memory`."""

    def export(
        self,
        place: Place,
        *,
        user_id: str | None = None,
        agent_id: str | None = None,
        app_id: str | None = None,
        run_id: str | None = None,
        format: ExportFormat = "bundle",  # noqa: A002 - the field's word
    ) -> ExportReceipt:
        """Write a memory to a file or a binary stream, as of one moment; a file appears once it is whole.

        `"bundle"` and `"json"` hold everything and can be restored, `"markdown"` is a page to read, `"pam"` are the
        facts in the Portable AI Memory format. Vectors are left out: they are derived. A `run_id` narrows it to the
        run and the facts that rest on nothing else.
        """
        scope = checked_scope(user_id, agent_id, app_id, run_id)
        parts = self._parts

        def profile() -> str:
            return self.profile(user_id, agent_id=agent_id, app_id=app_id, run_id=run_id).text

        return export_to(place, parts.store, scope, format, at=parts.clock(), profile=profile)

    def restore(
        self,
        place: Place,
        *,
        user_id: str | None = None,
        agent_id: str | None = None,
        app_id: str | None = None,
        run_id: str | None = None,
    ) -> RestoreReceipt:
        """Take in a bundle or a JSON export, from a file or a binary stream, under these ids: all of it or nothing.

        Episodes, facts, their history and times are as they were; what is known here already stays as it is. Raises
        `InvalidInput` for a file that is broken, changed, cut short or from a newer version, and `Conflict` where an
        episode has other words here.
        """
        scope = checked_scope(user_id, agent_id, app_id, run_id)
        parts = self._parts
        make_id, at = parts.make_episode_id, parts.clock()
        store, jobs = parts.store, parts.jobs
        done = restore_from(place, store, scope, clean=without_secrets, make_id=make_id, at=at, jobs=jobs)
        parts.worker.wake()
        return done

    def import_file(
        self,
        place: Place,
        *,
        user_id: str | None = None,
        agent_id: str | None = None,
        app_id: str | None = None,
        run_id: str | None = None,
        format: Format | None = None,  # noqa: A002 - the field's word
        timestamp: Time | None = None,
        progress: Callable[[int], None] = lambda messages: None,
        reaches: Callable[[Scope], bool] = lambda scope: True,
    ) -> ImportReceipt:
        """Remember what a file, a folder or a zip holds: an export of another product, or messages and documents.

        The format is found out by the content. Ids given here beat those in the file. What cannot be read is told in
        the receipt's `problems`, and the rest is kept; doing it again goes on where it stopped. `timestamp`: when
        messages without a time were said. `progress` is told of messages as they go by. `reaches`: which memories the
        file's ids may lead to, where it comes from somebody who may not write to all. What users asked another
        assistant to forget is only counted.
        """
        given = {"user_id": user_id, "agent_id": agent_id, "app_id": app_id, "run_id": run_id}
        told = _Remembering(self._parts, optional_time(timestamp, what="timestamp"))
        found = read_export(place, checked_format(format))
        return import_all(found, given, known=told.known, add=told.add, progress=progress, reaches=reaches).receipt()


class _Remembering:
    """How an import asks what is known, and adds what is not."""

    def __init__(self, parts: Parts, timestamp: datetime | None) -> None:
        self._parts = replace(parts, forget_requests="ask") if parts.forget_requests == "act" else parts
        self._timestamp = timestamp

    def known(self, ids: Mapping[str, str | None], message_ids: Sequence[str]) -> set[str]:
        """Those of the message ids that a scope has."""
        scope = checked_scope(ids["user_id"], ids["agent_id"], ids["app_id"], ids["run_id"])
        digests = {digest_by_id(scope, scope.run_id, id_): id_ for id_ in message_ids}
        return {digests[each] for each in self._parts.store.known(scope, list(digests))}

    def add(self, portion: Portion, ids: Mapping[str, str | None]) -> Receipt:
        """Remember a portion."""
        scope = checked_scope(ids["user_id"], ids["agent_id"], ids["app_id"], ids["run_id"])
        parts, now = self._parts, self._parts.clock()
        batch = read_batch(
            list(portion.messages),
            scope=scope,
            timestamp=self._timestamp,
            metadata=None,
            now=now,
            make_id=parts.make_episode_id,
            clean=without_secrets,
        )
        appended = parts.store.append(scope, batch.episodes, recorded_at=now, jobs=parts.jobs)
        asked = parts.asked_to_forget(scope, batch, appended)
        return parts.receipt(scope, batch, appended, asked, wait=False)
