"""A chat model on this machine: a conversation becomes tokens, and what was read before may be attached instead.

Not for tools: models of this size do not call them, and a wish for one is refused before anything is read.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING

from memstrata.core.records import Piece
from memstrata.core.turns import text_of
from memstrata.errors import ModelError
from memstrata.models.local.runtime import LocalRuntime, Sampling, shared_runtime
from memstrata.models.local.teacher import LocalTeacher
from memstrata.types import Json, KvForm

if TYPE_CHECKING:
    from torch import Tensor

    from memstrata.models.local.keyvalues import KeyValues
    from memstrata.models.local.lora import Adapter

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
        self.runtime = model if isinstance(model, LocalRuntime) else shared_runtime(model)
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

    def encode(self, text: str) -> list[int]:
        """See `LocalRuntime.encode`."""
        return self.runtime.encode(text)

    def refuse_tools(self, tools: Sequence[Mapping[str, Json]]) -> None:
        """Raises ModelError where there are any."""
        if tools:
            raise ModelError(f"the local model {self._name!r} calls no tools; leave them out, or choose another model")

    def prompt(self, messages: Sequence[Mapping[str, Json]]) -> list[int]:
        """The tokens of a conversation up to where the answer begins. Raises ModelError where it cannot fit."""
        return self.encode(self.rendered(messages))

    def rendered(self, messages: Sequence[Mapping[str, Json]]) -> str:
        """The same as text, with signs of the chat template."""
        turns: list[dict[str, Json]] = [_turn(message) for message in messages]
        room = self.runtime.window - self.sampling.max_tokens
        first = 1 if turns and turns[0]["role"] == "system" else 0
        while True:
            text = self._rendered(turns)
            if len(self.encode(text)) <= room:
                return text
            if len(turns) <= first + 1:
                raise ModelError(
                    f"the last message has more tokens than the {room} that the window of {self._name!r} leaves;"
                    " send less, or choose another model"
                )
            del turns[first]

    def _rendered(self, turns: list[dict[str, Json]]) -> str:
        """The text of a conversation; where the template takes no system message but the first, others join the turn
        that they stand before."""
        try:
            return self.runtime.rendered(turns)
        except ModelError:
            merged = _system_first(turns)
            if merged == turns:
                raise
            return self.runtime.rendered(merged)

    def prefill(self, ids: Sequence[int], *, after: Sequence[KeyValues] = (), start: int | None = None) -> KeyValues:
        """See `LocalRuntime.prefill`."""
        return self.runtime.prefill(ids, after=after, start=start)

    def moved(self, part: KeyValues, start: int) -> KeyValues:
        """See `LocalRuntime.moved`."""
        return self.runtime.moved(part, start)

    def attention_to(self, ids: Sequence[int], *, part: KeyValues, after: Sequence[KeyValues] = ()) -> Tensor:
        """See `LocalRuntime.attention_to`."""
        return self.runtime.attention_to(ids, part=part, after=after)

    def save(self, path: Path, part: KeyValues, *, form: KvForm) -> None:
        """See `models.local.kv_file.save`."""
        from memstrata.models.local import kv_file

        kv_file.save(path, part, form=form)

    def load(self, path: Path) -> KeyValues:
        """See `LocalRuntime.load`."""
        return self.runtime.load(path)

    @cached_property
    def teacher(self) -> LocalTeacher:
        """What teaches this model: it shares the weights in memory."""
        return LocalTeacher(self.runtime)

    def answer(
        self, ids: Sequence[int], *, after: Sequence[KeyValues] = (), adapters: Sequence[Adapter] = ()
    ) -> Iterator[Piece]:
        """The answer to a prompt of which `after` holds what comes before `ids`; with adapters, all of it is `ids`."""
        for text in self.runtime.generate(ids, after=after, sampling=self.sampling, adapters=adapters):
            yield Piece(text=text)


def _system_first(turns: Sequence[dict[str, Json]]) -> list[dict[str, Json]]:
    """The same words with no system message behind the first turn."""
    merged: list[dict[str, Json]] = []
    waiting = ""
    for place, turn in enumerate(turns):
        if turn["role"] == "system" and place:
            waiting += f"{turn['content']}\n\n"
        else:
            merged.append({**turn, "content": f"{waiting}{turn['content']}"})
            waiting = ""
    return merged if not waiting else [*merged, {"role": "user", "content": waiting.rstrip()}]


def _turn(message: Mapping[str, Json]) -> dict[str, Json]:
    role = str(message.get("role"))
    return {"role": _ROLES.get(role, role), "content": text_of(message.get("content"))}
