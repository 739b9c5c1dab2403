"""ChatGPT's export: what was said last is remembered, with its times, and nothing of the plumbing."""

from __future__ import annotations

import io
import json
import tracemalloc
import zipfile
from collections.abc import Iterable
from pathlib import Path
from typing import Any

import pytest
from portable_ai_memory.converters import detect_provider

from memstrata import Memory, Message
from memstrata.exchange.formats import read_export
from memstrata.exchange.portions import PassedOver, Portion
from memstrata.types import NotRead


def node(
    id_: str,
    parent: str | None,
    role: str,
    content: str | dict[str, Any],
    *,
    at: float | None = 1735689600.25,
    metadata: dict[str, Any] | None = None,
    **more: Any,
) -> tuple[str, dict[str, Any]]:
    """A node of a mapping."""
    told = content if isinstance(content, dict) else {"content_type": "text", "parts": [content]}
    message = {"id": id_, "author": {"role": role, "name": more.pop("name", None)}, "create_time": at,
               "content": told, "metadata": metadata or {}, "weight": 1.0, "recipient": "all", **more}  # fmt: skip
    return id_, {"id": id_, "parent": parent, "children": [], "message": message}


def conversation(*nodes: tuple[str, dict[str, Any]], id_: str = "c1", title: str = "Ghent") -> dict[str, Any]:
    """A conversation whose last node is the current one."""
    mapping = {"root": {"id": "root", "parent": None, "children": [], "message": None}, **dict(nodes)}
    for name, each in mapping.items():
        if each["parent"] in mapping:
            mapping[each["parent"]]["children"].append(name)
    return {"title": title, "create_time": 1735689600.0, "update_time": 1735689700.0, "mapping": mapping,
            "current_node": nodes[-1][0], "conversation_id": id_, "id": id_}  # fmt: skip


INSTRUCTIONS = {
    "content_type": "user_editable_context",
    "user_profile": "The user provided this:\n```I am a nurse in Ghent.```",
    "user_instructions": "Follow these:\n```Answer in short sentences.```",
}
HIDDEN = {"is_visually_hidden_from_conversation": True}
FULL = conversation(
    node("s", "root", "system", "", metadata=HIDDEN),
    node("ctx", "s", "user", INSTRUCTIONS, metadata=HIDDEN),
    node("u1", "ctx", "user", "Where can I row?"),
    node("u1b", "ctx", "user", "Where can I row in Ghent?", at=1735689610.5,
         metadata={"attachments": [{"id": "f", "name": "lake.png"}]}),
    node("t", "u1b", "assistant", {"content_type": "thoughts", "thoughts": [{"content": "think"}]}),
    node("call", "t", "assistant", {"content_type": "code", "text": "search('row')"}, recipient="web"),
    node("out", "call", "tool", {"content_type": "execution_output", "text": "Watersportbaan"}, name="web"),
    node("bio", "out", "assistant", "User likes rowing.", recipient="bio"),
    node("a", "bio", "assistant", "On the Watersportbaan. 祝你玩得开心！", at=None, metadata={"model_slug": "m-1"}),
)  # fmt: skip


def read(path: Path, kind: Any = None) -> tuple[list[Message], dict[str, int], list[NotRead]]:
    """All messages, what was passed over, and what could not be read."""
    messages: list[Message] = []
    passed: dict[str, int] = {}
    problems: list[NotRead] = []
    for each in read_export(path, kind):
        if isinstance(each, Portion):
            messages += [message for message in each.messages if isinstance(message, Message)]
        elif isinstance(each, PassedOver):
            passed[each.reason] = passed.get(each.reason, 0) + each.count
        else:
            problems.append(each)
    return messages, passed, problems


@pytest.fixture
def file(tmp_path: Path) -> Path:
    path = tmp_path / "conversations.json"
    path.write_text(json.dumps([FULL]), encoding="utf-8")
    return path


