"""A readable page about a user, and the story of one entity: facts in sections, each line with its source."""

from __future__ import annotations

from collections.abc import Sequence

from memstrata.types import Fact, FactKind, Profile, Section

SECTIONS: tuple[tuple[str, tuple[FactKind, ...]], ...] = (
    ("Who", ("identity",)),
    ("Home", ("residence",)),
    ("Work and study", ("work",)),
    ("People", ("relationship",)),
    ("Health", ("health",)),
    ("Likes and dislikes", ("preference",)),
    ("Habits", ("habit",)),
    ("Things", ("possession", "quantity")),
    ("Plans", ("plan",)),
    ("Instructions", ("instruction",)),
    ("Promised by the assistant", ("commitment",)),
    ("What happened", ("event",)),
)
MOST_LINES = 12
"""Lines of a section; the surest and latest come first."""


def build_profile(facts: Sequence[Fact]) -> Profile:
    """Facts, best first, as a page in Markdown: a section a group of kinds, a number a line, its sources at the end."""
    sections = []
    lines: list[str] = []
    cited: list[Fact] = []
    for title, kinds in SECTIONS:
        chosen = tuple(fact for fact in facts if fact.kind in kinds)[:MOST_LINES]
        if not chosen:
            continue
        sections.append(Section(title=title, facts=chosen))
        lines += ["", f"## {title}"]
        for fact in chosen:
            cited.append(fact)
            lines.append(f"- {_whose(fact)}{fact.text}{_state(fact)} [{len(cited)}]")
    sources = [_citation(number, fact) for number, fact in enumerate(cited, start=1)]
    text = "\n".join([*lines, "", "## Sources", *sources]).strip() if cited else ""
    return Profile(text=text, sections=tuple(sections))


def in_time(facts: Sequence[Fact]) -> list[Fact]:
    """Facts by when they happened, began to be true, or were said."""
    return sorted(facts, key=lambda fact: (fact.event_from or fact.valid_from or fact.said_at, fact.said_at, fact.id))


def _whose(fact: Fact) -> str:
    return "" if fact.subject in ("", "user") else f"{fact.subject}: "


def _state(fact: Fact) -> str:
    return " (disputed)" if fact.status == "disputed" else ""


def _citation(number: int, fact: Fact) -> str:
    places = ", ".join(f"{source.episode_id}:{source.start}-{source.end}" for source in fact.sources)
    return f"[{number}] {fact.speaker}, {fact.said_at:%Y-%m-%d}: {places}"
