"""`bench streaming`: what a session adapter (Temp-LoRA) gains on two long texts, and what it costs.

The texts are younger than the model: pages of this project's documentation, and the demo's year of conversations. Each
is read in stretches of 512 tokens behind 256 tokens of context, by the model alone and with an adapter that is trained
on every stretch after it was read. Reported are perplexities before training on a stretch, what an adapter that was
trained on the other text gains, whether the model is afterwards as before to the last bit, CPU seconds and bytes.
"""

from __future__ import annotations

import argparse
import json
import math
import tempfile
import time
from collections.abc import Mapping, Sequence
from pathlib import Path
from pydoc_data.topics import topics
from statistics import fmean, stdev

from bench.report import show, write
from memstrata.core.training import AdapterShape, Chunk, Recipe, Streaming
from memstrata.models.local.adapter_file import save_adapter
from memstrata.models.local.lora import Adapter
from memstrata.models.local.runtime import LocalRuntime
from memstrata.models.local.streaming import SessionAdapter, read

HERE = Path(__file__).parent
PAGES = HERE / "data" / "manual.txt"
STORY = HERE.parent / "src" / "memstrata" / "demo" / "conversations.jsonl"


def texts() -> dict[str, str]:
    """The two texts by name."""
    lines = (json.loads(line) for line in STORY.read_text("utf-8").splitlines())
    said = (f"{turn['role']}: {turn['content']}" for line in lines for turn in line["messages"])
    return {"documentation": PAGES.read_text("utf-8"), "conversations": "\n".join(said)}


def run(runtime: LocalRuntime, *, tokens: int, seeds: Sequence[int], rate: float, rank: int) -> dict[str, object]:
    """All texts and seeds; every number of a run."""
    ids = {name: runtime.encode(text)[:tokens] for name, text in texts().items()}
    base = {name: read(runtime, each, Streaming()) for name, each in ids.items()}
    before = runtime.logits(ids["conversations"][:64])
    runs = []
    for seed in seeds:
        shape = AdapterShape(rank=rank, alpha=2.0 * rank)
        how = Streaming(recipe=Recipe(shape=shape, learning_rate=rate, seed=seed))
        made: dict[str, Adapter] = {}
        for name, each in ids.items():
            session = SessionAdapter(runtime, how)
            cpu, wall = time.process_time(), time.monotonic()
            chunks = session.feed(each)
            cpu, wall = time.process_time() - cpu, time.monotonic() - wall
            made[name] = session.adapter()
            runs.append(
                {
                    "text": name,
                    "seed": seed,
                    "tokens": session.learned,
                    **_reductions(base[name], chunks),
                    "cpu_seconds_per_1000_tokens": cpu / session.learned * 1000,
                    "seconds_per_1000_tokens": wall / session.learned * 1000,
                    **_bytes(runtime, made[name]),
                }
            )
            print(json.dumps(runs[-1]), flush=True)
        for name, each in ids.items():
            (other,) = (adapter for known, adapter in made.items() if known != name)
            found = _reductions(base[name], read(runtime, each, how, adapters=[other]))
            next(r for r in runs if (r["text"], r["seed"]) == (name, seed))["other_text"] = found["overall"]
            print(name, seed, "with the other text's adapter", found["overall"], flush=True)
    restored = bool((runtime.logits(ids["conversations"][:64]) == before).all())
    return {"runs": runs, "base_restored_to_the_bit": restored}


def control(runtime: LocalRuntime, *, tokens: int, seeds: Sequence[int], rate: float, rank: int) -> dict[str, object]:
    """What adapters that followed texts of other kinds gain on the two texts."""
    streamed = {name: runtime.encode(text)[:tokens] for name, text in texts().items()}
    others = {name: runtime.encode(text)[:tokens] for name, text in unrelated().items()}
    base = {name: read(runtime, each, Streaming()) for name, each in streamed.items()}
    runs: list[dict[str, object]] = []
    for seed in seeds:
        shape = AdapterShape(rank=rank, alpha=2.0 * rank)
        how = Streaming(recipe=Recipe(shape=shape, learning_rate=rate, seed=seed))
        for trained, ids in others.items():
            session = SessionAdapter(runtime, how)
            session.feed(ids)
            for name, each in streamed.items():
                found = _reductions(base[name], read(runtime, each, how, adapters=[session.adapter()]))
                runs.append({"trained on": trained, "read": name, "seed": seed, "overall": found["overall"]})
                print(json.dumps(runs[-1]), flush=True)
    return {"runs": runs}


