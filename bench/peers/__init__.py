"""`bench peers`: other memory layers beside ours, on the same data and the same vectors, in one run."""

from __future__ import annotations

import argparse
from pathlib import Path

from bench.logs import locomo_logs
from bench.peers.compare import built_in, compare
from bench.report import show, write


def main(arguments: list[str]) -> int:
    """Run all of them on a LoCoMo file."""
    parser = argparse.ArgumentParser(prog="bench peers", description=__doc__)
    parser.add_argument("file", type=Path)
    parser.add_argument("--environments", type=Path, default=Path(".bench-venvs"), help="where peers are installed")
    parser.add_argument("--vectors", type=Path, default=Path("bench/.vectors"), help="a folder to keep vectors in")
    parser.add_argument("--out", type=Path)
    options = parser.parse_args(arguments)
    embedder = built_in(options.vectors)
    rows = compare(locomo_logs(options.file), embedder, options.environments)
    embedder.keep()
    show("LoCoMo, the same vectors for all", rows)
    print(f"written to {write('peers', {'file': options.file.name, 'rows': rows}, to=options.out)}")
    return 0
