"""ChatGPT's export: `conversations.json`, or parts of it (`conversations-000.json`).

A conversation is a tree of messages. The branch that its `current_node` ends is what the user saw last; other
branches are earlier wordings. Passed over are hidden messages, thoughts, and calls of tools; what tools gave back
is kept as a tool's words. Custom instructions are the user's own words where the file holds them as typed.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from datetime import datetime

from memstrata.exchange.portions import (
    PassedOver,
    Portion,
    Read,
    Unreadable,
    as_list,
    as_object,
    as_text,
    name_of,
    named,
    notes,
    portions,
    seconds,
    short,
)
from memstrata.types import Message, Role

PRODUCT = "chatgpt"
_ROLES: Mapping[str, Role] = {"user": "user", "assistant": "assistant", "system": "system", "tool": "tool"}
_FENCED = re.compile(r"```\s*(.*?)\s*```", re.DOTALL)
_THOUGHTS = ("thoughts", "reasoning_recap")
_TEXT_FIELDS = ("text", "result", "content", "summary")


def plausible(value: object) -> bool:
    """The value is a conversation."""
    return isinstance(value, dict) and "mapping" in value


def said_before(found: Read, seen: set[str]) -> bool:
    """Custom instructions that an earlier conversation of the file held as well; `seen` is kept between calls."""
    if not isinstance(found, Portion) or found.conversation is not None:
        return False
    ids = {each.id for each in found.messages if isinstance(each, Message) and each.id is not None}
    again = ids <= seen
    seen |= ids
    return again


def read_conversation(value: object, place: str) -> Iterator[Read]:
    """One conversation. Raises Unreadable."""
    conversation = as_object(value)
    mapping = conversation.get("mapping")
    if not isinstance(mapping, dict):
        raise Unreadable("has no mapping of messages")
    branch = _branch(mapping, conversation.get("current_node"))
    others = sum(as_object(node).get("message") is not None for node in mapping.values())
    others -= sum(each is not None for each in branch)
    if others > 0:
        yield PassedOver(reason="earlier wordings", count=others)
    title = short(conversation.get("title"))
    started = seconds(conversation.get("create_time"))
    id_ = as_text(conversation.get("conversation_id") or conversation.get("id"))
    id_ = id_ or name_of(title, str(conversation.get("create_time")))
    messages: list[Message] = []
    when = started
    for raw in branch:
        if raw is None:
            continue
        when = seconds(raw.get("create_time")) or when
        for found in _message(raw, when, title):
            if isinstance(found, Message):
                messages.append(found)
            else:
                yield found
    yield from portions(messages, product=PRODUCT, conversation=id_, place=place)


def _branch(mapping: Mapping[str, object], current: object) -> list[Mapping[str, object] | None]:
    """The messages from the root to the current node, or to the last one where the file names none."""
    if not isinstance(current, str) or current not in mapping:
        leaves = [id_ for id_, node in mapping.items() if not as_list(as_object(node).get("children"))]
        current = leaves[-1] if leaves else next(reversed(list(mapping)), None)
    branch: list[Mapping[str, object] | None] = []
    seen: set[str] = set()
    while isinstance(current, str) and current in mapping and current not in seen:
        seen.add(current)
        node = as_object(mapping[current])
        message = node.get("message")
        branch.append({"id": current, **message} if isinstance(message, dict) else None)
        current = node.get("parent")
    return branch[::-1]


def _message(raw: Mapping[str, object], when: datetime | None, title: str) -> Iterator[Message | Portion | PassedOver]:
    content, metadata = as_object(raw.get("content")), as_object(raw.get("metadata"))
    kind, author = content.get("content_type", "text"), as_object(raw.get("author"))
    if kind in ("user_editable_context", "model_editable_context"):
        yield from _context(content, metadata, when)
        return
    role = _ROLES.get(as_text(author.get("role")))
    left_out = _left_out(raw, kind, role, metadata)
    text = "" if left_out else _text(content)
    attached = [short(as_object(each).get("name")) for each in as_list(metadata.get("attachments"))]
    if left_out or not text.strip() or role is None:
        reason = left_out or ("attachments without words" if attached else "without words")
        yield PassedOver(reason=reason)
        return
    remembered = raw.get("recipient") == "bio"
    yield Message(
        content=text,
        role="document" if remembered else role,
        name="ChatGPT's memory" if remembered else short(author.get("name"), limit=100) or None,
        timestamp=when,
        id=as_text(raw.get("id"))[:500] or None,
        metadata=named(product=PRODUCT, title=title, model=short(metadata.get("model_slug"), limit=80),
                       attachments=[each for each in attached if each]),
    )  # fmt: skip


def _left_out(raw: Mapping[str, object], kind: object, role: Role | None, metadata: Mapping[str, object]) -> str:
    """Why a message is passed over, empty where it is not."""
    if role is None:
        return f"of role {short(as_object(raw.get('author')).get('role'), limit=20)!r}"
    if metadata.get("is_visually_hidden_from_conversation") is True:
        return "hidden messages"
    if kind in _THOUGHTS or metadata.get("reasoning_status") == "is_reasoning":
        return "thoughts"
    recipient = raw.get("recipient") or "all"
    if role == "assistant" and recipient not in ("all", "bio"):
        return "calls of tools"
    return ""


def _text(content: Mapping[str, object]) -> str:
    parts = content.get("parts")
    if isinstance(parts, list):
        return "\n".join(filter(None, map(_part, parts)))
    return next((as_text(content[name]) for name in _TEXT_FIELDS if isinstance(content.get(name), str)), "")


def _part(part: object) -> str:
    """A part's words: also those of a recording, where it was written down."""
    if isinstance(part, dict):
        return next((as_text(part[name]) for name in _TEXT_FIELDS if isinstance(part.get(name), str)), "")
    return as_text(part)


def _context(content: Mapping[str, object], metadata: Mapping[str, object], when: datetime | None) -> Iterator[Portion]:
    """What the user told ChatGPT about themselves, or what it kept of them; once, however many conversations say it."""
    typed = as_object(metadata.get("user_context_message_data"))
    fields = [
        (typed.get("about_user_message") or content.get("user_profile"), "about me"),
        (typed.get("about_model_message") or content.get("user_instructions"), "instructions"),
        (content.get("model_set_context"), "ChatGPT's memory"),
    ]
    for value, name in fields:
        text = as_text(value)
        fenced = _FENCED.search(text)
        own = name != "ChatGPT's memory" and (bool(typed) or fenced is not None)
        text = fenced[1] if fenced else text
        if text.strip():
            message = Message(
                content=text,
                role="user" if own else "document",
                name=None if own else name,
                timestamp=when,
                id=name_of(name, text),
                metadata=named(product=PRODUCT, title="Custom instructions", part=name),
            )
            yield from notes([message], product=PRODUCT, of="custom instructions", place=name)
