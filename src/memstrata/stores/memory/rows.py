"""Rows of the store in memory: an episode with what is derived from it, and a partition of them. Plain values."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta

from memstrata.core.candidates import Floats, View
from memstrata.core.clock import day_in_words, from_microseconds, microseconds
from memstrata.core.facts.erasing import redacted
from memstrata.core.features import Features, episode_features
from memstrata.core.filters import matches
from memstrata.core.records import NewEpisode, RestoredEpisode, TextRow
from memstrata.core.sessions import continues_session
from memstrata.core.surprise import Turn, TurnRow
from memstrata.stores.memory.reference import ReferenceRow
from memstrata.types import Episode, Json, Scope

EVERYTHING = View()


@dataclass(slots=True)
class Kept:
    """An episode with what is derived from it."""

    row: int
    episode: Episode
    digest: bytes
    features: Features
    vectors: dict[str, Floats] = field(default_factory=dict)
    sentences: dict[str, Floats] = field(default_factory=dict)
    redactions: int = 0
    surprise: float | None = None

    @property
    def said(self) -> int:
        """When it was said, in microseconds."""
        return microseconds(self.episode.timestamp)

    @property
    def recorded(self) -> int:
        """When it was stored, in microseconds."""
        return microseconds(self.episode.recorded_at)

    def columns(self) -> dict[str, Json]:
        """The fields that a filter may name."""
        episode = self.episode
        return {
            "role": episode.role,
            "name": episode.name,
            "run_id": episode.run_id,
            "message_id": episode.message_id,
            "timestamp": self.said,
            "recorded_at": self.recorded,
        }

    def passes(self, view: View) -> bool:
        """It is part of a view."""
        if view.run_id is not None and self.episode.run_id != view.run_id:
            return False
        if view.said_until is not None and self.said > view.said_until:
            return False
        if view.recorded_until is not None and self.recorded > view.recorded_until:
            return False
        return view.filter is None or matches(view.filter, self.columns(), self.episode.metadata)

    def redact(self, spans: Sequence[tuple[int, int]]) -> None:
        """Put marks in place of parts of the text; what was derived from them goes."""
        episode = self.episode
        text = redacted(episode.text, spans)
        self.episode = replace(episode, text=text)
        self.features = episode_features(text, name=episode.name, date=day_in_words(episode.timestamp))
        self.vectors.clear()
        self.sentences.clear()
        self.surprise = None
        self.redactions += 1

    def text_row(self) -> TextRow:
        """What an embedder is given."""
        episode = self.episode
        return TextRow(
            row=self.row,
            day=day_in_words(episode.timestamp),
            name=episode.name,
            text=episode.text,
            redactions=self.redactions,
        )

    def turn_row(self) -> TurnRow:
        """What a local model is given."""
        turn = Turn(speaker=self.episode.name or self.episode.role, text=self.episode.text)
        return TurnRow(row=self.row, turn=turn, weighed=self.surprise is not None, redactions=self.redactions)

    def reference_row(self, space: str | None) -> ReferenceRow:
        """What a search looks at."""
        episode = self.episode
        offset = episode.timestamp.utcoffset() or timedelta()
        return ReferenceRow(
            row=self.row,
            session=episode.session,
            role=episode.role,
            name=episode.name,
            timestamp=self.said,
            offset=int(offset.total_seconds() // 60),
            features=self.features,
            vector=self.vectors.get(space) if space is not None else None,
            sentences=self.sentences.get(space) if space is not None else None,
            surprise=self.surprise,
        )


@dataclass(slots=True)
class Partition:
    """The episodes of one scope, and the counters that only grow; key 0 is that of one that nothing was added to."""

    key: int
    scope: Scope
    kept: list[Kept] = field(default_factory=list)
    next_row: int = 0
    next_session: int = 0
    forgotten: int = 0
    last_of_run: dict[str | None, tuple[int, int, int]] = field(default_factory=dict)

    def keep(self, new: NewEpisode, recorded_at: datetime) -> None:
        """Take in an episode."""
        self._append(new, recorded_at, session=self.session_for(new.run_id, new.timestamp), redactions=0)

    def take_in(self, new: NewEpisode, restored: RestoredEpisode, session: int) -> None:
        """Take in an episode from elsewhere, in a session that is decided."""
        before, _, episodes = self.last_of_run.get(new.run_id, (-1, 0, 0))
        self.last_of_run[new.run_id] = (session, new.timestamp, episodes + 1 if before == session else 1)
        self._append(new, restored.recorded_at, session=session, redactions=restored.redactions)

    def _append(self, new: NewEpisode, recorded_at: datetime, *, session: int, redactions: int) -> None:
        episode = Episode(
            id=new.id,
            scope=replace(self.scope, run_id=new.run_id),
            session=session,
            role=new.role,
            name=new.name,
            text=new.text,
            timestamp=from_microseconds(new.timestamp, new.offset),
            recorded_at=recorded_at,
            metadata=dict(new.metadata),
            message_id=new.message_id,
        )
        self.kept.append(Kept(self.next_row, episode, new.digest, new.features, redactions=redactions))
        self.next_row += 1

    def visible(self, run_id: str | None, view: View = EVERYTHING) -> list[Kept]:
        """The episodes of a run (of all) that a view shows."""
        narrowed = replace(view, run_id=run_id or view.run_id)
        return [each for each in self.kept if each.passes(narrowed)]

    def session_for(self, run_id: str | None, timestamp: int) -> int:
        """The session an episode belongs to, and remember it as the run's last."""
        session, last, episodes = self.last_of_run.get(run_id, (-1, 0, 0))
        if session < 0 or not continues_session(last=last, episodes=episodes, timestamp=timestamp):
            session, episodes = self.next_session, 0
            self.next_session += 1
        self.last_of_run[run_id] = (session, timestamp, episodes + 1)
        return session
