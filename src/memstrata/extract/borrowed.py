"""Words that a model's claim has from turns other than the one it quotes: whom "he" is, what "there" was.

Such a turn becomes a source as well, so that the fact goes when those words are erased. Pure.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from dataclasses import replace

from memstrata.core.facts.rivalry import terms
from memstrata.types import Claim, Episode, Source

_CJK = "\u3040-\u30ff\u3400-\u9fff\uac00-\ud7af\uf900-\ufaff"
_WORD = re.compile(rf"(?:(?![{_CJK}])[^\W_])+|[{_CJK}]+")
_BIGRAM = re.compile(rf"[{_CJK}]")


def with_lenders(claims: Sequence[Claim], turns: Sequence[Episode]) -> list[Claim]:
    """The claims with a source more for each word that only others of `turns`, in their order, can have given."""
    texts = {turn.id: turn.text for turn in turns}
    return [_with_lenders(claim, texts) for claim in claims]


def _with_lenders(claim: Claim, texts: dict[str, str]) -> Claim:
    own = claim.sources[0].episode_id
    told = texts[own]
    others = [id_ for id_ in reversed(texts) if id_ != own]
    if not others:
        return claim
    known, plain = terms(told), told.casefold()
    lent: dict[Source, None] = {}
    for word in _words("\n".join((claim.text, claim.value or "", claim.subject, *claim.entities))):
        if word.casefold() in plain or terms(word) <= known:
            continue
        for id_ in others:
            found = re.search(re.escape(word), texts[id_], re.IGNORECASE)
            if found is not None:
                lent[Source(episode_id=id_, start=found.start(), end=found.end())] = None
                break
    return replace(claim, sources=(*claim.sources, *lent)) if lent else claim


def _words(text: str) -> Iterator[str]:
    """Words that search does not leave out; of scripts without spaces, every two characters."""
    for match in _WORD.finditer(text):
        word = match.group()
        if not _BIGRAM.match(word):
            if terms(word):
                yield word
        else:
            yield from (word[at : at + 2] for at in range(max(1, len(word) - 1)))
