"""The elements of a JSON array one by one, in memory that the largest element needs, whatever the file's size.

Not a parser: Python's own decodes each element. A broken element costs itself; the rest is found again behind it.
"""

from __future__ import annotations

import codecs
import json
import re
from collections.abc import Callable, Collection, Iterator
from dataclasses import dataclass
from typing import BinaryIO

CHUNK = 1 << 20
MOST = 1 << 26
"""Characters of one element; what is larger is no conversation."""
_NEAR_THE_END = 16
_SPACE = re.compile(r"[ \t\r\n]*")
_NEXT = re.compile(r"\}\s*,\s*(?=\{)")
_LONGEST_SEAM = 64
_DECODER = json.JSONDecoder(strict=False)
_BOMS = (
    (codecs.BOM_UTF8, "utf-8-sig"),
    (codecs.BOM_UTF32_LE, "utf-32"),
    (codecs.BOM_UTF32_BE, "utf-32"),
    (codecs.BOM_UTF16_LE, "utf-16"),
    (codecs.BOM_UTF16_BE, "utf-16"),
)


@dataclass(frozen=True, slots=True, kw_only=True)
class Element:
    """A value that stands in the file: its place in the array `key` of the object (None: the file is the array)."""

    key: str | None
    number: int
    value: object


@dataclass(frozen=True, slots=True, kw_only=True)
class Broken:
    """A stretch of an array that is not JSON."""

    key: str | None
    number: int
    reason: str


class NotJson(ValueError):
    """What stands here is not JSON, or more than one element may hold."""


def elements(
    stream: BinaryIO, *, keys: Collection[str] = (), plausible: Callable[[object], bool] = lambda value: True
) -> Iterator[Element | Broken]:
    """Elements of the array that a file is, or of the arrays under `keys` of the object that it is.

    Other members of the object come as elements with number 0. `plausible` tells an element from what stands inside
    one, where the way was lost. Bytes that are not UTF-8 come as half surrogates (U+DC80 and on), for `undecoded`.
    """
    text = _Window(stream)
    first = text.peek()
    if first == "[":
        text.take()
        yield from _array(text, None, plausible)
    elif first == "{":
        text.take()
        try:
            yield from _object(text, keys, plausible)
        except NotJson as error:
            yield Broken(key=None, number=0, reason=str(error))
    else:
        yield Broken(key=None, number=0, reason="neither a JSON array nor an object")


def undecoded(text: str) -> bool:
    """The text holds bytes that were not UTF-8."""
    return any("\udc80" <= each <= "\udcff" for each in text) if not text.isascii() else False


def _array(text: _Window, key: str | None, plausible: Callable[[object], bool]) -> Iterator[Element | Broken]:
    number, lost = 0, False
    if text.peek() == "]":
        text.take()
        return
    while True:
        reason = ""
        try:
            value = text.value()
        except NotJson as error:
            reason = str(error)
        else:
            if not lost or plausible(value):
                number, lost = number + 1, False
                yield Element(key=key, number=number, value=value)
            after = text.peek()
            if after == ",":
                text.take()
                continue
            if after == "]" and not lost:
                text.take()
                return
            reason = f"not JSON at character {text.position}: expected a comma" if after else "ends too early"
        if not lost:
            yield Broken(key=key, number=number + 1, reason=reason)
        lost = True
        if not text.seek(_NEXT):
            return


def _object(text: _Window, keys: Collection[str], plausible: Callable[[object], bool]) -> Iterator[Element | Broken]:
    if text.peek() == "}":
        return
    while True:
        key = text.value()
        if not isinstance(key, str) or text.peek() != ":":
            raise NotJson(f"not JSON at character {text.position}: expected a key")
        text.take()
        if key in keys and text.peek() == "[":
            text.take()
            yield from _array(text, key, plausible)
        else:
            yield Element(key=key, number=0, value=text.value())
        after = text.peek()
        text.take()
        if after == "}":
            return
        if after != ",":
            raise NotJson(f"not JSON at character {text.position}" if after else "ends too early")


class _Window:
    """A stretch of a text that is read piece by piece; what lies behind is let go."""

    def __init__(self, stream: BinaryIO) -> None:
        self._stream = stream
        start = stream.read(4)
        encoding = next((name for mark, name in _BOMS if start.startswith(mark)), "utf-8")
        errors = "surrogateescape" if encoding.startswith("utf-8") else "replace"
        self._decoder = codecs.getincrementaldecoder(encoding)(errors)
        self._text = self._decoder.decode(start)
        self._at = 0
        self._behind = 0
        self._over = False

    @property
    def position(self) -> int:
        """Where it stands in the file, in characters."""
        return self._behind + self._at

    def peek(self) -> str:
        """The next character that is no space, "" at the end."""
        while True:
            space = _SPACE.match(self._text, self._at)
            self._at = self._at if space is None else space.end()
            if self._at < len(self._text):
                return self._text[self._at]
            if self._over:
                return ""
            self._fill(CHUNK)

    def take(self) -> None:
        """Go past the next character."""
        self._at += 1

    def value(self) -> object:
        """The next value. Raises NotJson, and stands where it stood."""
        self.peek()
        size = CHUNK
        while True:
            try:
                value, end = _DECODER.raw_decode(self._text, self._at)
                if self._over or not self._cut(value, end):
                    self._at = end
                    return value
            except RecursionError:
                raise NotJson(f"nested too deep at character {self.position}") from None
            except json.JSONDecodeError as error:
                if self._over or not self._may_go_on(error):
                    where = self._behind + error.pos
                    raise NotJson(f"not JSON at character {where}: {error.msg}" if not self._over or error.pos <
                                  len(self._text) else "ends too early") from None  # fmt: skip
            except ValueError:  # an integer of more digits than Python reads
                raise NotJson(f"a number without end at character {self.position}") from None
            if len(self._text) - self._at > MOST:
                raise NotJson(f"an element of more than {MOST:,} characters at character {self.position}")
            self._fill(size)
            size *= 2

    def seek(self, pattern: re.Pattern[str]) -> bool:
        """Go behind the next match; False where there is none."""
        self._at += 1
        while True:
            found = pattern.search(self._text, self._at)
            if found is not None:
                self._at = found.end()
                return True
            if self._over:
                return False
            self._at = max(self._at, len(self._text) - _LONGEST_SEAM)
            self._fill(CHUNK)

    def _may_go_on(self, error: json.JSONDecodeError) -> bool:
        """The text may be whole once more of it is read."""
        return error.msg.startswith("Unterminated string") or error.pos >= len(self._text) - _NEAR_THE_END

    def _cut(self, value: object, end: int) -> bool:
        """The value may go on behind what has been read: 12 and then 3, or 1.5 and then e3."""
        if end == len(self._text):
            return True
        rest = self._text[end : end + _NEAR_THE_END]
        return isinstance(value, int | float) and len(rest) < _NEAR_THE_END and not rest.strip("0123456789.eE+-")

    def _fill(self, size: int) -> None:
        data = self._stream.read(size)
        self._over = not data
        self._behind += self._at
        self._text = self._text[self._at :] + self._decoder.decode(data, final=self._over)
        self._at = 0
