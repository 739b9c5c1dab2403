"""What a search or a prompt is given."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Literal, get_args

from memstrata.types.conversation import Episode, Source
from memstrata.types.facts import Fact

ItemKind = Literal["episode", "fact"]
"""What `search` may return."""
ITEM_KINDS: tuple[str, ...] = get_args(ItemKind)


@dataclass(frozen=True, slots=True, kw_only=True)
class Hit:
    """Something found: the item, its score, each signal's share of the score, and the words it rests on.

    What changed, where the search is for facts too: `supersedes`, what held before a fact that was found;
    `superseded_by`, what holds since in place of something that was found.
    """

    item: Episode | Fact
    score: float
    why: Mapping[str, float]
    sources: tuple[Source, ...]
    supersedes: tuple[Fact, ...] = ()
    superseded_by: tuple[Fact, ...] = ()

    @property
    def text(self) -> str:
        """The item's text."""
        return self.item.text


class Hits(list[Hit]):
    """A list of hits, best first, that also says in `degraded` what could not be used to find them."""

    def __init__(self, hits: Iterable[Hit] = (), *, degraded: Sequence[str] = ()) -> None:
        super().__init__(hits)
        self.degraded: tuple[str, ...] = tuple(degraded)

    @property
    def episodes(self) -> list[Episode]:
        """The episodes among them, best first."""
        return [hit.item for hit in self if isinstance(hit.item, Episode)]

    @property
    def facts(self) -> list[Fact]:
        """The facts among them, best first."""
        return [hit.item for hit in self if isinstance(hit.item, Fact)]


@dataclass(frozen=True, slots=True, kw_only=True)
class Context:
    """Text for a model's prompt, the hits quoted in it in order of citation, and its size in tokens."""

    text: str
    hits: tuple[Hit, ...]
    tokens: int
    degraded: tuple[str, ...] = ()
