"""Which adapters a memory should have: rows that ask for them, each with the job that makes it.

A row is written before any byte of its adapter. What is forgotten takes its row with it in the store's own
transaction, and what changes makes it stale; `refresh` then asks for the shard anew, of what is left.
"""

from __future__ import annotations

import shutil
from collections.abc import Callable, Sequence
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any, cast

from memstrata.core.artifacts import MAY_BE_SOURCES, artifact_id
from memstrata.core.records import FactQuery
from memstrata.core.training import Recipe
from memstrata.errors import InvalidInput, NotFound
from memstrata.parametric.policy import SETTLED, Consent, teachable
from memstrata.parametric.sharding import Shard, sharded
from memstrata.parametric.wordings import Askable, askable
from memstrata.ports import Store
from memstrata.types import Artifact, ArtifactKind, ArtifactStatus, Fact, FactKind, Scope

KIND: ArtifactKind = "adapter"
KINDS = "kinds"
"""In an adapter's recipe: the kinds of facts that its person let be trained on."""
_SETTLED_ROWS: tuple[ArtifactStatus, ...] = ("making", "ready", "kept", "refused")


def queue_of(base: str) -> str:
    """The queue of a model's adapters; only a worker with that model serves it."""
    return f"adapt/{base}"


class AdapterRows:
    """The adapters of a store's memories for the model whose files have the digest `base`; the model is not needed."""

    def __init__(
        self,
        store: Store,
        base: str,
        *,
        clock: Callable[[], datetime],
        recipe: Recipe | None = None,
        settled: timedelta = SETTLED,
    ) -> None:
        self._store, self._base, self._clock = store, base, clock
        self._recipe, self._settled = recipe or Recipe(), settled

    def promote(self, scope: Scope, kinds: Sequence[FactKind]) -> list[Artifact]:
        """Have a memory's facts of these kinds learned; returns the rows of all adapters that it then has or will have.

        The kinds are the person's consent, and kept with every adapter; those of the last call count. Raises
        InvalidInput without any.
        """
        if not kinds:
            raise InvalidInput("name the kinds of facts that may be trained on; by default none may")
        self._ask(scope, Consent(kinds=frozenset(kinds)), self.rows(scope), self._recipe)
        return self.rows(scope)

    def rows(self, scope: Scope) -> list[Artifact]:
        """A memory's adapters for this model, whatever their status, the oldest first."""
        return [each for each in self._store.artifacts(scope, kinds=[KIND]) if each.model == self._base]

    def refresh(self, scope: Scope, before: Sequence[Artifact] = ()) -> bool:
        """Ask for what a memory's adapters lack after something was forgotten or changed; True where that is anything.

        `before`: its rows before that, for those of what was forgotten are gone. The consent and the recipe of the
        newest hold on.
        """
        mine = [each for each in before if each.model == self._base]
        known = list({each.id: each for each in (*mine, *self.rows(scope))}.values())
        if not known:
            return False
        kinds, recipe = read_recipe(max(known, key=lambda each: each.made_at))
        return bool(kinds) and self._ask(scope, Consent(kinds=kinds), known, recipe)

    def _ask(self, scope: Scope, consent: Consent, known: Sequence[Artifact], recipe: Recipe) -> bool:
        held = facts_of(self._store, scope)
        facts = teachable(held, consent, now=self._clock(), settled=self._settled)
        there = {each.id for each in self.rows(scope) if each.status in _SETTLED_ROWS}
        sources = {fact.id: (fact.id, *(each.episode_id for each in fact.sources)) for fact in held}
        begun = False
        for shard in sharded(facts, known=subjects_of(known, askable_of(held))):
            row = self._row(shard, consent, recipe, [id_ for fact in shard.facts for id_ in sources[fact.fact_id]])
            if row.id not in there:
                begun |= self._store.begin_artifact(scope, row, queue=queue_of(self._base))
        return begun

    def _row(self, shard: Shard, consent: Consent, how: Recipe, sources: Sequence[str]) -> Artifact:
        recipe: dict[str, Any] = {**how.as_json(), KINDS: sorted(consent.kinds)}
        chosen = tuple(dict.fromkeys(sources))
        return Artifact(
            id=artifact_id(KIND, model=self._base, series=shard.series, recipe=recipe, sources=chosen),
            kind=KIND,
            series=shard.series,
            status="making",
            model=self._base,
            sources=chosen,
            recipe=recipe,
            made_at=self._clock(),
        )


def refresh_all(
    store: Store, scope: Scope, *, clock: Callable[[], datetime], before: Sequence[Artifact] = ()
) -> list[str]:
    """`AdapterRows.refresh` for every model that the memory has or had adapters for; the queues that have work now."""
    bases = dict.fromkeys(each.model for each in (*before, *store.artifacts(scope, kinds=[KIND])))
    return [queue_of(base) for base in bases if AdapterRows(store, base, clock=clock).refresh(scope, before)]


def go_back_to(store: Store, scope: Scope, id_: str) -> Artifact:
    """Make an earlier version of an adapter the ready one. Raises NotFound where it is none that was kept."""
    kept = {each.id for each in store.artifacts(scope, kinds=[KIND], statuses=["kept"])}
    if id_ not in kept or not store.publish_artifact(scope, id_):
        raise NotFound(f"no adapter {id_!r} is kept; see which versions there are")
    return next(each for each in store.artifacts(scope, kinds=[KIND]) if each.id == id_)


def copy_out(store: Store, scope: Scope, id_: str, folder: Path) -> int:
    """Copy an adapter's files into a new folder; returns their bytes. Raises NotFound, and InvalidInput for a folder
    that is there."""
    if not any(each.id == id_ for each in store.artifacts(scope, kinds=[KIND], statuses=["ready", "kept"])):
        raise NotFound(f"no adapter {id_!r} is ready or kept; see which versions there are")
    if folder.exists():
        raise InvalidInput(f"{str(folder)!r} is there already; name a folder that is to be made")
    with store.blobs.reading(store.blob_name(scope, id_)) as source:
        shutil.copytree(source, folder)
    return sum(file.stat().st_size for file in folder.iterdir())


def facts_of(store: Store, scope: Scope, ids: Sequence[str] | None = None) -> list[Fact]:
    """What a memory believes, all or those of these ids; ids of episodes among them are passed over."""
    return store.facts(scope.partition, FactQuery(ids=ids, statuses=MAY_BE_SOURCES))


def askable_of(facts: Sequence[Fact]) -> dict[str, Askable]:
    """Those facts that can be asked for, by id."""
    return {fact.id: made for fact in facts if (made := askable(fact)) is not None}


def subjects_of(rows: Sequence[Artifact], asked: dict[str, Askable]) -> dict[str, list[str]]:
    """The subjects of each series, by the facts that its rows were made of; a subject belongs to one series."""
    found: dict[str, list[str]] = {}
    taken: set[str] = set()
    for row in rows:
        names = [asked[id_].subject for id_ in row.sources if id_ in asked]
        new = [name for name in dict.fromkeys(names) if name not in taken]
        found.setdefault(row.series, []).extend(new)
        taken |= set(new)
    return found


def read_recipe(row: Artifact) -> tuple[frozenset[FactKind], Recipe]:
    """The kinds of facts that were consented to, and how an adapter was, or is to be, trained."""
    kinds = cast("list[FactKind]", row.recipe.get(KINDS) or [])
    return frozenset(kinds), Recipe.from_json({key: each for key, each in row.recipe.items() if key != KINDS})
