"""Memory files: the same texts as the SDK's own folder for the same commands, no way out, and erased when forgotten."""

from __future__ import annotations

import re
import tempfile
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from anthropic.lib.tools import ToolError
from anthropic.tools.memory import BetaLocalFilesystemMemoryTool
from hypothesis import example, given, settings
from hypothesis import strategies as st

from memstrata.memory import Memory
from memstrata.surfaces.anthropic import MemoryTool
from memstrata.types import Receipt

Command = dict[str, Any]
Outcome = tuple[str, str]
NAMES = st.sampled_from(["a", "b.md", ".hidden", "c d", "注.md", "a.b", "..", ".", ""])
PATHS = st.one_of(
    st.lists(NAMES, min_size=1, max_size=4).map(lambda parts: "/".join(["/memories", *parts])),
    st.sampled_from(["/memories", "/memories/", "/memories/a", "/memories/a/a", "/memories/a/a/b.md"]),
    st.sampled_from(["/elsewhere/a", "memories/a", "", "/", "/memories/../..", "/memories/../memories/a"]),
)
TEXTS = st.lists(
    st.sampled_from(["x", "y", "xx", "\n", "\n\n", "\r\n", "é", "注", "\t", "\u2028", " "]), max_size=8
).map("".join)
COMMANDS = st.one_of(
    st.fixed_dictionaries(
        {"command": st.just("view"), "path": PATHS},
        optional={"view_range": st.lists(st.integers(-3, 9), min_size=1, max_size=3)},
    ),
    st.fixed_dictionaries({"command": st.just("create"), "path": PATHS, "file_text": TEXTS}),
    st.fixed_dictionaries({"command": st.just("str_replace"), "path": PATHS, "old_str": TEXTS, "new_str": TEXTS}),
    st.fixed_dictionaries(
        {"command": st.just("insert"), "path": PATHS, "insert_line": st.integers(-1, 5), "insert_text": TEXTS}
    ),
    st.fixed_dictionaries({"command": st.just("delete"), "path": PATHS}),
    st.fixed_dictionaries({"command": st.just("rename"), "old_path": PATHS, "new_path": PATHS}),
)


@pytest.fixture
def memory() -> Iterator[Memory]:
    with Memory(":memory:", embedder="none", worker="none") as made:
        yield made


def outcome(tool: Any, command: Command) -> Outcome:
    """What a command says: done, refused, or that the tool broke."""
    try:
        return "done", str(tool.call(command))
    except ToolError as error:
        return "refused", str(error)
    except (OSError, ValueError):
        return "broke", ""


def without_folder_sizes(said: str) -> str:
    """A folder's own size is the file system's affair."""
    head, _, listing = said.partition("\n")
    if not head.startswith("Here're the files"):
        return said
    first, *rest = listing.split("\n")
    lines = [re.sub(r"^\S+\t", "-\t", line) if line.endswith("/") else line for line in rest]
    return "\n".join([head, re.sub(r"^\S+\t", "-\t", first), *lines])


def on_disk(tool: BetaLocalFilesystemMemoryTool, command: Command) -> Outcome:
    """The SDK's outcome; folders that a refused command leaves behind are taken away: ours change nothing."""
    root = Path(tool.memory_root)
    before = {path for path in root.rglob("*") if path.is_dir()}
    said = outcome(tool, command)
    if said[0] != "done":
        new = {path for path in root.rglob("*") if path.is_dir()} - before
        for path in sorted(new, key=lambda each: -len(each.parts)):
            path.rmdir()
    return said


