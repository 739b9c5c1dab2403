"""`RulesExtractor`: claims from turns without any model.

A turn is cut into sentences; those that only ask, order, suppose, joke or fill are no claims about the world. What is
left is joined into statements: sentences that follow each other and speak of the same thing, so that a statement can
be read by itself. Each gets a kind, a subject, its times, its names and the cues of change that it was said with.
What a rule cannot name is a `statement`: people say most things sideways, and what was said is kept in their words.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass, replace

from memstrata.core.records import Extraction
from memstrata.extract.asked_to_forget import forget_requests
from memstrata.extract.rules.cues import cues_in
from memstrata.extract.rules.kinds import read_kind
from memstrata.extract.rules.sentences import Sentence, sentences, without_speech
from memstrata.extract.rules.speech import is_filler, sets_a_scene, speech_act, told_by_the_way
from memstrata.extract.rules.subjects import Company, names_in, notice, subject_of
from memstrata.extract.rules.when import when_of
from memstrata.types import Claim, Episode, Role, Scope, Source, Trust

NAME = "rules/1"
MAX_STATEMENT = 240
"""Characters from which sentences are not joined any more."""
MAX_CLAIMS = 40
"""Claims of one turn at most: a long passage is a document, which search finds without facts."""
_NEGATED = re.compile(
    r"\b(?:not|never|no longer|don't|doesn't|didn't|haven't|hasn't|isn't|aren't|wasn't|weren't|won't|can't|cannot|couldn't"
    r"|none|nobody|nothing)\b|没|不|未|别|无",
    re.IGNORECASE,
)
_TRUST: dict[Role, Trust] = {
    "user": "user",
    "assistant": "assistant",
    "tool": "tool",
    "document": "document",
    "system": "document",
}
_CONFIDENCE = {"user": 0.9, "assistant": 0.6, "tool": 0.5, "document": 0.5, "quoted": 0.4}
UNNAMED = 0.6
"""How much less sure a statement is whose kind no rule knew."""


@dataclass(frozen=True, slots=True, kw_only=True)
class _Statement:
    sentences: tuple[Sentence, ...]
    foreign: bool

    @property
    def start(self) -> int:
        return self.sentences[0].start

    @property
    def end(self) -> int:
        return self.sentences[-1].end


class RulesExtractor:
    """Implements `Extractor` by rules for English and Chinese."""

    @property
    def name(self) -> str:
        """Name and version of the rules."""
        return NAME

    def extract(self, scope: Scope, episodes: Sequence[Episode], *, before: Sequence[Episode]) -> Extraction:
        """See `Extractor.extract`."""
        claims: list[Claim] = []
        company, session = Company(), -1
        known = {episode.id for episode in before}
        for episode in [*before, *episodes]:
            if episode.session != session:
                company, session = Company(), episode.session
            if episode.id in known:
                _overhear(episode, company)
            else:
                claims += claims_of(episode, company)
        return Extraction(claims=tuple(claims))


def claims_of(episode: Episode, company: Company) -> list[Claim]:
    """The claims of one turn; `company` are the people spoken of before, and takes note of those in it."""
    if episode.role == "system":
        return []
    fiction = sets_a_scene(episode.text)
    claims, read = [], 0
    for statement in _statements(episode, fiction=fiction)[:MAX_CLAIMS]:
        notice(episode.text[read : statement.start], company)
        claims.append(_claim(episode, statement, company))
        notice(episode.text[statement.start : statement.end], company)
        read = statement.end
    notice(episode.text[read:], company)
    return claims


def _overhear(episode: Episode, company: Company) -> None:
    """Take note of the people in a turn that is not read again."""
    for sentence in sentences(episode.text)[:MAX_CLAIMS] if episode.role != "system" else ():
        subject_of(sentence.own, company, speaker="")
        notice(sentence.text, company)


def restated(claim: Claim, text: str, source: Source) -> Claim:
    """A claim about the same thing in the user's own words, with the names and the denial that these hold."""
    return replace(
        claim,
        text=text,
        trust="user",
        speaker="user",
        confidence=1.0,
        sources=(source,),
        value=None,
        negated=_NEGATED.search(text) is not None,
        entities=names_in(text),
        cues=(),
    )


