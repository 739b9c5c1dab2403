"""A full disk, a read-only, damaged, foreign, newer or older file: clear words and no loss."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import apsw
import pytest

from memstrata import Memory
from memstrata.errors import (
    InvalidInput,
    StoreBusy,
    StoreCorrupt,
    StoreError,
    StoreFull,
    StoreReadOnly,
    StoreTooNew,
)
from memstrata.stores.sqlite.migrations import SCHEMA_VERSION
from memstrata.stores.sqlite.store import SqliteStore

SCHEMA_1 = Path(__file__).parents[1] / "stores" / "schema_1.sql"


@pytest.fixture
def path(tmp_path: Path) -> Iterator[Path]:
    path = tmp_path / "memory.db"
    with opened(path) as memory:
        memory.add("the first thing", user_id="ann")
    yield path
    path.parent.chmod(0o755)


def opened(path: Path, options: str = "") -> Memory:
    return Memory(f"sqlite:///{path}{options}", embedder="none")


def texts(path: Path) -> list[str]:
    with opened(path) as memory:
        return [episode.text for episode in memory.episodes(user_id="ann").episodes]


def test_a_full_disk_refuses_the_write_and_keeps_everything_else(path: Path) -> None:
    with opened(path) as memory:
        store = memory._parts.store
        assert isinstance(store, SqliteStore)
        store._database.write(lambda connection: connection.execute("PRAGMA max_page_count = 1").fetchall())
        with pytest.raises(StoreFull, match="full"):
            memory.add("x" * 1_000_000, user_id="ann")
        assert memory.search("first", user_id="ann")[0].text == "the first thing"
        store._database.write(lambda connection: connection.execute("PRAGMA max_page_count = 1000000").fetchall())
        memory.add("room again", user_id="ann")
    assert texts(path) == ["room again", "the first thing"]


def test_a_disk_that_refuses_to_write_is_a_clear_error(path: Path) -> None:
    script = f"""
import resource, signal
from memstrata import Memory
from memstrata.errors import StoreError
signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
memory = Memory("sqlite:///{path}", embedder="none")
resource.setrlimit(resource.RLIMIT_FSIZE, (150_000, 150_000))
try:
    for n in range(100):
        memory.add("y" * 20_000 + str(n), user_id="ann")
        print(n, flush=True)
except StoreError as error:
    print(error.code)
