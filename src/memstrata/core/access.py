"""Who may do what: keys of a server, what they grant, and the scope that a call with a key acts in."""

from __future__ import annotations

import hashlib
import hmac
import re
from collections.abc import Mapping
from dataclasses import dataclass, replace
from datetime import datetime
from typing import Literal, get_args

from memstrata.errors import InvalidInput
from memstrata.types import Scope

Right = Literal["read", "write", "forget", "admin"]
"""Look; remember and change; erase; look after the server."""
RIGHTS: tuple[str, ...] = get_args(Right)
ANY = "*"
_TOKEN = re.compile(r"ms_([0-9a-f]{12})_([0-9A-Za-z_-]{43})")
_FIELDS = ("user_id", "agent_id", "app_id", "run_id")


@dataclass(frozen=True, slots=True, kw_only=True)
class Grant:
    """Scopes that a key reaches: each id as given, `"*"` for any and none, None only where a scope has none."""

    user_id: str | None = ANY
    agent_id: str | None = ANY
    app_id: str | None = ANY
    run_id: str | None = ANY

    def covers(self, scope: Scope) -> bool:
        """Whether the scope is one of these."""
        wanted = ((getattr(self, name), getattr(scope, name)) for name in _FIELDS)
        return all(mine in (ANY, theirs) for mine, theirs in wanted)


@dataclass(frozen=True, slots=True, kw_only=True)
class Key:
    """A key of a server as it is kept: of its secret only the SHA-256, which says nothing of 256 random bits.

    `app_id`: the app whose calls it signs; they act inside that app. None for a key of no app. `grants`: what it
    reaches inside its app, and in other apps where a grant names them; `rights`: what it may do there.
    """

    id: str
    digest: str
    rights: tuple[Right, ...]
    grants: tuple[Grant, ...]
    created_at: datetime
    app_id: str | None = None
    note: str = ""
    revoked_at: datetime | None = None


def token_of(id_: str, secret: str) -> str:
    """What the holder of a key sends: `ms_`, the key's id (12 hexadecimal digits), the secret (43 characters)."""
    return f"ms_{id_}_{secret}"


def digest_of(secret: str) -> str:
    """What is kept of a secret."""
    return hashlib.sha256(secret.encode()).hexdigest()


def split_token(token: str) -> tuple[str, str] | None:
    """Id and secret of a token, None where it is none."""
    match = _TOKEN.fullmatch(token)
    return None if match is None else (match[1], match[2])


def fits(key: Key, secret: str) -> bool:
    """Whether the secret is the key's, and the key still counts. Takes the same time whatever the secret."""
    return hmac.compare_digest(key.digest, digest_of(secret)) and key.revoked_at is None


def scope_for(key: Key | None, scope: Scope) -> Scope:
    """The scope that a call acts in: inside the key's app, unless it names another."""
    return replace(scope, app_id=key.app_id) if key is not None and scope.app_id is None else scope


def reaches(key: Key | None, scope: Scope) -> bool:
    """Whether a key reaches a scope; without keys everything is open. Another app must be named by a grant."""
    if key is None:
        return True
    covering = [grant for grant in key.grants if grant.covers(scope)]
    return any(scope.app_id == key.app_id or grant.app_id not in (ANY, None) for grant in covering)


def checked_rights(rights: object) -> tuple[Right, ...]:
    """Rights by name, each once. Raises InvalidInput for an unknown one and for none."""
    many = tuple(rights) if isinstance(rights, tuple | list) else (rights,)
    if not many or any(each not in RIGHTS for each in many):
        raise InvalidInput(f"rights are some of {', '.join(RIGHTS)}, not {rights!r}")
    return tuple(right for right in get_args(Right) if right in many)


def parse_grant(text: str) -> Grant:
    """A grant as written on a command line: `user_id=ann,app_id=crm`; what is not named is any."""
    parts: Mapping[str, str] = dict(part.strip().partition("=")[::2] for part in text.split(",") if part.strip())
    unknown = set(parts) - set(_FIELDS)
    if unknown or not parts or not all(parts.values()):
        raise InvalidInput(f"a grant names some of {', '.join(_FIELDS)}, such as user_id=ann,app_id=crm, not {text!r}")
    return Grant(**parts)
