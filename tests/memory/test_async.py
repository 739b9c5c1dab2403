"""`AsyncMemory` mirrors `Memory`."""

from __future__ import annotations

import asyncio
import inspect
from pathlib import Path

from memstrata import AsyncMemory, Memory
from memstrata.testing.embedders import HashEmbedder


def verbs(kind: type) -> dict[str, object]:
    own = {name: value for each in reversed(kind.__mro__[:-1]) for name, value in vars(each).items()}
    return {name: value for name, value in own.items() if not name.startswith("_")}


def test_the_signatures_are_equal() -> None:
    assert set(verbs(AsyncMemory)) == set(verbs(Memory))
    for name in verbs(Memory):
        ours, theirs = getattr(AsyncMemory, name), getattr(Memory, name)
        assert inspect.signature(ours).parameters == inspect.signature(theirs).parameters, name
        assert inspect.iscoroutinefunction(ours), name
    assert inspect.signature(AsyncMemory.__init__) == inspect.signature(Memory.__init__)


def test_the_verbs_work_and_run_side_by_side(tmp_path: Path) -> None:
    async def scenario() -> None:
        async with AsyncMemory(f"sqlite:///{tmp_path}/memory.db", embedder=HashEmbedder()) as memory:
            await asyncio.gather(*(memory.add(f"note {n}", user_id="ann") for n in range(10)))
            await memory.wait()
            assert (await memory.stats(user_id="ann")).vectors == 10
            assert (await memory.search("note 7", user_id="ann"))[0].text == "note 7"
            assert (await memory.context("note", user_id="ann", max_tokens=30)).tokens <= 30
            assert (await memory.forget(user_id="ann")).forgotten == 10

    asyncio.run(scenario())
