"""A trie of token sequences: which of them shares the longest beginning with another one.

Compressed: an edge holds a run of tokens, so that a sequence of thousands costs a few nodes.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field


@dataclass(slots=True)
class _Node:
    """Edges by their first token, and the names of the sequences that end here."""

    edges: dict[int, tuple[tuple[int, ...], _Node]] = field(default_factory=dict)
    names: set[str] = field(default_factory=set)


class TokenTrie:
    """Sequences by name. Not safe for several threads at once."""

    def __init__(self) -> None:
        self._root = _Node()

    def put(self, name: str, ids: Sequence[int]) -> None:
        """Take a sequence in."""
        node, rest = self._root, tuple(ids)
        while rest:
            if rest[0] not in node.edges:
                node.edges[rest[0]] = (rest, _Node())
            run, child = node.edges[rest[0]]
            shared = shared_beginning(run, rest)
            if shared < len(run):  # the paths part inside the edge
                middle = _Node(edges={run[shared]: (run[shared:], child)})
                node.edges[rest[0]] = (run[:shared], middle)
                child = middle
            node, rest = child, rest[shared:]
        node.names.add(name)

    def longest(self, ids: Sequence[int]) -> tuple[str, int] | None:
        """A sequence that shares the most first tokens, and how many; None where none shares any.

        Of several that share as many, the first by name among those that end soonest.
        """
        node, held, count = self._root, tuple(ids), 0
        while count < len(held) and held[count] in node.edges:
            run, child = node.edges[held[count]]
            shared = shared_beginning(run, held[count:])
            node, count = child, count + shared
            if shared < len(run):
                break
        return (_any_name(node), count) if count else None


def shared_beginning(one: Sequence[int], other: Sequence[int]) -> int:
    """How many first tokens two runs have in common."""
    for place, (left, right) in enumerate(zip(one, other, strict=False)):
        if left != right:
            return place
    return min(len(one), len(other))


def _any_name(node: _Node) -> str:
    while not node.names:
        node = min(node.edges.values(), key=lambda edge: edge[0])[1]
    return min(node.names)
