"""Language models of services with OpenAI's interface (`POST /v1/chat/completions`): OpenAI, Ollama, vLLM and more."""

from __future__ import annotations

import json
import re
import threading
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from typing import Literal

from memstrata.core.records import Completion, Prompt
from memstrata.core.tokens import estimated_tokens
from memstrata.errors import InvalidInput, ModelError, ModelUnavailable
from memstrata.models.service import Answer, NoAnswer, Patience, Service, checked_key, endpoint, is_openai

TRIES = 3
RETRY_SECONDS = 20.0
"""From the first try on, no other begins later than this: whoever waits longer had better come back as a job."""
MOST_BYTES = 2_000_000
"""Of an answer, headers not counted: some 500,000 tokens."""
TRY_AGAIN = frozenset({408, 409, 425, 429})

Format = Literal["json_schema", "json_object", "none"]
_SIMPLER: dict[Format, Format] = {"json_schema": "json_object", "json_object": "none"}
_LIMIT = re.compile(r"\bmax_(?:completion_)?tokens\b")


@dataclass(frozen=True, slots=True, kw_only=True)
class _Dialect:
    """What an endpoint understands of OpenAI's interface; learnt from its refusals."""

    format: Format = "json_schema"
    limit: Literal["max_tokens", "max_completion_tokens"] = "max_tokens"
    temperature: bool = True


