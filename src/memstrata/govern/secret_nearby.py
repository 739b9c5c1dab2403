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
_CHANGED = re.compile(
    rf"(?:\b(?:chang|swap|switch|reset|updat|mov)\w{{0,4}}\s(?:it|that|them|this)\s(?:over\s|back\s)?(?:from|to)\s|把它?从|[改换][回成])\s{{0,2}}{_TOKEN}(?![A-Za-z0-9_-])",
    re.IGNORECASE,
)
"""A value that something is changed from or to; believed where the words before spoke of what it opens."""
_OPENED = re.compile(rf"(?<![A-Za-z]){_CUE}(?![a-z])", re.IGNORECASE)
_SPOKE_WITHIN = 120
_SPOKEN_OF = re.compile(
    rf"\b(?:one|account|login|log-in)(?:'s|’s|\sis|\swas)\s(?:still\s|now\s)?{_TOKEN}(?![A-Za-z0-9_-])", re.IGNORECASE
)
_CHINESE_NEAR = re.compile(
    r"(?:密码|口令)[^\n，。！？,]{0,12}?(?<![A-Za-z0-9])(?P<value>(?=[A-Za-z0-9]{0,39}\d)(?=[A-Za-z0-9]{0,39}[A-Za-z])[A-Za-z0-9_!@#$%^&*-]{6,40})(?![A-Za-z0-9])"
)
_PLACE_THEN_CODE = re.compile(
    r"(?<![a-z])(?:key\s?safe|key\s?box|lock\s?box|padlock|keypad|front\sdoor|back\sdoor|door|gate|alarm|buzzer|garage)(?:['’]s|(?<!door)(?<!gate)(?<!garage)s?)\s(?:code\s)?(?P<value>\d{4,8}[#*]?)(?![\d:.,/-]\d|\d|\s?[ap]m\b|\s?(?:cm|mm|m|kg|euros?|pounds?|dollars?|years?|people|times)\b)",
    re.IGNORECASE,
)
_ACCOUNT = re.compile(
    r"(?<![a-z])(?:bank\s)?acc(?:oun)?t(?:\s(?:no\.?|num(?:ber)?|#))?(?:['’]s|\sis|\s?[:#])?\s(?P<value>\d{2,4}(?:[ -]?\d{2,4}){1,3})(?![\d.,:/-]?\d)|(?:账号|帐号|账户|帐户)(?:是|为|：|:)?\s?(?P<number>\d{6,20})(?!\d)",
    re.IGNORECASE,
)
_CHINESE_DIGITS = re.compile(
    r"(?:卡号|账号|帐号|身份证号?码?|护照号?码?)[^\n，。]{0,6}?(?P<value>[零〇一二三四五六七八九幺]{8,20})"
)
_RULES: tuple[tuple[SecretKind, re.Pattern[str]], ...] = (
    ("card", _BEHIND_A_CARD),
    ("password", _WORD_THEN_TOKEN),
    ("pin", _PLACE_IS),
    ("pin", _VALUE_FIRST),
    ("password", _SPOKEN_OF),
    ("password", _CHINESE_NEAR),
    ("pin", _PLACE_THEN_CODE),
    ("bank_account", _ACCOUNT),
    ("bank_account", _CHINESE_DIGITS),
)


def nearby_secrets(view: str) -> Iterator[Secret]:
    """Secrets by shape and a word nearby; a card number by its groups of four, whatever its checksum."""
    for match in _GROUPED_CARD.finditer(view):
        yield Secret(kind="card", start=match.start(), end=match.end())
    for match in _CHANGED.finditer(view):
        if _OPENED.search(view, max(0, match.start() - _SPOKE_WITHIN), match.start()):
            yield Secret(kind="password", start=match.start("value"), end=match.end("value"))
    for kind, pattern in _RULES:
        for match in pattern.finditer(view):
            value = next(name for name in match.groupdict() if match[name] is not None)
            yield Secret(kind=kind, start=match.start(value), end=match.end(value))
