"""Cues of change: what the words of a claim say about earlier ones."""

from __future__ import annotations

from typing import Literal, get_args

Cue = Literal["now", "ended", "corrects", "instead", "once", "again", "so far"]
"""`now`: contrasts with before. `ended`: something is over, cancelled, gone. `corrects`: the earlier was wrong from the
beginning. `instead`: one thing in the place of another. `once`: an exception, which changes no habit. `again`: what
was before has come back. `so far`: a count that goes on."""
CUES: tuple[str, ...] = get_args(Cue)
