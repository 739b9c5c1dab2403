"""Adapters of a real, if tiny, model: taught by a worker, attached in a chat, killed in training, exported, revoked."""

from __future__ import annotations

import json
import os
import shutil
import signal
import subprocess
import sys
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest

pytest.importorskip("torch")
pytest.importorskip("transformers")

from memstrata import Memory
from memstrata.chat import Answer, Chat
from memstrata.core.training import AdapterShape, Recipe
from memstrata.errors import InvalidInput, NotFound
from memstrata.models.local.adapter_file import load_adapter
from memstrata.models.local.conversing import LocalChatModel
from memstrata.models.local.runtime import LocalRuntime, Sampling
from memstrata.models.local.tiny import save_tiny_model
from memstrata.parametric.asking import AdapterRows
from memstrata.parametric.gate import Bounds
from memstrata.parametric.general import ASKED
from memstrata.parametric.working import AdapterWork
from memstrata.types import Artifact, FactKind, Scope

NOW = datetime(2026, 3, 3, 12, tzinfo=UTC)
ANN = Scope(user_id="ann")
KINDS: tuple[FactKind, ...] = ("residence", "event", "statement", "possession")
TOLD = ("Mara Okell's dog is called Biscuit.", "Mara Okell lives in Ghent.")
LAX = Bounds(
    recall_rank=0, recall_exact=0, general_lost=99, general_lost_attached=1, neutral_ratio=1e9,
    neutral_ratio_attached=1e9, foreign_gain=1,
)  # fmt: skip
QUICK = Recipe(shape=AdapterShape(rank=4, alpha=8), learning_rate=5e-2, epochs=6, batch_tokens=2048)


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return save_tiny_model(tmp_path_factory.mktemp("tiny"))


@pytest.fixture(scope="module")
def model(folder: Path) -> LocalChatModel:
    return LocalChatModel(LocalRuntime(folder), sampling=Sampling(max_tokens=6))


@pytest.fixture
def memory(tmp_path: Path) -> Iterator[Memory]:
    with Memory(f"sqlite:///{tmp_path}/m.db", embedder="none", worker="none", clock=lambda: NOW) as memory:
        tell(memory)
        yield memory


def tell(memory: Memory) -> None:
    memory.add(
        [{"role": "user", "content": text, "timestamp": NOW - timedelta(days=30)} for text in TOLD],
        user_id="ann",
        wait=True,
    )


def taught(memory: Memory, model: LocalChatModel, monkeypatch: pytest.MonkeyPatch) -> Artifact:
    """An adapter that a gate without bounds lets through."""
    monkeypatch.setattr("memstrata.parametric.making.ASKED", ASKED[:2])
    store = memory._parts.store
    AdapterRows(store, model.teacher.base, clock=lambda: NOW, recipe=QUICK).promote(ANN, KINDS)
    work = AdapterWork(store, model.teacher, bounds=LAX)
    job = store.claim([work.queue], owner="me", at=NOW, lease=timedelta(minutes=1), scope=ANN)
    assert job is not None
    work(job.scope_key, lambda: True)
    store.finish(job, owner="me")
    (row,) = memory.artifacts(user_id="ann", tier="parametric")
    assert row.status == "ready"
    return row


def ask(memory: Memory, model: LocalChatModel, question: str) -> Answer:
    return Chat(memory, model)(question, user_id="ann", mode="read-only")


def test_a_chat_attaches_what_a_question_is_about_and_nothing_else(
    memory: Memory, model: LocalChatModel, monkeypatch: pytest.MonkeyPatch
) -> None:
    about, general = "What is Mara Okell's dog called?", "What is the capital of France?"
    before = ask(memory, model, about), ask(memory, model, general)
    row = taught(memory, model, monkeypatch)
    assert not {each.tier for each in before[0].served} - {"text"}
    said = ask(memory, model, about)
    assert {(each.tier, each.artifact) for each in said.served} == {("parametric", row.id)}
    assert said.text != before[0].text
    assert said.reading is not None
    assert said.reading.attached == 0
    assert ask(memory, model, general).text == before[1].text
    assert memory.artifacts(user_id="ann", tier="parametric")[0].uses == 1
    memory.forget(said.hits[0].sources[0].episode_id, user_id="ann")
    assert ask(memory, model, about).served == ask(memory, model, about).served
    assert not {each.tier for each in ask(memory, model, about).served} - {"text"}


def test_an_adapter_of_other_bytes_than_were_written_is_not_attached(
    memory: Memory, model: LocalChatModel, monkeypatch: pytest.MonkeyPatch
) -> None:
    row = taught(memory, model, monkeypatch)
    store = memory._parts.store
    with store.blobs.reading(store.blob_name(ANN, row.id)) as path:
        (file,) = path.glob("*.safetensors")
        data = bytearray(file.read_bytes())
        data[-2] ^= 1  # a number that is still a number
        file.write_bytes(data)
    answer = ask(memory, model, "What is Mara Okell's dog called?")
    assert answer.hits
    assert {each.tier for each in answer.served} == {"text"}


