"""What is forgotten leaves no byte in any file of the store."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from memstrata import Memory
from memstrata.core.index.vectors import quantise
from memstrata.stores.sqlite import blocks
from memstrata.testing.embedders import HashEmbedder

SECRET = "the walrus hoards MARZIPAN-7719"
NAME = "Zebulonius"


def files_hold(folder: Path, *needles: bytes) -> list[bytes]:
    """Those of the needles that some file of the folder holds."""
    data = b"".join(path.read_bytes() for path in sorted(folder.iterdir()))
    return [needle for needle in needles if needle in data]


def filled(folder: Path, *, around: int) -> tuple[Memory, str]:
    memory = Memory(f"sqlite:///{folder}/memory.db", embedder=HashEmbedder())
    memory.add([f"ordinary message {n} of the day" for n in range(around)], user_id="ann")
    receipt = memory.add(
        {"content": SECRET, "name": NAME, "metadata": {"place": "Quokkastan"}, "id": "wombat-1"},
        user_id="ann",
        run_id="secret-run",
    )
    memory.add([f"later message {n} of the week" for n in range(around)], user_id="ann")
    memory.wait()
    return memory, receipt.episode_ids[0]


def traces(memory: Memory) -> list[bytes]:
    """The text in every form that the store might keep."""
    from memstrata.core.lexical import index_terms
    from memstrata.core.records import TextRow
    from memstrata.schedule.embedding import passage

    day = memory.search(SECRET, user_id="ann")[0].item.timestamp
    from memstrata.core.clock import day_in_words

    vector = HashEmbedder().embed_passages([passage(TextRow(row=0, day=day_in_words(day), name=NAME, text=SECRET))])
    half = vector.astype(np.float16)
    rare = max(index_terms("MARZIPAN").frequencies)
    return [
        SECRET.encode(),
        b"MARZIPAN",
        NAME.encode(),
        b"Quokkastan",
        b"wombat-1",
        b"secret-run",
        half.tobytes(),
        quantise(half)[0].tobytes(),
        rare.to_bytes(4, "little"),
    ]


@pytest.mark.parametrize("around", [0, 30, 1500])
@pytest.mark.parametrize("how", ["ids", "run", "everything"])
def test_no_byte_is_left(tmp_path: Path, around: int, how: str) -> None:
    memory, id_ = filled(tmp_path, around=around)
    with memory:
        needles = traces(memory)
        found = files_hold(tmp_path, *needles)
        assert found == needles if around == 1500 else found == [n for n in needles if n in found]
        assert SECRET.encode() in found
        arguments = {"ids": {"ids": [id_]}, "run": {"run_id": "secret-run"}, "everything": {}}[how]
        receipt = memory.forget(user_id="ann", **arguments)  # type: ignore[arg-type]
        assert receipt.scrubbed
        assert files_hold(tmp_path, *needles) == []
        assert memory.search("MARZIPAN walrus", user_id="ann", filters={"name": NAME}) == []
    assert files_hold(tmp_path, *needles) == []


def test_a_reader_in_the_way_delays_the_scrubbing_and_a_job_does_it(tmp_path: Path) -> None:
    memory, id_ = filled(tmp_path, around=5)
    with memory:
        needles = [SECRET.encode()]
        with memory._parts.store._database.read() as connection:  # type: ignore[attr-defined]
            connection.execute("SELECT count(*) FROM episode").fetchall()
            receipt = memory.forget([id_], user_id="ann")
            assert not receipt.scrubbed
            assert files_hold(tmp_path, *needles) == needles
        assert memory.wait()
        assert files_hold(tmp_path, *needles) == []


def test_small_blocks_are_sealed_again_without_the_words(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(blocks, "BLOCK_ROWS", 4)
    memory, id_ = filled(tmp_path, around=9)
    with memory:
        needles = traces(memory)
        assert files_hold(tmp_path, *needles) == needles
        memory.forget([id_], user_id="ann")
        assert files_hold(tmp_path, *needles) == []
        assert len(memory.search("ordinary message", user_id="ann", limit=50)) == 18
