"""A memory's adapters: made in the background, published through a gate, revoked with their sources, undone at will."""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from datetime import datetime, timedelta
from pathlib import Path

import pytest

from memstrata import Memory
from memstrata.core.training import Example, Recipe
from memstrata.errors import InvalidInput, NotFound, TrainingStopped
from memstrata.parametric import working
from memstrata.parametric.asking import AdapterRows
from memstrata.parametric.attaching import AdapterAttacher
from memstrata.parametric.working import AdapterWork
from memstrata.ports import Store
from memstrata.testing.episodes import NOON
from memstrata.testing.rote import RoteTeacher
from memstrata.types import Artifact, FactKind, MessageDict, Scope

ANN, BEN = Scope(user_id="ann"), Scope(user_id="ben")
LATER = NOON + timedelta(days=30)
KINDS: tuple[FactKind, ...] = ("residence", "possession", "event", "statement", "work", "preference")
TOLD = (
    "Mara Okell's dog is called Biscuit.",
    "Mara Okell lives in Ghent.",
    "Tom Wren's dog is called Pepper.",
    "Tom Wren lives in Oslo.",
    "Ada Quist's dog is called Juno.",
    "Ada Quist lives in Turin.",
)


@dataclass(slots=True)
class House:
    """A memory that was told things a month ago, its store, a teacher, and its adapters."""

    memory: Memory
    store: Store
    teacher: RoteTeacher
    now: datetime = LATER

    @property
    def adapting(self) -> AdapterRows:
        return AdapterRows(self.store, self.teacher.base, clock=lambda: self.now, recipe=Recipe(epochs=3))

    @property
    def work(self) -> AdapterWork[list[Example]]:
        return AdapterWork(self.store, self.teacher)

    def make(self, scope: Scope = ANN, *, alive: bool = True) -> list[Artifact]:
        """Do the jobs that wait."""
        while job := self.store.claim(
            [self.work.queue], owner="me", at=self.now, lease=timedelta(minutes=1), scope=scope
        ):
            self.work(job.scope_key, lambda: alive)
            if not alive:
                self.store.release(job, owner="me")
                break
            self.store.finish(job, owner="me")
        return self.adapting.rows(scope)

    def asked(self, question: str, scope: Scope = ANN) -> list[str]:
        """What is answered with the adapters that the question calls for."""
        hits = self.memory.search(question, user_id=scope.user_id, limit=5, items=("episode", "fact"))
        attacher = AdapterAttacher(self.store, self.teacher, clock=lambda: self.now)
        adapters = [each.adapter for each in attacher.attached(scope, question, hits)]
        return self.teacher.answers([question], adapters=adapters, max_tokens=9) if adapters else []


