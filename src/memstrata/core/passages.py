"""What of an episode is embedded: the turn as a whole and, among people, each of its sentences that tells something.

A turn of several sentences has one vector that is near to nothing it says; the best of its sentences finds it by the
one thing that was asked for. That helps where named people chat; for a user with an assistant, whose questions are
about whole turns, it did not (docs/decisions/0006-sentence-vectors.md), so turns without a name are embedded once.
"""

from __future__ import annotations

import re
from itertools import pairwise

from memstrata.core.features import asks, split_sentences, word_count
from memstrata.core.records import TextRow

RECIPE = "turn+sentences/1"
"""Changes with anything below: vectors made otherwise are of another space."""
_ASIDE = re.compile(r"\[[\w ]{1,30}[:：] *([^\[\]\n]+)\]")
"""A picture as transcripts put it, "[image: a red bridge]": what it shows is a sentence of its own."""
LEAST_WORDS = 4
"""A shorter sentence ("Wow!") is read with the next; with the one before, where it is the last."""
MOST_SENTENCES = 12
"""Of one turn; those of a longer one are joined evenly."""


def vector_space(fingerprint: str) -> str:
    """The space of the vectors that an embedder gives to these passages."""
    return f"{fingerprint} {RECIPE}"


def passages(row: TextRow) -> list[str]:
    """The texts that are embedded for an episode: first the whole, with day and speaker, then its sentences."""
    if not row.name:
        return [f"[{row.day}] {row.text}"]
    return [f"[{row.day}] {row.name}: {row.text}", *(f"{row.name}: {each}" for each in telling_sentences(row.text))]


def telling_sentences(text: str) -> list[str]:
    """The sentences that do not ask, at most `MOST_SENTENCES`, none shorter than it takes to say something."""
    found: list[str] = []
    short = ""
    for sentence in split_sentences(_ASIDE.sub(r"\n\1\n", text)):
        if asks(sentence):
            continue
        sentence = f"{short} {sentence}".lstrip()
        short = sentence if word_count(sentence) < LEAST_WORDS else ""
        if not short:
            found.append(sentence)
    if short and found:
        found[-1] += f" {short}"
    elif short:
        found.append(short)
    return _joined(found)


def _joined(sentences: list[str]) -> list[str]:
    groups = min(len(sentences), MOST_SENTENCES)
    edges = [len(sentences) * group // groups for group in range(groups + 1)] if groups else []
    return [" ".join(sentences[low:high]) for low, high in pairwise(edges)]
