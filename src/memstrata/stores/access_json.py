"""Keys as stores keep them: one JSON text each."""

from __future__ import annotations

import json
from dataclasses import asdict
from datetime import datetime
from typing import Any

from memstrata.core.access import Grant, Key


def key_to_text(key: Key) -> str:
    """The key with the digest of its secret."""
    return json.dumps({**asdict(key), "created_at": _iso(key.created_at), "revoked_at": _iso(key.revoked_at)})


def key_from_text(text: str) -> Key:
    """What `key_to_text` made."""
    raw: dict[str, Any] = json.loads(text)
    raw["grants"] = tuple(Grant(**each) for each in raw["grants"])
    raw["rights"] = tuple(raw["rights"])
    for name in ("created_at", "revoked_at"):
        raw[name] = None if raw[name] is None else datetime.fromisoformat(raw[name])
    return Key(**raw)


def _iso(time: datetime | None) -> str | None:
    return None if time is None else time.isoformat()
