"""`add` and `import`."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import Annotated, cast

import typer

from memstrata.errors import InvalidInput, MemstrataError
from memstrata.memory import Memory
from memstrata.surfaces.cli import options, show
from memstrata.surfaces.cli.app import IN_PART, app
from memstrata.surfaces.cli.options import ScopeIds, Target
from memstrata.surfaces.reading import FORMATS, SCOPE_FIELDS, Format, Portion, Problem, format_of, read_file
from memstrata.types import Message, Role

Time = Annotated[str | None, typer.Option("--timestamp", help="When it was said (ISO 8601); now, if left out.")]


@app.command()
def add(
    text: Annotated[str, typer.Argument(help="What was said; - reads it from the input.")],
    user_id: options.UserId = None,
    agent_id: options.AgentId = None,
    app_id: options.AppId = None,
    run_id: options.RunId = None,
    role: Annotated[str, typer.Option("--role", help="user, assistant, system, tool or document.")] = "user",
    name: Annotated[str | None, typer.Option("--name", help="Who said it.")] = None,
    timestamp: Time = None,
    wait: Annotated[bool, typer.Option("--wait/--no-wait", help="Wait for vectors and facts.")] = True,
    store: options.Store = None,
    embedder: options.Embedder = "auto",
    model: options.Model = "none",
    as_json: options.AsJson = False,
) -> None:
    """Remember one thing that was said."""
    scope = options.scope_ids(user_id, agent_id, app_id, run_id)
    content = _standard_input() if text == "-" else text
    message = Message(content=content, role=cast(Role, role), name=name)
    with Target(store=store, embedder=embedder, scope=scope, model=model, works=True).open() as memory:
        when = options.moment(timestamp, what="--timestamp")
        receipt = memory.add(message, **scope, timestamp=when, wait=wait)
    if as_json:
        show.print_json(receipt)
        return
    if receipt.skipped_empty:
        show.OUT.print("There was nothing to remember: the text is empty.")
    for id_ in receipt.episode_ids:
        show.OUT.print(f"{id_} " + ("remembered" if receipt.added else "known already"))
    for note in receipt.degraded:
        show.remark(note)


@app.command("import")
def import_(
    file: Annotated[Path, typer.Argument(help="A .jsonl, .json (LoCoMo style), .txt or .md file.")],
    user_id: options.UserId = None,
    agent_id: options.AgentId = None,
    app_id: options.AppId = None,
    run_id: options.RunId = None,
    kind: Annotated[str | None, typer.Option("--format", help=" | ".join(FORMATS))] = None,
    timestamp: Time = None,
    wait: Annotated[bool, typer.Option("--wait/--no-wait", help="Wait for vectors and facts.")] = True,
    store: options.Store = None,
    embedder: options.Embedder = "auto",
    model: options.Model = "none",
    as_json: options.AsJson = False,
) -> None:
    """Remember a file; a broken line is reported and the rest is kept. Scope ids given here beat the file's."""
    if kind is not None and kind not in FORMATS:
        raise InvalidInput(f"--format is one of {', '.join(FORMATS)}, not {kind!r}")
    scope = options.scope_ids(user_id, agent_id, app_id, run_id)
    with Target(store=store, embedder=embedder, scope=scope, model=model, works=True).open() as memory:
        job = _Import(memory, scope, timestamp)
        job.run(file, cast(Format, kind) if kind else format_of(file), quiet=as_json)
        if wait:
            show.finish_background_work(memory, job.scopes, quiet=as_json)
    if as_json:
        show.print_json({"added": job.added, "duplicates": job.duplicates, "problems": job.problems})
    else:
        for problem in job.problems:
            show.ERR.print(f"{problem.place}: {problem.reason}", markup=False)
        show.OUT.print(f"{job.added} remembered, {job.duplicates} known already, {len(job.problems)} not readable")
    if job.problems:
        raise typer.Exit(IN_PART)


class _Import:
    """Counts of one import as it goes."""

    def __init__(self, memory: Memory, scope: ScopeIds, timestamp: str | None) -> None:
        self._memory = memory
        self._given = {key: value for key, value in scope.items() if isinstance(value, str)}
        self._timestamp = options.moment(timestamp, what="--timestamp")
        self.added = 0
        self.duplicates = 0
        self.problems: list[Problem] = []
        self._seen: dict[tuple[str | None, ...], None] = {}

    @property
    def scopes(self) -> list[ScopeIds]:
        """The memories that something was added to."""
        return [options.scope_ids(*ids) for ids in self._seen]

    def run(self, file: Path, kind: Format, *, quiet: bool) -> None:
        """Remember every portion that can be read."""
        with show.progress_bar(quiet=quiet) as progress:
            bar = progress.add_task("remembering", total=None)
            for part in read_file(file, kind):
                if isinstance(part, Problem):
                    self.problems.append(part)
                else:
                    self._remember(part)
                    progress.advance(bar, len(part.messages))

    def _remember(self, portion: Portion) -> None:
        ids: dict[str, str] = {**portion.scope, **self._given}
        if set(ids) == {"run_id"} and "run_id" not in self._given:
            ids = {}  # a file's own run is no scope to remember it under
        scope = options.scope_ids(*(ids.get(key) for key in SCOPE_FIELDS))
        try:
            receipt = self._memory.add(list(portion.messages), **scope, timestamp=self._timestamp)
        except (InvalidInput, MemstrataError) as error:
            if not isinstance(error, InvalidInput) and error.code != "conflict":
                raise
            self.problems.append(Problem(place=portion.place, reason=str(error)))
            return
        self.added += receipt.added
        self.duplicates += receipt.duplicates
        whole = (scope["user_id"], scope["agent_id"], scope["app_id"], None)
        self._seen[whole if any(whole) else (None, None, None, scope["run_id"])] = None


def _standard_input() -> str:
    try:
        return sys.stdin.buffer.read().decode("utf-8-sig")
    except UnicodeDecodeError as error:
        raise InvalidInput(f"the input is not UTF-8 at byte {error.start}") from None
