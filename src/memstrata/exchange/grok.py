"""Grok's export: `prod-grok-backend.json` with conversations, each a tree of responses; the latest branch is read."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
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
    portions,
    seconds,
    short,
)
from memstrata.types import Message, Role

PRODUCT = "grok"
_ROLES: Mapping[str, Role] = {"human": "user", "user": "user", "assistant": "assistant", "system": "system"}


def plausible(value: object) -> bool:
    """The value is a conversation."""
    return isinstance(value, dict) and "conversation" in value and "responses" in value


def read_conversation(value: object, place: str) -> Iterator[Read]:
    """One conversation. Raises Unreadable."""
    about, responses = as_object(as_object(value).get("conversation")), as_object(value).get("responses")
    if not isinstance(responses, list):
        raise Unreadable("has no responses")
    title = short(about.get("title"))
    id_ = as_text(about.get("id")) or name_of(title, str(about.get("create_time")))
    given = [as_object(each) for each in responses]
    every = [as_object(each["response"]) if "response" in each else each for each in given]
    branch = _branch(every)
    if len(every) > len(branch):
        yield PassedOver(reason="earlier wordings", count=len(every) - len(branch))
    when = _time(about.get("create_time"))
    messages = []
    for raw in branch:
        when = _time(raw.get("create_time")) or when
        role = _ROLES.get(as_text(raw.get("sender")).lower())
        text = as_text(raw.get("message"))
        if role is None or not text.strip():
            yield PassedOver(reason="without words" if role else f"of sender {short(raw.get('sender'), limit=20)!r}")
            continue
        files = [short(_file(each)) for each in as_list(raw.get("file_attachments"))]
        messages.append(
            Message(content=text, role=role, timestamp=when, id=as_text(raw.get("_id"))[:500] or None,
                    metadata=named(product=PRODUCT, title=title, model=short(raw.get("model"), limit=80),
                                   attachments=[each for each in files if each]))
        )  # fmt: skip
    yield from portions(messages, product=PRODUCT, conversation=id_, place=place)


def _branch(responses: Sequence[Mapping[str, object]]) -> list[Mapping[str, object]]:
    """From the latest response back to its first ancestor; all of them, in order, where none names a parent."""
    by_id = {each["_id"]: each for each in responses if isinstance(each.get("_id"), str)}
    if not any(each.get("parent_response_id") in by_id for each in responses):
        return list(responses)
    parents = {each.get("parent_response_id") for each in responses}
    leaves = [each for each in by_id.values() if each["_id"] not in parents] or list(by_id.values())
    current: Mapping[str, object] | None = max(
        enumerate(leaves), key=lambda each: (_stamp(each[1].get("create_time")), each[0])
    )[1]
    branch: list[Mapping[str, object]] = []
    while current is not None:
        branch.append(current)
        by_id.pop(current["_id"], None)
        parent = current.get("parent_response_id")
        current = by_id.get(parent) if isinstance(parent, str) else None
    return branch[::-1]


def _time(value: object) -> datetime | None:
    """A time as text, or as its database spells it: {"$date": {"$numberLong": milliseconds}}."""
    inner = as_object(value).get("$date", value)
    number = as_object(inner).get("$numberLong", inner)
    if isinstance(number, str) and number.lstrip("-").isdigit() and len(number) < 20:
        return seconds(int(number) / 1000)
    if isinstance(number, int | float):
        return seconds(number / 1000)
    return moment(number)


def _stamp(value: object) -> float:
    time = _time(value)
    return 0.0 if time is None else time.timestamp()


def _file(value: object) -> object:
    file = as_object(value)
    return file.get("file_name") or file.get("fileName") or file.get("name") or value
