"""Which facts may be learned by weights, and which adapters a question calls for.

Weights hold only what is stable, true now, the user's own word, and allowed: a `Consent` says which kinds of facts may
be trained on, and by default none may. Everything stays text besides.
"""

from __future__ import annotations

import re
from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta

from memstrata.parametric.wordings import Askable, askable
from memstrata.types import Fact, FactKind

STABLE_KINDS: tuple[FactKind, ...] = (
    "identity", "residence", "work", "relationship", "possession", "preference", "habit", "statement", "event",
)  # fmt: skip
"""Plans, commitments, quantities and instructions change or have to be read as words. `event` is here for statements
such as "Ann's dog is called Rex", which name no time."""
SENSITIVE_KINDS: tuple[FactKind, ...] = ("health",)
SETTLED = timedelta(days=7)
"""How long a fact has stood before it is worth training on: what changes, changes soon."""
LEAST_CONFIDENCE = 0.5
MOST_ATTACHED = 2


@dataclass(frozen=True, slots=True, kw_only=True)
class Consent:
    """What a person lets be trained on. `kinds` empty: nothing."""

    kinds: frozenset[FactKind] = frozenset()

    @classmethod
    def to_all(cls) -> Consent:
        """To every kind that is stable and not sensitive."""
        return cls(kinds=frozenset(STABLE_KINDS))


def trainable(fact: Fact, consent: Consent, *, now: datetime, settled: timedelta = SETTLED) -> bool:
    """Whether a fact may go into weights and is worth it."""
    claim = fact.claim
    believed = fact.status == "active" and (claim.trust == "user" or fact.confirmed)
    plain = not claim.negated and claim.valid_to is None and claim.event_from is None and not fact.muted
    allowed = claim.kind in consent.kinds and claim.kind in (*STABLE_KINDS, *SENSITIVE_KINDS)
    return believed and plain and allowed and claim.confidence >= LEAST_CONFIDENCE and now - fact.said_at >= settled


def teachable(facts: Iterable[Fact], consent: Consent, *, now: datetime, settled: timedelta = SETTLED) -> list[Askable]:
    """The facts that may be trained on, as questions; where two answer the same question, neither is taken."""
    found = [made for fact in facts if trainable(fact, consent, now=now, settled=settled) and (made := askable(fact))]
    asked = [(each.subject, each.attribute) for each in found]
    return [each for each, key in zip(found, asked, strict=True) if asked.count(key) == 1]


def called_for(
    question: str, subjects: Mapping[str, Sequence[str]], *, recalled: Collection[str], most: int = MOST_ATTACHED
) -> list[str]:
    """Of the adapters and the subjects of each, those that a question is about, at most `most`.

    `recalled`: the subjects of what recall found for the question. An adapter is called for only where the question
    names one of its subjects *and* recall found something of it: a name alone may be somebody else's, and a hit alone
    may be a mere likeness. "user" is named by the first person.
    """
    found = []
    for series, names in subjects.items():
        named = [name for name in names if name in recalled and _names(question, name)]
        if named:
            found.append((max(map(len, named)), series))
    return [series for _, series in sorted(found, key=lambda each: (-each[0], each[1]))[:most]]


def _names(question: str, subject: str) -> bool:
    """Whether the words of a subject stand in a question; of a person with two names, the first will do."""
    if subject == "user":
        return re.search(r"\b(?:I|my|me|mine|I'm)\b", question) is not None
    first = subject.split()[0]
    return any(re.search(rf"\b{re.escape(each)}\b", question) is not None for each in (subject, first))
