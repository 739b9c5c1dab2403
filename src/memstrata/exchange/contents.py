"""What an export that can be restored holds: its head, its episodes, its changes, and the checks that span them."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from importlib.metadata import version
from typing import TypeAlias, cast

from memstrata.core.messages import checked_scope
from memstrata.core.records import KeptEpisode, KeptLog
from memstrata.errors import InvalidInput
from memstrata.exchange.lines import Told, change_from_json, episode_from_json, episodes_behind
from memstrata.exchange.portions import as_object
from memstrata.types import Change, Json, Scope

VERSION = 1
"""Of what an export says of episodes and changes; a file of a later one is refused."""
Copy: TypeAlias = Callable[[Callable[[KeptEpisode], None]], KeptLog]
"""Hands over every episode of a scope, and returns the log."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Contents:
    """An export as it was read: whole, checked, and not yet stored."""

    scope: Scope
    episodes: Sequence[Told]
    changes: Sequence[Change]
    read: Mapping[str, str]


class Sessions:
    """Numbers for sessions in the order in which they come: those that were forgotten leave no gap."""

    def __init__(self) -> None:
        self._numbers: dict[int, int] = {}

    def number(self, session: int) -> int:
        """The number of a session."""
        return self._numbers.setdefault(session, len(self._numbers))


def head_to_json(form: str, scope: Scope, *, at: datetime) -> dict[str, Json]:
    """What stands at the head of an export."""
    ids = {"user_id": scope.user_id, "agent_id": scope.agent_id, "app_id": scope.app_id, "run_id": scope.run_id}
    return {
        "format": form,
        "version": VERSION,
        "made_by": f"memstrata {version('memstrata')}",
        "exported_at": at.isoformat(),
        "scope": {key: value for key, value in ids.items() if value is not None},
    }


def head_from_json(head: Mapping[str, object], form: str) -> Scope:
    """The scope that an export is of. Raises InvalidInput for another format and for a later version."""
    if head.get("format") != form:
        raise InvalidInput(f"the file is no {form}; `memstrata import` reads other formats")
    told = head.get("version")
    if type(told) is not int or told < 1:
        raise InvalidInput(f"the {form} names no version")
    if told > VERSION:
        raise InvalidInput(
            f"the {form} has version {told}, this Memstrata knows {VERSION}: upgrade Memstrata, then restore again"
        )
    ids = as_object(head.get("scope"))
    return checked_scope(*(ids.get(key) for key in ("user_id", "agent_id", "app_id", "run_id")))


def read_to_json(read: Mapping[str, str]) -> dict[str, Json]:
    """The last episode that each extractor had read."""
    return dict(sorted(read.items()))


def contents(
    scope: Scope, episodes: Sequence[object], changes: Sequence[object], read: object, *, counts: Mapping[str, object]
) -> Contents:
    """Everything, checked. Raises InvalidInput where something is missing, wrong or does not fit together."""
    for name, found in (("episodes", episodes), ("changes", changes)):
        if counts.get(name) != len(found):
            raise InvalidInput(f"the file holds {len(found)} {name}, not {counts.get(name)}: it is not whole")
    told = [episode_from_json(each, what=f"episode {place}") for place, each in enumerate(episodes, start=1)]
    log = [change_from_json(each, number=place, what=f"change {place}") for place, each in enumerate(changes, start=1)]
    ids = {each.id for each in told}
    if len(ids) < len(told) or len({each.id for each in log}) < len(log):
        raise InvalidInput("an id stands in the file twice: it was changed after it was exported")
    for each in log:
        if not episodes_behind(each) <= ids:
            raise InvalidInput(f"change {each.id!r} rests on an episode that is not in the file: it is not whole")
    marks = as_object(read)
    if not all(isinstance(value, str) and value in ids for key, value in marks.items()):
        raise InvalidInput("the file says that an episode was read that is not in it: it is not whole")
    return Contents(scope=scope, episodes=told, changes=log, read=cast("dict[str, str]", dict(marks)))
