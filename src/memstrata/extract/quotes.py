"""Where a quotation stands in a text, whatever its blanks, quotation marks and compatible characters look like."""

from __future__ import annotations

import unicodedata
from collections.abc import Iterator
from dataclasses import dataclass

SHORTEST_QUOTE = 3
_LONGEST_CLUSTER = 32
"""Characters that are composed together; piled-up accents beyond that are taken by themselves."""
_MARKS = {ord(mark): "'" for mark in "‘’‚‛′`´ʼ＇"} | {ord(mark): '"' for mark in "“”„‟″«»＂「」『』"}
_UNSEEN = frozenset("\u00ad\u200b\u200c\u200d\u2060\ufe0e\ufe0f\ufeff")
_FIRST_UNSPACED = "\u0e00"
"""From Thai on most scripts are written without blanks, so a word's edge cannot be told."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Plain:
    """A text in the form in which quotations are compared; each character with its place in the original."""

    text: str
    starts: tuple[int, ...]
    ends: tuple[int, ...]


def plain(text: str) -> Plain:
    """A text in NFKC, with one kind of blank and of quotation mark and without characters that nobody sees."""
    characters: list[str] = []
    starts: list[int] = []
    ends: list[int] = []
    for start, end in _clusters(text):
        for character in unicodedata.normalize("NFKC", text[start:end].translate(_MARKS)):
            if character in _UNSEEN:
                continue
            if character.isspace():
                character = " "
                if characters and characters[-1] == " ":
                    ends[-1] = end
                    continue
            characters.append(character)
            starts.append(start)
            ends.append(end)
    return Plain(text="".join(characters), starts=tuple(starts), ends=tuple(ends))


def find_quote(quote: str, within: Plain) -> tuple[int, int] | None:
    """The first place of a quotation in the original text, end exclusive; None where it does not stand there.

    It has at least three characters and does not begin or end inside a word: "art" is no evidence in "party".
    """
    wanted = plain(quote).text.strip()
    if len(wanted) < SHORTEST_QUOTE:
        return None
    at = within.text.find(wanted)
    while at >= 0:
        end = at + len(wanted)
        if not _cuts_a_word(within.text, at) and not _cuts_a_word(within.text, end):
            return within.starts[at], within.ends[end - 1]
        at = within.text.find(wanted, at + 1)
    return None


def _cuts_a_word(text: str, at: int) -> bool:
    around = text[at - 1 : at + 1] if at > 0 else ""
    return len(around) == 2 and all(each.isalnum() and each < _FIRST_UNSPACED for each in around)


def _clusters(text: str) -> Iterator[tuple[int, int]]:
    """Characters with those that are composed with them, as places."""
    start = 0
    for at in range(1, len(text) + 1):
        if at == len(text) or at - start == _LONGEST_CLUSTER or not _composes(text[at]):
            if start < at:
                yield start, at
            start = at


def _composes(character: str) -> bool:
    """It may change what stands before it: an accent, a Korean vowel or final, a half-width voice mark."""
    if character < "\u0300":
        return False
    return (
        unicodedata.category(character).startswith("M")
        or "\u1160" <= character <= "\u11ff"
        or character in "\uff9e\uff9f"
    )
