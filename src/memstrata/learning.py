"""From episodes to facts: extract, then update. The one place where the two dimensions meet.

The handler of a queue reads a scope's unread episodes in batches, decides outside any transaction, and writes facts
and the mark of how far it has read in one; stopped anywhere and run again, it goes on from there and writes nothing
twice. Where another writer came in between, it decides again.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from datetime import datetime

from memstrata.core.records import CORRECTS, Extracted
from memstrata.errors import LogMoved
from memstrata.ports import Extractor, Store
from memstrata.schedule.worker import Alive, Handler
from memstrata.types import Episode, Scope
from memstrata.update.deciding import decide

BATCH = 16
"""Episodes between two signs of life: a fraction of a second by rules."""
LED_UP = 4
"""Episodes before a batch that tell whom its pronouns mean."""
MOST_ROUNDS = 20
"""How often a batch is decided again because others wrote; two busy writers need two or three."""


def extraction_queue(extractor: Extractor) -> str:
    """The queue of an extractor; only a worker that has it serves it."""
    return f"extract/{extractor.name}"


def learn_with(store: Store, extractor: Extractor, *, clock: Callable[[], datetime], space: str | None) -> Handler:
    """The handler that reads a scope. `space`: the vector space by which meaning is compared, None without one."""

    def learn(scope_key: int, alive: Alive) -> None:
        scope = store.scope_of(scope_key)
        while batch := store.unextracted(scope, extractor=extractor.name, limit=BATCH):
            _learn_batch(store, extractor, scope, batch, clock=clock, space=space)
            if not alive():
                return

    return learn


def read_again(store: Store, extractor: Extractor, scope: Scope, episode_ids: Sequence[str], *, at: datetime) -> None:
    """Read episodes whose text has changed once more: what is left of them may still be a fact.

    What was read before has its id or says the same with the same source, so it is not written twice.
    """
    episodes = store.by_ids(scope, episode_ids)
    claims = extractor.extract(scope, episodes, before=()).claims
    rows = [(-1, episode) for episode in episodes]
    changes = decide(store, scope, rows, claims, actor=extractor.name, at=at, space=None)
    store.change_facts(scope, changes, expected=None)


def _learn_batch(
    store: Store,
    extractor: Extractor,
    scope: Scope,
    batch: list[tuple[int, Episode]],
    *,
    clock: Callable[[], datetime],
    space: str | None,
) -> None:
    first, last = batch[0][0], batch[-1][0]
    before = [episode for _, episode in store.by_rows(scope, range(max(0, first - LED_UP), first))]
    told = [episode for _, episode in batch if CORRECTS not in episode.metadata]
    extraction = extractor.extract(scope, told, before=before)
    mark = Extracted(through=last, extractor=extractor.name)
    for _ in range(MOST_ROUNDS):
        expected = store.last_change(scope)
        changes = decide(store, scope, batch, extraction.claims, actor=extractor.name, at=clock(), space=space)
        try:
            store.change_facts(scope, changes, expected=expected, extracted=mark)
            return
        except LogMoved:
            continue
    raise LogMoved(f"facts of the scope changed {MOST_ROUNDS} times while a batch was decided; it is tried again later")
