"""What a claim is beside one earlier fact: the table of verdicts, case by case."""

from __future__ import annotations

import math
from dataclasses import replace
from datetime import timedelta
from typing import get_args

import pytest

from memstrata.testing.episodes import NOON
from memstrata.testing.facts import claim, source
from memstrata.types import Claim, Fact, FactKind, FactStatus, Trust
from memstrata.update.verdicts import SINGLE, Neighbour, Verdict, verdict

LATER = NOON + timedelta(days=30)
PARIS = replace(claim("I live in Paris near the river", source("ep_1"), kind="residence", slot="residence"))
GHENT = replace(claim("I moved to Ghent", source("ep_2"), kind="residence", slot="residence"), cues=("instead",))
COFFEE = claim("I drink black coffee every morning", source("ep_1"), kind="habit")
TEA = replace(claim("I drink green tea every morning now", source("ep_2"), kind="habit"), cues=("instead", "now"))


def fact(said: Claim, *, status: FactStatus = "active") -> Fact:
    """An earlier fact, said at noon."""
    return Fact(id="fa_1", claim=said, status=status, said_at=NOON, recorded_at=NOON)


def judged(new: Claim, old: Claim, *, status: FactStatus = "active", cosine: float = math.nan) -> Verdict:
    """The verdict on a claim that is said a month later."""
    return verdict(new, LATER, Neighbour(fact=fact(old, status=status), cosine=cosine))


def again(said: Claim, text: str = "", **fields: object) -> Claim:
    """The same from another episode."""
    return replace(said, text=text or said.text, sources=(source("ep_9"),), **fields)  # type: ignore[arg-type]


def test_the_same_words_said_again_are_the_same() -> None:
    assert judged(again(PARIS), PARIS) == "same"


def test_the_same_said_with_other_small_words_is_the_same() -> None:
    assert judged(again(PARIS, "so I live in Paris, near the river!"), PARIS) == "same"


def test_the_same_is_the_same_whoever_said_it_first() -> None:
    before = NOON - timedelta(days=30)
    assert verdict(again(PARIS), before, Neighbour(fact=fact(PARIS))) == "same"


@pytest.mark.parametrize(
    "change",
    [
        {"negated": True},
        {"kind": "plan"},
        {"event_from": NOON},
        {"trust": "assistant", "speaker": "assistant"},
        {"trust": "document", "speaker": "document"},
        {"text": "I live in Paris near 2 rivers"},
        {"subject": "sister"},
    ],
    ids=lambda change: next(iter(change)),
)
def test_what_differs_in_more_than_its_wording_is_not_the_same(change: dict[str, object]) -> None:
    assert judged(again(PARIS, **change), PARIS) != "same"  # type: ignore[arg-type]


def test_other_numbers_are_not_the_same_in_either_language() -> None:
    for old, new in [
        ("I own 12 books about gardens", "I own 13 books about gardens"),
        ("我有十二本关于花园的书", "我有十三本关于花园的书"),
    ]:
        told = claim(old, source("ep_1"), kind="quantity")
        assert judged(again(told), told) == "same"
        assert judged(again(told, new), told) != "same"


def test_the_same_words_read_twice_are_the_same_and_a_part_of_them_is_new() -> None:
    assert judged(PARIS, PARIS) == "same"
    assert judged(replace(PARIS, text="near the river"), PARIS) == "new"


def test_more_of_the_same_refines() -> None:
    assert judged(again(COFFEE, "I drink black coffee every morning from the blue cup of grandma"), COFFEE) == "refines"


@pytest.mark.parametrize("kind", ["event", "statement"])
def test_what_happened_is_not_refined_away(kind: FactKind) -> None:
    old = replace(COFFEE, kind=kind)
    assert judged(again(old, "I drink black coffee every morning from the blue cup of grandma"), old) == "new"


def test_an_earlier_word_never_refines_closes_or_corrects_a_later_one() -> None:
    before = NOON - timedelta(days=30)
    for new, old in [
        (again(COFFEE, "I drink black coffee every morning from the blue cup of grandma"), COFFEE),
        (GHENT, PARIS),
        (replace(GHENT, cues=("corrects",)), PARIS),
    ]:
        assert verdict(new, LATER, Neighbour(fact=fact(old))) != "new"
        assert verdict(new, before, Neighbour(fact=fact(old))) == "new"


def test_of_two_words_of_one_moment_the_one_read_later_counts_as_later() -> None:
    assert verdict(GHENT, NOON, Neighbour(fact=fact(PARIS))) == "newer"


def test_an_announced_change_of_a_single_slot_is_newer() -> None:
    assert judged(GHENT, PARIS) == "newer"


@pytest.mark.parametrize("slot", SINGLE)
def test_every_single_slot_gives_way_to_an_announced_value(slot: str) -> None:
    old = claim("umbrella", source("ep_1"), kind="identity", slot=slot)
    new = replace(claim("parasol", source("ep_2"), kind="identity", slot=slot), cues=("instead",))
    assert judged(new, old) == "newer"
    assert judged(replace(new, slot="pet"), replace(old, slot="pet")) == "new"


def test_a_value_of_a_single_slot_that_announces_no_change_stands_beside_the_old_one() -> None:
    assert judged(replace(GHENT, text="I live in Ghent", cues=()), PARIS) == "new"


