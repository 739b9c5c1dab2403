"""The files of an export: a zip, a folder or one file, each read as a stream and never unpacked to the disk.

What is hostile or broken is refused member by member: names that lead out, sizes that explode, passwords, zips in
zips, one name twice. The rest is read.
"""

from __future__ import annotations

import io
import os
import shutil
import stat
import struct
import tempfile
import zipfile
import zlib
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, ExitStack, contextmanager
from dataclasses import dataclass
from pathlib import Path, PurePosixPath
from typing import BinaryIO, TypeAlias, cast

from memstrata.errors import InvalidInput
from memstrata.types import NotRead

Place: TypeAlias = str | os.PathLike[str] | BinaryIO
"""Where a file is: a path, or a binary stream."""
_HELD = 1 << 23
MOST_BYTES = 1 << 36
"""Unpacked bytes of a member."""
MOST_RATIO = 200
"""Unpacked to packed; conversations come to 4 to 20, a file of one letter to 1,000."""
FREE_BYTES = 1 << 24
"""Unpacked bytes that no ratio is asked of: short texts repeat themselves."""
MOST_MEMBERS = 200_000
MOST_DIRECTORY = 1 << 25
"""Bytes of a zip's list of members, which is read whole: 160 for each of the most."""
_DIRECTORY_SIZE = 5
LINK = "is a link or no plain file; passed over"
_BROKEN = (zipfile.BadZipFile, zlib.error, EOFError, NotImplementedError, RuntimeError, struct.error, OSError)


class Torn(ValueError):
    """A member cannot be read to its end; the message says why."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Member:
    """A file of an export: its path, its size, and how to read it."""

    name: str
    size: int
    open: Callable[[], AbstractContextManager[BinaryIO]]

    @property
    def base(self) -> str:
        """The last part of its path."""
        return PurePosixPath(self.name).name


Found: TypeAlias = "Member | NotRead"


@contextmanager
def opened(place: Place) -> Iterator[list[Found]]:
    """The members of a zip, a folder or a file. Raises InvalidInput where it cannot be read at all."""
    if isinstance(place, str | os.PathLike) and Path(place).is_dir():
        yield _of_folder(Path(place))
        return
    base = file_name(place)
    with seekable(place) as stream:
        if _starts_a_zip(stream):
            with zip_of(stream, what=repr(base)) as archive:
                yield members_of(archive)
        else:
            size = stream.seek(0, io.SEEK_END)
            yield [Member(name=base, size=size, open=lambda: _from_the_start(stream))]


def file_name(place: Place) -> str:
    """What a file is called, without its folders; `file` for a stream without a name."""
    name = place if isinstance(place, str | os.PathLike) else getattr(place, "name", None)
    return (Path(name).name if isinstance(name, str | os.PathLike) else "") or "file"


@contextmanager
def packed(folder: Path) -> Iterator[BinaryIO]:
    """A folder as a zip, to be sent; links stay links, so that whoever reads it can tell of them."""
    with tempfile.SpooledTemporaryFile(max_size=_HELD) as spool:
        with zipfile.ZipFile(spool, "w", zipfile.ZIP_DEFLATED, compresslevel=1, strict_timestamps=False) as archive:
            for member in _of_folder(folder):
                if isinstance(member, NotRead):
                    link = zipfile.ZipInfo(member.place)
                    link.external_attr = (stat.S_IFLNK | 0o600) << 16
                    archive.writestr(link, b"")
                else:
                    with _readable(folder / member.name):
                        archive.write(folder / member.name, member.name)
        spool.seek(0)
        yield cast(BinaryIO, spool)


@contextmanager
def _readable(path: Path) -> Iterator[None]:
    try:
        yield
    except OSError as error:
        raise InvalidInput(f"cannot read {str(path)!r}: {error.strerror or error}") from None


@contextmanager
def seekable(place: Place) -> Iterator[BinaryIO]:
    """A stream that can be read from any place: a file's, or a copy of one that cannot. Raises InvalidInput."""
    if isinstance(place, str | os.PathLike):
        with ExitStack() as stack:
            try:
                file = stack.enter_context(Path(place).open("rb"))
            except OSError as error:
                raise InvalidInput(f"cannot read {str(place)!r}: {error.strerror or error}") from None
            yield file
    elif place.seekable():
        yield place
    else:
        with tempfile.SpooledTemporaryFile(max_size=_HELD) as spool:
            shutil.copyfileobj(place, spool)
            spool.seek(0)
            yield cast(BinaryIO, spool)