def unrelated() -> dict[str, str]:
    """Texts of other kinds that are at hand everywhere: Python's language reference and a licence."""
    licence = (HERE.parent / "LICENSE").read_text("utf-8")
    return {"Python's reference": "\n".join(topics[name] for name in sorted(topics)), "Apache licence": licence}


def _reductions(base: Sequence[Chunk], found: Sequence[Chunk]) -> dict[str, object]:
    """By how much perplexity falls, as a share: overall, in the last half, and of each stretch."""
    half = len(found) // 2
    return {
        "base_perplexity": math.exp(_rate(base)),
        "perplexity": math.exp(_rate(found)),
        "overall": 1 - math.exp(_rate(found) - _rate(base)),
        "last_half": 1 - math.exp(_rate(found[half:]) - _rate(base[half:])),
        "first_stretch": 1 - math.exp(_rate(found[:1]) - _rate(base[:1])),
        "stretches": [round(1 - math.exp(_rate([f]) - _rate([b])), 4) for f, b in zip(found, base, strict=True)],
    }


def _rate(chunks: Sequence[Chunk]) -> float:
    return sum(each.nats for each in chunks) / sum(each.tokens for each in chunks)


def _bytes(runtime: LocalRuntime, adapter: Adapter) -> dict[str, int]:
    with tempfile.TemporaryDirectory() as folder:
        return {
            f"bytes_{form}": save_adapter(Path(folder), adapter, base=runtime.base, form=form).stat().st_size
            for form in ("float32", "float16")
        }


def summary(runs: Sequence[Mapping[str, object]]) -> dict[str, dict[str, object]]:
    """Means over the seeds, a row a text."""
    rows: dict[str, dict[str, object]] = {}
    for name in dict.fromkeys(str(each["text"]) for each in runs):
        mine = [each for each in runs if each["text"] == name]

        def mean(key: str, mine: list[Mapping[str, object]] = mine) -> float:
            return fmean(float(str(each[key])) for each in mine)

        spread = stdev(float(str(each["overall"])) for each in mine) if len(mine) > 1 else 0.0
        rows[name] = {
            "seeds": len(mine),
            "base perplexity": mean("base_perplexity"),
            "with adapter": mean("perplexity"),
            "reduction %": 100 * mean("overall"),
            "spread %": 100 * spread,
            "last half %": 100 * mean("last_half"),
            "first stretch %": 100 * mean("first_stretch"),
            "other text %": 100 * mean("other_text"),
            "cpu s / 1,000": mean("cpu_seconds_per_1000_tokens"),
            "bytes": int(mean("bytes_float32")),
        }
    return rows


def main(arguments: list[str]) -> None:
    """Run and report."""
    parser = argparse.ArgumentParser(prog="bench streaming", description=__doc__)
    parser.add_argument("--model", default="smollm2")
    parser.add_argument("--dtype", default="bfloat16", choices=("bfloat16", "float32"))
    parser.add_argument("--device", default="auto", choices=("auto", "cpu", "cuda"))
    parser.add_argument("--tokens", type=int, default=5632)
    parser.add_argument("--seeds", type=int, nargs="+", default=[1, 2, 3])
    parser.add_argument("--learning-rate", type=float, default=1e-3)
    parser.add_argument("--rank", type=int, default=16)
    parser.add_argument("--out", type=Path)
    parser.add_argument("--control", action="store_true", help="Only adapters that followed texts of other kinds.")
    given = parser.parse_args(arguments)
    runtime = LocalRuntime(given.model, dtype=given.dtype, device=given.device)
    measured = control if given.control else run
    found = measured(runtime, tokens=given.tokens, seeds=given.seeds, rate=given.learning_rate, rank=given.rank)
    about = {name: getattr(given, name) for name in ("model", "dtype", "device", "tokens", "learning_rate", "rank")}
    runs = found["runs"]
    assert isinstance(runs, list)
    if given.control:
        write("streaming_control", {"arguments": about, "seeds": given.seeds, **found}, to=given.out)
        return
    rows = summary(runs)
    show("Session adapters", rows)
    print("the model is afterwards as before:", found["base_restored_to_the_bit"])
    write("streaming", {"arguments": about, "seeds": given.seeds, "summary": rows, **found}, to=given.out)
