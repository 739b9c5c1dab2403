"""Keys and tokens: strings that programs made, known by their issuers' prefixes or by the words beside them.

Prefixes are those that the issuers publish for secret scanning (AWS, OpenAI, Anthropic, GitHub, GitLab, Slack,
Google, Stripe, SendGrid, Hugging Face, npm, PyPI, DigitalOcean); JSON Web Tokens after RFC 7519, private key blocks
after RFC 7468, user information in addresses after RFC 3986, recovery phrases after BIP-39 (12 to 24 words).
"""

from __future__ import annotations

import math
import re
from collections import Counter
from collections.abc import Iterator

from memstrata.govern.secret_marks import Secret, SecretKind

_SHAPES: tuple[tuple[SecretKind, tuple[str, ...], re.Pattern[str]], ...] = tuple(
    (kind, prefixes, re.compile(rf"(?<![A-Za-z0-9])(?P<value>{shape})"))  # type: ignore[misc]
    for kind, prefixes, shape in (
        ("key", ("AKIA", "ASIA"), r"A[KS]IA[0-9A-Z]{16}"),
        ("key", ("sk-",), r"sk-(?=[A-Za-z_\-]{0,40}[0-9])[A-Za-z0-9_\-]{16,400}"),
        ("key", ("AIza",), r"AIza[0-9A-Za-z_\-]{30,60}"),
        ("key", ("k_live_", "k_test_"), r"[rs]k_(?:live|test)_[0-9A-Za-z]{8,400}"),
        ("key", ("whsec_",), r"whsec_[0-9A-Za-z+/=]{16,400}"),
        ("key", ("SG.",), r"SG\.[0-9A-Za-z_\-]{16,64}\.[0-9A-Za-z_\-]{16,64}"),
        ("token", ("gh",), r"gh[pousr]_[0-9A-Za-z]{20,255}"),
        ("token", ("github_pat_",), r"github_pat_[0-9A-Za-z_]{20,255}"),
        ("token", ("glpat-",), r"glpat-[0-9A-Za-z_\-]{16,255}"),
        ("token", ("xox", "xapp-"), r"(?:xox[a-z]|xapp)-[0-9A-Za-z\-]{10,400}"),
        ("token", ("hf_",), r"hf_[0-9A-Za-z]{20,100}"),
        ("token", ("npm_",), r"npm_[0-9A-Za-z]{30,100}"),
        ("token", ("pypi-",), r"pypi-[0-9A-Za-z_\-]{30,400}"),
        ("token", ("dop_v1_",), r"dop_v1_[0-9a-f]{40,80}"),
        (
            "token",
            ("eyJ",),
            r"(?<![\w.\-])eyJ[0-9A-Za-z_\-]{8,4000}\.[0-9A-Za-z_\-]{4,8000}(?:\.[0-9A-Za-z_\-]{0,4000})?",
        ),
    )
)
_BLOCK = re.compile(
    r"-----BEGIN [A-Z0-9 ]{0,40}PRIVATE KEY(?: BLOCK)?-----.*?(?:-----END [A-Z0-9 ]{0,60}-----|\Z)", re.DOTALL
)
_BEARER = re.compile(
    r"\b(?:bearer|basic)[ :]{1,3}(?P<value>(?=[a-z._~+/\-]{0,80}[0-9=])[a-z0-9._~+/\-]{12,4000}={0,2})", re.IGNORECASE
)
_ADDRESS = re.compile(r"://[^\s/:@]{0,100}:(?P<value>[^\s/]{1,200})@")
_OPTION = re.compile(r"(?:^|\s)-u\s{1,3}[^\s:]{1,80}:(?P<value>\S{3,120})")
_CLIENT = re.compile(
    r"\b(?:mysql|mysqldump|mariadb|sshpass)\b[^\n]{0,80}?\s-p\s?['\"]?(?P<value>[^\s'\"\-][^\s'\"]{2,80})"
)
_NAMED = re.compile(
    r"""(?P<sure>(?:api|app|secret|access|auth|client|private|encryption|signing|account|licen[cs]e|product|activation|service|session
            |bot|refresh|webhook|shared\ ?access|deploy|ssh|wpa|network)[\ _\-]?(?:key|token|secret)s? | apikey | 密钥 | 秘钥 | 令牌 | 私钥)
      | (?<![a-z])(?:keys?|tokens?|secrets?|api|credentials?|session_?id|cookie)(?![a-z])""",
    re.IGNORECASE | re.VERBOSE,
)
_TO_VALUE = re.compile(
    r"""["']?(?:\s{1,2}(?:for|to|of|on|at|in|i|we)(?:\s{1,2}[\w'./@\-]{1,24}){1,5}?)?(?:[（(][^()（）\n]{0,24}[)）])?
    \s{0,3}(?P<tie>(?:now|currently|still|现在|改成了?|换成了?|发你|给你|如下|就?是|为|is|was|are|:=?|=>?|->|→|[,，|\-\s])*)\s{0,3}
    ["'`「“]?(?P<value>[A-Za-z0-9+/_.~=\-]{6,600})""",
    re.IGNORECASE | re.VERBOSE,
)
_REST = re.compile(r"[A-Za-z0-9+/_.~=\-]+")
_READ = 80
"""Characters of a string that are weighed."""
_COMMIT = re.compile(r"commit|sha|checksum|hash|digest|md5|revision|提交|哈希|校验", re.IGNORECASE)
_HEX = re.compile(r"[0-9a-fA-F\-]+")
_SEED = re.compile(
    r"(?:\b(?:seed|recovery|backup|secret|wallet|mnemonic)\s{1,2}(?:phrase|words?|seed)|\bmnemonic|\bseed|助记词|恢复短语|种子短语)",
    re.IGNORECASE,
)
_SEED_WORD = r"(?:[0-9]{1,2}[.):、]?\s{0,2})?[a-z]{3,8}(?![a-z'])"
_SEED_WORDS = re.compile(
    rf"[^a-z\n]{{0,6}}(?:(?:is|are|was|below|here|for\ my\ wallet|the|12|24)[^a-z]{{1,6}}){{0,4}}\D{{0,6}}?(?P<value>{_SEED_WORD}(?:[\s,，、]{{1,3}}{_SEED_WORD}){{11,29}})",
    re.IGNORECASE,
)
_SEED_SIGNS = re.compile(
    r"[^\u4e00-\u9fff]{0,6}是?[^\u4e00-\u9fff]{0,4}(?P<value>[\u4e00-\u9fff](?:[\s,，、]{1,2}[\u4e00-\u9fff]){11,23})(?![\u4e00-\u9fff])"
)
_NOT_SEED = frozenset(
    "the and for are was but not has had been your from should because which could would his her its our their were does dont without".split()
)
"""Words of any sentence that are none of the 2048 of BIP-39."""


