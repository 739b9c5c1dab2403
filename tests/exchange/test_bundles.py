"""A memory that is handed over and taken in is the same memory."""

from __future__ import annotations

import asyncio
import contextlib
import hashlib
import io
import json
import zipfile
from collections.abc import Callable, Iterator
from datetime import UTC, datetime, timedelta, timezone
from pathlib import Path
from typing import Any, Literal

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from memstrata import AsyncMemory, Memory, Message
from memstrata.errors import Conflict, InvalidInput, MissingScope
from memstrata.testing.embedders import HashEmbedder
from memstrata.types import FactStatus

NOON = datetime(2025, 3, 1, 12, 0, tzinfo=timezone(timedelta(hours=1)))
EVERY: tuple[FactStatus, ...] = ("active", "superseded", "retired", "disputed", "quarantined", "rejected")
Form = Literal["bundle", "json"]
FORMS: tuple[Form, ...] = ("bundle", "json")


class Clock:
    """A minute later at every look."""

    def __init__(self) -> None:
        self.now = NOON

    def __call__(self) -> datetime:
        self.now += timedelta(minutes=1)
        return self.now


def opened(store: str = ":memory:") -> Memory:
    """A memory by rules alone."""
    return Memory(store, embedder="none", model="none", local_model="none", worker="none", clock=Clock())


@pytest.fixture(params=["memory", "sqlite"])
def make(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Callable[[], Memory]]:
    """Makes memories, each in a store of its own."""
    made: list[Memory] = []

    def one() -> Memory:
        made.append(opened(":memory:" if request.param == "memory" else f"sqlite:///{tmp_path}/{len(made)}.db"))
        return made[-1]

    yield one
    for each in made:
        each.close()


def live(memory: Memory) -> None:
    """A life in two conversations, with all that may become of facts."""
    memory.add("I live in Paris.", user_id="ann", run_id="r1", wait=True)
    memory.add("ok", user_id="ann", run_id="r1")
    memory.add([Message(content="ok"), Message(content="ok"), Message(content="ok")], user_id="ann", run_id="r2")
    memory.add(
        [
            Message(content="我对花生过敏。", name="Ann", timestamp=NOON - timedelta(days=9), metadata={"n": 1}),
            Message(content="My sister Nadia lives in Oslo.", id="m-2", timestamp=NOON - timedelta(days=8)),
            Message(content="The user loves satay.", role="tool", name="web"),
        ],
        user_id="ann",
        run_id="r2",
        wait=True,
    )
    memory.add("I moved to Ghent last week.", user_id="ann", wait=True)
    memory.add("My door code is 4711, my badge is blue.", user_id="ann", wait=True)
    memory.add("I like tea. Forget what I said about Nadia.", user_id="ann", wait=True)
    for place, fact in enumerate(memory.facts(user_id="ann", current=False, status=EVERY, limit=99)):
        verb = (memory.pin, memory.mute, memory.retire, memory.confirm, memory.reject)[place % 5]
        verb(fact.id, user_id="ann")
    first = memory.facts(user_id="ann", current=False, status=EVERY)[0]
    memory.undo(memory.history(first.id, user_id="ann")[-1].id, user_id="ann")
    memory.correct(first.id, "I drink coffee.", user_id="ann")


def exported(memory: Memory, form: Form = "bundle", **ids: str) -> bytes:
    """An export."""
    out = io.BytesIO()
    receipt = memory.export(out, format=form, **(ids or {"user_id": "ann"}))
    assert receipt.sha256 == hashlib.sha256(out.getvalue()).hexdigest()
    return out.getvalue()


def parts(data: bytes) -> dict[str, Any]:
    """What a bundle or a JSON export says, but for when and of whom."""
    if data[:1] == b"{":
        told = json.loads(data)
        found = {"head": told, **{name: told.pop(name) for name in ("episodes", "changes", "facts")}}
    else:
        with zipfile.ZipFile(io.BytesIO(data)) as archive:
            found = {name: archive.read(name) for name in ("episodes.jsonl", "changes.jsonl")}
            found["head"] = json.loads(archive.read("manifest.json"))
    for name in ("exported_at", "scope"):
        found["head"].pop(name)
    return found


