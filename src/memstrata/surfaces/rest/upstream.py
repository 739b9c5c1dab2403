"""The model service behind the proxy: where it is, which key it is asked with, and requests handed on to it."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field, replace

import httpx

from memstrata.core.access import split_token
from memstrata.errors import InvalidInput
from memstrata.models.service import checked_key, is_openai
from memstrata.settings import Settings

CONNECT_SECONDS = 10.0
SILENT_SECONDS = 600.0
"""Between two pieces of an answer; models that reason say nothing for minutes."""
KEY_PREFIX = "ms_"
"""What begins so is a key of this server, or passes for one, and is never handed on."""
_OF_ONE_HOP = frozenset(
    {"connection", "keep-alive", "proxy-authenticate", "proxy-authorization", "proxy-connection", "te", "trailer",
     "transfer-encoding", "upgrade"}
)  # fmt: skip
_NOT_SENT = _OF_ONE_HOP | {"host", "content-length", "accept-encoding", "cookie", "origin", "referer"}
"""Cookies and origins are of pages on this host, whoever serves them, and no business of another's."""
_NOT_RELAYED = _OF_ONE_HOP | {"date", "server"}
_PATH = re.compile(r"[A-Za-z0-9._~:@!$&'()*+,;=/%-]*")
_DOTS = re.compile(r"(?:\.|%2e){1,2}", re.IGNORECASE)
Headers = list[tuple[bytes, bytes]]


@dataclass(frozen=True, slots=True, kw_only=True)
class Upstream:
    """An endpoint with OpenAI's interface. `url` is its base, such as http://127.0.0.1:11434/v1.

    `api_key`: the server's own, for callers that bring none. `transport`: answers in place of a connection. Raises
    InvalidInput for a URL that is none.
    """

    url: str
    api_key: str | None = field(default=None, repr=False)
    transport: httpx.AsyncBaseTransport | None = field(default=None, repr=False)

    def __post_init__(self) -> None:
        try:
            parsed = httpx.URL(self.url)
        except httpx.InvalidURL as error:
            raise InvalidInput("the upstream is not a URL; it looks like http://127.0.0.1:11434/v1") from error
        if parsed.scheme not in ("http", "https") or not parsed.host:
            raise InvalidInput("the upstream begins with http:// or https:// and a host")

    def request(
        self, method: str, path: str, query: bytes, headers: Iterable[tuple[bytes, bytes]], body: bytes
    ) -> httpx.Request:
        """A request to `path` under the base URL, with a caller's headers. Raises InvalidInput for a path that leads
        out of it."""
        if not _PATH.fullmatch(path) or any(_DOTS.fullmatch(part) for part in path.split("/")):
            raise InvalidInput("this path cannot be handed on")
        base = httpx.URL(self.url)
        target = f"{base.raw_path.decode().partition('?')[0].rstrip('/')}/{path}".encode()
        url = base.copy_with(raw_path=target + (b"?" + query if query else b""))
        return httpx.Request(method, url, headers=self._sent(headers), content=body or None)

    def _sent(self, headers: Iterable[tuple[bytes, bytes]]) -> Headers:
        given = [(name, value) for name, value in headers if _handed_on(name.decode("latin-1").lower(), value)]
        signed = any(name.lower() in (b"authorization", b"api-key", b"x-api-key") for name, _ in given)
        if not signed and self.api_key:
            given.append((b"Authorization", b"Bearer " + self.api_key.encode()))
        return [*given, (b"Accept-Encoding", b"identity")]  # what comes compressed could not be read on the side

    def asked_with_own_key(self, headers: Mapping[str, str]) -> bool:
        """Whether a request is made on this server's account, not on the caller's."""
        names = ("authorization", "api-key", "x-api-key")
        brought = any(name in headers and _handed_on(name, headers[name].encode("latin-1")) for name in names)
        return bool(self.api_key) and not brought


def upstream_at(url: str | None, settings: Settings) -> Upstream | None:
    """The upstream at a URL, None for none, with the key that is meant for it: one for another is not sent there."""
    if url is None:
        return None
    upstream = Upstream(url=url)
    key = settings.upstream_key
    if key is None and is_openai(httpx.URL(url)):
        key = settings.openai_api_key
    return replace(upstream, api_key=checked_key(key) or None)


def client(upstream: Upstream) -> httpx.AsyncClient:
    """A client for all requests to an upstream: follows nothing, repeats nothing, waits for models that reason."""
    timeout = httpx.Timeout(SILENT_SECONDS, connect=CONNECT_SECONDS)
    limits = httpx.Limits(max_connections=None, max_keepalive_connections=64)
    return httpx.AsyncClient(timeout=timeout, limits=limits, transport=upstream.transport)


def relayed_headers(response: httpx.Response) -> Headers:
    """The headers of an answer as its caller gets them: all but those of the connection to the upstream."""
    return [(name, value) for name, value in response.headers.raw if name.decode("latin-1").lower() not in _NOT_RELAYED]


def memory_key(headers: Mapping[str, str]) -> str | None:
    """The key of this server that a request brings: in `X-Memory-Key`, else as the usual credentials."""
    bearer = headers.get("authorization", "").partition(" ")[2].strip()
    for given in (headers.get("x-memory-key"), bearer, headers.get("x-api-key")):
        if given and (given.startswith(KEY_PREFIX) or split_token(given)):
            return given
    return headers.get("x-memory-key")


def _handed_on(name: str, value: bytes) -> bool:
    if name in _NOT_SENT or name.startswith("x-memory-"):
        return False
    token = value.strip().rpartition(b" ")[2]
    return not (
        name in ("authorization", "api-key", "x-api-key") and (not token or token.startswith(KEY_PREFIX.encode()))
    )
