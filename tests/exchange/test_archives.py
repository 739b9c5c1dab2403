"""Zips and folders from anywhere: what is hostile or broken costs itself, never the rest and never the disk."""

from __future__ import annotations

import contextlib
import io
import json
import zipfile
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from memstrata.errors import InvalidInput
from memstrata.exchange import json_stream
from memstrata.exchange.formats import read_export
from memstrata.exchange.json_stream import Broken, Element, elements
from memstrata.exchange.portions import Portion
from memstrata.types import NotRead

GOOD = json.dumps(
    [{"uuid": "c", "name": "n", "chat_messages": [{"uuid": "m", "sender": "human", "text": "kept", "content": []}]}]
).encode()


def outcome(place: Path | io.BytesIO) -> tuple[int, list[NotRead]]:
    """How many messages were read, and the problems."""
    found = list(read_export(place, None))
    messages = sum(len(each.messages) for each in found if isinstance(each, Portion))
    return messages, [each for each in found if isinstance(each, NotRead)]


def zipped(*members: tuple[str, bytes], method: int = zipfile.ZIP_DEFLATED) -> io.BytesIO:
    """A zip."""
    out = io.BytesIO()
    with zipfile.ZipFile(out, "w", method) as archive:
        for name, data in members:
            archive.writestr(name, data)
    out.seek(0)
    return out


@pytest.mark.parametrize("name", ["../evil.json", "/etc/evil.json", "a/../../evil.json", "C:\\evil.json", "..\\e.json"])
def test_a_name_that_leads_out_is_passed_over(name: str) -> None:
    messages, problems = outcome(zipped((name, GOOD), ("conversations.json", GOOD)))
    assert messages == 1
    assert "leads out" in problems[0].reason


def test_a_bomb_stops_at_its_limit() -> None:
    bomb = b"[" + b" " * 40_000_000 + b"]"
    messages, problems = outcome(zipped(("bomb.json", bomb), ("conversations.json", GOOD)))
    assert messages == 1
    assert "zip bomb" in problems[0].reason


def test_a_member_with_a_password_says_so() -> None:
    data = bytearray(zipped(("conversations.json", GOOD), ("locked.json", GOOD)).getvalue())
    for signature, offset in ((b"PK\x03\x04", 6), (b"PK\x01\x02", 8)):
        at = data.rindex(signature)
        data[at + offset] |= 1
    messages, problems = outcome(io.BytesIO(bytes(data)))
    assert messages == 1
    assert "password" in problems[0].reason


def test_a_zip_in_a_zip_and_one_name_twice_are_told() -> None:
    inner = zipped(("conversations.json", GOOD)).getvalue()
    with pytest.warns(UserWarning, match="Duplicate"):
        archive = zipped(("inner.zip", inner), ("conversations.json", GOOD), ("conversations.json", b"[]"))
    messages, problems = outcome(archive)
    assert messages == 1
    assert sorted(each.reason.split(";")[0] for each in problems) == ["is a zip in the zip", "stands in the zip twice"]


def test_a_zip_that_was_cut_short_is_refused() -> None:
    data = zipped(("conversations.json", GOOD)).getvalue()
    with pytest.raises(InvalidInput, match="no whole zip"):
        outcome(io.BytesIO(data[:-30]))


def test_a_member_with_a_broken_byte_costs_itself() -> None:
    long = json.dumps([json.loads(GOOD)[0] | {"uuid": str(n)} for n in range(400)]).encode()
    data = bytearray(zipped(("a.json", long), ("conversations.json", GOOD), method=zipfile.ZIP_STORED).getvalue())
    data[len(long) // 2] ^= 0x20
    _, problems = outcome(io.BytesIO(bytes(data)))
    assert [each.place for each in problems if "broken in the zip" in each.reason] == ["a.json"]


def test_links_of_a_folder_are_not_followed(tmp_path: Path) -> None:
    outside = tmp_path / "outside.json"
    outside.write_bytes(GOOD)
    folder = tmp_path / "folder"
    (folder / "deep").mkdir(parents=True)
    (folder / "deep" / "conversations.json").write_bytes(GOOD)
    (folder / "link.json").symlink_to(outside)
    messages, problems = outcome(folder)
    assert messages == 1
    assert "link" in problems[0].reason


def test_nothing_to_remember_is_told(tmp_path: Path) -> None:
    assert "nothing to remember" in outcome(zipped(("a.png", b"x"), ("b.png", b"y")))[1][0].reason
    odd = tmp_path / "odd.xyz"
    odd.write_bytes(b"what is this")
    with pytest.raises(InvalidInput, match="--format"):
        outcome(odd)


json_values = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False) | st.text(max_size=9),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text(max_size=4), inner, max_size=4),
    max_leaves=12,
)


@settings(max_examples=120, deadline=None)
@given(st.lists(json_values, max_size=6), st.integers(1, 40), st.booleans(), st.sampled_from(["utf-8", "utf-16"]))
def test_elements_are_those_of_the_array_however_it_is_cut(
    values: list[object], chunk: int, spaced: bool, encoding: str
) -> None:
    before, json_stream.CHUNK = json_stream.CHUNK, chunk
    try:
        data = json.dumps(values, ensure_ascii=False, indent=2 if spaced else None).encode(encoding, "replace")
        found = list(elements(io.BytesIO(data)))
    finally:
        json_stream.CHUNK = before
    assert [each.value for each in found if isinstance(each, Element)] == json.loads(data.decode(encoding))
    assert not any(isinstance(each, Broken) for each in found)


@settings(max_examples=200, deadline=None)
@given(st.binary(max_size=200) | st.text(alphabet='[]{}",:0e\\u', max_size=60).map(str.encode))
def test_no_bytes_make_the_reader_fall(data: bytes) -> None:
    list(elements(io.BytesIO(data), keys=("conversations",)))
    with contextlib.suppress(InvalidInput):
        outcome(io.BytesIO(data))


def test_brackets_without_end_cost_nothing() -> None:
    (broken,) = elements(io.BytesIO(b"[" * 200_000))
    assert isinstance(broken, Broken)
    assert "nested too deep" in broken.reason