def zip_of(stream: BinaryIO, *, what: str) -> zipfile.ZipFile:
    """A zip. Raises InvalidInput for one that is broken."""
    try:
        end = zipfile._EndRecData(stream)  # type: ignore[attr-defined] # what zipfile itself goes by, before it reads on
        if end and end[_DIRECTORY_SIZE] > MOST_DIRECTORY:
            raise InvalidInput(f"{what} lists more than it can hold: its directory has {end[_DIRECTORY_SIZE]:,} bytes")
        return zipfile.ZipFile(stream)
    except _BROKEN as error:
        raise InvalidInput(f"{what} is no whole zip ({error}); get the file again") from None


def members_of(archive: zipfile.ZipFile) -> list[Found]:
    """The members of a zip that may be read, and why others may not."""
    found: list[Found] = []
    seen: set[str] = set()
    infos = archive.infolist()
    if len(infos) > MOST_MEMBERS:
        raise InvalidInput(f"the zip has {len(infos):,} members, at most {MOST_MEMBERS:,} are read")
    for info in infos:
        if info.is_dir():
            continue
        refused = _refusal(info, seen)
        seen.add(info.filename)
        if refused:
            found.append(NotRead(place=info.filename, reason=refused))
        else:
            found.append(Member(name=info.filename, size=info.file_size, open=_opener(archive, info)))
    return found


def _refusal(info: zipfile.ZipInfo, seen: set[str]) -> str | None:
    parts = PurePosixPath(info.filename.replace("\\", "/")).parts
    if ".." in parts or (parts and (parts[0] == "/" or parts[0].endswith(":"))):
        return "its name leads out of the archive; passed over"
    if stat.S_ISLNK(info.external_attr >> 16):
        return LINK
    if info.flag_bits & 0x1:
        return "is locked with a password; unpack it with the password and import the folder"
    if info.filename in seen:
        return "stands in the zip twice; the first one is read"
    if info.file_size > MOST_BYTES:
        return f"unpacks to more than {MOST_BYTES:,} bytes"
    return None


def _opener(archive: zipfile.ZipFile, info: zipfile.ZipInfo) -> Callable[[], AbstractContextManager[BinaryIO]]:
    @contextmanager
    def opened() -> Iterator[BinaryIO]:
        try:
            member = archive.open(info)
        except _BROKEN as error:
            raise Torn(f"is broken in the zip: {error}") from None
        with member as stream:
            yield cast(BinaryIO, io.BufferedReader(_Bounded(cast(BinaryIO, stream), info)))

    return opened


class _Bounded(io.RawIOBase):
    """A member that is read no further than it may reach, whatever its header says."""

    def __init__(self, stream: BinaryIO, info: zipfile.ZipInfo) -> None:
        self._stream = stream
        self._left = min(MOST_BYTES, max(FREE_BYTES, info.compress_size * MOST_RATIO))

    def readable(self) -> bool:
        return True

    def readinto(self, buffer: memoryview) -> int:  # type: ignore[override]
        try:
            data = self._stream.read(len(buffer))
        except _BROKEN as error:
            raise Torn(f"is broken in the zip: {error}") from None
        self._left -= len(data)
        if self._left < 0:
            raise Torn(f"unpacks to more than {MOST_RATIO} times its size: a zip bomb; passed over")
        buffer[: len(data)] = data
        return len(data)


@contextmanager
def _from_the_start(stream: BinaryIO) -> Iterator[BinaryIO]:
    stream.seek(0)
    yield stream


def _of_folder(path: Path) -> list[Found]:
    found: list[Found] = []
    for folder, folders, names in os.walk(path):
        folders.sort()
        for name in sorted(names):
            file = Path(folder, name)
            place = file.relative_to(path).as_posix()
            if file.is_symlink() or not file.is_file():
                found.append(NotRead(place=place, reason=LINK))
                continue
            found.append(Member(name=place, size=file.stat().st_size, open=_file_opener(file)))
            if len(found) > MOST_MEMBERS:
                raise InvalidInput(f"the folder has more than {MOST_MEMBERS:,} files")
    return found


def _file_opener(file: Path) -> Callable[[], AbstractContextManager[BinaryIO]]:
    return lambda: file.open("rb")


def _starts_a_zip(stream: BinaryIO) -> bool:
    start = stream.read(4)
    stream.seek(0)
    return start in (b"PK\x03\x04", b"PK\x05\x06", b"PK\x07\x08")
