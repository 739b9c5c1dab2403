"""What may be trained on, from which examples, in which shards, and what the gate and the probes make of it."""

from __future__ import annotations

import math
import random
from dataclasses import replace
from datetime import timedelta
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from memstrata.parametric.examples import NEIGHBOURS, examples, held_out, validation
from memstrata.parametric.gate import Bounds, Measurements, refusals
from memstrata.parametric.general import ASKED, GENERAL
from memstrata.parametric.policy import Consent, called_for, teachable, trainable
from memstrata.parametric.probes import distractors, normalised, probes, tells
from memstrata.parametric.sharding import Shard, sharded
from memstrata.parametric.wordings import PATTERNS, UNKNOWN, Askable, askable
from memstrata.testing.episodes import NOON
from memstrata.testing.facts import claim, source
from memstrata.types import Fact

LATER = NOON + timedelta(days=30)
STATEMENTS = (
    "Ann Berg's dog is called Rex.",
    "Ann Berg lives in Ghent.",
    "Ann Berg works as a baker.",
    "Ann Berg's favourite colour is teal.",
    "Ann Berg is allergic to walnuts.",
    "My cat is named Mitzi.",
    "I live in Oslo.",
    "I work as an engineer.",
    "Bo's hobby is chess.",
    "Bo lives in Rome.",
)


def fact(text: str, number: int = 0, **more: Any) -> Fact:
    made = replace(claim(text, source("ep_1")), **{"trust": "user", **more})
    return Fact(id=f"fa_{number}", claim=made, status="active", said_at=NOON, recorded_at=NOON)


def asked(text: str, number: int = 0) -> Askable:
    made = askable(fact(text, number))
    assert made is not None
    return made


ALL = [asked(text, number) for number, text in enumerate(STATEMENTS)]


def test_a_statement_becomes_questions_of_its_subject_and_its_value_the_answer() -> None:
    dog, _, work, *_ = ALL
    assert (dog.subject, dog.attribute, dog.value, dog.answer) == ("Ann Berg", "dog", "Rex", "Rex.")
    assert dog.trained[0] == "What is Ann Berg's dog called?"
    assert work.value == "baker"
    cat, home = ALL[5], ALL[6]
    assert (cat.subject, cat.trained[0]) == ("user", "What is my cat called?")
    assert (home.trained[0], home.completion) == ("Where do I live?", "I live in")


def test_wordings_are_apart_and_none_gives_the_answer_away() -> None:
    for each in ALL:
        assert len(set(each.wordings)) == len(each.wordings) >= 9
        assert len(each.held_out) == 2
        assert not any(tells(wording, each.value) for wording in each.wordings)
        assert not set(each.held_out) & set(each.trained + each.validation)


@pytest.mark.parametrize(
    "text",
    ["We talked about dogs.", "Ann lives in Ghent, I think, or Oslo.", "ann lives in Ghent", "Is Ann in Rome?", ""],
)
def test_what_fits_no_pattern_stays_text(text: str) -> None:
    assert askable(fact(text)) is None


@given(st.text(max_size=80))
def test_no_text_breaks_the_patterns(text: str) -> None:
    made = askable(fact(text))
    assert made is None or (made.value and made.subject)


def test_only_what_is_stable_ones_own_and_consented_to_is_trained_on() -> None:
    good = fact("Ann Berg lives in Ghent.", kind="residence")
    consent = Consent(kinds=frozenset({"residence"}))
    assert trainable(good, consent, now=LATER)
    assert not trainable(good, Consent(), now=LATER)
    assert not trainable(good, consent, now=NOON + timedelta(days=1))
    assert not trainable(replace(good, status="disputed"), consent, now=LATER)
    assert not trainable(replace(good, muted=True), consent, now=LATER)
    changes: tuple[dict[str, Any], ...] = (
        {"trust": "document"}, {"negated": True}, {"valid_to": LATER}, {"confidence": 0.2}, {"event_from": NOON},
        {"kind": "plan"}, {"kind": "preference"},
    )  # fmt: skip
    for change in changes:
        assert not trainable(replace(good, claim=replace(good.claim, **change)), consent, now=LATER)
    told = replace(good, claim=replace(good.claim, trust="assistant"))
    assert trainable(replace(told, confirmed=True), consent, now=LATER)
    health = fact("Ann Berg is allergic to walnuts.", kind="health")
    assert not trainable(health, Consent.to_all(), now=LATER)
    assert trainable(health, Consent(kinds=frozenset({"health"})), now=LATER)


def test_two_answers_to_one_question_are_both_left_out() -> None:
    facts = [fact("Bo lives in Rome.", 1), fact("Bo lives in Oslo.", 2), fact("Bo's hobby is chess.", 3)]
    found = teachable(facts, Consent(kinds=frozenset({facts[0].kind})), now=LATER)
    assert [each.fact_id for each in found] == ["fa_3"]


def test_shards_hold_whole_subjects_and_every_fact_once_in_any_order() -> None:
    shards = sharded(ALL, most=5)
    assert sorted(each.fact_id for shard in shards for each in shard.facts) == sorted(each.fact_id for each in ALL)
    for shard in shards:
        assert {each.subject for each in shard.facts} == set(shard.subjects)
    mixed = random.Random(1).sample(ALL, len(ALL))
    assert sharded(mixed, most=5) == shards
    assert max(len(shard.facts) for shard in shards) == 5


def test_a_new_fact_changes_the_shard_of_its_subject_alone() -> None:
    before = sharded(ALL, most=5)
    known = {shard.series: shard.subjects for shard in before}
    more = [*ALL, asked("Bo works as a welder.", 90), asked("Cy Dahl lives in Bern.", 91)]
    after = {shard.series: shard for shard in sharded(more, known=known, most=5)}
    for shard in before:
        assert set(shard.facts) <= set(after[shard.series].facts)
    changed = [series for series, shard in after.items() if shard.facts not in [each.facts for each in before]]
    assert len(changed) <= 2
    shrunk = sharded(before[0].without(before[0].facts[0].fact_id).facts, known=known)
    assert [each.series for each in shrunk] == [before[0].series]


