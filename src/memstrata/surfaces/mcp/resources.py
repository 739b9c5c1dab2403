"""What a client may read without a tool: the profile, and an item with its history and the words it rests on."""

from __future__ import annotations

import json
from collections.abc import Mapping
from urllib.parse import parse_qs, unquote, urlsplit

import mcp_types as types

from memstrata.errors import InvalidInput, NotFound
from memstrata.memory import Memory
from memstrata.surfaces.mcp.here import Here
from memstrata.surfaces.mcp.reach import Reach
from memstrata.types import Source
from memstrata.wire import to_json

PROFILE, ITEM = "memory://profile", "memory://item/{id}"
_MARKDOWN, _JSON = "text/markdown", "application/json"
_PROFILE_SAYS = "A page of what is known about the user now, each line with its source."
_ITEM_SAYS = "An episode, or a fact with its history and the words that it rests on."


def listed(reach: Reach) -> list[types.Resource]:
    """The resources that have one address for this connection."""
    if reach.asks_for_user or not reach.may("read"):
        return []
    return [
        types.Resource(uri=PROFILE, name="profile", title="Profile", description=_PROFILE_SAYS, mime_type=_MARKDOWN)
    ]


def templates(reach: Reach) -> list[types.ResourceTemplate]:
    """The resources whose address names something."""
    if not reach.may("read"):
        return []
    item = types.ResourceTemplate(
        uri_template=ITEM + _query(reach), name="item", title="Item", description=_ITEM_SAYS, mime_type=_JSON
    )
    profile = types.ResourceTemplate(
        uri_template=PROFILE + _query(reach),
        name="profile of a user",
        title="Profile of a user",
        description=_PROFILE_SAYS,
        mime_type=_MARKDOWN,
    )
    return [item, profile] if reach.asks_for_user else [item]


def read(memory: Memory, reach: Reach, uri: str) -> types.TextResourceContents:
    """The contents of a resource. Raises NotFound for an address that is none of ours, and errors of the memory."""
    reach.caller.must("read")
    host, path, given = _split(uri)
    here = Here(memory=memory, scope=reach.scope(given), caller=reach.caller)
    if (host, path) == ("profile", ""):
        text = memory.profile(**here.ids).text or "Nothing is known yet."
        return types.TextResourceContents(uri=uri, mime_type=_MARKDOWN, text=text)
    if host == "item" and path:
        text = json.dumps(_item(here, path), ensure_ascii=False, indent=2)
        return types.TextResourceContents(uri=uri, mime_type=_JSON, text=text)
    raise NotFound("no such resource")


def _item(here: Here, id_: str) -> Mapping[str, object]:
    try:
        fact = here.memory.fact(id_, **here.ids)
    except NotFound:
        return {"item": "episode", "episode": to_json(here.memory.episode(id_, **here.ids))}
    changes = here.memory.history(id_, **here.ids)
    return {
        "item": "fact",
        "fact": to_json(fact),
        "sources": [_quoted(here, source) for source in fact.sources],
        "history": to_json(changes),
    }


def _quoted(here: Here, source: Source) -> Mapping[str, object]:
    """The words of a source, with who said them and when."""
    episode = here.memory.episode(source.episode_id, **here.ids)
    return {
        "episode_id": episode.id,
        "quote": episode.text[source.start : source.end],
        "speaker": episode.speaker,
        "timestamp": episode.timestamp.isoformat(),
    }


def _split(uri: str) -> tuple[str, str, dict[str, str]]:
    """Host, path and ids of an address."""
    try:
        parts = urlsplit(uri)
        query = parse_qs(parts.query, strict_parsing=True, max_num_fields=4) if parts.query else {}
    except ValueError:
        raise NotFound("no such resource") from None
    if parts.scheme != "memory" or parts.fragment:
        raise NotFound("no such resource")
    if any(len(values) != 1 for values in query.values()):
        raise InvalidInput("an id is given once")
    return parts.netloc, unquote(parts.path.removeprefix("/")), {name: values[0] for name, values in query.items()}


def _query(reach: Reach) -> str:
    return "{?user_id}" if reach.asks_for_user else ""