def everything(memory: Memory, user_id: str = "ann") -> list[object]:
    """What the verbs show of a memory."""
    facts = memory.facts(user_id=user_id, current=False, status=EVERY, limit=999)
    return [
        [(each.id, each.run_id, each.role, each.name, each.text, each.timestamp.isoformat(), each.recorded_at,
          dict(each.metadata), each.message_id) for each in memory.episodes(user_id=user_id).episodes],
        sorted(facts, key=lambda fact: fact.id),
        [[(line.id, line.kind, line.cause, line.at, line.actor, line.data)
          for line in memory.history(fact.id, user_id=user_id)] for fact in sorted(facts, key=lambda fact: fact.id)],
        memory.profile(user_id, as_of=NOON + timedelta(days=9)).text,
    ]  # fmt: skip


@pytest.mark.parametrize("form", FORMS)
def test_a_memory_that_went_elsewhere_is_the_same_in_every_verb(make: Callable[[], Memory], form: Form) -> None:
    here, there = make(), make()
    live(here)
    data = exported(here, form)
    done = there.restore(io.BytesIO(data), user_id="ann")
    assert done.added == here.stats(user_id="ann").episodes
    assert (done.duplicates, done.passed_over, done.secrets) == (0, 0, 0)
    assert everything(there) == everything(here)
    assert parts(exported(there, form)) == parts(data)
    again = there.restore(io.BytesIO(data), user_id="ann")
    assert (again.added, again.changes, again.passed_over) == (0, 0, 0)
    assert parts(exported(there, form)) == parts(data)


def test_what_was_said_before_is_known_after_the_move(make: Callable[[], Memory]) -> None:
    here, there = make(), make()
    live(here)
    there.restore(io.BytesIO(exported(here)), user_id="ann")
    same: list[Any] = [Message(content="ok"), Message(content="ok"), Message(content="ok")]
    assert there.add(same, user_id="ann", run_id="r2").added == 0
    assert there.add([*same, Message(content="ok")], user_id="ann", run_id="r2").added == 1
    assert there.add("我对花生过敏。", user_id="ann", run_id="r2").added == 1, "not at that time, and not by Ann"
    known = Message(content="anything", id="m-2")
    assert there.add(known, user_id="ann", run_id="r2").added == 0, "its words were partly forgotten"


def test_words_that_were_read_there_are_not_read_again_here(make: Callable[[], Memory]) -> None:
    here, there = make(), make()
    live(here)
    there.restore(io.BytesIO(exported(here)), user_id="ann")
    before = everything(there)
    there.wait()
    assert everything(there) == before
    there.add("I work as a nurse.", user_id="ann", wait=True)
    assert any("nurse" in fact.text for fact in there.facts(user_id="ann"))


def test_a_memory_moves_to_another_user_even_of_the_same_store(make: Callable[[], Memory]) -> None:
    memory = make()
    live(memory)
    data = exported(memory)
    before = everything(memory)
    memory.restore(io.BytesIO(data), user_id="ben")
    assert everything(memory) == before
    assert memory.profile("ben").text.split("## Sources")[0] == memory.profile("ann").text.split("## Sources")[0]
    assert memory.restore(io.BytesIO(data), user_id="ben").added == 0
    moved = exported(memory, user_id="ben")
    memory.forget(user_id="ann")
    assert memory.restore(io.BytesIO(moved), user_id="ben").added == 0
    for fact in memory.facts(user_id="ben", limit=99):
        source = fact.sources[0]
        assert memory.episode(source.episode_id, user_id="ben")
    assert memory.add("I moved to Ghent last week.", user_id="ben").added == 0


