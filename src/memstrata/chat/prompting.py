"""A conversation with its memory, as it goes to a model: most stable first, and only ever longer.

The standing part ends the system message; each recalled text is a system message of its own before the question that
it was recalled for.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace

from memstrata.chat.ledger import Entry
from memstrata.chat.recalling import RECALLED, Recollection
from memstrata.core.packing import pack
from memstrata.core.telling import before_questions, fenced, with_memory
from memstrata.core.tokens import Tokenizer
from memstrata.core.turns import last_question
from memstrata.types import Hit, Json

Messages = Sequence[Mapping[str, Json]]


@dataclass(frozen=True, slots=True, kw_only=True)
class Prompt:
    """Messages without the memory, what goes where among them, and what was recalled for the last question."""

    messages: Messages
    earlier: Mapping[int, Entry]
    given: Recollection
    max_tokens: int

    @property
    def told(self) -> list[Mapping[str, Json]]:
        """The messages with all of it."""
        return self.with_recalled(self.given.recalled)

    def with_recalled(self, text: str) -> list[Mapping[str, Json]]:
        """The messages with another text for the last question; without a question it ends the system message."""
        texts = {place: entry.text for place, entry in self.earlier.items()}
        asked = last_question(self.messages)
        if asked is None:
            return with_memory(self.messages, "\n\n".join(part for part in (self.given.standing, text) if part))
        texts[asked] = text
        told = with_memory(self.messages, self.given.standing)
        added = len(told) - len(self.messages)  # a system message that was not there moves the others on
        return before_questions(told, {place + added: text for place, text in texts.items()})

    def without(self, hits: Sequence[Hit], *, count: Tokenizer) -> str:
        """The recalled text without some of its hits."""
        gone = {hit.item.id for hit in hits}
        left = [hit for hit in self.given.best if hit.item.id not in gone]
        packed = pack(left, max_tokens=self.max_tokens, count=count) if left else None
        return fenced("recalled", RECALLED, packed.text) if packed is not None and packed.text else ""

    def going_on(self, more: Messages) -> Prompt:
        """The same conversation with further messages."""
        return replace(self, messages=[*self.messages, *more])
