"""`import` and `export`."""

from __future__ import annotations

import io
import sys
from collections.abc import Callable
from datetime import datetime
from pathlib import Path
from typing import Annotated, BinaryIO, cast

import typer

from memstrata.errors import InvalidInput
from memstrata.exchange.formats import FORMATS, checked_format, read_export
from memstrata.exchange.importing import preview
from memstrata.exchange.restoring import scope_of_export
from memstrata.memory import Memory
from memstrata.surfaces.cli import options, show
from memstrata.surfaces.cli.app import IN_PART, app
from memstrata.surfaces.cli.options import ScopeIds, Target
from memstrata.types import EXPORT_FORMATS, ExportFormat, ImportReceipt, RestoreReceipt, Scope

RESTORED = ("bundle", "json")
_SUFFIXES = {".zip": "bundle", ".json": "json", ".md": "markdown"}


@app.command("import")
def import_(
    file: Annotated[Path, typer.Argument(help="A file, a folder or a zip; its content shows what it is.")],
    user_id: options.UserId = None,
    agent_id: options.AgentId = None,
    app_id: options.AppId = None,
    run_id: options.RunId = None,
    kind: Annotated[str | None, typer.Option("--format", help=" | ".join((*FORMATS, *RESTORED)))] = None,
    timestamp: Annotated[str | None, typer.Option("--timestamp", help="When undated words were said.")] = None,
    dry_run: Annotated[bool, typer.Option("--dry-run", help="Say what would be read; store nothing.")] = False,
    wait: Annotated[bool, typer.Option("--wait/--no-wait", help="Wait for vectors and facts.")] = True,
    store: options.Store = None,
    embedder: options.Embedder = "auto",
    model: options.Model = "none",
    local_model: options.LocalModel = "none",
    as_json: options.AsJson = False,
) -> None:
    """Remember a file, or an export of an assistant or of Memstrata; what is broken is reported, the rest is kept."""
    scope = options.scope_ids(user_id, agent_id, app_id, run_id)
    when = options.moment(timestamp, what="--timestamp")
    home = _home(file, kind)
    if dry_run:
        _dry_run(file, kind, home, quiet=as_json)
        return
    with Target(
        store=store, embedder=embedder, scope=scope, model=model, local_model=local_model, works=True
    ).open() as memory:
        if home is not None:
            scope = scope if any(scope.values()) else _ids(home.partition)
            restored = memory.restore(file, **scope)
            scopes = [scope]
        else:
            done = _imported(memory, file, kind, scope, when, quiet=as_json)
            scopes = [_ids(each) for each in done.scopes]
        if wait:
            show.finish_background_work(memory, scopes, quiet=as_json)
    if home is not None:
        _print_restored(restored, dry=False, as_json=as_json)
    else:
        _print_imported(done, dry=False, as_json=as_json)


@app.command()
def export(
    file: Annotated[Path, typer.Argument(help="Where to write; - is the output.")],
    user_id: options.UserId = None,
    agent_id: options.AgentId = None,
    app_id: options.AppId = None,
    run_id: options.RunId = None,
    kind: Annotated[
        str | None, typer.Option("--format", help=f"{' | '.join(EXPORT_FORMATS)}; by the suffix, if left out.")
    ] = None,
    store: options.Store = None,
    as_json: options.AsJson = False,
) -> None:
    """Write a memory: a bundle (.zip) or JSON to restore it elsewhere, Markdown to read, PAM for other programs."""
    kind = kind or _SUFFIXES.get(file.suffix.lower())
    if kind not in EXPORT_FORMATS:
        raise InvalidInput(f"say --format {'|'.join(EXPORT_FORMATS)}, or write to .zip, .json or .md")
    scope = options.scope_ids(user_id, agent_id, app_id, run_id)
    output = str(file) == "-"
    place: Path | BinaryIO = io.BytesIO() if output else file
    with Target(store=store, embedder="none", scope=scope).open() as memory:
        done = memory.export(place, **scope, format=cast(ExportFormat, kind))
    if isinstance(place, io.BytesIO):
        sys.stdout.buffer.write(place.getvalue())
        sys.stdout.flush()
    elif as_json:
        show.print_json(done)
    else:
        size = f"{done.size:,} bytes"
        show.OUT.print(f"{done.episodes} episodes, {done.facts} facts, {done.changes} changes of them: {size}")
        show.OUT.print(f"sha256 {done.sha256}")


def _home(file: Path, kind: str | None) -> Scope | None:
    """The scope that an export of ours is of; None for any other file."""
    if kind is not None and kind not in RESTORED:
        checked_format(kind)
        return None
    home = None if file.is_dir() else scope_of_export(file)
    if kind is not None and home is None:
        raise InvalidInput(f"{str(file)!r} is no {kind} of Memstrata")
    return home


def _dry_run(file: Path, kind: str | None, home: Scope | None, *, quiet: bool) -> None:
    if home is not None:
        with Memory(":memory:", embedder="none", extractor="none", model="none", worker="none") as memory:
            _print_restored(memory.restore(file, **_ids(home.partition)), dry=True, as_json=quiet)
        return
    with show.progress_bar(quiet=quiet) as progress:
        bar = progress.add_task("reading", total=None)
        done = preview(
            read_export(file, checked_format(kind)), progress=lambda messages: progress.advance(bar, messages)
        )
    _print_imported(done, dry=True, as_json=quiet)


def _imported(
    memory: Memory, file: Path, kind: str | None, scope: ScopeIds, when: datetime | None, *, quiet: bool
) -> ImportReceipt:
    with show.progress_bar(quiet=quiet) as progress:
        bar = progress.add_task("remembering", total=None)
        advance: Callable[[int], None] = lambda messages: progress.advance(bar, messages)  # noqa: E731
        return memory.import_file(file, **scope, format=checked_format(kind), timestamp=when, progress=advance)


def _print_imported(done: ImportReceipt, *, dry: bool, as_json: bool) -> None:
    """What was read, added, known, passed over and not readable; exits with 3 where something was not."""
    if as_json:
        show.print_json(done)
    else:
        for problem in done.problems:
            show.ERR.print(f"{problem.place}: {problem.reason}", markup=False)
        read = f"{done.messages} messages read"
        if done.conversations:
            read += f" of {done.conversations} conversations"
        if done.first is not None and done.last is not None:
            read += f", said {done.first:%Y-%m-%d} to {done.last:%Y-%m-%d}"
        show.OUT.print(read)
        for reason, count in done.passed_over.items():
            show.OUT.print(f"passed over: {count} {reason}", markup=False)
        if done.forget_requests:
            show.OUT.print(f"{done.forget_requests} ask to forget something; nothing was erased")
        if not dry:
            known = f"{done.duplicates} known already"
            show.OUT.print(f"{done.added} remembered, {known}, {len(done.problems)} not readable")
    if done.problems:
        raise typer.Exit(IN_PART)


def _print_restored(done: RestoreReceipt, *, dry: bool, as_json: bool) -> None:
    if as_json:
        show.print_json(done)
        return
    if dry:
        show.OUT.print(f"whole: {done.added} episodes, {done.changes} changes of facts")
        return
    show.OUT.print(f"{done.added} episodes restored, {done.duplicates} known already, {done.changes} changes of facts")
    if done.passed_over:
        show.OUT.print(f"{done.passed_over} changes passed over: their words were erased here, or you decided later")


def _ids(scope: Scope) -> ScopeIds:
    return options.scope_ids(scope.user_id, scope.agent_id, scope.app_id, scope.run_id)
