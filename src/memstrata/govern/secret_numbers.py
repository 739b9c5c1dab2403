"""Card, identity and bank account numbers: digits that a checksum or the words beside them give away.

Published rules: Luhn (ISO/IEC 7812-1), issuer prefixes and lengths (ISO/IEC 7812 register as card schemes publish
them), mod 97-10 of IBAN (ISO 13616), the check character of Chinese resident numbers (GB 11643-1999, MOD 11-2), US
Social Security numbers never issued (SSA: area 000, 666, 900 to 999), prefixes of UK National Insurance numbers (HMRC).
"""

from __future__ import annotations

import re
from collections.abc import Iterator

from memstrata.govern.secret_marks import STAND_INS, Secret, SecretKind

_ANY = re.compile(r"[0-9](?:[^0-9\n]{0,8}[0-9]){4}")
"""Five digits: the shortest that a rule here takes, save the check code of a card."""
_DIGITS = re.compile(r"[0-9]+")
_BETWEEN = re.compile(r"[ \-.·,，、]{1,2}|[ ,，]{0,2}(?:then|and|再|然后|接着|空格)[ ,，]{0,2}")
_ISSUED = re.compile(
    r"""4(?:[0-9]{12}|[0-9]{15}|[0-9]{18}) | 5[1-5][0-9]{14} | 2(?:22[1-9]|2[3-9][0-9]|[3-6][0-9]{2}|7[01][0-9]|720)[0-9]{12}
    | 3[47][0-9]{13} | 3(?:0[0-5]|[68][0-9])[0-9]{11} | 35(?:2[89]|[3-8][0-9])[0-9]{12}
    | 6(?:011|4[4-9][0-9]|5[0-9]{2})[0-9]{12,15} | 62[0-9]{14,17}""",
    re.VERBOSE,
)
_PROVINCES = frozenset(
    "11 12 13 14 15 21 22 23 31 32 33 34 35 36 37 41 42 43 44 45 46 50 51 52 53 54 61 62 63 64 65 71 81 82".split()
)
_RESIDENT = re.compile(r"[1-8][0-9]{5}(?:18|19|20)[0-9]{2}(?:0[1-9]|1[0-2])(?:0[1-9]|[12][0-9]|3[01])[0-9]{3}")
_OLD_RESIDENT = re.compile(r"[1-8][0-9]{5}[0-9]{2}(?:0[1-9]|1[0-2])(?:0[1-9]|[12][0-9]|3[01])[0-9]{3}")
_CARD_WORDS = re.compile(r"card|visa|master|amex|debit|credit|卡", re.IGNORECASE)
_OTHER_WORDS = re.compile(
    r"order|track|invoice|booking|parcel|shipment|imei|isbn|serial|ticket|reference|订单|快递|运单|单号|流水|发票|包裹|编号|"
    r"phone|call|tel|电话|手机",
    re.IGNORECASE,
)
_BESIDE = 28
"""Characters before a number in which a word says what it is."""

_GAP = (
    r"(?:[ ]{0,2}(?:numbers?|nos?\b\.?|num|nr|\#|id\b|code|card|is|was|are|it'?s|its|my|the|ends?\ in|on\ file|please|here"
    r"|[:=,\-(，（]|号码?|是|为|码|[后末][四六46]位|我的|给你|发你)){0,6}[ ]{0,2}[\"'「“]?"
)
_END = r"(?![A-Za-z0-9])(?![.,:/\-][0-9])"
_SPACED = r"[0-9](?:[ \-]?[0-9])"


def _beside(kind: SecretKind, words: str, value: str) -> tuple[SecretKind, re.Pattern[str]]:
    return kind, re.compile(rf"(?i:{words}){_GAP}(?P<value>{value}){_END}", re.VERBOSE)


