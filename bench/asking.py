"""`bench asking --beside CHECKOUT`: questions for facts, of this checkout beside another, taken in turns.

Each side reads the same made-up statements into facts, in a process of its own; then both answer the same questions
in turns. What counts is the processor's time, of which a busy machine takes less away than of the clock's.
"""

from __future__ import annotations

import argparse
import tempfile
from pathlib import Path
from statistics import median

from bench.latency import HERE, Side
from bench.report import show, write

SEED = 20261130
ROUNDS = 9
CHILD = """
import json, random, sys, time
from memstrata import Memory
url, verb, size, seed = sys.argv[1], sys.argv[2], int(sys.argv[3]), int(sys.argv[4])
chance = random.Random(seed)
THINGS = "tea coffee jazz chess rowing hiking opera cycling quinces pears cheese tennis pottery sailing".split()
PEOPLE = "Ana Bram Cleo Dirk Eva Finn Greta Hugo Iris Jonas".split()
PLACES = "Ghent Lisbon Porto Oslo Bergen Lyon Turin Graz Cork Malmo".split()
def statement(number):
    person, thing, place = (chance.choice(some) for some in (PEOPLE, THINGS, PLACES))
    return (
        f"My friend {person} likes {thing} number {number}.",
        f"I love {thing} on rainy days {number}.",
        f"{person} moved to {place} in {2010 + number % 14}.",
        f"I bought a lamp {number} in {place}.",
        f"I am allergic to {thing} since {2000 + number % 20}.",
    )[number % 5]
memory = Memory(url, embedder="none", worker="none")
memory.add([statement(number) for number in range(size)], user_id="u", wait=True)
QUESTIONS = (
    "Where does Ana live?", "What do I like on rainy days?", "Who moved to Ghent?", "What am I allergic to?",
    "Which lamp did I buy in Oslo?", "What does Bram like?",
)
ask = {
    "facts(query)": lambda question: memory.facts(question, user_id="u"),
    "facts()": lambda question: memory.facts(user_id="u"),
    "search of both": lambda question: memory.search(question, user_id="u", items=("fact", "episode")),
}[verb]
for question in QUESTIONS:
    ask(question)
print("ready", flush=True)
for _ in sys.stdin:
    times = []
    for question in QUESTIONS * 5:
        started = time.thread_time()
        ask(question)
        times.append(1000 * (time.thread_time() - started))
    print(json.dumps(times), flush=True)
"""


def main(arguments: list[str]) -> int:
    """Compare each verb at each size."""
    parser = argparse.ArgumentParser(prog="bench asking", description=__doc__)
    parser.add_argument("--beside", type=Path, required=True, help="another checkout of this repository")
    parser.add_argument("--sizes", default="160,2000", help="numbers of statements")
    parser.add_argument("--out", type=Path)
    options = parser.parse_args(arguments)
    rows: dict[str, dict[str, object]] = {}
    for size in (int(each) for each in options.sizes.split(",")):
        for verb in ("facts(query)", "facts()", "search of both"):
            rows[f"{verb}, {size:,} statements"] = _compare(options.beside.resolve(), verb, size)
            show("bench asking", rows)
    print(f"written to {write('asking', {'rounds': ROUNDS, 'rows': rows}, seed=SEED, to=options.out)}")
    return 0


def _compare(other: Path, verb: str, size: int) -> dict[str, object]:
    with tempfile.TemporaryDirectory() as one, tempfile.TemporaryDirectory() as two:
        sides = [Side(tree, folder, verb, size, child=CHILD) for tree, folder in ((HERE, one), (other, two))]
        try:
            rounds = [tuple(float(median(side.measure())) for side in sides) for _ in range(ROUNDS)]
        finally:
            for side in sides:
                side.close()
    return {
        "here, ms": round(median(here for here, _ in rounds), 2),
        "beside, ms": round(median(there for _, there in rounds), 2),
        "ratio": round(median(here / there for here, there in rounds), 2),
    }
