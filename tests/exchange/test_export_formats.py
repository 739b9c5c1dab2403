"""Markdown to read, PAM for other programs, and what the command line says of all of it."""

from __future__ import annotations

import hashlib
import io
import json
import operator
import os
import subprocess
import sys
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import jsonschema  # type: ignore[import-untyped]
import portable_ai_memory
import pytest
import rfc8785
from portable_ai_memory.schemas import load_schema

from memstrata import Memory, Message
from memstrata.exchange.pam import checksum, content_hash

NOON = datetime(2025, 3, 1, 12, 0, tzinfo=UTC)
COMMAND = "from memstrata.surfaces.cli.main import main; main()"


@pytest.fixture
def memory() -> Memory:
    made = Memory(":memory:", embedder="none", model="none", worker="none")
    said = [
        Message(content="I live in Paris.", timestamp=NOON, metadata={"title": "A new home"}),
        Message(content="我妹妹小雨住在成都。\n她喜欢茶。", timestamp=NOON + timedelta(hours=1), name="Ann"),
        Message(content="I moved to Ghent.", timestamp=NOON + timedelta(days=3)),
        Message(content="The user loves satay.", role="tool", timestamp=NOON + timedelta(days=4)),
        Message(content="Always answer in short sentences.", timestamp=NOON + timedelta(days=4)),
    ]
    made.add(said, user_id="ann", run_id="r1", wait=True)
    made.add([Message(content="I like tea.", timestamp=NOON - timedelta(days=300))], user_id="ann", wait=True)
    (tea,) = made.facts(user_id="ann", kind="preference")
    made.pin(tea.id, user_id="ann")
    made.correct(tea.id, "I like nothing but water.", user_id="ann")
    return made


def exported(memory: Memory, form: Any) -> bytes:
    """An export."""
    out = io.BytesIO()
    memory.export(out, user_id="ann", format=form)
    return out.getvalue()


def test_the_page_has_the_profile_with_its_sources_and_then_conversations_by_date(memory: Memory) -> None:
    page = exported(memory, "markdown").decode()
    assert page.startswith("# Memory of ann\n")
    assert "### Home\n- I moved to Ghent. [" in page
    assert page.index("## Profile") < page.index("### Sources") < page.index("## Conversations")
    tea, home = page.index("> I like tea."), page.index("### 2025-03-01 A new home")
    assert tea < home < page.index("> I live in Paris.") < page.index("> I moved to Ghent.")
    assert "**Ann**, 2025-03-01 13:00 [ep_" in page
    assert "> 我妹妹小雨住在成都。\n> 她喜欢茶。" in page


def test_the_portable_format_fits_its_schema_and_passes_its_checks(memory: Memory) -> None:
    data = exported(memory, "pam")
    document = json.loads(data)
    jsonschema.validate(document, load_schema("memory-store"),
                        format_checker=jsonschema.FormatChecker())  # fmt: skip
    result = portable_ai_memory.validate_memory_store(portable_ai_memory.MemoryStore.model_validate(document))
    assert [str(each) for each in result.errors] == []
    by_content = {each["content"]: each for each in document["memories"]}
    assert by_content["I live in Paris."]["status"] == "superseded"
    assert {each["type"] for each in document["relations"]} >= {"supersedes"}
    assert by_content["Always answer in short sentences."]["type"] == "instruction"
    assert document["conversations_index"][0]["title"] == "A new home"
    waiting = [each for each in document["memories"] if each["metadata"]["memstrata"]["status"] == "quarantined"]
    assert {each["status"] for each in waiting} <= {"archived"}


def test_hashes_are_those_of_the_format(memory: Memory) -> None:
    memories: list[Any] = json.loads(exported(memory, "pam"))["memories"]
    ordered: Any = sorted(memories, key=operator.itemgetter("id"))
    canonical = rfc8785.dumps(ordered)
    assert checksum(memories) == f"sha256:{hashlib.sha256(canonical).hexdigest()}"
    assert content_hash("  Tea\n or CAFE\u0301 ") == portable_ai_memory.compute_content_hash("tea or caf\u00e9")


