"""The command line, as a newcomer types it."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from memstrata import __version__
from memstrata.testing.chat_server import ChatServer

SESSION = {
    "user_id": "ann",
    "run_id": "monday",
    "messages": [
        {"role": "user", "content": "I moved to Ghent", "timestamp": "2025-03-01T12:00:00+01:00"},
        {"role": "assistant", "content": "Enjoy the canals!", "timestamp": "2025-03-01T12:01:00+01:00"},
    ],
}


class Shell:
    """Runs `memstrata` in a folder of its own."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.store = f"sqlite:///{folder}/memory.db"

    def __call__(self, *arguments: str, text: bytes = b"", code: int = 0) -> str:
        done = self.run(*arguments, text=text)
        assert done.returncode == code, done.stderr.decode()
        assert b"Traceback" not in done.stderr
        return done.stdout.decode()

    def json(self, *arguments: str, code: int = 0) -> Any:
        return json.loads(self(*arguments, "--json", code=code))

    def run(self, *arguments: str, text: bytes = b"") -> subprocess.CompletedProcess[bytes]:
        environment = {**os.environ, "MEMSTRATA_STORE": self.store, "MEMSTRATA_EMBEDDER": "none", "COLUMNS": "200"}
        command = [sys.executable, "-c", "from memstrata.surfaces.cli.main import main; main()", *arguments]
        return subprocess.run(command, input=text, capture_output=True, env=environment, cwd=self.folder, check=False)

    def error(self, *arguments: str, code: int, text: bytes = b"") -> str:
        done = self.run(*arguments, text=text)
        assert done.returncode == code, (done.stdout, done.stderr)
        assert b"Traceback" not in done.stderr
        return done.stderr.decode()


@pytest.fixture
def shell(tmp_path: Path) -> Shell:
    return Shell(tmp_path)


def test_a_day_with_the_command_line(shell: Shell) -> None:
    assert shell("--version").strip() == __version__
    assert "remembered" in shell("add", "My dentist is Dr. Okafor", "-u", "ann", "--timestamp", "2025-03-02T08:00:00Z")
    assert "known already" in shell(
        "add", "My dentist is Dr. Okafor", "-u", "ann", "--timestamp", "2025-03-02T08:00:00Z"
    )
    shell("add", "-", "-u", "ann", text="我下周要去看牙医".encode())
    found = shell("search", "Who is my dentist?", "-u", "ann", "--why")
    assert "Dr. Okafor" in found
    assert "2025-03-02" in found
    assert "role +" in found
    hits = shell.json("search", "牙医", "-u", "ann")
    assert hits["hits"][0]["text"] == "我下周要去看牙医"
    assert hits["degraded"]
    context = shell("context", "dentist", "-u", "ann", "--max-tokens", "50")
    assert context.startswith("2 March 2025\n[1] user: My dentist")
    page = shell.json("episodes", "-u", "ann", "-n", "1")
    assert len(page["episodes"]) == 1
    assert "Okafor" in shell("episodes", "-u", "ann", "--cursor", page["next"])
    assert shell.json("stats", "-u", "ann")["episodes"] == 2
    assert "episodes" in shell("stats", "-u", "ann")
    id_ = hits["hits"][0]["item"]["id"]
    assert shell.json("forget", id_, "-u", "ann")["forgotten"] == 1
    assert "1 forgotten" in shell("forget", "--everything", "--yes", "-u", "ann")
    assert shell("search", "dentist", "-u", "ann").strip() == "Nothing found."


def test_forgetting_everything_asks_first(shell: Shell) -> None:
    shell("add", "keep me", "-u", "ann")
    assert "Erase 1 episodes" in shell.error("forget", "--everything", "-u", "ann", code=1, text=b"n\n")
    assert shell.json("stats", "-u", "ann")["episodes"] == 1
    shell("forget", "--everything", "-u", "ann", text=b"y\n")
    assert shell.json("stats", "-u", "ann")["episodes"] == 0


