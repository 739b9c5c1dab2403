"""What of a prompt need not be read: the longest beginning that is kept, and passages that are.

The same way for all: a prompt is a head, passages and a tail, and what no artifact holds is read as text. Only the
last token is always read, for the answer begins from what the model makes of it.
"""

from __future__ import annotations

import threading
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Generic

from memstrata.activation.explicit import attached
from memstrata.activation.keeping import Keeper
from memstrata.activation.trie import TokenTrie
from memstrata.errors import ArtifactRefused, MemstrataError, NotFound
from memstrata.ports import P
from memstrata.types import Artifact, Scope

FEWEST = 16
"""Tokens that a kept beginning must save; to attach fewer costs about as much as to read them."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Attachment(Generic[P]):
    """What a tail is read after. `artifacts`: those attached; `tokens`: how many need not be read thanks to them;
    `read`: how many have to be all the same.

    `refused`: why some were not attached; what they hold is read as text.
    """

    parts: tuple[P, ...]
    tail: tuple[int, ...]
    artifacts: tuple[Artifact, ...] = ()
    tokens: int = 0
    read: int = 0
    refused: tuple[str, ...] = ()


class Attacher(Generic[P]):
    """Finds what is kept of prompts, for one model. Safe to call from several threads."""

    def __init__(self, keeper: Keeper[P]) -> None:
        self.keeper = keeper
        self._lock = threading.Lock()
        self._tries: dict[Scope, tuple[frozenset[str], TokenTrie]] = {}

    def attach(self, scope: Scope, ids: Sequence[int]) -> Attachment[P]:
        """The longest kept beginning of a prompt, and the rest of it."""
        refused: list[str] = []
        found = self._longest(scope, ids, refused)
        if found is None:
            return Attachment(parts=(), tail=tuple(ids), read=len(ids), refused=tuple(refused))
        artifact, part = found
        return Attachment(
            parts=(part,),
            tail=tuple(ids[part.tokens :]),
            artifacts=(artifact,),
            tokens=part.tokens,
            read=len(ids) - part.tokens,
            refused=tuple(refused),
        )

    def attach_passages(
        self, scope: Scope, head: Sequence[int], passages: Mapping[str, Artifact], tail: Sequence[int]
    ) -> Attachment[P]:
        """The same with passages between head and tail, each turned to its place behind the one before.

        `passages`: from `ready_passages`, in the order in which they are to stand. One that is refused is left out
        and named in `refused`; whoever needs it as text attaches anew without it.
        """
        model, refused = self.keeper.model, list[str]()
        before = self.attach(scope, [*head, -1])  # the last token of a head may be attached too
        parts = list(before.parts)
        unread = before.tail[:-1]
        if unread:
            parts.append(model.prefill(unread, after=parts))
        read = [(artifact, self._part(scope, artifact, refused)) for artifact in passages.values()]
        found = [(artifact, part) for artifact, part in read if part is not None]
        return Attachment(
            parts=tuple(attached(model, parts, [part for _, part in found])),
            tail=tuple(tail),
            artifacts=(*before.artifacts, *(artifact for artifact, _ in found)),
            tokens=before.tokens + sum(artifact.tokens for artifact, _ in found),
            read=len(unread) + len(tail),
            refused=(*before.refused, *refused),
        )

    def ready_passages(self, scope: Scope, episode_ids: Sequence[str]) -> dict[str, Artifact]:
        """Those of these episodes that are kept as passages for this model, by episode, in the order asked."""
        series = {passage_series(id_): id_ for id_ in episode_ids}
        found = {series[each.series]: each for each in self.keeper.ready(scope, "passage", list(series))}
        return {id_: found[id_] for id_ in episode_ids if id_ in found}

    def _longest(self, scope: Scope, ids: Sequence[int], refused: list[str]) -> tuple[Artifact, P] | None:
        while True:
            ready = {each.id: each for each in self.keeper.ready(scope, "prefix")}
            found = self._trie(scope, ready, refused).longest(ids) if ready else None
            if found is None:
                return None
            name, shared = found
            count = min(shared, len(ids) - 1)
            if count < FEWEST:
                return None
            part = self._part(scope, ready[name], refused)
            if part is not None:
                return ready[name], part if count == part.tokens else part.first(count)

    def _trie(self, scope: Scope, ready: Mapping[str, Artifact], refused: list[str]) -> TokenTrie:
        home, names = scope.partition, frozenset(ready)
        with self._lock:
            known = self._tries.get(home)
        if known is not None and known[0] == names:
            return known[1]
        trie = TokenTrie()
        for artifact in ready.values():
            try:
                trie.put(artifact.id, self.keeper.ids(scope, artifact))
            except (ArtifactRefused, NotFound) as error:
                self._refuse(scope, artifact, error, refused)
        with self._lock:
            self._tries[home] = names, trie
        return trie

    def _part(self, scope: Scope, artifact: Artifact, refused: list[str]) -> P | None:
        try:
            return self.keeper.part(scope, artifact)
        except (ArtifactRefused, NotFound) as error:
            self._refuse(scope, artifact, error, refused)
            return None

    def _refuse(self, scope: Scope, artifact: Artifact, error: MemstrataError, refused: list[str]) -> None:
        self.keeper.refuse(scope, artifact)
        refused.append(f"{error}; it is read as text")


def passage_series(episode_id: str) -> str:
    """What all versions of an episode's passage are called."""
    return f"passage/{episode_id}"
