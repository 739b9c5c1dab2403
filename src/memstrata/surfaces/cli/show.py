"""What commands print: tables for people, JSON for programs. Progress and remarks go to the error stream."""

from __future__ import annotations

import json
import sys
import time
from collections.abc import Iterable, Sequence
from datetime import datetime, timedelta

from rich.console import Console
from rich.markup import escape
from rich.progress import BarColumn, MofNCompleteColumn, Progress, SpinnerColumn, TextColumn, TimeRemainingColumn
from rich.table import Table

from memstrata.memory import Memory
from memstrata.surfaces.cli.options import ScopeIds
from memstrata.types import Episode, Fact, Hits
from memstrata.wire import to_json

AT_ONCE = timedelta()
OUT = Console(highlight=False)
ERR = Console(stderr=True, highlight=False)


def print_json(value: object) -> None:
    """One JSON document on the output."""
    sys.stdout.write(json.dumps(to_json(value), ensure_ascii=False, indent=2) + "\n")


def remark(text: str) -> None:
    """A line for the person in front of the screen."""
    ERR.print(f"[dim]{escape(text)}[/dim]")


def print_hits(hits: Hits, *, why: bool) -> None:
    """Hits, best first, with what they rest on."""
    if not hits:
        OUT.print("Nothing found.")
    for place, hit in enumerate(hits, start=1):
        item = hit.item
        head = f"[bold]{place}.[/bold] [cyan]{_date(item.timestamp)}[/cyan] {escape(item.speaker)}"
        OUT.print(f"{head} [dim]{item.id} score {hit.score:.2f}[/dim]")
        OUT.print(f"   {escape(visible(item.text))}")
        for label, facts in (("before", hit.supersedes), ("since then", hit.superseded_by)):
            for fact in facts:
                OUT.print(f"   [dim]{label}, {_date(fact.said_at)}: {escape(visible(fact.text))}[/dim]")
        if why:
            shares = sorted(hit.why.items(), key=lambda share: -abs(share[1]))
            OUT.print("   [dim]" + ", ".join(f"{name} {share:+.2f}" for name, share in shares) + "[/dim]")
    for note in hits.degraded:
        remark(note)


def print_fact(fact: Fact, *, as_json: bool) -> None:
    """One fact as it stands."""
    if as_json:
        print_json(fact)
    else:
        print_facts([fact])


def print_facts(facts: Sequence[Fact]) -> None:
    """Facts as a table."""
    table = Table(box=None, pad_edge=False)
    for name in ("id", "kind", "who", "fact", "since", "until", "status"):
        table.add_column(name, overflow="fold", no_wrap=name not in ("who", "fact"))
    for fact in facts:
        since, until = (each.date().isoformat() if each else "" for each in (fact.valid_from, fact.valid_to))
        row = (fact.id, fact.kind, fact.subject or fact.speaker, fact.text, since, until, fact.status)
        table.add_row(*(escape(visible(each)) for each in row))
    OUT.print(table)


def print_episodes(episodes: Sequence[Episode], *, following: str | None) -> None:
    """A page of episodes."""
    table = Table(box=None, header_style="bold")
    for name in ("id", "said", "run", "who", "text"):
        table.add_column(name, overflow="fold" if name == "text" else "ellipsis", no_wrap=name != "text")
    for each in episodes:
        cells = (each.id, _date(each.timestamp), each.run_id or "", each.speaker, visible(each.text))
        table.add_row(*(escape(cell) for cell in cells))
    OUT.print(table)
    if following:
        remark(f"more: --cursor {following}")


def print_pairs(pairs: Iterable[tuple[str, object]]) -> None:
    """Names and values in two columns."""
    table = Table(box=None, show_header=False)
    for name, value in pairs:
        table.add_row(f"[dim]{escape(name)}[/dim]", escape(str(value)))
    OUT.print(table)


def visible(text: str) -> str:
    """Text without control characters, which could steer the terminal; line breaks as spaces."""
    return "".join(c if c.isprintable() else " " for c in text)


def progress_bar(*, quiet: bool) -> Progress:
    """A bar on the error stream; nothing where that is no terminal."""
    return Progress(
        SpinnerColumn(),
        TextColumn("{task.description}"),
        BarColumn(),
        MofNCompleteColumn(),
        TimeRemainingColumn(),
        console=ERR,
        transient=True,
        disable=quiet or not ERR.is_terminal,
    )


def finish_background_work(memory: Memory, scopes: Sequence[ScopeIds], *, quiet: bool) -> None:
    """Wait until what these scopes need is done, or cannot be done now; the bar counts episodes with vectors."""
    with progress_bar(quiet=quiet) as progress:
        bar = progress.add_task("embedding", total=None)
        while True:
            stats = [memory.stats(**scope) for scope in scopes]
            progress.update(bar, total=sum(s.episodes for s in stats), completed=sum(s.vectors for s in stats))
            running = any(each.jobs_running for each in stats)
            if not running and (not any(each.jobs_pending for each in stats) or memory.wait(timeout=AT_ONCE)):
                return  # what is pending still waits for a model that failed
            time.sleep(0.1)


def _date(when: datetime) -> str:
    return when.isoformat(sep=" ", timespec="minutes")[:16]
