"""What a local model is asked to weigh: the turns of a session. How surprising each is, in the light of those before.

A turn that the model could have foreseen ("That sounds great!") says little; one that it could not tells something.
"""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True, kw_only=True)
class Turn:
    """What was said, and by whom."""

    speaker: str
    text: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Session:
    """The turns of a session in order; those before place `start` are known already and only lead up to the others."""

    turns: tuple[Turn, ...]
    start: int = 0


@dataclass(frozen=True, slots=True, kw_only=True)
class Surprise:
    """The summed negative log-likelihood of a turn's words in nats, and how many tokens they are."""

    nats: float
    tokens: int


@dataclass(frozen=True, slots=True, kw_only=True)
class TurnRow:
    """A stored episode as a turn: its row in its scope, and whether it has a surprise already.

    `redactions`: how often parts of the text have been erased; tells whether a surprise is still one of this text.
    """

    row: int
    turn: Turn
    weighed: bool
    redactions: int = 0
