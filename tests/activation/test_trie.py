"""The trie finds what comparing with every sequence finds."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from memstrata.activation.trie import TokenTrie

sequences = st.lists(st.integers(0, 2), max_size=8)


@given(kept=st.lists(sequences, max_size=8), asked=sequences)
def test_the_longest_shared_beginning_is_that_of_a_naive_search(kept: list[list[int]], asked: list[int]) -> None:
    trie = TokenTrie()
    for number, ids in enumerate(kept):
        trie.put(f"s{number}", ids)

    def shared(ids: list[int]) -> int:
        pairs = zip(ids, asked, strict=False)
        return next((place for place, pair in enumerate(pairs) if pair[0] != pair[1]), min(len(ids), len(asked)))

    most = max(map(shared, kept), default=0)
    found = trie.longest(asked)
    if most == 0:
        assert found is None
    else:
        assert found is not None
        assert found[1] == most == shared(kept[int(found[0][1:])])


def test_thousands_of_tokens_are_a_few_nodes() -> None:
    trie = TokenTrie()
    trie.put("one", range(5000))
    trie.put("other", [*range(3000), 9, 9])
    assert trie.longest([*range(4000), 7]) == ("one", 4000)
    assert trie.longest([*range(3000), 9]) == ("other", 3001)
    assert len(trie._root.edges) == 1
