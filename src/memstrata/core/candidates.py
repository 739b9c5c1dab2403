"""What a store is asked when something is to be recalled (`Probe`), and what it answers (`Pool`).

A store does not rank. It finds candidates by several legs, each inside one scope and one view, and returns them
as columns: everything that the scoring signals of `recall/` need and that does not depend on their weights.

Lexical columns are BM25 over four *windows* of an episode. A window is a set of episodes of one session; its
term frequencies and its length are the sums over its members (missing neighbours count as nothing):

| window      | members                                              |
|-------------|------------------------------------------------------|
| `turn`      | the episode                                          |
| `previous`  | the episode and the two before it                    |
| `around`    | the two before it, the episode, the two after it     |
| `session`   | all episodes of its session                          |

BM25 is Lucene's: `sum over query terms of idf * tf / (tf + k1 * (1 - b + b * length / average length))` with
`idf = ln(1 + (N - df + .5) / (df + .5))`, k1 = .9, b = .4 (reference values of Anserini, which fit short
messages; measured beside 1.2/.75). N and df count episodes for every window. The average length of a window is
that of an episode times 1, 3 or 5, and of a session all lengths over the number of sessions. Statistics are
those of the whole scope (all its episodes that are not forgotten, whatever the view), never of another scope; so
are the neighbours. A query term that occurs twice in the query counts once.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

if TYPE_CHECKING:
    from memstrata.core.filters import Filter

WINDOWS = ("turn", "previous", "around", "session")
"""The lexical windows, in the order of the columns of `Pool.bm25`."""
BM25_K1 = 0.9
BM25_B = 0.4
WINDOW_SIZES = {"turn": 1, "previous": 3, "around": 5}
"""Episodes in a window that lacks none."""

RARE_SHARE = 50
"""A term is rare in a scope that occurs in one of so many episodes at most."""
RARE_AT_LEAST = 12
"""Or in so many episodes, however small the scope."""

Floats = NDArray[np.float32]
Integers = NDArray[np.int64]


@dataclass(frozen=True, slots=True, kw_only=True)
class View:
    """Which episodes of a scope a read may see. Times are microseconds since 1970 in UTC, inclusive."""

    run_id: str | None = None
    said_until: int | None = None
    recorded_until: int | None = None
    filter: Filter | None = None

    @property
    def everything(self) -> bool:
        """Nothing is left out."""
        return self == View()


@dataclass(frozen=True, slots=True, kw_only=True)
class Probe:
    """A question as the store understands it.

    `terms`: distinct term numbers (see `core.lexical.term_number`), in order of appearance. `vector`: unit length,
    (dim,), or None for lexical recall alone. `space`: that of the vectors it is compared with.
    `per_leg`: how many candidates each leg (turn, previous, around, dense) contributes at most; ties go to the newer.
    """

    terms: tuple[int, ...]
    vector: Floats | None = None
    space: str | None = None
    per_leg: int = 150
    view: View = field(default_factory=View)


@dataclass(frozen=True, slots=True, kw_only=True)
class Pool:
    """Candidates as columns of n rows, ascending by `rows`. Never holds text.

    - `rows`: int64 (n,), the episodes' numbers within their scope.
    - `bm25`: float32 (n, 4), one column a window of `WINDOWS`.
    - `coverage`: float32 (n, 4), the share of the query's idf mass whose terms occur in the window.
    - `cosine`, `cosine_previous`, `cosine_next`: float32 (n,), of the episode and of its neighbours in the
      session; NaN where there is no episode or no vector.
    - `cosine_sentence`: float32 (n,), the best of the episode's sentences; NaN where none has a vector.
    - `cosine_session`: float32 (n,), mean of the three best cosines of the session (of all, where there are
      fewer); NaN where no episode of the session has a vector.
    - `timestamps`: int64 (n,), microseconds UTC. `offsets`: int32 (n,), the clock's offset from UTC in minutes.
    - `sessions`: int64 (n,), session numbers. `positions`: int32 (n,), from 0, within the session.
    - `speakers`: int32 (n,), index into `names`, -1 for none. `names`: the distinct names in the scope.
    - `roles`: int8 (n,), index into `types.ROLES`.
    - `question_share`, `address_share`: float32 (n,), `words`, `proper_nouns`: int32 (n,), `time_expression`: bool
      (n,): see `core.features`. `previous_question_share`: float32 (n,), of the episode before; 0 where there is none.
    - `surprise`: float32 (n,), nats (see `core.surprise`); NaN where no local model has weighed the episode.
    - `population`: how many episodes the scope holds; `with_vector`: how many of them have a vector in the space.
    - `name_counts`: how many episodes each of `names` said; `role_counts`: how many each role of `types.ROLES`.
    """

    rows: Integers
    bm25: Floats
    coverage: Floats
    cosine: Floats
    cosine_previous: Floats
    cosine_next: Floats
    cosine_sentence: Floats
    cosine_session: Floats
    timestamps: Integers
    offsets: NDArray[np.int32]
    sessions: Integers
    positions: NDArray[np.int32]
    speakers: NDArray[np.int32]
    roles: NDArray[np.int8]
    question_share: Floats
    address_share: Floats
    previous_question_share: Floats
    words: NDArray[np.int32]
    proper_nouns: NDArray[np.int32]
    time_expression: NDArray[np.bool_]
    surprise: Floats
    names: tuple[str, ...]
    name_counts: tuple[int, ...]
    role_counts: tuple[int, ...]
    population: int
    with_vector: int

    def __len__(self) -> int:
        return len(self.rows)


def term_weights(population: int, episodes: Integers) -> Floats:
    """The idf of terms that occur in so many of all episodes (see above)."""
    return np.log1p((population - episodes + 0.5) / (episodes + 0.5)).astype(np.float32)


def most_of_a_rare_term(population: int) -> int:
    """How many episodes a term may occur in for two that share it to have to do with each other."""
    return max(RARE_AT_LEAST, population // RARE_SHARE)