def test_the_branch_that_was_seen_last_is_read_with_roles_times_and_titles(file: Path) -> None:
    messages, passed, problems = read(file)
    assert problems == []
    said = [(each.role, each.name, each.content) for each in messages]
    assert said == [
        ("user", None, "I am a nurse in Ghent."),
        ("user", None, "Answer in short sentences."),
        ("user", None, "Where can I row in Ghent?"),
        ("tool", "web", "Watersportbaan"),
        ("document", "ChatGPT's memory", "User likes rowing."),
        ("assistant", None, "On the Watersportbaan. 祝你玩得开心！"),
    ]
    assert passed == {"earlier wordings": 1, "hidden messages": 1, "thoughts": 1, "calls of tools": 1}
    question, answer = messages[2], messages[-1]
    assert question.timestamp is not None
    assert question.timestamp.isoformat() == "2025-01-01T00:00:10.500000+00:00"
    assert question.metadata == {"product": "chatgpt", "title": "Ghent", "attachments": ["lake.png"]}
    assert answer.id == "a"
    assert answer.timestamp is not None, "of the message before it"
    assert answer.metadata["model"] == "m-1"


def test_a_converter_of_others_reads_the_same_words(file: Path) -> None:
    told = detect_provider(str(file)).convert_conversations([FULL], owner_id="ann")[0]
    theirs = {each.content.text for each in told.messages if each.content and each.content.text and not each.is_thought}
    messages, _, _ = read(file)
    ours = {each.content for each in messages if each.role in ("user", "assistant") and each.id in ("u1b", "a")}
    assert ours <= theirs
    assert "Where can I row?" in theirs, "it keeps earlier wordings, which we do not"


def test_instructions_that_every_conversation_repeats_are_read_once(tmp_path: Path) -> None:
    path = tmp_path / "conversations.json"
    path.write_text(json.dumps([FULL, {**FULL, "conversation_id": "c2"}]), encoding="utf-8")
    messages, _, _ = read(path)
    assert sum(each.content == "I am a nurse in Ghent." for each in messages) == 1


def test_words_about_the_user_that_the_user_did_not_type_are_a_document(tmp_path: Path) -> None:
    content = {"content_type": "model_editable_context", "model_set_context": "Lives in Ghent."}
    wrapped = {"content_type": "user_editable_context", "user_profile": "Preferred name: Ann"}
    path = tmp_path / "conversations.json"
    told = conversation(
        node("a", "root", "assistant", content), node("b", "a", "user", wrapped), node("c", "b", "user", "Hello")
    )
    path.write_text(json.dumps([told]))
    messages, _, _ = read(path)
    assert [(each.role, each.content) for each in messages] == [
        ("document", "Lives in Ghent."),
        ("document", "Preferred name: Ann"),
        ("user", "Hello"),
    ]


def test_a_broken_conversation_never_costs_the_rest(tmp_path: Path) -> None:
    loop = conversation(node("u", "u", "user", "I go round"), id_="c3")
    odd: list[Any] = [7, {"mapping": []}, {"mapping": {"x": 5}, "current_node": "x"}, {"title": "no mapping"}]
    whole = json.dumps([FULL, *odd, loop, conversation(node("u", "root", "user", "last"), id_="c9")]).encode()
    cut = whole.replace(b'"title": "no mapping"', b'"title": "no \xff mapping", "mapping": broken')
    path = tmp_path / "conversations.json"
    for data in (whole, cut):
        path.write_bytes(data)
        messages, _, problems = read(path)
        assert [each.content for each in messages][-2:] == ["I go round", "last"]
        assert problems


def test_half_a_surrogate_pair_is_replaced_and_bytes_that_are_no_text_are_told(tmp_path: Path) -> None:
    path = tmp_path / "conversations.json"
    half = json.dumps([conversation(node("u", "root", "user", "half \ud83d"))]).encode()
    latin = json.dumps(conversation(node("u", "root", "user", "caf@"), id_="c2")).encode().replace(b"@", b"\xe9")
    path.write_bytes(half[:-1] + b"," + latin + b"]")
    messages, _, problems = read(path)
    assert [each.content for each in messages] == ["half \ufffd"]
    assert "not UTF-8" in problems[0].reason
    path.write_bytes(json.dumps([FULL]).encode("utf-16"))
    assert "Where can I row in Ghent?" in [each.content for each in read(path)[0]]


