"""Secrets that only stand near a word that gives them away, without "is" or a colon between.

"The telly login, velvetGround_hog88, is also the gas": the shape of the token and the word beside it are enough.
"""

from __future__ import annotations

import re
from collections.abc import Iterator

from memstrata.govern.secret_marks import STAND_IN_CLASS, Secret, SecretKind

_GROUPED_CARD = re.compile(r"(?<![\d-])[3-6]\d{3}([ -])\d{4}\1\d{4}\1\d{4}(?![\d-])")
_BEHIND_A_CARD = re.compile(
    rf"[{STAND_IN_CLASS}][\s,;，、]{{1,3}}(?:exp\w*\s*)?(?:0[1-9]|1[0-2])\s?/\s?\d{{2,4}}[\s,;，、]{{1,3}}(?:cv[vc]2?\s*)?(?P<value>\d{{3,4}})(?![\d/])"
)
_CUE = r"(?:login|log-in|password|passcode|pass\s?phrase|passphrase|alarm|wi-?fi|pw|safe|keypad|密码|口令|登录)"
_SIGN = "[A-Za-z0-9_!@#$%^&*+=-]"
_TOKEN = (
    rf"(?P<value>(?={_SIGN}{{0,63}}\d)(?={_SIGN}{{0,63}}[A-Za-z])"
    rf"(?={_SIGN}{{0,63}}[_!@#$%^&*+=]|{_SIGN}{{0,63}}(?-i:[a-z][A-Z])|[a-z]{{2,30}}-\d{{1,9}}-[a-z]{{2,30}}){_SIGN}{{8,64}})"
)
_WORD_THEN_TOKEN = re.compile(
    rf"(?<![A-Za-z]){_CUE}(?![a-z])[^\n.!?。！？]{{0,40}}?(?<![A-Za-z0-9_-]){_TOKEN}(?![A-Za-z0-9_-])", re.IGNORECASE
)
_PLACE_IS = re.compile(
    r"(?<![a-z])(?:key\s?safe|key\s?box|lock\s?box|safe|padlock|keypad|door|gate|alarm|buzzer)(?![a-z])[^\n.!?]{0,25}?\b(?:is|it's|=)\s+(?P<value>\d{4,8}[#*]?)(?![\d:.,]\d|\s?[ap]m\b|\s?(?:cm|mm|m|kg|euros?|pounds?|years?)\b)",
    re.IGNORECASE,
)
_VALUE_FIRST = re.compile(
    r"(?<![\d.,:/-])(?P<value>\d{4,8})(?![\d.,:/-]\d)[\s,，。]{0,2}(?:(?:is|that's)\s(?:the|my|your)\s)?(?:登录码|登陆码|验证码|动态码|校验码|(?:login|log-in|verification|security|one-time)\s(?:pass)?code)",
    re.IGNORECASE,
)
_RULES: tuple[tuple[SecretKind, re.Pattern[str]], ...] = (
    ("card", _BEHIND_A_CARD),
    ("password", _WORD_THEN_TOKEN),
    ("pin", _PLACE_IS),
    ("pin", _VALUE_FIRST),
)


def nearby_secrets(view: str) -> Iterator[Secret]:
    """Secrets by shape and a word nearby; a card number by its groups of four, whatever its checksum."""
    for match in _GROUPED_CARD.finditer(view):
        yield Secret(kind="card", start=match.start(), end=match.end())
    for kind, pattern in _RULES:
        for match in pattern.finditer(view):
            yield Secret(kind=kind, start=match.start("value"), end=match.end("value"))