_WORDED = (
    _beside("card", r"(?<![a-z])(?:cvv2?|cvc2?|cvn2?|csc|card\ security\ code|security\ code(?:\ on\ the\ back)?"
        r"|(?:last\ )?(?:three|3)\ digits\ on\ the\ back)(?![a-z]) | 安全码 | (?:卡|信用卡)?背面(?:的)?(?:[三3]位数?)?(?:数字)?",
        r"[0-9]{3,4}"),
    _beside("card", r"(?<![a-z])(?:card|visa|mastercard|amex)\ (?:number|no\.?|\#)", rf"{_SPACED}{{11,18}}"),
    _beside("identity", r"(?<![a-z])(?:ssn|social\ security(?:\ number)?|social(?=\ (?:is|number|no)|:))", r"[0-9]{3}[ .\-]?[0-9]{2}[ .\-]?[0-9]{4}"),
    _beside("identity", r"\blast\ (?:four|4)(?:\ digits)?\ of\ (?:my\ |the\ )?(?:ssn|social(?:\ security(?:\ number)?)?)", r"[0-9]{4}"),
    _beside("identity", r"passport|护照", r"(?=[A-Z]{0,3}[0-9]{5})[A-Za-z]{0,3}[0-9]{5,9}[A-Z]?"),
    _beside("identity", r"身份证(?:号码?)?|证件号码?|national\ (?:id|insurance)|\bid\ (?:card\ )?(?:number|no\b)|identity\ (?:card|number)"
        r"|aadhaar|\bnric\b|\bnino\b|\bni\b(?:\ (?:number|no))?", rf"[A-Z]{{0,2}}\ ?{_SPACED}{{5,17}}(?:[Xx]|\ ?[A-Z])?"),
    _beside("identity", r"\btax(?:payer)?\ (?:id|identification|number|no\b|file\ number)|\b(?:tin|ein|itin|utr|steuer-?id|tfn)\b|税号|纳税人识别号|纳税识别号",
        rf"[A-Z]{{0,3}}{_SPACED}{{7,13}}[A-Z]?|[0-9A-Z]{{15,20}}"),
    _beside("identity", r"driv(?:er'?s?|ing)'?\ licen[cs]e|\bdl\ (?:number|no\b|\#)|驾照|驾驶证", r"(?=[A-Z]{0,5}[ \-]?[0-9]{4})[A-Z]{0,5}[ \-]?[0-9][0-9A-Z \-]{3,16}[0-9A-Z]"),
    _beside("bank_account", r"\baccounts?\ (?:number|no\b|num|nr|\#)|\bacct\b|(?<![a-z])a/c\b|\bacc\ (?:no|number)|\bbank\ account"
        r"|\brouting(?:\ number)?|\bsort\ code|\bbsb\b|卡号|[账帐]号|[账帐]户|银行卡|储蓄卡|工资卡|社保号|公积金",
        rf"{_SPACED}{{5,21}}"),
)  # fmt: skip
_SSN = re.compile(r"(?<![0-9A-Za-z\-])([0-9]{3})-([0-9]{2})-([0-9]{4})(?![0-9A-Za-z\-])")
_NINO = re.compile(
    r"\b(?!BG|GB|NK|KN|TN|NT|ZZ)[A-CEGHJ-PR-TW-Z][A-CEGHJ-NPR-TW-Z][ \-]?[0-9]{2}[ \-]?[0-9]{2}[ \-]?[0-9]{2}[ \-]?[A-D]\b",
    re.IGNORECASE,
)
_IBAN = re.compile(r"(?<![A-Za-z0-9])[A-Z]{2}[0-9]{2}(?:[ \-]?[A-Z0-9]{1,4}){3,9}(?![A-Za-z0-9])", re.IGNORECASE)
_CHECK_CODE = re.compile(
    rf"{STAND_INS['card']}[ ,;|，]{{0,3}}(?:(?:exp(?:iry|ires)?|valid(?:\ thru)?|有效期)[.:：至到 ]{{0,3}})?"
    r"[0-9]{1,2}[/\-][0-9]{2,4}[ ,;|，]{1,3}(?P<value>[0-9]{3,4})(?![0-9/:.\-])",
    re.IGNORECASE,
)
"""A check code after a card number and its date, with no word of its own."""


def number_secrets(view: str) -> list[Secret]:
    """Numbers in a folded text that nobody but their owner should have."""
    found: list[Secret] = []
    if _ANY.search(view) is not None:
        found += _checked(view)
        found += [_secret("identity", match) for match in _SSN.finditer(view) if _issued_ssn(match)]
        found += [_secret("identity", match) for match in _NINO.finditer(view)]
        found += [secret for match in _IBAN.finditer(view) for secret in _iban(match)]
    elif not re.search("[0-9]{3}", view):
        return []
    for kind, pattern in _WORDED:
        found += [_secret(kind, match, "value") for match in pattern.finditer(view)]
    if STAND_INS["card"] in view:
        found += [_secret("card", match, "value") for match in _CHECK_CODE.finditer(view)]
    return found


def _secret(kind: SecretKind, match: re.Match[str], group: str | int = 0) -> Secret:
    return Secret(kind=kind, start=match.start(group), end=match.end(group))


