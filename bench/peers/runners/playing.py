"""What the runners that play scenarios share: a JSON request a line on stdin, an answer a line on stdout."""

from __future__ import annotations

import json
import os
import sys
from collections.abc import Callable
from typing import Any

Turn = dict[str, Any]
"""Its id, role, text, when it was said (`timestamp`, and `said` in seconds), where several people talk a `name`."""
Found = dict[str, Any]
"""What the peer returned: the same fields; no field that the peer has not kept."""
Reset = Callable[[], None]
Add = Callable[[list[Turn]], None]
Search = Callable[[str, int, float | None], list[Found]]
Forget = Callable[[str], None]


class Handed:
    """The vectors that came with the requests: turns and questions apart, for the embedder tells them apart."""

    def __init__(self) -> None:
        self._turns: dict[str, list[float]] = {}
        self._questions: dict[str, list[float]] = {}

    def learn(self, request: dict[str, Any]) -> None:
        """Keep what a request brings."""
        if "query" in request:
            self._questions[request["query"].strip()] = request["vectors"][0]
        else:
            texts = [turn["text"].strip() for turn in request["turns"]]
            self._turns.update(zip(texts, request["vectors"], strict=True))

    def turn(self, text: str) -> list[float]:
        """Of a turn."""
        return self._turns[text.strip()]

    def question(self, text: str) -> list[float]:
        """Of a question."""
        return self._questions[text.strip()]


def serve(handed: Handed, reset: Reset, add: Add, search: Search, forget: Forget) -> None:
    """Answer until stdin ends; what the peer prints goes to stderr."""
    answers = os.fdopen(os.dup(1), "w", encoding="utf-8")
    os.dup2(2, 1)
    for line in sys.stdin:
        request = json.loads(line)
        answer: object = None
        if request["do"] == "reset":
            reset()
        elif request["do"] == "add":
            handed.learn(request)
            add(request["turns"])
        elif request["do"] == "search":
            handed.learn(request)
            answer = search(request["query"], request["limit"], request["said_by"])
        elif request["do"] == "forget":
            forget(request["turn"])
        else:
            raise ValueError(f"unknown request {request['do']!r}")
        print(json.dumps(answer), file=answers, flush=True)
