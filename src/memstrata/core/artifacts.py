"""What both stores hold of artifacts: which changes make one stale, which row gives way to which, how one is named."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import replace

from memstrata.types import Artifact, ArtifactKind, ArtifactStatus, Change, ChangeKind, FactStatus, Json

HARMLESS: frozenset[ChangeKind] = frozenset({"asserted", "supported", "confirmed", "pinned", "unpinned", "unmuted"})
"""Changes after which a fact says what it said, and may be said: all others make its artifacts stale."""
HAVE_BYTES: tuple[ArtifactStatus, ...] = ("making", "ready", "kept")
MAY_BE_SOURCES: tuple[FactStatus, ...] = ("active", "disputed")
"""Facts that an artifact may be made of: those that hold."""
SETTLED: tuple[ArtifactStatus, ...] = ("ready", "kept")


def makes_stale(changes: Iterable[Change]) -> dict[str, str]:
    """The facts whose artifacts these changes make stale, each with the reason."""
    return {
        change.fact_id: f"fact {change.fact_id} was {change.kind}" for change in changes if change.kind not in HARMLESS
    }


def stale(artifact: Artifact, reason: str) -> Artifact:
    """The artifact after a source changed."""
    return replace(artifact, status="stale", reason=reason, size=0)


def made_of(artifact: Artifact, ids: Sequence[str] | None) -> bool:
    """Whether an artifact is one of these or was made of one; any is where there are no ids."""
    return ids is None or artifact.id in ids or not set(ids).isdisjoint(artifact.sources)


def finished(before: Artifact, made: Artifact) -> Artifact:
    """The row of one that was being made, with what became of it."""
    return replace(
        before,
        status=made.status,
        tokens=made.tokens,
        size=made.size,
        digest=made.digest,
        metrics=made.metrics,
        reason=made.reason,
    )


def artifact_id(
    kind: ArtifactKind, *, model: str, series: str, recipe: Mapping[str, Json], sources: Sequence[str]
) -> str:
    """Names an artifact by all that decides its bytes: `ar_` and 32 hexadecimal digits of SHA-256."""
    content = json.dumps([kind, model, series, recipe, list(sources)], sort_keys=True, ensure_ascii=True)
    return f"ar_{hashlib.sha256(content.encode()).hexdigest()[:32]}"
