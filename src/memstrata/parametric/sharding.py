"""Which facts share an adapter: those of the same subjects, few enough that one can be trained anew in a minute.

A shard is made of whole subjects, so that a question about somebody needs one adapter, and forgetting a fact retrains
one. Shards that exist keep their subjects: a new fact changes the shard of its subject and no other.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from memstrata.core.training import digest
from memstrata.parametric.wordings import Askable

FACTS_A_SHARD = 10
"""At 135 million weights; more facts an adapter cost recall of each (docs/explanation/parametric.md)."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Shard:
    """Facts that one adapter learns. `series` names the shard whatever its facts are at the time."""

    series: str
    subjects: tuple[str, ...]
    facts: tuple[Askable, ...]

    @property
    def sources(self) -> tuple[str, ...]:
        """The ids of its facts."""
        return tuple(each.fact_id for each in self.facts)

    def without(self, fact_id: str) -> Shard:
        """The shard after one of its facts was forgotten."""
        kept = tuple(each for each in self.facts if each.fact_id != fact_id)
        return Shard(series=self.series, subjects=self.subjects, facts=kept)


def sharded(
    facts: Sequence[Askable], *, known: Mapping[str, Sequence[str]] | None = None, most: int = FACTS_A_SHARD
) -> list[Shard]:
    """Facts in shards of whole subjects. `known`: the subjects of the series that exist; those stay together.

    A subject with more facts than `most` has a shard by itself. The order of the facts does not matter.
    """
    of: dict[str, list[Askable]] = {}
    for fact in sorted(facts, key=lambda each: (each.subject, each.attribute, each.value)):
        of.setdefault(fact.subject, []).append(fact)
    groups = {series: [each for each in subjects if each in of] for series, subjects in (known or {}).items()}
    placed = {subject for subjects in groups.values() for subject in subjects}
    for subject in (each for each in of if each not in placed):
        room = [
            series
            for series, subjects in groups.items()
            if sum(len(of[each]) for each in subjects) + len(of[subject]) <= most and subjects
        ]
        series = min(room, default=f"facts-{digest(subject)[:8]}")
        groups.setdefault(series, []).append(subject)
    return [
        Shard(series=series, subjects=tuple(subjects), facts=tuple(fact for each in subjects for fact in of[each]))
        for series, subjects in sorted(groups.items())
        if subjects
    ]
