"""`ModelExtractor`: claims that a language model reads, each held against the words that it rests on.

The model proposes, the words decide: see `evidence`. What it is asked stands in `prompts/`.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence

from memstrata.core.records import Extraction, Prompt
from memstrata.errors import InvalidInput, ModelError
from memstrata.extract.answers import Misfit, Stated, read_answer
from memstrata.extract.evidence import claim_of, passed_on, witness_of
from memstrata.extract.prompting import RECIPE, Batch, batches, prompt_of, repair_of
from memstrata.ports import LanguageModel
from memstrata.types import Claim, Episode, Scope

BATCH = 12
"""Turns of one call."""
BATCH_TOKENS = 2500
"""Of their texts; a longer text is read in pieces."""
ANSWER_TOKENS = 4096
"""Some thirty facts."""


class ModelExtractor:
    """Implements `Extractor` with `model`: one call for `batch` turns or about `batch_tokens` tokens of one run.

    `on_account` gives the model for a scope, such as one with the scope's budget; without it, `model` serves all. An
    answer that does not fit is asked for once more. Raises `ModelError` where that does not help either, and what the
    model raises; then nothing of the whole call is returned.
    """

    def __init__(
        self,
        model: LanguageModel,
        *,
        batch: int = BATCH,
        batch_tokens: int = BATCH_TOKENS,
        max_tokens: int = ANSWER_TOKENS,
        on_account: Callable[[Scope], LanguageModel] | None = None,
    ) -> None:
        if min(batch, batch_tokens, max_tokens) < 1:
            raise InvalidInput("batch, batch_tokens and max_tokens are at least 1")
        self._model = model
        self._batch = batch
        self._batch_tokens = batch_tokens
        self._max_tokens = max_tokens
        self._on_account = on_account

    @property
    def name(self) -> str:
        """The model and the words it is asked with: with others of either, episodes are read anew."""
        return f"model/{self._model.name}/{RECIPE}"

    def extract(self, scope: Scope, episodes: Sequence[Episode], *, before: Sequence[Episode]) -> Extraction:
        """See `Extractor.extract`. `refused`: facts whose words do not bear them out."""
        model = self._model if self._on_account is None else self._on_account(scope)
        foreign = {episode.id: passed_on(episode) for episode in episodes}
        found: list[Claim] = []
        refused = 0
        for batch in batches(episodes, before=before, most=self._batch, tokens=self._batch_tokens):
            claims, others = self._read(model, batch, foreign)
            found += claims
            refused += others
        order = {episode.id: place for place, episode in enumerate(episodes)}
        unique = dict.fromkeys(found)  # a claim is the same if all of it is
        placed = sorted(unique, key=lambda claim: (order[claim.sources[0].episode_id], claim.sources[0].start))
        return Extraction(claims=tuple(placed), refused=refused)

    def _read(
        self, model: LanguageModel, batch: Batch, foreign: Mapping[str, Sequence[tuple[int, int]]]
    ) -> tuple[list[Claim], int]:
        facts, refused = self._ask(model, prompt_of(batch))
        witness = witness_of(batch, foreign)
        claims = [claim_of(stated, witness) for stated in facts]
        held = [claim for claim in claims if claim is not None]
        return held, refused + len(claims) - len(held)

    def _ask(self, model: LanguageModel, prompt: Prompt) -> tuple[list[Stated], int]:
        try:
            return read_answer(model.complete(prompt, max_tokens=self._max_tokens).text)
        except Misfit as misfit:
            again = repair_of(prompt, str(misfit))
        try:
            return read_answer(model.complete(again, max_tokens=self._max_tokens).text)
        except Misfit as misfit:
            raise ModelError(f"the model {model.name!r} gave no usable answer twice: {misfit}") from misfit
