"""Blobs in a folder: each name is a file or a folder in it, written beside its place and moved there whole.

What a process left half written has a name that begins with a dot; it is listed with the others and deleted with the
next that are.
"""

from __future__ import annotations

import hashlib
import os
import re
import secrets
import shutil
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager, suppress
from pathlib import Path

from memstrata.errors import InvalidInput, NotFound, StoreError, StoreFull

_NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9_-]{0,120}")
_NO_ROOM = 28  # ENOSPC
_HALF = "."


class FolderBlobs:
    """Implements `Blobs` in `folder`, which is made with the first of them."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder

    def put(self, name: str, write: Callable[[Path], None]) -> int:
        """See `Blobs.put`."""
        place = self._place(name)
        half = self._folder / f"{_HALF}{name}-{secrets.token_hex(4)}"
        try:
            self._folder.mkdir(mode=0o700, exist_ok=True)
            write(half)
            size = _sync(half)
            if place.exists():  # a folder is not replaced by a rename
                old = self._folder / f"{_HALF}{name}-{secrets.token_hex(4)}"
                os.rename(place, old)
                os.rename(half, place)
                _remove(old)
            else:
                os.rename(half, place)
            _sync_folder(self._folder)
        except OSError as error:
            _remove(half)
            kind = StoreFull if error.errno == _NO_ROOM else StoreError
            raise kind(f"{str(place)!r} could not be written: {error.strerror or error}") from error
        except BaseException:
            _remove(half)
            raise
        return size

    @contextmanager
    def reading(self, name: str) -> Iterator[Path]:
        """See `Blobs.reading`."""
        place = self._place(name)
        if not place.exists():
            raise NotFound(f"there are no bytes of {name!r}; they were deleted, or the folder was moved")
        yield place

    def digest(self, name: str) -> str:
        """See `Blobs.digest`."""
        sums = hashlib.sha256()
        with self.reading(name) as place:
            for file in _files(place):
                sums.update(f"{file.relative_to(place)}\0{file.stat().st_size}\0".encode())
                with file.open("rb") as opened:
                    sums.update(hashlib.file_digest(opened, "sha256").digest())
        return sums.hexdigest()

    def delete(self, names: Sequence[str]) -> list[str]:
        """See `Blobs.delete`. Half-written ones of the same name go too."""
        for name in names:
            for place in (self._place(name), *self._folder.glob(f"{_HALF}{name}-*")):
                _remove(place)
        return [name for name in names if self._place(name).exists()]

    def names(self) -> list[str]:
        """See `Blobs.names`."""
        return sorted(each.name for each in self._folder.iterdir()) if self._folder.is_dir() else []

    def _place(self, name: str) -> Path:
        if not _NAME.fullmatch(name):
            raise InvalidInput(f"a blob's name has letters, digits, - and _, not {name!r}")
        return self._folder / name


def _remove(place: Path) -> None:
    """Delete a file or folder, as far as that can be done."""
    if place.is_dir() and not place.is_symlink():
        shutil.rmtree(place, ignore_errors=True)
    else:
        with suppress(OSError):
            place.unlink()


def _sync(place: Path) -> int:
    """Bring a file, or all files of a folder, to the disk; returns their bytes."""
    files = _files(place)
    for file in files:
        with file.open("rb") as opened:
            os.fsync(opened.fileno())
    return sum(file.stat().st_size for file in files)


def _files(place: Path) -> list[Path]:
    """A file, or all files of a folder in an order that is always the same."""
    return [place] if place.is_file() else sorted(each for each in place.rglob("*") if each.is_file())


def _sync_folder(folder: Path) -> None:
    opened = os.open(folder, os.O_RDONLY)
    try:
        os.fsync(opened)
    finally:
        os.close(opened)
