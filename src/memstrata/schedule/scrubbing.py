"""Background work after an erasure: empty the write-ahead log once no reader stands in the way any more."""

from __future__ import annotations

from memstrata.errors import StoreBusy
from memstrata.ports import Store
from memstrata.schedule.worker import Alive, Handler


def scrub_with(store: Store) -> Handler:
    """The handler that scrubs a store; it fails, and is tried again, while a reader is in the way."""

    def scrub(scope_key: int, alive: Alive) -> None:
        if not store.scrub():
            raise StoreBusy("a reader still uses the log")

    return scrub
