"""Words of a text as term numbers: stemmed English and other words, character bigrams for Chinese, Japanese, Korean.

Not a language model and not a segmenter: for short memories bigrams find more than word segmentation does, and need
no dictionary.
"""

from __future__ import annotations

import re
import threading
import unicodedata
import zlib
from collections import Counter
from collections.abc import Iterator
from functools import lru_cache
from typing import NamedTuple

import Stemmer

# Verbs and nouns whose other forms Snowball keeps apart, the base first.
_IRREGULAR = """become became|begin began begun|break broke broken|bring brought|build built|buy bought|catch caught|
choose chose chosen|come came|do done|draw drew drawn|drive drove driven|eat ate eaten|fall fell fallen|feel felt|
fight fought|find found|fly flew flown|forget forgot forgotten|get got gotten|give gave given|go went gone|
grow grew grown|hear heard|hide hid hidden|hold held|keep kept|know knew known|lead led|leave left|lose lost|
make made|mean meant|meet met|pay paid|ride rode ridden|run ran|say said|see saw seen|sell sold|send sent|
shoot shot|show shown|sing sang sung|sit sat|sleep slept|speak spoke spoken|spend spent|stand stood|steal stole|
swim swam swum|take took taken|teach taught|tell told|think thought|throw threw thrown|understand understood|
wake woke woken|wear wore worn|win won|write wrote written|child children|man men|woman women|person people|
foot feet|tooth teeth|mouse mice"""
_BASE_FORM = {form: base for base, *forms in (part.split() for part in _IRREGULAR.split("|")) for form in forms}

MAX_TERM_LENGTH = 64
MAX_FREQUENCY = 255
"""Term frequencies saturate here: one byte in a posting, and BM25 is flat long before."""

_CJK = (
    "\u3040-\u30ff\u31f0-\u31ff\u3400-\u4dbf\u4e00-\u9fff\uac00-\ud7af\uf900-\ufaff"
    "\U00020000-\U0002ebef\U00030000-\U000323af"
)
_PIECES = re.compile(rf"[{_CJK}]+|(?:(?![{_CJK}])[^\W_])+(?:['’](?:(?![{_CJK}])[^\W_])+)*")
_ACCENTS = re.compile("[\u0300-\u036f]")
_IS_CJK = re.compile(rf"[{_CJK}]")
_CJK_QUESTION_WORDS = re.compile(
    "什么时候|什麼時候|为什么|為什麼|什么|什麼|哪里|哪裡|哪儿|哪个|哪個|怎么样|怎么|怎麼|多少|多久|几个|几点|是不是|有没有|谁|誰|吗|嗎|呢|[？?]"
)

# Van Rijsbergen's function words as they are commonly abridged (pronouns, auxiliaries, prepositions, conjunctions).
STOPWORDS = frozenset(
    """a about after again all also am an and any are aren't as at be because been before being but by can can't
    could couldn't did didn't do does doesn't doing don't down during each few for from further had hadn't has hasn't
    have haven't having he he'd he'll he's her here here's hers herself him himself his how i i'd i'll i'm i've if in
    into is isn't it it's its itself just let's me more most my myself no nor not now of off on once only or other our
    ours ourselves out over own same she she'd she'll she's should shouldn't so some such than that that's the their
    theirs them themselves then there there's these they they'd they'll they're they've this those through to too
    under until up very was wasn't we we'd we'll we're we've were weren't will with won't would wouldn't you you'd
    you'll you're you've your yours yourself yourselves""".split()
)
QUESTION_WORDS = frozenset(
    "what what's when when's where where's which while who who's whom whose why how how's did does do".split()
)


class Indexed(NamedTuple):
    """What a text is indexed by: frequency by term number, and the length that BM25 divides by."""

    frequencies: dict[int, int]
    length: int


def term_number(term: str) -> int:
    """The 32-bit number of a term (CRC-32 of its UTF-8; two words in a vocabulary of 100,000 rarely share one)."""
    return zlib.crc32(term.encode("utf-8", "replace"))


def normalise(text: str) -> str:
    """Compatibility form, case folded, without the accents of European scripts, one kind of apostrophe."""
    if text.isascii():
        return text.lower()
    bare = _ACCENTS.sub("", unicodedata.normalize("NFKD", text))
    return unicodedata.normalize("NFKC", bare).casefold().replace("’", "'")


def index_terms(text: str) -> Indexed:
    """Terms that an episode is found by.

    A stretch of CJK characters gives its bigrams, and its single characters for questions of one character; only
    the bigrams count for the length.
    """
    counts: Counter[str] = Counter()
    length = 0
    for piece in _pieces(normalise(text)):
        terms = _terms(piece)
        counts.update(terms)
        length += len(terms)
        if len(piece) > 1 and _IS_CJK.match(piece):
            counts.update(piece)
    return Indexed({term_number(term): min(n, MAX_FREQUENCY) for term, n in counts.items()}, length)


def query_terms(query: str) -> tuple[int, ...]:
    """Distinct term numbers of a question in order, without question words."""
    text = _CJK_QUESTION_WORDS.sub(" ", normalise(query))
    numbers: dict[int, None] = {}
    for piece in _pieces(text):
        if piece in QUESTION_WORDS:
            continue
        for term in _terms(piece):
            numbers[term_number(term)] = None
    return tuple(numbers)


def _pieces(normalised: str) -> Iterator[str]:
    return (match.group() for match in _PIECES.finditer(normalised))


def _terms(piece: str) -> list[str]:
    """The terms of one piece: nothing for a stop word, a stem, or character bigrams."""
    if _IS_CJK.match(piece):
        return [piece[i : i + 2] for i in range(len(piece) - 1)] or [piece]
    if piece in STOPWORDS:
        return []
    return [_stem(piece[:MAX_TERM_LENGTH])]


class _Stemmers(threading.local):
    """Snowball stemmers must not be shared between threads."""

    def __init__(self) -> None:
        self.english = Stemmer.Stemmer("english")


_STEMMERS = _Stemmers()


@lru_cache(maxsize=65536)
def _stem(word: str) -> str:
    return str(_STEMMERS.english.stemWord(_BASE_FORM.get(word, word)))
