"""The order of facts as an answer to a question: what bears on it first, and of rivals today's truth first.

A fact's score is that of the turn that it rests on, with what its own words hold of the question. What an assistant
or a page said comes behind what the user said, unless the question asks for it. Among the best, a later statement
that speaks about the same thing pushes the earlier one back: both bear on the question, so less rivalry is enough
than `update/` asks for to close a fact (see `core.facts.rivalry`).
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from datetime import timedelta

from memstrata.core.facts.rivalry import rivalry, terms
from memstrata.recall.asked import Answer, given_by
from memstrata.types import Fact, FactKind

COVERS = 1.0
"""What it is worth that a fact's own words hold all of the question's terms."""
NOT_THE_USERS = 1.0
CONFIDENT = 0.5
OF_KIND = 1.0
"""What it is worth that a fact is of a kind that the question asks for."""
PINNED = 2.0
CONTENDERS = 3
"""How many of the best are compared with each other: what bears less is no rival of what bears most."""
GIVES_WAY = 1.9
"""Rivalry from which the earlier of two contenders is pushed back; decision 8 says how the weights were found."""
BEARS = 0.2
"""How much a later statement that bears less on the question must make up for it."""
BEHIND = 8.0
"""How far it is pushed back: behind anything that bears on the question at all."""
SHARED = 1.5
KIND = 1.5
SUBJECTS = 0.5
"""How much more, or less, words in common, one kind and two subjects count here than in `core.facts.rivalry`."""
ANSWERS = 1.0
"""What it adds that both hold what the question asks for: a number, a time."""
SAME_TALK = timedelta(hours=2)
"""Statements nearer than this are one telling, of which no part is older than another."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Standing:
    """A fact with its score, the shares of it, and the later fact that it gave way to."""

    fact: Fact
    score: float
    why: dict[str, float]
    gave_way_to: str | None = None


def stand(
    facts: Sequence[Fact],
    *,
    found: Callable[[Fact], float],
    query_terms: frozenset[int],
    kinds: frozenset[FactKind],
    asks_others: bool,
) -> list[Standing]:
    """Facts by how well they answer; `found` is the score of the turn that a fact rests on."""
    standings = []
    for fact in facts:
        held = len(query_terms & terms(fact.text)) / max(1, len(query_terms))
        why = {"found": found(fact), "words": COVERS * held, "confidence": CONFIDENT * (fact.confidence - 1)}
        if fact.trust != "user" and not asks_others:
            why["speaker"] = -NOT_THE_USERS
        if fact.kind in kinds:
            why["kind"] = OF_KIND
        if fact.pinned:
            why["pinned"] = PINNED
        standings.append(Standing(fact=fact, score=sum(why.values()), why=why))
    return in_order(standings)


def give_way(
    standings: Sequence[Standing], cosine: Callable[[Fact, Fact], float], *, asked: frozenset[Answer] = frozenset()
) -> list[Standing]:
    """Push back, among the best, each fact that a later one speaks against. `asked`: what an answer must hold."""
    contenders = [each for each in standings[:CONTENDERS] if each.fact.trust == "user"]
    pushed: dict[str, Standing] = {}
    for older in contenders:
        rivals = [newer for newer in contenders if _speaks_against(newer, older, cosine, asked)]
        if rivals:
            newest = max(rivals, key=lambda each: (each.fact.said_at, each.fact.id))
            why = {**older.why, "gave way": -BEHIND}
            pushed[older.fact.id] = replace(older, score=older.score - BEHIND, why=why, gave_way_to=newest.fact.id)
    return in_order([pushed.get(each.fact.id, each) for each in standings])


def in_order(standings: Sequence[Standing]) -> list[Standing]:
    """Best first; ties go to what was said later."""
    return sorted(standings, key=lambda each: (-each.score, -each.fact.said_at.timestamp(), each.fact.id))


def _speaks_against(
    newer: Standing, older: Standing, cosine: Callable[[Fact, Fact], float], asked: frozenset[Answer]
) -> bool:
    if newer.fact.said_at - older.fact.said_at < SAME_TALK or older.fact.confirmed > newer.fact.confirmed:
        return False
    ahead, cosines = newer.score - older.score, cosine(older.fact, newer.fact)
    return against(older.fact, newer.fact, cosine=cosines, asked=asked, ahead=ahead) >= GIVES_WAY


def against(older: Fact, newer: Fact, *, cosine: float, asked: frozenset[Answer], ahead: float) -> float:
    """How much a later fact speaks against an earlier one, for a question; `ahead`: by how much it scores above it."""
    parts = rivalry(older.claim, newer.claim, cosine=cosine)
    both = asked & given_by(older) & given_by(newer) if asked else asked
    topic = KIND * parts.kind + SUBJECTS * parts.subjects
    return parts.likeness + SHARED * parts.shared + topic + parts.cue + ANSWERS * len(both) + BEARS * ahead
