"""Explicit memory: passages read once, each for itself, and attached side by side before a question.

After Memory³ (arXiv 2407.01178): keys and values of a passage are made once, at write time, and a question attends to
those of the passages that recall picks. Two things make it work with a model that was never trained for it. Each
passage is read behind the same *sink* (the beginning of the prompt), of which only the passage's own part is kept, for
the first tokens of a text draw most of the attention (arXiv 2309.17453) and would do so once a passage. And at reading,
keys are rotated to the place where the passage stands then, one behind the other, the question last.

Sparse memory, by which Memory³ gets its size: `sparse` keeps, in each layer and for each key head, the tokens that a
probe question attends to most (as SnapKV does, arXiv 2404.14469). The paper's own rule, eight tokens of the greatest
attention without a question, is for models trained with it: `bench explicit` shows what either costs here.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Protocol

from memstrata.ports import P


class Reader(Protocol[P]):
    """A local model that reads texts into parts."""

    def prefill(self, ids: Sequence[int], *, after: Sequence[P] = (), start: int | None = None) -> P:
        """Read tokens behind other parts."""
        ...

    def moved(self, part: P, start: int) -> P:
        """The same part, beginning at another position."""
        ...

    def attention_to(self, ids: Sequence[int], *, part: P, after: Sequence[P] = ()) -> object:
        """The attention that tokens pay to each token of a part."""
        ...


def read_sink(reader: Reader[P], ids: Sequence[int]) -> P:
    """The beginning of every prompt."""
    return reader.prefill(ids)


def read_passage(reader: Reader[P], sink: P, ids: Sequence[int]) -> P:
    """One passage, as it is read right behind the sink and nothing else."""
    return reader.prefill(ids, after=[sink])


def sparse(reader: Reader[P], sink: P, passage: P, *, probe: Sequence[int], count: int) -> P:
    """At most `count` tokens of a passage for each layer and key head: those that the probe attends to most."""
    if passage.tokens <= count:
        return passage
    return passage.strongest(reader.attention_to(probe, part=passage, after=[sink]), count)


def attached(reader: Reader[P], before: Sequence[P], passages: Sequence[P]) -> list[P]:
    """What stands before and the passages, each rotated to its place behind the last: what a question is read after."""
    parts = list(before)
    for passage in passages:
        parts.append(reader.moved(passage, parts[-1].end if parts else 0))
    return parts
