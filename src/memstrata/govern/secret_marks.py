"""What a secret is, and the mark that stands in a text where one was.

For reading, a text is folded: one character for one, so that places stay true, full-width letters and digits become
plain, and a mark that is already there becomes one character. Whatever a rule sees before and after a redaction is
then the same, and redacting twice changes nothing.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal, get_args

SecretKind = Literal["password", "key", "token", "card", "identity", "bank_account", "pin", "recovery_phrase"]
"""`pin`: a number that opens or confirms something, door and one-time codes too. `card`: its number or check code."""
KINDS: tuple[SecretKind, ...] = get_args(SecretKind)
MARKS: dict[SecretKind, str] = {
    "password": "[password removed]",
    "key": "[key removed]",
    "token": "[token removed]",
    "card": "[card number removed]",
    "identity": "[identity number removed]",
    "bank_account": "[account number removed]",
    "pin": "[PIN removed]",
    "recovery_phrase": "[recovery phrase removed]",
}
_FIRST_STAND_IN = 0xF8E0
STAND_INS: dict[SecretKind, str] = {kind: chr(_FIRST_STAND_IN + number) for number, kind in enumerate(KINDS)}
"""The one character, of the private use area, that a mark becomes for reading."""
STAND_IN_CLASS = f"{STAND_INS[KINDS[0]]}-{STAND_INS[KINDS[-1]]}"
_MARK = re.compile("|".join(re.escape(mark) for mark in MARKS.values()))
_KIND_OF = {mark: kind for kind, mark in MARKS.items()}
# Full-width commas, semicolons, question marks and brackets stay: they end a value, as their plain twins may not.
_PLAIN = {code: code - 0xFEE0 for code in range(0xFF01, 0xFF5F) if chr(code) not in "，；？（）"}
_PLAIN.update(dict.fromkeys([0xA0, 0x2007, 0x2009, 0x200B, 0x200C, 0x200D, 0x202F, 0x2060, 0x3000, 0xFEFF], 0x20))
_PLAIN.update(dict.fromkeys([0x2010, 0x2011, 0x2012, 0x2013, 0x2014, 0x2212], 0x2D))
_PLAIN.update({0x2018: 0x27, 0x2019: 0x27, 0x201C: 0x22, 0x201D: 0x22})
_PLAIN.update({_FIRST_STAND_IN + number: 0x20 for number in range(len(KINDS))})


@dataclass(frozen=True, slots=True, kw_only=True)
class Secret:
    """A secret's kind and its characters in a text, end exclusive."""

    kind: SecretKind
    start: int
    end: int


def folded(text: str) -> str:
    """The text for reading, character for character."""
    return text if text.isascii() else text.translate(_PLAIN)


def marks_in(text: str) -> list[Secret]:
    """Where marks of earlier redactions stand."""
    if "removed]" not in text:
        return []
    return [Secret(kind=_KIND_OF[match[0]], start=match.start(), end=match.end()) for match in _MARK.finditer(text)]


def collapsed(text: str, parts: Sequence[Secret]) -> tuple[str, Sequence[int]]:
    """The text with one character in place of each part, and the place in `text` of each character of the result."""
    if not parts:
        return text, range(len(text) + 1)
    pieces: list[str] = []
    places: list[int] = []
    position = 0
    for part in parts:
        pieces += [text[position : part.start], STAND_INS[part.kind]]
        places += range(position, part.start + 1)
        position = part.end
    pieces.append(text[position:])
    places += range(position, len(text) + 1)
    return "".join(pieces), places


def marked(text: str, secrets: Sequence[Secret]) -> str:
    """The text with the mark of each secret's kind in its place."""
    pieces: list[str] = []
    position = 0
    for secret in secrets:
        pieces += [text[position : secret.start], MARKS[secret.kind]]
        position = secret.end
    return "".join([*pieces, text[position:]])
