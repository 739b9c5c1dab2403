"""A chat model on this machine: a conversation becomes tokens, and what was read before may be attached instead.

Not for tools: models of this size do not call them, and a wish for one is refused before anything is read.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from memstrata.core.records import Piece
from memstrata.core.turns import text_of
from memstrata.errors import ModelError
from memstrata.models.local.runtime import LocalRuntime, Sampling
from memstrata.types import Json

if TYPE_CHECKING:
    from memstrata.models.local.keyvalues import KeyValues

_ROLES = {"developer": "system", "function": "user", "tool": "user"}
"""Roles that chat templates seldom know, and what they are read as."""


class LocalChatModel:
    """Converses with `model`: a `LocalRuntime`, or what one is made of ("smollm2", a folder, a hub id).

    Where a conversation and its answer do not fit the model's window, the oldest turns behind the system message are
    left out, as is what they alone held. Safe to call from several threads, which take turns word by word. Raises
    ModelError or ModelUnavailable where the model cannot be had; it is loaded on first use.
    """

    def __init__(self, model: str | Path | LocalRuntime, *, sampling: Sampling | None = None) -> None:
        self._name = model.name if isinstance(model, LocalRuntime) else str(model)
        self.runtime = model if isinstance(model, LocalRuntime) else LocalRuntime(model)
        self.sampling = sampling or Sampling()

    @property
    def name(self) -> str:
        """What the model was called when it was chosen."""
        return self._name

    @property
    def fingerprint(self) -> str:
        """See `LocalRuntime.fingerprint`."""
        return self.runtime.fingerprint

    def reply(
        self, messages: Sequence[Mapping[str, Json]], *, tools: Sequence[Mapping[str, Json]] = ()
    ) -> Iterator[Piece]:
        """The answer to a conversation, read from its beginning. See `ChatModel.reply`."""
        self.refuse_tools(tools)
        return self.answer(self.prompt(messages))

    def refuse_tools(self, tools: Sequence[Mapping[str, Json]]) -> None:
        """Raises ModelError where there are any."""
        if tools:
            raise ModelError(f"the local model {self._name!r} calls no tools; leave them out, or choose another model")

    def prompt(self, messages: Sequence[Mapping[str, Json]]) -> list[int]:
        """The tokens of a conversation up to where the answer begins. Raises ModelError where it cannot fit."""
        turns: list[dict[str, Json]] = [_turn(message) for message in messages]
        room = self.runtime.window - self.sampling.max_tokens
        first = 1 if turns and turns[0]["role"] == "system" else 0
        while True:
            ids = self.runtime.encode(self.runtime.rendered(turns))
            if len(ids) <= room:
                return ids
            if len(turns) <= first + 1:
                raise ModelError(
                    f"the last message has more tokens than the {room} that the window of {self._name!r} leaves;"
                    " send less, or choose another model"
                )
            del turns[first]

    def answer(self, ids: Sequence[int], *, after: Sequence[KeyValues] = ()) -> Iterator[Piece]:
        """The answer to a prompt of which `after` holds what comes before `ids`."""
        for text in self.runtime.generate(ids, after=after, sampling=self.sampling):
            yield Piece(text=text)


def _turn(message: Mapping[str, Json]) -> dict[str, Json]:
    role = str(message.get("role"))
    return {"role": _ROLES.get(role, role), "content": text_of(message.get("content"))}
