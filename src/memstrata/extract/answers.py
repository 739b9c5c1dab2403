"""A model's answer as values: its JSON found, its facts typed, nothing in them believed yet."""

from __future__ import annotations

import json
import math
import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import cast

from memstrata.core.facts.names import folded
from memstrata.types import FACT_KINDS, FactKind, Precision

MOST_FACTS = 100
"""In one answer; a dozen turns do not tell more."""
LONGEST_TEXT = 500
LONGEST_QUOTE = 2000
LONGEST_NAME = 100
"""Of a slot, a subject and an entity; a value may be twice as long."""
MOST_ENTITIES = 20
UNSURE = 0.5
"""The confidence of a fact that comes without one."""
PRECISIONS: tuple[Precision, ...] = ("minute", "hour", "day", "week", "month", "season", "year")
_THOUGHT = re.compile(r"\A\s*<(think|thinking|reasoning)>.*?</\1>", re.DOTALL)
_SLOT = re.compile(r"[^\W\d_][\w '-]*(?::[^\W_][\w '-]*)?")


class Misfit(Exception):
    """An answer that is none; the message says why, in none of the answer's words."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Stated:
    """A fact as a model states it. Times are its words for them. See `prompts/extract.md`.

    Who speaks and how far they are to be trusted is not read: the turn tells that, not the model.
    """

    turn: int
    quote: str
    text: str
    kind: FactKind
    slot: str | None
    value: str | None
    subject: str
    negated: bool
    valid_from: str | None
    valid_to: str | None
    event_from: str | None
    event_to: str | None
    precision: Precision | None
    confidence: float
    entities: tuple[str, ...]


def read_answer(answer: str) -> tuple[list[Stated], int]:
    """The facts of an answer in its order, and how many were none. Raises Misfit where it is no list of facts."""
    found = _json(answer)
    facts = found.get("facts") if isinstance(found, dict) else found
    if not isinstance(facts, list):
        raise Misfit('it is not an object with a list of "facts"')
    if len(facts) > MOST_FACTS:
        raise Misfit(f"it lists more than {MOST_FACTS} facts")
    stated = [_stated(fact) for fact in facts]
    if facts and not any(isinstance(fact, dict) and "quote" in fact and "turn" in fact for fact in facts):
        raise Misfit('its facts have no "turn" and "quote"')
    fitting = [fact for fact in stated if fact is not None]
    return fitting, len(facts) - len(fitting)


def _json(answer: str) -> object:
    """The JSON of an answer, which models wrap in thoughts, fences and words."""
    text = _THOUGHT.sub("", answer)
    spans = [(text.find(first), text.rfind(last) + 1) for first, last in ("{}", "[]")]
    error = "it is not JSON"
    for start, end in sorted(span for span in spans if 0 <= span[0] < span[1]):
        try:
            return json.loads(text[start:end])
        except json.JSONDecodeError as failure:
            error = f"it is not JSON: {failure.msg} in line {failure.lineno}"
        except (ValueError, RecursionError):
            error = "it is not JSON that can be read"
    raise Misfit(error)


def _stated(fact: object) -> Stated | None:
    if not isinstance(fact, dict):
        return None
    turn, quote, text = _whole(fact.get("turn")), fact.get("quote"), _line(fact.get("text"))
    if turn is None or not isinstance(quote, str) or text is None:
        return None
    if len(quote) > LONGEST_QUOTE or len(text) > LONGEST_TEXT:
        return None
    kind = fact.get("kind")
    slot, value = _slot(fact.get("slot")), _line(fact.get("value"))
    if value is not None and len(value) > 2 * LONGEST_NAME:
        return None
    return Stated(
        turn=turn,
        quote=quote,
        text=text,
        kind=cast(FactKind, kind) if kind in FACT_KINDS else "statement",
        slot=slot,
        value=value if slot is not None else None,
        subject=_name(fact.get("subject")) or "",
        negated=fact.get("negated") is True,
        valid_from=_line(fact.get("valid_from")),
        valid_to=_line(fact.get("valid_to")),
        event_from=_line(fact.get("event_from")),
        event_to=_line(fact.get("event_to")),
        precision=next((each for each in PRECISIONS if each == fact.get("precision")), None),
        confidence=_number(fact.get("confidence")),
        entities=_names(fact),
    )


def _names(fact: Mapping[str, object]) -> tuple[str, ...]:
    """Its entities, each spelling of a name once."""
    given = fact.get("entities")
    names = [_name(each) for each in given[:MOST_ENTITIES]] if isinstance(given, list) else []
    spelt: dict[str, str] = {}
    for name in names:
        if name:
            spelt.setdefault(folded(name), name)
    return tuple(spelt.values())


def _line(value: object) -> str | None:
    """A text in one line that UTF-8 can hold, None for an empty one and for anything else."""
    if not isinstance(value, str):
        return None
    return " ".join(value.encode("utf-8", "ignore").decode().replace("\0", "").split()) or None


def _name(value: object) -> str | None:
    name = _line(value)
    return name if name is not None and len(name) <= LONGEST_NAME else None


def _slot(value: object) -> str | None:
    name = (_name(value) or "").lower().replace("_", " ")
    return name if _SLOT.fullmatch(name) else None


def _whole(value: object) -> int | None:
    if isinstance(value, str) and re.fullmatch(r"\d{1,4}", value):
        return int(value)
    return value if isinstance(value, int) and not isinstance(value, bool) else None


def _number(value: object) -> float:
    if isinstance(value, bool) or not isinstance(value, int | float) or math.isnan(value):
        return UNSURE
    return float(min(max(value, 0), 1))
