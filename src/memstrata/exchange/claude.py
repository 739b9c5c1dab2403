"""Claude's export: conversations, the memories that Claude wrote, and projects with their documents.

The user's words are the user's; what Claude wrote about the user, and documents that were attached, are documents.
Passed over are thoughts and calls of tools; what tools gave back is kept as a tool's words.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from datetime import datetime

from memstrata.exchange.portions import (
    PassedOver,
    Read,
    Unreadable,
    as_list,
    as_object,
    as_text,
    moment,
    name_of,
    named,
    notes,
    passages,
    portions,
    short,
)
from memstrata.types import Message, Role

PRODUCT = "claude"
_ROLES: Mapping[str, Role] = {"human": "user", "user": "user", "assistant": "assistant"}


def plausible(value: object) -> bool:
    """The value is a conversation."""
    return isinstance(value, dict) and "chat_messages" in value


def read_conversation(value: object, place: str) -> Iterator[Read]:
    """One conversation. Raises Unreadable."""
    conversation = as_object(value)
    raw_messages = conversation.get("chat_messages")
    if not isinstance(raw_messages, list):
        raise Unreadable("has no chat_messages")
    title = short(conversation.get("name"))
    id_ = as_text(conversation.get("uuid")) or name_of(title, as_text(conversation.get("created_at")))
    when = moment(conversation.get("created_at"))
    messages: list[Message] = []
    for raw in _branch(raw_messages, conversation.get("current_leaf_message_uuid")):
        when = moment(raw.get("created_at")) or when
        for found in _message(raw, when, title):
            if isinstance(found, Message):
                messages.append(found)
            else:
                yield found
    yield from portions(messages, product=PRODUCT, conversation=id_, place=place)


def read_memories(value: object, place: str) -> Iterator[Read]:
    """What Claude wrote down about the user, and by project."""
    memories = as_object(value)
    found = [("memory", memories.get("conversations_memory"))]
    found += [(f"memory of project {key}", each) for key, each in as_object(memories.get("project_memories")).items()]
    for name, text in found:
        yield from _document(as_text(text), f"Claude's {name}", run="memories", when=None, place=place)


def read_project(value: object, place: str) -> Iterator[Read]:
    """A project: its description and instructions, and its documents."""
    project = as_object(value)
    name, id_ = short(project.get("name")), as_text(project.get("uuid"))
    run = f"project {id_ or name_of(name)}"
    when = moment(project.get("created_at"))
    for field in ("description", "prompt_template"):
        yield from _document(as_text(project.get(field)), name or "project", run=run, when=when, place=place)
    for raw in as_list(project.get("docs")):
        doc = as_object(raw)
        file = short(doc.get("filename")) or "document"
        at = moment(doc.get("created_at")) or when
        yield from _document(as_text(doc.get("content")), file, run=run, when=at, place=place)


def _branch(raw: list[object], leaf: object) -> list[Mapping[str, object]]:
    """The messages that lead to the current leaf where the file says so, or else all."""
    messages = [as_object(each) for each in raw]
    by_id = {each["uuid"]: each for each in messages if isinstance(each.get("uuid"), str)}
    if not isinstance(leaf, str) or leaf not in by_id:
        return messages
    branch: list[Mapping[str, object]] = []
    while isinstance(leaf, str) and leaf in by_id:
        branch.append(by_id.pop(leaf))
        leaf = branch[-1].get("parent_message_uuid")
    return branch[::-1]


def _message(raw: Mapping[str, object], when: datetime | None, title: str) -> Iterator[Message | PassedOver]:
    role = _ROLES.get(as_text(raw.get("sender")))
    if role is None:
        yield PassedOver(reason=f"of sender {short(raw.get('sender'), limit=20)!r}")
        return
    id_ = as_text(raw.get("uuid"))
    files = [short(as_object(each).get("file_name")) for each in as_list(raw.get("files"))]
    attached = [as_object(each) for each in as_list(raw.get("attachments"))]
    files += [short(each.get("file_name")) for each in attached]
    metadata = named(product=PRODUCT, title=title, attachments=[each for each in files if each])
    for number, each in enumerate(attached):
        for place, text in enumerate(passages(as_text(each.get("extracted_content")))):
            file = short(each.get("file_name")) or "attachment"
            yield Message(content=text, role="document", name=file, timestamp=when,
                          id=(id_ and f"{id_}/file/{number}/{place}") or None,
                          metadata=named(product=PRODUCT, title=title, file=file))  # fmt: skip
    said = 0
    for number, (kind, text) in enumerate(_blocks(raw)):
        if kind not in ("text", "tool_result"):
            yield PassedOver(reason="thoughts" if "thinking" in kind else "calls of tools")
        elif not text.strip():
            yield PassedOver(reason="without words")
        elif kind == "tool_result":
            yield Message(content=text, role="tool", timestamp=when, metadata=metadata,
                          id=(id_ and f"{id_}/tool/{number}") or None)  # fmt: skip
        else:
            yield Message(content=text, role=role, timestamp=when, metadata=metadata,
                          id=(id_ and (f"{id_}/{said}" if said else id_)) or None)  # fmt: skip
            said += 1


def _blocks(raw: Mapping[str, object]) -> list[tuple[str, str]]:
    """Kind and text of the blocks of a message, texts that follow each other as one."""
    found: list[tuple[str, str]] = []
    for each in as_list(raw.get("content")):
        block = as_object(each)
        kind = as_text(block.get("type"))
        if kind in ("token_budget", "flag"):
            continue
        text = _result(block.get("content")) if kind == "tool_result" else as_text(block.get("text"))
        if found and found[-1][0] == kind == "text":
            found[-1] = (kind, f"{found[-1][1]}\n\n{text}".strip())
        else:
            found.append((kind, text))
    if any(kind == "text" and text.strip() for kind, text in found):
        return found
    return [*(each for each in found if each[0] != "text"), ("text", as_text(raw.get("text")))]


def _result(content: object) -> str:
    if isinstance(content, list):
        return "\n".join(filter(None, (as_text(as_object(each).get("text")) for each in content)))
    return as_text(content)


def _document(text: str, name: str, *, run: str, when: datetime | None, place: str) -> Iterator[Read]:
    messages = [
        Message(content=each, role="document", name=name, timestamp=when, id=name_of(name, each),
                metadata=named(product=PRODUCT, title=name))
        for each in passages(text)
    ]  # fmt: skip
    yield from notes(messages, product=PRODUCT, of=run, place=place)
