"""The verbs of facts, which `Memory` has beside its own: ask, look back, correct, confirm, undo.

Each names its steps; the slices do them. Every verb names a scope. A fact or change that the scope does not hold
raises `NotFound`, whoever else may have it.
"""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime

from memstrata.core.facts.reading import BELIEVED
from memstrata.core.messages import checked_scope
from memstrata.core.records import FactQuery
from memstrata.core.requests import (
    checked_kinds,
    checked_limit,
    checked_query,
    checked_statuses,
    optional_time,
    read_view,
)
from memstrata.errors import NotFound
from memstrata.parts import Parts
from memstrata.recall.facts import FactRequest, aliases, find_facts
from memstrata.recall.profile import build_profile, in_time
from memstrata.types import Change, ChangeKind, Fact, FactKind, Facts, FactStatus, Profile, Scope
from memstrata.update.wishes import undoing, unless_stale, wish

Time = datetime | str
MOST_OF_A_PROFILE = 1000


class FactVerbs:
    """Facts of a memory; see `Memory`."""

    _parts: Parts

    def facts(
        self,
        query: str | None = None,
        *,
        user_id: str | None = None,
        agent_id: str | None = None,
        app_id: str | None = None,
        run_id: str | None = None,
        about: str | None = None,
        kind: FactKind | Sequence[FactKind] | None = None,
        status: FactStatus | Sequence[FactStatus] = BELIEVED,
        as_of: Time | None = None,
        known_at: Time | None = None,
        current: bool = True,
        limit: int = 10,
    ) -> Facts:
        """Facts that answer a question, best first, at most `limit` (1 to 1,000); without a query the surest, latest.

        `as_of`: those that held then; now, where it is left out, or with `current=False` whatever their time.
        `known_at`: as it was believed then. `about`: those about this person or thing, under any of its names.
        `kind`: of these kinds. `status`: that stand so, by default those that are believed; `"quarantined"` lists
        what waits for the user's word. Muted facts are never among them.
        """
        scope = checked_scope(user_id, agent_id, app_id, run_id)
        at = optional_time(as_of, what="as_of") or (self._parts.clock() if current else None)
        request = FactRequest(
            query=None if query is None else checked_query(query),
            about=about,
            kinds=checked_kinds(kind),
            statuses=checked_statuses(status),
            at=at,
            known_at=optional_time(known_at, what="known_at"),
            limit=checked_limit(limit),
            view=read_view(as_of=None, known_at=known_at, filters=None),
        )
        parts = self._parts
        return parts.noted(scope, find_facts(parts.store, parts.embedder, scope, request, log_kind=parts.log_kind))

    def fact(
        self,
        id: str,  # noqa: A002 - the field's word
        *,
        user_id: str | None = None,
        agent_id: str | None = None,
        app_id: str | None = None,
        run_id: str | None = None,
    ) -> Fact:
        """One fact by its id, however it stands."""
        return self._fact(checked_scope(user_id, agent_id, app_id, run_id), id)

    def profile(
        self,
        user_id: str | None = None,
        *,
        agent_id: str | None = None,
        app_id: str | None = None,
        run_id: str | None = None,
        as_of: Time | None = None,
    ) -> Profile:
        """A readable page of what holds now (or at `as_of`), in sections, each line with its source."""
        found = self.facts(
            user_id=user_id, agent_id=agent_id, app_id=app_id, run_id=run_id, as_of=as_of, limit=MOST_OF_A_PROFILE
        )
        return build_profile(found)

    def timeline(
        self,
        entity: str,
        *,
        user_id: str | None = None,
        agent_id: str | None = None,
        app_id: str | None = None,
        run_id: str | None = None,
        limit: int = 100,
    ) -> list[Fact]:
        """What was told about a person or thing, under any of its names, in the order in which it happened."""
        scope = checked_scope(user_id, agent_id, app_id, run_id)
        names = aliases(self._parts.store, scope, checked_query(entity))
        found = self._parts.store.facts(scope, FactQuery(entities=names, statuses=BELIEVED))
        return in_time([fact for fact in found if not fact.muted])[: checked_limit(limit)]

    def history(
        self,
        id: str,  # noqa: A002
        *,
        user_id: str | None = None,
        agent_id: str | None = None,
        app_id: str | None = None,
        run_id: str | None = None,
    ) -> list[Change]:
        """Every change of a fact, in order: when it began to be believed, by whom, and what became of it."""
        scope = checked_scope(user_id, agent_id, app_id, run_id)
        return self._parts.store.fact_log(scope, [self._fact(scope, id).id])

    def correct(
        self,
        id: str,  # noqa: A002
        text: str,
        *,
        user_id: str | None = None,
        agent_id: str | None = None,
        app_id: str | None = None,
        run_id: str | None = None,
        version: str | None = None,
    ) -> Fact:
        """Put the user's own words in the place of a fact, which was never right. Returns the new fact.

        `version`: the `Fact.version` that the caller saw; where the fact has changed since, `Stale` is raised and
        nothing is written. So for the other verbs that change a fact.
        """
        scope = checked_scope(user_id, agent_id, app_id, run_id)
        new_id = self._parts.correct(scope, lambda: self._fact(scope, id), checked_query(text), version=version)
        return self._fact(scope, new_id)

    def retire(
        self,
        id: str,  # noqa: A002
        *,
        user_id: str | None = None,
        agent_id: str | None = None,
        app_id: str | None = None,
        run_id: str | None = None,
        version: str | None = None,
    ) -> Fact:
        """Believe a fact no more: it never was right. Its history stays; to erase it, forget its episodes."""
        return self._wish("retired", checked_scope(user_id, agent_id, app_id, run_id), id, version)

    def confirm(
        self,
        id: str,  # noqa: A002
        *,
        user_id: str | None = None,
        agent_id: str | None = None,
        app_id: str | None = None,
        run_id: str | None = None,
        version: str | None = None,
    ) -> Fact:
        """The user says yes: a fact leaves quarantine or dispute."""
        return self._wish("confirmed", checked_scope(user_id, agent_id, app_id, run_id), id, version)

    def reject(
        self,
        id: str,  # noqa: A002
        *,
        user_id: str | None = None,
        agent_id: str | None = None,
        app_id: str | None = None,
        run_id: str | None = None,
        version: str | None = None,
    ) -> Fact:
        """The user says no to a fact that waits in quarantine, or to any other."""
        return self._wish("rejected", checked_scope(user_id, agent_id, app_id, run_id), id, version)

    def pin(
        self,
        id: str,  # noqa: A002
        *,
        user_id: str | None = None,
        agent_id: str | None = None,
        app_id: str | None = None,
        run_id: str | None = None,
        pinned: bool = True,
        version: str | None = None,
    ) -> Fact:
        """Keep a fact among the first wherever it bears on a question; `pinned=False` takes that back."""
        kind: ChangeKind = "pinned" if pinned else "unpinned"
        return self._wish(kind, checked_scope(user_id, agent_id, app_id, run_id), id, version)

    def mute(
        self,
        id: str,  # noqa: A002
        *,
        user_id: str | None = None,
        agent_id: str | None = None,
        app_id: str | None = None,
        run_id: str | None = None,
        muted: bool = True,
        version: str | None = None,
    ) -> Fact:
        """Never bring a fact up, without forgetting it; `muted=False` takes that back."""
        kind: ChangeKind = "muted" if muted else "unmuted"
        return self._wish(kind, checked_scope(user_id, agent_id, app_id, run_id), id, version)

    def undo(
        self,
        id: str,  # noqa: A002
        *,
        user_id: str | None = None,
        agent_id: str | None = None,
        app_id: str | None = None,
        run_id: str | None = None,
    ) -> list[Change]:
        """Undo a change and all that was decided with it; returns the lines that say so (undo them to redo)."""
        scope = checked_scope(user_id, agent_id, app_id, run_id)
        store = self._parts.store
        change = store.change(scope, id)
        if change is None:
            raise NotFound(f"no change {id!r} in this scope")
        home = scope.partition  # a decision may have changed facts of other runs
        lines = undoing(change, store.fact_log(home), cause=self._parts.make_id("us"), at=self._parts.clock())
        return store.change_facts(home, lines, expected=None)

    def _fact(self, scope: Scope, id_: str) -> Fact:
        found = self._parts.store.facts(scope, FactQuery(ids=[checked_query(id_)]))
        if not found:
            raise NotFound(f"no fact {id_!r} in this scope")
        return found[0]

    def _wish(self, kind: ChangeKind, scope: Scope, id_: str, version: str | None) -> Fact:
        store, fact = self._parts.store, self._fact(scope, id_)
        changes = wish(kind, fact.id, cause=self._parts.make_id("us"), at=self._parts.clock())

        def write(expected: int | None) -> list[Change]:
            return store.change_facts(scope, changes, expected=expected)

        unless_stale(store, scope, lambda: self._fact(scope, id_), write, version=version)
        return self._fact(scope, id_)
