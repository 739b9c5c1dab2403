"""Bad input gives a clear error or a right answer, and loses nothing."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from datetime import UTC, datetime, timedelta, timezone
from pathlib import Path
from typing import cast

import pytest

from memstrata import Memory, Message
from memstrata.errors import Conflict, InvalidInput, MissingScope, NotFound
from memstrata.testing.embedders import HashEmbedder
from memstrata.types import MessageDict


@pytest.fixture(params=["memory", "sqlite"])
def memory(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Memory]:
    url = ":memory:" if request.param == "memory" else f"sqlite:///{tmp_path}/memory.db"
    with Memory(url, embedder=HashEmbedder()) as memory:
        memory.add("the word that stays", user_id="ann")
        yield memory
        assert memory.search("stays", user_id="ann")[0].text == "the word that stays"


@pytest.mark.parametrize(
    ("messages", "words"),
    [
        ("half \ud83d of a pair", "surrogate"),
        (b"bytes", "not bytes"),
        (42, "not int"),
        (None, "not NoneType"),
        ({"content": "x", "contents": "y"}, "unknown fields"),
        ({"content": 7}, "content"),
        ({"content": "x", "role": "king"}, "role 'king'"),
        ({"content": "x", "timestamp": "2025-01-01T00:00:00"}, "time zone"),
        ({"content": "x", "timestamp": datetime(2025, 1, 1)}, "time zone"),
        ({"content": "x", "timestamp": "tomorrow"}, "ISO 8601"),
        ({"content": "x", "timestamp": 1735689600}, "timestamp"),
        ({"content": "x", "timestamp": datetime(1, 1, 1, tzinfo=timezone(timedelta(hours=14)))}, None),
        ({"content": "x", "metadata": {"a": float("nan")}}, "JSON cannot hold"),
        ({"content": "x", "metadata": {"a": {1, 2}}}, "JSON cannot hold"),
        ({"content": "x", "metadata": {1: 2}}, "key of"),
        ({"content": "x", "metadata": []}, "dictionary"),
        ({"content": [{"type": "image_url", "image_url": "u"}]}, "only text"),
        ([{"content": "fine"}, {"content": "x", "role": "king"}], "message 1"),
        ("x" * 10_000_001, "10,000,000"),
    ],
)
def test_messages_that_cannot_be_kept(memory: Memory, messages: object, words: str | None) -> None:
    if words is None:
        assert memory.add(messages, user_id="ann").added == 1  # type: ignore[arg-type]
        return
    with pytest.raises(InvalidInput, match=words):
        memory.add(messages, user_id="ann")  # type: ignore[arg-type]
    assert memory.stats(user_id="ann").episodes == 1


def test_odd_text_is_kept_to_the_letter(memory: Memory) -> None:
    odd = [
        "NUL \0 inside",
        "\0",
        "\u202eright to left",
        "emoji 👩‍👩‍👧‍👦 and 🏳️‍🌈",
        "'; DROP TABLE episode; --",
        'AND OR NOT NEAR "phrase* ^col:x',
        "e\u0301 and é",
        "tab\tand\r\nbreaks\u2028and\u2029more",
        "한국어 문장과 日本語の文 和中文混合 mixed",
        "%s {} \\ $1 <script>alert(1)</script>",
        "\ufeffmark",
    ]
    receipt = memory.add(odd, user_id="ben")
    assert receipt.added == len(odd)
    kept = [memory.episode(id_, user_id="ben").text for id_ in receipt.episode_ids]
    assert kept == odd
    for text in odd:
        memory.search(text, user_id="ben")
        memory.context(text, user_id="ben", max_tokens=50)


def test_empty_messages_are_passed_over_and_counted(memory: Memory) -> None:
    tool_call = cast(MessageDict, {"content": None, "tool_calls": []})
    receipt = memory.add(["", "   \n", tool_call, "word"], user_id="ben")
    assert (receipt.added, receipt.skipped_empty) == (1, 3)
    assert memory.add([], user_id="ben").added == 0


def test_the_ends_of_the_calendar(memory: Memory) -> None:
    first = datetime(1, 1, 1, tzinfo=UTC)
    last = datetime(9999, 12, 31, 23, 59, 59, 999999, tzinfo=UTC)
    far = [Message(content="the beginning", timestamp=first), Message(content="the end", timestamp=last)]
    receipt = memory.add(far, user_id="ben", wait=True)
    assert [memory.episode(id_, user_id="ben").timestamp for id_ in receipt.episode_ids] == [first, last]
    assert {hit.text for hit in memory.search("beginning end", user_id="ben")} == {"the beginning", "the end"}
    assert "the end" in memory.context("the end", user_id="ben", max_tokens=100).text
    (early,) = memory.search("beginning end", user_id="ben", as_of="2025-01-01T00:00:00Z")
    assert early.text == "the beginning"


def test_a_line_of_a_million_characters(memory: Memory) -> None:
    line = "needle " + "hay " * 250_000
    (id_,) = memory.add(line, user_id="ben", wait=True).episode_ids
    assert memory.episode(id_, user_id="ben").text == line
    assert memory.search("needle", user_id="ben")[0].item.id == id_
    context = memory.context("needle", user_id="ben", max_tokens=100)
    assert 0 < context.tokens <= 100


def test_ten_thousand_messages_in_one_call(memory: Memory) -> None:
    receipt = memory.add([f"message number {n}" for n in range(10_000)], user_id="ben")
    assert receipt.added == 10_000
    found = [hit.text for hit in memory.search("number 7777", user_id="ben", limit=3)]
    assert "message number 7777" in found
    assert memory.add([f"message number {n}" for n in range(10_000)], user_id="ben").duplicates == 10_000


@pytest.mark.parametrize(
    "filters",
    [
        {"n": {"like": "x"}},
        {"$where": {"$gt": 1}},
        {"AND": "x"},
        {"AND": [1]},
        "role = user",
        {"role": {"in": "user"}},
        {"timestamp": {"gt": "yesterday"}},
        {"timestamp": 5},
        {"n": {"contains": 5}},
        {1: 2},
        {"n": {"eq": object()}},
    ],
)
def test_filters_that_mean_nothing(memory: Memory, filters: object) -> None:
    with pytest.raises(InvalidInput):
        memory.search("x", user_id="ann", filters=filters)  # type: ignore[arg-type]


def test_filters_nested_without_end(memory: Memory) -> None:
    deep: dict[str, object] = {"role": "user"}
    for _ in range(100):
        deep = {"AND": [deep]}
    with pytest.raises(InvalidInput, match="nest"):
        memory.search("x", user_id="ann", filters=deep)


@pytest.mark.parametrize("query", ["", "   ", None, 5, b"x", "\ud800"])
def test_queries_that_ask_nothing(memory: Memory, query: object) -> None:
    with pytest.raises(InvalidInput):
        memory.search(query, user_id="ann")  # type: ignore[arg-type]


@pytest.mark.parametrize("query", ["?!…", "the of and", "x" * 100_000, "?" * 5000, "\0", "a\u0301" * 3000])
def test_queries_that_hold_nothing_to_look_for(memory: Memory, query: str) -> None:
    assert isinstance(memory.search(query, user_id="ann"), list)


@pytest.mark.parametrize("limit", [0, -1, 1001, 1.5, "3", True])
def test_limits(memory: Memory, limit: object) -> None:
    with pytest.raises(InvalidInput):
        memory.search("x", user_id="ann", limit=limit)  # type: ignore[arg-type]


def test_every_verb_needs_a_scope(memory: Memory) -> None:
    calls: list[Callable[[], object]] = [
        lambda: memory.add("x"),
        lambda: memory.search("x"),
        lambda: memory.context("x", max_tokens=10),
        lambda: memory.episode("ep_1"),
        lambda: memory.episodes(),
        lambda: memory.forget(),
        lambda: memory.forget("ep_1"),
        lambda: memory.stats(),
    ]
    for call in calls:
        with pytest.raises(MissingScope):
            call()
    for wrong in ("", "  ", "a\0b", 5, "x" * 600, "\udc00"):
        with pytest.raises(InvalidInput):
            memory.stats(user_id=wrong)  # type: ignore[arg-type]


def test_ids_that_are_not_there(memory: Memory) -> None:
    with pytest.raises(NotFound):
        memory.episode("ep_nothing", user_id="ann")
    assert memory.forget(["ep_nothing", "'; --"], user_id="ann").forgotten == 0
    with pytest.raises(InvalidInput):
        memory.forget(None, user_id="ann")  # type: ignore[arg-type]


def test_a_message_id_with_other_words_is_refused_whole(memory: Memory) -> None:
    memory.add({"content": "one", "id": "m1"}, user_id="ben")
    with pytest.raises(Conflict):
        memory.add([{"content": "new"}, {"content": "two", "id": "m1"}], user_id="ben")
    assert memory.stats(user_id="ben").episodes == 1
