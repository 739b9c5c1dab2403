"""`bench server`: many clients at once on loopback, reading and writing, beside chromadb's own server in one run.

Sixteen clients over 1,000 scopes, four reads to a write. Both servers find by vectors of one size that cost next to
nothing to make (`testing.embedders`), so that no model's time is measured; ours also reads facts in what is written
and ranks by all its signals, chromadb gives the nearest of one user. Before, each scope gets ten messages. Afterwards
every acknowledged write is looked for.
"""

from __future__ import annotations

import argparse
import os
import random
import socket
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ProcessPoolExecutor, ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path

import httpx

from bench.peers.compare import PEERS, environment_for, surroundings
from bench.report import show, write
from memstrata.testing.embedders import HashEmbedder

SCOPES = 1000
EACH = 10
PROCESSES, THREADS = 4, 4
READS = 0.8
DIMENSIONS = 384
THINGS = 40
COLLECTION = "/api/v2/tenants/default_tenant/databases/default_database/collections"


@dataclass(slots=True)
class Tally:
    """What one client saw: seconds a call, and what went wrong."""

    reads: list[float] = field(default_factory=list)
    writes: list[float] = field(default_factory=list)
    errors: list[str] = field(default_factory=list)
    cpu: float = 0.0


def said(draw: random.Random) -> str:
    """Something that a user might say; no two are the same."""
    thing, place = draw.randrange(THINGS), draw.randrange(THINGS)
    return f"I put thing number {thing} into box {place} on day {draw.random():.12f}."


def asked(draw: random.Random) -> str:
    """A question about it."""
    return f"Where is thing number {draw.randrange(THINGS)}?"


@dataclass(frozen=True, slots=True, kw_only=True)
class Target:
    """A server under load."""

    kind: str
    url: str
    collection: str = ""

    def read(self, client: httpx.Client, user: str, draw: random.Random) -> httpx.Response:
        """Ask for the best ten."""
        question = asked(draw)
        if self.kind == "memstrata":
            return client.post("/v1/search", json={"query": question, "user_id": user})
        vector = _vector(question)
        body = {"query_embeddings": [vector], "n_results": 10, "where": {"user": user}, "include": ["documents"]}
        return client.post(f"{COLLECTION}/{self.collection}/query", json=body)

    def write(self, client: httpx.Client, user: str, draw: random.Random) -> httpx.Response:
        """Say something."""
        text = said(draw)
        if self.kind == "memstrata":
            return client.post("/v1/episodes", json={"messages": text, "user_id": user})
        body = {
            "ids": [f"{draw.getrandbits(96):x}"],
            "embeddings": [_vector(text)],
            "documents": [text],
            "metadatas": [{"user": user}],
        }
        return client.post(f"{COLLECTION}/{self.collection}/add", json=body)

    def count(self, client: httpx.Client) -> int:
        """How many messages it holds."""
        if self.kind == "memstrata":
            stats = (client.get("/v1/stats", params={"user_id": f"user{n}"}).json() for n in range(SCOPES))
            return sum(each["episodes"] for each in stats)
        return int(client.get(f"{COLLECTION}/{self.collection}/count").json())


_EMBEDDER = HashEmbedder(dimensions=DIMENSIONS)


def _vector(text: str) -> list[float]:
    return [float(each) for each in _EMBEDDER.embed_passages([text])[0]]


def _client(target: Target, until: float, seed: int) -> Tally:
    draw, tally = random.Random(seed), Tally()
    with httpx.Client(base_url=target.url, timeout=60) as client:
        while time.time() < until:
            user = f"user{draw.randrange(SCOPES)}"
            reads = draw.random() < READS
            started = time.perf_counter()
            try:
                answer = (target.read if reads else target.write)(client, user, draw)
                problem = None if answer.is_success else str(answer.status_code)
            except httpx.HTTPError as error:
                problem = type(error).__name__
            (tally.reads if reads else tally.writes).append(time.perf_counter() - started)
            if problem is not None:
                tally.errors.append(problem)
    return tally


def _clients(target: Target, until: float, seed: int) -> Tally:
    """Some clients in one process."""
    started = time.process_time()
    with ThreadPoolExecutor(THREADS) as threads:
        tallies = list(threads.map(lambda place: _client(target, until, seed * THREADS + place), range(THREADS)))
    whole = Tally(cpu=time.process_time() - started)
    for each in tallies:
        whole.reads += each.reads
        whole.writes += each.writes
        whole.errors += each.errors
    return whole


def _fill(target: Target, seed: int) -> int:
    draw = random.Random(seed)
    with httpx.Client(base_url=target.url, timeout=120) as client:
        for number in range(SCOPES):
            texts = [said(draw) for _ in range(EACH)]
            if target.kind == "memstrata":
                client.post("/v1/episodes", json={"messages": texts, "user_id": f"user{number}"}).raise_for_status()
                continue
            body = {
                "ids": [f"{number}-{place}" for place in range(EACH)],
                "embeddings": [_vector(text) for text in texts],
                "documents": texts,
                "metadatas": [{"user": f"user{number}"}] * EACH,
            }
            client.post(f"{COLLECTION}/{target.collection}/add", json=body).raise_for_status()
        if target.kind == "memstrata":
            while not client.post("/v1/wait", json={"timeout_seconds": 60}).json()["done"]:
                pass
    return SCOPES * EACH


