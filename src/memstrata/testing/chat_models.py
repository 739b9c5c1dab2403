"""Models to chat with, for tests: replies as told, failures, a model that repeats what it is told of the memory."""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator, Mapping, Sequence

from memstrata.core.records import Piece, ToolCall
from memstrata.core.turns import text_of
from memstrata.errors import ModelError
from memstrata.types import Json

Said = str | ModelError | Sequence[ToolCall]
Messages = Sequence[Mapping[str, Json]]


class ScriptedChatModel:
    """Gives `replies` one after the other, word by word: a text, calls of tools, or an error to raise; then `usual`.

    `asked` and `tools` keep what it was asked with. An error raised after `words` words comes in mid-answer.
    """

    def __init__(
        self,
        replies: Sequence[Said] = (),
        *,
        usual: str | Callable[[Messages], str] = "Understood.",
        breaks_after: int | None = None,
    ) -> None:
        self._replies, self._usual, self._breaks_after = list(replies), usual, breaks_after
        self._lock = threading.Lock()
        self.asked: list[list[Mapping[str, Json]]] = []
        self.tools: list[list[Mapping[str, Json]]] = []

    @property
    def name(self) -> str:
        """As all scripted ones."""
        return "scripted"

    def reply(self, messages: Messages, *, tools: Sequence[Mapping[str, Json]] = ()) -> Iterator[Piece]:
        """See `ChatModel.reply`."""
        with self._lock:
            self.asked.append(list(messages))
            self.tools.append(list(tools))
            said = self._replies.pop(0) if self._replies else self._usual
        if isinstance(said, ModelError):
            raise said
        if not isinstance(said, str) and callable(said):
            said = said(messages)
        if not isinstance(said, str):
            yield Piece(calls=tuple(said))
            return
        for place, word in enumerate(said.split(" ")):
            if place == self._breaks_after:
                raise ModelError("broke off as the test asked")
            yield Piece(text=word if place == 0 else f" {word}")


def told(messages: Messages) -> str:
    """What a model is told of the memory: its system messages."""
    texts = [text_of(each.get("content")) for each in messages if each.get("role") == "system"]
    return "\n\n".join(texts) or "Nothing."
