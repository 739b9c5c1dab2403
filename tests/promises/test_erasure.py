"""What is forgotten leaves no byte in any file of the store."""

from __future__ import annotations

import random
import struct
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

import apsw
import numpy as np
import pytest

from memstrata import Memory
from memstrata.core.facts.erasing import Redaction
from memstrata.core.facts.log import NewChange
from memstrata.core.index.vectors import quantise
from memstrata.core.records import FactQuery, Spent
from memstrata.core.surprise import Session, Surprise
from memstrata.stores.sqlite import blocks
from memstrata.stores.sqlite.gaps import wipe_gaps
from memstrata.stores.sqlite.store import SqliteStore
from memstrata.testing.embedders import HashEmbedder
from memstrata.testing.episodes import ANN, NOON, chat, new_episodes
from memstrata.testing.facts import asserted, claim, closed, source, supported, undone
from memstrata.types import Claim

SECRET = "the walrus hoards MARZIPAN-7719"
NAME = "Zebulonius"
NATS = 1234.5678901


def files_hold(folder: Path, *needles: bytes) -> list[bytes]:
    """Those of the needles that some file of the folder holds."""
    data = b"".join(path.read_bytes() for path in sorted(folder.iterdir()))
    return [needle for needle in needles if needle in data]


def filled(folder: Path, *, around: int) -> tuple[Memory, str]:
    memory = Memory(f"sqlite:///{folder}/memory.db", embedder=HashEmbedder())
    memory.add([f"ordinary message {n} of the day" for n in range(around)], user_id="ann")
    receipt = memory.add(
        {"content": SECRET, "name": NAME, "metadata": {"place": "Quokkastan"}, "id": "wombat-1"},
        user_id="ann",
        run_id="secret-run",
    )
    memory.add([f"later message {n} of the week" for n in range(around)], user_id="ann")
    memory.wait()
    return memory, receipt.episode_ids[0]


def traces(memory: Memory) -> list[bytes]:
    """The text in every form that the store might keep."""
    from memstrata.core.lexical import index_terms
    from memstrata.core.passages import passages
    from memstrata.core.records import TextRow

    day = memory.search(SECRET, user_id="ann")[0].item.timestamp
    from memstrata.core.clock import day_in_words

    vector = HashEmbedder().embed_passages(passages(TextRow(row=0, day=day_in_words(day), name=NAME, text=SECRET))[:1])
    half = vector.astype(np.float16)
    rare = max(index_terms("MARZIPAN").frequencies)
    return [
        SECRET.encode(),
        b"MARZIPAN",
        NAME.encode(),
        b"Quokkastan",
        b"wombat-1",
        b"secret-run",
        half.tobytes(),
        quantise(half)[0].tobytes(),
        rare.to_bytes(4, "little"),
    ]


@pytest.mark.parametrize("around", [0, 30, 1500])
@pytest.mark.parametrize("how", ["ids", "run", "everything"])
def test_no_byte_is_left(tmp_path: Path, around: int, how: str) -> None:
    memory, id_ = filled(tmp_path, around=around)
    with memory:
        needles = traces(memory)
        found = files_hold(tmp_path, *needles)
        assert found == needles if around == 1500 else found == [n for n in needles if n in found]
        assert SECRET.encode() in found
        arguments = {"ids": {"ids": [id_]}, "run": {"run_id": "secret-run"}, "everything": {}}[how]
        receipt = memory.forget(user_id="ann", **arguments)  # type: ignore[arg-type]
        assert receipt.scrubbed
        assert files_hold(tmp_path, *needles) == []
        assert memory.search("MARZIPAN walrus", user_id="ann", filters={"name": NAME}) == []
    assert files_hold(tmp_path, *needles) == []


def test_a_reader_in_the_way_delays_the_scrubbing_and_a_job_does_it(tmp_path: Path) -> None:
    memory, id_ = filled(tmp_path, around=5)
    with memory:
        needles = [SECRET.encode()]
        with memory._parts.store._database.read() as connection:  # type: ignore[attr-defined]
            connection.execute("SELECT count(*) FROM episode").fetchall()
            receipt = memory.forget([id_], user_id="ann")
            assert not receipt.scrubbed
            assert files_hold(tmp_path, *needles) == needles
        assert memory.wait()
        assert files_hold(tmp_path, *needles) == []


