"""The verbs of tiers, which `Memory` has beside its own: promote, demote, look at what was derived.

Text is the truth and stays where it is; promotion derives something of it for a model on this machine, demotion
deletes that, and nothing is forgotten by either.
"""

from __future__ import annotations

from collections.abc import Sequence
from functools import partial
from pathlib import Path
from typing import Any

from memstrata.activation.attaching import Attacher
from memstrata.activation.promoting import BUDGET_BYTES, keep_to_budget, promote_passages, promote_prefix
from memstrata.core.artifacts import made_of
from memstrata.core.messages import checked_scope
from memstrata.core.requests import checked_form, checked_ids, checked_kinds, checked_limit, checked_tier
from memstrata.core.scoping import named
from memstrata.core.telling import DEFAULT_TOKENS, MOST_STANDING, STANDING_KINDS, Told, standing
from memstrata.core.tokens import Tokenizer
from memstrata.exchange_verbs import ExchangeVerbs
from memstrata.parametric.asking import copy_out, go_back_to
from memstrata.parametric.attaching import AdapterAttacher
from memstrata.ports import AttachingModel, P
from memstrata.types import Artifact, ArtifactStatus, DerivedTier, FactKind, KvForm, Scope


class TierVerbs(ExchangeVerbs):
    """Promote and demote; see `Memory`."""

    _tokenizer: Tokenizer

    def promote(
        self,
        ids: str | Sequence[str] | None = None,
        *,
        user_id: str | None = None,
        agent_id: str | None = None,
        app_id: str | None = None,
        run_id: str | None = None,
        tier: DerivedTier = "activation",
        model: str | AttachingModel[P] | None = None,
        system: str = "",
        max_tokens: int = DEFAULT_TOKENS,
        form: KvForm = "float16",
        keep: int | None = None,
        budget_bytes: int = BUDGET_BYTES,
        kinds: Sequence[FactKind] = (),
    ) -> list[Artifact]:
        """Derive what a model on this machine can attend to instead of reading it; returns what is ready now.

        Without `ids`: the beginning of this user's prompts, the application's `system` text with what stands in
        memory (give `max_tokens` as to `Chat`). With ids of episodes: each as a passage, which
        `Chat(passages=True)` attaches where recall picks it; unknown ids are passed over. `model`: as for `Chat`,
        such as `"local:smollm2"`; by default the memory's `local_model`. `form`: the numbers it is kept in, by
        default 2 bytes each. `keep`: of a passage, only so many tokens for each layer and key head (at least 1), those
        that a question in general attends to most; it costs most of what a passage is worth (see the benchmarks), so
        by default all are kept. What is there already is returned as it is. Of the whole store's artifacts, those that
        save least for their bytes give way when they exceed `budget_bytes`, which may be these. Raises
        `InvalidInput` where there is nothing to derive from or no such model is named; `ModelError` and `StoreError`
        where the model or the disk fails, and then nothing of it is kept.

        To the parametric tier: facts of these `kinds` that have stood for a week become questions and answers that
        adapters learn, in the background, by a worker that was given the model (`Memory(adapters="smollm2")`,
        `memstrata worker --adapters smollm2`). `kinds` is the person's consent; without it nothing is trained on. The
        adapters that there are or will be come back with their status; of this tier, only `model` counts besides.
        """
        scope = checked_scope(user_id, agent_id, app_id, run_id)
        if checked_tier(tier) == "parametric":
            return self._learned(scope, model, checked_kinds(kinds or None) or ())
        keeper, store = self._parts.attacher(model).keeper, self._parts.store
        count, limit = self._tokenizer, checked_limit(max_tokens, what="max_tokens")
        if ids is None:
            told = partial(self._told, scope.partition, max_tokens=limit, count=count)
            made = promote_prefix(keeper, scope, told, system=system, form=checked_form(form))
        else:
            read = partial(store.by_ids, scope)
            few = None if keep is None else checked_limit(keep, what="keep")
            made = promote_passages(keeper, scope, checked_ids(ids), read=read, form=checked_form(form), keep=few)
        gone = {each.id for each in keep_to_budget(keeper, budget_bytes=budget_bytes)}
        return [each for each in made if each.id not in gone]

    def _learned(
        self, scope: Scope, model: str | AttachingModel[P] | None, kinds: Sequence[FactKind]
    ) -> list[Artifact]:
        rows = self._parts.adapter_rows(model).promote(scope, kinds)
        self._parts.worker.wake()
        return rows

    def rollback(
        self,
        id: str,  # noqa: A002 - the field's word
        *,
        user_id: str | None = None,
        agent_id: str | None = None,
        app_id: str | None = None,
        run_id: str | None = None,
    ) -> Artifact:
        """Put an earlier version of an adapter, one that is `kept`, in the place of the one that is `ready`.

        Raises `NotFound` where there is no such; `artifacts(tier="parametric")` lists them.
        """
        scope = checked_scope(user_id, agent_id, app_id, run_id)
        return go_back_to(self._parts.store, scope, id)

    def export_adapter(
        self,
        id: str,  # noqa: A002 - the field's word
        folder: str | Path,
        *,
        user_id: str | None = None,
        agent_id: str | None = None,
        app_id: str | None = None,
        run_id: str | None = None,
    ) -> int:
        """Copy an adapter into a new folder, in the layout of PEFT, which other tools load; returns the bytes.

        What it was taught can be read out of it, and a copy is not revoked with its sources. Raises `NotFound`, and
        `InvalidInput` for a folder that is there already.
        """
        scope = checked_scope(user_id, agent_id, app_id, run_id)
        return copy_out(self._parts.store, scope, id, Path(folder))

    def demote(
        self,
        ids: str | Sequence[str] | None = None,
        *,
        user_id: str | None = None,
        agent_id: str | None = None,
        app_id: str | None = None,
        run_id: str | None = None,
        tier: DerivedTier = "activation",
    ) -> list[str]:
        """Delete what was derived of a memory into a tier, with its bytes; returns the ids of those artifacts.

        `ids`: of artifacts, or of the facts and episodes that they were made of; all of the tier where it is left
        out. The text stays as it is.
        """
        scope = checked_scope(user_id, agent_id, app_id, run_id)
        wanted = None if ids is None else checked_ids(ids)
        there = self._parts.store.artifacts(scope)
        chosen = [each.id for each in there if each.tier == checked_tier(tier) and made_of(each, wanted)]
        return self._parts.store.drop_artifacts(scope, chosen)

    def artifacts(
        self,
        *,
        user_id: str | None = None,
        agent_id: str | None = None,
        app_id: str | None = None,
        run_id: str | None = None,
        tier: DerivedTier | None = None,
        status: ArtifactStatus | Sequence[ArtifactStatus] | None = None,
    ) -> list[Artifact]:
        """What was derived of a memory into other tiers than text, the oldest first; those of a status, or all."""
        scope = checked_scope(user_id, agent_id, app_id, run_id)
        statuses = [status] if isinstance(status, str) else status
        found = self._parts.store.artifacts(scope, statuses=statuses)
        return [each for each in found if tier is None or each.tier == checked_tier(tier)]

    def _told(self, scope: Scope, *, max_tokens: int, count: Tokenizer) -> Told:
        """What stands in a memory whatever is asked."""
        facts = self.facts(kind=STANDING_KINDS, limit=MOST_STANDING, **named(scope))
        return standing(facts, max_tokens=max_tokens, count=count)

    def adapter_attacher(self, model: str | AttachingModel[P] | None = None) -> AdapterAttacher[Any] | None:
        """What finds the adapters that a question to a model calls for; None for a model that cannot be taught."""
        return self._parts.adapter_attacher(model)

    def attacher(self, model: str | AttachingModel[P] | None = None) -> Attacher[P]:
        """What finds the artifacts of this memory's scopes for a model: for those who generate without `Chat`."""
        return self._parts.attacher(model)
