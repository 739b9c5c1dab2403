"""`FactStore` on one SQLite file."""

from __future__ import annotations

from collections.abc import Sequence

from memstrata.core.facts.log import NewChange
from memstrata.core.records import Extracted, FactQuery, Spent
from memstrata.stores.sqlite import episodes, facts
from memstrata.stores.sqlite.open_file import OpenFile
from memstrata.stores.sqlite.scopes import scope_of
from memstrata.types import Change, Episode, Fact, Scope


class SqliteFacts(OpenFile):
    """Implements `FactStore` but for erasing; see there for what each method promises."""

    def scope_of(self, scope_key: int) -> Scope:
        """See `FactStore.scope_of`."""
        with self._database.read() as connection:
            return scope_of(connection, scope_key)

    def change_facts(
        self, scope: Scope, changes: Sequence[NewChange], *, expected: int | None, extracted: Extracted | None = None
    ) -> list[Change]:
        """See `FactStore.change_facts`."""
        written, made_stale = self._database.write(
            lambda connection: facts.change_facts(connection, scope, changes, expected=expected, extracted=extracted)
        )
        if made_stale:
            self._delete_doomed()
        return written

    def last_change(self, scope: Scope) -> int:
        """See `FactStore.last_change`."""
        number = self._number(scope)
        if number is None:
            return 0
        with self._database.read() as connection:
            return facts.last_change(connection, number)

    def facts(self, scope: Scope, wanted: FactQuery) -> list[Fact]:
        """See `FactStore.facts`."""
        with self._database.read() as connection:
            return facts.facts(connection, scope, wanted, read=self._facts.fact)

    def fact_log(self, scope: Scope, ids: Sequence[str] | None = None) -> list[Change]:
        """See `FactStore.fact_log`."""
        with self._database.read() as connection:
            return facts.fact_log(connection, scope, ids)

    def change(self, scope: Scope, id: str) -> Change | None:  # noqa: A002 - the field's word
        """See `FactStore.change`."""
        with self._database.read() as connection:
            return facts.change(connection, scope, id)

    def unextracted(self, scope: Scope, *, extractor: str, limit: int) -> list[tuple[int, Episode]]:
        """See `FactStore.unextracted`."""
        number = self._number(scope)
        if number is None:
            return []
        with self._database.read() as connection:
            through = facts.extracted_through(connection, number, extractor)
            return episodes.after(connection, scope, number, through, limit=limit)

    def spent(self, scope: Scope, *, day: str) -> Spent:
        """See `FactStore.spent`."""
        with self._database.read() as connection:
            return facts.spent(connection, scope, day)

    def spend(self, scope: Scope, *, day: str, spent: Spent) -> None:
        """See `FactStore.spend`."""
        self._database.write(lambda connection: facts.spend(connection, scope, day, spent))
