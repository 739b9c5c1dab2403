"""Which format a file has, found out by its content, and the reader for it."""

from __future__ import annotations

import io
import os
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import BinaryIO, Literal, TypeAlias, cast, get_args

from memstrata.errors import InvalidInput
from memstrata.exchange import chatgpt, claude, copilot, gemini, grok
from memstrata.exchange.archive import Member, Place, Torn, opened
from memstrata.exchange.bundle import CHANGES, EPISODES, MANIFEST
from memstrata.exchange.files import TOO_LONG, FileFormat, format_of, lines_of, read_file
from memstrata.exchange.json_export import is_json_export
from memstrata.exchange.json_stream import Broken, Element, elements
from memstrata.exchange.portions import PassedOver, Read, Unreadable, as_object
from memstrata.types import NotRead

Format = Literal["jsonl", "locomo", "text", "markdown", "chatgpt", "claude", "gemini", "grok", "copilot"]
FORMATS: tuple[str, ...] = get_args(Format)
_FILES: tuple[str, ...] = get_args(FileFormat)
_SNIFFED = 3
"""Elements of an array that are looked at, in case the first are broken."""
_HEADER = 1 << 16
_READABLE = (".json", ".jsonl", ".ndjson", ".csv", ".html", ".htm", ".zip")
Reader: TypeAlias = Callable[[object, str], Iterator[Read]]


@dataclass(frozen=True, slots=True, kw_only=True)
class _Shape:
    """Elements of one sort: of which product, in the array under which key, how they are told and read."""

    product: Format
    key: str | None
    plausible: Callable[[object], bool]
    read: Reader


def checked_format(kind: str | None) -> Format | None:
    """A format by its name, None for the one that the content shows. Raises InvalidInput for an unknown name."""
    if kind is not None and kind not in FORMATS:
        raise InvalidInput(f"format is one of {', '.join(FORMATS)}, not {kind!r}")
    return cast("Format | None", kind)


def read_export(place: Place, kind: Format | None) -> Iterator[Read]:
    """Everything that a file, a folder or a zip holds. Raises InvalidInput where it cannot be read at all."""
    with opened(place) as found:
        alone = len(found) == 1 and not _is_folder(place)
        if {MANIFEST, EPISODES, CHANGES} <= {each.name for each in found if isinstance(each, Member)}:
            raise InvalidInput("this is a bundle: restore it, which `memstrata import` without --format does")
        told = False
        for member in found:
            if isinstance(member, NotRead):
                yield member
                continue
            for read in _of_member(member, kind, alone=alone):
                told = told or not isinstance(read, PassedOver)
                yield read
        if not told:
            yield NotRead(place="", reason=f"it holds nothing to remember; known are {', '.join(FORMATS)}")


def _of_member(member: Member, kind: Format | None, *, alone: bool) -> Iterator[Read]:
    try:
        yield from _read(member, kind, alone=alone)
    except Torn as error:
        yield NotRead(place=member.name, reason=str(error))
    except OSError as error:
        yield NotRead(place=member.name, reason=f"cannot be read: {error.strerror or error}")


def _read(member: Member, kind: Format | None, *, alone: bool) -> Iterator[Read]:
    promised = format_of(member.name)
    if kind in _FILES or (kind is None and alone and promised not in (None, "locomo")):
        wanted = cast(FileFormat, kind or promised)
        if alone or promised == wanted:
            with member.open() as stream:
                yield from read_file(stream, member.base, wanted)
        else:
            yield PassedOver(reason="files of another format")
        return
    if not alone and Path(member.name).suffix.lower() not in _READABLE:
        yield PassedOver(reason="attachments and other files")
        return
    with member.open() as stream:
        start = stream.read(_HEADER)
    if is_json_export(start):
        yield NotRead(place=member.name, reason="is a JSON export of Memstrata: restore it")
    elif start.startswith(b"PK\x03\x04"):
        yield NotRead(place=member.name, reason="is a zip in the zip; unpack it and import it by itself")
    elif kind in (None, "copilot") and copilot.columns_of(_first_line(start))[:4] == list(copilot.COLUMNS):
        with member.open() as stream:
            yield from copilot.read_csv(stream, member.base)
    elif start.lstrip(b"\xef\xbb\xbf\xff\xfe \t\r\n\0")[:1] in (b"[", b"{"):
        yield from _read_json(member, kind, alone=alone)
    elif b"Gemini" in start and b"content-cell" in start:
        yield NotRead(place=member.name, reason="is HTML; choose JSON for My Activity in Takeout and export again")
    elif alone:
        raise InvalidInput(f"cannot tell the format of {member.name!r}; say --format {'|'.join(FORMATS)}")
    else:
        yield PassedOver(reason="attachments and other files")


