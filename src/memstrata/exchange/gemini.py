"""Gemini's activity from Google Takeout (`MyActivity.json`): an entry a prompt with its answer as HTML.

The file names no conversations, so that the prompts of a day are a run. It is written newest first; a day is held
until it is whole.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator
from datetime import datetime
from html.parser import HTMLParser
from typing import TypeAlias

from memstrata.exchange.portions import (
    PassedOver,
    Portion,
    Read,
    Unreadable,
    as_list,
    as_object,
    as_text,
    moment,
    named,
    portions,
    short,
)
from memstrata.types import Message, NotRead

PRODUCT = "gemini"
_HEADERS = ("Gemini Apps", "Gemini", "Bard", "Gemini アプリ", "Gemini 应用", "Gemini Apps Activity")
_PROMPTED = re.compile(
    r"^(?:(?:Prompted|Asked|Said|Eingegebener Prompt:?|Prompt:?|Requête:?|Pregunta:?|Comando:?)\s+"
    r"|(?:输入的提示|已输入提示|提示|プロンプト)[：:]?\s*)"
)
_Entry: TypeAlias = tuple[datetime, list[Message]]
_BREAKS = frozenset(("p", "br", "hr", "tr", "div", "h1", "h2", "h3", "h4", "h5", "h6", "ul", "ol", "pre", "table"))
_HIDDEN = frozenset(("script", "style"))


def plausible(value: object) -> bool:
    """The value is an entry of Gemini's activity."""
    if not isinstance(value, dict) or "title" not in value or "time" not in value:
        return False
    products = as_list(value.get("products"))
    return value.get("header") in _HEADERS or any(each in _HEADERS for each in products)


def read_entries(entries: Iterable[tuple[object, str]]) -> Iterator[Read]:
    """Entries with their places, as the file has them; a day at a time."""
    day, place = "", ""
    held: list[_Entry] = []
    for value, where in entries:
        try:
            found = _entry(value)
        except Unreadable as error:
            yield NotRead(place=where, reason=str(error))
            continue
        if isinstance(found, PassedOver):
            yield found
            continue
        of = found[0].date().isoformat()
        if of != day:
            yield from _day(day, held, place)
            day, held, place = of, [], where
        held.append(found)
    yield from _day(day, held, place)


def without_tags(html: str) -> str:
    """The words of a piece of HTML, paragraphs on lines of their own."""
    reader = _Words()
    reader.feed(html)
    reader.close()
    lines = (" ".join(line.split()) for line in "".join(reader.words).split("\n"))
    return re.sub(r"\n{3,}", "\n\n", "\n".join(lines)).strip()


def _day(day: str, held: list[_Entry], place: str) -> Iterator[Portion]:
    """The entries of a day, the earliest first."""
    held.reverse()
    ordered = sorted(held, key=lambda each: each[0])
    yield from portions((message for _, messages in ordered for message in messages), product=PRODUCT, conversation=day,
                        place=place)  # fmt: skip


def _entry(value: object) -> _Entry | PassedOver:
    entry = as_object(value)
    when = moment(entry.get("time"))
    if when is None:
        raise Unreadable("has no readable time")
    title, answers = as_text(entry.get("title")), as_list(entry.get("safeHtmlItem"))
    answer = "\n\n".join(filter(None, (without_tags(as_text(as_object(each).get("html"))) for each in answers)))
    prompted = _PROMPTED.match(title)
    if not prompted and not answer:
        return PassedOver(reason="activity that is no prompt")
    prompt = title[prompted.end() :] if prompted else title
    files = [
        short(each.get("name") if isinstance(each, dict) else each) for each in as_list(entry.get("attachedFiles"))
    ]
    metadata = named(product=PRODUCT, attachments=[each for each in files if each])
    moment_ = when.isoformat()
    messages = [Message(content=prompt, role="user", timestamp=when, id=f"{moment_}/prompt", metadata=metadata)]
    if answer:
        messages.append(Message(content=answer, role="assistant", timestamp=when, id=f"{moment_}/answer",
                                metadata=named(product=PRODUCT)))  # fmt: skip
    messages = [each for each in messages if each.content.strip()]
    return (when, messages) if messages else PassedOver(reason="without words")


class _Words(HTMLParser):
    """Gathers words."""

    def __init__(self) -> None:
        super().__init__()
        self.words: list[str] = []
        self._hidden = 0

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        if tag in _HIDDEN:
            self._hidden += 1
        self.words.append("\n- " if tag == "li" else "\n" if tag in _BREAKS else "")

    def handle_endtag(self, tag: str) -> None:
        if tag in _HIDDEN:
            self._hidden = max(0, self._hidden - 1)
        self.words.append("\n" if tag in _BREAKS else " " if tag in ("td", "th") else "")

    def handle_data(self, data: str) -> None:
        if not self._hidden:
            self.words.append(data)
