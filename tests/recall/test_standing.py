"""The order of facts as an answer: what bears on the question, whose words they are, and which of rivals is today's."""

from __future__ import annotations

import math
import random
from dataclasses import replace
from datetime import timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from memstrata.core.lexical import query_terms
from memstrata.recall.asked import asked_for, given_by
from memstrata.recall.standing import (
    BEHIND,
    CONTENDERS,
    NOT_THE_USERS,
    PINNED,
    SAME_TALK,
    Standing,
    give_way,
    in_order,
    stand,
)
from memstrata.testing.episodes import NOON
from memstrata.testing.facts import claim, source
from memstrata.types import Fact, FactKind, Trust


def fact(
    text: str,
    id_: str = "fa_1",
    *,
    days: float = 0,
    kind: FactKind = "habit",
    trust: Trust = "user",
    cues: tuple[str, ...] = (),
) -> Fact:
    said = replace(claim(text, source(f"ep_{id_}"), kind=kind), trust=trust, speaker=trust, cues=cues)
    at = NOON + timedelta(days=days)
    return Fact(id=id_, claim=said, status="active", said_at=at, recorded_at=at)


def standings(
    *facts: Fact, question: str = "", kinds: frozenset[FactKind] = frozenset(), asks_others: bool = False
) -> list[Standing]:
    """How facts stand whose turns were all found alike."""
    return stand(
        facts,
        found=lambda fact: 1.0,
        query_terms=frozenset(query_terms(question)),
        kinds=kinds,
        asks_others=asks_others,
    )


def ids(found: list[Standing]) -> list[str]:
    return [each.fact.id for each in found]


def unknown(one: Fact, other: Fact) -> float:
    return math.nan


COFFEE = fact("I drink black coffee every morning", "coffee")
TEA = fact("I drink green tea every morning now", "tea", days=30, cues=("instead", "now"))


def test_a_score_is_the_sum_of_its_shares() -> None:
    for each in standings(COFFEE, replace(TEA, pinned=True), question="tea", kinds=frozenset({"habit"})):
        assert each.score == pytest.approx(sum(each.why.values()))
        assert set(each.why) >= {"found", "words", "confidence", "kind"}


@pytest.mark.parametrize(
    ("question", "first"),
    [("green tea", "tea"), ("black coffee", "coffee"), ("绿茶", "zh")],
    ids=["tea", "coffee", "zh"],
)
def test_what_holds_the_words_of_the_question_comes_first(question: str, first: str) -> None:
    facts = (COFFEE, replace(TEA, said_at=NOON), fact("我喜欢绿茶", "zh"))
    assert ids(standings(*facts, question=question))[0] == first


def test_a_kind_that_is_asked_for_comes_first() -> None:
    home, work = fact("umbrella", "home", kind="residence"), fact("umbrella", "work", kind="work", days=1)
    assert ids(standings(home, work)) == ["work", "home"]
    assert ids(standings(home, work, kinds=frozenset({"residence"}))) == ["home", "work"]


@pytest.mark.parametrize("trust", ["assistant", "tool", "document", "quoted"])
def test_what_the_user_said_comes_first_unless_others_are_asked_for(trust: Trust) -> None:
    other, mine = fact("umbrella", "other", trust=trust, days=1), fact("umbrella", "mine")
    assert ids(standings(other, mine)) == ["mine", "other"]
    assert standings(other, mine)[1].why["speaker"] == -NOT_THE_USERS
    assert ids(standings(other, mine, asks_others=True)) == ["other", "mine"]


def test_a_pinned_fact_outweighs_one_share_of_anything_else() -> None:
    pinned = replace(fact("umbrella", "pinned"), pinned=True)
    assert PINNED > 1
    assert ids(standings(TEA, pinned, question="green tea"))[0] == "pinned"


def test_a_surer_fact_comes_first() -> None:
    unsure = replace(COFFEE, id="unsure", claim=replace(COFFEE.claim, confidence=0.4))
    assert ids(standings(unsure, COFFEE)) == ["coffee", "unsure"]


def test_of_equals_the_later_comes_first_and_then_the_id_decides() -> None:
    one, two = fact("umbrella", "a"), fact("umbrella", "b")
    assert ids(standings(two, one)) == ["a", "b"]
    assert ids(standings(one, replace(two, said_at=NOON + timedelta(days=1)))) == ["b", "a"]


@given(order=st.randoms(use_true_random=False), days=st.lists(st.integers(0, 3), min_size=1, max_size=8))
def test_the_order_does_not_hang_on_the_order_given(order: random.Random, days: list[int]) -> None:
    facts = [replace(TEA, id=f"fa_{n}", said_at=NOON + timedelta(days=day)) for n, day in enumerate(days)]
    shuffled = list(facts)
    order.shuffle(shuffled)
    for found in (standings(*facts), standings(*shuffled)):
        assert found == in_order(found)
    assert ids(standings(*facts)) == ids(standings(*shuffled))
    assert give_way(standings(*facts), unknown) == give_way(standings(*shuffled), unknown)


