"""Every example of the README and the docs runs as pasted, in an empty folder."""

from __future__ import annotations

import os
import re
import shlex
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
PAGES = sorted([ROOT / "README.md", *(ROOT / "docs").rglob("*.md")])
BLOCK = re.compile(r"^```(python|console)\n(.*?)^```", re.MULTILINE | re.DOTALL)
LINK = re.compile(r"\]\((?!https?://|#)([^)#]+)(?:#[^)]*)?\)")
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
            if line.startswith("$ memstrata "):
                arguments = shlex.split(line.removeprefix("$ memstrata "))
                parts.append(f"subprocess.run([sys.executable, '-c', {COMMAND!r}, *{arguments!r}], check=True)")
    return "\n".join(parts)


@pytest.mark.parametrize("page", [page for page in PAGES if blocks(page)], ids=lambda page: page.name)
def test_the_examples_run(page: Path, tmp_path: Path) -> None:
    (tmp_path / "notes.md").write_text("# Notes\n\nThe spare key is with Tom.\n")
    environment = {**os.environ, "COLUMNS": "200"}
    done = subprocess.run(
        [sys.executable, "-c", script_of(page)], cwd=tmp_path, env=environment, capture_output=True, check=False
    )
    assert done.returncode == 0, done.stderr.decode()


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.name)
def test_links_lead_somewhere(page: Path) -> None:
    missing = [link for link in LINK.findall(page.read_text(encoding="utf-8")) if not (page.parent / link).exists()]
    assert missing == []


def test_the_readme_names_every_command() -> None:
    shown = subprocess.run([sys.executable, "-c", COMMAND, "--help"], capture_output=True, check=False).stdout.decode()
    commands = set(re.findall(r"^  ([a-z]+) ", shown, re.MULTILINE))
    assert commands == {
        "add", "bench", "confirm", "context", "correct", "demo", "episodes", "facts", "forget", "history", "import",
        "mute", "pin", "profile", "reject", "retire", "search", "stats", "timeline", "undo", "worker",
    }  # fmt: skip
    readme = (ROOT / "README.md").read_text(encoding="utf-8")
    assert all(command in readme for command in commands)
