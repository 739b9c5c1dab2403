"""`memstrata demo` remembers, asks and shows cited answers."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

COMMAND = [sys.executable, "-c", "from memstrata.surfaces.cli.main import main; main()", "demo", "--embedder", "none"]


def test_the_demo_runs_and_cites(tmp_path: Path) -> None:
    done = subprocess.run([*COMMAND, "--json"], capture_output=True, cwd=tmp_path, check=True)
    answers = json.loads(done.stdout)["answers"]
    assert len(answers) >= 10
    assert sum(bool(answer["hits"]) for answer in answers) >= len(answers) - 1  # one asks in another language
    assert sum(answer["found"] for answer in answers) >= len(answers) // 3
    assert list(tmp_path.iterdir()) == []


def test_the_demo_is_readable_and_can_be_kept(tmp_path: Path) -> None:
    done = subprocess.run([*COMMAND, "--keep", "demo.db"], capture_output=True, cwd=tmp_path, check=True, text=True)
    assert "messages of" in done.stdout
    assert (tmp_path / "demo.db").exists()
