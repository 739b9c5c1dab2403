"""Language models for tests: answers as told, failures, lies, chatter, and one that takes its time. All count calls."""

from __future__ import annotations

import json
import threading
import time
from collections.abc import Callable, Mapping, Sequence

from memstrata.core.records import Completion, Prompt
from memstrata.core.tokens import estimated_tokens
from memstrata.errors import ModelError, ModelUnavailable
from memstrata.ports import LanguageModel
from memstrata.types import Json


class ScriptedModel:
    """Gives `answers` one after the other, raises those that are errors, and ModelError when none is left.

    `calls` counts what was asked, `prompts` and `max_tokens` keep it. Tokens are estimated.
    """

    def __init__(self, answers: Sequence[str | ModelError] = (), *, name: str = "scripted") -> None:
        self._name = name
        self._answers = list(answers)
        self._lock = threading.Lock()
        self.calls = 0
        self.prompts: list[Prompt] = []
        self.max_tokens: list[int] = []

    @property
    def name(self) -> str:
        """As given."""
        return self._name

    def complete(self, prompt: Prompt, *, max_tokens: int) -> Completion:
        """See `LanguageModel.complete`."""
        with self._lock:
            self.calls += 1
            self.prompts.append(prompt)
            self.max_tokens.append(max_tokens)
            answer = self._answer(prompt)
        if isinstance(answer, ModelError):
            raise answer
        return Completion(
            text=answer,
            prompt_tokens=estimated_tokens(prompt.system) + estimated_tokens(prompt.user),
            completion_tokens=estimated_tokens(answer),
        )

    def _answer(self, prompt: Prompt) -> str | ModelError:
        return self._answers.pop(0) if self._answers else ModelError("the script has no more answers")


class FailingModel(ScriptedModel):
    """Raises `error` (ModelUnavailable) for the first `failures` calls, for all with None, then asks `inner`."""

    def __init__(
        self, inner: LanguageModel | None = None, *, failures: int | None = None, error: ModelError | None = None
    ) -> None:
        super().__init__(name="failing" if inner is None else inner.name)
        self._inner = inner
        self._failures = failures
        self._error = error or ModelUnavailable("failing as the test asked")

    def complete(self, prompt: Prompt, *, max_tokens: int) -> Completion:
        """See `LanguageModel.complete`."""
        with self._lock:
            self.calls += 1
            self.prompts.append(prompt)
            failing = self._failures is None or self.calls <= self._failures
        if failing or self._inner is None:
            raise self._error
        return self._inner.complete(prompt, max_tokens=max_tokens)


class LyingModel(ScriptedModel):
    """Answers in the form that is asked for with a fact that nobody told, resting on words that nobody said."""

    lie = ("I have always owned a submarine", "The user has always owned a submarine.")
    """The quotation and the fact."""

    def __init__(self) -> None:
        super().__init__(name="lying")

    def _answer(self, prompt: Prompt) -> str:
        return facts_answer(stated_fact(1, *self.lie))


class RamblingModel(ScriptedModel):
    """Talks, and never in JSON."""

    chatter = "Well, let me think. People say many things, and who is to tell which of them are facts?"

    def __init__(self) -> None:
        super().__init__(name="rambling")

    def _answer(self, prompt: Prompt) -> str:
        return self.chatter


class SlowModel(ScriptedModel):
    """Asks `inner` after `seconds` of `sleep`, which tests replace."""

    def __init__(self, inner: LanguageModel, *, seconds: float, sleep: Callable[[float], None] = time.sleep) -> None:
        super().__init__(name=inner.name)
        self._inner = inner
        self._seconds = seconds
        self._sleep = sleep

    def complete(self, prompt: Prompt, *, max_tokens: int) -> Completion:
        """See `LanguageModel.complete`."""
        with self._lock:
            self.calls += 1
            self.prompts.append(prompt)
        self._sleep(self._seconds)
        return self._inner.complete(prompt, max_tokens=max_tokens)


def stated_fact(turn: int, quote: str, text: str | None = None, **fields: Json) -> dict[str, Json]:
    """A fact as a model states it: every field that the schema asks for; the text is the quotation unless given."""
    fact: dict[str, Json] = {
        "turn": turn,
        "quote": quote,
        "text": quote if text is None else text,
        "kind": "statement",
        "slot": None,
        "value": None,
        "subject": "user",
        "speaker": "user",
        "negated": False,
        "valid_from": None,
        "valid_to": None,
        "event_from": None,
        "event_to": None,
        "precision": None,
        "confidence": 0.9,
        "entities": [],
    }
    return fact | fields


def facts_answer(*facts: Mapping[str, Json]) -> str:
    """A model's answer with these facts."""
    return json.dumps({"facts": list(facts)}, ensure_ascii=False)
