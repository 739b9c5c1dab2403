"""The gaps in a file's pages: SQLite moves rows about inside an index and leaves copies of them between the rows.

`secure_delete` overwrites what is deleted where it lies, not the copies that rebalancing left elsewhere in a page,
so that an erased name could still be read in the file. The layout of a page is that of the file format,
https://sqlite.org/fileformat2.html#b_tree_pages: header, offsets of the rows, a gap without meaning, the rows.
"""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import apsw

_CHUNK_PAGES = 4096
_FILE_HEADER = 100
_INNER, _LEAF = (2, 5), (10, 13)
_MOST_PAGES = 1 << 25
"""From here on (128 GiB) an overflow page may look like a page of rows: such files are left alone."""


def wipe_gaps(path: Path) -> int:
    """Write zeros into every gap that holds anything; how many pages did.

    The caller holds the lock for writing, and everything is in the file, nothing in the write-ahead log. What lies
    in a gap means nothing, so readers may go on; those that write must not do so from an older copy of the page.
    """
    flags = apsw.SQLITE_OPEN_READWRITE | apsw.SQLITE_OPEN_MAIN_DB
    file = apsw.VFSFile("", str(path), [flags, 0])  # SQLite's own handle: closing a plain one would drop its locks
    try:
        wiped = 0
        for at, page in _pages(file):
            gap = _gap(page, start=_FILE_HEADER if at == 0 else 0)
            if any(page[gap]):
                file.xWrite(page[: gap.start] + bytes(gap.stop - gap.start) + page[gap.stop :], at)
                wiped += 1
        if wiped:
            file.xSync(apsw.SQLITE_SYNC_FULL)
        return wiped
    finally:
        file.xClose()


def _pages(file: apsw.VFSFile) -> Iterator[tuple[int, bytes]]:
    """Place and content of every page."""
    size = file.xFileSize()
    declared = int.from_bytes(file.xRead(2, 16), "big") if size else 0
    page_size = 65536 if declared == 1 else declared
    if not page_size or size // page_size >= _MOST_PAGES:
        return
    for start in range(0, size, _CHUNK_PAGES * page_size):
        chunk = file.xRead(min(_CHUNK_PAGES * page_size, size - start), start)
        for at in range(0, len(chunk), page_size):
            yield start + at, chunk[at : at + page_size]


def _gap(page: bytes, *, start: int) -> slice:
    """Where a page has nothing; an empty slice for one that holds no rows."""
    kind = page[start]
    if kind not in _INNER and kind not in _LEAF:
        return slice(0, 0)
    rows = int.from_bytes(page[start + 3 : start + 5], "big")
    content = int.from_bytes(page[start + 5 : start + 7], "big") or 65536
    offsets_end = start + (12 if kind in _INNER else 8) + 2 * rows
    return slice(offsets_end, max(offsets_end, min(content, len(page))))