def key_secrets(view: str) -> list[Secret]:
    """Keys, tokens, passwords in addresses, and recovery phrases in a folded text."""
    found: list[Secret] = []
    for kind, prefixes, pattern in _SHAPES:
        if any(prefix in view for prefix in prefixes):
            found += [_secret(kind, match) for match in pattern.finditer(view)]
    if "PRIVATE KEY" in view:
        found += [Secret(kind="key", start=match.start(), end=match.end()) for match in _BLOCK.finditer(view)]
    if "://" in view:
        found += [_secret("password", match) for match in _ADDRESS.finditer(view)]
    if "-u " in view:
        found += [_secret("password", match) for match in _OPTION.finditer(view)]
    if " -p" in view:
        found += [_secret("password", match) for match in _CLIENT.finditer(view)]
    lower = view.lower()
    if "bearer" in lower or "basic" in lower:
        found += [_secret("token", match) for match in _BEARER.finditer(view)]
    if any(
        word in lower for word in ("key", "token", "secret", "api", "credential", "session", "cookie", "钥", "令牌")
    ):
        found += _named(view)
    if any(word in lower for word in ("seed", "phrase", "mnemonic", "words", "助记词", "短语")):
        found += _phrases(view)
    return found


def _secret(kind: SecretKind, match: re.Match[str]) -> Secret:
    return Secret(kind=kind, start=match.start("value"), end=match.end("value"))


def _named(view: str) -> Iterator[Secret]:
    """Strings of high entropy after a word for a key."""
    position = 0
    while (name := _NAMED.search(view, position)) is not None:
        position = name.end()
        match = _TO_VALUE.match(view, name.end())
        if match is None:
            continue
        tied = any(sign in match["tie"] for sign in ":=>→") or match["tie"].strip() not in ("", ",", "-")
        if _COMMIT.search(view, max(0, name.start() - 20), match.start("value")) is not None:
            continue
        if _made(match["value"].rstrip(".-=~_/+")[:_READ], sure=name["sure"] is not None and tied):
            kind: SecretKind = "token" if "token" in name[0].lower() or "令牌" in name[0] else "key"
            rest = _REST.match(view, match.end("value"))
            position = rest.end() if rest else match.end("value")
            end = match.start("value") + len(view[match.start("value") : position].rstrip("."))
            yield Secret(kind=kind, start=match.start("value"), end=end)


def _made(value: str, *, sure: bool) -> bool:
    """Whether a program made the string: digits among letters, and at least 2.5 bits a character over 16 characters.

    After a name that says what it is ("api key:") 8 characters are enough. 2.5 bits: below all of 10,000 random hex
    strings of 16 characters, above version numbers and dates.
    """
    letters = sum(character.isalpha() for character in value)
    digits = sum(character.isdigit() for character in value)
    if "://" in value or not digits or (not letters and len(value) < 20):
        return False
    if sure and len(value) >= 8 and letters:
        return True
    if len(value) < 16 or (digits < 2 and _HEX.fullmatch(value) is None):
        return False
    return _entropy(value) >= 2.5


def _entropy(value: str) -> float:
    return -sum(count / len(value) * math.log2(count / len(value)) for count in Counter(value).values())


def _phrases(view: str) -> Iterator[Secret]:
    for name in _SEED.finditer(view):
        match = _SEED_WORDS.match(view, name.end())
        if match is not None:
            words = list(re.finditer("[a-z]+", match["value"], re.IGNORECASE))
            count = next((size for size in (24, 21, 18, 15, 12) if size <= len(words)), 0)
            if count and not any(word[0].lower() in _NOT_SEED for word in words[:count]):
                start = match.start("value")
                yield Secret(kind="recovery_phrase", start=start, end=start + words[count - 1].end())
        signs = _SEED_SIGNS.match(view, name.end())
        if signs is not None:
            yield _secret("recovery_phrase", signs)
