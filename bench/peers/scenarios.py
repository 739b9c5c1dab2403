"""`bench peers scenarios FILE ...`: mem0 and LangGraph's store on the checks of `bench scenarios`, beside ours.

The scenarios, the scorer and the vectors are the same for all; mem0 stores without inference, for there is no model.
Neither has a fact that begins and ends: mem0's search refuses a reference date outside its platform, and the store has
none. So each has two rows. In the first, checks that ask about a past day (`as_of`) or for the day of an event
(`when`) are not expressible: not passed, and counted apart. In the second the caller keeps the day on which a turn was
said in the metadata and filters by it, as the floors do.
"""

from __future__ import annotations

import argparse
import json
import sys
from collections.abc import Callable, Mapping, Sequence
from contextlib import AbstractContextManager, nullcontext
from pathlib import Path
from typing import Any

from bench.peers import compare
from bench.peers.compare import Peer, environment_for, installed
from bench.peers.player import PeerAdapter
from bench.report import show, write
from bench.scenarios import Outcome, Scenario, play, summary
from bench.scenarios.adapters import Log, MemoryAdapter, VectorStore
from memstrata.ports import Embedder

PEERS = (
    Peer(name="mem0 2.2.1", script="play_mem0.py", packages=("mem0ai==2.2.1", "numpy")),
    Peer(
        name="mem0 2.2.1, keyword branch supplied",
        script="play_mem0_keywords.py",
        packages=("mem0ai==2.2.1", "numpy", "bm25s==0.3.16", "PyStemmer"),
    ),
    Peer(name="LangGraph store 1.2.22", script="play_langgraph.py", packages=("langgraph==1.2.22", "numpy")),
)
NOT_EXPRESSIBLE = frozenset({"as_of", "when"})
"""Types of checks for which no peer has an argument or a field: what held on a day, and the day of an event."""
BY_CALLER = ", the caller's dates"
"""What the name of a peer's second row ends with."""
Adapters = Mapping[str, Callable[[], AbstractContextManager[Any]]]


def main(arguments: list[str]) -> int:
    """Play the scenarios of each file with every system and print the tables."""
    parser = argparse.ArgumentParser(prog="bench peers scenarios", description=__doc__)
    parser.add_argument("files", type=Path, nargs="+", metavar="FILE")
    parser.add_argument("--filler", type=Path, help="small talk for the padded mode; by default beside the first file")
    parser.add_argument("--environments", type=Path, default=Path(".bench-venvs"), help="where peers are installed")
    parser.add_argument("--vectors", type=Path, default=Path("bench/.vectors"), help="a folder to keep vectors in")
    parser.add_argument(
        "--out", type=Path, help="where to write the JSON; by default bench/results/peers-scenarios.json"
    )
    options = parser.parse_args(arguments)
    filler_file = options.filler or options.files[0].parent / "filler.jsonl"
    filler = _read(filler_file) if options.filler or filler_file.exists() else None
    embedder = compare.built_in(options.vectors)
    systems = adapters(embedder, options.environments)
    results: dict[str, object] = {}
    for file in options.files:
        modes: dict[str, object] = {}
        for mode, small_talk in (("plain", None), ("padded", filler)):
            if mode == "padded" and filler is None:
                continue
            modes[mode] = rows = table(systems, _read(file), small_talk)
            show(f"{file.name}, {mode}: share of scenarios passed, and of checks by type and language", rows)
        results[file.name] = modes
    embedder.keep()
    packages = {peer.name: installed(environment_for(peer.packages, options.environments)) for peer in PEERS}
    path = write("peers-scenarios", {"files": results, "packages": packages}, to=options.out)
    print(f"written to {path}")
    return 0


def adapters(embedder: Embedder, environments: Path) -> Adapters:
    """What plays: ours, the peers, the two floors."""

    def of(peer: Peer) -> Callable[[], AbstractContextManager[Any]]:
        return lambda: PeerAdapter(peer, embedder, environments)

    return {
        "memstrata": lambda: nullcontext(MemoryAdapter(embedder)),
        **{peer.name: of(peer) for peer in PEERS},
        "vector store of turns": lambda: nullcontext(VectorStore(embedder)),
        "log": lambda: nullcontext(Log()),
    }


def table(
    systems: Adapters, scenarios: Sequence[Scenario], filler: Sequence[Scenario] | None
) -> dict[str, dict[str, object]]:
    """A row for ours and each floor, two for each peer."""
    rows = {}
    peers = {peer.name for peer in PEERS}
    for name, opened in systems.items():
        print(f"... {name}", file=sys.stderr)
        with opened() as adapter:
            outcomes = play(adapter, scenarios, filler)
        if name in peers:
            rows[name] = row(without(outcomes, NOT_EXPRESSIBLE), NOT_EXPRESSIBLE)
            rows[name + BY_CALLER] = row(outcomes)
        else:
            rows[name] = row(outcomes)
    return rows


def without(outcomes: Sequence[Outcome], types: frozenset[str]) -> list[Outcome]:
    """The outcomes with those types of checks not passed."""
    return [
        (scenario, check, False, "not expressible") if check["type"] in types else (scenario, check, passed, why)
        for scenario, check, passed, why in outcomes
    ]


def row(outcomes: Sequence[Outcome], not_expressible: frozenset[str] = frozenset()) -> dict[str, object]:
    """The summary of `bench scenarios`, what was not expressible, and the scenarios on what everybody can be asked."""
    everything = summary(outcomes)
    asked_of_all = summary([each for each in outcomes if each[1]["type"] not in NOT_EXPRESSIBLE])
    missing = sum(check["type"] in not_expressible for _, check, _, _ in outcomes)
    return {
        "scenarios": everything.pop("scenarios"),
        "without as_of, when": asked_of_all["scenarios"],
        "not expressible": f"{missing}/{len(outcomes)}",
        **{name: "–" if name in not_expressible else share for name, share in everything.items()},
    }


def _read(file: Path) -> list[Scenario]:
    return [json.loads(line) for line in file.read_text(encoding="utf-8").splitlines() if line.strip()]
