"""A user's request to forget, from the words of a message to the erasure: recognise, find what is meant, redact.

The user alone can ask: never an assistant, a tool, a page, or words that the user quotes. What is found is erased
from the episodes' texts and from every fact that rests on them, in one transaction each; the receipt says so.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from contextlib import AbstractContextManager
from datetime import datetime

from memstrata.core.candidates import Probe, View
from memstrata.core.facts.erasing import Redaction
from memstrata.core.passages import vector_space
from memstrata.core.records import NewEpisode, NewJob
from memstrata.errors import EmbedderError
from memstrata.extract.asked_to_forget import ForgetRequest, forget_requests
from memstrata.extract.forget_targets import Asked, targets, topic_terms
from memstrata.extract.rules.sentences import is_foreign
from memstrata.ports import Embedder, Store
from memstrata.types import AskedToForget, Episode, ForgetReceipt, Scope

NEAREST = 40
"""Turns a leg that may be meant by a topic."""
LATEST = 60
"""The latest turns, which may be meant by "that" or by a topic that is only a sort of thing."""


def forget_on_request(
    store: Store,
    embedder: Embedder | None,
    scope: Scope,
    added: Sequence[tuple[NewEpisode, str]],
    *,
    act: bool,
    make_id: Callable[[], str],
    clock: Callable[[], datetime],
    jobs: Sequence[NewJob],
    around: Callable[[], AbstractContextManager[None]],
) -> tuple[AskedToForget, ...]:
    """What users ask to forget in new messages (with their ids) and what came of it; only named unless `act`.

    `around`: what each erasure is wrapped in; most messages ask for none and cost none of it.
    """
    asked = []
    for new, id_ in added:
        for request in forget_requests(new.text) if new.role == "user" else ():
            if is_foreign(new.text, request.start):
                continue
            found = _meant(store, embedder, scope, id_, request)
            receipt = None
            if act and found:
                with around():
                    receipt = _erase(store, scope, request, found, make_id, clock, jobs)
            asked.append(
                AskedToForget(
                    episode_id=id_,
                    topic=request.topic,
                    outcome="nothing found" if not found else "done" if act else "waits",
                    affected=tuple(each.episode_id for each in found),
                    receipt=receipt,
                )
            )
    return tuple(asked)


def _meant(
    store: Store, embedder: Embedder | None, scope: Scope, episode_id: str, request: ForgetRequest
) -> list[Redaction]:
    """Everything that a request means, or nothing: "that" in its own run, anything named wherever it was said."""
    found = store.by_ids(scope, [episode_id])
    if not found:  # an earlier request of the same call took it
        return []
    scope = scope if request.extent == "that" else scope.partition
    if request.extent == "everything":
        episodes = store.list_episodes(scope, View(), limit=1_000_000, cursor=None).episodes
        return [Redaction(episode_id=each.id, spans=((0, len(each.text)),)) for each in episodes]
    latest = store.list_episodes(scope, View(), limit=LATEST, cursor=None).episodes
    turns = {each.id: each for each in reversed(latest)}  # of what was said at one time, the later row is the later
    if request.extent == "topic":
        turns |= {each.id: each for each in _near(store, embedder, scope, request.topic)}
    ordered = sorted(turns.values(), key=lambda each: (each.timestamp, each.session))
    return targets(Asked(request=request, episode=found[0]), ordered)


def _near(store: Store, embedder: Embedder | None, scope: Scope, topic: str) -> list[Episode]:
    """Turns that share a word with the topic or are near it in meaning."""
    vector = None
    if embedder is not None:
        try:
            vector = embedder.embed_queries([topic])[0]
        except EmbedderError:
            vector = None
    probe = Probe(
        terms=tuple(topic_terms(topic)),
        vector=vector,
        space=vector_space(embedder.fingerprint) if embedder is not None and vector is not None else None,
        per_leg=NEAREST,
    )
    return [episode for _, episode in store.by_rows(scope, store.candidates(scope, probe).rows.tolist())]


def _erase(
    store: Store,
    scope: Scope,
    request: ForgetRequest,
    found: Sequence[Redaction],
    make_id: Callable[[], str],
    clock: Callable[[], datetime],
    jobs: Sequence[NewJob],
) -> ForgetReceipt:
    receipt_id, asked_at, scope = make_id(), clock(), scope.partition
    if request.extent == "everything":
        done = store.forget(scope, ids=None, receipt_id=receipt_id, at=asked_at)
    else:
        done = store.redact(scope, found, receipt_id=receipt_id, at=asked_at, jobs=jobs)
    return ForgetReceipt(
        id=receipt_id,
        forgotten=len(done.episode_ids),
        episode_ids=done.episode_ids,
        asked_at=asked_at,
        done_at=clock(),
        scrubbed=done.scrubbed,
    )
