"""Passwords, keys, card and identity numbers in what people write, so that they are never stored.

Rules, no model: a secret is known by its shape, by its checksum, or by the words beside it ("the door code is",
密码是). English and Chinese. What has neither shape nor words stays: a password alone on a line is not seen.
"""

from __future__ import annotations

import re

from memstrata.govern.secret_keys import key_secrets
from memstrata.govern.secret_marks import STAND_IN_CLASS, Secret, SecretKind, collapsed, folded, marked, marks_in
from memstrata.govern.secret_nearby import nearby_secrets
from memstrata.govern.secret_numbers import number_secrets
from memstrata.govern.secret_words import worded_secrets

__all__ = ["Secret", "SecretKind", "find_secrets", "redact"]

_ROUNDS = 6
"""A secret that is out of the way may show another; two rounds are the rule, the limit is for hostile texts."""
_REPEATED_AT_MOST = 32
_REPEATED_FROM = 4
_STAND_INS = re.compile(f"[{STAND_IN_CLASS}]+")
_WORD = re.compile(r"\w")


def find_secrets(text: str) -> list[Secret]:
    """The secrets in a text, in order and disjoint; never raises."""
    plain = folded(text)
    marks = marks_in(text)
    secrets: list[Secret] = []
    for _ in range(_ROUNDS):
        view, places = collapsed(plain, sorted([*marks, *secrets], key=lambda each: each.start))
        found = _found(view)
        if not found:
            break
        secrets += [Secret(kind=each.kind, start=places[each.start], end=places[each.end - 1] + 1) for each in found]
    return sorted(secrets, key=lambda each: each.start)


def redact(text: str) -> tuple[str, tuple[Secret, ...]]:
    """The text with a mark such as "[password removed]" for each secret, and where they stood in the text given."""
    secrets = find_secrets(text)
    return (marked(text, secrets) if secrets else text), tuple(secrets)


def without_secrets(text: str) -> tuple[str, int]:
    """The text with its secrets replaced by marks, and how many there were."""
    clean, secrets = redact(text)
    return clean, len(secrets)


def _found(view: str) -> list[Secret]:
    """One round: all rules on one view, what overlaps joined under the kind of the earlier rule."""
    found = [*key_secrets(view), *number_secrets(view), *worded_secrets(view), *nearby_secrets(view)]
    if not found:
        return []
    disjoint = _disjoint(view, found)
    return _disjoint(view, [*disjoint, *_repeated(view, disjoint)])


def _disjoint(view: str, found: list[Secret]) -> list[Secret]:
    joined: list[Secret] = []
    for each in sorted(found, key=lambda secret: secret.start):
        last = joined[-1] if joined else None
        if last is not None and each.start < last.end:
            joined[-1] = Secret(kind=last.kind, start=last.start, end=max(last.end, each.end))
        else:
            joined.append(each)
    return [part for each in joined for part in _without_stand_ins(view, each)]


def _without_stand_ins(view: str, secret: Secret) -> list[Secret]:
    """The pieces of a secret between the marks that are already there."""
    pieces = []
    position = secret.start
    for match in [*_STAND_INS.finditer(view, secret.start, secret.end), None]:
        end = match.start() if match else secret.end
        if position < end:
            pieces.append(Secret(kind=secret.kind, start=position, end=end))
        position = match.end() if match else end
    return pieces


def _repeated(view: str, secrets: list[Secret]) -> list[Secret]:
    """The same words said again, in whatever case: "hunter2, then Hunter2 with a capital H"."""
    kinds: dict[str, SecretKind] = {}
    for secret in secrets:
        value = view[secret.start : secret.end].lower()
        if _REPEATED_FROM <= len(value) <= 200 and len(kinds) < _REPEATED_AT_MOST:
            kinds.setdefault(value, secret.kind)
    repeated: list[Secret] = []
    for value, kind in kinds.items():
        left = r"(?<![^\W_])" if _WORD.match(value) else ""
        right = r"(?![^\W_])" if _WORD.match(value[-1]) else ""
        again = re.finditer(left + re.escape(value) + right, view, re.IGNORECASE)
        repeated += [Secret(kind=kind, start=match.start(), end=match.end()) for match in again]
    return repeated
