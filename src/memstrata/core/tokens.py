"""How long a text is in tokens, by a rule that needs no model; any function of a text may take its place."""

from __future__ import annotations

import math
import re
from collections.abc import Callable

Tokenizer = Callable[[str], int]

_CJK_CHARACTER = re.compile("[\u3040-\u30ff\u3400-\u9fff\uac00-\ud7af\uf900-\ufaff]")
_LONG_WORD = 12


def estimated_tokens(text: str) -> int:
    """Tokens by estimate: 1.3 a word (a blank-separated piece), 1 a CJK character.

    1.3 is the usual ratio of GPT tokenizers on English chat; a piece of more than 12 characters (an address, a
    number, base64) counts as one word for every 4 characters.
    """
    cjk = len(_CJK_CHARACTER.findall(text))
    pieces = (_CJK_CHARACTER.sub(" ", text) if cjk else text).split()
    words = sum(1 if len(piece) <= _LONG_WORD else math.ceil(len(piece) / 4) for piece in pieces)
    return math.ceil(1.3 * words) + cjk
