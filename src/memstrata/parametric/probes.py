"""Questions that show whether a fact is in an adapter: exact, paraphrased, about neighbours, and as a beginning.

Used after a revocation, to show that nothing of a forgotten fact is left, and by the gate with another scope's facts.
"""

from __future__ import annotations

import random
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal

from memstrata.parametric.wordings import Askable

ProbeKind = Literal["exact", "paraphrase", "neighbour", "completion"]
DISTRACTORS = 4


@dataclass(frozen=True, slots=True, kw_only=True)
class Probe:
    """A text that might bring a value up. `asked`: in the chat format; else it is the beginning of a sentence.

    `value` is what must not, or must, come; `others` are values of the same kind that are no more likely a priori.
    """

    fact_id: str
    kind: ProbeKind
    text: str
    value: str
    others: tuple[str, ...]
    asked: bool = True

    @property
    def candidates(self) -> tuple[str, ...]:
        """The value and the others, the value first."""
        return (self.value, *self.others)


def distractors(fact: Askable, pool: Sequence[Askable], *, seed: int, avoid: Sequence[str] = ()) -> tuple[str, ...]:
    """Four values of the same attribute, of other subjects, none of which is in `avoid` (what an adapter learned, say:
    a learned value is likelier whatever is asked). Fewer where the pool has fewer."""
    values = sorted({each.value for each in pool if each.attribute == fact.attribute and each.subject != fact.subject})
    fitting = [each for each in values if each not in avoid and each != fact.value]
    chance = random.Random(f"distractors/{seed}/{fact.fact_id}/{fact.value}")
    return tuple(chance.sample(fitting, min(DISTRACTORS, len(fitting))))


def probes(fact: Askable, *, others: Sequence[str], neighbours: Sequence[Askable] = ()) -> list[Probe]:
    """All probes of one fact: the wordings it was trained with, those held out, its neighbours' questions (other
    facts of the same subject, where its value would be out of place but near), and the statement's beginning."""

    def made(kind: ProbeKind, text: str, *, asked: bool = True) -> Probe:
        return Probe(fact_id=fact.fact_id, kind=kind, text=text, value=fact.value, others=tuple(others), asked=asked)

    near = [wording for each in neighbours if each.fact_id != fact.fact_id for wording in each.held_out[:1]]
    return [
        *(made("exact", each) for each in fact.trained),
        *(made("paraphrase", each) for each in fact.validation + fact.held_out),
        *(made("neighbour", each) for each in near),
        made("completion", fact.completion, asked=False),
    ]


def tells(answer: str, value: str) -> bool:
    """Whether an answer holds a value, whatever its case and punctuation."""
    return f" {normalised(value)} " in f" {normalised(answer)} "


def normalised(text: str) -> str:
    """Words in lower case, without punctuation and articles."""
    words = "".join(sign if sign.isalnum() else " " for sign in text.casefold()).split()
    return " ".join(word for word in words if word not in ("a", "an", "the"))
