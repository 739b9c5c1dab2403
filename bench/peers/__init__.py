"""`bench peers FILE`: other memory layers beside ours, on the same LoCoMo file and the same vectors, in one run.

`bench peers scenarios FILE ...`: on the checks of `bench scenarios`, see `scenarios.py`.

Our weights were fitted on the development file: there, the figure to hold against a peer's is the cross-validated
one of `bench tune locomo FILE`.
"""

from __future__ import annotations

import argparse
from collections.abc import Callable
from pathlib import Path

from bench.logs import locomo_logs
from bench.peers import compare, scenarios
from bench.peers.compare import BY_KIND, PEERS, environment_for, installed
from bench.report import show, write


def main(arguments: list[str]) -> int:
    """Run all of them on a LoCoMo file, or on scenarios."""
    if arguments[:1] == ["scenarios"]:
        return scenarios.main(arguments[1:])
    parser = argparse.ArgumentParser(prog="bench peers", description=__doc__)
    parser.add_argument("file", type=Path)
    parser.add_argument("--environments", type=Path, default=Path(".bench-venvs"), help="where peers are installed")
    parser.add_argument("--vectors", type=Path, default=Path("bench/.vectors"), help="a folder to keep vectors in")
    parser.add_argument("--out", type=Path, help="where to write the JSON; by default bench/results/peers.json")
    options = parser.parse_args(arguments)
    embedder = compare.built_in(options.vectors)
    rows = compare.compare(locomo_logs(options.file), embedder, options.environments)
    embedder.keep()
    show("LoCoMo, the same vectors for all", _columns(rows, lambda name: not name.startswith(BY_KIND)))
    show("recall@10 by kind of question", _columns(rows, lambda name: name.startswith(BY_KIND)))
    packages = {peer.name: installed(environment_for(peer.packages, options.environments)) for peer in PEERS}
    results = {"file": options.file.name, "rows": rows, "packages": packages}
    print(f"written to {write('peers', results, to=options.out)}")
    return 0


def _columns(rows: dict[str, dict[str, object]], wanted: Callable[[str], bool]) -> dict[str, dict[str, object]]:
    return {name: {column: value for column, value in row.items() if wanted(column)} for name, row in rows.items()}
