"""What every runner shares: the job, the vectors, the clock. Needs numpy alone."""

from __future__ import annotations

import json
import sys
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np

Vectors = np.ndarray[Any, np.dtype[np.float32]]
Turn = dict[str, str]
"""Its id, its text, its date."""
Remember = Callable[[str, list[Turn], Vectors], None]
Search = Callable[[str, str, Vectors, int], list[str]]
LIMIT = 50


class Lookup:
    """Hands out the vectors that were made beforehand, by text."""

    def __init__(self, job: dict[str, Any], vectors: dict[str, Vectors]) -> None:
        self.known: dict[str, Vectors] = {}
        for log in job["logs"]:
            texts = [turn["text"].strip() for turn in log["turns"]]
            self.known.update(zip(texts, vectors[f"{log['id']}.turns"], strict=True))
            queries = [question["query"].strip() for question in log["questions"]]
            self.known.update(zip(queries, vectors[f"{log['id']}.questions"], strict=True))

    def __call__(self, text: str) -> list[float]:
        return [float(value) for value in self.known[text.strip()]]


def read_job() -> tuple[dict[str, Any], dict[str, Vectors]]:
    """The job and its vectors by name."""
    path = Path(sys.argv[1])
    with np.load(path.with_suffix(".npz")) as kept:
        return json.loads(path.read_text(encoding="utf-8")), dict(kept)


def run(remember: Remember, search: Search) -> None:
    """Remember every log, ask every question, and write the ranked ids and the times."""
    job, vectors = read_job()
    ranked: dict[str, list[list[str]]] = {}
    started = time.perf_counter()
    for log in job["logs"]:
        remember(log["id"], log["turns"], vectors[f"{log['id']}.turns"])
    remembered = time.perf_counter() - started
    milliseconds = []
    for log in job["logs"]:
        ranked[log["id"]] = []
        for question, vector in zip(log["questions"], vectors[f"{log['id']}.questions"], strict=True):
            started = time.perf_counter()
            ranked[log["id"]].append(search(log["id"], question["query"], vector, LIMIT))
            milliseconds.append(1000 * (time.perf_counter() - started))
    result = {"ranked": ranked, "remember_seconds": remembered, "milliseconds": milliseconds}
    Path(sys.argv[2]).write_text(json.dumps(result), encoding="utf-8")
