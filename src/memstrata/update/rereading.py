"""The same words read by rules and by a model: whose reading stands. Pure.

Rules read first. Where a model then quotes the words that a rules' fact rests on and says the same, its claim takes the
fact's place: the fact is retired, for it was our reading and not the world that changed, and what had closed
or disputed it does so to the claim. What the user has said of a fact, and what waits for the user's word, no reading
of the same words touches or goes around. A newer model's reading takes an older one's place.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from typing import cast

from memstrata.core.facts.codec import claim_from_json, claim_to_json, time_to_json
from memstrata.core.facts.log import NewChange
from memstrata.core.facts.rivalry import numbers, terms
from memstrata.core.facts.trust import waits
from memstrata.types import Change, ChangeKind, Claim, Fact, Json, Source
from memstrata.update.reconcile import new_change
from memstrata.update.wishes import USER

MODEL = "model/"
"""What the names of model extractors begin with."""
GREATER = 0.5
LITTLE_SAID = 1 / 3
MUCH_SAID = 0.6
"""Share of a fact's terms that readings have too: little will do where they quote the greater part of its words, for a
model puts them in its own; much is asked of those that quote less."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Known:
    """A fact that rests on the words at hand: whose reading it is, and whether the user has had a say in it."""

    fact: Fact
    actor: str
    decided: bool


@dataclass(frozen=True, slots=True, kw_only=True)
class Reading:
    """A claim, the facts whose place it takes, and those whose closing or dispute passes on to it."""

    claim: Claim
    replaces: tuple[Fact, ...] = ()
    stands_as: tuple[Fact, ...] = ()


def known_readings(facts: Sequence[Fact], log: Iterable[Change]) -> list[Known]:
    """Facts with what their log tells of who made them; their sources are the words themselves, not those lent."""
    logs: dict[str, list[Change]] = {}
    for change in log:
        logs.setdefault(change.fact_id, []).append(change)
    return [_known(fact, logs.get(fact.id, [])) for fact in facts]


def reread(claims: Sequence[Claim], known: Sequence[Known], *, actor: str) -> list[Reading]:
    """The claims that are to be decided, in their order; those that another reading stands before are left out."""
    others = [each for each in known if each.decided or _of_another(each.actor, actor)]
    others = [each for each in others if not _replaced(each.fact, known)]
    held = [each.fact for each in others if each.decided or each.fact.status in ("quarantined", "retired", "rejected")]
    free = [each.fact for each in others if each.fact not in held]
    if not actor.startswith(MODEL):
        stronger = [fact.claim for fact in free]
        return [
            Reading(claim=claim)
            for claim in claims
            if not _mostly_within(claim.sources[0], held) and not _say(claim, claim.sources, stronger)
        ]
    left = [claim for claim in claims if not _mostly_within(claim.sources[0], held)]
    return _in_place_of(left, free)


def consequences(
    reading: Reading, found: Sequence[NewChange], *, own: str, at: datetime, actor: str
) -> list[NewChange]:
    """What taking the place of facts changes beside `found`, the changes that the claim causes by itself."""
    if not found:
        return []
    heir, cause = found[0].fact_id, found[0].cause

    def change(kind: ChangeKind, fact: str, data: Mapping[str, Json]) -> NewChange:
        return new_change(kind, fact, cause=cause, at=at, actor=actor, data=data)

    changes = []
    for fact in reading.replaces:
        changes.append(change("retired", fact.id, {"by": heir}))
        episode = reading.claim.sources[0].episode_id
        rest = tuple(source for source in fact.sources if source.episode_id != episode)
        if rest:
            said = {"claim": claim_to_json(replace(fact.claim, sources=rest)), "said_at": time_to_json(fact.said_at)}
            changes.append(change("supported", heir, {**said, "by": fact.id}))
    for fact in reading.stands_as if heir == own else ():
        if fact.status == "superseded" and fact.claim.valid_to is not None:
            by = {"by": fact.superseded_by} if fact.superseded_by else {}
            changes.append(change("closed", own, {"valid_to": time_to_json(fact.claim.valid_to), **by}))
        for other in fact.disputed_with if fact.status == "disputed" else ():
            changes += [change("disputed", own, {"by": other}), change("disputed", other, {"by": own})]
    return changes


