"""What the value of a password or a code looks like, and what an ordinary word looks like."""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import Literal

from memstrata.govern.secret_marks import STAND_IN_CLASS

Looks = Literal["strong", "digits", "word", "signs"]
"""`strong`: digits among letters, symbols, or word-word-word. `signs`: Chinese characters."""
_HAN = "\u3400-\u9fff"
_TOKEN = re.compile(rf"[^\s{_HAN}，。；、（）？「」『』《》【】…{STAND_IN_CLASS}]{{1,512}}")
_QUOTE = re.compile(
    rf"""\*{{0,2}}(?:"(?P<a>[^"\n{STAND_IN_CLASS}]{{2,80}})" | '(?P<b>[^'\n{STAND_IN_CLASS}]{{2,80}})'(?![a-z]) | `(?P<c>[^`\n{STAND_IN_CLASS}]{{2,80}})`
      | 「(?P<d>[^」\n{STAND_IN_CLASS}]{{2,80}})」 | 『(?P<e>[^』\n{STAND_IN_CLASS}]{{2,80}})』 | “(?P<f>[^”\n{STAND_IN_CLASS}]{{2,80}})”)""",
    re.VERBOSE,
)
_SIGNS = re.compile(rf"[{_HAN}]{{2,8}}(?=$|[\s，。！!？?；、,.)）」”])")
_ORDINARY_SIGNS = re.compile(
    "[我你您他她它的了吗呢吧啊不没有在对错忘谁旧新啥哪么少样个那这谁要会能请先再太很都也就把被给让和或与]|什么|多少|一样|生日|默认|初始|正确|手机|名字|数字|字母"
)
_PHRASE = re.compile(r"[A-Za-z]{2,}(?:[-_.+][A-Za-z0-9]{2,}){2,}")
_UNIT = r"(?:lines?|pages?|words?|files?|rows?|tokens?|characters?|chars?|digits?|times?|x|days?|years?|hours?|hrs?|minutes?|mins?|seconds?|secs?|people|euros?|dollars?|usd|eur|gbp|%|km|m|cm|mm|kg|g|am|pm|st|nd|rd|th|k|[gmkt]b|[gmk]hz|mbps|px|fps|bits?|v|w|h|s|位|次|天|年|月|个|分|秒|元|块|人|层|楼|点|字|米|件|条|种|遍|岁)"
_PLAIN = re.compile(
    rf"[$€£¥]?[0-9]+(?:[.,:/\-][0-9]+)*{_UNIT}?|[$€£¥][0-9].*|v[0-9.]+|[0-9]{{4}}-[0-9]{{2}}-[0-9]{{2}}.*",
    re.IGNORECASE,
)
_NAMES = frozenset(
    """2fa mfa 1password sha256 sha1 md5 bcrypt utf8 utf-8 base64 oauth2 web3 wpa2 wpa3 aes256 aes-256 rot13 windows10 windows11 ios17 ios18
    office365 microsoft365 o365 http2 ipv4 ipv6 h264 mp3 mp4 s3 ec2 k8s up-to-date out-of-date case-sensitive state-of-the-art
    two-factor-auth end-to-end""".split()
)
_PLACEHOLDER = re.compile(
    r"[*•.xX_\-#?!~]+|\$\{?\w*\}?|<[^<>]*>|\{\{?.*|%\w+%|[\w.]+\(.*|(?:self|this|os|process|config|settings|args|request|req|env)\.\w.*|\[.*\]?|https?://.*|www\..*"
)
_EMAIL = re.compile(r"[\w.+\-]+@[\w\-]+(?:\.[\w\-]{2,})+")
_SYMBOL = re.compile(r"[!@#$%^&*+=~|\\<>{}\[\]?]")
_LIST_COMMA = re.compile(r"(.{3,}?)[,;](?=[a-z']+[.,!?]?$)")
_END = re.compile(
    r"""['"”」*`]{0,2}(?:\s*$ | \s*[.,;:!?)\]}\n，。；！？、）(（/~…—] | \s+-{1,2}\s | [\u3400-\u9fff]
      | \s+(?:and|but|btw|lol|now|ok|okay|thanks|thx|ty|haha\w*|pls|please|so|in\ case|if|no|all|then|right|i|xx?|cheers|with|for|unless|until|user(?:name)?)\b)""",
    re.IGNORECASE | re.VERBOSE,
)
_UNIT_AFTER = re.compile(rf"\s?{_UNIT}(?![a-z])", re.IGNORECASE)
_CODE = re.compile(
    r"""['"`「“]?(?P<value>[*\#]{0,2}(?:[A-Za-z]{0,2}(?:[0-9]{3,10}(?![ \-]?[0-9])|[0-9]{1,4}(?:[ \-][0-9]{1,4}){1,7}))[A-Za-z]?[*\#]{0,2})
      (?![A-Za-z0-9])(?![.:,/][0-9])""",
    re.VERBOSE,
)
_SPOKEN = re.compile(
    r"""['"`「“]?(?P<value>(?:(?:zero|oh|one|two|three|four|five|six|seven|eight|nine|double|triple)(?:[\s,\-]{1,2}|\b)){3,12}|[零〇一二三四五六七八九两幺]{4,12})""",
    re.IGNORECASE | re.VERBOSE,
)
_ORDINARY = frozenset(
    """wrong right correct incorrect invalid valid weak strong long short simple complex complicated easy hard secure insecure safe unsafe bad good
    great fine ok okay terrible awful horrible stupid dumb silly boring funny hilarious important required needed necessary optional missing empty
    blank gone lost forgotten expired old new same different unique random secret hidden private public shared known unknown default temporary
    temp permanent sensitive written broken there here below above attached inside outside somewhere online offline everything nothing something
    anything none null nil undefined true false yes no nope not never always still just only also too very so really pretty quite super way my your
    our his her its their the a an this that these those it he she they we you i me us what where when why how who which whatever whoever up down on
    off in out at by to from for of with without about as like than if because since but and or everyone someone anyone nobody mine yours ours theirs
    obvious strange weird crazy compromised visible readable sensible case birthday birthdate done back away ready set stuck better worse best worst
    enough fun key useless useful impossible possible annoying literally actually basically probably maybe perhaps again today tomorrow yesterday tonight
    soon later now then once twice next last first second third more less most least much many few all both each every any some other another
    forever perfect ridiculous insane nice cool cute lame lol idk tbh apparently supposed going have has had do does did can could should would will might
    must be been being am is are was were get got let let's one two three unset unavailable available text string str int password passwords optional[str] none,
    str, string, input number code pin field box page form screen manager policy reset recovery login email hash hint change prompt protection
    sheet app length rules rule requirement requirements generator vault file list thing stuff question""".split()
)
_ENDING = re.compile(r"(?:ed|ing|ly|n't|able|ible)$")


