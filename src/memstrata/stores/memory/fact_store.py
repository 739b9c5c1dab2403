"""`FactStore` in memory."""

from __future__ import annotations

from collections.abc import Sequence

from memstrata.core.facts.log import NewChange
from memstrata.core.records import REFRESH_QUEUE, Extracted, FactQuery, Spent
from memstrata.stores.memory.open_memory import OpenMemory
from memstrata.stores.memory.rows import Partition
from memstrata.types import Change, Episode, Fact, FactStatus, Scope


class FactsInMemory(OpenMemory):
    """Implements `FactStore` but for erasing; see there for what each method promises."""

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

    def _statuses(self, scope: Scope) -> list[FactStatus]:
        return [fact.status for fact in self.facts(scope, FactQuery())]
