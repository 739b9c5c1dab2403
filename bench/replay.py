"""`bench replay`: how much of each prompt of a long chat is what the model saw before.

A provider's prefix cache, and a local model's, spare what a prompt shares with an earlier one from its beginning on.
Fifty turns of a user with an assistant are chatted over a year of memories (`bench/data`), and of each prompt the
tokens are counted that stand, unchanged, at the beginning of the one before. Beside it the usual arrangement: the same
memories for the same questions as one block at the head of the system message, the last one first, written anew.
"""

from __future__ import annotations

import argparse
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

from bench.logs import ASSISTANT_LOG, assistant_logs
from bench.report import show, write
from memstrata import Memory
from memstrata.activation.trie import shared_beginning
from memstrata.chat import Chat
from memstrata.core.turns import text_of
from memstrata.models.local.runtime import LocalRuntime
from memstrata.testing.chat_models import ScriptedChatModel
from memstrata.types import Json

TURNS = 50
SYSTEM = "You are a helpful assistant. Answer in a few sentences, and say so where you do not know."
ANSWER = (
    "From what you told me, yes. I would plan it a day or two ahead and keep the note with the address at hand; if"
    " anything changes, tell me and I will remember the new date instead of the old one."
)
Messages = list[Mapping[str, Json]]


def main(arguments: Sequence[str]) -> int:
    """Run it."""
    parser = argparse.ArgumentParser(prog="bench replay", description=__doc__)
    parser.add_argument("--model", default="smollm2", help="whose tokenizer and template count")
    parser.add_argument("--max-tokens", type=int, default=1000, help="of memory a turn")
    parser.add_argument("--out", type=Path)
    options = parser.parse_args(arguments)
    runtime = LocalRuntime(options.model)
    logs = assistant_logs(ASSISTANT_LOG)
    rows: dict[str, dict[str, object]] = {}
    found: dict[str, list[tuple[int, int]]] = {"append-only": [], "one block, last in first": []}
    for log in logs[:3]:
        with Memory(":memory:", worker="none") as memory:
            for name, messages in log.sessions:
                memory.add(list(messages), user_id="user", run_id=name)
            memory.wait()
            questions = [each.query for each in log.questions]
            asked = (questions * (TURNS // len(questions) + 1))[:TURNS]
            found["append-only"] += shares(runtime, appended(memory, asked, options.max_tokens))
            found["one block, last in first"] += shares(runtime, rewritten(memory, asked, options.max_tokens))
    for name, counts in found.items():
        held, whole = sum(held for held, _ in counts), sum(whole for _, whole in counts)
        rows[name] = {
            "% of prompt tokens unchanged": round(100 * held / whole, 1),
            "tokens a prompt": round(whole / len(counts)),
            "tokens to read a prompt": round((whole - held) / len(counts)),
        }
    show(f"{TURNS} turns, three users, at most {options.max_tokens} tokens of memory a turn", rows)
    path = write("replay", {"turns": TURNS, "users": 3, "max_tokens": options.max_tokens, "rows": rows}, to=options.out)
    print(f"written to {path}")
    return 0


def appended(memory: Memory, questions: Sequence[str], max_tokens: int) -> Iterator[Messages]:
    """The prompts of `Chat`, to which a client sends the whole conversation each time."""
    model = ScriptedChatModel(usual=ANSWER)
    chat = Chat(memory, model)
    messages: Messages = [{"role": "system", "content": SYSTEM}]
    for question in questions:
        messages.append({"role": "user", "content": question})
        answer = chat(messages, user_id="user", run_id="now", max_tokens=max_tokens, mode="read-only")
        messages.append({"role": "assistant", "content": answer.text})
        yield list(model.asked[-1])


def rewritten(memory: Memory, questions: Sequence[str], max_tokens: int) -> Iterator[Messages]:
    """The same with what is recalled as one block before the system text, the last said first."""
    messages: Messages = []
    for question in questions:
        messages.append({"role": "user", "content": question})
        context = memory.context(question, user_id="user", max_tokens=max_tokens, items=("fact", "episode"))
        latest = sorted(context.hits, key=lambda hit: hit.item.timestamp, reverse=True)
        block = "\n".join(f"- {hit.text}" for hit in latest)
        yield [{"role": "system", "content": f"Memories:\n{block}\n\n{SYSTEM}"}, *messages]
        messages.append({"role": "assistant", "content": ANSWER})


def shares(runtime: LocalRuntime, prompts: Iterator[Messages]) -> list[tuple[int, int]]:
    """Tokens of each prompt but the first that begin the one before, unchanged, and all of its tokens."""
    counts: list[tuple[int, int]] = []
    before: list[int] = []
    for messages in prompts:
        told: list[dict[str, Any]] = [
            {"role": each["role"], "content": text_of(each.get("content"))} for each in messages
        ]
        ids = runtime.encode(runtime.rendered(told))
        if before:
            counts.append((shared_beginning(before, ids), len(ids)))
        before = ids
    return counts