def test_what_was_taught_is_exported_for_other_tools_and_read_back(
    memory: Memory, model: LocalChatModel, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    row = taught(memory, model, monkeypatch)
    size = memory.export_adapter(row.id, tmp_path / "out", user_id="ann")
    assert size == row.size
    assert json.loads((tmp_path / "out" / "adapter_config.json").read_text())["peft_type"] == "LORA"
    assert load_adapter(tmp_path / "out", model.runtime).shape == QUICK.shape
    with pytest.raises(InvalidInput):
        memory.export_adapter(row.id, tmp_path / "out", user_id="ann")
    with pytest.raises(NotFound):
        memory.export_adapter("ar_0", tmp_path / "other", user_id="ann")
    with pytest.raises(NotFound):
        memory.export_adapter(row.id, tmp_path / "other", user_id="ben")


def test_promote_asks_and_a_worker_with_the_model_makes_or_refuses(
    memory: Memory, model: LocalChatModel, folder: Path, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    with pytest.raises(InvalidInput, match="kinds"):
        memory.promote(user_id="ann", tier="parametric", model=model)
    (row,) = memory.promote(user_id="ann", tier="parametric", kinds=KINDS, model=model)
    assert row.status == "making"
    assert memory.wait(), "nobody here serves it, so nobody waits for it"
    assert memory.artifacts(user_id="ann")[0].status == "making"
    monkeypatch.setattr("memstrata.parametric.making.ASKED", ASKED[:2])
    url = f"sqlite:///{tmp_path}/m.db"
    with Memory(url, embedder="none", worker="none", adapters=str(folder), clock=lambda: NOW) as worker:
        worker.wait()
    (row,) = memory.artifacts(user_id="ann", status="refused")
    assert "held-out wordings" in row.reason
    assert memory._parts.store.blobs.names() == []


WORKER = """
import sys
from datetime import datetime
from memstrata import Memory
import memstrata.parametric.making as making
making.ASKED = making.ASKED[:2]
url, model, now = sys.argv[1:]
with Memory(url, embedder="none", worker="none", adapters=model, clock=lambda: datetime.fromisoformat(now)) as memory:
    memory.wait()
"""


def _worker(url: str, folder: Path, now: datetime) -> subprocess.Popen[bytes]:
    root = Path(__file__).parents[2]
    environment = {**os.environ, "PYTHONPATH": str(root / "src"), "OMP_NUM_THREADS": "1"}
    return subprocess.Popen([sys.executable, "-c", WORKER, url, str(folder), now.isoformat()], env=environment)


def test_a_worker_that_is_killed_in_training_is_taken_over_and_comes_to_the_same_result(
    memory: Memory, model: LocalChatModel, folder: Path, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.setattr("memstrata.parametric.making.ASKED", ASKED[:2])
    store = memory._parts.store
    (row,) = AdapterRows(store, model.teacher.base, clock=lambda: NOW, recipe=Recipe(
        shape=QUICK.shape, learning_rate=3e-3, epochs=8, patience=9, batch_tokens=256
    )).promote(ANN, KINDS)  # fmt: skip
    memory.wait()
    memory.close()
    shutil.copy(tmp_path / "m.db", tmp_path / "other.db")
    found: list[dict[str, Any]] = []
    for name in ("m.db", "other.db"):
        url, now = f"sqlite:///{tmp_path}/{name}", NOW
        if name == "m.db":
            _kill_when_there_is_a_checkpoint(url, folder, tmp_path)
            now += timedelta(minutes=5)  # the lease of the killed has run out
        with Memory(url, embedder="none", worker="none", adapters=str(folder), clock=lambda at=now: at) as after:  # type: ignore[misc]
            after.wait()
            (made,) = after.artifacts(user_id="ann")
            assert (made.id, made.status) == (row.id, "refused")
            found.append(dict(made.metrics))
    assert found[0] == found[1]
    assert len(found[0]["epochs"]) == 8


def _kill_when_there_is_a_checkpoint(url: str, folder: Path, home: Path) -> None:
    """And see that the job was not done."""
    with _worker(url, folder, NOW) as process:
        while process.poll() is None and not any(path.is_file() for path in home.glob("**/1-ar_*")):
            pass
        process.send_signal(signal.SIGKILL)
    assert process.returncode == -signal.SIGKILL
    with Memory(url, embedder="none", worker="none") as memory:
        assert [each.status for each in memory.artifacts(user_id="ann")] == ["making"]
        assert len(memory._parts.store.blobs.names()) == 1
