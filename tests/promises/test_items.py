"""One search for facts and episodes, as a user gets it."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path

import pytest

from memstrata import Memory, Message
from memstrata.errors import InvalidInput
from memstrata.types import Episode, Fact, Hit, Hits, Role

TOLD: list[tuple[str, Role, str]] = [
    ("2024-01-10", "user", "I live in Antwerp."),
    ("2024-01-10", "assistant", "Antwerp is lovely. Do you know the zoo?"),
    ("2024-02-03", "user", "Which museum in Antwerp should I see?"),
    ("2024-06-20", "user", "I no longer live in Antwerp, I moved to Ghent."),
    ("2024-07-01", "user", "My sister Eva bought a red bicycle. She rides it to work every day."),
    ("2024-07-02", "tool", "The user lives in Bruges."),
    ("2024-08-01", "user", "我住在北京的朋友小李养了一只猫。"),
]


def moment(day: str) -> datetime:
    return datetime.fromisoformat(f"{day}T12:00:00+00:00")


class Clock:
    """The day that the last thing was told on."""

    now = moment("2024-01-01")

    def __call__(self) -> datetime:
        return self.now


@pytest.fixture(params=["memory", "sqlite"])
def memory(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Memory]:
    url = ":memory:" if request.param == "memory" else f"sqlite:///{tmp_path}/memory.db"
    clock = Clock()
    with Memory(url, embedder="none", worker="none", clock=clock) as memory:
        for day, role, text in TOLD:
            clock.now = moment(day)
            memory.add(Message(role=role, content=text, timestamp=moment(day)), user_id="ann", wait=True)
        clock.now = moment("2024-09-01")
        yield memory


def both(memory: Memory, query: str, **more: object) -> Hits:
    return memory.search(query, user_id="ann", items=("fact", "episode"), limit=20, **more)  # type: ignore[arg-type]


def texts(hits: Hits) -> list[str]:
    return [hit.text for hit in hits]


@pytest.mark.parametrize(
    "query", ["Where do I live?", "Antwerp", "What did Eva buy?", "zoo", "猫", "Which museum should I see?"]
)
def test_a_fact_and_its_turn_are_never_both_found(memory: Memory, query: str) -> None:
    hits = both(memory, query)
    assert hits
    turns = {hit.item.id for hit in hits if isinstance(hit.item, Episode)}
    behind = {source.episode_id for hit in hits if isinstance(hit.item, Fact) for source in hit.sources}
    assert not turns & behind
    assert len({hit.item.id for hit in hits}) == len(hits)


def test_todays_question_finds_todays_truth_first_and_says_what_changed(memory: Memory) -> None:
    hits = both(memory, "Where do I live?")
    assert isinstance(hits[0].item, Fact)
    assert "Ghent" in hits[0].text
    assert [fact.text for fact in hits[0].supersedes] == ["I live in Antwerp."]
    (old,) = (hit for hit in hits if hit.text == "I live in Antwerp.")
    assert isinstance(old.item, Episode)  # what no longer holds is found as what was said
    assert [fact.id for fact in old.superseded_by] == [hits[0].item.id]


def test_what_was_superseded_comes_behind_what_supersedes_it_however_near_its_words_are(memory: Memory) -> None:
    hits = both(memory, "I live in Antwerp.")
    places = {hit.text: place for place, hit in enumerate(hits)}
    assert places["I no longer live in Antwerp, I moved to Ghent."] < places["I live in Antwerp."]


def test_the_past_is_found_as_of_then_and_nothing_later_is_told(memory: Memory) -> None:
    hits = both(memory, "Where do I live?", as_of="2024-03-01T00:00Z")
    assert isinstance(hits[0].item, Fact)
    assert hits[0].text == "I live in Antwerp."
    assert not any(hit.supersedes or hit.superseded_by for hit in hits)
    assert not any("Ghent" in text for text in texts(hits))


def test_what_was_not_known_yet_is_not_told(memory: Memory) -> None:
    hits = both(memory, "Where do I live?", known_at="2024-03-01T00:00Z")
    assert hits[0].text == "I live in Antwerp."
    assert not any(hit.supersedes or hit.superseded_by for hit in hits)


def test_what_a_tool_said_is_no_fact_but_an_episode(memory: Memory) -> None:
    hits = both(memory, "Bruges")
    (hit,) = (hit for hit in hits if "Bruges" in hit.text)
    assert isinstance(hit.item, Episode)


def test_kinds_of_items(memory: Memory) -> None:
    kinds: dict[str, set[type]] = {
        "fact": {Fact},
        "episode": {Episode},
    }
    for kind, expected in kinds.items():
        for items in (kind, [kind]):
            found = memory.search("Antwerp", user_id="ann", items=items)  # type: ignore[arg-type]
            assert {type(hit.item) for hit in found} == expected
    assert {type(hit.item) for hit in memory.search("Antwerp", user_id="ann")} == {Episode}
    for wrong in ("graph", [], ["fact", "x"]):
        with pytest.raises(InvalidInput, match="items"):
            memory.search("Antwerp", user_id="ann", items=wrong)  # type: ignore[arg-type]
        with pytest.raises(InvalidInput, match="items"):
            memory.context("Antwerp", user_id="ann", max_tokens=99, items=wrong)  # type: ignore[arg-type]


def test_a_filter_holds_for_the_turns_that_facts_rest_on(memory: Memory) -> None:
    hits = both(memory, "What did Eva buy?", filters={"timestamp": {"lt": "2024-07-01T00:00:00Z"}})
    assert not any("Eva" in text for text in texts(hits))
    assert any("Eva" in text for text in texts(both(memory, "What did Eva buy?")))


def test_a_context_says_what_changed_within_its_budget(memory: Memory) -> None:
    found = memory.context("Where do I live?", user_id="ann", max_tokens=200, items=("fact", "episode"))
    assert "I moved to Ghent. (before: 10 January 2024, “I live in Antwerp.”)" in found.text
    assert "“I no longer live in Antwerp, I moved to Ghent.”" in found.text
    assert found.text.count("I live in Antwerp.") == 2
    for budget in range(1, 60):
        assert memory.context("Where do I live?", user_id="ann", max_tokens=budget, items="fact").tokens <= budget  # type: ignore[arg-type]


def test_muted_facts_are_not_brought_up_nor_told_of(memory: Memory) -> None:
    fact = both(memory, "Where do I live?")[0].item
    memory.mute(fact.id, user_id="ann")
    hits = both(memory, "Where do I live?")
    assert not any(fact.id == other.id for hit in hits for other in _told(hit))


def _told(hit: Hit) -> list[Fact | Episode]:
    return [hit.item, *hit.supersedes, *hit.superseded_by]


def test_an_empty_scope_has_neither(memory: Memory) -> None:
    assert memory.search("x", user_id="nobody", items=("fact", "episode")) == []


def test_the_clock_of_the_memory_says_what_today_is(memory: Memory) -> None:
    memory.add(
        "I will live in Rome from 2030 on.", user_id="eve", timestamp=datetime(2024, 9, 1, tzinfo=UTC), wait=True
    )
    hits = memory.search("Where does she live?", user_id="eve", items="fact", as_of="2031-01-01T00:00Z")  # type: ignore[arg-type]
    assert len(hits) == 1


@pytest.mark.parametrize("items", [("fact",), ("fact", "episode")])
def test_a_question_in_the_words_of_what_was_superseded_finds_todays_truth_first(
    memory: Memory, items: tuple[str, ...]
) -> None:
    for day, home in (
        ("2024-01-11", "I live in Rome."),
        ("2024-03-01", "I moved to Lima."),
        ("2024-05-01", "I moved to Oslo."),
    ):
        memory.add(Message(content=home, timestamp=moment(day)), user_id="bob", wait=True)
    found = memory.search("Where does he live?", user_id="bob", items=items)  # type: ignore[arg-type]
    assert found[0].text == "I moved to Oslo."
    assert [fact.text for fact in found[0].supersedes] == ["I moved to Lima."]
    then = memory.search("Where does he live?", user_id="bob", items=items, as_of=moment("2024-04-01"))  # type: ignore[arg-type]
    assert then[0].text == "I moved to Lima."