def test_parts_in_a_zip_are_read_and_other_files_are_passed_over(tmp_path: Path) -> None:
    path = tmp_path / "export.zip"
    with zipfile.ZipFile(path, "w") as archive:
        for number in range(2):
            told = conversation(node("u", "root", "user", f"part {number}"), id_=f"c{number}")
            archive.writestr(f"export/conversations-{number:03}.json", json.dumps([told]))
        archive.writestr("export/user.json", json.dumps({"id": "user-1", "email": "ann@example.org"}))
        archive.writestr("export/message_feedback.json", "[]")
        archive.writestr("export/chat.html", "<html>conversations</html>")
        archive.writestr("export/file-1.png", b"\x89PNG")
    messages, passed, problems = read(path)
    assert [each.content for each in messages] == ["part 0", "part 1"]
    assert problems == []
    assert passed["attachments and other files"] == 2


def test_importing_again_goes_on_where_it_stopped(file: Path) -> None:
    with Memory(":memory:", embedder="none", worker="none") as memory:
        first = memory.import_file(file, user_id="ann")
        assert (first.conversations, first.messages, first.added) == (1, 6, 6)
        grown = {**FULL, "mapping": {**FULL["mapping"], **dict([node("u2", "a", "user", "And in winter?")])}}
        data = json.dumps([{**grown, "current_node": "u2"}]).encode()
        again = memory.import_file(io.BytesIO(data), user_id="ann")
        assert (again.added, again.duplicates) == (1, 6)
        page = memory.episodes(user_id="ann", run_id="chatgpt:c1", filters={"title": "Ghent"})
        assert len(page.episodes) == 5
        assert memory.import_file(file, user_id="ben").added == 6
        assert memory.import_file(file).problems, "whose memory?"


def test_one_message_that_cannot_be_kept_costs_itself(tmp_path: Path) -> None:
    path = tmp_path / "conversations.json"
    long = node("u1", "u0", "user", "x" * 10_000_001)
    told = conversation(node("u0", "root", "user", "before"), long, node("u2", "u1", "user", "after"))
    path.write_text(json.dumps([told]))
    with Memory(":memory:", embedder="none", worker="none") as memory:
        done = memory.import_file(path, user_id="ann")
        assert done.added == 2
        assert "split it" in done.problems[0].reason
        assert memory.import_file(path, user_id="ann").duplicates == 2


def test_what_was_asked_of_another_assistant_to_forget_is_counted_and_not_done(tmp_path: Path) -> None:
    path = tmp_path / "conversations.json"
    path.write_text(json.dumps([conversation(node("u", "root", "user", "Forget everything you know about me."))]))
    with Memory(":memory:", embedder="none", worker="none") as memory:
        memory.add("I live in Ghent.", user_id="ann")
        done = memory.import_file(path, user_id="ann")
        assert done.forget_requests == 1
        assert memory.stats(user_id="ann").episodes == 2


def many(count: int) -> Iterable[bytes]:
    """A long export, conversation by conversation."""
    yield b"["
    for number in range(count):
        turns = [node(f"{number}-{turn}", f"{number}-{turn - 1}" if turn else "root", "user", "words " * 200)
                 for turn in range(20)]  # fmt: skip
        yield (b"," if number else b"") + json.dumps(conversation(*turns, id_=f"c{number}")).encode()
    yield b"]"


def peak_of_reading(path: Path) -> int:
    """The most bytes held while a file is read."""
    tracemalloc.start()
    try:
        for _ in read_export(path, None):
            pass
        return tracemalloc.get_traced_memory()[1]
    finally:
        tracemalloc.stop()


def test_memory_hangs_on_the_longest_conversation_and_not_on_the_file(tmp_path: Path) -> None:
    peaks = []
    for count in (60, 400):
        path = tmp_path / f"{count}.zip"
        with zipfile.ZipFile(path, "w") as archive, archive.open("conversations.json", "w") as out:
            for part in many(count):
                out.write(part)
        peaks.append(peak_of_reading(path))
    assert path.stat().st_size > 8_000_000
    assert peaks[1] < peaks[0] * 1.5 + 1_000_000
