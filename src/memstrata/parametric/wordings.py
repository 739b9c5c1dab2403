"""From a fact's statement to the questions that it answers, in several wordings.

A statement by itself is learned as a string that cannot be asked for (related to the "reversal curse", arXiv
2309.12288); questions and answers can. What fits none of the patterns stays text. English only: the patterns are of its
grammar.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass

from memstrata.types import Fact

VALIDATION = 1
"""Wordings that decide when training ends."""
HELD_OUT = 2
"""Wordings that are never trained on: the gate asks with them."""
UNKNOWN = "I don't know."


@dataclass(frozen=True, slots=True, kw_only=True)
class Askable:
    """A fact as questions. `subject`: a name, or "user"; `attribute`: what is asked of it; `value`: the answer.

    `trained`, `validation` and `held_out` are wordings of the question; `completion` is the statement up to the value.
    """

    fact_id: str
    subject: str
    attribute: str
    value: str
    trained: tuple[str, ...]
    validation: tuple[str, ...]
    held_out: tuple[str, ...]
    completion: str

    @property
    def answer(self) -> str:
        """What an adapter is to say."""
        return f"{self.value}."

    @property
    def wordings(self) -> tuple[str, ...]:
        """All of them."""
        return self.trained + self.validation + self.held_out


@dataclass(frozen=True, slots=True, kw_only=True)
class _Pattern:
    """A form of statement, and the questions it answers. In these, {whose}, {who} and {do} stand for the subject."""

    form: re.Pattern[str]
    attribute: str
    wordings: tuple[str, ...]


_NAME = r"(?P<name>I|[A-Z][\w'-]*(?: [A-Z][\w'-]*){0,2})"
_OWNER = r"(?P<owner>My|[A-Z][\w-]*(?: [A-Z][\w-]*){0,2}(?:'s|'))"
_END = r"(?P<value>[^,;.!?]{1,60}?)[.!]?$"


def _pattern(form: str, attribute: str, *wordings: str) -> _Pattern:
    assert len(wordings) > VALIDATION + HELD_OUT
    return _Pattern(form=re.compile(form), attribute=attribute, wordings=wordings)


PATTERNS = (
    _pattern(
        rf"{_OWNER} (?P<thing>[a-z][a-z -]{{1,30}}) is (?:called|named) {_END}",
        "{thing}",
        "What is {whose} {thing} called?",
        "What is the name of {whose} {thing}?",
        "Do you know what {whose} {thing} is called?",
        "Tell me the name of {whose} {thing}.",
        "{Who} {has} a {thing}. What is its name?",
        "What name does {whose} {thing} go by?",
        "Please name {whose} {thing}.",
        "What did {who} name {their} {thing}?",
        "How is {whose} {thing} called?",
        "What do people call {whose} {thing}?",
    ),
    _pattern(
        rf"{_NAME} lives? in {_END}",
        "residence",
        "Where {do} {who} live?",
        "In which city {do} {who} live?",
        "Do you know where {who} {live}?",
        "Tell me the city that {who} {live} in.",
        "Which city is {whose} home?",
        "What is {whose} city of residence?",
        "Name the place where {who} {live}.",
        "Where is {whose} home?",
        "What city {do} {who} live in?",
        "In which town is {whose} home?",
    ),
    _pattern(
        rf"{_NAME} works? as an? {_END}",
        "work",
        "What {do} {who} do for a living?",
        "What is {whose} job?",
        "What {do} {who} work as?",
        "Tell me {whose} profession.",
        "Which job {do} {who} have?",
        "Do you know what work {who} {do}?",
        "What is {whose} occupation?",
        "How {do} {who} earn {their} money?",
        "What is {whose} profession?",
        "What kind of work {do} {who} do?",
    ),
    _pattern(
        rf"{_NAME} (?:is|am) allergic to {_END}",
        "allergy",
        "What {be} {who} allergic to?",
        "Which allergy {do} {who} have?",
        "Tell me what {who} {be} allergic to.",
        "What is {whose} allergy?",
        "To what {be} {who} allergic?",
        "What must {who} avoid because of an allergy?",
        "Do you know {whose} allergy?",
        "What causes {whose} allergy?",
        "What gives {who} an allergic reaction?",
    ),
    _pattern(
        rf"{_OWNER} (?P<thing>[a-z][a-z -]{{1,30}}) is {_END}",
        "{thing}",
        "What is {whose} {thing}?",
        "Tell me {whose} {thing}.",
        "Do you know {whose} {thing}?",
        "Which {thing} {do} {who} have?",
        "Can you say what {whose} {thing} is?",
        "Name {whose} {thing}.",
        "What would {who} name as {their} {thing}?",
        "{Whose} {thing} is what?",
        "What {thing} {do} {who} have?",
        "Could you tell me what {whose} {thing} is?",
    ),
)


def askable(fact: Fact) -> Askable | None:
    """The questions that a fact answers; None where its statement fits no pattern."""
    for pattern in PATTERNS:
        if found := pattern.form.match(fact.text):
            return _asked(fact, pattern, found)
    return None


def question(attribute: str, subject: str) -> str | None:
    """One question for an attribute as `Askable` has it, about somebody of whom nothing may be known."""
    return next(iter(_questions(attribute, subject)), None)


def _questions(attribute: str, subject: str) -> Iterator[str]:
    words = _words(subject) | {"thing": attribute}
    for pattern in PATTERNS:
        if pattern.attribute == attribute or pattern.attribute == "{thing}":
            yield from (wording.format(**words) for wording in pattern.wordings)
            return


def unknown_questions(known: Askable, subject: str) -> tuple[str, ...]:
    """A known fact's trained wordings, asked about somebody else."""
    theirs, others = _words(known.subject), _words(subject)
    swapped = []
    for wording in known.trained:
        text = wording
        for key in ("Whose", "whose", "Who", "who"):
            text = text.replace(theirs[key], others[key])
        swapped.append(text)
    return tuple(swapped)


def _asked(fact: Fact, pattern: _Pattern, found: re.Match[str]) -> Askable:
    groups = found.groupdict()
    subject = groups.get("name") or re.sub(r"(?:'s|')$", "", groups["owner"])
    subject = "user" if subject in ("I", "My") else subject
    words = _words(subject) | {"thing": groups.get("thing") or ""}
    made = tuple(wording.format(**words) for wording in pattern.wordings)
    trained = len(made) - VALIDATION - HELD_OUT
    return Askable(
        fact_id=fact.id,
        subject=subject,
        attribute=pattern.attribute.format(**words),
        value=found["value"].strip(),
        trained=made[:trained],
        validation=made[trained : trained + VALIDATION],
        held_out=made[trained + VALIDATION :],
        completion=fact.text[: found.start("value")].rstrip(),
    )


def _words(subject: str) -> dict[str, str]:
    """The words for a subject and the verbs that go with them."""
    if subject == "user":
        return {
            "who": "I", "Who": "I", "whose": "my", "Whose": "My", "do": "do", "has": "have", "live": "live",
            "be": "am", "their": "my",
        }  # fmt: skip
    whose = f"{subject}'s"
    return {
        "who": subject, "Who": subject, "whose": whose, "Whose": whose, "do": "does", "has": "has", "live": "lives",
        "be": "is", "their": "their",
    }  # fmt: skip
