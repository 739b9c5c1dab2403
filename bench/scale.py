"""`bench scale`: one scope of a thousand to a million memories, and ten thousand scopes of a hundred.

Made-up text and vectors; question vectors are given, so the time of an embedder is not in it. Each size has a store
of its own. The limit is the time to read the same bytes as the int8 scan once, in the same process.
"""

from __future__ import annotations

import argparse
import json
import os
import resource
import subprocess
import sys
import tempfile
import time
from collections import defaultdict
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta
from functools import partial
from itertools import islice
from pathlib import Path
from statistics import median, quantiles

import numpy as np

from bench.made_up import DIMENSIONS, GivenEmbedder, MadeUp
from bench.report import show, write
from memstrata import Memory
from memstrata.core.candidates import Floats, Probe
from memstrata.core.passages import vector_space
from memstrata.ports import Store
from memstrata.recall.questions import read_question
from memstrata.recall.signals import signals
from memstrata.stores.sqlite.store import SqliteStore
from memstrata.types import Scope

SEED = 7
BULK = 10_000
USER = "one"
OPENER = """
import json, sys, time
started = time.perf_counter()
from memstrata import Memory
from memstrata.core.candidates import Floats, Probe
imported = time.perf_counter()
memory = Memory(sys.argv[1], embedder="none", worker="none")
hits = memory.search(sys.argv[2], user_id="one")
lexical = time.perf_counter()
print(json.dumps({"import": imported - started, "first answer": lexical - imported, "hits": len(hits)}))
"""


def main(arguments: list[str]) -> int:
    """Run the sizes that are asked for."""
    parser = argparse.ArgumentParser(prog="bench scale", description=__doc__)
    parser.add_argument("--sizes", default="1000,10000,100000,1000000")
    parser.add_argument("--scopes", type=int, default=10_000, help="how many scopes of 100 memories; 0 for none")
    parser.add_argument("--out", type=Path)
    options = parser.parse_args(arguments)
    rows: dict[str, dict[str, object]] = {}
    for size in (int(each) for each in options.sizes.split(",") if each):
        rows[f"{size:,} in one scope"] = _in_a_process_of_its_own("one", size)
        show("bench scale", rows)
    if options.scopes:
        rows[f"{options.scopes:,} scopes of 100"] = _in_a_process_of_its_own("many", options.scopes)
    show("bench scale", rows)
    print(f"written to {write('scale', {'rows': rows}, seed=SEED, to=options.out)}")
    return 0


def _in_a_process_of_its_own(kind: str, size: int) -> dict[str, object]:
    """So that the memory that one size leaves does not count for the next."""
    command = [sys.executable, "-c", f"from bench.scale import run; run({kind!r}, {size})"]
    done = subprocess.run(command, stdout=subprocess.PIPE, check=True)
    found: dict[str, object] = json.loads(done.stdout.splitlines()[-1])
    return found


def run(kind: str, size: int) -> None:
    """Measure one size and print the figures as JSON."""
    with tempfile.TemporaryDirectory() as folder:
        measured = one_scope(Path(folder), size) if kind == "one" else many_scopes(Path(folder), size)
    print(json.dumps(measured))


def one_scope(folder: Path, size: int) -> dict[str, object]:
    """Everything about `size` memories of one user."""
    made = MadeUp(SEED)
    questions = made.questions(100 if size < 500_000 else 25)
    embedder = GivenEmbedder(made.vectors(len(questions)))
    url = f"sqlite:///{folder}/memory.db"
    measured: dict[str, object] = {}
    with Memory(url, embedder=embedder, worker="none") as memory:
        with _timed(measured, "bulk add, memories/s", lambda seconds: round(size / seconds)):
            for first in range(0, size, BULK):
                memory.add(made.messages(min(BULK, size - first), first=first), user_id=USER)
        with _timed(measured, "vectors/s", lambda seconds: round(size / seconds)):
            put_vectors(memory._parts.store, _endless(made), USER)
        measured["bytes a memory"] = round(_file_bytes(memory, folder) / size)
        measured["first search, ms"] = round(milliseconds(partial(memory.search, questions[0], user_id=USER)), 1)
        found: dict[str, list[float]] = defaultdict(list)
        for question in questions * (3 if size < 50_000 else 1):
            for name, spent in _parts_of_a_search(memory, embedder, question):
                found[name].append(spent)
        for name, times in found.items():
            measured.update(percentiles(name, times))
        limit = _read_limit(size)
        measured["read limit, ms"] = round(limit, 3)
        measured["share of the limit, %"] = round(100 * limit / median(found["find"]), 1)
        sessions = [made.messages(20, first=size + 20 * place) for place in range(30)]
        adds = [milliseconds(partial(memory.add, s, user_id=USER)) for s in sessions]
        measured.update(percentiles("add 20", adds))
        measured["RSS, MB"] = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss // 1024
    opened = subprocess.run(
        [sys.executable, "-c", OPENER, url, questions[1]], capture_output=True, check=True, env={**os.environ}
    )
    measured["open to first answer, ms"] = round(1000 * json.loads(opened.stdout)["first answer"])
    return measured