def _statements(episode: Episode, *, fiction: bool) -> list[_Statement]:
    found: list[_Statement] = []
    open_: list[Sentence] = []
    fragment: Sentence | None = None

    def close() -> None:
        if open_:
            found.append(_Statement(sentences=tuple(open_), foreign=open_[0].foreign))
            open_.clear()

    asked = forget_requests(episode.text) if episode.role == "user" else []
    for sentence in sentences(episode.text):
        if any(each.start < sentence.end and sentence.start < each.end for each in asked):
            close()
            continue
        words = sentence.text if sentence.foreign else sentence.own
        act = speech_act(words)
        if act == "nothing":
            if fragment is None and not is_filler(words):
                fragment = sentence
            continue
        telling = [sentence] if act == "tells" else []
        if act in ("asks", "orders", "supposes") and not sentence.foreign:
            telling = [_part(sentence, start, end) for start, end in told_by_the_way(sentence.own)]
        elif telling and not open_ and fragment is not None and fragment.foreign == sentence.foreign:
            telling = [fragment, sentence]  # "Third. To a man who sings" is one piece of news
        fragment = None
        if not telling or (fiction and not sentence.foreign):
            close()
        for part in [] if fiction and not sentence.foreign and episode.role == "user" else telling:
            if open_ and not _joins(open_, part):
                close()
            open_.append(part)
    close()
    return found


def _part(sentence: Sentence, start: int, end: int) -> Sentence:
    first = sentence.start + start
    return replace(sentence, start=first, end=sentence.start + end, text=sentence.text[start:end], quotes=())


def _joins(open_: list[Sentence], sentence: Sentence) -> bool:
    """Two sentences make one statement while it stays short, and speak of one thing."""
    short = sentence.foreign == open_[0].foreign and sentence.end - open_[0].start <= MAX_STATEMENT
    return short and not _tells_of_another(open_[0].own, sentence.own)


def _tells_of_another(one: str, other: str) -> bool:
    """Whether the second sentence names somebody else, or has a value for something else."""
    reading = read_kind(other, role="user", planned=False)
    if reading.kind == "statement":
        return False
    about, about_other = (subject_of(each, Company(), speaker="user") for each in (one, other))
    if about and about_other and about != about_other:
        return True
    slot = read_kind(one, role="user", planned=False).slot
    return slot is not None and reading.slot is not None and slot != reading.slot


def _claim(episode: Episode, statement: _Statement, company: Company) -> Claim:
    words = episode.text[statement.start : statement.end]
    text = " ".join(words.split())
    trust: Trust = "quoted" if statement.foreign and episode.role == "user" else _TRUST[episode.role]
    speaker = "quoted" if trust == "quoted" else episode.speaker
    own = text if statement.foreign else " ".join(without_speech(words).split())
    when = when_of(words, said_at=episode.timestamp)
    reading = read_kind(own, role=trust, planned=when.ahead)
    owner = episode.name or ("user" if trust == "user" else episode.role)
    subject = subject_of(own, company, speaker=owner if trust in ("user", "assistant") else "")
    confidence = _CONFIDENCE[trust] * (UNNAMED if reading.kind == "statement" else 1)
    return Claim(
        text=text,
        kind=reading.kind,
        slot=reading.slot,
        value=reading.value,
        subject=subject,
        speaker=speaker,
        trust=trust,
        confidence=round(confidence, 2),
        sources=(Source(episode_id=episode.id, start=statement.start, end=statement.end),),
        negated=_NEGATED.search(own) is not None,
        valid_from=when.valid_from,
        valid_to=when.valid_to,
        event_from=when.event_from,
        event_to=when.event_to,
        precision=when.precision,
        entities=names_in(words),
        cues=cues_in(own),
    )