def test_small_blocks_are_sealed_again_without_the_words(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(blocks, "BLOCK_ROWS", 4)
    memory, id_ = filled(tmp_path, around=9)
    with memory:
        needles = traces(memory)
        assert files_hold(tmp_path, *needles) == needles
        memory.forget([id_], user_id="ann")
        assert files_hold(tmp_path, *needles) == []
        assert len(memory.search("ordinary message", user_id="ann", limit=50)) == 18


class Telling:
    """A local model with a number of its own for the secret."""

    fingerprint = "telling/1"

    def surprise(self, sessions: Sequence[Session]) -> list[list[Surprise]]:
        return [
            [
                Surprise(nats=NATS if "marzipan" in turn.text else 1.0, tokens=1)
                for turn in session.turns[session.start :]
            ]
            for session in sessions
        ]


@pytest.mark.parametrize("around", [3, 1500])
@pytest.mark.parametrize("how", ["ids", "everything", "redact"])
def test_no_byte_of_a_surprise_is_left(tmp_path: Path, around: int, how: str) -> None:
    needles = [struct.pack(">d", NATS), b"marzipan"]
    with Memory(f"sqlite:///{tmp_path}/memory.db", embedder="none", extractor=None, local_model=Telling()) as memory:
        ids = memory.add([f"turn {n}" + " of marzipan" * (n == around) for n in range(2 * around)], user_id="ann")
        memory.wait()
        assert files_hold(tmp_path, *needles) == needles
        if how == "redact":
            part = Redaction(episode_id=ids.episode_ids[around], spans=((0, 99),))
            memory._parts.store.redact(ANN, [part], receipt_id="fg_1", at=NOON)
        else:
            memory.forget(*([[ids.episode_ids[around]]] if how == "ids" else []), user_id="ann")
        assert files_hold(tmp_path, *needles) == []
    assert files_hold(tmp_path, *needles) == []


SECRET_FACTS = (3, 57, 200, 311)


def with_facts(folder: Path, *, seed: int) -> tuple[SqliteStore, list[str], list[bytes]]:
    """A store of 400 facts, a few of them secret, written in any order; its episodes, and the secret words."""
    dice = random.Random(seed)
    store = SqliteStore(folder / "memory.db", cache_bytes=1 << 20)
    texts = [f"MARZIPAN{n}Q vault" if n in SECRET_FACTS else f"ordinary {n}" for n in range(400)]
    batch = new_episodes(chat(*texts))
    ids = [each.id for each in store.append(ANN, batch, recorded_at=NOON, jobs=[])]
    changes: list[NewChange] = []
    for n in dice.sample(range(400), 400):
        said = claim_about(n, ids[n], dice)
        changes.append(asserted(f"fa_{dice.random()}_{n}Q" if n in SECRET_FACTS else f"fa_{dice.random()}", said))
        other = dice.choice(changes).fact_id
        changes += [closed(other, by=changes[-1].fact_id), supported(other, said, id=f"ch_{n}")]
        if n % 3:
            changes.append(undone(other, f"ch_{n}"))
    for start in range(0, len(changes), 20):
        store.change_facts(ANN, changes[start : start + 20], expected=None)
    words = ("MARZIPAN", "ZEBU", "zebu", "QUOKKA", "quokka", "SLOT", "VALUE", "CUE")
    needles = [f"{word}{n}{'q' if word.islower() else 'Q'}".encode() for word in words for n in SECRET_FACTS]
    return store, ids, needles


def claim_about(n: int, episode_id: str, dice: random.Random) -> Claim:
    padding = "x" * dice.randrange(900)
    if n in SECRET_FACTS:
        said = claim(f"MARZIPAN{n}Q {padding}", source(episode_id, 0, 9), subject=f"ZEBU{n}Q", slot=f"SLOT{n}Q")
        return replace(said, entities=(f"QUOKKA{n}Q",), value=f"VALUE{n}Q", cues=(f"CUE{n}Q",))
    names = ["".join(dice.choices("abcdefghijklm", k=dice.randrange(3, 40))) for _ in range(3)]
    return claim(f"{n} {padding}", source(episode_id), subject=names[0], slot=names[1], entities=names)


@pytest.mark.parametrize("seed", range(3))
@pytest.mark.parametrize("how", ["ids", "everything", "redact"])
def test_no_byte_of_a_fact_is_left(tmp_path: Path, how: str, seed: int) -> None:
    store, ids, needles = with_facts(tmp_path, seed=seed)
    store._database.write(lambda connection: connection.execute("ANALYZE").fetchall())
    assert files_hold(tmp_path, *needles) == needles
    gone = [ids[n] for n in SECRET_FACTS]
    if how == "redact":
        parts = [Redaction(episode_id=id_, spans=((0, 12),)) for id_ in gone]
        done = store.redact(ANN, parts, receipt_id="fg_1", at=NOON)
    else:
        done = store.forget(ANN, ids=gone if how == "ids" else None, receipt_id="fg_1", at=NOON)
    assert done.scrubbed
    assert set(gone) <= set(done.episode_ids)
    assert files_hold(tmp_path, *needles) == []
    assert bool(store.facts(ANN, FactQuery())) == (how != "everything")
    store.append(ANN, new_episodes("one more thing"), recorded_at=NOON, jobs=[])
    store.close()
    assert files_hold(tmp_path, *needles) == []


def test_what_an_index_left_between_its_rows_does_not_come_back(tmp_path: Path) -> None:
    store, ids, needles = with_facts(tmp_path, seed=3)
    other = SqliteStore(tmp_path / "memory.db", cache_bytes=1 << 20)  # with pages of its own in memory
    assert other.spent(ANN, day="2025-03-01").calls == 0
    other.spend(ANN, day="2025-03-01", spent=Spent(calls=1))
    store.forget(ANN, ids=[ids[n] for n in SECRET_FACTS], receipt_id="fg_1", at=NOON)
    assert files_hold(tmp_path, *needles) == []
    for n, writer in enumerate([store, other] * 20):
        (id_,) = (each.id for each in writer.append(ANN, new_episodes(f"new {n}"), recorded_at=NOON, jobs=[]))
        name = f"{n * 7919 % 40:02}"
        said = claim(f"new {n}", source(id_), subject=name, slot=name, entities=[f"z{name}", f"a{name}"])
        writer.change_facts(ANN, [asserted(f"fa_{name}", said)], expected=None)
    store.close()
    other.close()
    assert files_hold(tmp_path, *needles) == []
    connection = apsw.Connection(str(tmp_path / "memory.db"))
    assert connection.execute("PRAGMA integrity_check").fetchall() == [("ok",)]
    connection.close()


def test_gaps_between_rows_are_wiped_and_the_rows_stay(tmp_path: Path) -> None:
    path = tmp_path / "any.db"
    connection = apsw.Connection(str(path))
    connection.execute("PRAGMA secure_delete = ON; CREATE TABLE name (name TEXT PRIMARY KEY) WITHOUT ROWID").fetchall()
    dice = random.Random(1)
    names = ["".join(dice.choices("abcdefgh", k=dice.randrange(4, 60))) for _ in range(3000)]
    with connection:
        connection.executemany("INSERT OR IGNORE INTO name VALUES (?)", [(name,) for name in names])
    before = connection.execute("SELECT group_concat(name) FROM name").fetchall()
    connection.close()
    assert wipe_gaps(path) > 0
    assert wipe_gaps(path) == 0
    connection = apsw.Connection(str(path))
    assert connection.execute("SELECT group_concat(name) FROM name").fetchall() == before
    assert connection.execute("PRAGMA integrity_check").fetchall() == [("ok",)]
    connection.close()
