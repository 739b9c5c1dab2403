"""A service with OpenAI's chat interface on this machine, for tests: honest by rules, or bad in a way that is chosen.

    python -m memstrata.testing.chat_server --mode ok

prints its base URL on a line and serves until its input ends.
"""

from __future__ import annotations

import argparse
import json
import re
import sys
import threading
import time
from collections.abc import Callable, Mapping, Sequence
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from types import TracebackType
from typing import Any, Literal, Self, get_args

from memstrata.testing.language_models import LyingModel, RamblingModel, facts_answer, stated_fact

Mode = Literal[
    "ok",
    "lying",
    "rambling",
    "error500",
    "slow",
    "ratelimited",
    "close-connection",
    "huge",
    "dripping",
    "no-schema",
    "no-format",
    "reasoning",
    "refusing",
    "no-usage",
    "not-chat",
    "no-text",
]
"""`ok`: every sentence of every turn is a fact that quotes it. `lying`: facts that nobody told. `rambling`: no JSON.
`slow`: waits for `ChatServer.release`. `ratelimited`: 429 with Retry-After 2. `huge`: 3 MB. `dripping`: a byte at a
time. `no-schema`, `no-format`: 400 for a response_format of json_schema, for any. `reasoning`: 400 for max_tokens and
temperature. `refusing`: 401 that repeats the key and the question. `no-usage`: ok without counts. `not-chat`: 200 with
something else. `no-text`: a choice without content."""
MODES: tuple[Mode, ...] = get_args(Mode)
HUGE = 3_000_000
_TURNS = re.compile(r"<turns>\n(.*?)\n</turns>", re.DOTALL)
_SENTENCE = re.compile(r"[^.!?\n。！？]+[.!?。！？]*")


class ChatServer(ThreadingHTTPServer):
    """Serves on a free port of the loopback interface between `with` and its end.

    The first of `modes` counts for the next request and goes, then `mode` does. `asked` and `headers` keep the
    requests, `most_at_once` how many were under way together.
    """

    daemon_threads = True
    block_on_close = False

    def __init__(self, mode: Mode = "ok", *, modes: Sequence[Mode] = (), port: int = 0) -> None:
        super().__init__(("127.0.0.1", port), _Handler)
        self.mode: Mode = mode
        self.modes: list[Mode] = list(modes)
        self.asked: list[dict[str, Any]] = []
        self.headers: list[dict[str, str]] = []
        self.paths: list[str] = []
        self.most_at_once = 0
        self._at_once = 0
        self._lock = threading.Lock()
        self._released = threading.Event()
        self._thread = threading.Thread(target=self.serve_forever, kwargs={"poll_interval": 0.01}, daemon=True)

    @property
    def url(self) -> str:
        """The base URL, ending in /v1."""
        return f"http://127.0.0.1:{self.server_port}/v1"

    def __enter__(self) -> Self:
        self._thread.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.release()
        self.shutdown()
        self._thread.join()
        self.server_close()

    def release(self) -> None:
        """Let requests in the mode "slow" be answered, these and later ones."""
        self._released.set()

    def wait(self) -> None:
        """Wait for `release`, ten seconds at most."""
        self._released.wait(10)

    def begin(self, path: str, headers: Mapping[str, str], body: dict[str, Any]) -> Mode:
        """Take note of a request; returns the mode that it is answered in."""
        with self._lock:
            self.asked.append(body)
            self.headers.append(dict(headers))
            self.paths.append(path)
            self._at_once += 1
            self.most_at_once = max(self.most_at_once, self._at_once)
            return self.modes.pop(0) if self.modes else self.mode

    def end(self) -> None:
        """A request was answered."""
        with self._lock:
            self._at_once -= 1

    def handle_error(self, request: object, client_address: object) -> None:
        """A client that gave up is no news."""


class _Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    disable_nagle_algorithm = True
    server: ChatServer

    def do_POST(self) -> None:
        asked = json.loads(self.rfile.read(int(self.headers["Content-Length"])))
        mode = self.server.begin(self.path, dict(self.headers.items()), asked)
        try:
            _ANSWERS.get(mode, _chat)(self, asked, mode)
        finally:
            self.server.end()

    def answer(self, status: int, body: object, headers: Mapping[str, str] | None = None) -> None:
        """Send a body, in JSON unless it is bytes."""
        data = body if isinstance(body, bytes) else json.dumps(body).encode()
        self.send_response(status)
        for name, value in {**(headers or {}), "Content-Length": str(len(data))}.items():
            self.send_header(name, value)
        self.end_headers()
        self.wfile.write(data)

    def log_message(self, format: str, *args: object) -> None:  # noqa: A002 - the base class's word
        """Silent: requests hold people's words."""


