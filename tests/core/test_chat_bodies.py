"""What is read and written in chat requests and answers: text put in without a trace, events cut anywhere."""

from __future__ import annotations

import json
from itertools import pairwise
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from memstrata.core.events import event_data
from memstrata.core.replies import read_reply
from memstrata.core.splicing import NoPlace, before_last_turn, into_instructions, into_messages
from memstrata.core.turns import LONGEST_QUESTION, Turn, ids_of, question_of, split_new, turns_of_chat
from memstrata.testing.upstream import chat_event, completion, response, streamed_chat, streamed_response

TEXT = 'says "hi"\n\\ 花 </x>'
LEAVES = st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False) | st.text(max_size=6)
JSONS = st.recursive(
    LEAVES, lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=4), inner, max_size=3)
)
CONTENTS = st.text(max_size=8) | st.lists(
    st.fixed_dictionaries({"type": st.just("text"), "text": st.text(max_size=8)}), max_size=2
)
MESSAGE = st.fixed_dictionaries(
    {"role": st.sampled_from(["system", "developer", "user", "assistant"]), "content": CONTENTS}, optional={"x": JSONS}
)
REST = st.dictionaries(
    st.text(max_size=5).filter(lambda key: key not in ("messages", "instructions")), JSONS, max_size=4
)
SPACES = st.sampled_from([None, 1, "\t"])


def written(body: Any, indent: Any, ascii_only: bool) -> str:
    return json.dumps(body, indent=indent, ensure_ascii=ascii_only)


@given(
    messages=st.lists(MESSAGE, min_size=1, max_size=4), before=REST, after=REST, indent=SPACES, ascii_only=st.booleans()
)
def test_a_text_is_put_into_the_system_message_and_nothing_else_changes(
    messages: list[dict[str, Any]], before: dict[str, Any], after: dict[str, Any], indent: Any, ascii_only: bool
) -> None:
    body = written({**before, "messages": messages, **after}, indent, ascii_only)
    told = json.loads(into_messages(body, TEXT))
    expected = json.loads(body)
    first = expected["messages"][0]
    if first["role"] not in ("system", "developer"):
        expected["messages"].insert(0, {"role": "system", "content": TEXT})
    elif isinstance(first["content"], str):
        first["content"] += f"\n\n{TEXT}" if first["content"] else TEXT
    else:
        first["content"].append({"type": "text", "text": TEXT})
    assert told == expected
    assert only_added(body, into_messages(body, TEXT))


@given(messages=st.lists(MESSAGE, min_size=1, max_size=4), before=REST, indent=SPACES)
def test_a_text_is_put_before_the_last_turn(
    messages: list[dict[str, Any]], before: dict[str, Any], indent: Any
) -> None:
    body = written({**before, "messages": messages}, indent, True)
    turns = [place for place, each in enumerate(messages) if each["role"] == "user"]
    if not turns:
        with pytest.raises(NoPlace):
            before_last_turn(body, TEXT)
        return
    expected = json.loads(body)
    expected["messages"].insert(turns[-1], {"role": "system", "content": TEXT})
    assert json.loads(before_last_turn(body, TEXT)) == expected
    assert only_added(body, before_last_turn(body, TEXT))


@given(before=REST, after=REST, given_=st.none() | st.text(max_size=8), there=st.booleans(), indent=SPACES)
def test_a_text_is_put_into_instructions(
    before: dict[str, Any], after: dict[str, Any], given_: str | None, there: bool, indent: Any
) -> None:
    body = written({**before, **({"instructions": given_} if there else {}), **after}, indent, False)
    expected = f"{given_}\n\n{TEXT}" if there and given_ else TEXT
    assert json.loads(into_instructions(body, TEXT)) == {**json.loads(body), "instructions": expected}


def test_of_a_repeated_key_the_one_that_counts_is_changed() -> None:
    body = '{"messages": 7, "messages": [{"role": "user", "content": "x"}], "n": 1.0, "n": 1e999}'
    assert into_messages(body, "T").endswith(body[len('{"messages": 7, "messages": [') :])