def test_the_earlier_of_two_rivals_gives_way_and_says_to_whom() -> None:
    found = give_way(standings(COFFEE, TEA, question="what coffee do I drink every morning"), unknown)
    assert ids(found) == ["tea", "coffee"]
    assert found[1].gave_way_to == "tea"
    assert found[1].why["gave way"] == -BEHIND
    assert found[1].score == pytest.approx(sum(found[1].why.values()))
    assert found[0].gave_way_to is None


def test_a_chinese_rival_gives_way_too() -> None:
    old = fact("我每天早上喝黑咖啡", "old")
    new = fact("我每天早上改喝绿茶了", "new", days=30, cues=("instead",))
    assert give_way(standings(old, new), lambda one, other: 0.9)[1].gave_way_to == "new"


def test_the_later_never_gives_way() -> None:
    announced = replace(COFFEE, claim=replace(COFFEE.claim, cues=("instead", "now")))
    quiet = replace(TEA, claim=replace(TEA.claim, cues=()))
    found = {each.fact.id: each.gave_way_to for each in give_way(standings(announced, quiet), lambda a, b: 1.0)}
    assert found["tea"] is None


def test_what_is_said_in_one_talk_is_no_rival() -> None:
    near = replace(TEA, said_at=NOON + SAME_TALK - timedelta(seconds=1))
    far = replace(TEA, said_at=NOON + SAME_TALK)
    assert [each.gave_way_to for each in give_way(standings(COFFEE, near), unknown)] == [None, None]
    assert {each.gave_way_to for each in give_way(standings(COFFEE, far), unknown)} == {None, "tea"}


def test_what_the_user_confirmed_gives_way_only_to_what_is_confirmed() -> None:
    sure = replace(COFFEE, confirmed=True)
    assert {each.gave_way_to for each in give_way(standings(sure, TEA), unknown)} == {None}
    both = give_way(standings(sure, replace(TEA, confirmed=True)), unknown)
    assert {each.gave_way_to for each in both} == {None, "tea"}


@pytest.mark.parametrize("trust", ["assistant", "tool", "document", "quoted"])
def test_only_the_users_own_words_push_and_are_pushed(trust: Trust) -> None:
    for older, newer in [
        (COFFEE, replace(TEA, claim=replace(TEA.claim, trust=trust))),
        (replace(COFFEE, claim=replace(COFFEE.claim, trust=trust)), TEA),
    ]:
        assert {each.gave_way_to for each in give_way(standings(older, newer), lambda a, b: 1.0)} == {None}


@pytest.mark.xfail(
    strict=True, reason="another subject only takes a little from the rivalry; shared words and cues outweigh it"
)
def test_different_people_are_no_rivals() -> None:
    other = replace(TEA, claim=replace(TEA.claim, subject="sister"))
    assert {each.gave_way_to for each in give_way(standings(COFFEE, other), unknown)} == {None}


def test_different_things_are_no_rivals() -> None:
    clocks = fact("I repair old clocks", "clocks", days=30, kind="statement")
    assert {each.gave_way_to for each in give_way(standings(COFFEE, clocks), unknown)} == {None}


def test_only_the_best_are_compared() -> None:
    better = [replace(fact(f"word{n} umbrella", f"fa_{n}", kind="statement"), pinned=True) for n in range(CONTENDERS)]
    found = give_way(standings(*better, COFFEE, TEA), unknown)
    assert {each.gave_way_to for each in found} == {None}
    assert len(found) == CONTENDERS + 2


@pytest.mark.parametrize("question", ["how many hens do I have", "我有几只鸡"])
def test_of_two_numbers_that_are_asked_for_the_later_stands(question: str) -> None:
    old, new = (
        fact("seven hens in the yard", "old", kind="statement"),
        fact("five of them left", "new", days=9, kind="event"),
    )
    near = lambda one, other: 0.87  # noqa: E731 - a cosine
    asked = give_way(standings(old, new), near, asked=asked_for(question))
    assert {each.fact.id: each.gave_way_to for each in asked} == {"old": "new", "new": None}
    assert {each.gave_way_to for each in give_way(standings(old, new), near)} == {None}


@pytest.mark.parametrize(
    ("question", "asked"),
    [
        ("how much is the rent", {"number"}),
        ("when is the wedding", {"time"}),
        ("what time do we meet", {"number", "time"}),
        ("who is my dentist", set()),
        ("房租多少", {"number"}),
        ("婚礼是哪天", {"time"}),
        ("牙医是谁", set()),
    ],
)
def test_what_an_answer_must_hold(question: str, asked: set[str]) -> None:
    assert asked_for(question) == asked


def test_what_a_fact_holds() -> None:
    assert given_by(fact("three cats")) == {"number"}
    assert given_by(fact("see you yesterday")) == {"time"}
    assert given_by(fact("猫在周五来")) == {"time"}
    assert given_by(fact("the cat sleeps")) == frozenset()


def test_a_chain_of_rivals_gives_way_to_the_newest() -> None:
    middle = replace(TEA, id="middle", said_at=NOON + timedelta(days=10))
    found = {each.fact.id: each.gave_way_to for each in give_way(standings(COFFEE, middle, TEA), unknown)}
    assert found == {"coffee": "tea", "middle": "tea", "tea": None}
    assert ids(give_way(standings(COFFEE, middle, TEA), unknown))[0] == "tea"


def test_no_facts_stand_in_no_order() -> None:
    assert give_way(standings(), unknown) == []