def _known(fact: Fact, log: Sequence[Change]) -> Known:
    said = [change for change in log if change.kind in ("asserted", "supported")]
    own = {claim_from_json(cast(Mapping[str, Json], change.data["claim"])).sources[0] for change in said}
    sources = tuple(source for source in fact.sources if source in own) or fact.sources[:1]
    return Known(
        fact=replace(fact, claim=replace(fact.claim, sources=sources)),
        actor=next((change.actor for change in said if change.kind == "asserted"), USER),
        decided=any(change.actor == USER for change in log),
    )


def _in_place_of(claims: Sequence[Claim], facts: Sequence[Fact]) -> list[Reading]:
    replaces: dict[int, list[Fact]] = {}
    stands_as: dict[int, list[Fact]] = {}
    filled = dict(enumerate(claims))
    for fact in facts:
        alike = [place for place, claim in enumerate(claims) if _may_replace(claim, fact)]
        if not _say(fact.claim, fact.sources, [claims[place] for place in alike]):
            continue
        alike = [place for place in alike if _shared(fact.sources, claims[place].sources[:1])]
        lead = max(alike, key=lambda place: (_shared(fact.sources, claims[place].sources[:1]), -place))
        replaces.setdefault(lead, []).append(fact)
        filled[lead] = _filled(filled[lead], fact)
        heirs = [place for place in alike if filled[place].kind == fact.kind] or [lead]
        for place in heirs:
            stands_as.setdefault(place, []).append(fact)
    return [
        Reading(claim=claim, replaces=tuple(replaces.get(place, ())), stands_as=tuple(stands_as.get(place, ())))
        for place, claim in filled.items()
    ]


def _of_another(actor: str, than: str) -> bool:
    """A reading by rules and one by a model, or by two models; two sets of rules stand side by side."""
    return actor != than and (actor.startswith(MODEL) or than.startswith(MODEL))


def _replaced(fact: Fact, known: Sequence[Known]) -> bool:
    """It was retired because the same words were read anew."""
    heir = next((each.fact for each in known if each.fact.id == fact.superseded_by), None)
    return fact.status == "retired" and heir is not None and _shared(fact.sources, heir.sources) > 0


def _may_replace(claim: Claim, fact: Fact) -> bool:
    return claim.trust == fact.trust and claim.negated == fact.claim.negated and not waits(claim)


def _say(weaker: Claim, sources: Sequence[Source], readings: Sequence[Claim]) -> bool:
    """Readings quote what a claim rests on, the greater part or some of it, and say what it says."""
    near = [each for each in readings if _shared(sources, each.sources)]
    if not near:
        return False
    spans = [source for each in near for source in each.sources]
    mostly = any(_shared([source], spans) > GREATER * (source.end - source.start) for source in sources)
    said = frozenset(term for each in near for term in terms(each.text))
    own = terms(weaker.text)
    if len(own & said) < (LITTLE_SAID if mostly else MUCH_SAID) * len(own) or not (own or mostly):
        return False
    timed = any(each.event_from or each.valid_from or each.valid_to for each in near)
    told = frozenset(number for each in near for number in numbers(each.text))
    return timed or numbers(weaker.text) <= told


def _mostly_within(source: Source, facts: Sequence[Fact]) -> bool:
    spans = [each for fact in facts for each in fact.sources]
    return _shared([source], spans) > GREATER * (source.end - source.start)


def _shared(sources: Sequence[Source], others: Collection[Source]) -> int:
    """Characters of some sources that others cover too."""
    covered = {
        (one.episode_id, place)
        for one in sources
        for other in others
        if one.episode_id == other.episode_id
        for place in range(max(one.start, other.start), min(one.end, other.end))
    }
    return len(covered)


def _filled(claim: Claim, fact: Fact) -> Claim:
    """The claim with what it leaves open as the fact has it: a model that names no kind takes none away."""
    if not _say(fact.claim, fact.sources, [claim]):
        return claim  # it takes the place together with others
    old = fact.claim
    if claim.kind == "statement" != old.kind:
        claim = replace(claim, kind=old.kind, slot=claim.slot or old.slot, value=claim.value or old.value)
    if not (claim.event_from or claim.event_to or claim.valid_from or claim.valid_to):
        claim = replace(
            claim,
            valid_from=old.valid_from,
            event_from=old.event_from,
            event_to=old.event_to,
            precision=old.precision,
        )
    return claim if claim.subject else replace(claim, subject=old.subject)