def _chat(handler: _Handler, asked: dict[str, Any], mode: Mode) -> None:
    if mode == "slow":
        handler.server.wait()
    user = asked["messages"][-1]["content"]
    text = {"lying": _LIE, "rambling": _CHATTER}.get(mode) or facts_answer(*_facts(user))
    usage = {} if mode == "no-usage" else {"usage": {"prompt_tokens": 1000, "completion_tokens": 100}}
    message = {"role": "assistant", "content": text}
    if mode == "no-text":
        message = {"role": "assistant", "refusal": "no"}
    choice = {"index": 0, "message": message, "finish_reason": "stop"}
    handler.answer(200, {"object": "chat.completion", "choices": [choice], **usage})


def _facts(user: str) -> list[dict[str, Any]]:
    """Every sentence of the turns in the prompt, quoting itself."""
    found = _TURNS.search(user)
    turns = json.loads(found[1]) if found else []
    parts = ((turn, part.strip()) for turn in turns for part in _SENTENCE.findall(turn["text"]))
    return [stated_fact(turn["turn"], part) for turn, part in parts if len(part) >= 3]


def _refuse_format(handler: _Handler, asked: dict[str, Any], mode: Mode) -> None:
    wanted = asked.get("response_format", {}).get("type")
    if wanted == "json_schema" or (wanted and mode == "no-format"):
        handler.answer(400, {"error": {"message": f"response_format of type {wanted} is not supported"}})
    else:
        _chat(handler, asked, "ok")


def _refuse_parameters(handler: _Handler, asked: dict[str, Any], mode: Mode) -> None:
    if "max_tokens" in asked:
        handler.answer(400, {"error": {"message": "'max_tokens' is not supported; use 'max_completion_tokens'"}})
    elif "temperature" in asked:
        handler.answer(400, {"error": {"message": "'temperature' does not support 0 with this model"}})
    else:
        _chat(handler, asked, "ok")


def _refuse(handler: _Handler, asked: dict[str, Any], mode: Mode) -> None:
    said = f"{handler.headers['Authorization']} may not ask {asked['messages'][-1]['content'][20:]}"
    handler.answer(401, {"error": {"message": said}})


def _drip(handler: _Handler, asked: dict[str, Any], mode: Mode) -> None:
    handler.send_response(200)
    handler.send_header("Content-Length", "1000")
    handler.end_headers()
    for _ in range(1000):
        handler.wfile.write(b" ")
        time.sleep(0.02)


def _close(handler: _Handler, asked: dict[str, Any], mode: Mode) -> None:
    handler.close_connection = True


def _always(status: int, body: object, **headers: str) -> Callable[[_Handler, dict[str, Any], Mode], None]:
    named = {name.replace("_", "-"): value for name, value in headers.items()}
    return lambda handler, asked, mode: handler.answer(status, body, named)


_LIE = facts_answer(stated_fact(1, *LyingModel.lie))
_CHATTER = RamblingModel.chatter
_ANSWERS: dict[Mode, Callable[[_Handler, dict[str, Any], Mode], None]] = {
    "error500": _always(500, {"error": {"message": "something broke"}}),
    "ratelimited": _always(429, {"error": {"message": "slow down"}}, Retry_After="2"),
    "huge": _always(200, b'{"choices": "' + b"x" * HUGE + b'"}'),
    "not-chat": _always(200, b"<html>busy</html>"),
    "dripping": _drip,
    "close-connection": _close,
    "no-schema": _refuse_format,
    "no-format": _refuse_format,
    "reasoning": _refuse_parameters,
    "refusing": _refuse,
}


def main(arguments: Sequence[str] | None = None) -> None:
    """Serve as a process of its own."""
    parser = argparse.ArgumentParser(description="A chat service for tests; serves until its input ends.")
    parser.add_argument("--mode", choices=MODES, default="ok")
    parser.add_argument("--port", type=int, default=0)
    given = parser.parse_args(arguments)
    with ChatServer(given.mode, port=given.port) as server:
        sys.stdout.write(f"{server.url}\n")
        sys.stdout.flush()
        sys.stdin.read()


if __name__ == "__main__":
    main()
