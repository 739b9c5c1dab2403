"""What only the SQLite store can get wrong: old files, other processes' indexes, sealed vectors."""

from __future__ import annotations

from pathlib import Path

import apsw
import numpy as np
import pytest

from memstrata.core.candidates import Probe
from memstrata.core.facts.erasing import MARK
from memstrata.core.lexical import query_terms
from memstrata.core.records import FactQuery
from memstrata.stores.sqlite import blocks, cache
from memstrata.stores.sqlite.store import SqliteStore
from memstrata.testing.episodes import ANN, NOON, chat, new_episodes
from memstrata.testing.erasure_contract import redaction
from memstrata.testing.facts import asserted, claim, source
from memstrata.testing.store_contract import LEASE, QUEUE, SPACE, add, find, unit
from memstrata.types import Scope

SCHEMA_2 = Path(__file__).with_name("schema_2.sql")


def opened(path: Path) -> SqliteStore:
    return SqliteStore(path, cache_bytes=1 << 24)


def shape(path: Path) -> dict[str, set[tuple[object, ...]]]:
    """Tables and indexes of a file with their columns, whatever order they were made in."""
    connection = apsw.Connection(str(path))
    names = [row[0] for row in connection.execute("SELECT name FROM sqlite_schema WHERE name NOT LIKE 'sqlite_stat%'")]
    found = {
        name: {row[1:] for row in connection.execute(f"PRAGMA table_xinfo('{name}')")}
        | {row[2:] for row in connection.execute(f"PRAGMA index_xinfo('{name}')")}
        for name in names
    }
    connection.close()
    return found


def test_a_file_of_schema_2_gets_facts_and_no_work(tmp_path: Path) -> None:
    path, new = tmp_path / "old.db", tmp_path / "new.db"
    connection = apsw.Connection(str(path))
    connection.execute(SCHEMA_2.read_text(encoding="utf-8"))
    connection.execute(
        "INSERT INTO scope (no, user_id, next_row, next_session, last_event) VALUES (1, 'ann', 1, 1, 1);"
        "INSERT INTO run VALUES (1, 0, NULL, 0, 1740830400000000, 1);"
        "INSERT INTO event (scope, kind, space, rows, at) VALUES (1, 'added', NULL, x'00000000', 0);"
        "INSERT INTO episode (id, public_id, digest, run, session, role, speaker, text, timestamp, utc_offset,"
        " recorded_at, terms, length, question_share, words, time_expression) VALUES (4294967296, 'ep_1', x'01', 0, 0,"
        " 0, -1, 'Dr. Müller moved to Zürich', 1740830400000000, 60, 1740830400000000, x'', 0, 0, 1, 0);"
        f"PRAGMA application_id = {0x4D535452}; PRAGMA user_version = 2"
    )
    connection.close()
    store = opened(path)
    assert store.job_counts(None, scope=None).pending == 0
    ((row, episode),) = store.unextracted(ANN, extractor="rules/1", limit=9)
    assert (row, episode.text) == (0, "Dr. Müller moved to Zürich")
    store.change_facts(ANN, [asserted("fa", claim("moved", source("ep_1")))], expected=0)
    assert [fact.id for fact in store.facts(ANN, FactQuery(rows=[0]))] == ["fa"]
    done = store.redact(ANN, [redaction("ep_1", (0, 10))], receipt_id="fg_1", at=NOON)
    assert done.episode_ids == ("ep_1",)
    assert find(store, "Zürich") == [f"{MARK} moved to Zürich"]
    store.close()
    store = opened(path)
    assert store.counts(ANN, space=None).weighed == 0
    store.use_salience("one", queue="salience/one", at=NOON)
    assert store.job_counts(["salience/one"], scope=ANN).pending == 1
    (turn,) = store.session_to_weigh(1, after=-1)
    store.put_surprises(1, "one", [turn.row], [3.5], redactions=[turn.redactions])
    store.close()
    store = opened(path)
    assert store.candidates(ANN, Probe(terms=query_terms("moved"))).surprise.tolist() == [3.5]
    store.close()
    opened(new).close()
    assert shape(path) == shape(new)


