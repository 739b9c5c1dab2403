"""What of a model's facts the words bear out: a quotation that stands there, and nothing named that was not said.

Pure: facts and turns in, claims out. What a model says of trust and speaker does not count; the turn tells both. It is
no proof that a sentence means what its quotation means: that is left to the model, and the quotation to the reader.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta

from memstrata.core.clock import MONTHS
from memstrata.core.facts.names import folded
from memstrata.core.lexical import index_terms, query_terms
from memstrata.extract.answers import Stated
from memstrata.extract.moments import times_of
from memstrata.extract.numbers import numbers_in, numbers_meant
from memstrata.extract.prompting import Batch, Turn
from memstrata.extract.quotes import Plain, find_quote, plain
from memstrata.extract.rules.cues import cues_in
from memstrata.extract.rules.sentences import sentences
from memstrata.extract.rules.times import times
from memstrata.types import Claim, Episode, Role, Source, Trust

SUREST = 0.95
"""Certainty is the user's, who says so himself (`correct`, `confirm`)."""
TRUST: dict[Role, Trust] = {
    "user": "user",
    "assistant": "assistant",
    "tool": "tool",
    "document": "document",
    "system": "document",
}
_SPEAKERS = frozenset(("i", "me", "myself", "we", "speaker", "我"))
_USERS = frozenset(("user", "用户"))
_CJK = "\u3040-\u30ff\u3400-\u9fff\uac00-\ud7af\uf900-\ufaff"
_WORD = re.compile(rf"(?:(?![{_CJK}])[^\W_])+(?:['’](?:(?![{_CJK}])[^\W_])+)*")
_SENTENCE_START = re.compile(r"(?:\A|[.!?:;。！？\n])[\s\"'(“‘]*\Z")
# A date by itself; "ten years ago" and "within ten years" are numbers to be borne out like any other.
_DATED = re.compile(
    rf"""\b(?:{"|".join(MONTHS)}|(?:jan|feb|mar|apr|jun|jul|aug|sept?|oct|nov|dec)\b|(?:mon|tues|wednes|thurs|fri|satur|sun)day
        |(?:19|20)\d\d) | \d[:/]\d | \d\s?[ap]m\b | (?:19|20)\d\d年 | \d月 | \d[日号]""",
    re.IGNORECASE | re.VERBOSE,
)
# Words that a sentence in the third person begins with, beside those that search leaves out.
_OPENERS = frozenset(
    """user users assistant both someone somebody nobody people everyone according recently currently
    previously originally formerly likes loves enjoys prefers hates dislikes wants needs plans owns has had
    lives lived works worked uses used moved bought sold got went visited attended started stopped met feels
    thinks believes knows speaks plays studies studied takes eats drinks avoids cannot never always usually
    often sometimes today yesterday tomorrow next last nutzer nutzerin benutzer usuario usuaria utente
    utilisateur utilisatrice gebruiker""".split()
)


