"""Ids of items: sortable by time, unguessable, and free of any content."""

from __future__ import annotations

import hashlib

_ALPHABET = "0123456789abcdefghjkmnpqrstvwxyz"


def new_id(prefix: str, milliseconds: int, entropy: bytes) -> str:
    """`PREFIX_` and 26 characters in the manner of ULID: 48 bits of time, 80 bits of `entropy` (10 bytes)."""
    number = ((milliseconds & (2**48 - 1)) << 80) | int.from_bytes(entropy[:10], "big")
    return f"{prefix}_{''.join(_ALPHABET[(number >> shift) & 31] for shift in range(125, -5, -5))}"


def digest(*parts: str | None) -> bytes:
    """16 bytes that two lists of texts share only if they are equal (BLAKE2b over length-prefixed parts)."""
    state = hashlib.blake2b(digest_size=16)
    for part in parts:
        data = b"" if part is None else part.encode("utf-8")
        state.update(b"-" if part is None else len(data).to_bytes(8, "big"))
        state.update(data)
    return state.digest()
