"""Names as they are compared: without case, accents, possessives and titles."""

from __future__ import annotations

import re
import unicodedata

_TITLE = re.compile(r"^(?:the|a|an|my|our|mr|mrs|ms|miss|dr|prof|sir|aunt|auntie|uncle)\.?\s+", re.IGNORECASE)
_POSSESSIVE = re.compile(r"['’]s?$")


def folded(name: str) -> str:
    """One spelling for the spellings of a name; never empty unless the name holds no letter."""
    text = unicodedata.normalize("NFKD", name).casefold()
    text = "".join(character for character in text if not unicodedata.combining(character))
    text = _POSSESSIVE.sub("", " ".join(text.split()))
    bare = _TITLE.sub("", text)
    return bare or text