@settings(max_examples=150, deadline=None)
@given(st.lists(COMMANDS, min_size=1, max_size=14))
@example(
    [
        {"command": "create", "path": "/memories/a/b.md", "file_text": ""},
        {"command": "str_replace", "path": "/memories/a/b.md", "old_str": "", "new_str": "x\ny"},
        {"command": "str_replace", "path": "/memories/a/b.md", "old_str": "", "new_str": "x"},
        {"command": "delete", "path": "/memories/a/b.md"},
        {"command": "view", "path": "/memories"},
        {"command": "rename", "old_path": "/memories/a", "new_path": "/memories/c d/a"},
        {"command": "view", "path": "/memories/"},
        {"command": "create", "path": "/memories/c d/a", "file_text": "x"},
    ]
)
@example(
    [{"command": "create", "path": "/memories/a", "file_text": "x" * 1536}, {"command": "view", "path": "/memories"}]
)
def test_a_sequence_of_commands_says_what_the_sdk_says(sequence: list[Command]) -> None:
    with (
        tempfile.TemporaryDirectory() as folder,
        Memory(":memory:", embedder="none", worker="none") as memory,
    ):
        theirs, ours = BetaLocalFilesystemMemoryTool(folder), MemoryTool(memory, user_id="ann")
        for command in [*sequence, {"command": "view", "path": "/memories"}]:
            expected, said = on_disk(theirs, command), outcome(ours, command)
            if expected[0] == "broke":
                assert said[0] == "refused", command
            else:
                assert (said[0], without_folder_sizes(said[1])) == (expected[0], without_folder_sizes(expected[1]))


@pytest.mark.parametrize(
    "path",
    [
        "/memories/../secret",
        "/memories/a/../../secret",
        "/memories/%2e%2e/secret",
        "/memories/%252e%252e/secret",
        "/memories/a/%2e%2e/%2e%2e/secret",
        "/memories/a/../%2e%2e/%2e%2e/secret",
        "/memories/..%2fsecret",
        "/memories/..\\secret",
        "/memories/%2e%2e%5csecret",
        "/memories/．．/secret",
        "/memories/‥/secret",
        "/memories/..／secret",
        "/memoriesecret",
        "/memories.md",
        "/memories%2fsecret",
        "/Memories/secret",
        "/memories/a\x00b",
        "/memories/a\nb",
        "/memories/a\u202eb",
        "/memories/a\u200bb",
        "/memories/\ud800",
        "/memories/" + "a" * 2000,
        "/memories/" + "%25" * 400,
    ],
)
def test_no_path_leads_out_of_the_memory_directory(memory: Memory, path: str) -> None:
    tool = MemoryTool(memory, user_id="ann")
    for command in (
        {"command": "create", "path": path, "file_text": "x"},
        {"command": "view", "path": path},
        {"command": "delete", "path": path},
        {"command": "rename", "old_path": path, "new_path": "/memories/b"},
        {"command": "rename", "old_path": "/memories/b", "new_path": path},
    ):
        assert outcome(tool, command)[0] == "refused"
    assert memory.stats(user_id="ann").episodes == 0


def test_two_spellings_of_a_name_are_one_file(memory: Memory) -> None:
    tool = MemoryTool(memory, user_id="ann")
    assert outcome(tool, {"command": "create", "path": "/memories/caf\u00e9", "file_text": "x"})[0] == "done"
    assert outcome(tool, {"command": "create", "path": "/memories/cafe\u0301", "file_text": "x"})[0] == "refused"


def test_what_a_file_says_is_found_and_forgotten(tmp_path: Path) -> None:
    with Memory(f"sqlite:///{tmp_path}/m.db", embedder="none", worker="none") as memory:
        tool = MemoryTool(memory, user_id="ann")
        tool.call({"command": "create", "path": "/memories/garden.md", "file_text": "The quinces ripen in October."})
        tool.call(
            {"command": "insert", "path": "/memories/garden.md", "insert_line": 1, "insert_text": "Prune medlars."}
        )
        assert "medlars" in memory.search("medlars", user_id="ann")[0].text
        assert not memory.search("medlars", user_id="bob")
        assert memory.stats(user_id="ann").episodes == 1, "the version that was edited is erased"
        tool.call({"command": "str_replace", "path": "/memories/garden.md", "old_str": "quinces", "new_str": "pears"})
        assert not any("quinces" in hit.text for hit in memory.search("quinces", user_id="ann"))
        memory.forget(user_id="ann")
        assert outcome(tool, {"command": "view", "path": "/memories/garden.md"})[0] == "refused"
        memory.wait()
    for file in tmp_path.iterdir():
        assert not re.search(rb"quinces|medlars|garden", file.read_bytes()), file.name