def test_forgetting_ids_that_are_not_there_is_told_by_the_exit_code(shell: Shell) -> None:
    shell("add", "keep me", "-u", "ann")
    assert "not in this scope" in shell.error("forget", "ep_none", "-u", "ann", code=3)


@pytest.mark.parametrize(
    ("arguments", "code", "words"),
    [
        (["search", "x"], 2, "say whose memory"),
        (["search"], 2, "Missing argument"),
        (["search", "x", "-u", "ann", "--limit", "0"], 2, "limit"),
        (["search", "x", "-u", "ann", "--limit", "many"], 2, "valid integer"),
        (["search", "x", "-u", "ann", "--filters", "{"], 2, "not JSON"),
        (["search", "x", "-u", "ann", "--filters", '{"n": {"like": 1}}'], 2, "unknown filter operator"),
        (["search", "x", "-u", "ann", "--as-of", "soon"], 2, "ISO 8601"),
        (["add", "x", "-u", "ann", "--role", "king"], 2, "role 'king'"),
        (["add", "-", "-u", "ann"], 2, "not UTF-8"),
        (["forget", "-u", "ann"], 2, "--everything"),
        (["import", "absent.jsonl", "-u", "ann"], 2, "cannot read"),
        (["import", ".", "-u", "ann", "--format", "odd"], 2, "format is one of"),
        (["stats", "-u", "ann", "--store", "sqlite:///no/folder/x.db"], 1, "does not exist"),
        (["stats", "-u", "ann", "--embedder", "magic"], 2, "no embedder"),
        (["nonsense"], 2, "No such command"),
        (["bench", "locomo"], 2, "checkout"),
    ],
)
def test_wrong_use_is_one_clear_line_and_an_exit_code(
    shell: Shell, arguments: list[str], code: int, words: str
) -> None:
    error = " ".join(shell.error(*arguments, code=code, text=b"\xff\xfe").split())
    assert words in error


def test_import_keeps_what_can_be_read_and_reports_the_rest_by_line(shell: Shell) -> None:
    lines = [
        json.dumps(SESSION).encode(),
        b"{broken",
        b'{"content": "caf\xe9"}',
        b'{"note": "no content"}',
        b"",
        b'{"user_id": "ben", "content": "good line", "role": "user"}',
        b'{"content": "whose?"}',
        b'{"user_id": "ben", "content": "bad role", "role": "king"}',
        b"[1, 2]",
        b"[" * 5000,
    ]
    (shell.folder / "log.jsonl").write_bytes(b"\n".join(lines))
    done = shell.json("import", "log.jsonl", code=3)
    assert (done["added"], done["duplicates"]) == (3, 0)
    assert [problem["place"] for problem in done["problems"]] == [
        "line 2", "line 3", "line 4", "line 7", "line 8", "line 9", "line 10",
    ]  # fmt: skip
    assert shell.json("stats", "-u", "ann", "--run-id", "monday")["episodes"] == 2
    assert shell.json("import", "log.jsonl", code=3)["duplicates"] == 3
    assert "line 2: not JSON" in shell.error("import", "log.jsonl", code=3)


def test_import_of_a_conversation_in_locomo_style(shell: Shell) -> None:
    sample = {
        "sample_id": "pair",
        "conversation": {
            "speaker_a": "Ann",
            "speaker_b": "Ben",
            "session_1_date_time": "1:56 pm on 8 May, 2023",
            "session_1": [
                {"speaker": "Ann", "dia_id": "D1:1", "text": "Look!", "blip_caption": "a red kite"},
                {"speaker": "Ben", "dia_id": "D1:2", "text": "Nice kite"},
            ],
            "session_2": [{"speaker": "Ben", "dia_id": "D2:1", "text": "undated"}],
        },
        "qa": [],
    }
    (shell.folder / "pair.json").write_text(json.dumps([sample, 5]))
    done = shell.json("import", "pair.json", code=3)
    assert done["added"] == 2
    assert [problem["place"] for problem in done["problems"]] == ["pair session 2", "conversation 2"]
    (first, second) = shell.json("episodes", "-u", "pair")["episodes"]
    assert first["text"] == "Nice kite"
    assert second["text"] == "Look! [shares an image: a red kite]"
    assert second["timestamp"] == "2023-05-08T13:56:00+00:00"


