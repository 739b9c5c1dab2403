"""Answers of a model on this machine: what is kept of the prompt is attached, the rest is read as text.

One way for all: the longest kept beginning, then, where they are asked for, kept passages that recall picked, the best
of them next to the question, then the words that are left. Without any artifact it is plain reading.
"""

from __future__ import annotations

import secrets
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any, Generic, TypeVar

from memstrata.activation.attaching import Attacher, Attachment
from memstrata.activation.promoting import SINK
from memstrata.chat.prompting import Prompt
from memstrata.core.records import Piece
from memstrata.core.tokens import Tokenizer
from memstrata.core.turns import last_question, text_of
from memstrata.errors import StoreError
from memstrata.parametric.attaching import AdapterAttacher, AttachedAdapter
from memstrata.ports import AttachingModel, P
from memstrata.types import Artifact, Episode, Hit, Json, Scope, Tier

MOST_PASSAGES = 5
"""More than these before one question draw its attention from each other (docs/benchmarks.md, explicit memory)."""

T = TypeVar("T")


@dataclass(frozen=True, slots=True, kw_only=True)
class Served:
    """By which tier a memory reached the model, and with which artifact, None for text."""

    id: str
    tier: Tier
    artifact: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Reading:
    """What a prompt cost: tokens read, and tokens that were attached instead.

    `saved_seconds`: processor time that reading those took when they were read, measured when they were kept.
    """

    read: int
    attached: int
    saved_seconds: float


class LocalAnswers(Generic[P]):
    """A model and what is kept for it: for all models of its fingerprint, whichever made it."""

    def __init__(
        self,
        model: AttachingModel[P],
        attacher: Attacher[P],
        adapters: AdapterAttacher[Any] | None,
        *,
        passages: bool,
        count: Tokenizer,
    ) -> None:
        self._model, self._attacher, self._adapters = model, attacher, adapters
        self._passages, self._count = passages, count

    def reply(
        self, scope: Scope, prompt: Prompt, *, tools: Sequence[Mapping[str, Json]], told: Told
    ) -> Iterator[Piece]:
        """The answer to a prompt; `told` is filled with how it was read. Raises ModelError where there are tools."""
        model = self._model
        model.refuse_tools(tools)
        adapters = self._tried(lambda: self._called_for(scope, prompt), told) or []
        if adapters:
            ids = model.encode(model.rendered(prompt.told))
            told.note_adapters([each.artifact for each in adapters], prompt, read=len(ids))
            yield from model.answer(ids, adapters=[each.adapter for each in adapters])
            return
        found = self._tried(lambda: self._attached(scope, prompt), told)
        attachment, hits = found or (self._unattached(prompt), dict[str, Artifact]())
        told.note(attachment, hits, prompt)
        with self._attacher.keeper.using(scope, attachment.artifacts):
            yield from model.answer(attachment.tail, after=attachment.parts)

    def _tried(self, step: Callable[[], T], told: Told) -> T | None:
        """What a step finds of what is kept; where the store fails, nothing, and all is read as text."""
        try:
            return step()
        except StoreError as error:
            told.failed.append(f"what is kept could not be attached ({error.code}); it is read as text")
            return None

    def _unattached(self, prompt: Prompt) -> Attachment[P]:
        ids = self._model.encode(self._model.rendered(prompt.told))
        return Attachment(parts=(), tail=tuple(ids), read=len(ids))

    def _called_for(self, scope: Scope, prompt: Prompt) -> list[AttachedAdapter[Any]]:
        """The adapters of what is asked. What was kept as keys and values was read without them and is of no use
        beside them, so they exclude each other."""
        asked = last_question(prompt.messages)
        if self._adapters is None or asked is None:
            return []
        return self._adapters.attached(scope, text_of(prompt.messages[asked].get("content")), prompt.given.hits)

    def _attached(self, scope: Scope, prompt: Prompt) -> tuple[Attachment[P], dict[str, Artifact]]:
        """What is attached, and the passages among it by episode."""
        model = self._model
        refused: tuple[str, ...] = ()
        while True:
            chosen = self._chosen(scope, prompt)
            if not chosen:
                found = self._attacher.attach(scope, model.encode(model.rendered(prompt.told)))
                return _noting(found, refused), {}
            hits = [hit for hit in prompt.given.best if _episode_of(hit) in chosen]
            rest = prompt.without(hits, count=self._count)
            here = f"\ue000{secrets.token_hex(8)}\ue000"  # where passages go; nothing that was said can be equal
            head, _, tail = model.rendered(prompt.with_recalled(f"{SINK}\n{here}{rest}")).partition(here)
            found = self._attacher.attach_passages(scope, model.encode(head), chosen, model.encode(f"\n{tail}"))
            refused += found.refused
            if not found.refused:
                return _noting(found, refused), chosen

    def _chosen(self, scope: Scope, prompt: Prompt) -> dict[str, Artifact]:
        """Kept passages of what was recalled, the best last."""
        if not self._passages:
            return {}
        best = [id_ for hit in prompt.given.best if (id_ := _episode_of(hit)) is not None]
        ready = self._attacher.ready_passages(scope, list(dict.fromkeys(best)))
        return dict(reversed(list(ready.items())[:MOST_PASSAGES]))


