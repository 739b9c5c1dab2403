"""What was recalled for the earlier turns of a conversation, kept in its place so that the prompt only grows.

Clients send a conversation without what the memory added to it. Left out, or written anew at another place, it would
change the prompt's beginning with every turn, and neither a provider's prefix cache nor a local model's would hold.
So each recalled text stays before the question that it was recalled for, and later turns tell only what is new. It is
left out again once anything in it was forgotten or no longer holds. The ledger lives in memory, with this process.
"""

from __future__ import annotations

import threading
from collections import OrderedDict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from memstrata.chat.recalling import Present
from memstrata.core.ids import digest
from memstrata.core.scoping import named
from memstrata.core.tokens import Tokenizer
from memstrata.core.turns import ids_of, last_question, turns_of_chat
from memstrata.errors import NotFound
from memstrata.memory import Memory
from memstrata.types import Fact, Hit, Json, Scope

MOST_TURNS = 10_000
"""Turns that a process keeps the recalled text of, all conversations together."""
MOST_BUDGETS = 8
"""How many turns' budgets the recalled texts of one conversation may fill; then it begins anew with the next."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Entry:
    """What was recalled for one turn."""

    text: str
    hits: tuple[Hit, ...]


class Ledger:
    """The recalled texts of conversations. Safe to use from several threads."""

    def __init__(self, memory: Memory, *, count: Tokenizer) -> None:
        self._memory, self._count = memory, count
        self._entries: OrderedDict[tuple[bytes, str], Entry] = OrderedDict()
        self._lock = threading.Lock()

    def earlier(self, scope: Scope, messages: Sequence[Mapping[str, Json]], *, max_tokens: int) -> dict[int, Entry]:
        """What stands before each earlier question, by the place of its message; only what still holds."""
        places = marked(messages)
        last = last_question(messages)
        found = {place: entry for place, mark in places.items() if place != last and (entry := self._at(scope, mark))}
        kept = {place: entry for place, entry in found.items() if all(self._holds(scope, hit) for hit in entry.hits)}
        for place in found.keys() - kept.keys():
            self._drop(scope, places[place])
        if sum(self._count(entry.text) for entry in kept.values()) > MOST_BUDGETS * max_tokens:
            for place in kept:
                self._drop(scope, places[place])
            return {}
        return kept

    def note(self, scope: Scope, messages: Sequence[Mapping[str, Json]], text: str, hits: Sequence[Hit]) -> None:
        """Remember what was recalled for the last question."""
        place = last_question(messages)
        if place is None or not text:
            return
        key = _key(scope, marked(messages)[place])
        with self._lock:
            self._entries[key] = Entry(text=text, hits=tuple(hits))
            self._entries.move_to_end(key)
            if len(self._entries) > MOST_TURNS:
                self._entries.popitem(last=False)

    def _at(self, scope: Scope, mark: str) -> Entry | None:
        with self._lock:
            return self._entries.get(_key(scope, mark))

    def _drop(self, scope: Scope, mark: str) -> None:
        with self._lock:
            self._entries.pop(_key(scope, mark), None)

    def _holds(self, scope: Scope, hit: Hit) -> bool:
        home = named(scope.partition)
        try:
            if isinstance(hit.item, Fact):
                return self._memory.fact(hit.item.id, **home).version == hit.item.version
            return self._memory.episode(hit.item.id, **home).text == hit.item.text
        except NotFound:
            return False


def shown_in(entries: Mapping[int, Entry]) -> Present:
    """Whether a hit is told in one of these entries."""
    ids = {hit.item.id for entry in entries.values() for hit in entry.hits}
    return lambda hit: hit.item.id in ids


def marked(messages: Sequence[Mapping[str, Json]]) -> dict[int, str]:
    """A mark a message that is a turn, of it and all turns before it, by its place."""
    places = [place for place, message in enumerate(messages) if turns_of_chat([message])]
    return dict(zip(places, ids_of(turns_of_chat([messages[place] for place in places])), strict=True))


def _key(scope: Scope, mark: str) -> tuple[bytes, str]:
    home = scope.partition
    return digest(home.user_id, home.agent_id, home.app_id, home.run_id), mark
