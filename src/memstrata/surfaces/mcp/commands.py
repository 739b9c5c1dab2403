"""The six commands of Anthropic's memory tool on memory files, with the texts that its contract has.

A command that is refused changes nothing. Two writers of one file take turns: a command is decided on what stands.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import replace

from memstrata.errors import LogMoved
from memstrata.surfaces.mcp.files import RUN, File, Tree, erase, mark_folder, put, read_tree
from memstrata.surfaces.mcp.here import Here, Refused
from memstrata.surfaces.mcp.paths import ROOT, checked_path, is_below, name_of, parent_of

MOST_LINES = 999_999
_WIDTH = len(str(MOST_LINES))
_FOLDER_SIZE = "4K"
_DEEP = 2
_AROUND = 2
"""Lines before and after a change that are shown with it."""
_MOST_PLACES = 1000
_MOST_ROUNDS = 20


def view(here: Here, path: str, view_range: Sequence[int] | None = None) -> str:
    """What is in a folder, or in a file with numbered lines, or some of them."""
    here.caller.must("read")
    at, tree = checked_path(path), read_tree(here.within(RUN))
    if tree.is_folder(at):
        header = f"Here're the files and directories up to {_DEEP} levels deep in {path}, excluding hidden items:"
        return "\n".join([header, f"{_FOLDER_SIZE}\t{path}", *_listing(tree, at, path, _DEEP)])
    if at not in tree.files:
        raise _missing(path)
    lines = tree.files[at].contents.split("\n")
    if len(lines) > MOST_LINES:
        raise Refused(f"File {path} exceeds maximum line limit of {MOST_LINES:,} lines.")
    first = 1
    if view_range is not None and len(view_range) == 2:
        first = max(1, view_range[0])
        lines = lines[first - 1 : None if view_range[1] == -1 else view_range[1]]
    return f"Here's the content of {path} with line numbers:\n" + "\n".join(_numbered(lines, first))


def create(here: Here, path: str, file_text: str) -> str:
    """A new file; one that is there is left alone."""
    here.caller.must("write")
    at, home = checked_path(path), here.within(RUN)
    tree = read_tree(home)
    if tree.exists(at):
        raise Refused(f"File {path} already exists", code="conflict")
    _refuse_below_a_file(tree, at, path)
    kept = put(home, at, file_text, after=None)
    if kept is None:
        raise Refused(f"File {path} already exists", code="conflict")
    return _said(f"File created successfully at: {path}", kept, file_text)


def str_replace(here: Here, path: str, old_str: str, new_str: str) -> str:
    """Other words in the place of some that occur once."""
    said = ""

    def changed(contents: str) -> str:
        nonlocal said
        count = contents.count(old_str)
        if count == 0:
            raise Refused(f"No replacement was performed, old_str `{old_str}` did not appear verbatim in {path}.")
        if count > 1:
            places = ", ".join(map(str, _lines_with(contents, old_str)))
            raise Refused(
                f"No replacement was performed. Multiple occurrences of old_str `{old_str}` in lines: {places}."
                " Please ensure it is unique"
            )
        at = contents.find(old_str)
        now = contents[:at] + new_str + contents[at + len(old_str) :]
        line = contents.count("\n", 0, at)
        first = max(0, line - _AROUND)
        shown = _numbered(now.split("\n")[first : line + _AROUND + 1], first + 1)
        said = "The memory file has been edited. Here is the snippet showing the change (with line numbers):\n"
        said += "\n".join(shown)
        return now

    kept, meant = _edit(here, path, changed)
    return _said(said, kept, meant)


def insert(here: Here, path: str, insert_line: int, insert_text: str) -> str:
    """Lines after a line of the file; 0 for its beginning."""

    def changed(contents: str) -> str:
        lines = contents.split("\n")
        if lines[-1] == "":
            lines.pop()
        if not 0 <= insert_line <= len(lines):
            raise Refused(
                f"Invalid `insert_line` parameter: {insert_line}. It should be within the range [0, {len(lines)}]."
            )
        now = "\n".join([*lines[:insert_line], insert_text.rstrip("\n"), *lines[insert_line:]])
        return now if now.endswith("\n") else now + "\n"

    return _said(f"The file {path} has been edited.", *_edit(here, path, changed))


def delete(here: Here, path: str) -> str:
    """Erase a file, or a folder with all that lies in it, for good."""
    here.caller.must("forget")
    at, home = checked_path(path), here.within(RUN)
    if at == ROOT:
        raise Refused(f"Cannot delete the {ROOT} directory itself")
    tree = read_tree(home)
    if not tree.exists(at):
        raise Refused(f"The path {path} does not exist", code="not_found")
    kept = _without(tree, at)
    _keep_folder_of(home, kept, at)
    erase(home, _episodes_at(tree, at))
    return f"Successfully deleted {path}"


def rename(here: Here, old_path: str, new_path: str) -> str:
    """Another path for a file or a folder with all that lies in it."""
    here.caller.must("write")
    here.caller.must("forget")
    old, new, home = checked_path(old_path), checked_path(new_path), here.within(RUN)
    if old == ROOT:
        raise Refused(f"Cannot rename the {ROOT} directory itself")
    tree = read_tree(home)
    if tree.exists(new):
        raise Refused(f"The destination {new_path} already exists", code="conflict")
    if not tree.exists(old):
        raise Refused(f"The path {old_path} does not exist", code="not_found")
    if is_below(new, old):
        raise Refused(f"Cannot move {old_path} into itself")
    _refuse_below_a_file(tree, new, new_path)
    for path, file in tree.files.items():
        moved = path == old or is_below(path, old)
        if moved and put(home, new + path.removeprefix(old), file.contents, after=None) is None:
            raise Refused(f"The destination {new_path} already exists", code="conflict")
    for path in tree.marks:
        if path == old or is_below(path, old):
            mark_folder(home, new + path.removeprefix(old))
    _keep_folder_of(home, _without(tree, old), old, filled=new)
    erase(home, _episodes_at(tree, old))
    return f"Successfully renamed {old_path} to {new_path}"


def clear(here: Here) -> str:
    """Erase every memory file."""
    here.caller.must("forget")
    home = here.within(RUN)
    tree = read_tree(home)
    if tree.files or tree.marks:
        erase(home, _episodes_at(tree, ROOT))
    return "All memory cleared"


def _edit(here: Here, path: str, changed: Callable[[str], str]) -> tuple[File, str]:
    """Put what `changed` makes of a file's contents in their place: the file as it is kept, and what was meant.

    Decided again where another writer came first.
    """
    here.caller.must("write")
    here.caller.must("forget")  # what stood there is erased
    at, home = checked_path(path), here.within(RUN)
    for _ in range(_MOST_ROUNDS):
        file = _file_at(read_tree(home), at, path)
        now = changed(file.contents)
        kept = file if now == file.contents else put(home, at, now, after=file)
        if kept is not None:
            return kept, now
    raise LogMoved(f"{path} was changed {_MOST_ROUNDS} times by others meanwhile; view it and try again")


def _file_at(tree: Tree, at: str, path: str) -> File:
    if at in tree.files:
        return tree.files[at]
    if tree.is_folder(at):
        raise Refused(f"The path {path} is not a file.")
    raise _missing(path)


def _missing(path: str) -> Refused:
    return Refused(f"The path {path} does not exist. Please provide a valid path.", code="not_found")


def _refuse_below_a_file(tree: Tree, at: str, path: str) -> None:
    above = tree.file_above(at)
    if above is not None:
        raise Refused(f"Cannot put {path} below {above}, which is a file")


def _listing(tree: Tree, folder: str, shown: str, deep: int) -> list[str]:
    """What lies in a folder, by name, each folder followed by what lies in it."""
    here = [path for path in {*tree.files, *tree.folders()} if parent_of(path) == folder]
    lines = []
    for path in sorted(here, key=name_of):
        name = name_of(path)
        if name.startswith("."):
            continue
        if path in tree.files:
            lines.append(f"{_readable(tree.files[path].size)}\t{shown}/{name}")
            continue
        lines.append(f"{_FOLDER_SIZE}\t{shown}/{name}/")
        if deep > 1:
            lines += _listing(tree, path, f"{shown}/{name}", deep - 1)
    return lines


def _numbered(lines: Sequence[str], first: int) -> list[str]:
    return [f"{number:>{_WIDTH}}\t{line}" for number, line in enumerate(lines, start=first)]


def _lines_with(contents: str, words: str) -> list[int]:
    """The line of each place where words begin, places that overlap included; the first thousand."""
    lines: list[int] = []
    at, line, seen = contents.find(words), 1, 0
    while at != -1 and len(lines) < _MOST_PLACES:
        line += contents.count("\n", seen, at)
        seen = at
        lines.append(line)
        at = contents.find(words, at + 1)
    return lines


def _readable(size: int) -> str:
    """A size in bytes with the unit in which it has the fewest digits."""
    units = "BKMG"
    power = 0
    while power < len(units) - 1 and size >= 1024 ** (power + 1):
        power += 1
    scaled = size / 1024**power
    return f"{int(scaled)}{units[power]}" if scaled == int(scaled) else f"{scaled:.1f}{units[power]}"


def _episodes_at(tree: Tree, at: str) -> list[str]:
    """The episodes of a path and of all below it, older versions included."""
    files = [id_ for path, file in tree.files.items() if path == at or is_below(path, at) for id_ in file.episode_ids]
    return files + [id_ for path, ids in tree.marks.items() if path == at or is_below(path, at) for id_ in ids]


def _without(tree: Tree, at: str) -> Tree:
    def stays(path: str) -> bool:
        return path != at and not is_below(path, at)

    return replace(
        tree,
        files={path: file for path, file in tree.files.items() if stays(path)},
        marks={path: ids for path, ids in tree.marks.items() if stays(path)},
    )


def _keep_folder_of(home: Here, kept: Tree, gone: str, *, filled: str | None = None) -> None:
    """Mark the folder of what goes where nothing else, and nothing new at `filled`, keeps it there."""
    folder = parent_of(gone)
    if not kept.is_folder(folder) and not (filled is not None and is_below(filled, folder)):
        mark_folder(home, folder)


def _said(said: str, kept: File, meant: str) -> str:
    """What is said of a write; where secrets were taken out of it, that too, for nothing may change in silence."""
    return said if kept.contents == meant else f"{said}\nSecrets in it were replaced by marks: they are never kept."
