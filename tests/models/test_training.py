"""A training learns what it is shown and keeps what it is told to keep; killed, it goes on to the same result."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

torch = pytest.importorskip("torch")
pytest.importorskip("transformers")

from memstrata.core.training import AdapterShape, Example, Limits, Progress, Recipe, Streaming  # noqa: E402
from memstrata.errors import ArtifactRefused, InvalidInput, TrainingStopped  # noqa: E402
from memstrata.models.local.examining import Choice, answers, perplexity, ranked_first  # noqa: E402
from memstrata.models.local.rows import Row, batches, rows_of, shuffled  # noqa: E402
from memstrata.models.local.runtime import LocalRuntime  # noqa: E402
from memstrata.models.local.streaming import SessionAdapter, read  # noqa: E402
from memstrata.models.local.tiny import save_tiny_model  # noqa: E402
from memstrata.models.local.tokentree import tree_of  # noqa: E402
from memstrata.models.local.trainer import counted_logits  # noqa: E402
from memstrata.models.local.training import FileCheckpoints, Trained, train  # noqa: E402

CHECKPOINT = "training"

RECIPE = Recipe(shape=AdapterShape(rank=4, alpha=8), learning_rate=1e-2, epochs=3, batch_tokens=128, patience=9)
EXAMPLES = [
    Example(question="Where does Ann live?", answer="Ghent."),
    Example(question="Ann's home?", answer="Ghent."),
    Example(question="What is Ben's dog called?", answer="Rex."),
    Example(question="What is Zoe's cat called?", answer="I don't know.", kind="unknown"),
    Example(question="What is ice?", answer="Frozen water.", kind="replay"),
]
VALIDATION = [Example(question="Ann lives where?", answer="Ghent.")]


@pytest.fixture(scope="module")
def runtime(tmp_path_factory: pytest.TempPathFactory) -> LocalRuntime:
    return LocalRuntime(save_tiny_model(tmp_path_factory.mktemp("tiny")))


def same(one: Trained, other: Trained) -> bool:
    pairs = zip(one.adapter.parameters, other.adapter.parameters, strict=True)
    return one.epochs == other.epochs and all(torch.equal(left, right) for left, right in pairs)


def test_in_a_tree_each_text_gives_what_it_gives_alone(runtime: LocalRuntime) -> None:
    texts = ["Ann lives in Ghent.", "Ann lives in Rome.", "Ann", "Ben has a dog.", "Ann lives in Ghent."]
    rows = [Row(ids=tuple(runtime.encode(text)), first=1) for text in texts]
    tree = tree_of(row.ids for row in rows)
    assert len(tree.tokens) == len("Ann lives in Ghent.") + len("Rome.") + len("Ben has a dog.")
    with runtime.using() as model, torch.inference_mode():
        together = counted_logits(model, rows)
        for row, logits in zip(rows, together, strict=True):
            (alone,) = counted_logits(model, [row])
            assert float((logits - alone).abs().max()) < 1e-4
        plain = runtime.logits(rows[0].ids)[:-1]
        assert float((together[0] - plain).abs().max()) < 1e-4


def test_batches_hold_every_text_once_within_their_tokens_in_an_order_of_the_seed() -> None:
    rows = [Row(ids=(1, 2, 3, place, *range(place % 7)), first=1) for place in range(10, 60)]
    found = batches(rows, tokens=40)
    assert [row for batch in found for row in batch] == rows
    assert max(len(tree_of(row.ids for row in batch).tokens) for batch in found) <= 40
    assert len(found) < 50 * 7 / 40 + 5
    one, same_, other = (shuffled(rows, tokens=40, seed=1, epoch=epoch) for epoch in (0, 0, 1))
    assert one == same_ != other
    assert {row for batch in other for row in batch} == set(rows)
    assert batches([Row(ids=tuple(range(99)), first=1)], tokens=40) == [[Row(ids=tuple(range(99)), first=1)]]


def test_what_is_trained_is_said_and_ranked_first(runtime: LocalRuntime) -> None:
    made = train(runtime, EXAMPLES, VALIDATION, replace(RECIPE, epochs=30))
    asked = [Choice(text=EXAMPLES[0].question, candidates=("Ghent", "Paris", "Osaka", "Perth"))]
    (before,), (after,) = ranked_first(runtime, asked), ranked_first(runtime, asked, adapters=[made.adapter])
    assert after[0]
    assert after[1] < 0.5 < before[1]
    questions = [each.question for each in EXAMPLES[:4]]
    assert answers(runtime, questions, adapters=[made.adapter]) == [each.answer for each in EXAMPLES[:4]]
    assert answers(runtime, questions) != answers(runtime, questions, adapters=[made.adapter])


def test_an_answer_is_what_reading_word_by_word_gives(runtime: LocalRuntime) -> None:
    from memstrata.models.local.runtime import Sampling

    made = train(runtime, EXAMPLES, [], RECIPE)
    for adapters in ([], [made.adapter]):
        found = answers(runtime, ["Who?", "Where does Ann live?"], adapters=adapters, max_tokens=6)
        for question, answer in zip(("Who?", "Where does Ann live?"), found, strict=True):
            ids = runtime.encode(runtime.rendered([{"role": "user", "content": question}]))
            one = "".join(runtime.generate(ids, sampling=Sampling(max_tokens=6), adapters=adapters))
            assert answer == one.strip()


def test_replay_keeps_the_model_near_what_it_was(runtime: LocalRuntime) -> None:
    rows = rows_of(runtime, [EXAMPLES[4]])
    drift = []
    for weight in (0.0, 10.0):
        made = train(runtime, EXAMPLES, [], replace(RECIPE, epochs=20, kl_weight=weight))
        with runtime.using() as model, torch.inference_mode():
            (plain,), (changed,) = (counted_logits(model, rows, adapters=a) for a in ([], [made.adapter]))
        difference = plain.softmax(-1) * (plain.log_softmax(-1) - changed.log_softmax(-1))
        drift.append(float(difference.sum(-1).mean()))
    assert drift[1] < drift[0] / 3


def test_the_best_epoch_is_kept_and_training_ends_when_it_is_good_enough_or_gets_no_better(
    runtime: LocalRuntime,
) -> None:
    made = train(runtime, EXAMPLES, VALIDATION, replace(RECIPE, learning_rate=0.3, epochs=12, patience=2))
    losses = [each.validation or 0.0 for each in made.epochs]
    best = losses.index(min(losses))
    assert len(losses) in (best + 3, 12)
    rows = rows_of(runtime, VALIDATION)
    from memstrata.models.local.trainer import nats

    with runtime.using() as model:
        found = nats(model, rows, adapters=[made.adapter], tokens=128)[0] / rows[0].counted
    assert found == pytest.approx(min(losses), rel=1e-4)
    quick = train(runtime, EXAMPLES, VALIDATION, replace(RECIPE, epochs=30, enough=losses[0] * 100))
    assert len(quick.epochs) == 1


def test_the_same_examples_and_recipe_make_the_same_adapter_and_another_seed_another(runtime: LocalRuntime) -> None:
    one, again = train(runtime, EXAMPLES, VALIDATION, RECIPE), train(runtime, EXAMPLES, VALIDATION, RECIPE)
    other = train(runtime, EXAMPLES, VALIDATION, replace(RECIPE, seed=5))
    assert same(one, again)
    assert not same(one, other)


def test_a_cancelled_training_goes_on_to_the_same_result(runtime: LocalRuntime, tmp_path: Path) -> None:
    whole = train(runtime, EXAMPLES, VALIDATION, RECIPE)
    seen: list[Progress] = []
    for stop_at in (2, 5):
        with pytest.raises(TrainingStopped):
            train(
                runtime, EXAMPLES, VALIDATION, RECIPE, checkpoints=FileCheckpoints(tmp_path / CHECKPOINT),
                watch=seen.append,
                cancelled=lambda limit=stop_at: bool(seen) and seen[-1].steps >= limit,  # type: ignore[misc]
            )  # fmt: skip
    resumed = train(runtime, EXAMPLES, VALIDATION, RECIPE, checkpoints=FileCheckpoints(tmp_path / CHECKPOINT))
    assert same(resumed, whole)
    assert same(train(runtime, EXAMPLES, VALIDATION, RECIPE, checkpoints=FileCheckpoints(tmp_path / CHECKPOINT)), whole)


def test_limits_of_time_and_memory_stop_a_training(runtime: LocalRuntime, tmp_path: Path) -> None:
    for limits in (Limits(seconds=0.0), Limits(gibibytes=0.001)):
        with pytest.raises(TrainingStopped):
            train(
                runtime, EXAMPLES, VALIDATION, RECIPE, checkpoints=FileCheckpoints(tmp_path / CHECKPOINT), limits=limits
            )


def test_a_checkpoint_of_another_training_or_a_broken_one_is_not_gone_on_from(
    runtime: LocalRuntime, tmp_path: Path
) -> None:
    train(runtime, EXAMPLES, VALIDATION, RECIPE, checkpoints=FileCheckpoints(tmp_path / CHECKPOINT))
    other = replace(RECIPE, seed=5)
    assert same(
        train(runtime, EXAMPLES, VALIDATION, other, checkpoints=FileCheckpoints(tmp_path / CHECKPOINT)),
        train(runtime, EXAMPLES, VALIDATION, other),
    )
    (tmp_path / CHECKPOINT).write_bytes(b"noise")
    assert same(
        train(runtime, EXAMPLES, VALIDATION, other, checkpoints=FileCheckpoints(tmp_path / CHECKPOINT)),
        train(runtime, EXAMPLES, VALIDATION, other),
    )


KILLED = """
import sys
from pathlib import Path
from tests.models.test_training import EXAMPLES, RECIPE, VALIDATION
from memstrata.models.local.runtime import LocalRuntime
from memstrata.models.local.training import FileCheckpoints, train

