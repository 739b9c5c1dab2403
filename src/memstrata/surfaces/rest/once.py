"""Idempotency keys: a call that is repeated with the same key is done once and answered the same.

What is kept of an answer holds none of the user's words, so that forgetting need not look here: a receipt without its
topics, an import's without what it quotes and names of the file, of a fact only its id; the fact is read again for the
answer. Kept for a day, in the store.
"""

from __future__ import annotations

import hashlib
import json
import threading
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import replace
from datetime import datetime, timedelta

from memstrata.core.records import KeptAnswer
from memstrata.errors import InvalidInput
from memstrata.ports import AccessStore
from memstrata.types import Fact, ImportReceipt, Json, NotRead, Receipt
from memstrata.wire import to_json

KEPT = timedelta(days=1)
MAX_KEY = 255
TOLD_BEFORE = "named in the first answer"


class Once:
    """Does each named call once."""

    def __init__(self, store: AccessStore, *, clock: Callable[[], datetime]) -> None:
        self._store, self._clock = store, clock
        self._lock = threading.Lock()
        self._under_way: dict[bytes, tuple[threading.Lock, int]] = {}

    def answer(
        self, caller: str, key: str, request: object, do: Callable[[], object], read: Callable[[str], Fact]
    ) -> tuple[object, bool]:
        """The answer, a noun or its JSON, and whether it is one that was given before.

        `request`: everything that the call says. `read`: a fact by its id. Raises InvalidInput for a key that named
        another call.
        """
        if not 1 <= len(key) <= MAX_KEY:
            raise InvalidInput(f"an idempotency key has 1 to {MAX_KEY} characters")
        name = _digest([caller, key])
        with self._alone(name):
            digest = _digest(request)
            before = self._store.kept_answer(name)
            if before is not None:
                if before.request != digest:
                    raise InvalidInput("this idempotency key was used for another call; make a new one for each")
                return _replayed(before, read), True
            done = do()
            now = self._clock()
            kept = KeptAnswer(request=digest, body=json.dumps(_without_words(done)))
            self._store.keep_answer(name, kept, at=now, drop_before=now - KEPT)
            return done, False

    @contextmanager
    def _alone(self, name: bytes) -> Iterator[None]:
        """One call of a name at a time."""
        with self._lock:
            lock, waiting = self._under_way.get(name, (threading.Lock(), 0))
            self._under_way[name] = (lock, waiting + 1)
        try:
            with lock:
                yield
        finally:
            with self._lock:
                lock, waiting = self._under_way.pop(name)
                if waiting > 1:
                    self._under_way[name] = (lock, waiting - 1)


def _without_words(done: object) -> Json:
    if isinstance(done, Fact):
        return {"fact": done.id}
    if isinstance(done, Receipt):
        done = replace(done, forget_requests=tuple(replace(each, topic="") for each in done.forget_requests))
    if isinstance(done, ImportReceipt):
        done = replace(done, passed_over=_in_all(done.passed_over), problems=_how_many(done.problems))
    return {"answer": to_json(done)}


def _in_all(passed_over: Mapping[str, int]) -> Mapping[str, int]:
    return {TOLD_BEFORE: sum(passed_over.values())} if passed_over else {}


def _how_many(problems: Sequence[NotRead]) -> tuple[NotRead, ...]:
    return (NotRead(place="", reason=f"{len(problems)} places, {TOLD_BEFORE}"),) if problems else ()


def _replayed(kept: KeptAnswer, read: Callable[[str], Fact]) -> object:
    body = json.loads(kept.body)
    return read(body["fact"]) if "fact" in body else body["answer"]


def _digest(value: object) -> bytes:
    return hashlib.sha256(json.dumps(to_json(value), sort_keys=True).encode()).digest()