"""
    done = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, check=True)
    *acknowledged, code = done.stdout.split()
    assert code in ("store_full", "store")
    assert len(texts(path)) == 1 + len(acknowledged)


@pytest.mark.skipif(os.geteuid() != 0 and sys.platform == "win32", reason="needs POSIX permissions")
def test_a_file_opened_to_read_only_reads_and_says_why_it_does_not_write(path: Path) -> None:
    with opened(path, "?mode=ro") as memory:
        assert memory.search("first", user_id="ann")[0].text == "the first thing"
        assert memory.stats(user_id="ann").episodes == 1
        with pytest.raises(StoreReadOnly, match="mode=ro"):
            memory.add("more", user_id="ann")
        with pytest.raises(StoreReadOnly):
            memory.forget(user_id="ann")
    assert texts(path) == ["the first thing"]


@pytest.mark.skipif(os.geteuid() == 0, reason="root may write everywhere")
def test_a_file_without_write_permission_is_a_clear_error(path: Path) -> None:
    path.chmod(0o444)
    with pytest.raises(StoreReadOnly, match="permissions"), opened(path) as memory:
        memory.add("more", user_id="ann")


def test_a_damaged_file_is_a_clear_error(path: Path) -> None:
    data = bytearray(path.read_bytes())
    data[:16] = b"not a database!!"
    path.write_bytes(data)
    with pytest.raises(StoreCorrupt, match="not a Memstrata store"):
        opened(path)


def test_damage_inside_the_file_is_a_clear_error(path: Path) -> None:
    with opened(path) as memory:
        for n in range(50):
            memory.add(f"thing {n} " + "z" * 500, user_id="ann")
    size = path.stat().st_size
    with path.open("r+b") as file:
        file.seek(4096)
        file.write(os.urandom(size - 4096))
    with pytest.raises(StoreCorrupt), opened(path) as memory:
        memory.search("thing", user_id="ann")


def test_a_file_of_another_program_is_left_alone(tmp_path: Path) -> None:
    path = tmp_path / "other.db"
    connection = apsw.Connection(str(path))
    connection.execute("CREATE TABLE theirs (x)")
    connection.close()
    before = path.read_bytes()
    with pytest.raises(StoreCorrupt, match="another program"):
        opened(path)
    assert path.read_bytes() == before


def test_a_newer_schema_is_refused_and_left_alone(path: Path) -> None:
    connection = apsw.Connection(str(path))
    connection.execute(f"PRAGMA user_version = {SCHEMA_VERSION + 1}")
    connection.close()
    before = path.read_bytes()
    with pytest.raises(StoreTooNew, match="upgrade"):
        opened(path)
    assert path.read_bytes() == before


def test_an_older_schema_is_migrated(tmp_path: Path) -> None:
    path = old_file(tmp_path)
    with opened(path) as memory:
        (hit,) = memory.search("Dr. Müller", user_id="ann")
        assert hit.text == "Dr. Müller moved to Zürich"
        assert memory.stats(user_id="ann").episodes == 1
        memory.add("and one more", user_id="ann")
    assert texts(path) == ["and one more", "Dr. Müller moved to Zürich"]


def test_an_older_schema_opened_to_read_only_says_what_to_do(tmp_path: Path) -> None:
    path = old_file(tmp_path)
    with pytest.raises(StoreReadOnly, match="migrated"):
        opened(path, "?mode=ro")


def test_a_migration_that_breaks_leaves_the_file_as_it_was(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path = old_file(tmp_path)
    copy = tmp_path / "copy.db"
    shutil.copy(path, copy)

    def broken(*_: object, **__: object) -> None:
        raise RuntimeError("power failed")

    with monkeypatch.context() as patched:
        patched.setattr("memstrata.stores.sqlite.migrations.seal", broken)
        with pytest.raises(RuntimeError):
            opened(path)
    with opened(path) as memory:
        assert len(memory.search("Zürich", user_id="ann")) == 1


def test_a_store_that_another_process_holds_is_a_clear_error(path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("memstrata.stores.sqlite.database.BUSY_WAIT_MS", 50)
    other = apsw.Connection(str(path))
    with opened(path) as memory:
        other.execute("BEGIN IMMEDIATE")
        with pytest.raises(StoreBusy, match="another process"):
            memory.add("late", user_id="ann")
        other.execute("ROLLBACK")
        memory.add("in time", user_id="ann")
    other.close()
    assert texts(path) == ["in time", "the first thing"]


@pytest.mark.parametrize(
    ("url", "kind", "words"),
    [
        ("sqlite:///", InvalidInput, "names no file"),
        ("sqlite://memory.db", InvalidInput, "names no file"),
        ("memory.db", InvalidInput, "sqlite:///memory.db"),
        ("redis://x", InvalidInput, "known"),
        ("sqlite:///x.db?mode=rw", InvalidInput, "mode=ro"),
        ("sqlite:///no/such/folder/x.db", StoreError, "does not exist"),
        ("sqlite:///absent.db?mode=ro", StoreError, "does not exist"),
        ("sqlite:////tmp", StoreError, "folder"),
    ],
)
def test_urls_that_lead_nowhere(url: str, kind: type[Exception], words: str) -> None:
    with pytest.raises(kind, match=words):
        Memory(url, embedder="none")


def old_file(folder: Path) -> Path:
    """A file as schema 1 left it: terms not folded, no count of proper nouns."""
    path = folder / "old.db"
    connection = apsw.Connection(str(path))
    connection.execute(SCHEMA_1.read_text(encoding="utf-8"))
    connection.execute(
        "INSERT INTO scope (no, user_id, next_row, next_session, last_event) VALUES (1, 'ann', 1, 1, 1);"
        "INSERT INTO run VALUES (1, 0, NULL, 0, 1740830400000000, 1);"
        "INSERT INTO event (scope, kind, space, rows, at) VALUES (1, 'added', NULL, x'00000000', 0);"
        "INSERT INTO episode (id, public_id, digest, run, session, role, speaker, text, timestamp, utc_offset,"
        " recorded_at, terms, length, question_share, words, time_expression) VALUES (4294967296, 'ep_1', x'01', 0, 0,"
        " 0, -1, 'Dr. Müller moved to Zürich', 1740830400000000, 60, 1740830400000000, x'', 0, 0, 1, 0);"
        f"PRAGMA application_id = {0x4D535452}; PRAGMA user_version = 1"
    )
    connection.close()
    return path
