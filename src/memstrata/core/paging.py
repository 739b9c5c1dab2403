"""Cursors of pages: opaque to the user, the last time and row to us."""

from __future__ import annotations

import base64
import binascii
import struct

from memstrata.errors import InvalidInput

_CURSOR = struct.Struct(">qq")


def encode_cursor(timestamp: int, row: int) -> str:
    """The cursor after the episode said at `timestamp` (microseconds) in `row`."""
    return base64.urlsafe_b64encode(_CURSOR.pack(timestamp, row)).decode().rstrip("=")


def decode_cursor(cursor: str) -> tuple[int, int]:
    """Time and row of a cursor. Raises InvalidInput for anything that `encode_cursor` did not make."""
    try:
        timestamp, row = _CURSOR.unpack(base64.urlsafe_b64decode(cursor + "=" * (-len(cursor) % 4)))
    except (binascii.Error, struct.error, ValueError):
        raise InvalidInput(f"{cursor[:40]!r} is not a cursor; take the `next` of the page before") from None
    return timestamp, row
