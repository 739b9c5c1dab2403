"""The log of a server whose output belongs to the protocol: on the error stream, without the words of users.

Messages of other packages, and of exceptions, may quote what was sent; of those only the form and the place are shown.
"""

from __future__ import annotations

import logging
import sys
import traceback


def log_without_words() -> None:
    """Warnings and errors as lines on the error stream."""
    handler = logging.StreamHandler(sys.stderr)
    handler.setFormatter(Wordless())
    logging.basicConfig(level=logging.WARNING, handlers=[handler], force=True)


class Wordless(logging.Formatter):
    """A record as a line, without what was put into it from elsewhere."""

    def format(self, record: logging.LogRecord) -> str:
        """See `logging.Formatter.format`."""
        ours = record.name.partition(".")[0] == "memstrata"
        lines = [f"{record.levelname.lower()} {record.name}: {record.getMessage() if ours else record.msg}"]
        if record.exc_info and record.exc_info[0] is not None:
            lines.append(record.exc_info[0].__name__)
            lines += [line.rstrip() for line in traceback.format_tb(record.exc_info[2])]
        return "\n".join(lines)