def load(target: Target, process: subprocess.Popen[str], *, seconds: float, seed: int) -> dict[str, object]:
    """Fill, load, count."""
    filled = _fill(target, seed)
    before, until = _cpu(process.pid), time.time() + seconds
    with ProcessPoolExecutor(PROCESSES) as processes:
        found = list(processes.map(_clients, [target] * PROCESSES, [until] * PROCESSES, range(PROCESSES)))
    cpu = _cpu(process.pid) - before
    reads, writes = (sorted(each for tally in found for each in getattr(tally, name)) for name in ("reads", "writes"))
    errors = [error for tally in found for error in tally.errors]
    with httpx.Client(base_url=target.url, timeout=120) as client:
        lost = filled + len(writes) - len(errors) - target.count(client)
    return {
        "requests a second": round((len(reads) + len(writes)) / seconds, 1),
        "read p50 ms": _ms(reads, 0.5),
        "read p95 ms": _ms(reads, 0.95),
        "read p99 ms": _ms(reads, 0.99),
        "write p50 ms": _ms(writes, 0.5),
        "write p95 ms": _ms(writes, 0.95),
        "write p99 ms": _ms(writes, 0.99),
        "errors": len(errors),
        "lost writes": lost,
        "server CPU s": round(cpu, 1),
        "clients' CPU s": round(sum(tally.cpu for tally in found), 1),
    }


def _ms(sorted_seconds: Sequence[float], share: float) -> float:
    return round(sorted_seconds[min(len(sorted_seconds) - 1, int(len(sorted_seconds) * share))] * 1000, 1)


def _cpu(pid: int) -> float:
    parts = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
    return (int(parts[11]) + int(parts[12])) / os.sysconf("SC_CLK_TCK")


@contextmanager
def ours(folder: Path) -> Iterator[tuple[Target, subprocess.Popen[str]]]:
    """Our server as a process of its own."""
    command = [sys.executable, "-m", "bench.server", str(folder / "ours.db")]
    with _running(command, folder / "ours.log", stdout=subprocess.PIPE) as process:
        assert process.stdout is not None
        yield Target(kind="memstrata", url=process.stdout.readline().strip()), process


@contextmanager
def chroma(folder: Path, environments: Path) -> Iterator[tuple[Target, subprocess.Popen[str]]]:
    """chromadb's server, with one collection."""
    peer = next(each for each in PEERS if each.name.startswith("chromadb"))
    binary = environment_for(peer.packages, environments).parent / "chroma"
    with socket.create_server(("127.0.0.1", 0)) as free:
        port = free.getsockname()[1]
    command = [str(binary), "run", "--path", str(folder / "chroma"), "--host", "127.0.0.1", "--port", str(port)]
    with _running(command, folder / "chroma.log", env=surroundings(str(folder))) as process:
        url = f"http://127.0.0.1:{port}"
        _until(lambda: httpx.get(f"{url}/api/v2/heartbeat").is_success)
        made = httpx.post(f"{url}{COLLECTION}", json={"name": "turns", "metadata": {"hnsw:space": "cosine"}})
        yield Target(kind="chromadb", url=url, collection=made.raise_for_status().json()["id"]), process


@contextmanager
def _running(
    command: Sequence[str], log: Path, *, stdout: int | None = None, env: dict[str, str] | None = None
) -> Iterator[subprocess.Popen[str]]:
    with log.open("w") as file:
        process = subprocess.Popen(command, stdout=stdout or file, stderr=file, env=env, text=True)
    try:
        yield process
    finally:
        process.terminate()
        process.communicate(timeout=60)


def _until(true: Callable[[], bool], *, seconds: float = 60) -> None:
    end = time.monotonic() + seconds
    while True:
        try:
            if true():
                return
        except httpx.HTTPError:
            pass
        if time.monotonic() > end:
            raise TimeoutError("the server did not come up")
        time.sleep(0.1)


def _serve(path: str) -> None:
    """What runs as our server: `python -m bench.server FILE`."""
    from memstrata.connect import open_store
    from memstrata.memory import Memory
    from memstrata.settings import Settings
    from memstrata.surfaces.rest.app import create_app
    from memstrata.surfaces.rest.serve import serve

    url = f"sqlite:///{path}"
    store = open_store(url, Settings(store=url))
    with Memory(store, embedder=HashEmbedder(dimensions=DIMENSIONS)) as memory:
        app = create_app(memory, store, rate=1e9, burst=1_000_000_000)
        serve(app, host="127.0.0.1", port=0, ready=lambda where: print(where, flush=True))


def main(arguments: Sequence[str]) -> int:
    """Run it."""
    parser = argparse.ArgumentParser(prog="bench server", description=__doc__)
    parser.add_argument("--seconds", type=float, default=60.0)
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--environments", type=Path, default=Path(".bench-venvs"))
    parser.add_argument("--alone", action="store_true", help="without chromadb")
    parser.add_argument("--out", type=Path)
    options = parser.parse_args(arguments)
    rows: dict[str, dict[str, object]] = {}
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        with ours(folder) as (target, process):
            rows["memstrata"] = load(target, process, seconds=options.seconds, seed=options.seed)
        if not options.alone:
            with chroma(folder, options.environments) as (target, process):
                rows["chromadb 1.5.9"] = load(target, process, seconds=options.seconds, seed=options.seed)
    show(f"{PROCESSES * THREADS} clients, {options.seconds:g} s, {SCOPES} scopes", rows)
    path = write(
        "server",
        {
            "clients": PROCESSES * THREADS,
            "seconds": options.seconds,
            "scopes": SCOPES,
            "load average": os.getloadavg()[0],
            "rows": rows,
        },
        seed=options.seed,
        to=options.out,
    )
    print(f"written to {path}")
    return 0


if __name__ == "__main__":
    _serve(sys.argv[1])
