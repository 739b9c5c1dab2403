"""`bench prefix`: a kept prefix beside reading it: exactness, bytes, processor time to the first token.

The text is this project's own documentation, read by a small local model on one thread. A prefix of some length is kept
as an artifact's file, loaded again, and a question of 16 tokens is read after it; beside it prefix and question are
read at once. Logits are compared in float32 after saving, loading, a second use and use by turns with another prefix;
the likeliest next token at each of some hundred positions in every form that is kept. Medians of CPU seconds.
"""

from __future__ import annotations

import argparse
import tempfile
import time
from collections.abc import Callable, Sequence
from pathlib import Path
from statistics import median
from typing import TYPE_CHECKING

from bench.report import show, write
from memstrata.models.local import kv_file
from memstrata.models.local.runtime import LocalRuntime
from memstrata.types import KV_FORMS, KvForm

if TYPE_CHECKING:
    from memstrata.models.local.keyvalues import KeyValues

LENGTHS = (512, 2048)
QUESTION = 16
POSITIONS = 512
DOCS = Path(__file__).parent.parent / "docs"


def main(arguments: Sequence[str]) -> int:
    """Run it."""
    parser = argparse.ArgumentParser(prog="bench prefix", description=__doc__)
    parser.add_argument("--model", default="smollm2")
    parser.add_argument("--repeats", type=int, default=5)
    parser.add_argument("--out", type=Path)
    options = parser.parse_args(arguments)
    runtime = LocalRuntime(options.model)
    ids = runtime.encode("\n".join(file.read_text("utf-8") for file in sorted(DOCS.glob("*/*.md"))))
    exact, forms, speed = {}, {}, {}
    with tempfile.TemporaryDirectory() as folder:
        for length in LENGTHS:
            name = f"{length} tokens"
            exact[name] = exactness(runtime, ids, length, Path(folder))
            for form in KV_FORMS:
                kept = Path(folder) / form
                forms[f"{name}, {form}"] = in_form(runtime, ids, length, kept, form)  # type: ignore[arg-type]
            speed[name] = times(runtime, ids, length, Path(folder) / "float16", repeats=options.repeats)
    show("logits in float32, attached beside read at once: largest difference", exact)
    show(f"forms: {POSITIONS} positions after the prefix", forms)
    show(f"CPU seconds to the first token of a question of {QUESTION} tokens, median of {options.repeats}", speed)
    results = {"model": options.model, "exact": exact, "forms": forms, "speed": speed}
    print(f"written to {write('prefix', results, to=options.out)}")
    return 0


def exactness(runtime: LocalRuntime, ids: Sequence[int], length: int, folder: Path) -> dict[str, object]:
    """The largest difference of a logit by what was done before with the prefix."""
    prefix, other = runtime.prefill(ids[:length]), runtime.prefill(ids[length : 2 * length])
    question = ids[length : length + QUESTION]
    whole = runtime.logits(ids[: length + QUESTION], last=QUESTION)
    kv_file.save(folder / "exact", prefix, form="float32")
    loaded = kv_file.load(folder / "exact")

    def apart(part: KeyValues) -> float:
        return float((runtime.logits(question, after=[part]) - whole).abs().max())

    first, second = apart(prefix), apart(prefix)
    runtime.logits(question, after=[other])
    return {
        "first use": first,
        "second use": second,
        "by turns with another": apart(prefix),
        "saved and loaded": apart(loaded),
        "loaded, second use": apart(loaded),
    }


def in_form(runtime: LocalRuntime, ids: Sequence[int], length: int, file: Path, form: KvForm) -> dict[str, object]:
    """Bytes, and how often the likeliest next token is that of reading all at once in float32."""
    import torch

    kv_file.save(file, runtime.prefill(ids[:length]), form=form)
    following = ids[length : length + POSITIONS]
    whole = runtime.logits(ids[: length + POSITIONS], last=POSITIONS)
    started = time.process_time()
    loaded = kv_file.load(file)
    loading = time.process_time() - started
    found = runtime.logits(following, after=[loaded])
    apart = torch.nn.functional.kl_div(found.log_softmax(-1), whole.log_softmax(-1), log_target=True, reduction="none")
    return {
        "bytes a token": round(file.stat().st_size / length),
        "loading, CPU ms": round(1000 * loading, 1),
        "top-1 agreement": float((found.argmax(-1) == whole.argmax(-1)).float().mean()),
        "largest KL, nats": float(apart.sum(-1).max()),
        "largest difference": float((found - whole).abs().max()),
    }


def times(runtime: LocalRuntime, ids: Sequence[int], length: int, file: Path, *, repeats: int) -> dict[str, object]:
    """CPU seconds until the first token is known: attached, and read at once, in turns."""
    loaded, question = kv_file.load(file), ids[length : length + QUESTION]

    def seconds(step: Callable[[], object]) -> float:
        started = time.process_time()
        step()
        return time.process_time() - started

    attached, whole = [], []
    for _ in range(repeats):
        attached.append(seconds(lambda: runtime.logits(question, after=[loaded], last=1)))
        whole.append(seconds(lambda: runtime.logits(ids[: length + QUESTION], last=1)))
    return {
        "attached": round(median(attached), 3),
        "read": round(median(whole), 3),
        "times": round(median(b / a for a, b in zip(attached, whole, strict=True)), 1),
    }
