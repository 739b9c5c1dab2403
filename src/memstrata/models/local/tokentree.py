"""Texts as a tree of tokens, in which a beginning that several share is read once.

A text is a path from the root; texts with the same beginning (the system prompt, the question before several answers)
share its nodes, and a token attends to those above it alone (tree attention, arXiv 2305.09781). Nothing is filled up,
so there is no need to sort texts by length, and what each text gives is what it gives by itself.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass


@dataclass(frozen=True, slots=True, kw_only=True)
class Tree:
    """Texts as one tree: the token of each node, the node above it (-1: none) and its depth; the paths of the texts."""

    tokens: tuple[int, ...]
    above: tuple[int, ...]
    depths: tuple[int, ...]
    paths: tuple[tuple[int, ...], ...]

    def grown(self, tokens: Sequence[int], below: Sequence[int]) -> Tree:
        """The tree with one more node for each of these tokens, below the ends of the paths of these numbers."""
        count = len(self.tokens)
        ends = [self.paths[number][-1] for number in below]
        paths = list(self.paths)
        for place, number in enumerate(below):
            paths[number] = (*paths[number], count + place)
        return Tree(
            tokens=(*self.tokens, *tokens),
            above=(*self.above, *ends),
            depths=(*self.depths, *(self.depths[end] + 1 for end in ends)),
            paths=tuple(paths),
        )


def tree_of(texts: Iterable[Sequence[int]]) -> Tree:
    """The tree of these texts, nodes in an order in which each comes after the one above it."""
    nodes: dict[tuple[int, int], int] = {}
    tokens: list[int] = []
    above: list[int] = []
    depths: list[int] = []
    paths: list[tuple[int, ...]] = []
    for ids in texts:
        path: list[int] = []
        node = -1
        for depth, token in enumerate(ids):
            key = (node, token)
            if key not in nodes:
                nodes[key] = len(tokens)
                tokens.append(token)
                above.append(node)
                depths.append(depth)
            node = nodes[key]
            path.append(node)
        paths.append(tuple(path))
    return Tree(tokens=tuple(tokens), above=tuple(above), depths=tuple(depths), paths=tuple(paths))
