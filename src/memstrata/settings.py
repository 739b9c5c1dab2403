"""The one place that reads the environment: a frozen value, at most 16 fields."""

from __future__ import annotations

import os
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

import platformdirs

from memstrata.errors import InvalidInput

DEFAULT_CACHE_BYTES = 2 * 1024**3


@dataclass(frozen=True, slots=True, kw_only=True)
class Settings:
    """What a user may set once for every memory of a process.

    `MEMSTRATA_STORE`: the default store's URL. `MEMSTRATA_EMBEDDER`: the default embedder ("auto").
    `MEMSTRATA_CACHE_BYTES`: the most memory that search indexes may take, all scopes together (2 GiB).
    `MEMSTRATA_MODEL`: the default language model ("none"). `MEMSTRATA_LOCAL_MODEL`: the default local model ("none":
    to weigh a turn costs a tenth of a second of a processor). `OPENAI_BASE_URL`, `OPENAI_API_KEY`: where an
    `openai:MODEL` embedder or language model is served. `MEMSTRATA_UPSTREAM`, `MEMSTRATA_UPSTREAM_KEY`: the model
    service behind a server, and the key that it is asked with for callers who bring none.
    """

    store: str
    embedder: str = "auto"
    cache_bytes: int = DEFAULT_CACHE_BYTES
    model: str = "none"
    local_model: str = "none"
    openai_base_url: str | None = None
    openai_api_key: str | None = None
    upstream: str | None = None
    upstream_key: str | None = None

    @classmethod
    def from_environment(cls, environment: Mapping[str, str] = os.environ) -> Settings:
        """Settings as the environment gives them. Raises InvalidInput for a number that is none."""
        raw = environment.get("MEMSTRATA_CACHE_BYTES", str(DEFAULT_CACHE_BYTES))
        if not raw.isdecimal():
            raise InvalidInput(f"MEMSTRATA_CACHE_BYTES is a number of bytes, not {raw!r}")
        return cls(
            store=environment.get("MEMSTRATA_STORE") or default_store(),
            embedder=environment.get("MEMSTRATA_EMBEDDER") or "auto",
            cache_bytes=int(raw),
            model=environment.get("MEMSTRATA_MODEL") or "none",
            local_model=environment.get("MEMSTRATA_LOCAL_MODEL") or "none",
            openai_base_url=environment.get("OPENAI_BASE_URL") or None,
            openai_api_key=environment.get("OPENAI_API_KEY") or None,
            upstream=environment.get("MEMSTRATA_UPSTREAM") or None,
            upstream_key=environment.get("MEMSTRATA_UPSTREAM_KEY") or None,
        )


def default_store() -> str:
    """The user's own store, in the place that the operating system keeps for application data."""
    return f"sqlite:///{Path(platformdirs.user_data_dir('memstrata', appauthor=False)) / 'memory.db'}"
