"""A graph of entities, observations and relations, kept as episodes that recall finds and forget erases.

Each is one episode: "Ana (person)", "Ana: allergic to nuts", "Ana lives in Ghent". Its metadata hold no word, only the
lengths of the parts, so that what is erased from the text is gone; an episode whose text was partly erased since is
no part of the graph any more. Its message id names it, so that two writers cannot keep the same twice.
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from typing import Literal, cast

from memstrata.errors import InvalidInput
from memstrata.govern.secrets import without_secrets
from memstrata.surfaces.mcp.here import Here
from memstrata.types import Episode, Message

RUN = "memory graph"
"""The run that the graph lies in, unless a run is fixed."""
Part = Literal["entity", "observation", "relation"]
Parts = tuple[str, ...]
_BETWEEN: dict[Part, tuple[str, ...]] = {
    "entity": (" (", ")"),
    "observation": (": ", ""),
    "relation": (" ", " ", ""),
}
"""What stands after each part of a text."""
_KIND, _LENGTHS = "memory_graph", "memory_graph_lengths"
_PAGE = 1000


@dataclass(slots=True, kw_only=True)
class Entity:
    """An entity as it stands, with the episodes that hold it and what is observed of it."""

    name: str
    type: str = ""
    episode_ids: list[str] = field(default_factory=list)
    observations: dict[str, str] = field(default_factory=dict)


@dataclass(slots=True, kw_only=True)
class Graph:
    """Entities by name, and the episode of each relation (from, type, to); both in the order in which they came."""

    entities: dict[str, Entity] = field(default_factory=dict)
    relations: dict[tuple[str, str, str], str] = field(default_factory=dict)


def read_graph(here: Here) -> Graph:
    """All that is there now. What is observed of a name without an entity makes it one, of no type."""
    graph = Graph()
    for episode in reversed(list(_episodes(here))):
        kind, parts = cast(Part, episode.metadata[_KIND]), _parts(episode)
        if parts is None:
            continue
        if kind == "relation":
            graph.relations.setdefault((parts[0], parts[1], parts[2]), episode.id)
            continue
        entity = graph.entities.setdefault(parts[0], Entity(name=parts[0]))
        if kind == "entity":
            entity.type = parts[1]
            entity.episode_ids.append(episode.id)
        else:
            entity.observations.setdefault(parts[1], episode.id)
    return graph


def add(here: Here, kind: Part, many: Sequence[Parts]) -> None:
    """Keep parts of the graph, all or none."""
    if many:
        here.memory.add([_message(kind, parts) for parts in many], **here.ids)


def erase(here: Here, ids: Iterable[str]) -> None:
    """Erase episodes of the graph for good."""
    if gone := list(dict.fromkeys(ids)):
        here.memory.forget(gone, **here.ids)


def settled(kind: Part, parts: Parts) -> Parts:
    """The parts as they may be kept. Raises InvalidInput for a name that holds a secret; an observation loses it."""
    whole = _joined(kind, parts)
    kept, secrets = without_secrets(whole)
    if not secrets:
        return parts
    before = parts[0] + _BETWEEN[kind][0]
    if kind != "observation" or not kept.startswith(before):
        raise InvalidInput(f"this {kind} holds a secret, which is never kept")
    return (parts[0], kept.removeprefix(before))


def _message(kind: Part, parts: Parts) -> Message:
    lengths = [len(part) for part in parts]
    known_by = parts[:1] if kind == "entity" else parts
    digest = hashlib.sha256("\0".join((kind, *known_by)).encode(errors="replace")).hexdigest()[:32]
    metadata = {_KIND: kind, _LENGTHS: lengths}
    return Message(content=_joined(kind, parts), role="assistant", metadata=metadata, id=f"{kind}/{digest}")


def _joined(kind: Part, parts: Parts) -> str:
    return "".join(part + after for part, after in zip(parts, _BETWEEN[kind], strict=True))


def _parts(episode: Episode) -> Parts | None:
    """The parts of a text, None where they no longer fit it."""
    kind, lengths = episode.metadata[_KIND], episode.metadata.get(_LENGTHS)
    between = _BETWEEN.get(cast(Part, kind)) if isinstance(kind, str) else None
    if between is None or not isinstance(lengths, Sequence) or len(lengths) != len(between):
        return None
    parts, at = [], 0
    for length, after in zip(lengths, between, strict=True):
        if not isinstance(length, int) or length < 0 or episode.text[at + length : at + length + len(after)] != after:
            return None
        parts.append(episode.text[at : at + length])
        at += length + len(after)
    return tuple(parts) if at == len(episode.text) else None


def _episodes(here: Here) -> Iterator[Episode]:
    cursor = None
    while True:
        page = here.memory.episodes(limit=_PAGE, cursor=cursor, filters={_KIND: "*"}, **here.ids)
        yield from page.episodes
        cursor = page.next
        if cursor is None:
            return