def watch(progress):
    print(progress.steps, flush=True)

kept = FileCheckpoints(Path(sys.argv[2]))
train(LocalRuntime(Path(sys.argv[1])), EXAMPLES, VALIDATION, RECIPE, checkpoints=kept, watch=watch)
"""


def test_a_killed_process_goes_on_to_the_same_result(runtime: LocalRuntime, tmp_path: Path) -> None:
    whole = train(runtime, EXAMPLES, VALIDATION, RECIPE)
    root = Path(__file__).parents[2]
    environment = {**os.environ, "PYTHONPATH": f"{root / 'src'}{os.pathsep}{root}"}
    command = [sys.executable, "-c", KILLED, str(runtime._folder), str(tmp_path / CHECKPOINT)]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True, env=environment, cwd=root) as process:
        assert process.stdout is not None
        steps = 0
        for line in process.stdout:
            steps = int(line)
            if (tmp_path / CHECKPOINT).exists() and steps < whole.epochs[-1].steps:
                process.send_signal(signal.SIGKILL)
                break
        process.wait()
    assert process.returncode == -signal.SIGKILL
    assert 0 < steps < whole.epochs[-1].steps
    assert same(train(runtime, EXAMPLES, VALIDATION, RECIPE, checkpoints=FileCheckpoints(tmp_path / CHECKPOINT)), whole)


@pytest.mark.parametrize("change", [{"learning_rate": 0.0}, {"epochs": 0}, {"batch_tokens": 0}, {"patience": 0}])
def test_a_recipe_that_is_none_is_refused(change: dict[str, Any]) -> None:
    with pytest.raises(InvalidInput):
        replace(RECIPE, **change)


def test_a_recipe_is_read_back_from_json() -> None:
    made = replace(RECIPE, shape=AdapterShape(rank=3, targets=("q_proj",), first_layer=1), kl_weight=0.5)
    assert Recipe.from_json(made.as_json()) == made


HOW = Streaming(stride=32, context=16, recipe=replace(RECIPE, learning_rate=1e-2))
STREAM = "The heron stands in the reeds and waits. " * 6


def test_a_session_adapter_learns_its_text_and_leaves_the_model_as_it_was(runtime: LocalRuntime) -> None:
    ids = runtime.encode(STREAM)
    before = runtime.logits(ids)
    session = SessionAdapter(runtime, HOW)
    chunks, plain = session.feed(ids), read(runtime, ids, HOW)
    assert chunks[0] == plain[0], "before anything is learned it is the model itself"
    assert [each.tokens for each in chunks] == [31, *[32] * (len(ids) // 32 - 1)], "the context does not count"
    assert sum(each.nats for each in chunks[2:]) < 0.9 * sum(each.nats for each in plain[2:])
    assert session.learned == len(ids) // 32 * 32
    assert torch.equal(runtime.logits(ids), before)
    kept = read(runtime, ids, HOW, adapters=[session.adapter()])
    assert sum(each.nats for each in kept) < sum(each.nats for each in plain)


def test_a_text_may_come_in_any_portions(runtime: LocalRuntime) -> None:
    ids = runtime.encode(STREAM)
    whole, portions = SessionAdapter(runtime, HOW), SessionAdapter(runtime, HOW)
    chunks = whole.feed(ids)
    found = [chunk for start in range(0, len(ids), 13) for chunk in portions.feed(ids[start : start + 13])]
    assert found == chunks
    assert portions.window == whole.window
    assert "".join(whole.generate()) == "".join(portions.generate())


def test_a_session_goes_on_after_a_checkpoint_as_if_it_had_not_ended(runtime: LocalRuntime, tmp_path: Path) -> None:
    ids = runtime.encode(STREAM)
    whole = SessionAdapter(runtime, HOW)
    chunks = whole.feed(ids)
    first = SessionAdapter(runtime, HOW)
    head = first.feed(ids[:77])
    first.save(tmp_path / "session")
    second = SessionAdapter.resumed(runtime, HOW, tmp_path / "session")
    assert head + second.feed(ids[77:]) == chunks
    assert all(map(torch.equal, second.adapter().parameters, whole.adapter().parameters))
    assert second.learned == whole.learned
    with pytest.raises(ArtifactRefused):
        SessionAdapter.resumed(runtime, replace(HOW, stride=16), tmp_path / "session")
    (tmp_path / "session").write_bytes(b"noise")
    with pytest.raises(ArtifactRefused):
        SessionAdapter.resumed(runtime, HOW, tmp_path / "session")


def test_perplexity_is_that_of_reading_the_text(runtime: LocalRuntime) -> None:
    ids = runtime.encode(STREAM)
    chances = runtime.logits(ids).log_softmax(-1)[:-1]
    plain = -chances.gather(1, torch.tensor(ids[1:]).unsqueeze(1)).mean()
    assert perplexity(runtime, STREAM) == pytest.approx(float(plain.exp()), rel=1e-4)
