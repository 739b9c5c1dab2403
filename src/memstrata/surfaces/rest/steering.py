"""What a request to the proxy asks of the memory: `X-Memory-` headers, and what is said of it in the answer's."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Literal, cast, get_args
from urllib.parse import quote, unquote

from memstrata.core.messages import checked_scope
from memstrata.core.requests import checked_limit
from memstrata.core.splicing import Place
from memstrata.core.telling import DEFAULT_TOKENS
from memstrata.core.turns import ChatMode
from memstrata.errors import InvalidInput
from memstrata.types import Hit, Scope

MOST_IDS = 60
"""Ids in a header; the count is whole."""
_MOST_CHARACTERS = 1000
Ending = Literal["none", "comment", "event"]
"""What a stream ends with of our own, after the upstream's last event."""
_IDS = ("user_id", "agent_id", "app_id", "run_id")


@dataclass(frozen=True, slots=True, kw_only=True)
class Steering:
    """Whose memory (None: nobody's), what may be done with it, and how much of it the model is told."""

    scope: Scope | None
    mode: ChatMode
    max_tokens: int
    place: Place
    ending: Ending

    @property
    def reads(self) -> bool:
        """Recall is asked for."""
        return self.scope is not None and self.mode in ("read-write", "read-only")

    @property
    def writes(self) -> bool:
        """New turns are to be remembered."""
        return self.scope is not None and self.mode in ("read-write", "write-only")


def read_steering(headers: Mapping[str, str], body: Mapping[str, object], *, default: Scope | None) -> Steering:
    """What the headers ask; whose memory also by the body's `user`, else by default. Raises InvalidInput."""
    tokens = headers.get("x-memory-tokens", str(DEFAULT_TOKENS))
    if not re.fullmatch(r"[0-9]{1,7}", tokens):
        raise InvalidInput("X-Memory-Tokens is a whole number")
    return Steering(
        scope=_scope(headers, body, default),
        mode=cast(ChatMode, _one_of("X-Memory-Mode", get_args(ChatMode), headers, "read-write")),
        max_tokens=checked_limit(int(tokens), what="max_tokens"),
        place=cast(Place, _one_of("X-Memory-Place", get_args(Place), headers, "system")),
        ending=cast(Ending, _one_of("X-Memory-Ending", get_args(Ending), headers, "none")),
    )


def said_of(
    steering: Steering, *, run_id: str | None, hits: Sequence[Hit], degraded: Sequence[str]
) -> list[tuple[str, str]]:
    """The headers that tell what the memory did: the mode (`none` for nobody's), what was used, what was missing."""
    used = str(len(hits))
    if hits:
        used += f"; ids={','.join(hit.item.id for hit in hits[:MOST_IDS])}"
    told = [("X-Memory-Mode", "none" if steering.scope is None else steering.mode), ("X-Memory-Used", used)]
    if run_id is not None and steering.writes:
        told.append(("X-Memory-Run", _spelt(run_id)))
    if degraded:
        told.append(("X-Memory-Degraded", plain("; ".join(dict.fromkeys(degraded)))))
    return told


def plain(text: str) -> str:
    """Words as a header can carry them."""
    return re.sub(r"[^ -~]+", "?", text)[:_MOST_CHARACTERS]


def _spelt(id_: str) -> str:
    """An id as a header can carry it, in the spelling in which it may be sent too (RFC 8187)."""
    return id_ if re.fullmatch(r"[!-~]+", id_) else f"UTF-8''{quote(id_, safe='')}"


def _scope(headers: Mapping[str, str], body: Mapping[str, object], default: Scope | None) -> Scope | None:
    named = {name: _text(headers[key]) for name in _IDS if (key := f"x-memory-{name.removesuffix('_id')}") in headers}
    scope = replace(default or Scope(), **named)
    user = body.get("user")
    if "user_id" not in named and user is not None:
        try:
            scope = replace(scope, user_id=checked_scope(user, None, None, None).user_id)
        except InvalidInput:
            return None  # the field is the upstream's to refuse; nobody else's memory takes its place
    if scope == Scope():
        return None
    return checked_scope(scope.user_id, scope.agent_id, scope.app_id, scope.run_id)


def _text(value: str) -> str:
    """A header's words: UTF-8, raw or in percent signs after UTF-8''."""
    if value.startswith("UTF-8''"):
        return unquote(value.removeprefix("UTF-8''"), errors="replace")
    try:
        return value.encode("latin-1").decode("utf-8")
    except UnicodeError:
        return value


def _one_of(name: str, known: Sequence[str], headers: Mapping[str, str], default: str) -> str:
    given = headers.get(name.lower(), default).strip().lower()
    if given not in known:
        raise InvalidInput(f"{name} is one of {', '.join(known)}")
    return given
