"""Paths of memory files: below /memories, one spelling each, and no way out by dots, percent signs or lookalikes."""

from __future__ import annotations

import unicodedata
from urllib.parse import unquote

from memstrata.govern.secrets import without_secrets
from memstrata.surfaces.mcp.here import Refused

ROOT = "/memories"
MAX_PATH = 1024
"""Bytes of a path."""
_MOST_DECODING = 3
"""A path that is still in percent signs after so many rounds is a trick."""


def checked_path(path: str) -> str:
    """The path as it is kept. Raises Refused for one that lies outside /memories, or would, read in another way."""
    if path != ROOT and not path.startswith(f"{ROOT}/"):
        raise Refused(f"Path must start with {ROOT}, got: {path}")
    parts = _resolved(path)
    if parts is None or parts[:1] != [ROOT[1:]] or _leads_out(path):
        raise Refused(f"Path {path} would escape {ROOT} directory")
    try:
        size = len(path.encode())
    except UnicodeEncodeError:
        raise Refused("Path holds half of a surrogate pair, which is not text") from None
    if size > MAX_PATH:
        raise Refused(f"Path is longer than {MAX_PATH} bytes")
    if any(unicodedata.category(character) in ("Cc", "Cf", "Zl", "Zp") for character in path):
        raise Refused("Path holds a character that cannot be seen; use letters, digits and dots")
    kept = unicodedata.normalize("NFC", "/" + "/".join(parts))
    if without_secrets(kept)[1]:
        raise Refused("Path holds a secret, which is never kept; use another name")
    return kept


def parent_of(path: str) -> str:
    """The folder that a path lies in."""
    return path.rpartition("/")[0]


def name_of(path: str) -> str:
    """The last part of a path."""
    return path.rpartition("/")[2]


def is_below(path: str, folder: str) -> bool:
    """Whether a path lies somewhere in a folder."""
    return path.startswith(f"{folder}/")


def _resolved(path: str) -> list[str] | None:
    """The parts of a path with dots taken out, None where it climbs above the root of all."""
    parts: list[str] = []
    for part in path.split("/"):
        if part == "..":
            if not parts:
                return None
            parts.pop()
        elif part not in ("", "."):
            parts.append(part)
    return parts


def _leads_out(path: str) -> bool:
    """Whether the path climbs once somebody decodes percent signs, folds lookalikes, or takes a backslash for a slash.

    Here such a name would be harmless; where the files are written out one day it need not be.
    """
    plain = path.split("/").count("..")
    for _ in range(_MOST_DECODING):
        folded = unicodedata.normalize("NFKC", unquote(path, errors="replace")).replace("\\", "/")
        if folded == path:
            return False
        if folded.split("/").count("..") > plain:
            return True
        path = folded
    return True