def run(folder: Path, *arguments: str, code: int = 0) -> tuple[bytes, str]:
    """`memstrata` in a folder."""
    environment = {**os.environ, "MEMSTRATA_STORE": f"sqlite:///{folder}/memory.db", "MEMSTRATA_EMBEDDER": "none",
                   "COLUMNS": "200"}  # fmt: skip
    done = subprocess.run(
        [sys.executable, "-c", COMMAND, *arguments], capture_output=True, env=environment, cwd=folder, check=False
    )
    assert done.returncode == code, done.stderr.decode()
    assert b"Traceback" not in done.stderr
    return done.stdout, done.stderr.decode()


def test_a_dry_run_tells_and_stores_nothing(tmp_path: Path) -> None:
    conversation = {"uuid": "c", "name": "n", "chat_messages": [
        {"uuid": "m", "sender": "human", "text": "I live in Ghent.", "created_at": "2025-01-01T10:00:00Z"},
        {"uuid": "t", "sender": "assistant", "content": [{"type": "thinking"}], "text": "Nice."},
    ]}  # fmt: skip
    (tmp_path / "conversations.json").write_text(json.dumps([conversation, {"chat_messages": 3}]))
    told, _ = run(tmp_path, "import", "conversations.json", "--dry-run", "--json", code=3)
    report = json.loads(told)
    assert (report["conversations"], report["messages"], report["added"]) == (1, 2, 0)
    assert report["first"] == "2025-01-01T10:00:00+00:00"
    assert report["passed_over"] == {"thoughts": 1}
    assert report["problems"] == [{"place": "conversations.json 2", "reason": "has no chat_messages"}]
    assert not (tmp_path / "memory.db").exists()
    run(tmp_path, "import", "conversations.json", "-u", "ann", code=3)
    before = (tmp_path / "memory.db").read_bytes()
    out, error = run(tmp_path, "import", "conversations.json", "-u", "ann", "--dry-run", code=3)
    assert (tmp_path / "memory.db").read_bytes() == before
    assert b"2 messages read of 1 conversations" in out
    assert b"passed over: 1 thoughts" in out
    assert "conversations.json 2: has no chat_messages" in error
    again, _ = run(tmp_path, "import", "conversations.json", "-u", "ann", code=3)
    assert b"0 remembered, 2 known already, 1 not readable" in again


def test_a_memory_goes_from_one_folder_to_another_by_the_command_line(tmp_path: Path) -> None:
    here, there = tmp_path / "here", tmp_path / "there"
    here.mkdir()
    there.mkdir()
    run(here, "add", "I live in Ghent.", "-u", "ann")
    told, _ = run(here, "export", str(there / "ann.zip"), "-u", "ann", "--json")
    assert json.loads(told)["episodes"] == 1
    dry, _ = run(there, "import", "ann.zip", "--dry-run", "--json")
    assert json.loads(dry)["added"] == 1
    assert not (there / "memory.db").exists()
    out, _ = run(there, "import", "ann.zip")
    assert b"1 episodes restored" in out
    page, _ = run(there, "export", "-", "-u", "ann", "--format", "markdown")
    assert b"I live in Ghent." in page
    run(there, "import", "ann.zip", "-u", "ben", "--format", "bundle")
    profile, _ = run(there, "profile", "-u", "ben")
    assert b"I live in Ghent." in profile
    _, error = run(there, "export", "ann.xyz", "-u", "ann", code=2)
    assert "--format" in error
    (there / "ann.zip").write_bytes((there / "ann.zip").read_bytes()[:-50])
    _, error = run(there, "import", "ann.zip", "-u", "ann", "--format", "bundle", code=2)
    assert "no bundle" in error