def _read_json(member: Member, kind: Format | None, *, alone: bool) -> Iterator[Read]:
    if member.name.lower().endswith((".jsonl", ".ndjson")):
        yield from _read_lines(member, kind)
        return
    shape = _shape_of(member, kind)
    if shape is not None:
        with member.open() as stream:
            yield from _of_shape(shape, stream, member.base)
    elif alone and kind is None:
        with member.open() as stream:
            yield from read_file(stream, member.base, "locomo")
    else:
        yield PassedOver(reason=f"{member.base}: nothing to remember")


def _of_shape(shape: _Shape, stream: BinaryIO, name: str) -> Iterator[Read]:
    keys = () if shape.key is None else (shape.key,)
    found = elements(stream, keys=keys, plausible=shape.plausible)
    if shape.product == "gemini":
        yield from gemini.read_entries(_entries(found, name))
        return
    seen: set[str] = set()
    for each in found:
        place = f"{name} {each.number}"
        if isinstance(each, Broken):
            yield NotRead(place=place, reason=each.reason)
        elif each.key == shape.key:
            for read in _of_value(shape, each.value, place):
                if not (shape.product == "chatgpt" and chatgpt.said_before(read, seen)):
                    yield read


def _of_value(shape: _Shape, value: object, place: str) -> Iterator[Read]:
    if not shape.plausible(value):
        yield NotRead(place=place, reason="is no conversation")
        return
    try:
        yield from shape.read(value, place)
    except Unreadable as error:
        yield NotRead(place=place, reason=str(error))


def _entries(found: Iterator[Element | Broken], name: str) -> Iterator[tuple[object, str]]:
    """Entries of an activity; a broken stretch comes as an entry that cannot be read."""
    for each in found:
        yield (None if isinstance(each, Broken) else each.value), f"{name} {each.number}"


def _read_lines(member: Member, kind: Format | None) -> Iterator[Read]:
    """A value a line, as some exports of Claude have them."""
    shapes = [shape for shape in _SHAPES if shape.key is None and kind in (None, shape.product)]
    with member.open() as stream:
        for number, line in enumerate(lines_of(stream), start=1):
            place = f"{member.base} line {number}"
            if line is None:
                yield NotRead(place=place, reason=TOO_LONG)
                continue
            for each in elements(io.BytesIO(b"[" + line.removeprefix(b"\xef\xbb\xbf").strip() + b"]")):
                if isinstance(each, Broken):
                    yield NotRead(place=place, reason=each.reason)
                    continue
                shape = next((shape for shape in shapes if shape.plausible(each.value)), None)
                if shape is None or shape.product == "gemini":
                    yield PassedOver(reason=f"{member.base}: nothing to remember")
                else:
                    yield from _of_value(shape, each.value, place)


def _shape_of(member: Member, kind: Format | None) -> _Shape | None:
    """The shape that one of the first elements has."""
    keys = {shape.key for shape in _SHAPES if shape.key is not None}
    with member.open() as stream:
        for each in elements(stream, keys=keys):
            if isinstance(each, Broken) and kind is not None:
                return next(shape for shape in _SHAPES if shape.product == kind)
            if isinstance(each, Element):
                for shape in _SHAPES:
                    if shape.key == each.key and kind in (None, shape.product) and shape.plausible(each.value):
                        return shape
            if each.number >= _SNIFFED:
                return None
    return None


def _is_folder(place: Place) -> bool:
    return isinstance(place, str | os.PathLike) and Path(place).is_dir()


def _first_line(start: bytes) -> str:
    encoding = "utf-16" if start.startswith((b"\xff\xfe", b"\xfe\xff")) else "utf-8"
    return start.decode(encoding, "replace").removeprefix("\ufeff").partition("\n")[0]


def _is_memories(value: object) -> bool:
    found = as_object(value)
    return "conversations_memory" in found or "project_memories" in found


def _is_project(value: object) -> bool:
    found = as_object(value)
    return "uuid" in found and "name" in found and ("docs" in found or "prompt_template" in found)


_SHAPES = (
    _Shape(product="chatgpt", key=None, plausible=chatgpt.plausible, read=chatgpt.read_conversation),
    _Shape(product="claude", key=None, plausible=claude.plausible, read=claude.read_conversation),
    _Shape(product="claude", key=None, plausible=_is_memories, read=claude.read_memories),
    _Shape(product="claude", key=None, plausible=_is_project, read=claude.read_project),
    _Shape(product="gemini", key=None, plausible=gemini.plausible, read=lambda value, place: iter(())),
    _Shape(product="grok", key="conversations", plausible=grok.plausible, read=grok.read_conversation),
)