@dataclass(frozen=True, slots=True, kw_only=True)
class Said:
    """What the turns of a batch hold, those before it included: words, numbers, and the times that they name."""

    terms: frozenset[int]
    numbers: frozenset[float]
    characters: str
    intervals: tuple[tuple[datetime, datetime], ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class Witness:
    """A batch as facts are held against it: each turn in the form for comparing, what is not the user's own words,
    and all that was said."""

    turns: tuple[Turn, ...]
    plains: tuple[Plain, ...]
    foreign: Mapping[str, Sequence[tuple[int, int]]]
    said: Said


def witness_of(batch: Batch, foreign: Mapping[str, Sequence[tuple[int, int]]]) -> Witness:
    """A batch, read once for all its facts; `foreign`: by episode id, what `passed_on` found in the whole text."""
    return Witness(
        turns=batch.turns,
        foreign=foreign,
        plains=tuple(plain(turn.text) for turn in batch.turns),
        said=said_in([*batch.before, *batch.turns]),
    )


def claim_of(stated: Stated, witness: Witness) -> Claim | None:
    """The claim that a stated fact becomes, None where the words do not bear it out."""
    if not 1 <= stated.turn <= len(witness.turns):
        return None
    turn = witness.turns[stated.turn - 1]
    place = find_quote(stated.quote, witness.plains[stated.turn - 1])
    said_at = turn.episode.timestamp
    if place is None or unsupported(f"{stated.text}\n{stated.value or ''}", witness.said, said_at=said_at):
        return None
    subject = _subject(stated, turn, witness.said)
    if subject is None:
        return None
    source = Source(episode_id=turn.episode.id, start=turn.start + place[0], end=turn.start + place[1])
    foreign = any(start < source.end and source.start < end for start, end in witness.foreign[turn.episode.id])
    trust: Trust = "quoted" if foreign else TRUST[turn.episode.role]
    when = times_of(
        stated.kind,
        valid=(stated.valid_from, stated.valid_to),
        event=(stated.event_from, stated.event_to),
        precision=stated.precision,
        said_at=said_at,
    )
    return Claim(
        text=stated.text,
        kind=stated.kind,
        subject=subject,
        speaker="quoted" if trust == "quoted" else turn.episode.speaker,
        trust=trust,
        confidence=min(stated.confidence, SUREST),
        sources=(source,),
        slot=stated.slot,
        value=stated.value,
        negated=stated.negated,
        valid_from=when.valid_from,
        valid_to=when.valid_to,
        event_from=when.event_from,
        event_to=when.event_to,
        precision=when.precision,
        entities=tuple(name for name in stated.entities if _is_said(name, witness.said)),
        cues=cues_in(turn.episode.text[source.start : source.end]),
    )


def passed_on(episode: Episode) -> tuple[tuple[int, int], ...]:
    """The characters of a user's turn that are not the user's own words: a pasted page, a long quotation."""
    if TRUST[episode.role] != "user":
        return ()
    return tuple((each.start, each.end) for each in sentences(episode.text) if each.foreign)


def said_in(turns: Sequence[Turn]) -> Said:
    """What turns hold, with the names of who speaks and the days on which they do."""
    texts = [part for turn in turns for part in (turn.text, turn.episode.name or "", turn.episode.role)]
    intervals = []
    for turn in turns:
        said_at = turn.episode.timestamp
        today = said_at.replace(hour=0, minute=0, second=0, microsecond=0)
        intervals.append((today, _day_after(today)))
        named = times(turn.text, said_at=said_at)
        intervals += [(each.since, each.until) for each in named if each.since is not None and each.until is not None]
    return Said(
        terms=frozenset(term for text in texts for term in index_terms(plain(text).text).frequencies),
        numbers=frozenset(number for text in texts for number in numbers_meant(text)),
        characters="\n".join(texts),
        intervals=tuple(dict.fromkeys(intervals)),
    )


def unsupported(text: str, said: Said, *, said_at: datetime) -> str | None:
    """The first number, date or name of a text that was not said, None where all were.

    A date holds if the words of a turn name it in any form ("yesterday"), as exactly or more exactly, or begin or end
    with it. A name is a capitalised word; scripts without capitals have none to check.
    """
    rest = text
    for each in times(text, said_at=said_at):
        dated = _DATED.search(text[each.start : each.end])
        if dated and each.since and each.until and _was_named(each.since, each.until, said.intervals):
            rest = rest[: each.start] + " " * (each.end - each.start) + rest[each.end :]
    for number, written in numbers_in(rest):
        if number not in said.numbers and not _goes_without(number, written, said, said_at):
            return written
    return next((name for name in _names(rest) if not _is_said(name, said)), None)


def _goes_without(number: float | None, written: str, said: Said, said_at: datetime) -> bool:
    """The year of speaking, "one" in words, and Chinese numbers that stand so in a turn."""
    if written[0].isdecimal():
        return number == said_at.year
    return number == 1 or (not written.isascii() and written in said.characters)


def _was_named(since: datetime, until: datetime, intervals: Iterable[tuple[datetime, datetime]]) -> bool:
    for first, last in intervals:
        covers = since <= first and last <= until
        if covers or (first <= since and until <= last and (first == since or last == until)):
            return True
    return False


def _names(text: str) -> Iterable[str]:
    """Capitalised words; of those that open a sentence, the ones that no sentence usually opens with."""
    for match in _WORD.finditer(text):
        word = match.group()
        if len(word) < 2 or not word[0].isupper():
            continue
        if word.lower() in _OPENERS and (word.lower() == "user" or _SENTENCE_START.search(text[: match.start()])):
            continue
        yield word


def _is_said(name: str, said: Said) -> bool:
    """Every word of a name was said, in some form of it; words that search leaves out need not be."""
    return said.terms.issuperset(query_terms(name))


def _subject(stated: Stated, turn: Turn, said: Said) -> str | None:
    """Whom a fact is about, None for a name that was not said, "" for a relation that was called otherwise.

    Who speaks in a user's turn is called by the turn's name where it has one.
    """
    name, role = folded(stated.subject), turn.episode.role
    if name in _SPEAKERS:
        return turn.episode.speaker if role in ("user", "assistant") else ""
    if name in _USERS:
        return turn.episode.speaker if role == "user" else "user"
    if name == "assistant":
        return turn.episode.speaker if role == "assistant" else name
    if _is_said(stated.subject, said):
        return stated.subject
    return None if any(map(str.isupper, stated.subject)) else ""


def _day_after(day: datetime) -> datetime:
    return day + timedelta(days=1) if day.year < 9999 else day
