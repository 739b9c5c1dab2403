"""Entry point: registers the commands and turns errors into one line and an exit code."""

from __future__ import annotations

import logging
import sys

import click
from rich.markup import escape

from memstrata.errors import InvalidInput, MemstrataError
from memstrata.surfaces.cli import asking, governing, remembering, working
from memstrata.surfaces.cli.app import app
from memstrata.surfaces.cli.show import ERR

__all__ = ["app", "asking", "governing", "main", "remembering", "working"]

FAILED, WRONG_USE, INTERRUPTED = 1, 2, 130


def main() -> None:
    """Run the command line. Exit codes: 0 done, 1 failed, 2 wrong use, 3 done in part, 130 interrupted."""
    logging.basicConfig(level=logging.ERROR, format="%(name)s: %(message)s")
    sys.exit(run())


def run(arguments: list[str] | None = None) -> int:
    """Run one command and return its exit code."""
    try:
        outcome = app(arguments, standalone_mode=False)
        return outcome if isinstance(outcome, int) else 0
    except click.exceptions.Exit as stop:
        return stop.exit_code
    except click.ClickException as error:
        error.show()
        return WRONG_USE
    except (click.Abort, KeyboardInterrupt):
        ERR.print("interrupted; what was acknowledged is kept")
        return INTERRUPTED
    except MemstrataError as error:
        ERR.print(f"[red]{error.code}[/red]: {escape(str(error))}")
        return WRONG_USE if isinstance(error, InvalidInput) else FAILED
    except BrokenPipeError:
        sys.stderr.close()
        return FAILED