def test_a_chinese_move_closes_the_old_residence() -> None:
    old = claim("我住在北京", source("ep_1"), kind="residence", slot="residence")
    new = replace(claim("我搬到上海了", source("ep_2"), kind="residence", slot="residence"), cues=("instead",))
    assert judged(new, old) == "newer"


def test_a_change_without_a_slot_must_speak_of_the_same_thing() -> None:
    assert judged(TEA, COFFEE, cosine=0.93) == "newer"
    assert judged(TEA, COFFEE, cosine=0.80) == "new"
    assert judged(replace(TEA, text="I repair old clocks now"), COFFEE, cosine=0.84) == "new"


@pytest.mark.parametrize("cues", [(), ("so far",), ("again",), ("now",)])
def test_without_a_strong_cue_a_habit_stays(cues: tuple[str, ...]) -> None:
    assert judged(replace(TEA, cues=cues), COFFEE) == "new"


def test_an_exception_closes_nothing() -> None:
    for cues in [("once",), ("once", "instead"), ("once", "now"), ("once", "ended")]:
        assert judged(replace(TEA, cues=cues), COFFEE, cosine=0.95) == "new"
        assert judged(replace(GHENT, cues=cues), PARIS, cosine=0.95) == "new"


@pytest.mark.parametrize("kind", ["event", "statement"])
def test_a_later_event_ends_no_earlier_one(kind: FactKind) -> None:
    assert judged(TEA, replace(COFFEE, kind=kind), cosine=0.99) == "new"


def test_only_words_of_correction_say_that_it_was_never_right() -> None:
    new = replace(TEA, text="turns out it is black tea I drink every morning", cues=("corrects",))
    assert judged(new, COFFEE, cosine=0.9) == "corrects"
    assert judged(replace(new, cues=("instead",)), COFFEE, cosine=0.9) != "corrects"


def test_what_an_assistant_takes_back_it_still_said() -> None:
    new = replace(TEA, text="turns out it is black tea I drink every morning", cues=("corrects",))
    old, new = (replace(each, trust="assistant", speaker="assistant") for each in (COFFEE, new))
    assert judged(new, old, cosine=0.9) == "newer"
    assert judged(replace(new, text="turns out the clock is broken", kind="event"), COFFEE) == "new"


def test_a_correction_reaches_an_event() -> None:
    old = claim("The wedding was on Saturday in Ghent", source("ep_1"), kind="event")
    new = replace(claim("I was wrong, the wedding was on Sunday in Ghent", source("ep_2"), kind="event"))
    assert judged(replace(new, cues=("corrects",)), old, cosine=0.9) == "corrects"


def test_a_denial_by_another_speaker_contradicts() -> None:
    old = claim("The garden gate was locked at night", source("ep_1"))
    new = replace(again(old, "The garden gate was not locked at night"), negated=True, speaker="Bo")
    assert judged(new, old) == "contradicts"
    assert judged(replace(new, speaker="assistant", trust="assistant"), old) == "contradicts"
    assert judged(replace(new, negated=False), old) != "contradicts"
    assert judged(replace(new, text="The roof was not red"), old) == "new"


@pytest.mark.parametrize("trust", ["tool", "document", "quoted"])
def test_outside_words_contradict_nobody(trust: Trust) -> None:
    old = claim("The garden gate was locked at night", source("ep_1"))
    new = replace(again(old, "The garden gate was not locked at night"), negated=True, trust=trust, speaker=trust)
    assert judged(new, old) == "new"
    assert judged(replace(old, sources=(source("ep_9"),)), replace(new, sources=(source("ep_1"),))) == "new"


def test_different_speakers_close_and_correct_nothing_of_each_other() -> None:
    for cues in [("instead", "now"), ("corrects",), ("ended", "instead")]:
        assert judged(replace(GHENT, cues=cues, speaker="Bo"), PARIS, cosine=0.95) == "new"


@pytest.mark.parametrize("trust", get_args(Trust)[1:])
def test_what_a_user_says_is_not_closed_by_what_others_say(trust: Trust) -> None:
    for cues in [("instead", "now"), ("corrects",), ("ended", "instead")]:
        assert judged(replace(GHENT, cues=cues, trust=trust), PARIS, cosine=0.95) == "new"


def test_different_people_are_no_rivals_whatever_the_words() -> None:
    for old, new in [(PARIS, GHENT), (PARIS, again(PARIS)), (COFFEE, replace(TEA, cues=("corrects",)))]:
        assert judged(replace(new, subject="sister"), old, cosine=0.99) == "new"
        assert judged(replace(new, subject="Chris W"), replace(old, subject="Chris D"), cosine=0.99) == "new"


def test_one_person_in_two_spellings_is_one_subject() -> None:
    assert judged(replace(GHENT, subject="Éva"), replace(PARIS, subject="eva")) == "newer"


def test_a_quarantined_fact_is_only_ever_said_again() -> None:
    assert judged(again(PARIS), PARIS, status="quarantined") == "same"
    for cues in [("instead", "now"), ("corrects",)]:
        assert judged(replace(GHENT, cues=cues), PARIS, status="quarantined") == "new"


@pytest.mark.parametrize("cosine", [math.nan, 0.0, 0.5, 0.99, 1.0])
def test_a_verdict_is_one_of_six_and_always_the_same(cosine: float) -> None:
    for old in (PARIS, COFFEE):
        for new in (GHENT, TEA, again(PARIS), again(COFFEE)):
            first = judged(new, old, cosine=cosine)
            assert first in get_args(Verdict)
            assert judged(new, old, cosine=cosine) == first
