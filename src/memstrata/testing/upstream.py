"""A model service with OpenAI's interface on this machine, for tests: answers as told, whole or streamed.

    python -m memstrata.testing.upstream

prints its base URL on a line and serves until its input ends.
"""

from __future__ import annotations

import argparse
import json
import sys
import threading
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from types import TracebackType
from typing import Any, Self

JSON_TYPE = "application/json"
STREAM_TYPE = "text/event-stream"
Body = dict[str, Any]


@dataclass(frozen=True, slots=True, kw_only=True)
class Seen:
    """A request as it came in."""

    method: str
    path: str
    headers: Mapping[str, str]
    raw: bytes

    @property
    def body(self) -> Body:
        """Its JSON."""
        found: Body = json.loads(self.raw)
        return found


@dataclass(frozen=True, slots=True, kw_only=True)
class Scripted:
    """An answer, piece by piece. `held`: waits for `UpstreamServer.release` before the last piece. `broken`: the
    connection ends without what was promised."""

    pieces: Sequence[bytes]
    status: int = 200
    headers: Mapping[str, str] = field(default_factory=lambda: {"Content-Type": JSON_TYPE})
    held: bool = False
    broken: bool = False


class UpstreamServer(ThreadingHTTPServer):
    """Serves between `with` and its end. `script`: answers for the next requests; then `say` answers a chat.

    `seen` keeps the requests as they came.
    """

    daemon_threads = True
    block_on_close = False
    request_queue_size = 128

    def __init__(self, say: Callable[[Body], str] = lambda body: "Understood.", *, port: int = 0) -> None:
        super().__init__(("127.0.0.1", port), _Handler)
        self.say = say
        self.script: list[Scripted] = []
        self.seen: list[Seen] = []
        self.keeps = True
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
        """Let answers that are held go on, these and later ones."""
        self._released.set()

    def wait(self) -> None:
        """Wait for `release`, ten seconds at most."""
        self._released.wait(10)

    def answer_to(self, seen: Seen) -> Scripted:
        """Take note of a request; the answer that it gets."""
        with self._lock:
            if self.keeps:
                self.seen.append(seen)
            if self.script:
                return self.script.pop(0)
        return self._usual(seen)

    def _usual(self, seen: Seen) -> Scripted:
        path = seen.path.partition("?")[0]
        if path == "/v1/models":
            listed = {"object": "list", "data": [{"id": "tiny", "object": "model", "created": 1, "owned_by": "me"}]}
            return whole(listed)
        if path not in ("/v1/chat/completions", "/v1/responses"):
            return whole({"error": {"message": f"no {path}", "type": "invalid_request_error"}}, status=404)
        try:
            body = seen.body
        except (ValueError, RecursionError):
            body = None
        if not isinstance(body, dict):
            return whole({"error": {"message": "not JSON", "type": "invalid_request_error"}}, status=400)
        said = self.say(body)
        if path == "/v1/responses":
            return streamed_response(said) if body.get("stream") else whole(response(said))
        return streamed_chat(said) if body.get("stream") else whole(completion(said))

    def handle_error(self, request: object, client_address: object) -> None:
        """A client that gave up is no news."""


class _Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    disable_nagle_algorithm = True
    server: UpstreamServer

    def do_POST(self) -> None:
        raw = self.rfile.read(int(self.headers.get("Content-Length", 0)))
        seen = Seen(method=self.command, path=self.path, headers=dict(self.headers.items()), raw=raw)
        scripted = self.server.answer_to(seen)
        self.send_response(scripted.status)
        for name, value in scripted.headers.items():
            self.send_header(name, value)
        self.send_header("Transfer-Encoding", "chunked")
        self.end_headers()
        self.wfile.flush()
        for place, piece in enumerate(scripted.pieces):
            if scripted.held and place == len(scripted.pieces) - 1:
                self.server.wait()
            self.wfile.write(b"%x\r\n%s\r\n" % (len(piece), piece))
        if scripted.broken:
            self.close_connection = True
        else:
            self.wfile.write(b"0\r\n\r\n")

    def do_GET(self) -> None:
        self.do_POST()

    def do_DELETE(self) -> None:
        self.do_POST()

    def log_message(self, format: str, *args: object) -> None:  # noqa: A002 - the base class's word
        """Silent: requests hold people's words."""


def whole(body: object, *, status: int = 200, headers: Mapping[str, str] | None = None) -> Scripted:
    """An answer in one piece."""
    data = body if isinstance(body, bytes) else json.dumps(body, ensure_ascii=False).encode()
    return Scripted(pieces=[data], status=status, headers={"Content-Type": JSON_TYPE, **(headers or {})})


