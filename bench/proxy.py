"""`bench proxy`: what the proxy adds to a chat, beyond the recall that it makes, with the built-in embedder.

Three processes on the loopback interface: a model service that answers at once, the server with its memory in a
file, and this one, which asks the service directly, then through the proxy, and makes the same recall itself on the
same file, question by question. A round begins when the server's background work is done. What the proxy adds beyond
recall is the proxied time less the other two, paired; recall that is asked for twice is not cached, since each side
embeds the question itself.
"""

from __future__ import annotations

import argparse
import os
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from statistics import median

import httpx

from bench.made_up import MadeUp
from bench.report import show, write
from memstrata.chat.recalling import recollect
from memstrata.core.telling import DEFAULT_TOKENS
from memstrata.memory import Memory
from memstrata.types import Scope

SEED = 20261123
WARM = 20
USER = Scope(user_id="u")
SERVE = "from memstrata.surfaces.cli.main import main; main()"
SETTINGS: Mapping[str, tuple[Mapping[str, str], bool]] = {
    "read-write": ({"X-Memory-Mode": "read-write"}, False),
    "read-write, stream": ({"X-Memory-Mode": "read-write"}, True),
    "read-only": ({"X-Memory-Mode": "read-only"}, False),
    "incognito": ({"X-Memory-Mode": "incognito"}, False),
}


def main(arguments: list[str]) -> int:
    """Measure each mode; print and write the table."""
    parser = argparse.ArgumentParser(prog="bench proxy", description=__doc__)
    parser.add_argument("--rounds", type=int, default=200)
    parser.add_argument("--messages", type=int, default=2000)
    parser.add_argument("--out", type=Path)
    options = parser.parse_args(arguments)
    made = MadeUp(SEED)
    rows: dict[str, dict[str, object]] = {}
    with tempfile.TemporaryDirectory() as folder:
        store = f"sqlite:///{folder}/memory.db"
        with Memory(store) as memory:
            memory.add(made.messages(options.messages, first=0), user_id="u", wait=True)
        questions = iter(made.questions(len(SETTINGS) * (options.rounds + WARM)))
        with _upstream() as upstream, _server(store, upstream) as server, Memory(store, worker="none") as memory:
            for name, (headers, streamed) in SETTINGS.items():
                asked = [next(questions) for _ in range(options.rounds + WARM)]
                rows[name] = _measure(memory, upstream, server, asked, headers, streamed=streamed)
                show("bench proxy", rows)
    results = {"rounds": options.rounds, "messages": options.messages, "rows": rows}
    print(f"written to {write('proxy', results, seed=SEED, to=options.out)}")
    return 0


def _measure(
    memory: Memory, upstream: str, server: str, questions: list[str], headers: Mapping[str, str], *, streamed: bool
) -> dict[str, object]:
    direct, proxied, recall = [], [], []
    own = {**headers, "X-Memory-User": "u", "Authorization": "Bearer ms_none"}
    with httpx.Client(timeout=60) as client:
        for place, question in enumerate(questions):
            client.post(f"{server}/v1/wait", json={"timeout_seconds": 60})
            body = {"model": "tiny", "messages": [{"role": "user", "content": question}], "stream": streamed}

            def straight(body: dict[str, object] = body) -> None:
                _ask(client, f"{upstream}/chat/completions", body, {})

            def through(body: dict[str, object] = body) -> None:
                _ask(client, f"{server}/v1/chat/completions", body, own)

            def recalled(question: str = question) -> None:
                if headers["X-Memory-Mode"] != "incognito":
                    recollect(memory, USER, question, max_tokens=DEFAULT_TOKENS)

            recall.append(_timed(recalled))
            first, second = (straight, through) if place % 2 else (through, straight)
            times = {first: _timed(first), second: _timed(second)}
            direct.append(times[straight])
            proxied.append(times[through])
    more = sorted(p - d - r for p, d, r in zip(proxied[WARM:], direct[WARM:], recall[WARM:], strict=True))
    return {
        "direct p50, ms": round(median(direct[WARM:]), 2),
        "proxied p50, ms": round(median(proxied[WARM:]), 2),
        "recall p50, ms": round(median(recall[WARM:]), 2),
        "beyond recall p50, ms": round(median(more), 2),
        "p95": round(more[int(0.95 * len(more))], 2),
        "rounds": len(more),
    }


def _ask(client: httpx.Client, url: str, body: dict[str, object], headers: Mapping[str, str]) -> None:
    """Ask, and read to the end; the time is that of the whole answer, which the service gives at once."""
    with client.stream("POST", url, json=body, headers=headers) as answer:
        answer.read()
        answer.raise_for_status()


def _timed(step: Callable[[], None]) -> float:
    started = time.perf_counter()
    step()
    return 1000 * (time.perf_counter() - started)


@contextmanager
def _upstream() -> Iterator[str]:
    with _process([sys.executable, "-m", "memstrata.testing.upstream"], stops_with_input=True) as line:
        yield line.strip()


@contextmanager
def _server(store: str, upstream: str) -> Iterator[str]:
    command = [sys.executable, "-c", SERVE, "serve", "--port", "0", "--store", store, "--upstream", upstream]
    with _process([*command, "--rate", "100000"], stops_with_input=False) as line:
        yield line.split(" at ", 1)[1].split(",")[0]


@contextmanager
def _process(command: list[str], *, stops_with_input: bool) -> Iterator[str]:
    environment = {**os.environ, "NO_PROXY": "127.0.0.1", "OMP_NUM_THREADS": "1"}
    process = subprocess.Popen(
        command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True, env=environment
    )
    assert process.stdin is not None
    assert process.stdout is not None
    try:
        yield process.stdout.readline()
    finally:
        process.stdin.close()
        if not stops_with_input:
            process.terminate()
        process.wait(timeout=60)
