"""Of found turns that are rivals the later comes first, for a user with an assistant and a question without a date."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import UTC, datetime, timedelta

import pytest

from memstrata import Memory, Message
from memstrata.types import Hits

NOON = datetime(2025, 3, 1, 12, 0, tzinfo=UTC)
OLD, NEW = "I drink black coffee every morning at the window", "I drink green tea every morning now instead"
QUESTION = "what black coffee do I drink every morning at the window"


@pytest.fixture
def memory() -> Iterator[Memory]:
    with Memory(":memory:", embedder="none", worker="none", clock=lambda: NOON + timedelta(days=90)) as memory:
        yield memory


def asked(memory: Memory, question: str = QUESTION) -> Hits:
    return memory.search(question, user_id="ann")


def say(memory: Memory, *texts: str, apart: timedelta = timedelta(days=30), name: str | None = None) -> None:
    said = [Message(content=text, timestamp=NOON + n * apart, name=name) for n, text in enumerate(texts)]
    memory.add(said, user_id="ann", wait=True)


def test_the_later_of_two_rivals_is_first_and_the_other_is_right_behind(memory: Memory) -> None:
    say(memory, OLD, NEW)
    hits = asked(memory)
    assert [hit.item.text for hit in hits] == [NEW, OLD]
    assert hits[1].why["gave way"] < 0
    for hit in hits:
        assert hit.score == pytest.approx(sum(hit.why.values()), abs=1e-4)
    assert hits[0].score >= hits[1].score


def test_a_chinese_rival_too(memory: Memory) -> None:
    say(memory, "我每天早上在窗边喝黑咖啡", "我每天早上改喝绿茶了")
    assert asked(memory, "早上在窗边喝什么黑咖啡")[0].item.text == "我每天早上改喝绿茶了"


def test_nothing_is_lost_and_without_facts_nothing_moves(memory: Memory) -> None:
    with Memory(":memory:", embedder="none", extractor="none", worker="none") as bare:
        for each in (memory, bare):
            say(each, OLD, NEW)
        assert [hit.item.text for hit in asked(bare)] == [OLD, NEW]
        assert {hit.item.text for hit in asked(memory)} == {OLD, NEW}


def test_of_one_talk_no_part_is_older(memory: Memory) -> None:
    say(memory, OLD, NEW, apart=timedelta(minutes=1))
    assert [hit.item.text for hit in asked(memory)] == [OLD, NEW]


def test_a_question_about_a_day_keeps_its_order(memory: Memory) -> None:
    say(memory, OLD, NEW)
    assert asked(memory, QUESTION + " on 1 March 2025")[0].item.text == OLD


def test_people_who_chat_keep_their_order() -> None:
    with Memory(":memory:", embedder="none", worker="none") as memory:
        said = [
            Message(content=text, name=name, timestamp=NOON + timedelta(days=30 * n))
            for n, (name, text) in enumerate([("Bo", OLD), ("Cy", "hm"), ("Bo", NEW), ("Cy", "nice")])
        ]
        memory.add(said, user_id="ann", wait=True)
        texts = [hit.item.text for hit in asked(memory)]
        assert texts.index(OLD) < texts.index(NEW)


def test_other_things_are_no_rivals(memory: Memory) -> None:
    say(memory, OLD, "The bridge was closed for repairs")
    assert asked(memory)[0].item.text == OLD
