"""`bench explicit FILE`: passages read beforehand and attached, beside reading all of them at the question.

Of LoCoMo-shaped conversations: a question, the three turns around its evidence, and passages of three turns from
elsewhere in the same conversation. Measured is how likely a small local model finds the true answer (nats a token) and
the CPU seconds at the question: with no passage, with all of them read together, attached side by side, attached but
without the right one, and the right one alone. Then what keeping fewer tokens a head costs, by a probe question and by
Memory³'s own rule, which is made for models that were trained with it.
"""

from __future__ import annotations

import argparse
import json
import random
import re
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from statistics import fmean
from typing import TYPE_CHECKING, Any

from bench.report import show, write
from memstrata.activation.explicit import attached, read_passage, read_sink, sparse
from memstrata.models.local.runtime import LocalRuntime

if TYPE_CHECKING:
    from memstrata.models.local.keyvalues import KeyValues

PASSAGES = 5
AROUND = 1
SINGLE_HOP = 4
LONGEST_ANSWER = 60
SYSTEM = "You answer questions about a conversation."
PROBE = "\nQuestion: Who did what, where and when?"
KEPT = (64, 32, 8)
_PLACE = "<<here>>"


@dataclass(frozen=True, slots=True, kw_only=True)
class Case:
    """One question with its answer, and passages of which the one at `right` holds the evidence."""

    query: str
    answer: str
    passages: tuple[str, ...]
    right: int
    other: str


def load_cases(path: Path, *, a_conversation: int, seed: int) -> list[Case]:
    """So many single-hop questions of each conversation, chosen by the seed."""
    draw = random.Random(seed)
    cases = []
    for sample in json.loads(path.read_text(encoding="utf-8")):
        talk = sample["conversation"]
        turns = [
            (turn["dia_id"], f"{turn['speaker']}: {turn['text']}")
            for name in sorted(filter(re.compile(r"session_\d+$").match, talk), key=lambda each: int(each[8:]))
            for turn in talk[name]
        ]
        place = {id_: number for number, (id_, _) in enumerate(turns)}
        asked = [each for each in sample["qa"] if _fits(each, place)]
        chosen = draw.sample(asked, min(a_conversation, len(asked)))
        cases += [_case(question, turns, place[question["evidence"][0]], draw) for question in chosen]
    return cases


def _fits(question: dict[str, Any], place: dict[str, int]) -> bool:
    evidence = question.get("evidence") or []
    return question["category"] == SINGLE_HOP and len(evidence) == 1 and evidence[0] in place


def _case(question: dict[str, Any], turns: Sequence[tuple[str, str]], at: int, draw: random.Random) -> Case:
    def around(centre: int) -> str:
        return "".join(f"{text}\n" for _, text in turns[max(0, centre - AROUND) : centre + AROUND + 1])

    far = [centre for centre in range(AROUND, len(turns) - AROUND) if abs(centre - at) > 2 * AROUND + 1]
    others = [around(centre) for centre in draw.sample(far, PASSAGES)]
    right = draw.randrange(PASSAGES)
    passages = [*others[: PASSAGES - 1]]
    passages.insert(right, around(at))
    answer = str(question["answer"])[: LONGEST_ANSWER * 4]
    return Case(query=question["question"], answer=answer, passages=tuple(passages), right=right, other=others[-1])


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
        ids = [runtime.encode(text) for text in (*case.passages, case.other)]
        parts = [read_passage(runtime, sink, each) for each in ids]
        given, wrong = parts[:-1], [part for place, part in enumerate(parts) if place != case.right]

        def behind(chosen: Sequence[KeyValues]) -> tuple[float, float]:
            started = time.process_time()
            after = attached(runtime, sink, chosen)
            rotating = time.process_time() - started
            nats, seconds = self.nats(case, after)
            return nats, seconds + rotating

        def fewer(keep: Callable[[int], KeyValues]) -> list[KeyValues]:
            return [keep(place) for place in range(PASSAGES)]

        found = {
            "nothing": self.nats(case, [sink]),
            "all read together": self.nats(case, [sink], [token for each in ids[:-1] for token in each]),
            "attached": behind(given),
            "attached, without the right one": behind(wrong),
            "attached, the right one alone": behind([given[case.right]]),
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
    parser.add_argument("--out", type=Path)
    options = parser.parse_args(arguments)
    cases = load_cases(options.file, a_conversation=options.questions, seed=options.seed)
    reading = Reading(LocalRuntime(options.model, dtype=options.dtype))
    runs = [reading.run(case) for case in cases]
    nats = {name: fmean(run[name][0] for run in runs) for name in runs[0]}
    seconds = {name: fmean(run[name][1] for run in runs) for name in runs[0]}
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
    show(f"{len(cases)} questions, {PASSAGES} passages each, {options.model} in {options.dtype}", rows)
    path = write(
        "explicit",
        {"questions": len(cases), "passages": PASSAGES, "model": options.model, "dtype": options.dtype, "rows": rows},
        seed=options.seed,
        to=options.out,
    )
    print(f"written to {path}")
    return 0
