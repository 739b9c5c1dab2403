"""`bench latency --beside CHECKOUT`: a search of this checkout beside that of another, taken in turns.

Each side builds its own store of made-up messages, with given vectors, in a process of its own; then both answer the
same questions in turns, and each round gives one ratio of medians. For `people` two named speakers chat and, where
the checkout knows of sentences, each message has the vectors of two. Each round begins with a store opened anew, whose
first search is timed for itself. Beside the time of the clock stands that of the processor: a search runs on the thread
that asks, and on a shared machine the clock measures the neighbours, too.
"""

from __future__ import annotations

import argparse
import json
import os
import subprocess
import sys
import tempfile
from pathlib import Path
from statistics import median
from typing import Any

from bench.report import show, write

SEED = 20261123
ROUNDS = 9
MEASURED = ("ms", "cpu ms", "first ms", "first cpu ms")
HERE = Path(__file__).parents[1]
CHILD = """
import json, sys, time
from datetime import UTC, datetime, timedelta
import numpy as np
from dataclasses import replace
from bench.made_up import GivenEmbedder, MadeUp
from memstrata import Memory
from memstrata.types import Scope
url, kind, size, seed = sys.argv[1], sys.argv[2], int(sys.argv[3]), int(sys.argv[4])
try:
    from memstrata.core.passages import vector_space
    sentences = True
except ImportError:
    vector_space, sentences = (lambda fingerprint: fingerprint), False
made = MadeUp(seed)
questions = made.questions(40)
embedder = GivenEmbedder(made.vectors(len(questions)))
bare = {"extractor": None} if "extractor" in Memory.__init__.__kwdefaults__ else {}
memory = Memory(url, embedder=embedder, worker="none", **bare)
for first in range(0, size, 1000):
    some = made.messages(min(1000, size - first), first=first)
    if kind == "people":
        some = [replace(each, name=("Ann", "Ben")[place % 2]) for place, each in enumerate(some)]
        questions = [q if q.startswith("Ann ") else "Ann " + q for q in questions]
    memory.add(some, user_id="u")
store, space = memory._parts.store, vector_space(embedder.fingerprint)
now, hour = datetime.now(UTC), timedelta(hours=1)
job = store.claim([f"embed/{space}"], owner="b", at=now, lease=hour, scope=Scope(user_id="u"))
while rows := store.missing_vectors(job.scope_key, space, limit=1000):
    more = {}
    if sentences and kind == "people":
        told = made.vectors(2 * len(rows))
        more = {"sentences": [told[2 * place : 2 * place + 2] for place in range(len(rows))]}
    store.put_vectors(job.scope_key, space, [row.row for row in rows], made.vectors(len(rows)), **more)
store.finish(job, owner="b")
def timed(question):
    clock, processor = time.perf_counter(), time.thread_time()
    memory.search(question, user_id="u")
    return 1000 * (time.perf_counter() - clock), 1000 * (time.thread_time() - processor)
for question in questions:
    memory.search(question, user_id="u")
print("ready", flush=True)
for _ in sys.stdin:
    memory.close()
    memory = Memory(url, embedder=embedder, worker="none", **bare)
    first = timed(questions[0])
    for question in questions:
        memory.search(question, user_id="u")
    times = [timed(question) for question in questions]
    print(json.dumps([*zip(*times), *first]), flush=True)
"""


class Side:
    """One checkout's process."""

    def __init__(self, tree: Path, folder: str, kind: str, size: int, *, child: str = CHILD) -> None:
        command = [sys.executable, "-c", child, f"sqlite:///{folder}/memory.db", kind, str(size), str(SEED)]
        env = {**os.environ, "PYTHONPATH": f"{tree / 'src'}:{tree}"}
        self._process = subprocess.Popen(
            command, cwd=tree, env=env, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
        )
        self._line()

    def measure(self) -> list[Any]:
        """What the process says of one more round."""
        assert self._process.stdin is not None
        self._process.stdin.write("again\n")
        self._process.stdin.flush()
        said: list[Any] = json.loads(self._line())
        return said

    def close(self) -> None:
        """End the process."""
        assert self._process.stdin is not None
        self._process.stdin.close()
        self._process.wait(timeout=60)

    def _line(self) -> str:
        assert self._process.stdout is not None
        line = self._process.stdout.readline()
        if not line:
            raise RuntimeError("the process of one side ended")
        return line


def main(arguments: list[str]) -> int:
    """Compare at each size, for both kinds of log."""
    parser = argparse.ArgumentParser(prog="bench latency", description=__doc__)
    parser.add_argument("--beside", type=Path, required=True, help="another checkout of this repository")
    parser.add_argument("--sizes", default="1000,10000,100000")
    parser.add_argument("--out", type=Path)
    options = parser.parse_args(arguments)
    rows: dict[str, dict[str, object]] = {}
    for kind in ("people", "assistant"):
        for size in (int(each) for each in options.sizes.split(",")):
            rows[f"{kind}, {size:,}"] = _compare(options.beside.resolve(), kind, size)
            short = {each: {k: v for k, v in row.items() if k.endswith("ratio")} for each, row in rows.items()}
            show("bench latency", short)
    print(f"written to {write('latency', {'rounds': ROUNDS, 'rows': rows}, seed=SEED, to=options.out)}")
    return 0


def _compare(other: Path, kind: str, size: int) -> dict[str, object]:
    with tempfile.TemporaryDirectory() as one, tempfile.TemporaryDirectory() as two:
        sides = Side(HERE, one, kind, size), Side(other, two, kind, size)
        try:
            rounds = [[_measured(side.measure()) for side in sides] for _ in range(ROUNDS)]
        finally:
            for side in sides:
                side.close()
    table: dict[str, object] = {}
    for name in MEASURED:
        ratios = sorted(here[name] / there[name] for here, there in rounds)
        table[f"{name}, here"] = round(median(here[name] for here, _ in rounds), 2)
        table[f"{name}, beside"] = round(median(there[name] for _, there in rounds), 2)
        table[f"{name}, ratio"] = round(median(ratios), 2)
        table[f"{name}, least"], table[f"{name}, most"] = round(ratios[0], 2), round(ratios[-1], 2)
    return table


def _measured(said: list[Any]) -> dict[str, float]:
    """Milliseconds by the clock and by the processor: of a search, the median, and of the first after opening."""
    clock, processor, *first = said
    return dict(zip(MEASURED, (float(median(clock)), float(median(processor)), *map(float, first)), strict=True))