def streamed(events: Sequence[bytes], *, held: bool = False, broken: bool = False) -> Scripted:
    """Server-sent events, each a piece."""
    return Scripted(pieces=events, headers={"Content-Type": STREAM_TYPE}, held=held, broken=broken)


def completion(text: str | None, **message: object) -> Body:
    """A chat completion."""
    said = {"role": "assistant", "content": text, **message}
    reason = "tool_calls" if "tool_calls" in message else "stop"
    choice = {"index": 0, "message": said, "finish_reason": reason, "logprobs": None}
    usage = {"prompt_tokens": 9, "completion_tokens": 3, "total_tokens": 12}
    named = {"id": "chatcmpl-1", "object": "chat.completion", "created": 1700000000, "model": "tiny"}
    return {**named, "choices": [choice], "usage": usage, "x_unknown": [1.0, 1e3]}


def tool_call(name: str, arguments: Mapping[str, object], *, id: str = "call_1") -> Body:  # noqa: A002
    """A call of a tool, as a message carries it."""
    return {"id": id, "type": "function", "function": {"name": name, "arguments": json.dumps(arguments)}}


def streamed_chat(text: str, *, held: bool = False, broken: bool = False) -> Scripted:
    """A chat completion, streamed in deltas."""
    deltas: list[Body] = [{"role": "assistant", "content": ""}, *({"content": part} for part in _parts(text))]
    return streamed([*map(chat_event, deltas), chat_event({}, finish="stop"), DONE], held=held, broken=broken)


def chat_event(delta: Mapping[str, object], *, finish: str | None = None) -> bytes:
    """One chunk of a streamed completion."""
    choice = {"index": 0, "delta": delta, "finish_reason": finish}
    named = {"id": "chatcmpl-1", "object": "chat.completion.chunk", "created": 1700000000, "model": "tiny"}
    return _event({**named, "choices": [choice]})


def response(text: str, *, id: str = "resp_1", status: str = "completed") -> Body:  # noqa: A002
    """A response."""
    content = [{"type": "output_text", "text": text, "annotations": []}]
    message = {"type": "message", "id": "msg_1", "status": status, "role": "assistant", "content": content}
    rest = {"tools": [], "tool_choice": "auto", "parallel_tool_calls": True}
    named = {"id": id, "object": "response", "created_at": 1700000000, "model": "tiny", "status": status}
    return {**named, "output": [message] if text else [], **rest}


def streamed_response(text: str, *, id: str = "resp_1", held: bool = False, broken: bool = False) -> Scripted:  # noqa: A002
    """A response, streamed as events."""
    place = {"output_index": 0, "content_index": 0, "item_id": "msg_1"}
    begun = {"type": "message", "id": "msg_1", "status": "in_progress", "role": "assistant", "content": []}
    part = {"type": "output_text", "text": "", "annotations": []}
    events: list[Body] = [
        {"type": "response.created", "response": response("", id=id, status="in_progress")},
        {"type": "response.output_item.added", "output_index": 0, "item": begun},
        {"type": "response.content_part.added", **place, "part": part},
        *({"type": "response.output_text.delta", **place, "delta": each, "logprobs": []} for each in _parts(text)),
        {"type": "response.output_text.done", **place, "text": text, "logprobs": []},
        {"type": "response.completed", "response": response(text, id=id)},
    ]
    numbered = ({**event, "sequence_number": number} for number, event in enumerate(events))
    return streamed([_event(event, named=True) for event in numbered], held=held, broken=broken)


DONE = b"data: [DONE]\n\n"


def _event(body: Body, *, named: bool = False) -> bytes:
    name = f"event: {body['type']}\n" if named else ""
    return f"{name}data: {json.dumps(body, ensure_ascii=False)}\n\n".encode()


def _parts(text: str) -> Iterator[str]:
    size = max(1, -(-len(text) // 3))
    return (text[start : start + size] for start in range(0, len(text), size))


def main(arguments: Sequence[str] | None = None) -> None:
    """Serve as a process of its own, keeping nothing."""
    parser = argparse.ArgumentParser(description="A model service for tests; serves until its input ends.")
    parser.add_argument("--port", type=int, default=0)
    with UpstreamServer(port=parser.parse_args(arguments).port) as server:
        server.keeps = False
        sys.stdout.write(f"{server.url}\n")
        sys.stdout.flush()
        sys.stdin.read()


if __name__ == "__main__":
    main()
