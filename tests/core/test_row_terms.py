"""What a row holds, against a dictionary."""

from __future__ import annotations

import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from memstrata.core.index.postings import Keys, pack_terms
from memstrata.core.index.terms import RowTerms

rows_with_terms = st.lists(st.dictionaries(st.integers(0, 2**32 - 1), st.integers(1, 255), max_size=5), max_size=12)


def packed(held: dict[int, dict[int, int]]) -> Keys:
    """The keys of rows, by term as sealed blocks have them."""
    return np.sort(np.concatenate([np.empty(0, np.uint64), *(pack_terms(held[row], row) for row in held)]))


@given(rows=rows_with_terms, cut=st.integers(0, 12), gap=st.integers(0, 3))
def test_each_row_holds_its_terms_whenever_they_came(rows: list[dict[int, int]], cut: int, gap: int) -> None:
    held = {place + gap * (place >= cut): terms for place, terms in enumerate(rows)}
    first = {row: terms for row, terms in held.items() if row < cut}
    table = RowTerms(packed(first))
    table.add(packed({row: terms for row, terms in held.items() if row not in first}))
    wanted = [*reversed(held), 999, cut]
    terms, counts = table.of(np.array(wanted))
    pieces = np.split(terms, np.cumsum(counts)[:-1])
    assert [sorted(piece.tolist()) for piece in pieces] == [sorted(held.get(row, {})) for row in wanted]


def test_it_counts_its_bytes() -> None:
    table = RowTerms(packed({row: {row: 1, row + 1: 2} for row in range(100)}))
    assert 100 * (2 * 4 + 8) <= table.nbytes <= 2 * 100 * (2 * 4 + 8)
