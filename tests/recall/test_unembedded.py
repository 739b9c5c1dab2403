"""What has no vector yet is weighed by what is known of it."""

from __future__ import annotations

from pathlib import Path

import pytest

from memstrata import Memory, Message
from memstrata.testing.embedders import HashEmbedder

OLD = [f"On day {n} we walked by the river and talked about the weather, number {n % 7}." for n in range(200)]


@pytest.mark.parametrize("names", [(None,), ("Ann", "Ben")])
@pytest.mark.parametrize("url", [":memory:", "sqlite:///{}/memory.db"])
def test_a_new_message_leads_by_its_words_before_it_has_a_vector(
    tmp_path: Path, url: str, names: tuple[str | None, ...]
) -> None:
    with Memory(url.format(tmp_path), embedder=HashEmbedder(), worker="none", extractor=None) as memory:
        old = [Message(content=text, name=names[n % len(names)]) for n, text in enumerate(OLD)]
        memory.add(old, user_id="ann")
        memory.wait()
        assert memory.stats(user_id="ann").vectors == len(OLD)
        memory.add(Message(content="The needle lies in the blue drawer.", name=names[0]), user_id="ann")
        hits = memory.search("Where is the needle, in which drawer?", user_id="ann")
        assert hits[0].text == "The needle lies in the blue drawer."
        assert hits.degraded
        memory.wait()
        assert memory.search("Where is the needle, in which drawer?", user_id="ann")[0].text == hits[0].text
