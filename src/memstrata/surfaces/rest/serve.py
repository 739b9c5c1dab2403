"""Running the application: one process, bound before it says where, stopped without losing what was begun."""

from __future__ import annotations

import ipaddress
import json
import logging
import signal
import socket
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import UTC, datetime

import uvicorn
from fastapi import FastAPI

from memstrata.errors import InvalidInput
from memstrata.ports import AccessStore

PORT = 8377
GRACE_SECONDS = 10
"""How long requests that are under way may take once the server is asked to stop."""
_BACKLOG = 2048


def serve(app: FastAPI, *, host: str, port: int, ready: Callable[[str], None]) -> None:
    """Answer requests until SIGINT or SIGTERM; `ready` is told the URL once the port is bound.

    Requests under way are finished first, for `GRACE_SECONDS`; the caller then closes the memory, whose worker hands
    back the job that it holds. Raises InvalidInput where the address cannot be bound.
    """
    listening = _bound(host, port)
    host, port = listening.getsockname()[:2]
    ready(f"http://{f'[{host}]' if ':' in host else host}:{port}")
    config = uvicorn.Config(
        app,
        log_config=None,
        access_log=False,
        server_header=False,
        timeout_graceful_shutdown=GRACE_SECONDS,
        proxy_headers=False,
    )
    with _outliving_signals():
        uvicorn.Server(config).run(sockets=[listening])


@contextmanager
def _outliving_signals() -> Iterator[None]:
    """uvicorn stops at a signal and then sends it again, which would end the process before the memory is closed."""
    before = {each: signal.signal(each, lambda *_: None) for each in (signal.SIGINT, signal.SIGTERM)}
    try:
        yield
    finally:
        for each, handler in before.items():
            signal.signal(each, handler)


def refuse_open_to_others(host: str, store: AccessStore) -> None:
    """Raises InvalidInput where others could reach a server that asks for no key."""
    if not _loopback(host) and not store.keys():
        raise InvalidInput(
            f"{host} can be reached by others, and there is no key yet: make one with memstrata keys create,"
            " or bind 127.0.0.1"
        )


def log_as_json() -> None:
    """One JSON object a line on the error stream, for the server's own log and warnings of everything else."""
    handler = logging.StreamHandler(sys.stderr)
    handler.setFormatter(_JsonLines())
    logging.basicConfig(level=logging.WARNING, handlers=[handler], force=True)
    logging.getLogger("memstrata.server").setLevel(logging.INFO)


class _JsonLines(logging.Formatter):
    """A record as a line; a line of a request is JSON already."""

    def format(self, record: logging.LogRecord) -> str:
        """See `logging.Formatter.format`."""
        line: dict[str, object] = {
            "time": datetime.fromtimestamp(record.created, UTC).isoformat(timespec="milliseconds"),
            "level": record.levelname.lower(),
            "logger": record.name,
        }
        message = record.getMessage()
        try:
            said = json.loads(message)
        except ValueError:
            said = None
        line.update(said if isinstance(said, dict) else {"message": message})
        if record.exc_info:
            line["traceback"] = self.formatException(record.exc_info)
        return json.dumps(line, ensure_ascii=False)


def _bound(host: str, port: int) -> socket.socket:
    try:
        family = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM)[0][0]
        return socket.create_server((host, port), family=family, backlog=_BACKLOG)
    except (OSError, OverflowError) as error:
        raise InvalidInput(f"cannot listen at {host} port {port}: {error}; choose another with --port") from error


def _loopback(host: str) -> bool:
    if host == "localhost":
        return True
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return False
