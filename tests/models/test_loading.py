"""Models are loaded one at a time, whoever asks: transformers sets the type of numbers for the whole process."""

from __future__ import annotations

import threading
from pathlib import Path
from typing import Any

import pytest

pytest.importorskip("torch")
pytest.importorskip("transformers")

from memstrata.core.surprise import Session, Turn
from memstrata.models.local.conversing import LocalChatModel
from memstrata.models.local.runtime import LocalRuntime, Sampling
from memstrata.models.local.tiny import save_tiny_model
from memstrata.models.local.transformer import LocalTransformer


def test_two_models_are_not_loaded_at_once(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    import transformers

    folder = save_tiny_model(tmp_path / "tiny")
    both_inside, together = threading.Barrier(2), []
    load = transformers.AutoModelForCausalLM.from_pretrained

    def watched(*given: Any, **how: Any) -> Any:
        try:
            both_inside.wait(timeout=1)
            together.append(True)
        except threading.BrokenBarrierError:
            pass
        return load(*given, **how)

    monkeypatch.setattr(transformers.AutoModelForCausalLM, "from_pretrained", watched)
    weighing, chatting = (
        LocalTransformer(folder),
        LocalChatModel(LocalRuntime(folder), sampling=Sampling(max_tokens=2)),
    )
    session, said = Session(turns=(Turn(speaker="", text="hello there"),), start=0), list[object]()
    steps = (
        lambda: said.append(weighing.surprise([session])),
        lambda: said.append(list(chatting.reply([{"role": "user", "content": "hi"}]))),
    )
    threads = [threading.Thread(target=step) for step in steps]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert together == []
    assert len(said) == 2
