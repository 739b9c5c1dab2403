"""Embeddings from a service with OpenAI's interface (`POST /v1/embeddings`): OpenAI, Ollama, vLLM, TEI and others."""

from __future__ import annotations

import base64
import re
import time
from collections.abc import Callable, Sequence
from typing import Any

import numpy as np

from memstrata.core.candidates import Floats
from memstrata.errors import EmbedderError, EmbedderUnavailable, InvalidInput
from memstrata.models.service import Answer, NoAnswer, Patience, Service, checked_key, endpoint, is_openai
from memstrata.models.vectors import readable, unit_vectors

LONGEST = 8000
"""Characters of a text that are sent: within OpenAI's 8192 tokens in most scripts."""
SHORTEST = 500
"""Texts that a service calls too long are halved until they are this short."""
QUERY_RETRIES = 1
"""A question is being waited for, and is answered by words alone if this fails."""
LONGEST_PAUSE_S = 30.0
"""Of our own and of those that a service asks for by Retry-After."""
MOST_BYTES = 256 * 1024**2
"""Of an answer: far more than any batch of vectors, and no more than memory holds."""
_TRY_AGAIN = frozenset({408, 425, 429})
_TOO_LONG = re.compile(r"token|context|too long|too large|length", re.IGNORECASE)


class OpenAIEmbedder:
    """Embeds with `model` of the service at `base_url` (OpenAI's own); needs no connection until it is used.

    `timeout_s` is for one request; `max_retries` follow after 429, 5xx, timeouts and broken connections, one for
    questions. `dimensions` asks for shorter vectors than the model's own.
    """

    def __init__(
        self,
        model: str,
        *,
        base_url: str | None = None,
        api_key: str | None = None,
        dimensions: int | None = None,
        timeout_s: float = 30.0,
        batch: int = 64,
        max_retries: int = 4,
        pause: Callable[[float], None] = time.sleep,
    ) -> None:
        url = endpoint(base_url, path="/embeddings", what="embedder")
        if is_openai(url) and not (api_key or "").strip():
            raise EmbedderError(
                "OpenAI's embeddings need a key: set OPENAI_API_KEY, or OPENAI_BASE_URL of another service"
            )
        if (dimensions is not None and dimensions < 1) or batch < 1 or max_retries < 0:
            raise InvalidInput("dimensions and batch are at least 1, max_retries at least 0")
        self._service = Service(
            url, api_key=checked_key(api_key), timeout_s=timeout_s, most_bytes=MOST_BYTES, pause=pause
        )
        self._model = model
        self._asked = self._learnt = dimensions
        self._batch = batch
        self._max_retries = max_retries

    @property
    def fingerprint(self) -> str:
        """The model, the host and the dimensions asked for."""
        return f"openai/{self._model}@{self._service.netloc}/{self._asked or 'default'}"

    @property
    def dimensions(self) -> int:
        """As given, else as the service answers. Raises EmbedderUnavailable while that is not known."""
        if self._learnt is None:
            self.embed_queries(["dimensions"])
        assert self._learnt is not None
        return self._learnt

    def embed_passages(self, texts: Sequence[str]) -> Floats:
        """See `Embedder.embed_passages`."""
        return self._embed(texts, retries=self._max_retries)

    def embed_queries(self, texts: Sequence[str]) -> Floats:
        """See `Embedder.embed_queries`."""
        return self._embed(texts, retries=min(QUERY_RETRIES, self._max_retries))

    def close(self) -> None:
        """Let go of connections; a later call opens new ones."""
        self._service.close()

    def _embed(self, texts: Sequence[str], *, retries: int) -> Floats:
        # An empty string is refused by OpenAI, a space is not.
        sent = [readable(text, longest=LONGEST) or " " for text in texts]
        parts = [self._embed_batch(sent[at : at + self._batch], retries) for at in range(0, len(sent), self._batch)]
        return np.concatenate(parts) if parts else np.zeros((0, self.dimensions), dtype=np.float32)

    def _embed_batch(self, texts: list[str], retries: int) -> Floats:
        while True:
            answer = self._post(texts, retries)
            if answer.ok:
                return self._read(answer, len(texts))
            message = answer.message()
            longest = max(map(len, texts))
            if answer.status not in (400, 413, 422) or longest <= SHORTEST or not _TOO_LONG.search(message):
                raise EmbedderError(f"{self._named} refused ({answer.status}){self._service.quotable(message, texts)}")
            texts = [text[: max(longest // 2, SHORTEST)] for text in texts]

    def _post(self, texts: list[str], retries: int) -> Answer:
        body: dict[str, object] = {"model": self._model, "input": texts, "encoding_format": "float"}
        if self._asked is not None:
            body["dimensions"] = self._asked
        patience = Patience(tries=retries + 1, statuses=_TRY_AGAIN, longest_pause_s=LONGEST_PAUSE_S)
        try:
            return self._service.post(body, patience=patience)
        except NoAnswer as error:
            raise EmbedderUnavailable(f"{self._named} does not answer just now ({error})") from error

    def _read(self, answer: Answer, count: int) -> Floats:
        try:
            items: Any = answer.json()
            items = items["data"]
            order = [item.get("index", place) for place, item in enumerate(items)]
            if sorted(order) != list(range(count)):
                raise EmbedderError(f"{self._named} answered {len(order)} vectors for {count} texts")
            rows = [_numbers(item["embedding"]) for item in items]
        except (ValueError, TypeError, KeyError, AttributeError) as error:
            raise EmbedderError(f"{self._named} answered something else than embeddings; check the URL") from error
        by_index = [row for _, row in sorted(zip(order, rows, strict=True), key=lambda pair: pair[0])]
        vectors = unit_vectors(by_index, source=self._named)
        expected = self._learnt or vectors.shape[1]
        if vectors.shape[1] != expected or not expected:
            raise EmbedderError(f"{self._named} answered vectors of {vectors.shape[1]} dimensions, not {expected}")
        self._learnt = expected
        return vectors

    @property
    def _named(self) -> str:
        return f"the embedder {self._model!r} at {self._service.host}"


def _numbers(embedding: object) -> Any:
    """A vector as a list of numbers, or as the base64 of little-endian float32."""
    if isinstance(embedding, str):
        return np.frombuffer(base64.b64decode(embedding, validate=True), dtype="<f4")
    return embedding