class Told:
    """How a prompt's memories reached the model."""

    def __init__(self) -> None:
        self.served: tuple[Served, ...] = ()
        self.reading: Reading | None = None
        self.refused: tuple[str, ...] = ()
        self.failed: list[str] = []

    @property
    def degraded(self) -> tuple[str, ...]:
        """What was kept and could not be used, and why."""
        return (*self.failed, *self.refused)

    def note(self, attachment: Attachment[P], passages: Mapping[str, Artifact], prompt: Prompt) -> None:
        """Take in what was attached for a prompt."""
        prefix = next((each for each in attachment.artifacts if each.kind == "prefix"), None)
        whole = prefix is not None and attachment.parts[0].tokens == prefix.tokens
        fresh = {hit.item.id for hit in prompt.given.fresh}
        self.served = tuple(
            _served(hit, passages, prefix if whole and hit.item.id not in fresh else None) for hit in prompt.given.hits
        )
        self.reading = Reading(read=attachment.read, attached=attachment.tokens, saved_seconds=_saved(attachment))
        self.refused = attachment.refused

    def note_adapters(self, adapters: Sequence[Artifact], prompt: Prompt, *, read: int) -> None:
        """Take in that a prompt was read with adapters; what these know was told as text besides."""
        by_source = {source: each.id for each in adapters for source in each.sources}
        self.served = tuple(
            Served(id=hit.item.id, tier="parametric", artifact=by_source[hit.item.id])
            if hit.item.id in by_source
            else Served(id=hit.item.id, tier="text")
            for hit in prompt.given.hits
        )
        self.reading = Reading(read=read, attached=0, saved_seconds=0.0)


def _served(hit: Hit, passages: Mapping[str, Artifact], prefix: Artifact | None) -> Served:
    id_, episode_id = hit.item.id, _episode_of(hit)
    if episode_id is not None and episode_id in passages:
        return Served(id=id_, tier="activation", artifact=passages[episode_id].id)
    if prefix is not None and id_ in prefix.sources:
        return Served(id=id_, tier="activation", artifact=prefix.id)
    return Served(id=id_, tier="text")


def _episode_of(hit: Hit) -> str | None:
    """The episode whose passage tells all that a hit does; None for one of several, and where something changed."""
    if hit.supersedes or hit.superseded_by:
        return None
    if isinstance(hit.item, Episode):
        return hit.item.id
    episodes = {source.episode_id for source in hit.sources}
    return episodes.pop() if len(episodes) == 1 else None


def _saved(attachment: Attachment[P]) -> float:
    """Processor seconds that the attached tokens took to read when they were kept."""
    took, held = 0.0, 0
    for artifact in attachment.artifacts:
        seconds = artifact.metrics.get("cpu_seconds")
        took += seconds if isinstance(seconds, float | int) else 0.0
        held += artifact.tokens
    return round(took * attachment.tokens / held, 4) if held else 0.0


def _noting(found: Attachment[P], refused: tuple[str, ...]) -> Attachment[P]:
    return replace(found, refused=tuple(dict.fromkeys((*refused, *found.refused))))
