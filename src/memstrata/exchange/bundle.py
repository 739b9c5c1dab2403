"""A bundle: one zip that carries a scope between machines.

`episodes.jsonl` and `changes.jsonl`, the log that facts are folded from, a line an item in the order of the store;
`manifest.json`, written last, with the version, the scope, and size and SHA-256 of each. No vectors: they are derived.
The digests say that a bundle is whole and unchanged, not who made it.
"""

from __future__ import annotations

import hashlib
import json
import zipfile
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import datetime
from typing import IO, BinaryIO

from memstrata.core.records import KeptEpisode, KeptLog
from memstrata.errors import InvalidInput
from memstrata.exchange.archive import Member, Torn, members_of, zip_of
from memstrata.exchange.contents import (
    Contents,
    Copy,
    Sessions,
    contents,
    head_from_json,
    head_to_json,
    read_to_json,
)
from memstrata.exchange.lines import change_to_json, episode_to_json
from memstrata.exchange.portions import as_object
from memstrata.types import Json, Scope

FORMAT = "memstrata-bundle"
MANIFEST, EPISODES, CHANGES = "manifest.json", "episodes.jsonl", "changes.jsonl"
_MOST_OF_A_MANIFEST = 1 << 20
_MOST_OF_A_LINE = 1 << 27
_DATE = (1980, 1, 1, 0, 0, 0)
"""Of every member: the same memory makes the same bytes."""


@dataclass(slots=True)
class _Lines:
    """A member that is written line by line, and what the manifest says of it."""

    out: IO[bytes]
    lines: int = 0
    size: int = 0
    sha256: hashlib._Hash = field(default_factory=hashlib.sha256)

    def add(self, value: Json) -> None:
        """Write a line."""
        line = json.dumps(value, ensure_ascii=False, separators=(",", ":")).encode() + b"\n"
        self.out.write(line)
        self.sha256.update(line)
        self.lines, self.size = self.lines + 1, self.size + len(line)

    def described(self) -> dict[str, Json]:
        """Its entry in the manifest."""
        return {"lines": self.lines, "bytes": self.size, "sha256": self.sha256.hexdigest()}


def write_bundle(out: BinaryIO, copy: Copy, scope: Scope, *, at: datetime) -> KeptLog:
    """Write what `copy` hands over; returns the log."""
    sessions = Sessions()
    with zipfile.ZipFile(out, "w", zipfile.ZIP_DEFLATED) as archive:
        with _member(archive, EPISODES) as episodes:

            def take(kept: KeptEpisode) -> None:
                episodes.add(episode_to_json(kept, scope, session=sessions.number(kept.episode.session)))

            log = copy(take)
        with _member(archive, CHANGES) as changes:
            for each in log.changes:
                changes.add(change_to_json(each))
        members = {EPISODES: episodes.described(), CHANGES: changes.described()}
        manifest = {**head_to_json(FORMAT, scope, at=at), "read": read_to_json(log.read), "members": members}
        with _member(archive, MANIFEST) as last:
            last.out.write(json.dumps(manifest, ensure_ascii=False, indent=2).encode() + b"\n")
    return log


def is_bundle(stream: BinaryIO) -> bool:
    """The file is a zip with a manifest of ours; leaves it at its beginning."""
    try:
        with zipfile.ZipFile(stream) as archive:
            return {MANIFEST, EPISODES, CHANGES} <= set(archive.namelist())
    except (zipfile.BadZipFile, OSError, ValueError):
        return False
    finally:
        stream.seek(0)


def read_bundle(stream: BinaryIO) -> Contents:
    """Everything that a bundle holds. Raises InvalidInput for one that is broken, cut short, changed or too new."""
    with zip_of(stream, what="the bundle") as archive:
        try:
            members = _members(archive)
            manifest, scope = _manifest(members[MANIFEST])
            parts = {name: _values(members[name], as_object(manifest.get("members")).get(name))
                     for name in (EPISODES, CHANGES)}  # fmt: skip
        except Torn as error:
            raise InvalidInput(f"the bundle {error}; get the file again") from None
    return contents(
        scope,
        parts[EPISODES],
        parts[CHANGES],
        manifest.get("read"),
        counts={"episodes": len(parts[EPISODES]), "changes": len(parts[CHANGES])},
    )


def scope_of_bundle(stream: BinaryIO) -> Scope:
    """The scope that a bundle is of; leaves it at its beginning."""
    with zip_of(stream, what="the bundle") as archive:
        try:
            _, scope = _manifest(_members(archive)[MANIFEST])
        except Torn as error:
            raise InvalidInput(f"the bundle {error}; get the file again") from None
    stream.seek(0)
    return scope


def _members(archive: zipfile.ZipFile) -> dict[str, Member]:
    """The three members. Raises InvalidInput where one is missing, or there is anything else."""
    found: dict[str, Member] = {}
    for each in members_of(archive):
        if not isinstance(each, Member) or each.name not in (MANIFEST, EPISODES, CHANGES):
            why = each.name if isinstance(each, Member) else f"{each.place} {each.reason}"
            raise InvalidInput(f"the bundle holds what no bundle holds: {why}")
        found[each.name] = each
    for name in (MANIFEST, EPISODES, CHANGES):
        if name not in found:
            raise InvalidInput(f"the bundle has no {name}: it is not whole, or no bundle")
    return found


def _manifest(member: Member) -> tuple[dict[str, object], Scope]:
    with member.open() as stream:
        data = stream.read(_MOST_OF_A_MANIFEST + 1)
    try:
        manifest = json.loads(data) if len(data) <= _MOST_OF_A_MANIFEST else None
    except (ValueError, RecursionError):
        manifest = None
    if not isinstance(manifest, dict):
        raise InvalidInput("the bundle's manifest is not JSON: it was changed after it was exported")
    return manifest, head_from_json(manifest, FORMAT)


def _values(member: Member, described: object) -> list[object]:
    """The values of a member's lines, once all of it is as the manifest says."""
    entry = as_object(described)
    size = entry.get("bytes")
    if type(size) is not int or member.size != size:
        raise InvalidInput(f"the bundle's {member.name} is not as long as its manifest says: it was changed")
    sha256, values, reached = hashlib.sha256(), list[object](), 0
    with member.open() as stream:
        while line := stream.readline(_MOST_OF_A_LINE):
            reached += len(line)
            if reached > size:
                break
            sha256.update(line)
            values.append(_value(line, member.name, len(values) + 1))
    if reached != size or sha256.hexdigest() != entry.get("sha256") or len(values) != entry.get("lines"):
        raise InvalidInput(f"the bundle's {member.name} is not what its manifest says: it was changed or cut short")
    return values


def _value(line: bytes, name: str, number: int) -> object:
    try:
        return json.loads(line)
    except (ValueError, RecursionError):
        raise InvalidInput(f"the bundle's {name} is not JSON at line {number}: it was changed") from None


@contextmanager
def _member(archive: zipfile.ZipFile, name: str) -> Iterator[_Lines]:
    info = zipfile.ZipInfo(name, date_time=_DATE)
    info.compress_type = zipfile.ZIP_DEFLATED
    info.create_system = 3
    info.external_attr = 0o600 << 16
    with archive.open(info, "w", force_zip64=True) as out:
        yield _Lines(out)