def test_two_machines_that_went_on_apart_are_merged(make: Callable[[], Memory]) -> None:
    here, there = make(), make()
    here.add("I live in Paris.", user_id="ann", wait=True)
    there.restore(io.BytesIO(exported(here)), user_id="ann")
    here.add("I moved to Ghent.", user_id="ann", wait=True)
    there.add("My sister is called Nadia.", user_id="ann", wait=True)
    there.restore(io.BytesIO(exported(here)), user_id="ann")
    here.restore(io.BytesIO(exported(there)), user_id="ann")
    for memory in (here, there):
        assert memory.stats(user_id="ann").episodes == 3
        assert "Ghent" in memory.profile("ann").text
        homes = memory.facts(user_id="ann", kind="residence", current=False, status=EVERY)
        assert {fact.status for fact in homes} == {"active", "superseded"}
    assert {fact.id for fact in here.facts(user_id="ann")} == {fact.id for fact in there.facts(user_id="ann")}


def test_what_was_forgotten_here_comes_back_only_whole_and_only_by_a_restore(make: Callable[[], Memory]) -> None:
    here = make()
    told = here.add(["I live in Paris.", "I like tea."], user_id="ann", wait=True)
    data = exported(here)
    here.forget([told.episode_ids[0]], user_id="ann")
    assert here.restore(io.BytesIO(data), user_id="ann").added == 1
    here.add("Forget that I like tea.", user_id="ann", wait=True)
    assert "tea" not in here.profile("ann").text
    done = here.restore(io.BytesIO(data), user_id="ann")
    assert done.added == 0
    assert done.passed_over > 0
    assert "tea" not in here.profile("ann").text


def test_messages_that_were_partly_forgotten_stay_apart(make: Callable[[], Memory]) -> None:
    here, there = make(), make()
    for text in ("I like tea and I live in Paris.", "I like tea, my sister is called Nadia."):
        here.add(text, user_id="ann", wait=True)
    here.add("Forget that I like tea.", user_id="ann", wait=True)
    for _ in range(2):
        there.restore(io.BytesIO(exported(here)), user_id="ann")
        assert parts(exported(there)) == parts(exported(here))
        assert b'"redactions":1' in parts(exported(there))["episodes.jsonl"]


def test_other_words_under_a_known_id_are_a_conflict_that_says_what_to_do(make: Callable[[], Memory]) -> None:
    here, there = make(), make()
    here.add(Message(content="one", id="m"), user_id="ann")
    there.add(Message(content="two", id="m"), user_id="ann")
    there.add("three", user_id="ann")
    with pytest.raises(Conflict, match="another scope"):
        there.restore(io.BytesIO(exported(here)), user_id="ann")
    assert there.stats(user_id="ann").episodes == 2


def rewritten(data: bytes, change: Callable[[dict[str, bytes]], None], *, signed: bool = True) -> io.BytesIO:
    """A bundle with other members; `signed` makes its manifest fit them."""
    with zipfile.ZipFile(io.BytesIO(data)) as archive:
        members = {name: archive.read(name) for name in archive.namelist()}
    change(members)
    if signed:
        manifest = json.loads(members["manifest.json"])
        for name in ("episodes.jsonl", "changes.jsonl"):
            body = members[name]
            manifest["members"][name] = {"lines": body.count(b"\n"), "bytes": len(body),
                                         "sha256": hashlib.sha256(body).hexdigest()}  # fmt: skip
        members["manifest.json"] = json.dumps(manifest).encode()
    out = io.BytesIO()
    with zipfile.ZipFile(out, "w", zipfile.ZIP_DEFLATED) as archive:
        for name, body in members.items():
            archive.writestr(name, body)
    out.seek(0)
    return out


def put(name: str, old: bytes, new: bytes) -> Callable[[dict[str, bytes]], None]:
    """Replaces bytes of a member."""

    def change(members: dict[str, bytes]) -> None:
        assert old in members[name], (old, members[name])
        members[name] = members[name].replace(old, new, 1)

    return change


