"""From turns to a prompt: what a model is told, and the turns as data that cannot leave its block.

The words are in `prompts/`; a change there changes `RECIPE`, which is part of the extractor's name, and the golden
file of the tests.
"""

from __future__ import annotations

import hashlib
import json
import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from importlib.resources import files
from typing import cast

from memstrata.core.records import Prompt
from memstrata.core.tokens import estimated_tokens
from memstrata.types import Episode, Json

SCHEMA_NAME = "facts"
LED_UP = 3
"""Turns of the same run that are shown before a batch."""
LED_UP_CHARACTERS = 600
"""Of each of them; the end of a long one, which is what the next turn answers."""
_PLACE = re.compile(r"\{(before|turns)\}")
_WEEKDAYS = "Monday Tuesday Wednesday Thursday Friday Saturday Sunday".split()
# In a JSON string these are written as escapes: no text can end a block, a fence or a model's own turn (<|im_end|>).
_ESCAPES = {ord(character): f"\\u{ord(character):04x}" for character in "<>`&\u0085\u2028\u2029"}


@dataclass(frozen=True, slots=True, kw_only=True)
class Turn:
    """An episode, or the characters `start` to `end` of a long one, as a model is shown it."""

    episode: Episode
    start: int
    end: int

    @property
    def text(self) -> str:
        """The characters."""
        return self.episode.text[self.start : self.end]


@dataclass(frozen=True, slots=True, kw_only=True)
class Batch:
    """The turns of one call, numbered from 1 in their order, and those that led up to them."""

    before: tuple[Turn, ...]
    turns: tuple[Turn, ...]


def batches(episodes: Sequence[Episode], *, before: Sequence[Episode], most: int, tokens: int) -> Iterator[Batch]:
    """Episodes in calls of at most `most` turns and about `tokens` tokens, each run by itself."""
    runs: dict[str | None, list[Episode]] = {}
    for episode in episodes:
        runs.setdefault(episode.run_id, []).append(episode)
    for run_id, own in runs.items():
        led_up = [_shown(each) for each in before if each.run_id == run_id and each.text.strip()]
        for turns in _grouped(own, most=most, tokens=tokens):
            yield Batch(before=tuple(led_up[-LED_UP:]), turns=tuple(turns))
            led_up += [_shown(turn.episode, turn.end) for turn in turns[-LED_UP:]]


def prompt_of(batch: Batch) -> Prompt:
    """What a model is asked of a batch."""
    before = [_line(turn, None) for turn in batch.before]
    turns = [_line(turn, number) for number, turn in enumerate(batch.turns, start=1)]
    blocks = {"before": _block(before), "turns": _block(turns)}
    user = _PLACE.sub(lambda place: blocks[place[1]], _USER)  # in one go: a text may hold "{turns}"
    return Prompt(system=_SYSTEM, user=user, schema_name=SCHEMA_NAME, schema=SCHEMA)


def repair_of(prompt: Prompt, error: str) -> Prompt:
    """The same again after an answer that could not be used."""
    user = prompt.user + _REPAIR.replace("{error}", error)
    return Prompt(system=prompt.system, user=user, schema_name=prompt.schema_name, schema=prompt.schema)


def local_time(time: datetime) -> str:
    """A time with its weekday, such as Monday 2025-03-03 09:15 +01:00."""
    written = time.isoformat(sep=" ", timespec="minutes")
    return f"{_WEEKDAYS[time.weekday()]} {written[:16]} {written[16:]}"


def _grouped(episodes: Sequence[Episode], *, most: int, tokens: int) -> Iterator[list[Turn]]:
    group: list[Turn] = []
    room = tokens
    for turn in (turn for episode in episodes for turn in _pieces(episode, tokens)):
        size = estimated_tokens(turn.text)
        if group and (len(group) == most or size > room):
            yield group
            group, room = [], tokens
        group.append(turn)
        room -= size
    if group:
        yield group


def _pieces(episode: Episode, tokens: int) -> Iterator[Turn]:
    """A text cut where it is blank so that no piece is longer than `tokens`; nothing for a blank one."""
    text, start = episode.text, 0
    while start < len(text):
        size = 6 * tokens  # characters: more than so many tokens in any script
        while size > 1 and estimated_tokens(text[start : start + size]) > tokens:
            size //= 2
        end = min(start + size, len(text))
        if end < len(text):
            blank = max(text.rfind(mark, start + size // 2, end) for mark in ("\n", " ", "。"))
            end = blank + 1 if blank >= 0 else end
        if text[start:end].strip():
            yield Turn(episode=episode, start=start, end=end)
        start = end


def _shown(episode: Episode, end: int | None = None) -> Turn:
    end = len(episode.text) if end is None else end
    return Turn(episode=episode, start=max(0, end - LED_UP_CHARACTERS), end=end)


def _line(turn: Turn, number: int | None) -> Mapping[str, Json]:
    said = {"turn": number} if number is not None else {}
    return {
        **said,
        "role": turn.episode.role,
        "name": turn.episode.name,
        "said": local_time(turn.episode.timestamp),
        "text": turn.text,
    }


def _block(lines: Sequence[Mapping[str, Json]]) -> str:
    rows = ",\n".join(json.dumps(line, ensure_ascii=False).translate(_ESCAPES) for line in lines)
    return f"[\n{rows}\n]" if rows else "[]"


def _load(name: str) -> str:
    return files("memstrata.extract").joinpath("prompts", name).read_text(encoding="utf-8")


_PROMPT, _REPAIR, _SCHEMA = _load("extract.md"), _load("repair.md").rstrip("\n"), _load("extract.schema.json")
_SYSTEM, _USER = (part.strip("\n") for part in _PROMPT.split("\n---\n"))
SCHEMA = cast("Mapping[str, Json]", json.loads(_SCHEMA))
RECIPE = hashlib.sha256("\0".join((_PROMPT, _REPAIR, _SCHEMA)).encode()).hexdigest()[:12]
"""Names the words of the prompts and the schema."""
