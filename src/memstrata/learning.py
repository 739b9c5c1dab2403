"""From episodes to facts: extract, then update. The one place where the two dimensions meet.

The handler of a queue reads a scope's unread episodes in batches, decides outside any transaction, and writes facts
and the mark of how far it has read in one; stopped anywhere and run again, it goes on from there and writes nothing
twice. Where another writer came in between, it decides again; where words were erased meanwhile, it reads again.

A language model has a queue of its own and reads after the rules. Whatever it does, the rules' facts are there, the
episodes wait for it, and `ReadingState` says so.
"""

from __future__ import annotations

import logging
import threading
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import replace
from datetime import datetime
from itertools import takewhile

from memstrata.core.records import CORRECTS, Extracted, Extraction
from memstrata.errors import BudgetExceeded, Closed, LogMoved, ModelError, ModelUnavailable
from memstrata.extract.borrowed import with_lenders
from memstrata.ports import Extractor, Store
from memstrata.schedule.reading import ReadingState, Trouble
from memstrata.schedule.worker import LEASE, Alive, Handler, Postponed
from memstrata.types import Episode, Scope
from memstrata.update.deciding import decide

BATCH = 16
"""Episodes between two signs of life: a fraction of a second by rules."""
MODEL_BATCH = 12
"""Turns of one run that a model reads before what it read is written: one call, if they are not long."""
LED_UP = 4
"""Episodes before a batch that tell whom its pronouns mean."""
MOST_ROUNDS = 20
"""How often a batch is decided again because others wrote; two busy writers need two or three."""
HEARTBEAT_SECONDS = LEASE.total_seconds() / 3

_log = logging.getLogger(__name__)
Rows = list[tuple[int, Episode]]


def extraction_queue(extractor: Extractor) -> str:
    """The queue of an extractor; only a worker that has it serves it."""
    return f"extract/{extractor.name}"


def learn_with(store: Store, extractor: Extractor, *, clock: Callable[[], datetime], space: str | None) -> Handler:
    """The handler that reads a scope. `space`: the vector space by which meaning is compared, None without one."""

    def learn(scope_key: int, alive: Alive) -> None:
        scope = store.scope_of(scope_key)
        while batch := store.unextracted(scope, extractor=extractor.name, limit=BATCH):
            before = _before(store, scope, batch)
            extraction = extractor.extract(scope, _told(batch), before=_episodes(before))
            _write(store, extractor, scope, batch, before, extraction, clock=clock, space=space)
            if not alive():
                return

    return learn


def learn_by_model_with(
    store: Store,
    extractor: Extractor,
    *,
    first: Handler | None,
    state: ReadingState,
    clock: Callable[[], datetime],
    space: str | None,
) -> Handler:
    """The handler that has a model read a scope, after `first` has. Raises `Postponed` where the model cannot."""

    def learn(scope_key: int, alive: Alive) -> None:
        scope = store.scope_of(scope_key)
        while batch := _of_one_run(store.unextracted(scope, extractor=extractor.name, limit=MODEL_BATCH)):
            _only_when_due(state, scope, at=clock())
            if first is not None:
                first(scope_key, alive)
            if not alive():
                return
            before = _before(store, scope, batch)
            try:
                with _kept_alive(alive):
                    extraction = extractor.extract(scope, _told(batch), before=_episodes(before))
            except ModelError as error:
                until = state.failed(scope, _trouble(error), at=clock())
                raise Postponed(str(error), until=until) from error
            shown = [each for each in _episodes([*before, *batch]) if each.run_id == batch[0][1].run_id]
            extraction = replace(extraction, claims=tuple(with_lenders(extraction.claims, shown)))
            if _write(store, extractor, scope, batch, before, extraction, clock=clock, space=space):
                state.went_well(scope, refused=extraction.refused)
            if not alive():
                return
        state.went_well(scope)

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


def _write(
    store: Store,
    extractor: Extractor,
    scope: Scope,
    batch: Rows,
    before: Rows,
    extraction: Extraction,
    *,
    clock: Callable[[], datetime],
    space: str | None,
) -> bool:
    """Decide and write; False, with nothing written, where the words that were read have changed since."""
    mark = Extracted(through=batch[-1][0], extractor=extractor.name)
    for _ in range(MOST_ROUNDS):
        expected = store.last_change(scope)  # an erasure takes a number: one that comes after this is seen below
        if not _unchanged(store, scope, [*before, *batch]):
            return False
        changes = decide(store, scope, batch, extraction.claims, actor=extractor.name, at=clock(), space=space)
        try:
            store.change_facts(scope, changes, expected=expected, extracted=mark)
            return True
        except LogMoved:
            continue
    raise LogMoved(f"facts of the scope changed {MOST_ROUNDS} times while a batch was decided; it is tried again later")


def _unchanged(store: Store, scope: Scope, read: Rows) -> bool:
    """Nothing of these episodes was erased since they were read."""
    now = dict(store.by_rows(scope, [row for row, _ in read]))
    return all(row in now and now[row].text == episode.text for row, episode in read)


def _before(store: Store, scope: Scope, batch: Rows) -> Rows:
    first = batch[0][0]
    return store.by_rows(scope, range(max(0, first - LED_UP), first))


def _of_one_run(rows: Rows) -> Rows:
    """The rows up to where another run begins: what is read with one call is written after it."""
    return list(takewhile(lambda each: each[1].run_id == rows[0][1].run_id, rows))


def _told(batch: Rows) -> list[Episode]:
    """The episodes that are to be read: a correction became a fact when it was said."""
    return [episode for _, episode in batch if CORRECTS not in episode.metadata]


def _episodes(rows: Rows) -> list[Episode]:
    return [episode for _, episode in rows]


def _only_when_due(state: ReadingState, scope: Scope, *, at: datetime) -> None:
    """A job that new words caused is no reason to ask a model sooner that has just failed."""
    standing = state.standing(scope)
    if standing.not_before is not None and at < standing.not_before:
        raise Postponed(f"{standing.trouble}, {standing.failures} times", until=standing.not_before)


def _trouble(error: ModelError) -> Trouble:
    if isinstance(error, BudgetExceeded):
        return "over the budget of the day"
    return "endpoint unavailable" if isinstance(error, ModelUnavailable) else "no usable answer"


@contextmanager
def _kept_alive(alive: Alive) -> Iterator[None]:
    """Extend the lease while a long call is under way."""
    over = threading.Event()

    def beat() -> None:
        while not over.wait(HEARTBEAT_SECONDS):
            try:
                if not alive():
                    return
            except Closed:
                return
            except Exception:  # noqa: BLE001 - the next beat may get through; the call goes on
                _log.warning("a sign of life could not be written", exc_info=True)

    thread = threading.Thread(target=beat, name="memstrata-heartbeat", daemon=True)
    thread.start()
    try:
        yield
    finally:
        over.set()
        thread.join()
