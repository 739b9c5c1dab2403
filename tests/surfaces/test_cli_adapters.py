"""Adapters on the command line: asked for, listed, refused by a gate, deleted."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

pytest.importorskip("torch")
pytest.importorskip("transformers")

from memstrata import Memory
from memstrata.models.local.tiny import save_tiny_model


def run(folder: Path, *arguments: str, code: int = 0) -> str:
    command = [sys.executable, "-c", "from memstrata.surfaces.cli.main import main; main()", *arguments]
    done = subprocess.run(command, capture_output=True, text=True, cwd=folder, check=False)
    assert done.returncode == code, done.stderr
    assert "Traceback" not in done.stderr
    return done.stdout if code == 0 else done.stderr


def test_adapters_are_asked_for_with_consent_listed_and_deleted(tmp_path: Path) -> None:
    (tmp_path / "tiny").mkdir()
    model, url = f"local:{save_tiny_model(tmp_path / 'tiny')}", f"sqlite:///{tmp_path}/m.db"
    with Memory(url, embedder="none", worker="none") as memory:
        told = {"role": "user", "content": "Mara Okell lives in Ghent.", "timestamp": "2026-01-01T12:00:00Z"}
        memory.add([told], user_id="ann", wait=True)  # type: ignore[list-item]
    common = ("-u", "ann", "--store", url)
    asked = ("promote", "--tier", "parametric", "--model", model, *common)
    assert "kinds" in run(tmp_path, *asked, code=2)
    made: list[Any] = json.loads(run(tmp_path, *asked, "--kind", "residence", "--json"))
    assert [(each["kind"], each["status"]) for each in made] == [("adapter", "making")]
    assert "adapter" in run(tmp_path, "artifacts", *common)
    assert "no adapter" in run(tmp_path, "rollback", made[0]["id"], *common, code=1)
    assert "no adapter" in run(tmp_path, "export-adapter", made[0]["id"], str(tmp_path / "out"), *common, code=1)
    assert "1 deleted" in run(tmp_path, "demote", "--tier", "parametric", *common)
