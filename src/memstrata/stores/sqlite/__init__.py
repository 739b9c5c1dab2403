"""The SQLite store: one file, readable by any SQLite tool, safe for several processes."""

from __future__ import annotations

from pathlib import Path
from urllib.parse import parse_qsl, unquote

from memstrata.errors import InvalidInput, StoreError
from memstrata.settings import default_store
from memstrata.stores.sqlite.store import SqliteStore

PREFIX = "sqlite:///"


def open_url(url: str, *, cache_bytes: int) -> SqliteStore:
    """The store of `sqlite:///RELATIVE`, `sqlite:////ABSOLUTE` or `sqlite:///~/HOME`, with `?mode=ro` only to read.

    Raises InvalidInput for another form, StoreError where the folder is missing or the file cannot be opened.
    """
    location, _, query = url.partition("?")
    options = dict(parse_qsl(query, keep_blank_values=True))
    name = unquote(location.removeprefix(PREFIX))
    if not location.startswith(PREFIX) or not name or "\0" in name:
        raise InvalidInput(f"{url!r} names no file; write sqlite:///memory.db, or sqlite:////absolute/memory.db")
    if options not in ({}, {"mode": "ro"}):
        raise InvalidInput(f"{url!r}: the only option is ?mode=ro")
    path = Path(name).expanduser()
    if url == default_store():
        path.parent.mkdir(parents=True, exist_ok=True)
    if not path.parent.is_dir():
        raise StoreError(f"the folder {str(path.parent)!r} does not exist; create it first")
    if path.is_dir():
        raise StoreError(f"{str(path)!r} is a folder; name a file in it")
    if options and not path.exists():
        raise StoreError(f"{str(path)!r} does not exist; open it without ?mode=ro to create it")
    return SqliteStore(path, cache_bytes=cache_bytes, read_only=bool(options))
