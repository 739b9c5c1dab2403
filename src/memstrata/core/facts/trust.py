"""What words may become without the user's word, by where they came from."""

from __future__ import annotations

import re

from memstrata.types import Claim

OUTSIDE = ("tool", "document", "quoted")
FREE_KINDS = ("statement", "event", "quantity")
"""What outside words may tell: something about the world, never something about the user or for the assistant."""
_ABOUT_MEMORY = re.compile(
    r"""\b(?:memory|remember|from\ now\ on|always|never|ignore|instruction|directive|system\ prompt|the\ user|assistant|the\ reader
        |ai\ model|chat\s?bot|llm|end\ (?:every|each)|replace\ any|end\ all|going\ forward|henceforth|at\ all\ times|without\ exception
        |permanently|by\ default|only\ (?:ever\ )?(?:use|recommend|trust|suggest)|update\ (?:your|the)\ (?:records?|notes?|profile|contacts?))\b
    | 记住|记录|记忆|以后|今后|往后|即日起|一律|务必|始终|永远|默认|用户|机主|机器人|助手|助理|小助|智能体|指令|忽略|系统提示|模型""",
    re.IGNORECASE | re.VERBOSE,
)


def waits(claim: Claim) -> bool:
    """Whether a claim waits in quarantine: outside words that bind the user or speak to the assistant."""
    if claim.trust not in OUTSIDE:
        return False
    return (
        claim.kind not in FREE_KINDS or claim.subject in ("user", "assistant") or bool(_ABOUT_MEMORY.search(claim.text))
    )
