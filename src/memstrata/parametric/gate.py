"""Whether an adapter may be used: a decision over measurements, which are kept with it either way."""

from __future__ import annotations

from dataclasses import asdict, dataclass


@dataclass(frozen=True, slots=True, kw_only=True)
class Measurements:
    """What was measured of one adapter.

    `recall_rank`: share of held-out wordings whose true answer is likelier than four others of its kind (chance 0.2).
    `recall_exact`: share that is answered with the value and nothing else. `general`, `general_base`: how many of
    `prompts` general questions are answered as they should be, with the rule of attachment and without any adapter;
    `general_attached`: with the adapter attached to all of them. `neutral_ratio`: perplexity of a text about nothing
    that it learned, with the rule of attachment, over that of the model alone; `neutral_ratio_attached`: with the
    adapter attached. `foreign_rank`: share of another scope's questions whose true answer is ranked first with the
    adapter attached, `foreign_base` without; `foreign_told`: another scope's values in what it says.
    """

    recall_rank: float
    recall_exact: float
    general: int
    general_base: int
    general_attached: int
    prompts: int
    neutral_ratio: float
    neutral_ratio_attached: float
    foreign_rank: float
    foreign_base: float
    foreign_told: int

    def as_json(self) -> dict[str, float]:
        """As a store's row keeps them."""
        return asdict(self)


@dataclass(frozen=True, slots=True, kw_only=True)
class Bounds:
    """What an adapter has to reach. The attached ones catch a model that was broken, which the rule of attachment would
    hide until the one question that calls for it.

    `general_lost_attached`: a share of what the model alone answers; good adapters were seen to lose 0.3 at most, one
    trained without replay loses all. `foreign_gain`: over the share of the model alone; of twenty questions, 0.15 is
    chance.
    """

    recall_rank: float = 0.85
    recall_exact: float = 0.6
    general_lost: int = 1
    general_lost_attached: float = 0.4
    neutral_ratio: float = 1.05
    neutral_ratio_attached: float = 1.2
    foreign_gain: float = 0.3


def refusals(found: Measurements, bounds: Bounds | None = None) -> tuple[str, ...]:
    """Why an adapter may not be used; none means that it may. A measurement that is no number refuses it."""
    least = bounds or Bounds()
    kept = 1 - least.general_lost_attached
    checks = (
        (found.recall_rank >= least.recall_rank, f"recalls {found.recall_rank:.2f} of held-out wordings by rank"),
        (found.recall_exact >= least.recall_exact, f"answers {found.recall_exact:.2f} of held-out wordings exactly"),
        (
            found.general >= found.general_base - least.general_lost,
            f"answers {found.general} of {found.prompts} general questions, the model alone {found.general_base}",
        ),
        (
            found.general_attached >= kept * found.general_base,
            f"answers {found.general_attached} general questions attached, the model alone {found.general_base}",
        ),
        (found.neutral_ratio <= least.neutral_ratio, f"neutral perplexity {found.neutral_ratio:.3f} of the model's"),
        (
            found.neutral_ratio_attached <= least.neutral_ratio_attached,
            f"neutral perplexity attached {found.neutral_ratio_attached:.3f} of the model's",
        ),
        (
            found.foreign_rank <= found.foreign_base + least.foreign_gain,
            f"ranks {found.foreign_rank:.2f} of another scope's answers first, the model {found.foreign_base:.2f}",
        ),
        (found.foreign_told == 0, f"tells {found.foreign_told} of another scope's values"),
    )
    return tuple(reason for holds, reason in checks if not holds)