def test_import_of_text_and_markdown(shell: Shell) -> None:
    (shell.folder / "notes.txt").write_text("First paragraph\nstill first.\n\n\nSecond, 第二段。\n", encoding="utf-8")
    assert shell.json("import", "notes.txt", "-u", "ann")["added"] == 2
    (shell.folder / "guide.md").write_text("# Guide\n\nHello.\n\n## Setup\n\n```\na\n\nb\n```\n\nDone.\n")
    assert shell.json("import", "guide.md", "-u", "ann")["added"] == 3
    hit = shell.json("search", "a b", "-u", "ann", "--filters", '{"heading": "Guide > Setup"}')["hits"]
    assert {each["item"]["role"] for each in hit} <= {"document"}
    headings = {e["item"]["metadata"]["heading"] for e in shell.json("search", "Done", "-u", "ann")["hits"][:1]}
    assert headings == {"Guide > Setup"}
    (shell.folder / "latin.txt").write_bytes(b"good line\nbad \xe9 line\n\nlast\n")
    done = shell.json("import", "latin.txt", "-u", "ben", code=3)
    assert done["added"] == 2
    assert done["problems"] == [{"place": "line 2", "reason": "not UTF-8"}]


def test_a_worker_process_does_the_work_that_is_left(shell: Shell) -> None:
    hash_embedder = "from memstrata.testing.embedders import HashEmbedder as E"
    code = (
        f"{hash_embedder}; from memstrata import Memory\n"
        f"m = Memory({shell.store!r}, embedder=E(), worker='none'); m.add('x y z', user_id='ann'); m.close()"
    )
    subprocess.run([sys.executable, "-c", code], check=True)
    assert shell.json("stats", "-u", "ann")["jobs_pending"] == 2  # to embed, to extract
    code = (
        f"{hash_embedder}\n"
        "import memstrata.connect as c; c.resolve_embedder = lambda *a, **k: E()\n"
        "from memstrata.surfaces.cli.main import main; main()"
    )
    subprocess.run([sys.executable, "-c", code, "worker", "--once", "--store", shell.store], check=True)
    assert shell.json("stats", "-u", "ann")["jobs_pending"] == 0


def test_text_cannot_steer_the_terminal(shell: Shell) -> None:
    shell("add", "-", "-u", "ann", text=b"red \x1b[31m alert [bold]not markup[/bold]")
    shown = shell("search", "alert", "-u", "ann")
    assert "\x1b" not in shown
    assert "[bold]not markup[/bold]" in shown


def test_a_bench_runs_in_a_checkout(tmp_path: Path) -> None:
    (tmp_path / "bench").mkdir()
    (tmp_path / "bench" / "__main__.py").write_text("import sys; print('ran', sys.argv[1:]); sys.exit(7)")
    done = Shell(tmp_path).run("bench", "locomo", "FILE", "--out", "x")
    assert done.returncode == 7
    assert b"ran ['locomo', 'FILE', '--out', 'x']" in done.stdout


def test_facts_are_pinned_muted_retired_and_told_in_order(shell: Shell) -> None:
    shell("add", "My sister Eva lives in Leeds.", "-u", "ann", "--embedder", "none", "--wait")
    shell("add", "My sister Eva bought a red bicycle last week.", "-u", "ann", "--embedder", "none", "--wait")
    story = shell.json("timeline", "Eva", "-u", "ann")
    assert sorted(fact["text"] for fact in story) == [
        "My sister Eva bought a red bicycle last week.",
        "My sister Eva lives in Leeds.",
    ]
    home = next(fact["id"] for fact in story if "Leeds" in fact["text"])
    assert home in shell("timeline", "Eva", "-u", "ann")
    assert shell.json("pin", home, "-u", "ann")["pinned"]
    assert not shell.json("pin", home, "--off", "-u", "ann")["pinned"]
    assert shell.json("mute", home, "-u", "ann")["muted"]
    assert len(shell.json("timeline", "Eva", "-u", "ann")) == 1
    assert not shell.json("mute", home, "--off", "-u", "ann")["muted"]
    assert shell.json("retire", home, "-u", "ann")["status"] == "retired"
    assert "No facts" in shell("timeline", "nobody", "-u", "ann")


