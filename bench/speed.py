"""`bench speed`: one search beside chromadb behind a filter and beside sqlite-vec with FTS5, in one run.

Made-up text and vectors, the same for all; question vectors are given. Ours is the whole hybrid search of `search`,
with every signal and the ten best episodes read; chromadb's is its nearest vectors alone, for it has no more.
"""

from __future__ import annotations

import argparse
import json
import tempfile
from functools import partial
from pathlib import Path
from statistics import median

import numpy as np

from bench.made_up import GivenEmbedder, MadeUp
from bench.peers.compare import RUNNERS, environment_for, run_script
from bench.report import show, write
from bench.scale import BULK, USER, milliseconds, percentiles, put_vectors
from memstrata import Memory
from memstrata.core.candidates import Floats

SEED = 11
QUESTIONS = 100
RIVALS = (
    (10_000, "chromadb 1.5.9 with a filter", "speed_chroma.py", ("chromadb==1.5.9",)),
    (100_000, "sqlite-vec 0.1.9 and FTS5", "speed_sqlite_vec.py", ("sqlite-vec==0.1.9", "apsw", "numpy")),
)


def main(arguments: list[str]) -> int:
    """Run both comparisons."""
    parser = argparse.ArgumentParser(prog="bench speed", description=__doc__)
    parser.add_argument("--environments", type=Path, default=Path(".bench-venvs"), help="where peers are installed")
    parser.add_argument("--out", type=Path)
    options = parser.parse_args(arguments)
    rows: dict[str, dict[str, object]] = {}
    for size, name, script, packages in RIVALS:
        made = MadeUp(SEED)
        texts = [message.content for message in made.messages(size)]
        questions = made.questions(QUESTIONS)
        vectors, asked = made.vectors(size), made.vectors(QUESTIONS)
        with tempfile.TemporaryDirectory() as folder:
            job, out = Path(folder) / "job.json", Path(folder) / "out.json"
            job.write_text(json.dumps({"texts": texts, "questions": questions}), encoding="utf-8")
            np.savez(job.with_suffix(".npz"), texts=vectors, questions=asked)
            run_script(environment_for(packages, options.environments), RUNNERS / script, str(job), str(out))
            theirs = json.loads(out.read_text(encoding="utf-8"))
        ours = _ours(texts, questions, vectors, asked)
        ratio = {"theirs / ours": round(median(theirs) / median(ours), 1)}
        rows[f"memstrata, {size:,}"] = {**percentiles("search", ours), **ratio}
        rows[f"{name}, {size:,}"] = percentiles("search", theirs)
        show("bench speed", rows)
    print(f"written to {write('speed', {'rows': rows}, seed=SEED, to=options.out)}")
    return 0


def _ours(texts: list[str], questions: list[str], vectors: Floats, asked: Floats) -> list[float]:
    embedder = GivenEmbedder(asked)
    with (
        tempfile.TemporaryDirectory() as folder,
        Memory(f"sqlite:///{folder}/memory.db", embedder=embedder, worker="none") as memory,
    ):
        for first in range(0, len(texts), BULK):
            memory.add(texts[first : first + BULK], user_id=USER)
        put_vectors(memory._parts.store, iter(vectors), USER)
        for question in questions[:10]:
            memory.search(question, user_id=USER)
        return [milliseconds(partial(memory.search, question, user_id=USER)) for question in questions]