def _checked(view: str) -> Iterator[Secret]:
    """Card and resident numbers: groups of digits that stand together, 13 to 19 digits in all, and whose check fits."""
    groups = list(_DIGITS.finditer(view))
    past = 0
    for first, group in enumerate(groups):
        if group.start() < past or view[group.start() - 1 : group.start()] == "+":
            continue
        before = view[max(0, group.start() - _BESIDE) : group.start()]
        carded = _CARD_WORDS.search(before) is not None
        if not carded and _OTHER_WORDS.search(before) is not None:
            continue
        for length in _lengths(view, groups, first):
            secret = _valid(view, groups[first : first + length], carded)
            if secret is not None:
                past = secret.end
                yield secret
                break


def _lengths(view: str, groups: list[re.Match[str]], first: int) -> list[int]:
    """How many groups from the first one make 13 to 19 digits. UnionPay numbers have up to 19: the longest first."""
    lengths = []
    total = len(groups[first][0])
    last = first
    while total <= 19:
        if total >= 13:
            lengths.append(last - first + 1)
        last += 1
        if last >= len(groups):
            break
        gap = view[groups[last - 1].end() : groups[last].start()]
        if len(gap) > 8 or _BETWEEN.fullmatch(gap) is None:
            break
        total += len(groups[last][0])
    return lengths[::-1] if groups[first][0].startswith("62") else lengths


def _valid(view: str, groups: list[re.Match[str]], carded: bool) -> Secret | None:
    digits = "".join(group[0] for group in groups)
    start, end = groups[0].start(), groups[-1].end()
    if view[end : end + 1].isdigit():
        return None
    if len(digits) == 17 and view[end : end + 1] in ("X", "x") and resident_valid(digits + "X"):
        return Secret(kind="identity", start=start, end=end + 1)
    if (len(digits) == 18 and resident_valid(digits)) or (len(digits) == 15 and _old_resident(digits)):
        return Secret(kind="identity", start=start, end=end)
    if _shaped([group[0] for group in groups], carded) and luhn_valid(digits):
        return Secret(kind="card", start=start, end=end)
    return None


def _shaped(groups: list[str], carded: bool) -> bool:
    """Whether the groups are cut as on a card; beside the word "card" any cut and any issuer will do."""
    digits = "".join(groups)
    if carded:
        return True
    if _ISSUED.fullmatch(digits) is None or len(digits) < 15:
        return False
    return len(groups) == 1 or (len(groups[0]) in (4, 6) and all(3 <= len(group) <= 13 for group in groups))


def luhn_valid(digits: str) -> bool:
    """Whether the check digit of ISO/IEC 7812-1 fits; all zeros are no number."""
    doubled = [int(digit) * (1 + place % 2) for place, digit in enumerate(reversed(digits))]
    return any(doubled) and sum(each - 9 if each > 9 else each for each in doubled) % 10 == 0


def resident_valid(number: str) -> bool:
    """Whether 18 characters are a Chinese resident number: province, a date, and the check character."""
    if _RESIDENT.fullmatch(number[:17]) is None or number[:2] not in _PROVINCES:
        return False
    total = sum(int(digit) * pow(2, 17 - place, 11) for place, digit in enumerate(number[:17]))
    return "10X98765432"[total % 11] == number[17]


def _old_resident(digits: str) -> bool:
    return _OLD_RESIDENT.fullmatch(digits) is not None and digits[:2] in _PROVINCES


def iban_valid(number: str) -> bool:
    """Whether letters and digits are an IBAN: 15 to 34 characters, remainder 1 by 97."""
    if not 15 <= len(number) <= 34:
        return False
    turned = number[4:] + number[:4]
    return int("".join(str(int(character, 36)) for character in turned)) % 97 == 1


def _issued_ssn(match: re.Match[str]) -> bool:
    area, group, serial = match.groups()
    return area not in ("000", "666") and area[0] != "9" and group != "00" and serial != "0000"


def _iban(match: re.Match[str]) -> Iterator[Secret]:
    """The longest beginning of the match that is an IBAN: the group after it may be an ordinary word."""
    text = match[0]
    while len(text) >= 15:
        if iban_valid(text.replace(" ", "").replace("-", "").upper()):
            yield Secret(kind="bank_account", start=match.start(), end=match.start() + len(text))
            return
        cut = max(text.rfind(" "), text.rfind("-"))
        text = text[:cut] if cut > 0 else ""
