"""Facts in memory: the executable specification of the log. What a write touches is folded again from its changes."""

from __future__ import annotations

from collections.abc import Callable, Collection, Mapping, Sequence
from dataclasses import dataclass, field

from memstrata.core.facts.erasing import without_facts
from memstrata.core.facts.log import NewChange, fold_one
from memstrata.core.facts.names import folded
from memstrata.core.records import Extracted, FactQuery, Spent
from memstrata.stores.fact_rules import admitted, check_expected, claimed_episodes, episodes_behind, numbered
from memstrata.types import Change, Fact

Rewrite = Callable[[Sequence[Change]], list[Change]]


@dataclass(slots=True)
class _Log:
    changes: list[Change] = field(default_factory=list)
    own: dict[str, list[Change]] = field(default_factory=dict)
    folded: dict[str, Fact] = field(default_factory=dict)
    last: int = 0
    extracted: dict[str, int] = field(default_factory=dict)
    spent: dict[str, Spent] = field(default_factory=dict)

    def append(self, written: Sequence[Change]) -> None:
        """Take changes in and fold again what they touch."""
        self.changes += written
        for change in written:
            self.own.setdefault(change.fact_id, []).append(change)
        for id_ in dict.fromkeys(change.fact_id for change in written):
            fact = fold_one(self.own[id_])
            self.folded.pop(id_, None) if fact is None else self.folded.update({id_: fact})

    def replace(self, changes: Sequence[Change]) -> None:
        """Begin anew with these changes."""
        self.changes, self.own, self.folded = [], {}, {}
        self.append(changes)


class MemoryFacts:
    """The logs of one store by scope key; the store holds the lock and knows the episodes."""

    def __init__(self) -> None:
        self._logs: dict[int, _Log] = {}

    def write(
        self,
        scope_key: int,
        changes: Sequence[NewChange],
        *,
        expected: int | None,
        extracted: Extracted | None,
        present: set[str],
    ) -> list[Change]:
        """Append what may be written; `present` are the ids of the scope's episodes."""
        log = self._log(scope_key)
        check_expected(expected, log.last)
        claimed = claimed_episodes(changes)
        known = {change.id for change in log.changes}
        new = admitted(changes, known=known, facts=log.own.keys(), present=claimed & present)
        written = numbered(new, after=log.last)
        log.append(written)
        log.last += len(written)
        if extracted is not None:
            through = log.extracted.get(extracted.extractor, -1)
            log.extracted[extracted.extractor] = max(through, extracted.through)
        return written

    def last(self, scope_key: int) -> int:
        """The last number of the log."""
        return self._log(scope_key).last

    def through(self, scope_key: int, extractor: str) -> int:
        """The last row that an extractor has read, -1 for none."""
        return self._log(scope_key).extracted.get(extractor, -1)

    def known(self, scope_key: int) -> tuple[list[Change], set[str]]:
        """The whole log, and the ids of the facts that it tells of."""
        log = self._log(scope_key)
        return list(log.changes), set(log.own)

    def marks(self, scope_key: int) -> dict[str, int]:
        """The last row that each extractor has read."""
        return dict(self._log(scope_key).extracted)

    def take_in(self, scope_key: int, written: Sequence[Change], marks: Mapping[str, int]) -> None:
        """Append changes that have their numbers, and put extractors' marks where they belong."""
        log = self._log(scope_key)
        log.append(written)
        log.last += len(written)
        log.extracted |= marks

    def facts(self, scope_key: int, wanted: FactQuery, rows: Mapping[str, int], within: set[str]) -> list[Fact]:
        """Facts that are wanted and rest on an episode of `within`; `rows` are the rows of all episodes by id."""
        log = self._log(scope_key)
        found = [log.folded[id_] for id_ in log.own if id_ in log.folded]
        return [fact for fact in found if _behind(fact, ()) & within and _meets(fact, wanted, rows)]

    def log(self, scope_key: int, within: set[str]) -> list[Change]:
        """The changes of all facts that rest on an episode of `within`."""
        log = self._log(scope_key)
        seen = {id_ for id_, own in log.own.items() if _behind(log.folded.get(id_), own) & within}
        return [change for change in log.changes if change.fact_id in seen]

    def erase(self, scope_key: int, episode_ids: Collection[str], rewrite: Rewrite) -> None:
        """Rewrite the log of every fact that rests on one of these episodes; what the gone ones caused goes, too."""
        log = self._log(scope_key)
        touched = set(episode_ids)
        logs = {id_: rewrite(own) if episodes_behind(own) & touched else own for id_, own in log.own.items()}
        gone = {id_ for id_, own in logs.items() if not own}
        kept = [change for own in logs.values() for change in without_facts(own, gone)]
        log.replace(sorted(kept, key=lambda change: change.number))
        log.last += 1

    def spent(self, scope_key: int, day: str) -> Spent:
        """A day's account."""
        return self._log(scope_key).spent.get(day, Spent())

    def spend(self, scope_key: int, day: str, spent: Spent) -> None:
        """Add to a day's account."""
        before = self.spent(scope_key, day)
        self._log(scope_key).spent[day] = Spent(
            calls=before.calls + spent.calls,
            tokens=before.tokens + spent.tokens,
            micros=before.micros + spent.micros,
        )

    def _log(self, scope_key: int) -> _Log:
        return self._logs.setdefault(scope_key, _Log()) if scope_key else _Log()


def _behind(fact: Fact | None, changes: Sequence[Change]) -> set[str]:
    """Ids of the episodes that a fact rests on; one that was undone rests on whatever it once did."""
    return episodes_behind(changes) if fact is None else {source.episode_id for source in fact.sources}


def _meets(fact: Fact, wanted: FactQuery, rows: Mapping[str, int]) -> bool:
    tests: list[tuple[Sequence[object] | None, set[object]]] = [
        (wanted.ids, {fact.id}),
        (wanted.rows, {rows.get(source.episode_id) for source in fact.sources}),
        (wanted.entities, {folded(name) for name in (fact.subject, *fact.entities)}),
        (wanted.kinds, {fact.kind}),
        (wanted.slots, {fact.claim.slot}),
        (wanted.statuses, {fact.status}),
        (wanted.superseded_by, {fact.superseded_by}),
    ]
    return all(asked is None or not has.isdisjoint(asked) for asked, has in tests)
