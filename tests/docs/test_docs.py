"""Every example of the README and the docs runs as pasted, in an empty folder."""

from __future__ import annotations

import io
import json
import os
import re
import shlex
import shutil
import subprocess
import sys
import zipfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
PAGES = sorted([ROOT / "README.md", *(ROOT / "docs").rglob("*.md")])
BLOCK = re.compile(r"^```(python|console)\n(.*?)^```", re.MULTILINE | re.DOTALL)
LINK = re.compile(r"\]\((?!https?://|#)([^)#]+)(?:#[^)]*)?\)")
SERVER = "http://127.0.0.1:8377"
COMMAND = "from memstrata.surfaces.cli.main import main; main()"


def blocks(page: Path) -> list[tuple[str, str]]:
    return [(kind, body) for kind, body in BLOCK.findall(page.read_text(encoding="utf-8"))]


def script_of(page: Path) -> str:
    """The page's Python, with its commands between."""
    parts = ["import subprocess, sys"]
    for kind, body in blocks(page):
        if kind == "python":
            parts.append(body)
            continue
        for line in body.splitlines():
            if line.startswith("$ curl ") and shutil.which("curl"):
                command = ["curl", "--fail-with-body", *shlex.split(line.removeprefix("$ curl "))]
                parts.append(f"subprocess.run({command!r}, check=True)")
            if line.startswith("$ memstrata "):
                arguments = shlex.split(line.removeprefix("$ memstrata "))
                parts.append(f"subprocess.run([sys.executable, '-c', {COMMAND!r}, *{arguments!r}], check=True)")
    return "\n".join(parts)


@contextmanager
def server_of(page: Path, folder: Path) -> Iterator[str]:
    """The server that a page's requests go to, on a port of its own; none where it has no such."""
    if "$ curl " not in page.read_text(encoding="utf-8"):
        yield SERVER
        return
    command = [sys.executable, "-c", COMMAND, "serve", "--port", "0", "--store", f"sqlite:///{folder}/served.db"]
    with (folder / "log").open("w") as log:
        process = subprocess.Popen(command, stdout=subprocess.PIPE, stderr=log, text=True)
    try:
        assert process.stdout is not None
        yield process.stdout.readline().split(" at ")[1].split(",")[0]
    finally:
        process.terminate()
        process.communicate(timeout=30)


def chatgpt_export() -> bytes:
    """A small export, for the page about imports."""
    message = {"id": "m", "author": {"role": "user"}, "create_time": 1735689600,
               "content": {"content_type": "text", "parts": ["I row on Sundays."]}}  # fmt: skip
    told = {"id": "c", "title": "Rowing", "current_node": "m", "mapping": {"m": {"id": "m", "message": message}}}
    out = io.BytesIO()
    with zipfile.ZipFile(out, "w") as archive:
        archive.writestr("conversations.json", json.dumps([told]))
    return out.getvalue()


@pytest.mark.parametrize("page", [page for page in PAGES if blocks(page)], ids=lambda page: page.name)
def test_the_examples_run(page: Path, tmp_path: Path) -> None:
    (tmp_path / "notes.md").write_text("# Notes\n\nThe spare key is with Tom.\n")
    (tmp_path / "chatgpt-export.zip").write_bytes(chatgpt_export())
    environment = {**os.environ, "COLUMNS": "200"}
    with server_of(page, tmp_path) as url:
        script = script_of(page).replace(SERVER, url)
        done = subprocess.run(
            [sys.executable, "-c", script], cwd=tmp_path, env=environment, capture_output=True, check=False
        )
    assert done.returncode == 0, done.stderr.decode()


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.name)
def test_links_lead_somewhere(page: Path) -> None:
    missing = [link for link in LINK.findall(page.read_text(encoding="utf-8")) if not (page.parent / link).exists()]
    assert missing == []


def test_the_readme_names_every_command() -> None:
    shown = subprocess.run([sys.executable, "-c", COMMAND, "--help"], capture_output=True, check=False).stdout.decode()
    commands = set(re.findall(r"^  ([a-z][a-z-]*) ", shown, re.MULTILINE))
    assert commands == {
        "add", "artifacts", "bench", "chat", "confirm", "context", "correct", "demo", "demote", "episodes", "export",
        "export-adapter", "facts", "forget", "history", "import", "keys", "mcp", "mute", "pin", "profile", "promote",
        "reject", "retire", "rollback", "search", "serve", "stats", "timeline", "undo", "worker",
    }  # fmt: skip
    readme = (ROOT / "README.md").read_text(encoding="utf-8")
    assert all(command in readme for command in commands)