@pytest.mark.parametrize(
    ("change", "signed", "why"),
    [
        (put("episodes.jsonl", b"Paris", b"Genua"), False, "changed or cut short"),
        (put("changes.jsonl", b"user", b"usra"), False, "changed or cut short"),
        (put("manifest.json", b'"version": 1', b'"version": 2'), False, "upgrade"),
        (put("manifest.json", b"memstrata-bundle", b"memstrata-bumble"), False, "no memstrata-bundle"),
        (lambda members: members.pop("changes.jsonl"), False, "no changes.jsonl"),
        (lambda members: members.update({"more.txt": b"x"}), True, "no bundle holds"),
        (lambda members: members.update({"episodes.jsonl": b""}), True, "rests on an episode"),
        (put("episodes.jsonl", b'"role":"user"', b'"role":"king"'), True, "role 'king'"),
        (put("episodes.jsonl", b'"timestamp":"2025', b'"timestamp":"x025'), True, "not a time"),
        (put("episodes.jsonl", b'"session":0', b'"session":-1'), True, "session"),
        (put("episodes.jsonl", b'"id":"ep_', b'"id":5,"x":"ep_'), True, "id is a text"),
        (put("changes.jsonl", b'"kind":"asserted"', b'"kind":"invented"'), True, "kind 'invented'"),
        (put("changes.jsonl", b'"confidence":', b'"confidence":7,"x":'), True, "confidence"),
        (put("changes.jsonl", b'"sources":[[', b'"sources":[["",1],['), True, "source"),
        (put("changes.jsonl", b'"cause":"', b'"cause":"\\ud800'), True, "surrogate"),
    ],
)
def test_a_bundle_that_is_not_right_is_refused_before_anything_is_stored(
    change: Callable[[dict[str, bytes]], None], signed: bool, why: str
) -> None:
    with opened() as here, opened() as there:
        here.add("I live in Paris.", user_id="ann", wait=True)
        bad = rewritten(exported(here), change, signed=signed)
        with pytest.raises(InvalidInput, match=why):
            there.restore(bad, user_id="ann")
        assert there.stats(user_id="ann").episodes == 0


