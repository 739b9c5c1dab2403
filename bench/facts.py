"""`bench facts FILE`: what reading facts costs: by rules a turn, with deciding and writing, and beside `add`.

FILE holds scenarios (`bench/data/scenarios.jsonl`); their turns are said again and again by many users. Times are CPU
time of the process, median over rounds. No embedder, so that nothing else is measured.
"""

from __future__ import annotations

import argparse
import json
import tempfile
import time
from datetime import UTC, datetime, timedelta
from pathlib import Path
from statistics import median, quantiles

from bench.report import show, write
from memstrata import Memory
from memstrata.extract.rules.extractor import RulesExtractor
from memstrata.types import Episode, Message, Scope

ROUNDS = 5


def main(arguments: list[str]) -> int:
    """Measure and print."""
    parser = argparse.ArgumentParser(prog="bench facts", description=__doc__)
    parser.add_argument("file", type=Path)
    parser.add_argument("--out", type=Path, help="where to write the JSON")
    options = parser.parse_args(arguments)
    talks = _talks(options.file)
    turns = sum(len(talk) for talk in talks)
    each = sorted(_rules(talks))
    rows: dict[str, dict[str, object]] = {
        "rules, ms a turn": {
            "median": round(median(each), 3),
            "p95": round(quantiles(each, n=20)[-1], 3),
            "worst": round(each[-1], 2),
        }
    }
    with_facts = [_remember(talks, extractor="rules") for _ in range(ROUNDS)]
    without = [_remember(talks, extractor="none") for _ in range(ROUNDS)]
    added = median(cost[0] for cost in with_facts)
    read = median(cost[1] for cost in with_facts)
    rows["add, durable, ms a turn"] = {"median": round(1000 * median(cost[0] for cost in without) / turns, 3)}
    rows["the same with facts on"] = {"median": round(1000 * added / turns, 3)}
    rows["extract, decide and write in the background, ms a turn"] = {"median": round(1000 * read / turns, 3)}
    rows["facts a turn"] = {"median": round(with_facts[0][2] / turns, 2)}
    show(f"{options.file.name}: {turns} turns of {len(talks)} talks", rows)
    print(f"written to {write('facts', {'file': options.file.name, 'turns': turns, 'costs': rows}, to=options.out)}")
    return 0


def _rules(talks: list[list[Message]]) -> list[float]:
    """CPU milliseconds of each turn by rules alone."""
    extractor, scope = RulesExtractor(), Scope(user_id="user")
    costs = []
    for talk in talks:
        before: list[Episode] = []
        for number, message in enumerate(talk):
            episode = _episode(message, number)
            start = time.process_time()
            extractor.extract(scope, [episode], before=before[-4:])
            costs.append(1000 * (time.process_time() - start))
            before.append(episode)
    return costs


def _remember(talks: list[list[Message]], *, extractor: str) -> tuple[float, float, int]:
    """CPU seconds of `add` and of the background work, and the facts that came of it."""
    with (
        tempfile.TemporaryDirectory() as folder,
        Memory(f"sqlite:///{folder}/facts.db", embedder="none", extractor=extractor, worker="none") as memory,
    ):
        start = time.process_time()
        for number, talk in enumerate(talks):
            memory.add(talk, user_id=f"user {number}")
        added = time.process_time() - start
        start = time.process_time()
        memory.wait()
        read = time.process_time() - start
        facts = sum(memory.stats(user_id=f"user {number}").facts for number in range(len(talks)))
    return added, read, facts


def _talks(file: Path) -> list[list[Message]]:
    talks = []
    for line in file.read_text(encoding="utf-8").splitlines():
        sessions = json.loads(line)["sessions"]
        talks.append(
            [
                Message(
                    content=turn["text"],
                    role=turn["role"],
                    name=turn.get("name"),
                    timestamp=datetime.fromisoformat(session["date"]) + timedelta(seconds=number),
                )
                for session in sessions
                for number, turn in enumerate(session["turns"])
            ]
        )
    return talks


def _episode(message: Message, number: int) -> Episode:
    return Episode(
        id=f"ep_{number}",
        scope=Scope(user_id="user"),
        session=0,
        role=message.role,
        name=message.name,
        text=message.content,
        timestamp=message.timestamp or datetime.now(UTC),
        recorded_at=datetime.now(UTC),
        metadata={},
        message_id=None,
    )