def test_search_finds_facts_and_says_what_changed(shell: Shell) -> None:
    for day, text in (
        ("2025-03-01", "I live in Leeds."),
        ("2025-09-01", "I no longer live in Leeds, I moved to Ghent."),
    ):
        shell("add", text, "-u", "ann", "--embedder", "none", "--wait", "--timestamp", f"{day}T09:00:00Z")
    both = ("-u", "ann", "--embedder", "none", "--items", "fact,episode")
    hits = shell.json("search", "where do I live", *both)["hits"]
    assert "Ghent" in hits[0]["text"]
    assert hits[0]["supersedes"][0]["text"] == "I live in Leeds."
    assert "before, 2025-03-01 09:00: I live in Leeds." in shell("search", "where do I live", *both)
    assert "(before: 1 March 2025" in shell("context", "where do I live", *both)


def test_facts_are_listed_corrected_and_undone(shell: Shell) -> None:
    shell("add", "I live in Leeds, near the canal.", "-u", "ann", "--embedder", "none", "--wait")
    (fact,) = shell.json("facts", "-u", "ann", "--embedder", "none")["facts"]
    assert (fact["text"], fact["kind"], fact["speaker"]) == ("I live in Leeds, near the canal.", "residence", "user")
    assert "Leeds" in shell("facts", "where does the user live", "-u", "ann", "--embedder", "none")
    assert "Leeds" in shell("profile", "-u", "ann")
    right = shell.json("correct", fact["id"], "我住在根特。", "-u", "ann")
    assert right["confirmed"]
    changes = shell.json("history", fact["id"], "-u", "ann")
    assert [each["kind"] for each in changes] == ["asserted", "retired"]
    shell("undo", changes[-1]["id"], "-u", "ann")
    (again,) = shell.json("facts", "-u", "ann", "--embedder", "none")["facts"]
    assert again["id"] == fact["id"]


def test_an_unknown_fact_is_one_line_and_an_exit_code(shell: Shell) -> None:
    done = shell.run("history", "fa_unknown", "-u", "ann")
    assert done.returncode == 1
    assert b"not_found" in done.stderr


def test_a_local_model_is_named_and_what_is_missing_is_one_line(shell: Shell) -> None:
    done = shell.run("add", "I live in Leeds.", "-u", "ann", "--local-model", "no such model")
    assert done.returncode == 1
    assert b"smollm2" in done.stderr or b"memstrata[local]" in done.stderr
    assert b"Traceback" not in done.stderr
    shell("add", "I live in Leeds.", "-u", "ann", "--local-model", "none")
    stats = shell.json("stats", "-u", "ann", "--local-model", "none")
    assert (stats["local_model"], stats["weighed"]) == (None, 0)


def test_a_language_model_reads_and_its_cost_is_told(shell: Shell) -> None:
    with ChatServer() as service:
        model = ("--model", f"openai:m@{service.url}")
        shell("add", "I live in Leeds, near the canal.", "-u", "ann", *model)
        stats = shell.json("stats", "-u", "ann", *model)
        assert (stats["calls_today"], stats["tokens_today"], stats["unread"]) == (1, 1100, 0)
        service.mode = "error500"
        said = shell.run("import", "notes.txt", "-u", "ann", *model)
        assert said.returncode != 0  # no such file, and no endless wait
        (shell.folder / "notes.txt").write_text("I own a kayak.\n")
        shell("import", "notes.txt", "-u", "ann", *model)
        assert "endpoint unavailable" in shell.run("search", "kayak", "-u", "ann", *model).stderr.decode()
        assert "calls today" in shell("stats", "-u", "ann", *model)
        asked = len(service.asked)
        shell("facts", "-u", "ann", *model)
        assert len(service.asked) == asked  # asking does not read
        service.mode = "ok"
        shell("worker", "--once", *model)
