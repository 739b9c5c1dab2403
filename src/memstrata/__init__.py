"""Memstrata: a lasting memory for language models, in text, KV cache and weights.

The names below are loaded on first use, so that `import memstrata` costs nothing.
"""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from memstrata.aio import AsyncChat, AsyncMemory
    from memstrata.chat import Answer, Chat
    from memstrata.client import RemoteMemory
    from memstrata.memory import Memory
    from memstrata.models.budget import Budget
    from memstrata.types import (
        Artifact,
        AskedToForget,
        Change,
        Claim,
        Context,
        Episode,
        ExportReceipt,
        Fact,
        Facts,
        ForgetReceipt,
        Hit,
        Hits,
        ImportReceipt,
        Message,
        NotRead,
        Page,
        Profile,
        Receipt,
        RestoreReceipt,
        Scope,
        Section,
        Source,
        Stats,
    )

__version__ = "0.1.0"

_NOUNS = (
    "Artifact",
    "AskedToForget",
    "Change",
    "Claim",
    "Context",
    "Episode",
    "ExportReceipt",
    "Fact",
    "Facts",
    "ForgetReceipt",
    "Hit",
    "Hits",
    "ImportReceipt",
    "Message",
    "NotRead",
    "Page",
    "Profile",
    "Receipt",
    "RestoreReceipt",
    "Scope",
    "Section",
    "Source",
    "Stats",
)
_HOMES = {
    "Answer": "memstrata.chat",
    "AsyncChat": "memstrata.aio",
    "AsyncMemory": "memstrata.aio",
    "Budget": "memstrata.models.budget",
    "Chat": "memstrata.chat",
    "Memory": "memstrata.memory",
    "RemoteMemory": "memstrata.client",
    **dict.fromkeys(_NOUNS, "memstrata.types"),
}

__all__ = [
    "Answer",
    "Artifact",
    "AskedToForget",
    "AsyncChat",
    "AsyncMemory",
    "Budget",
    "Change",
    "Chat",
    "Claim",
    "Context",
    "Episode",
    "ExportReceipt",
    "Fact",
    "Facts",
    "ForgetReceipt",
    "Hit",
    "Hits",
    "ImportReceipt",
    "Memory",
    "Message",
    "NotRead",
    "Page",
    "Profile",
    "Receipt",
    "RemoteMemory",
    "RestoreReceipt",
    "Scope",
    "Section",
    "Source",
    "Stats",
    "__version__",
]


def __getattr__(name: str) -> object:
    home = _HOMES.get(name)
    if home is None:
        raise AttributeError(f"module 'memstrata' has no attribute {name!r}")
    return getattr(import_module(home), name)


def __dir__() -> list[str]:
    return sorted(__all__)