def many_scopes(folder: Path, scopes: int) -> dict[str, object]:
    """Many users with 100 memories each."""
    made = MadeUp(SEED)
    questions = made.questions(200)
    embedder = GivenEmbedder(made.vectors(len(questions)))
    measured: dict[str, object] = {}
    with Memory(f"sqlite:///{folder}/memory.db", embedder=embedder, worker="none") as memory:
        with _timed(measured, "bulk add, memories/s", lambda seconds: round(100 * scopes / seconds)):
            for number in range(scopes):
                memory.add(made.messages(100), user_id=f"user-{number}")
        users = [f"user-{number}" for number in np.random.default_rng(SEED).integers(0, scopes, 200)]
        with _timed(measured, "vectors/s", lambda seconds: round(100 * len(set(users)) / seconds)):
            for user in dict.fromkeys(users):
                put_vectors(memory._parts.store, _endless(made), user)
        measured["bytes a memory"] = round(_file_bytes(memory, folder) / (100 * scopes))
        cold = [milliseconds(partial(memory.search, q, user_id=u)) for u, q in zip(users, questions, strict=True)]
        warm = [milliseconds(partial(memory.search, q, user_id=u)) for u, q in zip(users, questions, strict=True)]
        measured["first search, ms"] = round(median(cold), 2)
        measured.update(percentiles("whole search", warm))
        sessions = [(user, made.messages(20, first=1000 + 20 * place)) for place, user in enumerate(users[:30])]
        adds = [milliseconds(partial(memory.add, s, user_id=u)) for u, s in sessions]
        measured.update(percentiles("add 20", adds))
        measured["RSS, MB"] = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss // 1024
    return measured


def _parts_of_a_search(memory: Memory, embedder: GivenEmbedder, question: str) -> Iterator[tuple[str, float]]:
    """Milliseconds to find candidates and read ten of them, to read the question and weigh them, and of all.

    By the clock, and of the last and the first also by the processor, which neighbours on the machine do not change.
    """
    store, scope = memory._parts.store, Scope(user_id=USER)
    vector = embedder.embed_queries([question])[0]
    start = time.perf_counter()
    read = read_question(question, speakers=())
    after_reading, busy = time.perf_counter(), time.thread_time()
    pool = store.candidates(scope, Probe(terms=read.terms, vector=vector, space=vector_space(embedder.fingerprint)))
    store.by_rows(scope, pool.rows[:10].tolist())
    after_finding, found = time.perf_counter(), time.thread_time()
    signals(pool, read)
    end = time.perf_counter()
    yield "find", 1000 * (after_finding - after_reading)
    yield "find, cpu", 1000 * (found - busy)
    yield "weigh", 1000 * (end - after_finding + after_reading - start)
    busy = time.thread_time()
    yield "whole search", milliseconds(partial(memory.search, question, user_id=USER))
    yield "whole search, cpu", 1000 * (time.thread_time() - busy)


def _file_bytes(memory: Memory, folder: Path) -> int:
    """The size of the store with its log emptied into it."""
    store = memory._parts.store
    assert isinstance(store, SqliteStore)
    store._database.scrub(lambda connection: None)
    return sum(path.stat().st_size for path in folder.iterdir())


def put_vectors(store: Store, vectors: Iterator[Floats], user: str) -> None:
    """Give every memory of a user its vector, and finish the job that asked for it."""
    now = datetime.now(UTC)
    space = vector_space(f"given/{DIMENSIONS}")
    job = store.claim([f"embed/{space}"], owner="bench", at=now, lease=timedelta(hours=1), scope=Scope(user_id=user))
    if job is None:
        return
    while rows := store.missing_vectors(job.scope_key, space, limit=BULK):
        store.put_vectors(job.scope_key, space, [row.row for row in rows], np.stack(list(islice(vectors, len(rows)))))
    store.finish(job, owner="bench")


def _endless(made: MadeUp) -> Iterator[Floats]:
    while True:
        yield from made.vectors(BULK)


def _read_limit(size: int) -> float:
    """Milliseconds to read size x 384 bytes once."""
    data = np.ones(size * DIMENSIONS // 8, dtype=np.int64)
    return median(milliseconds(data.sum) for _ in range(9))


def milliseconds(call: Callable[[], object]) -> float:
    """How long one call takes."""
    started = time.perf_counter()
    call()
    return 1000 * (time.perf_counter() - started)


def percentiles(name: str, values: list[float]) -> dict[str, object]:
    """The median and the 95th percentile, in columns of their own."""
    return {f"{name} p50, ms": round(median(values), 2), f"{name} p95, ms": round(quantiles(values, n=20)[18], 2)}


@contextmanager
def _timed(measured: dict[str, object], name: str, figure: Callable[[float], object]) -> Iterator[None]:
    started = time.perf_counter()
    yield
    measured[name] = figure(time.perf_counter() - started)
