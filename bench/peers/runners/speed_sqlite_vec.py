"""sqlite-vec with a partition key beside FTS5, the commonest words left out, fused by reciprocal ranks."""

from __future__ import annotations

import re
import tempfile
from collections import Counter

import apsw
import sqlite_vec
from timed import read, timed

COMMON = 100
texts, vectors, questions, question_vectors = read()
connection = apsw.Connection(f"{tempfile.mkdtemp()}/store.db")
connection.enable_load_extension(True)
connection.load_extension(sqlite_vec.loadable_path())
connection.execute("PRAGMA journal_mode = WAL; PRAGMA mmap_size = 1073741824; PRAGMA cache_size = -262144").fetchall()
connection.execute(
    "CREATE VIRTUAL TABLE vector USING vec0(user text partition key, embedding float[384] distance_metric=cosine);"
    "CREATE VIRTUAL TABLE word USING fts5(text, tokenize = 'porter unicode61');"
    "CREATE TABLE turn (id INTEGER PRIMARY KEY, text TEXT)"
).fetchall()
with connection:
    for number, (text, vector) in enumerate(zip(texts, vectors, strict=True)):
        connection.execute(
            "INSERT INTO vector (rowid, user, embedding) VALUES (?, 'one', ?)", (number, vector.tobytes())
        )
        connection.execute("INSERT INTO word (rowid, text) VALUES (?, ?)", (number, text))
        connection.execute("INSERT INTO turn VALUES (?, ?)", (number, text))
connection.execute("INSERT INTO word (word) VALUES ('optimize')").fetchall()
counts = Counter(word for text in texts for word in set(re.findall(r"\w+", text.lower())))
common = {word for word, _ in counts.most_common(COMMON)}


def search(place: int) -> list[object]:
    """The best ten by both."""
    dense = connection.execute(
        "SELECT rowid FROM vector WHERE user = 'one' AND embedding MATCH ? AND k = 50",
        (question_vectors[place].tobytes(),),
    ).fetchall()
    words = [word for word in dict.fromkeys(re.findall(r"\w+", questions[place].lower())) if word not in common]
    lexical = []
    if words:
        match = " OR ".join(f'"{word}"' for word in words)
        lexical = connection.execute(
            "SELECT rowid FROM word WHERE word MATCH ? ORDER BY rank LIMIT 50", (match,)
        ).fetchall()
    scores: Counter[int] = Counter()
    for ranked in (dense, lexical):
        for rank, (number,) in enumerate(ranked):
            scores[number] += 1 / (60 + rank)  # type: ignore[assignment]
    best = [number for number, _ in scores.most_common(10)]
    marks = ",".join("?" * len(best))
    return connection.execute(f"SELECT id, text FROM turn WHERE id IN ({marks})", best).fetchall()


timed(search, len(questions))