def test_a_request_to_forget_reaches_into_files(memory: Memory) -> None:
    tool = MemoryTool(memory, user_id="ann")
    tool.call(
        {"command": "create", "path": "/memories/notes.md", "file_text": "Ann collects thimbles.\nAnn likes tea."}
    )
    asked = memory.add("Please forget everything about thimbles.", user_id="ann").forget_requests
    assert asked[0].outcome == "done"
    said = outcome(tool, {"command": "view", "path": "/memories/notes.md"})[1]
    assert "thimbles" not in said
    assert "likes tea" in said


def test_a_secret_in_a_file_is_not_kept_and_the_answer_says_so(memory: Memory) -> None:
    tool = MemoryTool(memory, user_id="ann")
    secret = "sk-proj-" + "a1B2" * 12
    said = tool.call({"command": "create", "path": "/memories/keys.md", "file_text": f"The key is {secret} today."})
    assert "replaced by marks" in str(said)
    assert secret not in outcome(tool, {"command": "view", "path": "/memories/keys.md"})[1]
    assert outcome(tool, {"command": "create", "path": f"/memories/{secret}", "file_text": "x"})[0] == "refused"


class Late(Memory):
    """A memory before whose next write somebody else does something."""

    meanwhile: Callable[[], object] | None = None

    def add(self, *args: Any, **kwargs: Any) -> Receipt:
        meanwhile, self.meanwhile = self.meanwhile, None
        if meanwhile is not None:
            meanwhile()
        return super().add(*args, **kwargs)


@pytest.fixture
def late() -> Iterator[Late]:
    with Late(":memory:", embedder="none", worker="none") as made:
        yield made


def insertion(words: str) -> Command:
    return {"command": "insert", "path": "/memories/log", "insert_line": 0, "insert_text": words}


VIEW = {"command": "view", "path": "/memories/log"}


@pytest.mark.parametrize("theirs", [["theirs"], ["theirs", "and theirs"]])
def test_of_two_writers_none_loses_a_line(late: Late, theirs: list[str]) -> None:
    tool = MemoryTool(late, user_id="ann")
    tool.call({"command": "create", "path": "/memories/log", "file_text": ""})
    late.meanwhile = lambda: [tool.call(insertion(words)) for words in theirs]
    tool.call(insertion("mine"))
    lines = {line.partition("\t")[2] for line in outcome(tool, VIEW)[1].split("\n")}
    assert {"mine", *theirs} <= lines
    assert late.stats(user_id="ann").episodes == 1


def test_what_is_deleted_while_it_is_edited_stays_deleted(late: Late) -> None:
    tool = MemoryTool(late, user_id="ann")
    tool.call({"command": "create", "path": "/memories/log", "file_text": "marzipan"})
    late.meanwhile = lambda: tool.call({"command": "delete", "path": "/memories/log"})
    assert outcome(tool, insertion("mine"))[0] == "refused"
    late.meanwhile = None
    assert outcome(tool, VIEW)[0] == "refused"
    assert late.stats(user_id="ann").episodes == 0


def test_of_two_who_create_a_file_the_first_has_it(late: Late) -> None:
    tool = MemoryTool(late, user_id="ann")
    for words, theirs in (("mine", "theirs"), ("same", "same")):
        path = f"/memories/{words}"
        late.meanwhile = lambda path=path, theirs=theirs: tool.call(
            {"command": "create", "path": path, "file_text": theirs}
        )
        assert outcome(tool, {"command": "create", "path": path, "file_text": words}) == (
            "refused",
            f"File {path} already exists",
        )
        assert theirs in outcome(tool, {"command": "view", "path": path})[1]


def test_the_folder_of_the_sdk_can_be_cleared_and_so_can_ours(memory: Memory) -> None:
    tool = MemoryTool(memory, user_id="ann")
    memory.add("Something else.", user_id="ann")
    tool.call({"command": "create", "path": "/memories/a/b", "file_text": "x"})
    assert tool.clear_all_memory() == "All memory cleared"
    assert memory.stats(user_id="ann").episodes == 1