class OpenAIChat:
    """Asks `model` of the service at `base_url` (OpenAI's own), at temperature 0; connects when it is first used.

    `timeout_s` is for one try from its beginning to the last byte. After 408, 409, 429, 5xx, timeouts and broken
    connections it is tried again, three times in all and none begun later than 20 s after the first; so a call takes
    20 s and one timeout at most. `at_once` calls are under way at a time, others wait for one of them.

    Raises `ModelUnavailable` where no try was answered, `ModelError` for a refusal or an answer that is none. A schema
    goes as `response_format`; where the endpoint refuses that with 400 or 422, in the prompt's words, from then on.
    """

    def __init__(
        self,
        model: str,
        *,
        base_url: str | None = None,
        api_key: str | None = None,
        timeout_s: float = 60.0,
        at_once: int = 2,
        pause: Callable[[float], None] = time.sleep,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        url = endpoint(base_url, path="/chat/completions", what="language model")
        if is_openai(url) and not (api_key or "").strip():
            raise ModelError("OpenAI's models need a key: set OPENAI_API_KEY, or OPENAI_BASE_URL of another service")
        if at_once < 1 or timeout_s <= 0:
            raise InvalidInput("at_once is at least 1, timeout_s more than 0")
        self._service = Service(
            url, api_key=checked_key(api_key), timeout_s=timeout_s, most_bytes=MOST_BYTES, pause=pause, clock=clock
        )
        self._patience = Patience(
            tries=TRIES,
            statuses=TRY_AGAIN,
            longest_pause_s=RETRY_SECONDS + 1,  # asked for more than there is time for, we give up at once
            total_s=RETRY_SECONDS,
            try_s=timeout_s,
        )
        self._model = model
        self._free = threading.Semaphore(at_once)
        self._dialect = _Dialect()

    @property
    def name(self) -> str:
        """The model's name; where it is served does not change what it is."""
        return self._model

    def complete(self, prompt: Prompt, *, max_tokens: int) -> Completion:
        """See `LanguageModel.complete`. A text that was cut at `max_tokens` is returned as it is."""
        with self._free:
            dialect = self._dialect
            while True:
                answer = self._post(_body(self._model, prompt, max_tokens, dialect))
                if answer.ok:
                    self._dialect = dialect  # only now: a refusal may have had another reason
                    return self._read(answer, prompt)
                simpler = _simpler(dialect, answer, asks_for_json=prompt.schema is not None)
                if simpler is None:
                    said = self._service.quotable(answer.message(), (prompt.system, prompt.user))
                    raise ModelError(f"{self._named} refused ({answer.status}){said}")
                dialect = simpler

    def close(self) -> None:
        """Let go of connections; a later call opens new ones."""
        self._service.close()

    def _post(self, body: Mapping[str, object]) -> Answer:
        try:
            return self._service.post(body, patience=self._patience)
        except NoAnswer as error:
            raise ModelUnavailable(f"{self._named} does not answer just now ({error})") from error

    def _read(self, answer: Answer, prompt: Prompt) -> Completion:
        if not answer.whole:
            raise ModelError(f"{self._named} answered more than {MOST_BYTES:,} bytes")
        try:
            said = answer.json()
        except ValueError as error:
            raise ModelError(f"{self._named} answered something else than a chat; check the URL") from error
        text = _at(said, "choices", 0, "message", "content")
        if not isinstance(text, str):
            raise ModelError(f"{self._named} answered without a text ({_reason(said)})")
        asked = _count(_at(said, "usage", "prompt_tokens"))
        answered = _count(_at(said, "usage", "completion_tokens"))
        return Completion(
            text=text,
            prompt_tokens=prompt_tokens(prompt) if asked is None else asked,
            completion_tokens=estimated_tokens(text) if answered is None else answered,
        )

    @property
    def _named(self) -> str:
        return f"the model {self._model!r} at {self._service.host}"


def prompt_tokens(prompt: Prompt) -> int:
    """Tokens of a prompt by estimate, with its schema."""
    schema = "" if prompt.schema is None else json.dumps(prompt.schema, ensure_ascii=False)
    return sum(estimated_tokens(part) for part in (prompt.system, prompt.user, schema))


def _body(model: str, prompt: Prompt, max_tokens: int, dialect: _Dialect) -> dict[str, object]:
    system, schema = prompt.system, prompt.schema
    if schema is not None and dialect.format != "json_schema":
        system += f"\n\nAnswer with JSON that fits this schema:\n{json.dumps(schema, ensure_ascii=False)}"
    body: dict[str, object] = {
        "model": model,
        "messages": [{"role": "system", "content": system}, {"role": "user", "content": prompt.user}],
        dialect.limit: max_tokens,
    }
    if dialect.temperature:
        body["temperature"] = 0
    if schema is not None and dialect.format == "json_schema":
        named = {"name": prompt.schema_name or "answer", "strict": True, "schema": schema}
        body["response_format"] = {"type": "json_schema", "json_schema": named}
    elif schema is not None and dialect.format == "json_object":
        body["response_format"] = {"type": "json_object"}
    return body


def _simpler(dialect: _Dialect, answer: Answer, *, asks_for_json: bool) -> _Dialect | None:
    """What to try after a refusal, None where nothing is left. Reasoning models of OpenAI refuse two parameters."""
    if answer.status not in (400, 422):
        return None
    message = answer.message()
    if dialect.limit == "max_tokens" and _LIMIT.search(message):
        return replace(dialect, limit="max_completion_tokens")
    if dialect.temperature and "temperature" in message:
        return replace(dialect, temperature=False)
    if asks_for_json and dialect.format in _SIMPLER:
        return replace(dialect, format=_SIMPLER[dialect.format])
    return None


def _reason(said: object) -> str:
    """Why there is no text: one of the words that OpenAI's interface has for it."""
    if isinstance(_at(said, "choices", 0, "message", "refusal"), str):
        return "a refusal"
    finish = _at(said, "choices", 0, "finish_reason")
    return finish if isinstance(finish, str) and re.fullmatch(r"\w{1,30}", finish) else "no choice"


def _at(value: object, *path: str | int) -> object:
    """What stands at a path of a JSON value, None where there is nothing."""
    for key in path:
        if isinstance(value, dict):
            value = value.get(key)
        elif isinstance(value, list) and isinstance(key, int) and key < len(value):
            value = value[key]
        else:
            return None
    return value


def _count(value: object) -> int | None:
    return value if isinstance(value, int) and not isinstance(value, bool) and value >= 0 else None
