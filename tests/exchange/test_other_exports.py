"""Exports of Claude, Gemini, Grok and Copilot: roles, times, titles, and nothing of the plumbing."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any, cast

import pytest
from portable_ai_memory.converters import detect_provider

from memstrata.exchange.formats import read_export
from memstrata.exchange.gemini import without_tags
from memstrata.exchange.portions import PassedOver, Portion
from memstrata.types import Message, NotRead

CLAUDE = [
    {
        "uuid": "c-1", "name": "Rowing", "created_at": "2025-01-01T10:00:00.000000Z", "summary": "",
        "chat_messages": [
            {"uuid": "m-1", "sender": "human", "text": "Where can I row?", "created_at": "2025-01-01T10:00:01+01:00",
             "content": [{"type": "text", "text": "Where can I row?"}],
             "attachments": [{"file_name": "notes.txt", "extracted_content": "Boats.\n\nOars."}],
             "files": [{"file_name": "lake.png"}]},
            {"uuid": "m-2", "sender": "assistant", "text": "", "created_at": "2025-01-01T10:00:05Z",
             "content": [{"type": "thinking", "thinking": "hm"}, {"type": "text", "text": "Let me look."},
                         {"type": "tool_use", "name": "web", "input": {}},
                         {"type": "tool_result", "content": [{"type": "text", "text": "Watersportbaan"}]},
                         {"type": "text", "text": "在 Watersportbaan。"}]},
            {"uuid": "m-3", "sender": "assistant", "text": "An old message without blocks.",
             "created_at": "2025-01-01T10:01:00Z"},
        ],
    },
    {"uuid": "c-2", "name": "", "created_at": "2025-01-02T10:00:00Z", "chat_messages": "none"},
]  # fmt: skip
MEMORIES = [{"conversations_memory": "Ann rows.\n\nShe lives in Ghent.", "project_memories": {"p-1": "Builds a boat."}}]
PROJECTS = [
    {"uuid": "p-1", "name": "Boat", "description": "A boat", "prompt_template": "Be brief.",
     "created_at": "2025-01-01T09:00:00Z", "docs": [{"uuid": "d", "filename": "plan.md", "content": "# Plan"}]}
]  # fmt: skip
GROK = {
    "projects": [],
    "conversations": [
        {
            "conversation": {"id": "g-1", "title": "Tea", "create_time": "2025-02-01T08:00:00Z"},
            "responses": [
                {"response": {"_id": "1", "sender": "human", "message": "Which tea?", "parent_response_id": None,
                              "create_time": {"$date": {"$numberLong": "1738396800000"}}}},
                {"response": {"_id": "2", "sender": "ASSISTANT", "message": "Green.", "parent_response_id": "1",
                              "create_time": {"$date": {"$numberLong": "1738396801000"}}, "model": "grok-3"}},
                {"response": {"_id": "3", "sender": "assistant", "message": "白茶。", "parent_response_id": "1",
                              "create_time": {"$date": {"$numberLong": "1738396802000"}}}},
            ],
        },
        {"conversation": {"id": "g-2"}, "responses": 5},
    ],
}  # fmt: skip
GEMINI = [
    {"header": "Gemini Apps", "title": "Prompted And in May?", "time": "2025-03-01T09:05:00.000Z",
     "safeHtmlItem": [{"html": "<p>Also <b>warm</b>.</p>"}], "products": ["Gemini Apps"]},
    {"header": "Gemini Apps", "title": "Gave feedback: Good response", "time": "2025-03-01T09:01:00.000Z",
     "products": ["Gemini Apps"]},
    {"header": "Gemini Apps", "title": "Prompted How warm is Lisbon in April?", "time": "2025-03-01T09:00:00.000Z",
     "safeHtmlItem": [{"html": "<p>About 20&nbsp;°C</p><ul><li>sunny</li><li>dry</li></ul><script>x</script>"}],
     "products": ["Gemini Apps"], "attachedFiles": ["map.png"]},
    {"header": "Gemini Apps", "title": "Prompted undated", "time": "soon", "products": ["Gemini Apps"]},
]  # fmt: skip
COPILOT = (
    "Conversation,Time,Author,Message\r\n"
    'Sauna,2025-04-01T10:00:05,AI,"Twice a week,\nat most."\r\n'
    'Sauna,2025-04-01T10:00:00,Human,"How often ""should"" I?"\r\n'
    "Sauna,never,Human,Undated\r\n"
    "茶,2025-04-02T10:00:00+02:00,Human,绿茶好吗？\r\n"
)


def read(path: Path, kind: Any = None) -> tuple[list[Portion], dict[str, int], list[NotRead]]:
    """Everything of a file."""
    found = list(read_export(path, kind))
    portions = [each for each in found if isinstance(each, Portion)]
    return (
        portions,
        {each.reason: each.count for each in found if isinstance(each, PassedOver)},
        [each for each in found if isinstance(each, NotRead)],
    )


def said(portions: list[Portion]) -> list[tuple[str, str]]:
    """Roles and words."""
    return [(each.role, each.content) for each in of(portions)]


def of(portions: list[Portion]) -> list[Message]:
    """All messages."""
    return [each for portion in portions for each in portion.messages if isinstance(each, Message)]


def put(folder: Path, name: str, value: Any) -> Path:
    """A file of the folder."""
    path = folder / name
    path.write_text(value if isinstance(value, str) else json.dumps(value), encoding="utf-8", newline="")
    return path


def test_claudes_blocks_attachments_and_tools(tmp_path: Path) -> None:
    portions, passed, problems = read(put(tmp_path, "conversations.json", CLAUDE))
    assert said(portions) == [
        ("document", "Boats.\n\nOars."),
        ("user", "Where can I row?"),
        ("assistant", "Let me look."),
        ("tool", "Watersportbaan"),
        ("assistant", "在 Watersportbaan。"),
        ("assistant", "An old message without blocks."),
    ]
    assert passed == {"thoughts": 1, "calls of tools": 1}
    assert [each.place for each in problems] == ["conversations.json 2"]
    messages = of(portions)
    assert messages[1].metadata == {"product": "claude", "title": "Rowing", "attachments": ["lake.png", "notes.txt"]}
    assert len({each.id for each in messages}) == len(messages)
    assert messages[1].timestamp is not None
    assert messages[1].timestamp.isoformat() == "2025-01-01T10:00:01+01:00"
    assert {portion.scope["run_id"] for portion in portions} == {"claude:c-1"}


def test_what_claude_wrote_about_the_user_is_a_document(tmp_path: Path) -> None:
    put(tmp_path, "memories.json", MEMORIES)
    put(tmp_path, "projects.json", PROJECTS)
    put(tmp_path, "users.json", [{"uuid": "u", "full_name": "Ann"}])
    portions, _, problems = read(tmp_path)
    assert problems == []
    assert {each.role for each in of(portions)} == {"document"}
    assert [each.content for each in of(portions)] == [
        "Ann rows.\n\nShe lives in Ghent.", "Builds a boat.", "A boat", "Be brief.", "# Plan",
    ]  # fmt: skip


def test_claude_in_lines(tmp_path: Path) -> None:
    lines = "\n".join(json.dumps(each) for each in CLAUDE) + "\n{broken\n"
    path = tmp_path / "claude"
    path.mkdir()
    put(path, "conversations.jsonl", lines)
    portions, _, problems = read(path)
    assert len(of(portions)) == 6
    assert len(problems) == 2


def test_groks_latest_branch(tmp_path: Path) -> None:
    portions, passed, problems = read(put(tmp_path, "prod-grok-backend.json", GROK))
    assert said(portions) == [("user", "Which tea?"), ("assistant", "白茶。")]
    assert passed == {"earlier wordings": 1}
    assert len(problems) == 1
    first = of(portions)[0]
    assert first.timestamp is not None
    assert first.timestamp.isoformat() == "2025-02-01T08:00:00+00:00"
    assert first.metadata == {"product": "grok", "title": "Tea"}


def test_geminis_activity_is_a_run_a_day_in_order(tmp_path: Path) -> None:
    portions, passed, problems = read(put(tmp_path, "MyActivity.json", GEMINI))
    assert said(portions) == [
        ("user", "How warm is Lisbon in April?"),
        ("assistant", "About 20 °C\n\n- sunny\n- dry"),
        ("user", "And in May?"),
        ("assistant", "Also warm."),
    ]
    assert passed == {"activity that is no prompt": 1}
    assert len(problems) == 1
    assert portions[0].scope == {"run_id": "gemini:2025-03-01"}
    assert of(portions)[0].metadata["attachments"] == ["map.png"]


def test_html_of_takeout_says_what_to_do(tmp_path: Path) -> None:
    page = '<html><div class="content-cell">Gemini Apps</div></html>'
    _, _, problems = read(put(tmp_path, "MyActivity.html", page))
    assert "choose JSON" in problems[0].reason


def test_copilots_table_in_order(tmp_path: Path) -> None:
    path = put(tmp_path, "copilot-activity-history.csv", "\ufeff" + COPILOT)
    portions, _, problems = read(path)
    assert said(portions) == [
        ("user", 'How often "should" I?'),
        ("assistant", "Twice a week,\nat most."),
        ("user", "绿茶好吗？"),
    ]
    assert [each.reason for each in problems] == ["has no readable time"]
    path.write_bytes(COPILOT.encode("utf-16"))
    assert len(of(read(path)[0])) == 3


GOOD_GROK = {"conversations": [cast(list[Any], GROK["conversations"])[0]]}


@pytest.mark.parametrize(("name", "value"), [("prod-grok-backend.json", GOOD_GROK), ("conversations.json", CLAUDE[:1])])
def test_converters_of_others_find_the_same_words(tmp_path: Path, name: str, value: Any) -> None:
    path = put(tmp_path, name, value)
    told = detect_provider(str(path)).convert_conversations(value, owner_id="ann")
    theirs = "\n".join(each.content.text or "" for one in told for each in one.messages if each.content)
    ours = [each.content for each in of(read(path)[0]) if each.role == "user"]
    assert ours
    assert all(each in theirs for each in ours)


def test_a_format_can_be_forced_and_another_is_not_read_by_it(tmp_path: Path) -> None:
    path = put(tmp_path, "some.json", GROK)
    assert said(read(path, "grok")[0])
    portions, passed, problems = read(path, "claude")
    assert portions == []
    assert passed == {"some.json: nothing to remember": 1}
    assert len(problems) == 1


def test_html_becomes_words() -> None:
    html = "<h2>Tea</h2><p>one<br>two</p><table><tr><td>a</td><td>b</td></tr></table><style>p{}</style><p>&lt;3"
    assert without_tags(html) == "Tea\n\none\ntwo\n\na b\n\n<3"
