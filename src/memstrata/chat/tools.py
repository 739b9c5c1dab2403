"""Tools that a model may call to look into past conversations: by topic, and by time.

Definitions are as OpenAI's chat completions spell them. A call answers in text, also where its arguments are wrong:
a model reads that and calls again.
"""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from typing import Literal

from memstrata.core.clock import day_in_words, parse_time
from memstrata.core.records import ToolCall
from memstrata.core.scoping import named
from memstrata.core.telling import fenced_off
from memstrata.errors import InvalidInput
from memstrata.memory import Memory
from memstrata.types import Episode, Json, Scope

MemoryTool = Literal["search_past_chats", "recent_chats"]
MEMORY_TOOLS: tuple[MemoryTool, ...] = ("search_past_chats", "recent_chats")
MOST_CHATS = 20
CHATS_OF_A_SEARCH = 5
TURNS_OF_A_CHAT = 4
MOST_PAGES = 5
"""Of 200 episodes, in which recent chats are looked for."""
_PAGE = 200
_LONGEST_TURN = 400
NOTHING = "No past chats were found."

DEFINITIONS: Mapping[MemoryTool, Mapping[str, Json]] = {
    "search_past_chats": {
        "type": "function",
        "function": {
            "name": "search_past_chats",
            "description": "Search the user's past conversations by topic. Use when the user refers to something said"
            " before that is not in this conversation.",
            "parameters": {
                "type": "object",
                "properties": {
                    "topic": {
                        "type": "string",
                        "description": "Substantive words that were probably said, such as names and things; not"
                        ' "conversation" or "yesterday".',
                    }
                },
                "required": ["topic"],
                "additionalProperties": False,
            },
        },
    },
    "recent_chats": {
        "type": "function",
        "function": {
            "name": "recent_chats",
            "description": "The user's latest past conversations, newest first, or those of a stretch of time.",
            "parameters": {
                "type": "object",
                "properties": {
                    "n": {"type": "integer", "minimum": 1, "maximum": MOST_CHATS, "description": "How many."},
                    "before": {"type": "string", "description": "Only those before this time, ISO 8601 with offset."},
                    "after": {"type": "string", "description": "Only those after this time, ISO 8601 with offset."},
                },
                "required": [],
                "additionalProperties": False,
            },
        },
    },
}


def call_tool(memory: Memory, scope: Scope, call: ToolCall, *, now_in: str | None = None) -> str:
    """What a call of one of these tools answers. `now_in`: the run of the conversation itself, which is left out."""
    try:
        arguments = json.loads(call.arguments or "{}")
    except (ValueError, RecursionError):
        return "The arguments are no JSON."
    if not isinstance(arguments, dict):
        return "The arguments are no object."
    try:
        if call.name == "search_past_chats":
            topic = arguments.get("topic")
            return search_past_chats(memory, scope, topic if isinstance(topic, str) else "", now_in=now_in)
        times = {name: _optional_text(arguments.get(name)) for name in ("before", "after")}
        n = arguments.get("n", 3)
        wanted = n if isinstance(n, int) and not isinstance(n, bool) else 3
        return recent_chats(memory, scope, wanted, before=times["before"], after=times["after"], now_in=now_in)
    except InvalidInput as error:
        return f"That cannot be looked up: {error}"


def search_past_chats(memory: Memory, scope: Scope, topic: str, *, now_in: str | None = None) -> str:
    """The past conversations that speak of a topic, best first, each with what it says of it."""
    hits = memory.search(topic, limit=60, **named(scope.partition))
    return _shown(_by_run(hits.episodes, now_in), most=CHATS_OF_A_SEARCH)


def recent_chats(
    memory: Memory,
    scope: Scope,
    n: int = 3,
    *,
    before: str | None = None,
    after: str | None = None,
    now_in: str | None = None,
) -> str:
    """The `n` (1 to 20) latest past conversations, newest first, each with its latest turns."""
    bounds = {"lt": before, "gt": after}
    times = {name: parse_time(time, what="the time").isoformat() for name, time in bounds.items() if time is not None}
    filters: dict[str, object] | None = {"timestamp": times} if times else None
    wanted = max(1, min(MOST_CHATS, n))
    found: list[Episode] = []
    cursor: str | None = None
    for _ in range(MOST_PAGES):
        page = memory.episodes(limit=_PAGE, cursor=cursor, filters=filters, **named(scope.partition))
        found += page.episodes
        cursor = page.next
        if cursor is None or len(_by_run(found, now_in)) > wanted:
            break
    return _shown(_by_run(found, now_in), most=wanted)


def is_memory_tool(call: ToolCall) -> bool:
    """Whether a call is of one of these tools."""
    return call.name in MEMORY_TOOLS


def definitions(names: Sequence[MemoryTool]) -> list[Mapping[str, Json]]:
    """The definitions of tools by their names. Raises InvalidInput for an unknown one."""
    unknown = [name for name in names if name not in MEMORY_TOOLS]
    if unknown:
        raise InvalidInput(f"the memory's tools are {', '.join(MEMORY_TOOLS)}, not {unknown}")
    return [DEFINITIONS[name] for name in names]


def _by_run(episodes: Sequence[Episode], now_in: str | None) -> dict[str, list[Episode]]:
    """Episodes by conversation, in the order in which the conversations are first met."""
    runs: dict[str, list[Episode]] = {}
    for episode in episodes:
        if episode.run_id is None or episode.run_id != now_in:
            runs.setdefault(episode.run_id or "", []).append(episode)
    return runs


def _shown(runs: Mapping[str, Sequence[Episode]], *, most: int) -> str:
    chats = []
    for run_id, episodes in list(runs.items())[:most]:
        turns = sorted(episodes[:TURNS_OF_A_CHAT], key=lambda each: (each.timestamp, each.id))
        lines = "\n".join(f"{turn.speaker}: {_cut(turn.text)}" for turn in turns)
        latest = max(episode.timestamp for episode in episodes)
        chats.append(f'<chat id="{_attribute(run_id)}" date="{day_in_words(latest)}">\n{lines}\n</chat>')
    return "\n".join(chats) or NOTHING


def _cut(text: str) -> str:
    whole = fenced_off(" ".join(text.split()), "chat")
    return whole if len(whole) <= _LONGEST_TURN else f"{whole[:_LONGEST_TURN]} …"


def _attribute(text: str) -> str:
    return text.replace("&", "&amp;").replace('"', "&quot;").replace("<", "&lt;")


def _optional_text(value: Json) -> str | None:
    return value if isinstance(value, str) and value.strip() else None