@pytest.mark.parametrize(
    "body", ["[]", "{}", '{"messages": {}}', '{"messages": []}', '{"messages": [{"role": "system"}]}']
)
def test_a_body_without_a_place_is_left_alone(body: str) -> None:
    with pytest.raises(NoPlace):
        into_messages(body, TEXT)


def only_added(body: str, longer: str) -> bool:
    """The one is the other with one stretch put in."""
    added = len(longer) - len(body)
    same = next((n for n, (a, b) in enumerate(zip(body, longer, strict=False)) if a != b), len(body))
    return any(longer[:n] + longer[n + added :] == body for n in range(max(0, same - added), same + 1))


@given(cuts=st.lists(st.integers(0, 400), max_size=12), ending=st.sampled_from(["\n", "\r\n", "\r"]))
def test_events_are_the_same_however_they_are_cut(cuts: list[int], ending: str) -> None:
    text = "event: a\ndata: one 花\n\n: a remark\ndata: two\ndata: three\nid: 7\n\ndata:four\n\ndata: cut off"
    data = text.replace("\n", ending).encode()
    places = [0, *sorted(min(cut, len(data)) for cut in cuts), len(data)]
    pieces = [data[a:b] for a, b in pairwise(places)]
    assert list(event_data(pieces)) == ["one 花", "two\nthree", "four"]


@given(cut=st.integers(0, 2000))
def test_of_an_answer_that_was_cut_short_what_had_come_is_read(cut: int) -> None:
    said = "One 二 three four."
    for api, scripted in (("chat", streamed_chat(said)), ("responses", streamed_response(said))):
        data = b"".join(scripted.pieces)[:cut]
        read = read_reply(api, [data], streamed=True)  # type: ignore[arg-type]
        assert said.startswith(read.text)


def test_whole_answers_are_read() -> None:
    assert read_reply("chat", [json.dumps(completion("Yes.")).encode()], streamed=False).text == "Yes."
    read = read_reply("responses", [json.dumps(response("Yes.")).encode()], streamed=False)
    assert (read.text, read.response_id) == ("Yes.", "resp_1")
    second = chat_event({"content": "x"}).replace(b'"index": 0', b'"index": 1')
    assert read_reply("chat", [second, chat_event({"content": "y"})], streamed=True).text == "y"


TURNS = st.lists(
    st.builds(Turn, role=st.sampled_from(["user", "assistant", "tool"]), text=st.sampled_from(["yes", "no"]))
)


@given(turns=TURNS, more=TURNS)
def test_an_id_depends_on_all_that_came_before_and_nothing_after(turns: list[Turn], more: list[Turn]) -> None:
    ids = ids_of([*turns, *more])
    assert ids[: len(turns)] == ids_of(turns)
    assert len(set(ids)) == len(ids)


@given(turns=TURNS)
def test_what_is_new_comes_after_the_last_answer(turns: list[Turn]) -> None:
    new = split_new(turns)
    assert new == 0 or turns[new - 1].role == "assistant"
    tail = [turn.role for turn in turns[new:]]
    while tail and tail[-1] == "assistant":
        tail.pop()
    assert "assistant" not in tail


@pytest.mark.parametrize(
    "junk", [None, 7, "x", [7, None, [], {"role": []}, {"role": "user", "content": [7, {"text": []}]}]]
)
def test_junk_holds_no_words(junk: Any) -> None:
    assert [turn.text for turn in turns_of_chat(junk) if turn.text] == []


def test_a_short_question_is_asked_with_the_one_before_and_a_long_one_cut() -> None:
    turns = [
        Turn(role="user", text="Where does Ana live?"),
        Turn(role="assistant", text="In Ghent."),
        Turn(role="user", text="Since when?"),
    ]
    assert question_of(turns) == "Where does Ana live?\nSince when?"
    assert question_of(
        [*turns, Turn(role="user", text="Which of the books of hers did I lend to my brother?")]
    ).startswith("Which")
    assert len(question_of([Turn(role="user", text="x" * 50_000)])) <= LONGEST_QUESTION + 1
    assert question_of([Turn(role="tool", text="x")]) == ""
