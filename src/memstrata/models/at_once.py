"""A language model that is asked only so often at the same time, whoever asks."""

from __future__ import annotations

import threading

from memstrata.core.records import Completion, Prompt
from memstrata.errors import InvalidInput
from memstrata.ports import LanguageModel

AT_ONCE = 2


class AtOnce:
    """Does what `model` does, `calls` times at once; others wait for their turn. Implements `LanguageModel`."""

    def __init__(self, model: LanguageModel, *, calls: int = AT_ONCE) -> None:
        if calls < 1:
            raise InvalidInput("calls at once are at least 1")
        self._model = model
        self._free = threading.Semaphore(calls)

    @property
    def name(self) -> str:
        """The model's."""
        return self._model.name

    def complete(self, prompt: Prompt, *, max_tokens: int) -> Completion:
        """See `LanguageModel.complete`."""
        with self._free:
            return self._model.complete(prompt, max_tokens=max_tokens)
