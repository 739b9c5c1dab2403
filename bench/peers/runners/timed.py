"""Reads texts and vectors, and times a search for every question."""

from __future__ import annotations

import json
import sys
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np


def read() -> tuple[list[str], Any, list[str], Any]:
    """Texts, their vectors, questions, their vectors."""
    path = Path(sys.argv[1])
    job = json.loads(path.read_text(encoding="utf-8"))
    with np.load(path.with_suffix(".npz")) as kept:
        return job["texts"], kept["texts"], job["questions"], kept["questions"]


def timed(search: Callable[[int], object], questions: int) -> None:
    """Milliseconds of each question, after one round to warm up."""
    for place in range(min(questions, 10)):
        search(place)
    milliseconds = []
    for place in range(questions):
        started = time.perf_counter()
        search(place)
        milliseconds.append(1000 * (time.perf_counter() - started))
    Path(sys.argv[2]).write_text(json.dumps(milliseconds), encoding="utf-8")
