"""A memory as a page to read: the profile with its cited lines, then the conversations by date."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import BinaryIO

from memstrata.core.records import KeptEpisode, KeptLog
from memstrata.exchange.contents import Copy
from memstrata.types import Episode, Scope

BATCH = 500
"""Episodes whose texts are held at a time."""


@dataclass(slots=True)
class _Conversation:
    """What has to be known of a conversation before it is written."""

    title: str
    begun: datetime
    turns: list[tuple[datetime, int, str]] = field(default_factory=list)


def write_markdown(
    out: BinaryIO,
    copy: Copy,
    scope: Scope,
    *,
    at: datetime,
    profile: str,
    by_ids: Callable[[Sequence[str]], list[Episode]],
) -> KeptLog:
    """Write the page; `by_ids` gives episodes by their ids, those that are still there."""
    conversations: dict[str | int, _Conversation] = {}
    count = 0

    def take(kept: KeptEpisode) -> None:
        nonlocal count
        episode = kept.episode
        key = episode.session if episode.run_id is None else episode.run_id
        found = conversations.setdefault(key, _Conversation(_title(episode), episode.timestamp))
        found.begun = min(found.begun, episode.timestamp)
        found.turns.append((episode.timestamp, count, episode.id))
        count += 1

    log = copy(take)
    _write(out, f"# Memory of {_whose(scope)}", f"Exported {at:%Y-%m-%d %H:%M}.")
    _write(out, "## Profile", _deeper(profile) or "Nothing is known yet.")
    _write(out, "## Conversations")
    for each in sorted(conversations.values(), key=lambda conversation: conversation.begun):
        _write(out, f"### {each.begun:%Y-%m-%d} {each.title}".rstrip())
        ids = [id_ for _, _, id_ in sorted(each.turns)]
        for start in range(0, len(ids), BATCH):
            for episode in by_ids(ids[start : start + BATCH]):
                _write(out, f"**{_line(episode.speaker)}**, {episode.timestamp:%Y-%m-%d %H:%M} [{episode.id}]",
                       _quoted(episode.text))  # fmt: skip
    return log


def _write(out: BinaryIO, *paragraphs: str) -> None:
    out.write("".join(f"{each}\n\n" for each in paragraphs).encode())


def _title(episode: Episode) -> str:
    title = episode.metadata.get("title")
    return _line(title if isinstance(title, str) and title else episode.run_id or "")


def _whose(scope: Scope) -> str:
    ids = (("", scope.user_id), ("agent ", scope.agent_id), ("app ", scope.app_id), ("run ", scope.run_id))
    return _line(", ".join(f"{kind}{id_}" for kind, id_ in ids if id_ is not None))


def _deeper(page: str) -> str:
    """A page's headings one level deeper."""
    return "\n".join(f"#{line}" if line.startswith("## ") else line for line in page.splitlines())


def _quoted(text: str) -> str:
    return "\n".join(f"> {line}".rstrip() for line in text.splitlines())


def _line(text: str) -> str:
    return " ".join(text.split())
