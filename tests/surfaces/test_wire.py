"""The wire's spelling of nouns and errors loses nothing."""

from __future__ import annotations

import inspect
from datetime import UTC, datetime
from typing import get_type_hints

import pytest

from memstrata import Memory, errors
from memstrata.errors import MemstrataError, Stale
from memstrata.types import Change, Context, Episode, Fact, Facts, ForgetReceipt, Hits, Page, Profile, Receipt, Stats
from memstrata.wire import STATUS, VERBS, error_of, from_json, status_of, to_json

SAID = (
    "I live in Ghent.",
    "I moved to Lisbon in May 2024.",
    "My sister Ana is allergic to nuts.",
    "我妹妹小雨住在成都。",
    "Forget what I said about Ghent.",
)


@pytest.fixture
def memory() -> Memory:
    made = Memory(":memory:", embedder="none", worker="none")
    for day, text in enumerate(SAID, start=1):
        made.add(text, user_id="ann", timestamp=datetime(2024, 6, day, tzinfo=UTC), wait=True)
    return made


def test_every_noun_comes_back_as_it_was(memory: Memory) -> None:
    found = memory.search("Is Ana allergic to nuts?", user_id="ann", items=("fact", "episode"))
    facts = memory.facts(user_id="ann")
    assert len(facts) > 1
    assert found
    nouns: list[tuple[type, object]] = [
        (Hits, found),
        (Facts, facts),
        (Fact, facts[0]),
        (Context, memory.context("Ana", user_id="ann", max_tokens=200)),
        (Page, memory.episodes(user_id="ann")),
        (Episode, memory.episodes(user_id="ann").episodes[0]),
        (Stats, memory.stats(user_id="ann")),
        (Profile, memory.profile("ann")),
        (Change, memory.history(facts[0].id, user_id="ann")[0]),
        (Receipt, memory.add("Don't keep that: I moved to Lisbon.", user_id="ann")),
        (ForgetReceipt, memory.forget(user_id="ann")),
    ]
    for kind, noun in nouns:
        there: object = from_json(kind, to_json(noun))
        assert there == noun
        assert to_json(there) == to_json(noun)
        if isinstance(noun, Hits | Facts):
            assert isinstance(there, Hits | Facts)
            assert there.degraded == noun.degraded
    assert from_json(list[Fact], to_json(list(facts))) == list(facts)


def test_a_field_of_a_newer_version_is_passed_over(memory: Memory) -> None:
    stats = memory.stats(user_id="ann")
    assert from_json(Stats, {**to_json(stats), "new": 1}) == stats  # type: ignore[dict-item]


def test_every_error_has_a_code_of_its_own_and_comes_back_by_it() -> None:
    every = [each for each in vars(errors).values() if isinstance(each, type) and issubclass(each, MemstrataError)]
    assert len({each.code for each in every}) == len(every)
    for kind in every:
        assert type(error_of(kind.code, "why")) is kind
        assert 400 <= status_of(kind("why")) <= 599
    assert type(error_of("from the future", "why")) is MemstrataError
    assert set(STATUS) <= set(every)


def test_every_verb_of_a_memory_has_its_place_on_the_wire() -> None:
    verbs = {name for name, value in inspect.getmembers(Memory) if inspect.isfunction(value) and name[0] != "_"}
    here = {"adapter_attacher", "attacher", "export_adapter"}  # of this machine's own models and files
    assert verbs - set(VERBS) == {"close", "wait", *here}
    for name in VERBS:
        assert "return" in get_type_hints(getattr(Memory, name))


def test_a_change_on_top_of_an_older_version_is_refused(memory: Memory) -> None:
    fact = memory.facts(user_id="ann")[0]
    pinned = memory.pin(fact.id, user_id="ann", version=fact.version)
    assert pinned.version != fact.version
    episodes = memory.stats(user_id="ann").episodes
    with pytest.raises(Stale):
        memory.mute(fact.id, user_id="ann", version=fact.version)
    with pytest.raises(Stale):
        memory.correct(fact.id, "Ana likes nuts.", user_id="ann", version=fact.version)
    assert memory.fact(fact.id, user_id="ann") == pinned
    assert memory.stats(user_id="ann").episodes == episodes
    assert memory.correct(fact.id, "Ana likes nuts.", user_id="ann", version=pinned.version).text == "Ana likes nuts."
