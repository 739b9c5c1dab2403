"""`demo`, `worker` and `bench`."""

from __future__ import annotations

import logging
import subprocess
import sys
import tempfile
import time
from contextlib import ExitStack
from pathlib import Path
from typing import Annotated

import typer
from rich.markup import escape

from memstrata.demo.story import Answer, ask, load_questions, load_sessions
from memstrata.errors import InvalidInput
from memstrata.memory import Memory
from memstrata.surfaces.cli import options, show
from memstrata.surfaces.cli.app import app

PAUSE = 0.5


@app.command()
def demo(
    keep: Annotated[Path | None, typer.Option("--keep", help="Keep the demo's store in this file.")] = None,
    embedder: options.Embedder = "auto",
    as_json: options.AsJson = False,
) -> None:
    """Remember two invented people's year with an assistant, ask about it, and show cited answers."""
    started = time.monotonic()
    with ExitStack() as stack:
        path = keep or Path(stack.enter_context(tempfile.TemporaryDirectory())) / "demo.db"
        memory = stack.enter_context(Memory(f"sqlite:///{path}", embedder=embedder, model="none"))
        sessions = load_sessions()
        with show.progress_bar(quiet=as_json) as progress:
            for session in progress.track(sessions, description="remembering"):
                memory.add(list(session.messages), user_id=session.user_id, run_id=session.run_id)
        users = list(dict.fromkeys(session.user_id for session in sessions))
        scopes = [options.scope_ids(user, None, None, None) for user in users]
        show.finish_background_work(memory, scopes, quiet=as_json)
        answers = [ask(memory, question) for question in load_questions()]
    if as_json:
        show.print_json({"answers": answers, "seconds": round(time.monotonic() - started, 1)})
        return
    messages = sum(len(session.messages) for session in sessions)
    show.OUT.print(f"[bold]{messages} messages of {len(sessions)} sessions remembered[/bold], no key, no service.\n")
    for answer in answers:
        _print_answer(answer)
    found = sum(answer.found for answer in answers)
    show.OUT.print(
        f"The evidence was among the first five for {found} of {len(answers)} questions;"
        f" {time.monotonic() - started:.0f} s in all."
    )
    if keep:
        show.OUT.print(f"The store is kept: memstrata search QUESTION -u {users[0]} --store sqlite:///{keep}")


@app.command()
def worker(
    store: options.Store = None,
    embedder: options.Embedder = "auto",
    model: options.Model = "none",
    local_model: options.LocalModel = "none",
    adapters: Annotated[
        str, typer.Option("--adapters", help="Teaches what was promoted: none, smollm2, PATH or a hub id.")
    ] = "none",
    once: Annotated[bool, typer.Option("--once", help="End when no work is left.")] = False,
) -> None:
    """Do a store's background work in a process of its own, until interrupted."""
    with Memory(
        store,
        embedder=embedder,
        model=model,
        local_model=local_model,
        adapters=adapters,
        worker="none" if once else "thread",
    ) as memory:
        show.remark("working")
        if adapters != "none":
            logging.getLogger("memstrata.parametric").setLevel(logging.INFO)  # how each training goes
        if once:
            memory.wait()
            return
        while True:
            time.sleep(PAUSE)


@app.command(context_settings={"allow_extra_args": True, "ignore_unknown_options": True})
def bench(context: typer.Context) -> None:
    """Run a benchmark of the checkout in this folder: memstrata bench NAME ARGUMENTS."""
    if not Path("bench/__main__.py").is_file():
        raise InvalidInput("benchmarks run in a checkout of Memstrata; this folder has no bench/")
    done = subprocess.run([sys.executable, "-m", "bench", *context.args], check=False)
    raise typer.Exit(done.returncode)


def _print_answer(answer: Answer) -> None:
    question = answer.question
    show.OUT.print(
        f"[bold]{escape(question.query)}[/bold] [dim]{escape(question.user_id)}, {escape(question.note)}[/dim]"
    )
    for hit in answer.hits[:2]:
        episode = hit.item
        mark = "[green]✓[/green]" if episode.id in answer.evidence else " "
        when = f"{episode.timestamp:%Y-%m-%d}"
        show.OUT.print(f" {mark} [cyan]{when}[/cyan] {escape(episode.speaker)}: {escape(show.visible(episode.text))}")
    if answer.found and not any(hit.item.id in answer.evidence for hit in answer.hits[:2]):
        show.OUT.print("   [dim](the evidence is among the first five)[/dim]")
    show.OUT.print()