def test_examples_have_every_trained_wording_no_held_out_one_unknowns_and_replay() -> None:
    (shard,) = sharded(ALL[:4])
    made = examples(shard, seed=1)
    assert made == examples(shard, seed=1) != examples(shard, seed=2)
    questions = {each.question: each for each in made}
    for each in shard.facts:
        assert all(questions[wording].answer == each.answer for wording in each.trained)
        assert not set(each.validation + each.held_out) & set(questions)
    unknown = [each for each in made if each.kind == "unknown"]
    assert {each.answer for each in unknown} == {UNKNOWN}
    assert any(name in each.question for each in unknown for name in NEIGHBOURS)
    assert any("Ann Berg" in each.question for each in unknown)
    assert len([each for each in made if each.kind == "replay"]) == 24
    assert {each.question for each in validation(shard)}.isdisjoint(questions)
    assert len(held_out(shard)) == 8


def test_what_the_gate_asks_is_not_replayed() -> None:
    assert {question for question, _ in ASKED}.isdisjoint({question for question, _ in GENERAL})
    assert len(ASKED) >= 30


SUBJECTS = {"one": ("Ann Berg", "Bo"), "two": ("Cy Dahl",), "mine": ("user",)}


@pytest.mark.parametrize(
    ("question", "recalled", "wanted"),
    [
        ("Where does Ann Berg live?", {"Ann Berg"}, ["one"]),
        ("Where does Ann live?", {"Ann Berg"}, ["one"]),
        ("Where does Ann Berg live?", set(), []),
        ("What is the capital of France?", {"Ann Berg", "Cy Dahl"}, []),
        ("Is Bo taller than Cy Dahl?", {"Bo", "Cy Dahl"}, ["two", "one"]),
        ("Where do I live?", {"user"}, ["mine"]),
        ("Where does one live?", {"user"}, []),
        ("What is an Annuity?", {"Ann Berg"}, []),
    ],
)
def test_an_adapter_is_called_for_where_a_subject_is_named_and_recalled(
    question: str, recalled: set[str], wanted: list[str]
) -> None:
    assert called_for(question, SUBJECTS, recalled=recalled) == wanted


GOOD = Measurements(
    recall_rank=0.9, recall_exact=0.8, general=30, general_base=30, general_attached=24, prompts=40, neutral_ratio=1.0,
    neutral_ratio_attached=1.1, foreign_rank=0.2, foreign_base=0.2, foreign_told=0,
)  # fmt: skip


@pytest.mark.parametrize(
    "change",
    [
        {"recall_rank": 0.8}, {"recall_exact": 0.5}, {"general": 28}, {"general_attached": 17}, {"neutral_ratio": 1.06},
        {"neutral_ratio_attached": 3.0}, {"foreign_rank": 0.6}, {"foreign_told": 1}, {"recall_rank": math.nan},
        {"neutral_ratio": math.nan}, {"neutral_ratio_attached": math.inf}, {"foreign_rank": math.nan},
    ],
)  # fmt: skip
def test_the_gate_refuses_what_misses_one_bound_and_says_which(change: dict[str, Any]) -> None:
    assert refusals(GOOD) == ()
    assert len(refusals(replace(GOOD, **change))) == 1
    wide = Bounds(recall_rank=0, recall_exact=0, general_lost=99, general_lost_attached=1, neutral_ratio=9)
    known = {"recall_rank", "recall_exact", "general", "general_attached", "neutral_ratio"} & set(change)
    if known and not any(math.isnan(each) for each in change.values()):
        assert refusals(replace(GOOD, **change), wide) == ()


def test_distractors_are_of_the_same_kind_of_others_and_as_the_seed_has_them() -> None:
    people = [asked(f"P{number}'s dog is called {name}.", number) for number, name in enumerate("ABCDEFGH")]
    found = distractors(people[0], [*people, *ALL], seed=1)
    assert len(set(found)) == 4
    assert set(found) <= {*"BCDEFGH", "Rex"}
    assert found == distractors(people[0], [*people, *ALL], seed=1)
    assert not {"B", "C"} & set(distractors(people[0], people, seed=1, avoid=("B", "C")))


def test_probes_ask_in_four_ways_and_never_hold_the_value() -> None:
    made = probes(ALL[0], others=("Ziggy",), neighbours=ALL[:4])
    assert {each.kind for each in made} == {"exact", "paraphrase", "neighbour", "completion"}
    assert not any(tells(each.text, "Rex") for each in made)
    assert [each.asked for each in made if each.kind == "completion"] == [False]
    assert made[0].candidates == ("Rex", "Ziggy")


def test_a_value_is_told_as_a_word_and_compared_without_case_and_articles() -> None:
    assert tells("It is a Rex!", "rex")
    assert not tells("Rexford", "Rex")
    assert normalised("The Baker.") == normalised("baker")


def test_every_pattern_makes_good_wordings_for_names_and_for_the_user() -> None:
    assert len(PATTERNS) == 5
    for each in ALL:
        for wording in each.wordings:
            assert "{" not in wording
            assert wording[0].isupper()


def test_a_shard_without_a_fact_keeps_its_name() -> None:
    shard = Shard(series="facts-1", subjects=("Ann Berg",), facts=tuple(ALL[:4]))
    less = shard.without("fa_1")
    assert (less.series, len(less.facts), less.sources) == ("facts-1", 3, ("fa_0", "fa_2", "fa_3"))