def test_another_process_searches_the_text_as_it_was_redacted(tmp_path: Path) -> None:
    one, other = opened(tmp_path / "memory.db"), opened(tmp_path / "memory.db")
    (first, _) = add(one, chat("the code is marzipan", "the code is long"))
    assert len(find(other, "marzipan code")) == 2
    one.redact(ANN, [redaction(first.id, (12, 20))], receipt_id="fg_1", at=NOON)
    assert find(other, "marzipan") == []
    assert find(other, "code") == [f"the code is {MARK}", "the code is long"]
    one.close()
    other.close()


@pytest.mark.parametrize("kept", [0, 1 << 20])
def test_a_redacted_row_of_a_sealed_block_is_found_by_its_new_vectors(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, kept: int
) -> None:
    monkeypatch.setattr(blocks, "BLOCK_ROWS", 4)
    monkeypatch.setattr(cache, "BLOCK_ROWS", 4)
    monkeypatch.setattr(cache, "HALVES_KEPT", kept)
    store = opened(tmp_path / "memory.db")
    store.use_space(SPACE, queue=QUEUE, at=NOON)
    ids = [each.id for each in add(store, chat(*[f"turn number {n}" for n in range(9)]))]
    job = store.claim([QUEUE], owner="w", at=NOON, lease=LEASE, scope=ANN)
    assert job is not None
    told = [np.stack([unit(1, n)] * (n % 3)) if n % 3 else np.empty((0, 8), np.float32) for n in range(9)]
    store.put_vectors(job.scope_key, SPACE, range(9), np.stack([unit(1)] * 9), sentences=told)
    assert nearest(store) == list(range(9))
    store.redact(ANN, [redaction(ids[2], (5, 11))], receipt_id="fg_1", at=NOON)
    assert sorted(nearest(store)) == [0, 1, 3, 4, 5, 6, 7, 8]
    (row,) = store.missing_vectors(job.scope_key, SPACE, limit=9)
    one = [np.stack([unit(0, 1), unit(1)])]
    store.put_vectors(job.scope_key, SPACE, [row.row], unit(0, 1)[None], redactions=[row.redactions], sentences=one)
    for _ in range(2):
        pool = store.candidates(ANN, Probe(terms=(), vector=unit(0, 1), space=SPACE))
        expected = [np.nan if n % 3 == 0 else 1 if n == 2 else n / np.hypot(1, n) for n in range(9)]
        np.testing.assert_allclose(pool.cosine_sentence, expected, atol=1e-2)
        assert nearest(store, unit(0, 1), per_leg=1) == [2]
        store.close()
        store = opened(tmp_path / "memory.db")
    store.append(ANN, new_episodes("a last turn"), recorded_at=NOON, jobs=[])
    assert [each.row for each in store.missing_vectors(job.scope_key, SPACE, limit=9)] == [9]
    store.close()


def nearest(
    store: SqliteStore, vector: np.ndarray[tuple[int], np.dtype[np.float32]] | None = None, per_leg: int = 100
) -> list[int]:
    """Rows that the dense leg finds."""
    probe = Probe(terms=(), vector=unit(1) if vector is None else vector, space=SPACE, per_leg=per_leg)
    return [int(row) for row in store.candidates(ANN, probe).rows]


def test_the_cache_of_indexes_keeps_to_its_bytes_and_counts_them_right(tmp_path: Path) -> None:
    store = SqliteStore(tmp_path / "memory.db", cache_bytes=60_000)
    scopes = [Scope(user_id=f"user{number}") for number in range(40)]
    for scope in scopes:
        add(store, chat("the red lamp", "a green door"), scope=scope)
    sizes: list[int] = []
    for scope in [*scopes, *scopes[::-3], *scopes]:
        assert "the red lamp" in find(store, "lamp", scope=scope)
        add(store, f"another lamp {len(sizes)}", scope=scope)
        find(store, "lamp", scope=scope)
        cache = store._cache
        assert cache._held == sum(entry.counted for entry in cache._entries.values()) == cache.nbytes
        sizes.append(cache.nbytes)
        assert cache.nbytes <= 60_000 or len(cache._entries) == 1
    assert max(sizes) > 30_000
    store.close()
