"""What is derived of memories into other tiers than text."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from typing import Literal, get_args

from memstrata.types.conversation import Json

Tier = Literal["text", "activation", "parametric"]
"""Text that people read, KV cache that a model attends to, weights that a model learns."""
TIERS: tuple[str, ...] = get_args(Tier)
DerivedTier = Literal["activation", "parametric"]
"""The tiers that something is derived into, and deleted from."""
DERIVED_TIERS: tuple[str, ...] = get_args(DerivedTier)
ArtifactKind = Literal["prefix", "passage", "adapter"]
"""What is derived: keys and values of a prompt's beginning; those of a text that was read for itself, to be attached
beside others; LoRA weights that a model has learnt."""
ARTIFACT_KINDS: tuple[str, ...] = get_args(ArtifactKind)
KvForm = Literal["float32", "bfloat16", "float16", "int8"]
"""The numbers in which keys and values are kept: 4, 2, 2 or 1 byte each."""
KV_FORMS: tuple[str, ...] = get_args(KvForm)
ArtifactStatus = Literal["making", "ready", "kept", "refused", "stale"]
"""`making`: not finished, or never will be. `ready`: may be attached. `kept`: a version to go back to. `refused`: it
did not pass its gate. `stale`: a source changed; it is never attached again and its bytes are gone."""
ARTIFACT_STATUSES: tuple[str, ...] = get_args(ArtifactStatus)


@dataclass(frozen=True, slots=True, kw_only=True)
class Artifact:
    """Derived bytes in another tier than text: immutable, named by their content, for one model, never the truth.

    `series`: what it is a version of; of each, one version at most is ready. `model`: the fingerprint of the only
    model that it fits. `sources`: the ids of every fact and episode that it was made of. `recipe`: how it was made,
    without any of their words. `tokens`: how many it saves reading, 0 for weights; `size` in bytes; `digest`: SHA-256
    of its manifest. `metrics`: what was measured of it. `reason`: why it is stale or was refused.
    """

    id: str
    kind: ArtifactKind
    series: str
    status: ArtifactStatus
    model: str
    sources: tuple[str, ...]
    recipe: Mapping[str, Json]
    made_at: datetime
    tokens: int = 0
    size: int = 0
    digest: str = ""
    metrics: Mapping[str, Json] = field(default_factory=dict)
    reason: str = ""
    used_at: datetime | None = None
    uses: int = 0

    @property
    def tier(self) -> DerivedTier:
        """The tier that it lies in."""
        return "parametric" if self.kind == "adapter" else "activation"
