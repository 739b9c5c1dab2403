"""Background work: let a local model say how surprising each episode of a scope is, session by session.

One job a scope and model, however many messages caused it. Each step reads the next turns of a session in the light
of those before, outside any transaction, and keeps what it found; stopped anywhere and run again, it goes on from
there. It is slow (a tenth of a second a turn), so its queue has threads of its own.
"""

from __future__ import annotations

from collections.abc import Sequence

from memstrata.core.surprise import Session, TurnRow
from memstrata.errors import ModelError
from memstrata.ports import LocalModel, Store
from memstrata.schedule.worker import Alive, Handler
from memstrata.types import Scope

STEP_CHARACTERS = 8192
"""Of text between two signs of life: about 2,000 tokens, five seconds of a model of 135 million weights."""


class Salience:
    """A local model's weighing of the episodes of one store, and what hinders it."""

    def __init__(self, store: Store, model: LocalModel) -> None:
        self._store = store
        self._model = model
        self._trouble: str | None = None
        self.queue = f"salience/{model.fingerprint}"

    @property
    def model(self) -> str:
        """The model's fingerprint."""
        return self._model.fingerprint

    @property
    def handler(self) -> Handler:
        """The handler that weighs a scope; raises ModelError where the model does not answer."""
        return self._weigh_scope

    def notes(self, scope: Scope) -> tuple[str, ...]:
        """What a result says while episodes wait; they are found all the same, with their length to stand in."""
        counts = self._store.job_counts([self.queue], scope=scope.partition)
        if not counts.pending + counts.running + counts.dead:
            return ()
        return (f"salience by length alone, the local model failed: {self._trouble}",) if self._trouble else (WAITING,)

    def _weigh_scope(self, scope_key: int, alive: Alive) -> None:
        after = -1
        while turns := self._store.session_to_weigh(scope_key, after=after):
            place = next(place for place, each in enumerate(turns) if each.row > after and not each.weighed)
            after = turns[place].row
            while place < len(turns):
                end = step_end(turns, place)
                self._weigh(scope_key, turns, place, end)
                if not alive():
                    return
                place = next((p for p in range(end, len(turns)) if not turns[p].weighed), len(turns))

    def _weigh(self, scope_key: int, turns: Sequence[TurnRow], start: int, end: int) -> None:
        try:
            (found,) = self._model.surprise([Session(turns=tuple(each.turn for each in turns[:end]), start=start)])
        except ModelError as error:
            self._trouble = str(error)
            raise
        self._trouble = None
        self._store.put_surprises(
            scope_key,
            self.model,
            [each.row for each in turns[start:end]],
            [each.nats for each in found],
            redactions=[each.redactions for each in turns[start:end]],
        )


WAITING = "some episodes are still to be weighed by the local model"


def step_end(turns: Sequence[TurnRow], start: int) -> int:
    """How far one step goes: at least one turn, and no further than `STEP_CHARACTERS`."""
    characters = 0
    for place in range(start, len(turns)):
        characters += len(turns[place].turn.text)
        if characters > STEP_CHARACTERS and place > start:
            return place
    return len(turns)
