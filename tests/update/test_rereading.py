"""The same words read by rules and by a model: one reading stands, whichever order they come in."""

from __future__ import annotations

from dataclasses import replace

import pytest

from memstrata.core.facts.log import fold
from memstrata.core.records import FactQuery, NewJob
from memstrata.stores.memory import MemoryStore
from memstrata.testing.episodes import ANN, NOON, new_episodes, numbered_ids
from memstrata.testing.facts import claim, source
from memstrata.types import Claim, Episode, Fact, Message
from memstrata.update.deciding import decide

RULES, MODEL, NEWER = "rules/1", "model/small/1", "model/large/1"
TEXT = "I live in Leeds, near the canal. My sister Nadia is a nurse."
HOME, SISTER = (0, 32), (33, 60)


class Words:
    """A store with turns, and those who read them."""

    def __init__(self, *texts: str) -> None:
        self.store = MemoryStore()
        messages = [Message(content=text, timestamp=NOON) for text in texts]
        self.store.append(ANN, new_episodes(messages, ids=numbered_ids()), recorded_at=NOON, jobs=[NewJob(queue="q")])
        self.turns: list[tuple[int, Episode]] = self.store.by_rows(ANN, range(len(texts)))

    def claim(self, text: str, span: tuple[int, int], *, turn: int = 0, **fields: object) -> Claim:
        return replace(claim(text, source(self.turns[turn][1].id, *span)), **fields)  # type: ignore[arg-type]

    def read(self, actor: str, *claims: Claim) -> None:
        found = decide(self.store, ANN, self.turns, claims, actor=actor, at=NOON, space=None)
        self.store.change_facts(ANN, found, expected=self.store.last_change(ANN))

    def facts(self, *statuses: str) -> list[Fact]:
        found = self.store.facts(ANN, FactQuery())
        assert fold(self.store.fact_log(ANN)) == {fact.id: fact for fact in found}
        return [fact for fact in found if fact.status in (statuses or ("active", "disputed"))]

    def texts(self) -> list[str]:
        return sorted(fact.text for fact in self.facts())


@pytest.fixture
def words() -> Words:
    return Words(TEXT)


def test_two_claims_of_a_model_take_the_place_of_one_statement_together(words: Words) -> None:
    words.read(RULES, words.claim(TEXT, (0, 60)))
    home = words.claim("The user lives in Leeds, near the canal.", HOME)
    sister = words.claim("The user's sister Nadia is a nurse.", SISTER)
    words.read(MODEL, home, sister)
    assert words.texts() == [home.text, sister.text]
    (old,) = words.facts("retired")
    assert old.text == TEXT


@pytest.mark.parametrize("first", [RULES, MODEL])
def test_whoever_reads_first_the_models_reading_stands(words: Words, first: str) -> None:
    by_rules = words.claim("I live in Leeds, near the canal.", HOME)
    by_model = words.claim("The user lives in Leeds, near the canal.", (0, 15))
    order = [(RULES, by_rules), (MODEL, by_model)]
    for actor, said in order if first == RULES else reversed(order):
        words.read(actor, said)
    assert words.texts() == [by_model.text]


def test_a_newer_models_reading_takes_the_place_of_an_older_ones(words: Words) -> None:
    words.read(RULES, words.claim("I live in Leeds, near the canal.", HOME))
    words.read(MODEL, words.claim("The user lives in Leeds, near the canal.", HOME))
    words.read(NEWER, words.claim("The user lives near the canal in Leeds.", HOME))
    assert words.texts() == ["The user lives near the canal in Leeds."]
    assert len(words.facts("retired")) == 2


@pytest.mark.parametrize(
    "fields",
    [{"negated": True}, {"trust": "quoted"}, {"text": "The user keeps bees."}],
    ids=["denies", "is anothers word", "says something else"],
)
def test_what_does_not_say_the_same_replaces_nothing(words: Words, fields: dict[str, object]) -> None:
    by_rules = words.claim("I live in Leeds, near the canal.", HOME)
    words.read(RULES, by_rules)
    words.read(MODEL, replace(words.claim("The user lives in Leeds.", HOME), **fields))  # type: ignore[arg-type]
    assert by_rules.text in words.texts()


def test_outside_words_that_would_bind_the_user_take_the_place_of_none_that_do_not(words: Words) -> None:
    told = words.claim("Leeds lies near the canal.", HOME, trust="tool", speaker="tool", subject="", kind="statement")
    words.read(RULES, told)
    words.read(MODEL, replace(told, text="The user lives in Leeds near the canal.", subject="user", kind="residence"))
    assert words.texts() == [told.text]
    assert len(words.facts("quarantined")) == 1


def test_a_reading_that_leaves_out_a_number_does_not_replace_one_that_has_it() -> None:
    words = Words("I own 14 kayaks and a canoe.")
    words.read(RULES, words.claim("I own 14 kayaks and a canoe.", (0, 28)))
    words.read(MODEL, words.claim("The user owns kayaks and a canoe.", (0, 28)))
    assert "I own 14 kayaks and a canoe." in words.texts()


def test_words_that_said_it_elsewhere_go_over_to_the_new_reading() -> None:
    words = Words("I live in Leeds.", "As I said: I live in Leeds.")
    words.read(RULES, words.claim("I live in Leeds.", (0, 16)), words.claim("I live in Leeds.", (11, 27), turn=1))
    (before,) = words.facts()
    assert len(before.sources) == 2
    words.read(MODEL, words.claim("The user lives in Leeds.", (0, 16)))
    (after,) = words.facts()
    assert {each.episode_id for each in after.sources} == {turn.id for _, turn in words.turns}
    words.store.forget(ANN, ids=[words.turns[0][1].id], receipt_id="fg", at=NOON)
    (left,) = words.facts()
    assert (left.id, left.text) == (after.id, "I live in Leeds.")


def test_a_dispute_goes_over_to_the_new_reading(words: Words) -> None:
    denied = words.claim("I do not live in Leeds near the canal", SISTER, negated=True, speaker="Bo")
    words.read(RULES, words.claim("I live in Leeds near the canal", HOME), denied)
    assert {fact.status for fact in words.facts()} == {"disputed"}
    words.read(MODEL, words.claim("The user lives in Leeds near the canal", HOME))
    assert {fact.status for fact in words.facts()} == {"disputed"}
    assert len(words.facts()) == 2


def test_a_claim_with_lent_words_is_weighed_by_its_own() -> None:
    words = Words("My neighbour is called Bram.", "He lives in Ghent.")
    lender = source(words.turns[0][1].id, 23, 27)
    lives = words.claim("Bram lives in Ghent.", (0, 18), turn=1)
    words.read(MODEL, replace(lives, sources=(*lives.sources, lender)))
    (fact,) = words.facts()
    assert fact.sources[1] == lender
    words.store.forget(ANN, ids=[words.turns[0][1].id], receipt_id="fg", at=NOON)
    assert words.store.facts(ANN, FactQuery()) == []
