"""Making episodes for tests: what `Memory.add` does before a store is asked."""

from __future__ import annotations

import itertools
from collections.abc import Iterator, Sequence
from datetime import UTC, datetime, timedelta

from memstrata.core.messages import Messages, read_batch
from memstrata.core.records import NewEpisode
from memstrata.types import Message, Scope

NOON = datetime(2025, 3, 1, 12, 0, tzinfo=UTC)
ANN = Scope(user_id="ann")
BEN = Scope(user_id="ben")


def numbered_ids(prefix: str = "ep") -> Iterator[str]:
    """ep_000000, ep_000001, ...: ids that two stores can be given alike."""
    return (f"{prefix}_{number:06}" for number in itertools.count())


def new_episodes(
    messages: Messages, *, scope: Scope = ANN, at: datetime = NOON, ids: Iterator[str] | None = None
) -> list[NewEpisode]:
    """Episodes of messages without a time of their own, said at `at`."""
    names = ids or _SHARED_IDS
    batch = read_batch(messages, scope=scope, timestamp=at, metadata=None, now=at, make_id=lambda: next(names))
    return list(batch.episodes)


def chat(*texts: str, names: Sequence[str | None] = (None,), start: datetime = NOON) -> list[Message]:
    """Messages a minute apart; names take turns."""
    speakers = itertools.cycle(names)
    return [
        Message(content=text, name=next(speakers), timestamp=start + timedelta(minutes=place))
        for place, text in enumerate(texts)
    ]


_SHARED_IDS = numbered_ids()
