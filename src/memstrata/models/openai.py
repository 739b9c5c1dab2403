"""Embeddings from a service with OpenAI's interface (`POST /v1/embeddings`): OpenAI, Ollama, vLLM, TEI and others."""

from __future__ import annotations

import base64
import random
import re
import threading
import time
from collections.abc import Callable, Sequence
from typing import Any

import httpx
import numpy as np

from memstrata.core.candidates import Floats
from memstrata.errors import EmbedderError, EmbedderUnavailable, InvalidInput
from memstrata.models.vectors import readable, unit_vectors

OPENAI_URL = "https://api.openai.com/v1"
LONGEST = 8000
"""Characters of a text that are sent: within OpenAI's 8192 tokens in most scripts."""
SHORTEST = 500
"""Texts that a service calls too long are halved until they are this short."""
QUERY_RETRIES = 1
"""A question is being waited for, and is answered by words alone if this fails."""
FIRST_PAUSE_S = 0.5
LONGEST_PAUSE_S = 30.0
"""Of our own and of those that a service asks for by Retry-After."""
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
        self._url = _endpoint(base_url or OPENAI_URL)
        api_key = (api_key or "").strip()
        if self._url.host == httpx.URL(OPENAI_URL).host and not api_key:
            raise EmbedderError(
                "OpenAI's embeddings need a key: set OPENAI_API_KEY, or OPENAI_BASE_URL of another service"
            )
        if (dimensions is not None and dimensions < 1) or batch < 1 or max_retries < 0:
            raise InvalidInput("dimensions and batch are at least 1, max_retries at least 0")
        if not re.fullmatch(r"[!-~]*", api_key):
            raise InvalidInput("the API key holds characters that no key has; copy it again")
        self._model = model
        self._api_key = api_key
        self._asked = self._learnt = dimensions
        self._timeout_s = timeout_s
        self._batch = batch
        self._max_retries = max_retries
        self._pause = pause
        self._opening = threading.Lock()
        self._opened: httpx.Client | None = None

    @property
    def fingerprint(self) -> str:
        """The model, the host and the dimensions asked for."""
        return f"openai/{self._model}@{self._url.netloc.decode()}/{self._asked or 'default'}"

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
        with self._opening:
            if self._opened is not None:
                self._opened.close()
                self._opened = None

    def _embed(self, texts: Sequence[str], *, retries: int) -> Floats:
        # An empty string is refused by OpenAI, a space is not.
        sent = [readable(text, longest=LONGEST) or " " for text in texts]
        parts = [self._embed_batch(sent[at : at + self._batch], retries) for at in range(0, len(sent), self._batch)]
        return np.concatenate(parts) if parts else np.zeros((0, self.dimensions), dtype=np.float32)

    def _embed_batch(self, texts: list[str], retries: int) -> Floats:
        while True:
            response = self._post(texts, retries)
            if response.is_success:
                return self._read(response, len(texts))
            message = _message(response)
            longest = max(map(len, texts))
            if response.status_code not in (400, 413, 422) or longest <= SHORTEST or not _TOO_LONG.search(message):
                raise EmbedderError(f"{self._named} refused ({response.status_code}){self._quotable(message, texts)}")
            texts = [text[: max(longest // 2, SHORTEST)] for text in texts]

    def _post(self, texts: list[str], retries: int) -> httpx.Response:
        """The first answer that is not "try again". Raises EmbedderUnavailable when there is none."""
        body: dict[str, object] = {"model": self._model, "input": texts, "encoding_format": "float"}
        if self._asked is not None:
            body["dimensions"] = self._asked
        for attempt in range(retries + 1):
            cause: httpx.TransportError | None = None
            asked_s = 0.0
            try:
                response = self._client().post(self._url, json=body)
            except httpx.TransportError as error:
                cause, what = error, type(error).__name__
            else:
                if response.status_code not in _TRY_AGAIN and response.status_code < 500:
                    return response
                what, asked_s = str(response.status_code), _retry_after_s(response)
            if attempt == retries:
                raise EmbedderUnavailable(f"{self._named} does not answer just now ({what})") from cause
            own_s = FIRST_PAUSE_S * 2**attempt * random.uniform(0.5, 1)
            self._pause(min(max(own_s, asked_s), LONGEST_PAUSE_S))
        raise AssertionError("not reached: the last attempt returns or raises")

    def _read(self, response: httpx.Response, count: int) -> Floats:
        try:
            items = response.json()["data"]
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

    def _client(self) -> httpx.Client:
        with self._opening:
            if self._opened is None:
                headers = {"Authorization": f"Bearer {self._api_key}"} if self._api_key else {}
                self._opened = httpx.Client(timeout=self._timeout_s, headers=headers)
            return self._opened

    @property
    def _named(self) -> str:
        return f"the embedder {self._model!r} at {self._url.host}"

    def _quotable(self, message: str, texts: Sequence[str]) -> str:
        """What the service says, unless it repeats the key or a text."""
        secret = [text.strip()[:16] for text in texts if text.strip()] + ([self._api_key] if self._api_key else [])
        if not message or any(each in message for each in secret):
            return ""
        return f": {message[:300]}"


def _endpoint(base_url: str) -> httpx.URL:
    try:
        url = httpx.URL(base_url)
    except httpx.InvalidURL as error:
        raise InvalidInput("the embedder's base URL is not a URL; it looks like http://localhost:8000/v1") from error
    if url.scheme not in ("http", "https") or not url.host:
        raise InvalidInput("the embedder's base URL begins with http:// or https:// and a host")
    path = url.path.rstrip("/") or "/v1"
    return url.copy_with(path=path if path.endswith("/embeddings") else f"{path}/embeddings")


def _numbers(embedding: object) -> Any:
    """A vector as a list of numbers, or as the base64 of little-endian float32."""
    if isinstance(embedding, str):
        return np.frombuffer(base64.b64decode(embedding, validate=True), dtype="<f4")
    return embedding


def _message(response: httpx.Response) -> str:
    try:
        body = response.json()
    except ValueError:
        return ""
    found: object = body
    for key in ("error", "message", "detail"):
        if isinstance(found, dict) and key in found:
            found = found[key]
    return " ".join(found.split()) if isinstance(found, str) else ""


def _retry_after_s(response: httpx.Response) -> float:
    """Seconds that the service asks to wait; 0 for none and for a date, which only proxies send."""
    asked = response.headers.get("Retry-After", "")
    return float(asked) if re.fullmatch(r"\d{1,9}(\.\d+)?", asked) else 0.0
