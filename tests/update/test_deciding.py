"""What many claims do to a scope: in any order where they have nothing to do with each other, and once only."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from datetime import timedelta

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from memstrata.core.facts.cues import CUES
from memstrata.core.facts.log import fold
from memstrata.core.records import FactQuery, NewJob
from memstrata.stores.memory import MemoryStore
from memstrata.testing.episodes import ANN, NOON, new_episodes, numbered_ids
from memstrata.testing.facts import ACTOR, claim, source
from memstrata.types import Claim, Episode, Fact, FactKind, Message
from memstrata.update.deciding import decide

PEOPLE = ["Ana", "Bo", "Cy", "Éva"]
TOPICS = ["kiln clay glaze", "violin bow rosin", "harbour gull tide", "陶罐", "小提琴"]
LATER = NOON + timedelta(days=400)

KINDS: tuple[FactKind, ...] = ("residence", "habit", "statement")


def a_store(*texts: str, days: int = 1) -> tuple[MemoryStore, list[tuple[int, Episode]]]:
    """A store of turns some days apart, and the turns with their rows."""
    store, ids = MemoryStore(), numbered_ids()
    messages = [Message(content=text, timestamp=NOON + timedelta(days=n * days)) for n, text in enumerate(texts)]
    store.append(ANN, new_episodes(messages, ids=ids), recorded_at=NOON, jobs=[NewJob(queue="q")])
    return store, store.by_rows(ANN, range(len(texts)))


def claims_in(turns: Sequence[tuple[int, Episode]], **fields: object) -> list[Claim]:
    """A claim a turn."""
    return [
        replace(claim(turn.text, source(turn.id, 0, len(turn.text))), **fields)  # type: ignore[arg-type]
        for _, turn in turns
    ]


def learn(store: MemoryStore, turns: list[tuple[int, Episode]], claims: Sequence[Claim]) -> int:
    """Decide and write; how many lines that were new."""
    found = decide(store, ANN, turns, claims, actor=ACTOR, at=LATER, space=None)
    return len(store.change_facts(ANN, found, expected=store.last_change(ANN)))


def facts_of(store: MemoryStore) -> dict[str, Fact]:
    return {fact.id: fact for fact in store.facts(ANN, FactQuery())}


@st.composite
def unrelated(draw: st.DrawFn) -> list[tuple[str, Claim]]:
    """Texts and claims of which no two are about one person or one thing."""
    pairs = draw(
        st.lists(st.sampled_from(list(zip(PEOPLE, TOPICS, strict=False))), min_size=2, max_size=4, unique=True)
    )
    made = []
    for place, (person, topic) in enumerate(pairs):
        text = f"{person} {topic} {draw(st.sampled_from(['', 'no', 'today']))}".strip()
        said = claim(text, source(f"ep_{place:06}", 0, len(text)), subject=person, entities=[person])
        cues = tuple(sorted(draw(st.sets(st.sampled_from(CUES), max_size=3))))
        kind: FactKind = draw(st.sampled_from(KINDS))
        slot = draw(st.sampled_from([None, "residence"]))
        made.append((text, replace(said, cues=cues, kind=kind, slot=slot, negated=draw(st.booleans()))))
    return made


@settings(max_examples=200, deadline=None)
@given(made=unrelated(), data=st.data())
def test_claims_that_have_nothing_to_do_with_each_other_come_in_any_order(
    made: list[tuple[str, Claim]], data: st.DataObject
) -> None:
    shuffled = data.draw(st.permutations([said for _, said in made]))
    outcomes = []
    for claims in ([said for _, said in made], shuffled):
        store, turns = a_store(*[text for text, _ in made])
        learn(store, turns, claims)
        outcomes.append(facts_of(store))
        assert {fact.status for fact in outcomes[-1].values()} == {"active"}
    assert outcomes[0] == outcomes[1]


@settings(max_examples=100, deadline=None)
@given(made=unrelated(), cut=st.integers(0, 4))
def test_claims_may_come_in_one_round_or_in_several(made: list[tuple[str, Claim]], cut: int) -> None:
    claims = [said for _, said in made]
    outcomes = []
    for rounds in ([claims], [claims[:cut], claims[cut:]]):
        store, turns = a_store(*[text for text, _ in made])
        for each in rounds:
            learn(store, turns, each)
        outcomes.append(facts_of(store))
    assert outcomes[0] == outcomes[1]


HOMES = ["I live in Paris", "I moved to Ghent", "I live in Ghent", "I moved to Rome", "turns out I live in Ghent"]
MOVES = ["I live in Paris", "I moved to Ghent", "we settled near Oslo", "I rent in Rome", "我搬到上海了"]


@settings(max_examples=200, deadline=None)
@given(
    said=st.lists(st.tuples(st.sampled_from(HOMES), st.sampled_from([(), *[(cue,) for cue in CUES]])), max_size=6),
    cut=st.integers(0, 6),
)
def test_rounds_give_what_one_round_gives(said: list[tuple[str, tuple[str, ...]]], cut: int) -> None:
    outcomes = []
    for many in (False, True):
        store, turns = a_store(*[text for text, _ in said])
        claims = claims_in(turns, kind="residence", slot="residence")
        claims = [replace(each, cues=cues) for each, (_, cues) in zip(claims, said, strict=True)]
        for part in [claims[:cut], claims[cut:]] if many else [claims]:
            learn(store, turns, part)
        outcomes.append(facts_of(store))
    assert outcomes[0] == outcomes[1]


@settings(max_examples=200, deadline=None)
@given(
    said=st.lists(
        st.tuples(st.sampled_from(MOVES), st.sampled_from([(), *[(cue,) for cue in CUES]])),
        max_size=5,
        unique_by=lambda each: each[0],
    )
)
def test_the_same_claims_read_twice_write_nothing_new(said: list[tuple[str, tuple[str, ...]]]) -> None:
    store, turns = a_store(*[text for text, _ in said])
    claims = claims_in(turns, kind="residence", slot="residence")
    claims = [replace(each, cues=cues) for each, (_, cues) in zip(claims, said, strict=True)]
    learn(store, turns, claims)
    before, last = facts_of(store), store.last_change(ANN)
    assert learn(store, turns, claims) == 0
    assert (facts_of(store), store.last_change(ANN)) == (before, last)


def test_what_was_closed_and_said_again_is_read_twice_without_a_new_line() -> None:
    store, turns = a_store("I live in Paris", "I moved to Ghent", "I live in Paris")
    claims = claims_in(turns, kind="residence", slot="residence")
    claims[1] = replace(claims[1], cues=("instead",))
    learn(store, turns, claims)
    assert learn(store, turns, claims) == 0


def test_a_claim_that_stands_twice_in_one_round_is_one_fact() -> None:
    store, turns = a_store("I live in Paris")
    (said,) = claims_in(turns)
    assert learn(store, turns, [said, said]) == 1


def test_a_claim_sees_what_the_claims_before_it_changed() -> None:
    store, turns = a_store("I live in Paris", "I moved to Ghent", "I moved to Rome")
    claims = claims_in(turns, kind="residence", slot="residence", cues=("instead",))
    learn(store, turns, claims)
    paris, ghent, rome = facts_of(store).values()
    assert [each.superseded_by for each in (paris, ghent, rome)] == [ghent.id, rome.id, None]
    assert (paris.valid_to, ghent.valid_to) == (ghent.said_at, rome.said_at)


def test_what_was_closed_may_be_said_again_and_is_a_fact_of_its_own() -> None:
    store, turns = a_store("I live in Paris", "I moved to Ghent", "I live in Paris")
    claims = claims_in(turns, kind="residence", slot="residence")
    claims = [replace(each, cues=("instead",)) if n else each for n, each in enumerate(claims)]
    learn(store, turns, claims)
    assert [fact.status for fact in facts_of(store).values()] == ["superseded", "superseded", "active"]


def test_deciding_writes_nothing() -> None:
    store, turns = a_store("I live in Paris")
    decide(store, ANN, turns, claims_in(turns), actor=ACTOR, at=LATER, space=None)
    assert store.last_change(ANN) == 0
    assert facts_of(store) == {}


def test_what_is_decided_is_what_the_log_folds_to() -> None:
    store, turns = a_store(*HOMES)
    learn(store, turns, claims_in(turns, kind="residence", slot="residence", cues=("instead",)))
    assert fold(store.fact_log(ANN)) == facts_of(store)


@pytest.mark.parametrize("texts", [("Ana moved to Ghent", "Bo moved to Rome"), ("小红搬到上海", "小明搬到北京")])
def test_one_persons_move_closes_nobody_elses_home(texts: tuple[str, str]) -> None:
    store, turns = a_store(*texts)
    claims = [
        replace(each, subject=each.text[:2], kind="residence", slot="residence", cues=("instead",))
        for each in claims_in(turns)
    ]
    learn(store, turns, claims)
    assert {fact.status for fact in facts_of(store).values()} == {"active"}
