"""`python -m bench NAME ARGUMENTS`: runs one benchmark."""

from __future__ import annotations

import sys
from importlib import import_module

BENCHMARKS = (
    "locomo",
    "assistant",
    "scale",
    "speed",
    "peers",
    "tune",
    "scenarios",
    "facts",
    "latency",
    "asking",
    "salience",
    "proxy",
    "explicit",
    "streaming",
    "adapters",
    "prefix",
    "replay",
    "server",
)


def main(arguments: list[str]) -> int:
    """Run the benchmark that the first argument names."""
    if not arguments or arguments[0] not in BENCHMARKS:
        print(f"usage: python -m bench {{{','.join(BENCHMARKS)}}} ...", file=sys.stderr)
        return 2
    run = import_module(f"bench.{arguments[0]}").main
    return int(run(arguments[1:]) or 0)


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