@dataclass(frozen=True, slots=True, kw_only=True)
class Value:
    """A possible value: where it stands, what it looks like, whether it was in quotation marks."""

    start: int
    end: int
    text: str
    looks: Looks
    quoted: bool


def value_at(view: str, position: int, *, signs: bool = False) -> Value | None:
    """The value that begins at a place; None for a placeholder, an address, a measure or nothing. `signs`: Chinese too."""
    quote = _QUOTE.match(view, position)
    if quote is not None:
        return _quoted(quote)
    spoken = _SPOKEN.match(view, position)
    if spoken is not None:
        return _value(view, spoken.start("value"), spoken.end("value"), looks="digits")
    if signs and (sign := _SIGNS.match(view, position)) is not None:
        return None if _ORDINARY_SIGNS.search(sign[0]) else _value(view, sign.start(), sign.end(), looks="signs")
    token = _TOKEN.match(view, position)
    if token is None:
        return None
    start, end = _trimmed(view, token.start(), token.end())
    looks = _looks(view[start:end])
    if looks is None or (looks == "digits" and _UNIT_AFTER.match(view, end) is not None):
        return None
    return _value(view, start, end, looks=looks)


def code_at(view: str, position: int, *, least: int) -> tuple[int, int] | None:
    """Where the digits of a code stand that begins at a place, of `least` digits to 10, or spoken as words."""
    match = _SPOKEN.match(view, position) or _CODE.match(view, position)
    if match is None:
        return None
    text = match["value"].rstrip(" ,-\n\t")
    digits = sum(character.isdigit() for character in text)
    if digits and not least <= digits <= 10:
        return None
    end = match.start("value") + len(text)
    return None if _UNIT_AFTER.match(view, end) else (match.start("value"), end)


