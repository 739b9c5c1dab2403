"""Asking a service over HTTP until it answers: growing pauses, answers of bounded size, no key in any message.

It does not know what is asked: embeddings and chats translate its answers, and `NoAnswer` into their own errors.
"""

from __future__ import annotations

import json
import math
import random
import re
import threading
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import TypeVar

import httpx

from memstrata.errors import InvalidInput

OPENAI_URL = "https://api.openai.com/v1"
FIRST_PAUSE_S = 0.5
"""The next pause is twice as long; each is shortened by up to half, so that clients do not march in step."""
LONGEST_MESSAGE = 300
_TELLING = 16
"""Characters in a row that a service's message and what it was sent must not share to be repeated in an error."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Patience:
    """How often a service is asked: at most `tries` times, again after `statuses`, any 5xx and broken connections.

    No pause is longer than `longest_pause_s`, whatever Retry-After says; no try begins later than `total_s` after the
    first did; none takes longer than `try_s` from its beginning to the last byte of the answer.
    """

    tries: int
    statuses: frozenset[int]
    longest_pause_s: float
    total_s: float = math.inf
    try_s: float = math.inf


@dataclass(frozen=True, slots=True, kw_only=True)
class Answer:
    """What a service answered; `whole` is False where the body was longer than we read."""

    status: int
    body: bytes
    whole: bool
    retry_after_s: float

    @property
    def ok(self) -> bool:
        """A status of 200 to 299."""
        return 200 <= self.status < 300

    def close(self) -> None:
        """Nothing is held: the body was read."""

    def json(self) -> object:
        """The body as JSON. Raises ValueError where it is none."""
        try:
            return json.loads(self.body)
        except RecursionError:
            raise ValueError("the answer nests too deep") from None

    def message(self) -> str:
        """What an error says in words, in OpenAI's form, FastAPI's, or a bare text; "" where it says nothing."""
        try:
            found = self.json()
        except ValueError:
            return ""
        for key in ("error", "message", "detail"):
            if isinstance(found, dict) and key in found:
                found = found[key]
        return " ".join(found.split()) if isinstance(found, str) else ""


class Streamed:
    """An answer whose body is still to come, in pieces; close it."""

    def __init__(self, response: httpx.Response) -> None:
        self._response = response

    @property
    def status(self) -> int:
        """As answered."""
        return self._response.status_code

    @property
    def retry_after_s(self) -> float:
        """Seconds that the service asks to wait."""
        return _retry_after_s(self._response)

    @property
    def events(self) -> bool:
        """The body is server-sent events."""
        return "text/event-stream" in self._response.headers.get("Content-Type", "")

    def pieces(self, *, most_bytes: int) -> Iterator[bytes]:
        """The body as it comes. Raises NoAnswer where it breaks off or is longer."""
        read = 0
        try:
            for piece in self._response.iter_bytes():
                read += len(piece)
                if read > most_bytes:
                    raise NoAnswer(f"more than {most_bytes:,} bytes")
                yield piece
        except (httpx.TransportError, httpx.DecodingError) as error:
            raise NoAnswer(type(error).__name__) from error

    def close(self) -> None:
        """Let go of the connection."""
        self._response.close()


class NoAnswer(Exception):
    """The service did not answer, or only "try again"; the message is a status or the kind of failure."""


T = TypeVar("T", Answer, Streamed)


class Service:
    """One URL that JSON is posted to. Opens its connection on first use; safe to call from several threads."""

    def __init__(
        self,
        url: httpx.URL,
        *,
        api_key: str,
        timeout_s: float,
        most_bytes: int,
        pause: Callable[[float], None] = time.sleep,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self._url = url
        self._api_key = api_key
        self._timeout_s = timeout_s
        self._most_bytes = most_bytes
        self._pause = pause
        self._clock = clock
        self._opening = threading.Lock()
        self._opened: httpx.Client | None = None

    @property
    def host(self) -> str:
        """The host's name."""
        return self._url.host

    @property
    def netloc(self) -> str:
        """The host with its port, without a user."""
        return self._url.netloc.decode()

    def post(self, body: Mapping[str, object], *, patience: Patience) -> Answer:
        """The first answer that is not "try again". Raises NoAnswer where there is none."""
        return self._patiently(lambda: self._once(body, patience), patience)

    def stream(self, body: Mapping[str, object], *, patience: Patience) -> Streamed:
        """The first answer that is not "try again", before its first byte; the caller closes it. Raises NoAnswer."""
        return self._patiently(lambda: self._opened_stream(body), patience)

    def _patiently(self, ask: Callable[[], T], patience: Patience) -> T:
        began = self._clock()
        for attempt in range(patience.tries):
            cause: httpx.HTTPError | None = None
            asked_s = 0.0
            try:
                answer = ask()
            except (httpx.TransportError, httpx.DecodingError) as error:
                cause, what = error, type(error).__name__
            else:
                if answer.status not in patience.statuses and answer.status < 500:
                    return answer
                what, asked_s = str(answer.status), answer.retry_after_s
                answer.close()
            own_s = FIRST_PAUSE_S * 2**attempt * random.uniform(0.5, 1)
            pause_s = min(max(own_s, asked_s), patience.longest_pause_s)
            if attempt + 1 == patience.tries or self._clock() - began + pause_s > patience.total_s:
                raise NoAnswer(what) from cause
            self._pause(pause_s)
        raise AssertionError("not reached: the last try returns or raises")

    def quotable(self, message: str, sent: Sequence[str]) -> str:
        """ ": " and what the service says, or "" where that repeats the key or words that it was sent."""
        message = message[:LONGEST_MESSAGE]
        texts = [text.strip() for text in sent if text.strip()]
        known = [text[:_TELLING] for text in texts] + ([self._api_key] if self._api_key else [])
        whole = "\n".join(" ".join(text.split()) for text in texts)
        windows = (message[at : at + _TELLING] for at in range(max(0, len(message) - _TELLING + 1)))
        if not message or any(each in message for each in known) or any(window in whole for window in windows):
            return ""
        return f": {message}"

    def close(self) -> None:
        """Let go of connections; a later call opens new ones."""
        with self._opening:
            if self._opened is not None:
                self._opened.close()
                self._opened = None

    def _opened_stream(self, body: Mapping[str, object]) -> Streamed:
        client = self._client()
        return Streamed(client.send(client.build_request("POST", self._url, json=body), stream=True))

    def _once(self, body: Mapping[str, object], patience: Patience) -> Answer:
        deadline = self._clock() + patience.try_s
        read = bytearray()
        with self._client().stream("POST", self._url, json=body) as response:
            for piece in response.iter_bytes():
                read += piece
                if len(read) > self._most_bytes:
                    break
                if self._clock() > deadline:  # httpx's own limit is for each piece
                    raise httpx.ReadTimeout("the answer came too slowly", request=response.request)
            return Answer(
                status=response.status_code,
                body=bytes(read[: self._most_bytes]),
                whole=len(read) <= self._most_bytes,
                retry_after_s=_retry_after_s(response),
            )

    def _client(self) -> httpx.Client:
        with self._opening:
            if self._opened is None:
                headers = {"Authorization": f"Bearer {self._api_key}"} if self._api_key else {}
                self._opened = httpx.Client(timeout=self._timeout_s, headers=headers)
            return self._opened


