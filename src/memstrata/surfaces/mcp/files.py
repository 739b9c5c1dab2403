"""Memory files, kept as episodes: the path on the first line, then the contents. Forgetting the scope erases them.

A file's episode holds no word outside its text, so that what is erased from the text is gone. An edit adds the new
version and erases the old; its message id names path and version, so that of two writers only one can follow a
version, and none one that was erased. A folder is there while something lies in it, or where a mark says so.
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterable, Mapping
from dataclasses import dataclass

from memstrata.errors import Conflict, InvalidInput
from memstrata.govern.secrets import without_secrets
from memstrata.surfaces.mcp.here import Here
from memstrata.surfaces.mcp.paths import ROOT, is_below, parent_of
from memstrata.types import Episode, Message

RUN = "memory files"
"""The run that files lie in, unless a run is fixed."""
_FILE, _FOLDER = "memory_file", "memory_folder"
_PAGE = 1000


@dataclass(frozen=True, slots=True, kw_only=True)
class File:
    """A file as it stands, and the episodes that hold it: the latest version first."""

    path: str
    contents: str
    version: int
    episode_ids: tuple[str, ...]

    @property
    def size(self) -> int:
        """In bytes."""
        return len(self.contents.encode())


@dataclass(frozen=True, slots=True, kw_only=True)
class Tree:
    """The files and marked folders of a scope, by path."""

    files: Mapping[str, File]
    marks: Mapping[str, tuple[str, ...]]

    def is_folder(self, path: str) -> bool:
        """Whether there is such a folder."""
        return path == ROOT or path in self.marks or any(is_below(each, path) for each in (*self.files, *self.marks))

    def exists(self, path: str) -> bool:
        """Whether there is such a file or folder."""
        return path in self.files or self.is_folder(path)

    def file_above(self, path: str) -> str | None:
        """A file that a path lies below as if it were a folder."""
        while path != ROOT:
            path = parent_of(path)
            if path in self.files:
                return path
        return None

    def folders(self) -> set[str]:
        """All folders but the root."""
        found = set(self.marks)
        for path in (*self.files, *self.marks):
            while (path := parent_of(path)) != ROOT:
                found.add(path)
        return found


def read_tree(here: Here) -> Tree:
    """Everything that is there now."""
    versions: dict[str, list[tuple[int, Episode]]] = {}
    marks: dict[str, list[str]] = {}
    for episode in _episodes(here):
        path, _, _ = episode.text.partition("\n")
        version = episode.metadata.get(_FILE)
        if isinstance(version, int) and is_below(path, ROOT):
            versions.setdefault(path, []).append((version, episode))
        elif _FOLDER in episode.metadata and is_below(path, ROOT):
            marks.setdefault(path, []).append(episode.id)
    files = {path: _file(path, found) for path, found in versions.items()}
    return Tree(files=files, marks={path: tuple(ids) for path, ids in marks.items() if path not in files})


def put(here: Here, path: str, contents: str, *, after: File | None) -> File | None:
    """Keep contents as the version that follows `after`, and erase that; None where another writer was there before.

    Who erases `after` has the turn: whoever finds it gone, replaced or deleted, takes their own version back. Returns
    the file as it is kept: without secrets. Raises InvalidInput for contents that cannot be kept.
    """
    version = after.version + 1 if after else 1
    whole = f"{path}\n{contents}"
    if not without_secrets(whole)[0].startswith(f"{path}\n"):
        raise InvalidInput("with these contents the path itself would be a secret, which is never kept")
    message = Message(content=whole, role="document", metadata={_FILE: version}, id=_name(path, version))
    try:
        receipt = here.memory.add(message, **here.ids)
    except Conflict:
        return None
    if not receipt.added:
        return None
    late = after is not None and after.episode_ids[0] not in erase(here, after.episode_ids)
    kept = read_tree(here).files.get(path)
    if late or kept is None or kept.version != version:
        erase(here, receipt.episode_ids)
        return None
    return kept


def mark_folder(here: Here, path: str) -> None:
    """Let a folder be there although nothing lies in it."""
    message = Message(content=path, role="document", metadata={_FOLDER: True}, id=_name(path, 0))
    here.memory.add(message, **here.ids)


def erase(here: Here, ids: Iterable[str]) -> tuple[str, ...]:
    """Erase episodes of files and marks; returns those that were there."""
    gone = list(ids)
    return here.memory.forget(gone, **here.ids).episode_ids if gone else ()


def _file(path: str, found: list[tuple[int, Episode]]) -> File:
    found.sort(key=lambda each: -each[0])
    version, episode = found[0]
    return File(
        path=path,
        contents=episode.text.partition("\n")[2],
        version=version,
        episode_ids=tuple(each.id for _, each in found),
    )


def _episodes(here: Here) -> Iterable[Episode]:
    cursor = None
    while True:
        page = here.memory.episodes(
            limit=_PAGE, cursor=cursor, filters={"OR": [{_FILE: "*"}, {_FOLDER: "*"}]}, **here.ids
        )
        yield from page.episodes
        cursor = page.next
        if cursor is None:
            return


def _name(path: str, version: int) -> str:
    return f"{hashlib.sha256(path.encode()).hexdigest()[:32]}/{version}"
