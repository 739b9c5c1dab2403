"""Facts as they were last read: one whose row has not changed is not read out of its JSON again.

A row is compared with what was kept of it, so nothing has to be told of changes, and no answer can be an older one.
"""

from __future__ import annotations

import threading
from collections.abc import Sequence
from typing import cast

from memstrata.stores.sqlite.fact_rows import fact_of
from memstrata.types import Fact

MOST_CHARACTERS = 1 << 22
"""Of the JSON of all facts that are kept: some ten thousand, in about 40 MiB."""


class FactCache:
    """Safe to use from several threads."""

    def __init__(self, *, most_characters: int = MOST_CHARACTERS) -> None:
        self._most = most_characters
        self._kept: dict[str, tuple[str, Fact]] = {}
        self._characters = 0
        self._lock = threading.Lock()

    def fact(self, row: Sequence[object]) -> Fact:
        """A fact from the columns of the query `facts`."""
        id_, status, body = cast("tuple[str, str, str]", row)
        kept = self._kept.get(id_)
        if kept is not None and kept[1].status == status and kept[0] == body:
            return kept[1]
        fact = fact_of(row)
        with self._lock:
            before = self._kept.pop(id_, None)
            self._characters += len(body) - (0 if before is None else len(before[0]))
            if self._characters > self._most:  # all at once: what is asked for again is soon back
                self._kept.clear()
                self._characters = len(body)
            self._kept[id_] = (body, fact)
        return fact

    def clear(self) -> None:
        """Keep nothing: the words of some of it were erased."""
        with self._lock:
            self._kept.clear()
            self._characters = 0
