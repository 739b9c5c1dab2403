"""The application that the commands register with."""

from __future__ import annotations

from typing import Annotated

import typer

from memstrata import __version__

app = typer.Typer(
    name="memstrata",
    help="A lasting memory for language models. Exit codes: 0 done, 1 failed, 2 wrong use, 3 done in part.",
    no_args_is_help=True,
    add_completion=False,
    pretty_exceptions_enable=False,
    rich_markup_mode=None,
)
IN_PART = 3


def _version(wanted: bool) -> None:
    if wanted:
        typer.echo(__version__)
        raise typer.Exit


@app.callback()
def root(
    version: Annotated[bool, typer.Option("--version", callback=_version, is_eager=True, help="Print it.")] = False,
) -> None:
    """A lasting memory for language models."""