@pytest.mark.parametrize("form", FORMS)
def test_an_export_that_was_cut_anywhere_is_refused(form: Form) -> None:
    with opened() as here, opened() as there:
        live(here)
        data = exported(here, form)
        for keep in range(0, len(data.rstrip()), max(1, len(data) // 60)):
            with pytest.raises(InvalidInput):
                there.restore(io.BytesIO(data[:keep]), user_id="ann")
        assert there.stats(user_id="ann").episodes == 0
        assert there.restore(io.BytesIO(data), user_id="ann").added


anything = st.recursive(
    st.none()
    | st.booleans()
    | st.integers(-(2**70), 2**70)
    | st.floats()
    | st.text(max_size=5)
    | st.sampled_from(
        ["\ud800", "0001-01-01T00:00:00+14:00", "9999-12-31T23:59:59-12:00", "2025-01-01", "ep_0", "x" * 600]
    ),
    lambda inner: st.lists(inner, max_size=2) | st.dictionaries(st.text(max_size=3), inner, max_size=2),
    max_leaves=4,
)


def places(value: Any, path: tuple[Any, ...] = ()) -> Iterator[tuple[Any, ...]]:
    """Every place in a JSON value."""
    yield path
    inner = value.items() if isinstance(value, dict) else enumerate(value) if isinstance(value, list) else ()
    for key, each in inner:
        yield from places(each, (*path, key))


@settings(max_examples=150, deadline=None)
@given(st.data(), st.sampled_from(["episodes.jsonl", "changes.jsonl", "manifest.json"]), anything)
def test_whatever_is_put_into_a_bundle_it_is_refused_or_taken_in_whole(
    data: st.DataObject, name: str, value: object
) -> None:
    with opened() as here, opened() as there:
        here.add("I live in Paris.", user_id="ann", run_id="r1", wait=True)
        here.add([Message(content="I moved to Ghent.", id="m", metadata={"n": 1})], user_id="ann", wait=True)

        def change(members: dict[str, bytes]) -> None:
            lines = [members[name]] if name == "manifest.json" else members[name].splitlines()
            place = data.draw(st.integers(0, len(lines) - 1))
            told = json.loads(lines[place])
            path = data.draw(st.sampled_from(list(places(told))))
            holder = told
            for key in path[:-1]:
                holder = holder[key]
            if path:
                holder[path[-1]] = value
            lines[place] = json.dumps(told if path else value).encode()
            members[name] = b"".join(line + b"\n" for line in lines)

        try:
            done = there.restore(rewritten(exported(here), change, signed=name != "manifest.json"), user_id="ann")
        except InvalidInput:
            assert there.stats(user_id="ann").episodes == 0
            return
        assert done.added == there.stats(user_id="ann").episodes
        everything(there)
        for form in (*FORMS, "markdown", "pam"):
            exported(there, form)  # type: ignore[arg-type]


def test_a_secret_that_an_older_version_kept_is_not_restored() -> None:
    with opened() as here, opened() as there:
        here.add("I live in Paris, badge number nine.", user_id="ann", wait=True)

        def leak(members: dict[str, bytes]) -> None:
            for name in ("episodes.jsonl", "changes.jsonl"):
                members[name] = members[name].replace(b"badge number nine", b"my password is hunter2xyz")

        done = there.restore(rewritten(exported(here), leak), user_id="ann")
        assert done.secrets > 0
        out = exported(there, "json")
        assert b"hunter2xyz" not in out
        for fact in there.facts(user_id="ann", current=False):
            source = fact.sources[0]
            assert source.end <= len(there.episode(source.episode_id, user_id="ann").text)


def test_an_id_that_was_made_up_takes_nobody_elses_message(make: Callable[[], Memory]) -> None:
    memory = make()
    theirs = memory.add("My key is under the mat.", user_id="ben").episode_ids[0]
    memory.add("Mine.", user_id="ann")
    stolen = rewritten(exported(memory), lambda members: members.update({
        "episodes.jsonl": members["episodes.jsonl"].replace(json.loads(members["episodes.jsonl"])["id"].encode(),
                                                            theirs.encode()),
        "changes.jsonl": b"",
        "manifest.json": members["manifest.json"].replace(
            json.loads(members["episodes.jsonl"])["id"].encode(), theirs.encode()),
    }))  # fmt: skip
    memory.restore(stolen, user_id="eve")
    (page,) = memory.episodes(user_id="eve").episodes
    assert (page.text, page.id != theirs) == ("Mine.", True)
    assert memory.episode(theirs, user_id="ben").text == "My key is under the mat."


def test_scopes_runs_and_streams(make: Callable[[], Memory], tmp_path: Path) -> None:
    memory = make()
    live(memory)
    with pytest.raises(MissingScope):
        memory.export(io.BytesIO())
    with pytest.raises(MissingScope):
        memory.restore(io.BytesIO(exported(memory)))
    with pytest.raises(InvalidInput, match="leave run_id out"):
        memory.restore(io.BytesIO(exported(memory)), user_id="ben", run_id="r")
    one = exported(memory, user_id="ann", run_id="r2")
    done = memory.restore(io.BytesIO(one), run_id="alone")
    assert done.added == 6
    assert memory.stats(run_id="alone").episodes == 6
    path = tmp_path / "ann.zip"
    receipt = memory.export(path, user_id="ann")
    assert path.stat().st_size == receipt.size
    assert path.stat().st_mode & 0o077 == 0, "only its owner reads it"
    assert [each.name for each in tmp_path.iterdir() if each.name.startswith(".ann")] == []
    with pytest.raises(InvalidInput, match="cannot write"):
        memory.export(tmp_path / "no" / "folder.zip", user_id="ann")
    empty = exported(memory, user_id="nobody")
    assert memory.restore(io.BytesIO(empty), user_id="nobody").added == 0

    class Pipe(io.BytesIO):
        def seekable(self) -> bool:
            return False

    assert memory.restore(Pipe(exported(memory)), user_id="dan").added
    with pytest.raises(InvalidInput, match="neither"):
        memory.restore(io.BytesIO(b"hello"), user_id="dan")


def test_awaited() -> None:
    asyncio.run(awaited())


async def awaited() -> None:
    async with AsyncMemory(":memory:", embedder=HashEmbedder()) as memory:
        await memory.add("I live in Paris.", user_id="ann", wait=True)
        out = io.BytesIO()
        assert (await memory.export(out, user_id="ann")).episodes == 1
        await memory.forget(user_id="ann")
        out.seek(0)
        assert (await memory.restore(out, user_id="ann")).pending
        await memory.wait()
        assert (await memory.stats(user_id="ann")).vectors == 1


SAID = st.sampled_from([
    "I live in Paris.", "I moved to Ghent.", "I like tea.", "I don't like tea any more.", "ok", "我对花生过敏。",
    "My sister is called Nadia.", "Forget that I like tea.", "My password is swordfish99.", "Remember: answer briefly.",
])  # fmt: skip
STEPS = st.lists(
    st.tuples(
        st.sampled_from(["add", "add", "add", "tool", "pin", "mute", "retire", "confirm", "reject", "undo", "correct",
                         "forget", "move"]),
        SAID,
        st.sampled_from([None, "r1", "r2"]),
        st.integers(0, 5),
    ),
    min_size=1,
    max_size=12,
)  # fmt: skip


def do(memory: Memory, step: tuple[str, str, str | None, int]) -> None:
    """One step of a life."""
    verb, text, run_id, number = step
    if verb in ("add", "tool"):
        message = Message(
            content=text,
            role="user" if verb == "add" else "tool",
            timestamp=None if number % 2 else NOON + timedelta(hours=5 * number),
            id=f"m-{text}" if number == 4 else None,
        )
        memory.add([message] * (1 + number % 2 * (number != 4)), user_id="ann", run_id=run_id, wait=True)
        return
    if verb == "forget":
        memory.forget([each.id for each in memory.episodes(user_id="ann").episodes[number : number + 1]], user_id="ann")
        return
    facts = sorted(memory.facts(user_id="ann", current=False, status=EVERY, limit=99), key=lambda fact: fact.id)
    if not facts or verb == "move":
        return
    fact = facts[number % len(facts)]
    if verb == "undo":
        memory.undo(memory.history(fact.id, user_id="ann")[-1].id, user_id="ann")
    elif verb == "correct":
        memory.correct(fact.id, text, user_id="ann")
    else:
        getattr(memory, verb)(fact.id, user_id="ann")


@settings(max_examples=40, deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(STEPS, st.sampled_from(FORMS))
def test_whatever_was_done_an_export_of_what_was_restored_is_the_export(
    steps: list[tuple[str, str, str | None, int]], form: Form
) -> None:
    with opened() as here, opened() as there, opened() as third:
        for step in steps:
            if step[0] == "move":
                with contextlib.suppress(Conflict):  # something was partly forgotten here since the last move
                    there.restore(io.BytesIO(exported(here)), user_id="ann")
            do(here, step)
        data = exported(here, form)
        third.restore(io.BytesIO(data), user_id="ann")
        assert parts(exported(third, form)) == parts(data)
        assert everything(third) == everything(here)


def test_a_day_that_utc_does_not_have_is_counted() -> None:
    with opened() as memory:
        memory.add("early", user_id="ann", timestamp="0001-01-01T00:00:00+14:00")
        memory.add("late", user_id="ann", timestamp="9999-12-31T23:00:00-12:00")
        stats = memory.stats(user_id="ann")
        assert (stats.first, stats.last) == (datetime.min.replace(tzinfo=UTC), datetime.max.replace(tzinfo=UTC))
        for form in (*FORMS, "markdown", "pam"):
            assert exported(memory, form)  # type: ignore[arg-type]


def test_times_far_away_and_odd_zones_come_back() -> None:
    far = [
        datetime(1, 1, 1, 3, tzinfo=timezone(timedelta(hours=2))),
        datetime(9999, 12, 31, 23, 59, 59, 999999, tzinfo=timezone(-timedelta(hours=9, minutes=30))),
        datetime(2025, 1, 1, tzinfo=UTC),
    ]
    with opened() as here, opened() as there:
        here.add([Message(content=f"at {n}", timestamp=time) for n, time in enumerate(far)], user_id="ann")
        there.restore(io.BytesIO(exported(here)), user_id="ann")
        assert there.stats(user_id="ann") == here.stats(user_id="ann")
        assert there.stats(user_id="ann").first == datetime(1, 1, 1, 1, tzinfo=UTC)
        found = [each.timestamp.isoformat() for each in there.episodes(user_id="ann").episodes]
        assert sorted(found) == sorted(each.isoformat() for each in far)
