"""The turns of a request to a chat API: whose words they are, which of them are new, and what the last one asks.

Clients send the whole conversation with every request. What comes after the last answer is new; what comes before
was new in an earlier request, or was not meant to be kept then. A turn's id is a digest over it and all turns before
it, so that a request that is sent again brings nothing new, while the same words later in a conversation are another
turn. Messages of the application ("system", "developer") are nobody's words and count for nothing here.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Literal

from memstrata.core.ids import digest
from memstrata.types import Json, Role

ChatMode = Literal["read-write", "read-only", "write-only", "incognito"]
"""What a chat may do with the memory; incognito: nothing is read and nothing is kept."""
SHORT = 40
"""Characters of a question that say too little alone ("and when?"); a Chinese one counts threefold."""
LONGEST_QUESTION = 2000
"""Characters of a question that are searched for: of a pasted document, its beginning and its end."""
_LED_UP = 300
_HAN = re.compile("[\u3040-\u30ff\u3400-\u9fff\uac00-\ud7af]")
_SURROGATE = re.compile("[\ud800-\udfff]")
_TURN_ROLES: Mapping[object, Role] = {"user": "user", "assistant": "assistant", "tool": "tool", "function": "tool"}
_TOOL_OUTPUTS = frozenset({"function_call_output", "custom_tool_call_output"})


@dataclass(frozen=True, slots=True, kw_only=True)
class Turn:
    """One turn; its text is empty where it holds none, as a call of a tool does."""

    role: Role
    text: str
    name: str | None = None


def turns_of_chat(messages: object) -> list[Turn]:
    """The turns among the `messages` of a chat completion, whatever else they hold; [] where they are no list."""
    many = messages if isinstance(messages, list | tuple) else []
    return [turn for each in many if isinstance(each, Mapping) and (turn := _turn(each)) is not None]


def turns_of_response(given: object) -> list[Turn]:
    """The turns among the `input` of a request for a response: a text, or items."""
    if isinstance(given, str):
        return [Turn(role="user", text=_sound(given))]
    many = given if isinstance(given, list) else []
    return [turn for each in many if isinstance(each, Mapping) and (turn := _item(each)) is not None]


def last_question(messages: Sequence[Mapping[str, Json]]) -> int | None:
    """The place of the user's last message."""
    return next((place for place in range(len(messages) - 1, -1, -1) if messages[place].get("role") == "user"), None)


def split_new(turns: Sequence[Turn]) -> int:
    """Where the new turns begin: after the last answer. An answer that is to be gone on with, at the end, is none."""
    end = len(turns)
    while end and turns[end - 1].role == "assistant":
        end -= 1
    answered = (place for place in range(end - 1, -1, -1) if turns[place].role == "assistant")
    return next(answered, -1) + 1


def ids_of(turns: Iterable[Turn], *, seed: str = "") -> list[str]:
    """An id a turn, of it and all before it. `seed`: what came before the first, such as an earlier response's id."""
    ids, last = [], seed
    for turn in turns:
        last = digest(last, turn.role, turn.name, turn.text).hex()
        ids.append(last)
    return ids


def question_of(turns: Sequence[Turn]) -> str:
    """What to search for: the user's last turn, with the one before where it says little alone; "" without any."""
    said = [turn.text.strip() for turn in turns if turn.role == "user" and turn.text.strip()]
    if not said:
        return ""
    last = said[-1]
    if len(last) + 2 * len(_HAN.findall(last)) < SHORT and len(said) > 1:
        last = f"{said[-2][-_LED_UP:]}\n{last}"
    if len(last) > LONGEST_QUESTION:
        last = f"{last[: LONGEST_QUESTION // 4]}\n{last[-LONGEST_QUESTION * 3 // 4 :]}"
    return last


def text_of(content: object) -> str:
    """The words of a content: a text, or those of its parts that are texts."""
    if isinstance(content, str):
        return _sound(content)
    parts = content if isinstance(content, list | tuple) else []
    texts = (part.get("text") for part in parts if isinstance(part, Mapping))
    return "\n".join(_sound(text) for text in texts if isinstance(text, str))


def _turn(message: Mapping[object, object]) -> Turn | None:
    role = _TURN_ROLES.get(_hashable(message.get("role")))
    if role is None:
        return None
    name = message.get("name")
    named = _sound(name)[:200] if isinstance(name, str) and role == "user" else None
    return Turn(role=role, text=text_of(message.get("content")), name=named or None)


def _item(item: Mapping[object, object]) -> Turn | None:
    """An item of a response's input: a message, what a tool gave, or what the model did (no words of anybody)."""
    kind = item.get("type")
    if kind in (None, "message"):
        return _turn(item)
    if _hashable(kind) in _TOOL_OUTPUTS:
        return Turn(role="tool", text=text_of(item.get("output")))
    if isinstance(kind, str) and (kind == "reasoning" or kind.endswith("_call")):
        return Turn(role="assistant", text="")
    return None


def _hashable(value: object) -> object:
    return value if isinstance(value, str) else None


def _sound(text: str) -> str:
    """Text that UTF-8 can hold: JSON may spell half of a surrogate pair, which no memory keeps."""
    return _SURROGATE.sub("\ufffd", text)