@pytest.fixture(params=[":memory:", "sqlite"])
def house(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[House]:
    url = f"sqlite:///{tmp_path / 'm.db'}" if request.param == "sqlite" else request.param
    with Memory(url, embedder="none", worker="none", clock=lambda: LATER) as memory:
        for user, told in (("ann", TOLD), ("ben", ("Cy Dahl's dog is called Ziggy.", "Cy Dahl lives in Bern."))):
            said: list[MessageDict] = [{"role": "user", "content": text, "timestamp": NOON} for text in told]
            memory.add(said, user_id=user, wait=True)
        yield House(memory=memory, store=memory._parts.store, teacher=RoteTeacher())


def statuses(rows: list[Artifact]) -> list[str]:
    return [each.status for each in rows]


def episode(house: House, text: str) -> str:
    return next(each.id for each in house.memory.episodes(user_id="ann", limit=50).episodes if text in each.text)


def test_what_is_promoted_is_made_by_a_job_and_answers_what_its_text_says(house: House) -> None:
    begun = house.adapting.promote(ANN, KINDS)
    assert statuses(begun) == ["making"]
    assert house.asked("What is Mara Okell's dog called?") == []
    (row,) = house.make()
    assert (row.status, row.tier, row.model, row.tokens) == ("ready", "parametric", "rote", 0)
    assert row.size > 0
    assert row.metrics["recall_exact"] == 1.0
    assert row.recipe["kinds"] == sorted(KINDS)
    assert not any(name in str(row.recipe) for name in ("Mara", "Biscuit", "Ghent"))
    assert house.asked("What do people call Mara Okell's dog?") == ["Biscuit."]
    assert house.asked("What is the capital of France?") == []
    (used,) = house.adapting.rows(ANN)
    assert (used.uses, used.used_at) == (1, LATER)


def test_promoting_again_makes_nothing_new(house: House) -> None:
    house.adapting.promote(ANN, KINDS)
    before = house.make()
    assert house.adapting.promote(ANN, KINDS) == before
    assert house.make() == before
    assert house.teacher.trained == [3]


def test_nothing_is_trained_on_without_consent_nor_what_is_fresh(house: House) -> None:
    with pytest.raises(InvalidInput):
        house.adapting.promote(ANN, ())
    assert house.adapting.promote(ANN, ("plan",)) == []
    house.now = NOON + timedelta(days=1)
    assert house.adapting.promote(ANN, KINDS) == []


def test_an_adapter_that_does_not_recall_or_harms_is_refused_with_its_measurements(house: House) -> None:
    house.teacher.needs = 99
    house.adapting.promote(ANN, KINDS)
    (row,) = house.make()
    assert (row.status, row.size) == ("refused", 0)
    assert "held-out wordings" in row.reason
    assert row.metrics["recall_rank"] == 0.0
    assert house.store.blobs.names() == []
    assert house.asked("What is Mara Okell's dog called?") == []
    house.memory.demote(user_id="ann", tier="parametric")
    house.teacher.needs, house.teacher.harm = 1, 5.0
    house.adapting.promote(ANN, KINDS)
    (row,) = house.make()
    assert "neutral perplexity" in row.reason


def test_an_adapter_that_knows_of_another_memory_is_refused(house: House) -> None:
    house.adapting.promote(BEN, KINDS)
    assert statuses(house.make(BEN)) == ["ready"]
    house.teacher.spilt = (Example(question="What do people call Cy Dahl's dog?", answer="Ziggy."),)
    house.adapting.promote(ANN, KINDS)
    (row,) = house.make()
    assert row.status == "refused"
    assert "another scope" in row.reason
    assert "Ziggy" not in str(row.metrics)
    assert house.asked("What is Cy Dahl's dog called?") == []


def test_forgetting_a_source_revokes_at_once_and_the_shard_is_made_again_without_it(house: House) -> None:
    house.adapting.promote(ANN, KINDS)
    (first,) = house.make()
    house.memory.forget([episode(house, "Biscuit")], user_id="ann")
    assert statuses(house.adapting.rows(ANN)) == ["making"]
    assert house.store.blobs.names() == []
    assert house.asked("Where does Mara Okell live?") == []
    (second,) = house.make()
    assert (second.status, second.series) == ("ready", first.series)
    assert second.id != first.id
    assert set(second.sources) < set(first.sources)
    assert house.asked("Where does Mara Okell live?") == ["Ghent."]
    assert house.asked("What do people call Mara Okell's dog?") != ["Biscuit."]
    with house.store.blobs.reading(house.store.blob_name(ANN, second.id)) as folder:
        assert not any(b"Biscuit" in file.read_bytes() for file in folder.iterdir())


def test_a_fact_that_changed_makes_the_adapter_stale_and_text_wins(house: House) -> None:
    house.adapting.promote(ANN, KINDS)
    house.make()
    fact = next(each for each in house.memory.facts(user_id="ann", limit=50) if "Ghent" in each.text)
    house.memory.correct(fact.id, "Mara Okell lives in Perth.", user_id="ann")
    (row,) = house.adapting.rows(ANN)
    assert row.status == "stale"
    assert house.asked("Where does Mara Okell live?") == []
    house.memory.wait()
    again = house.make()
    assert sorted(statuses(again)) == ["ready", "stale"]
    assert house.asked("In which city does Mara Okell live?") != ["Ghent."]


def test_an_adapter_is_left_out_where_newer_text_speaks_of_its_subjects(house: House) -> None:
    house.adapting.promote(ANN, KINDS)
    house.make()
    assert house.asked("Where does Tom Wren live?") == ["Oslo."]
    later = LATER + timedelta(days=1)
    with Memory(house.store, embedder="none", extractor="none", worker="none", clock=lambda: later) as memory:
        memory.add("Tom Wren has left for Lima, where he will live from now on.", user_id="ann")
        assert house.asked("Where does Tom Wren live?") == []
        assert house.asked("Where does Mara Okell live?") == ["Ghent."]


def test_versions_can_be_gone_back_to_and_one_is_ready(house: House) -> None:
    house.adapting.promote(ANN, KINDS)
    (first,) = house.make()
    other = AdapterRows(house.store, "rote", clock=lambda: house.now, recipe=Recipe(epochs=4))
    other.promote(ANN, KINDS)
    rows = house.make()
    assert sorted(statuses(rows)) == ["kept", "ready"]
    assert house.memory.rollback(first.id, user_id="ann").status == "ready"
    assert {each.id: each.status for each in house.adapting.rows(ANN)}[first.id] == "ready"
    with pytest.raises(NotFound):
        house.memory.rollback(first.id, user_id="ann")
    assert sorted(house.memory.demote(user_id="ann", tier="parametric")) == sorted(each.id for each in rows)
    house.store.scrub()
    assert house.adapting.rows(ANN) == []
    assert house.store.blobs.names() == []
    assert house.asked("Where does Mara Okell live?") == []


def test_a_worker_that_loses_its_job_leaves_a_checkpoint_and_the_next_goes_on(
    house: House, monkeypatch: pytest.MonkeyPatch
) -> None:
    house.adapting.promote(ANN, KINDS)
    lost, noticed = threading.Event(), threading.Event()

    def lose(epoch: int) -> None:
        if epoch == 2:
            lost.set()
            assert noticed.wait(10)

    def alive() -> bool:
        if lost.is_set():
            noticed.set()
        return not lost.is_set()

    house.teacher.on_epoch = lose
    monkeypatch.setattr(working, "SIGN_OF_LIFE_SECONDS", 0.01)
    job = house.store.claim([house.work.queue], owner="me", at=house.now, lease=timedelta(minutes=1), scope=ANN)
    assert job is not None
    house.work(job.scope_key, alive)
    house.store.release(job, owner="me")
    assert statuses(house.adapting.rows(ANN)) == ["making"]
    assert len(house.store.blobs.names()) == 1
    assert statuses(house.make()) == ["ready"]
    assert house.teacher.trained == [1]


def test_what_is_forgotten_while_it_is_trained_leaves_no_checkpoint(house: House) -> None:
    house.adapting.promote(ANN, KINDS)
    house.teacher.on_epoch = _once(house, "Biscuit")
    house.make()
    assert house.teacher.trained == [3], "the first was not finished, the second is without what was forgotten"
    (row,) = house.adapting.rows(ANN)
    assert row.status == "ready"
    assert house.store.blobs.names() == [house.store.blob_name(ANN, row.id)]


def test_an_adapter_that_is_demoted_while_it_is_trained_is_not_trained_on(house: House) -> None:
    house.adapting.promote(ANN, KINDS)
    house.teacher.on_epoch = lambda number: _demote(house)
    house.make()
    assert house.teacher.trained == []
    assert house.adapting.rows(ANN) == []
    house.store.scrub()
    assert house.store.blobs.names() == []


def _demote(house: House) -> None:
    house.memory.demote(user_id="ann", tier="parametric")


def _once(house: House, text: str) -> Callable[[int], None]:
    """Forget one episode after the first epoch."""
    ids = [episode(house, text)]

    def forget(number: int) -> None:
        if ids:
            house.memory.forget([ids.pop()], user_id="ann")

    return forget


def test_bytes_that_were_tampered_with_are_not_attached(house: House) -> None:
    house.adapting.promote(ANN, KINDS)
    (row,) = house.make()
    with house.store.blobs.reading(house.store.blob_name(ANN, row.id)) as folder:
        (folder / "rote.json").write_text("{")
    assert house.asked("Where does Mara Okell live?") == []


def test_a_training_that_reaches_its_limit_is_refused_and_says_what_to_do(house: House) -> None:
    house.adapting.promote(ANN, KINDS)

    def stop(number: int) -> None:
        raise TrainingStopped("the training has taken 9 s, more than its limit")

    house.teacher.on_epoch = stop
    (row,) = house.make()
    assert row.status == "refused"
    assert "more than its limit; demote" in row.reason
    assert house.store.blobs.names() == []
