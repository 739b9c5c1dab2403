"""Passwords and codes that people say in words: a cue ("pw", 门禁码), what ties it to a value, and the value.

A value is believed for its own looks (digits among letters, symbols, word-word-word) or, where it is an ordinary
word, for ending the clause: "password is swordfish" is one, "password is wrong" and "password is my birthday" are not.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import Literal

from memstrata.govern.secret_marks import STAND_IN_CLASS, STAND_INS, Secret, SecretKind
from memstrata.govern.secret_values import Value, code_at, ends_clause, plausible_word, telling, value_at

Tie = Literal["hard", "soft", "bare"]

_HINTS = tuple(
    """pass pasword pw psw psswd p/w pin code lock combo combination otp puk login log-in sign-in username user creds credential wifi wi-fi
    ssid passwort kennwort contrase senha admin root @ pattern safe 密码 口令 密匙 暗号 密语 门禁 验证码 校验码 动态码 解锁码 开锁码 通行码 开门码
    安全码 账号 帐号 用户名 锁""".split()
)
_PLACES = r"""(?:(?:front|back|side|main|garage)\ )?(?:door|gate|entry|entrance|building|garage|lobby|alarm|lock\ ?box|key\ ?box|key\ ?safe|lock|locker|safe|vault|padlock
    |suitcase|bike\ lock|elevator|lift|gym|keypad|key\ ?pad|intercom|buzzer|shed|flat|apartment|house|office|airbnb|storage(?:\ unit)?)"""
_CUE = re.compile(
    rf"""(?P<pin>
        (?<![a-z])(?:pin(?:\s?(?:code|number|no\.?))?|puk|otp|combo|(?:safe|lock|locker)(?:'s)?\ (?:combination|number)|unlock\ pattern|passcode
            |(?:{_PLACES}|access|security|unlock|verification|authenti?cation|auth|2fa|mfa|one[\ \-]time|sms|log-?in|backup|recovery|reset|confirm\ login
              |whatsapp|google|apple|bank|sim|phone|lockscreen|screen\ lock)(?:'s)?\ (?:pass)?codes?
            |code\ (?:for|to|of|on|at)\ (?:the\ |my\ |our\ |your\ |her\ |his\ |their\ )?(?:[\w']{{1,20}}\ )?{_PLACES}
            |combination\ (?:for|to|of)\ (?:the\ |my\ |our\ )?{_PLACES})(?![a-z])
        |(?:门禁|门锁|大?门|单元门|支付|取款|交易|银行卡|卡的?|锁屏|保险[箱柜]|储物柜|行李箱|电子锁|锁)(?:的)?密码|pin码?
        |验证码|校验码|动态[码口]令?码?|门禁[码卡]?|解锁码|开锁码|开门码|通行码|安全码)
      |(?P<code>(?<![a-z])(?:(?:the|my|our|her|his|their|your)\ (?:new\ |old\ |entry\ )?code(?:\ (?:to\ (?:get\ in(?:side)?|come\ in|open|enter)|is|was)(?=\W)|(?='s)|(?=[:\s]))
            |bike\ lock|padlock|lock\ ?box|key\ ?safe|smart\ lock|keypad|(?:phone|iphone|ipad|screen|android)\ unlock)(?![a-z])|门锁|智能锁|密码锁)
      |(?P<password>pass?w(?:or|ro|r|o)d|passowrd|passwd|passphrase|pass-phrase|passwort|kennwort|contrase[ñn]a|(?<![a-z])(?:pw|pwd|psw|psswd|p/w|senha)(?![a-z])
        |密码|密匙)
      |(?P<loose>(?<![a-z/])pass(?![a-z\-]))
      |(?P<sign>口令|暗号|密语)""",
    re.IGNORECASE | re.VERBOSE,
)
_HEDGE = r"""(?:[\s,]{1,2}(?:now|still|currently|just|always|again|actually|probably|literally|simply|basically|like|called|set\ (?:to|as)|changed\ to|one\ of|lowercase|uppercase|all\ (?:lowercase|caps|lower|upper)|capital|spel(?:led|t)
    |either|both|i\ think|i\ believe|maybe|really|only|the\ (?:word|code|number)|my\ (?:\w{1,12}(?:'s)?\ )?birthday|number|code))"""
_IS = r"(?:(?:is|s|was|are|were|be|will\ be|would\ be|should\ be|must\ be|used\ to\ be|equals|remains|became|has\ been|have\ been|got|been|just)\b\s{0,2})"
_TURNED = r"(?:now\s|back\s|just\s)?(?:changed|reset|set|updated|switched|swapped)\s{0,2}(?:it\s|back\s|over\s)?(?:to\b|from\b|as\b|=|:)"
_TIE = re.compile(
    rf"""s?['"`*]{{0,3}}(?:\s{{0,2}}\((?P<aside>[^()\n{STAND_IN_CLASS}]{{0,40}})\))?
    (?:(?:\s{{1,2}}(?:for|to|of|on|at|in|into|i|we|you|they|he|she|that|which|number|code|again|btw|here)\b(?:\s{{1,2}}[\w'./@&+\-]{{1,30}}){{0,7}}?)?
      (?:(?P<hard>\s{{0,3}}(?::=?|=>?|-{{1,2}}>|→|\|)\s{{0,3}}(?:(?:is|was|now)\s)?)
        |(?P<soft>(?:\s{{1,3}}|')
            (?:{_IS}{{1,2}}(?P<turned>{_TURNED})?(?P<says>as|reads|says|goes)?|(?P<changed>{_TURNED})|(?P<aimed>to|from|as|with|reads|says))
            {_HEDGE}{{0,3}}(?:\s{{1,3}}|\s{{0,2}}[:,]\s{{0,2}})))
      |(?P<bare>\s{{1,3}}|\s{{0,3}}-{{1,2}}\s{{1,3}}|,\s|\s\())""",
    re.IGNORECASE | re.VERBOSE,
)
_CHANGING = re.compile(r"\b(?:chang(?:ed?|ing)|set|reset|ma[kd]e|updated?|switch(?:ed)?)\b|改", re.IGNORECASE)
_OWN_FILL = r"(?:我|你|他|她|咱们?|家里?的?|的|那个?|这个?|上次|昨天|今天|又|已经?|现在|刚刚?|就|还|一直|都|仍然?|大概|应该|好像|可能|帮|记(?:一下|住|下|好)?|给|发|把它?|吧|了|呢|之前|以前|原来|最后|最新|统一|暂时|临时)"
_CHINESE_TIE = re.compile(
    rf"""(?:\s?[(（][^()（）\n{STAND_IN_CLASS}]{{0,20}}[)）])?{_OWN_FILL}{{0,6}}
    (?P<verb>(?:改|换|设|设置|设定|更新|重置|变|用|叫|写|输|输入)(?:的|成|为|回|过|到)?(?:是|了)?|从|(?:就|还|也)?[是为]|等于|:|=|-+>|→|[?？]\s?是?)?
    (?:[\s:=,，]|了|这个|{_OWN_FILL}){{0,4}}(?:(?:我|你|他|她|儿子|女儿|老婆|老公|妈妈?|爸爸?)?的?(?:生日|手机号|学号|工号|车牌)(?:[后前][四六八468]位)?[\s:,，]{{0,2}}(?:就?是)?)?""",
    re.IGNORECASE | re.VERBOSE,
)
_LATER = re.compile(
    r"(?:\b(?:it'?s(?:\ now)?|so|it\ is|it\ was|use|try|type|enter)\b[\s:]{1,2}|(?:就是|是|输入?|改成了?|换成了?)[\s:]{0,2})",
    re.IGNORECASE | re.VERBOSE,
)
_LATER_WITHIN = 80
_REVERSED = re.compile(
    r"""(?<![^\s"'「“，。,:：])(?P<value>[^\s\u4e00-\u9fff，。；、"]{4,64})["']?(?:
        (?:\s{1,2}(?:is|was|=|as)|[,.]?\s{1,2}(?:that'?s|this\ is))\s{1,2}(?:(?:now|still|also)\s)?(?:my|the|our|your|her|his|their)\b(?:\s[\w\-']{1,20}){0,4}?\s
          (?:(?P<password>pass(?:word|phrase)?|pwd?)|(?P<pin>pin|passcode|otp|(?:access|security|verification|login|door|gate|alarm|one-time)\ (?:pass)?code))(?![a-z])
        |\s?(?:就?是|为|\(|（)[\u4e00-\u9fffa-z]{0,6}?(?:(?P<pinned>验证码|门禁码|动态码|校验码|支付密码)|(?P<worded>密码|口令)))""",
    re.IGNORECASE | re.VERBOSE,
)
_STANDS = "".join(STAND_INS[kind] for kind in ("password", "pin"))
_NEXT = re.compile(
    r"""['"`」”*)]{0,2}[\s,，.。;；、(（]{0,3}(?:
        (?P<and>(?:/|\||or|and|then|to|now|new|not|和|旧的是?|老的是?|或者?|然后|再|现在|改成了?|变成了?|换成了?|-{1,2}>|→)(?:\s?(?:it'?s|is|was|the\ new\ one\ is|是|it))?[\s:]{1,2}
            |(?:改成了?|变成了?|换成了?|现在是|然后是|旧的是?|老的是?|和|或者?)\s?)
      | (?P<corrected>[^\n]{0,40}?(?:\b(?:no|nope|wait|sorry|actually|correction|oops|i\ mean[t]?|make\ that|scratch\ that|should\ be|typo|rather|or\ rather)\b
            |不对|错了|等等|不是|哦不|更正|记错|说错|打错|应该|其实)[^\n]{0,30}?(?:\b(?:it'?s|its|it\ is|it\ was|is|that'?s|was|be|make\ that|i\ mean[t]?|sorry|no|wait|nope|actually|rather)\b[\s,:]{1,3}
            |(?:就?是|应该是|,|，|:)\s?)))""",
    re.IGNORECASE | re.VERBOSE,
)
_PAIR = re.compile(
    rf"""(?<![a-z])(?:(?P<both>(?:log-?\s?ins?|users?(?:\ ?name)?|id|email)\s?[/&+]\s?(?:pass(?:word)?|pwd?)|creds?|credentials?|账号密码|用户名密码)|log-?\s?ins?|sign-?ins?|user(?:\ ?name)?|wi-?fi|ssid
        |[账帐]号|用户名|登录)(?:\s(?:for|to|on|at|of)\s[^\s:=]{{1,30}}(?:\s[^\s:=]{{1,30}})?)?
      (?:\ details|\ info)?(?:\s{{0,2}}(?:'s|is|are|was|as|with|是|为|[:=])){{0,2}}\s{{0,3}}
      (?P<user>[^\s/|:,，{STAND_IN_CLASS}]{{1,64}})(?:\s{{0,2}}(?:/|\||:)\s{{0,2}}|[,，]?\s{{1,2}}(?:and\s|-\s)?|,)(?=\S)""",
    re.IGNORECASE | re.VERBOSE,
)
_KNOWN_USER = re.compile(
    r"(?<![\w.@/\-])(?:admin(?:istrator)?|root|guest|[\w.+\-]{1,40}@[\w\-]{1,40}(?:\.[\w\-]{1,20}){1,3})\s{0,2}[/|:]\s{0,2}(?=\S)",
    re.IGNORECASE,
)


def worded_secrets(view: str) -> list[Secret]:
    """Passwords and codes in a folded text, found by the words beside them."""
    lower = view.lower()
    if not any(hint in lower for hint in _HINTS) and not any(stand in view for stand in _STANDS):
        return []
    pairs = list(_pairs(view))
    users = {place for start, value, _ in pairs for place in range(start, value)}
    found = [secret for _, _, secret in pairs if secret is not None]
    found += [secret for secret in [*_cued(view), *_reversed(view)] if secret.start not in users]
    ends = sorted({each.end for each in found} | {place + 1 for place, sign in enumerate(view) if sign in _STANDS})
    for end in ends:
        kind: SecretKind = next((each.kind for each in found if each.end == end), "password")
        found += _followers(view, end, kind)
    return found


def _cued(view: str) -> Iterator[Secret]:
    """A cue, then its value at once, or within the next words after "it's"."""
    position = 0
    while (cue := _CUE.search(view, position)) is not None:
        position = cue.end()
        name = cue.lastgroup
        secret = _tied(view, cue.start(), cue.end(), name) or _later(view, cue.end(), name)
        if secret is not None:
            position = secret.end
            yield secret


def _tied(view: str, start: int, position: int, cue: str | None) -> Secret | None:
    match = _TIE.match(view, position)
    if match is not None:
        tie: Tie = "hard" if match["hard"] else "soft" if match["soft"] else "bare"
        changing = _CHANGING.search(view, max(0, start - 24), start) is not None
        secret = _believed(view, match.end(), cue, tie, aimed=match["aimed"] is not None and not changing)
        if secret is not None:
            return secret
    match = _CHINESE_TIE.match(view, position)
    if match is None or (match.end() == position and view[position - 1].isascii()):
        return None
    return _believed(view, match.end(), cue, _chinese_tie(match["verb"]))


def _chinese_tie(verb: str | None) -> Tie:
    if verb is None:
        return "bare"
    return "hard" if verb in ":=" else "soft"


def _believed(view: str, position: int, cue: str | None, tie: Tie, *, aimed: bool = False) -> Secret | None:
    """The value at a place, if cue, tie and looks together make it one. `aimed`: after "to", which takes any noun."""
    if cue in ("pin", "code"):
        span = code_at(view, position, least=4 if tie == "bare" or cue == "code" else 3)
        if span is not None:
            return Secret(kind="pin", start=span[0], end=span[1])
    if cue == "code":
        return None
    value = value_at(view, position, signs=cue == "sign")
    if value is None:
        return None
    if _fits(view, value, cue, tie, aimed=aimed):
        return Secret(kind="pin" if cue == "pin" else "password", start=value.start, end=value.end)
    return None


def _fits(view: str, value: Value, cue: str | None, tie: Tie, *, aimed: bool) -> bool:
    if value.quoted:
        return cue != "loose" or tie == "hard" or value.looks == "strong"
    if value.looks == "strong":
        return tie != "bare" or telling(value.text)
    if value.looks == "digits":
        return cue != "loose" and (cue != "pin" or len(value.text) < 11)
    if value.looks == "signs":
        return tie != "bare"
    if cue == "pin" or tie == "bare" or aimed or (cue == "loose" and tie != "hard"):
        return False
    return plausible_word(value.text) and ends_clause(view, value.end)


def _later(view: str, position: int, cue: str | None) -> Secret | None:
    """A value further on in the line: "did you want the wifi password? it's Plum9x"."""
    if cue in ("loose", "code"):
        return None
    limit = min(len(view), position + _LATER_WITHIN)
    line = view.find("\n", position, limit)
    for tie in _LATER.finditer(view, position, line if line >= 0 else limit):
        if cue == "pin" and (span := code_at(view, tie.end(), least=4)) is not None:
            return Secret(kind="pin", start=span[0], end=span[1])
        value = value_at(view, tie.end())
        if value is not None and value.looks == "strong" and not value.quoted and telling(value.text):
            return Secret(kind="password", start=value.start, end=value.end)
    return None


def _reversed(view: str) -> Iterator[Secret]:
    """The value first: "hunter2 is my password", "482913 is your login code"."""
    for match in _REVERSED.finditer(view):
        start = match.start("value")
        value = value_at(view, start)
        if value is None or value.end > match.end("value"):
            continue
        pin = bool(match["pin"] or match["pinned"])
        if (value.looks == "digits") if pin else (value.looks == "strong" and telling(value.text)):
            yield Secret(kind="pin" if pin else "password", start=value.start, end=value.end)


def _followers(view: str, end: int, kind: SecretKind) -> Iterator[Secret]:
    """Further values after one: "x or y", "from x to y", "no wait it's y"."""
    for _ in range(4):
        match = _NEXT.match(view, end)
        if match is None:
            return
        span = code_at(view, match.end(), least=4) if kind == "pin" else None
        value = value_at(view, match.end())
        if span is not None:
            yield Secret(kind=kind, start=span[0], end=span[1])
            end = span[1]
        elif value is not None and (
            (value.looks == "strong" and telling(value.text)) or (value.looks == "digits" and match["corrected"])
        ):
            yield Secret(kind=kind, start=value.start, end=value.end)
            end = value.end
        else:
            return


def _pairs(view: str) -> Iterator[tuple[int, int, Secret | None]]:
    """User and password side by side: "login's admin / Plum9x". Where the pair begins, where its value, the secret.

    Where a mark already stands for the value there is no secret any more, but the user's name is still one.
    """
    for pattern in (_PAIR, _KNOWN_USER):
        position = 0
        while (match := pattern.search(view, position)) is not None:
            position = match.end()
            if view[position : position + 1] in tuple(_STANDS):
                yield match.start(), position, None
            value = value_at(view, position)
            if value is None:
                continue
            both = pattern is _PAIR and match["both"] is not None
            sure = value.looks == "strong" and telling(value.text) and not value.text.startswith("/")
            if sure or (both and (value.looks != "word" or plausible_word(value.text))):
                yield match.start(), value.start, Secret(kind="password", start=value.start, end=value.end)
                position = value.end