def endpoint(base_url: str | None, *, path: str, what: str) -> httpx.URL:
    """The URL of `path` under a base URL (OpenAI's own), however its end is written. Raises InvalidInput for none."""
    try:
        url = httpx.URL(base_url or OPENAI_URL)
    except httpx.InvalidURL as error:
        raise InvalidInput(f"the {what}'s base URL is not a URL; it looks like http://localhost:8000/v1") from error
    if url.scheme not in ("http", "https") or not url.host:
        raise InvalidInput(f"the {what}'s base URL begins with http:// or https:// and a host")
    base = url.path.rstrip("/") or "/v1"
    return url.copy_with(path=base if base.endswith(path) else f"{base}{path}")


def is_openai(url: httpx.URL) -> bool:
    """It is OpenAI's own service, which needs a key."""
    return url.host == httpx.URL(OPENAI_URL).host


def checked_key(api_key: str | None) -> str:
    """A key as a header can carry it, "" for none. Raises InvalidInput without naming it."""
    key = (api_key or "").strip()
    if not re.fullmatch(r"[!-~]*", key):
        raise InvalidInput("the API key holds characters that no key has; copy it again")
    return key


def _retry_after_s(response: httpx.Response) -> float:
    """Seconds that the service asks to wait; 0 for none and for a date, which only proxies send."""
    asked = response.headers.get("Retry-After", "")
    return float(asked) if re.fullmatch(r"\d{1,9}(\.\d+)?", asked) else 0.0
