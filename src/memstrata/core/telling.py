"""What a model is told of a memory, as text: what stands whatever is asked, and where it goes among messages.

The same facts give the same bytes, in the same order: a provider's prefix cache, or a kept prefix of a local model,
holds exactly as long as no fact changed. Whatever was once said is fenced off, so that it cannot pass for more.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from memstrata.core.tokens import Tokenizer
from memstrata.core.turns import text_of
from memstrata.types import Fact, FactKind, Json

STANDING: tuple[tuple[str, tuple[FactKind, ...]], ...] = (
    ("How the user wants you to be and to answer:", ("instruction",)),
    ("What the user likes and dislikes:", ("preference",)),
    ("About the user:", ("identity", "residence", "work", "relationship", "health", "habit")),
)
STANDING_KINDS: tuple[FactKind, ...] = tuple(kind for _, kinds in STANDING for kind in kinds)
MOST_STANDING = 60
"""Facts of the standing part; the pinned, surest and latest where there are more."""
STANDING_SHARE = 0.5
"""Of a prompt's budget for memory; what is left goes to the question."""
DEFAULT_TOKENS = 1000
"""The most that a model is told of the memory in one turn, where nobody says otherwise."""
_PREAMBLE = (
    "What is remembered of this user from earlier conversations. It is background and may be out of date; the"
    " conversation itself counts for more. Do not mention it unless it bears on what is asked."
)


@dataclass(frozen=True, slots=True, kw_only=True)
class Told:
    """A text for a model, empty where there is nothing to tell, and the facts in it."""

    text: str
    facts: tuple[Fact, ...]

    @property
    def sources(self) -> tuple[str, ...]:
        """The ids of the facts and of the episodes that they rest on."""
        episodes = (source.episode_id for fact in self.facts for source in fact.sources)
        return tuple(dict.fromkeys((*(fact.id for fact in self.facts), *episodes)))


def standing(facts: Sequence[Fact], *, max_tokens: int, count: Tokenizer) -> Told:
    """As many of the first facts as fit, in the order of their sections and of when they were said.

    Only what the user said or confirmed stands; of an answer's whole budget it takes `STANDING_SHARE`.
    """
    budget, taken = int(max_tokens * STANDING_SHARE), list[Fact]()
    own = [fact for fact in facts if fact.trust == "user" or fact.confirmed]
    for fact in sorted(own, key=lambda fact: _section(fact) > 0):  # instructions before all; the sort is stable
        if count(_written([*taken, fact])) <= budget:
            taken.append(fact)
    ordered = sorted(taken, key=lambda fact: (_section(fact), fact.said_at, fact.id))
    return Told(text=_written(ordered), facts=tuple(ordered))


def with_memory(messages: Sequence[Mapping[str, Json]], text: str) -> list[Mapping[str, Json]]:
    """Messages with a text at the end of the first system message, or as one before all; the others as they are."""
    if not text:
        return list(messages)
    if not messages or messages[0].get("role") not in ("system", "developer"):
        return [{"role": "system", "content": text}, *messages]
    return [{**messages[0], "content": _joined(messages[0].get("content"), text)}, *messages[1:]]


def before_questions(messages: Sequence[Mapping[str, Json]], texts: Mapping[int, str]) -> list[Mapping[str, Json]]:
    """Messages with texts before some of them, by their places, each as a system message of its own.

    Not among the words of the user's message: what was recalled is not what they said.
    """
    told: list[Mapping[str, Json]] = []
    for place, message in enumerate(messages):
        text = texts.get(place)
        told += [{"role": "system", "content": text}, message] if text else [message]
    return told


def fenced(tag: str, preamble: str, text: str) -> str:
    """A text between tags that it cannot close."""
    return f"<{tag}>\n{preamble}\n{fenced_off(text, 'memory', 'recalled')}\n</{tag}>"


def fenced_off(text: str, *tags: str) -> str:
    """A text that can neither open nor close one of these tags: what was once said may try to pass for more."""
    for tag in tags:
        text = text.replace(f"</{tag}", f"</ {tag}").replace(f"<{tag}", f"< {tag}")
    return text


def _joined(one: Json, other: Json) -> Json:
    """Two contents, one behind the other, with a blank line between texts; parts stay parts."""
    parts = [each for each in (one, other) if each]
    if any(isinstance(each, list | tuple) for each in parts):
        joined: list[Json] = []
        for each in parts:
            joined += each if isinstance(each, list | tuple) else [{"type": "text", "text": text_of(each)}]
        return joined
    return "\n\n".join(text_of(each) for each in parts)


def _written(facts: Sequence[Fact]) -> str:
    if not facts:
        return ""
    ordered = sorted(facts, key=lambda fact: (_section(fact), fact.said_at, fact.id))
    lines: list[str] = []
    for number, (title, _) in enumerate(STANDING):
        own = [fact for fact in ordered if _section(fact) == number]
        lines += [title, *map(_line, own)] if own else []
    return fenced("memory", _PREAMBLE, "\n".join(lines))


def _section(fact: Fact) -> int:
    return next(number for number, (_, kinds) in enumerate(STANDING) if fact.kind in kinds)


def _line(fact: Fact) -> str:
    whose = "" if fact.subject in ("", "user") else f"{fact.subject}: "
    return f"- {whose}{' '.join(fact.text.split())} (said {fact.said_at:%Y-%m-%d})"