def telling(text: str) -> bool:
    """Looks that suffice with few words beside: digits among letters, or symbols, of at least five characters."""
    if len(text) < 5:
        return False
    letters = any(character.isalpha() for character in text)
    digits = any(character.isdigit() for character in text)
    return (letters and digits) or _SYMBOL.search(text[:-1]) is not None or _PHRASE.fullmatch(text) is not None


def plausible_word(text: str) -> bool:
    """Whether a word may be a password: not one that is said *about* passwords."""
    lower = text.lower().strip("'")
    return len(lower) >= 3 and lower not in _ORDINARY and _ENDING.search(lower) is None and "'" not in lower


def ends_clause(view: str, position: int) -> bool:
    """Whether nothing more belongs to the word that ends here."""
    return _END.match(view, position) is not None


def _value(view: str, start: int, end: int, *, looks: Looks) -> Value:
    return Value(start=start, end=end, text=view[start:end], looks=looks, quoted=False)


def _quoted(match: re.Match[str]) -> Value | None:
    group = match.lastgroup or "a"
    text = match[group]
    first = text.split()[0].lower() if text.split() else ""
    if _PLACEHOLDER.fullmatch(text) or not any(character.isalnum() for character in text):
        return None
    few = len(text.split()) <= 3 and re.fullmatch(r"[A-Za-z ']+", text) is not None
    if few and (first in _ORDINARY or _ENDING.search(first)) and text.lower() != "password":
        return None
    if _ORDINARY_SIGNS.search(text) and not any(character.isascii() and character.isalnum() for character in text):
        return None
    return Value(start=match.start(group), end=match.end(group), text=text, looks=_looks(text) or "word", quoted=True)


def _trimmed(view: str, start: int, end: int) -> tuple[int, int]:
    """Without quotation marks, emphasis and the punctuation of the sentence around it."""
    while start < end and view[start] in "\"'`(“‘":
        start += 1
    while end > start + 2 and view[start] == "*" == view[end - 1]:
        start, end = start + 1, end - 1
    comma = _LIST_COMMA.match(view[start:end])
    if comma is not None and (any(c.isdigit() for c in comma[1]) or _SYMBOL.search(comma[1]) or comma[1].isalpha()):
        end = start + len(comma[1])
    while end > start and (view[end - 1] in ".,;:?\"'`”’" or (view[end - 1] in ")]}>" and _unopened(view[start:end]))):
        end -= 1
    return start, end


def _unopened(text: str) -> bool:
    opening = {")": "(", "]": "[", "}": "{", ">": "<"}[text[-1]]
    return text.count(text[-1]) > text.count(opening)


def _looks(text: str) -> Looks | None:
    """What a bare token looks like; None where it is no value."""
    lower = text.lower()
    if len(text) < 2 or lower in _NAMES or _PLACEHOLDER.fullmatch(text) or _EMAIL.fullmatch(text):
        return None
    if text.isdecimal():
        return "digits" if len(text) >= 4 else None
    if _PLAIN.fullmatch(text):
        return None
    letters = any(character.isalpha() for character in text)
    digits = any(character.isdigit() for character in text)
    inner = _SYMBOL.search(text.rstrip("!?")) is not None
    mixed = re.search("[a-z][A-Z]", text) is not None
    if (letters and digits) or inner or mixed or _PHRASE.fullmatch(text):
        return "strong"
    return "word" if letters else None
