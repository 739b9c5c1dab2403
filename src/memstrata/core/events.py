"""Server-sent events, as chat APIs stream them: from bytes, cut anywhere, to the data of each event."""

from __future__ import annotations

import json
import re
from collections.abc import Iterable, Iterator

DONE = "[DONE]"
"""What chat completions send as the last event's data."""
_END_OF_LINE = re.compile(rb"\r\n|\n|\r(?=.)", re.DOTALL)  # a last \r may be the half of \r\n


def event_data(pieces: Iterable[bytes]) -> Iterator[str]:
    """The data of each whole event; comments, other fields and an event that was cut short are passed over."""
    data: list[str] = []
    for line in _lines(pieces):
        if not line:
            if data:
                yield "\n".join(data)
            data = []
        elif line.startswith(b"data:"):
            data.append(line[5:].removeprefix(b" ").decode(errors="replace"))


def event_objects(pieces: Iterable[bytes]) -> Iterator[dict[str, object]]:
    """The JSON object of each event; what is none is passed over."""
    for data in event_data(pieces):
        try:
            found = json.loads(data)
        except (ValueError, RecursionError):
            continue
        if isinstance(found, dict):
            yield found


def _lines(pieces: Iterable[bytes]) -> Iterator[bytes]:
    rest = b""
    for piece in pieces:
        *whole, rest = _END_OF_LINE.split(rest + piece)
        yield from whole
    yield from (rest.removesuffix(b"\r"),) if rest else ()
