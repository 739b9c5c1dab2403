"""Entry point: registers the commands and turns errors into one line and an exit code."""

from __future__ import annotations

import logging
import sys

from rich.markup import escape

from memstrata.errors import InvalidInput, MemstrataError
from memstrata.surfaces.cli import (
    asking,
    exchanging,
    facts,
    governing,
    mcp,
    remembering,
    serving,
    tiers,
    wishes,
    working,
)
from memstrata.surfaces.cli.app import app
from memstrata.surfaces.cli.show import ERR

__all__ = [
    "app",
    "asking",
    "exchanging",
    "facts",
    "governing",
    "main",
    "mcp",
    "remembering",
    "serving",
    "tiers",
    "wishes",
    "working",
]

FAILED, WRONG_USE = 1, 2


def main() -> None:
    """Run the command line. Exit codes: 0 done, 1 failed, 2 wrong use, 3 done in part, 130 interrupted."""
    logging.basicConfig(level=logging.ERROR, format="%(name)s: %(message)s")
    try:
        app()
    except MemstrataError as error:
        ERR.print(f"[red]{error.code}[/red]: {escape(str(error))}", soft_wrap=True)
        sys.exit(WRONG_USE if isinstance(error, InvalidInput) else FAILED)
