"""Whatever two apps' keys send, neither sees a word of the other, and denied cannot be told from missing."""

from __future__ import annotations

import json
from datetime import UTC, datetime
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from memstrata.core.access import RIGHTS, Grant, Key, checked_rights, digest_of, token_of
from memstrata.memory import Memory
from memstrata.stores.memory import MemoryStore
from memstrata.surfaces.rest.app import create_app
from memstrata.surfaces.rest.in_process import in_process
from memstrata.wire import VERBS

CANARY = {"crm": "quinceberry", "shop": "marrowstone"}
SECRET = "s" * 43
USERS = ("ann", "小雨")


class Tenants:
    """Two apps on one server, with the same users; each knows its own word."""

    def __init__(self) -> None:
        self.store = MemoryStore()
        self.memory = Memory(self.store, embedder="none", worker="none")
        self.client = in_process(create_app(self.memory, self.store, rate=1e9, burst=1_000_000_000))
        self.signed = {app: self._key(place, app) for place, app in enumerate(CANARY)}
        self.ids: list[str] = ["nothing", "../x", "a b"]
        for app, word in CANARY.items():
            for user in USERS:
                self.memory.add(f"I live in {word} town.", user_id=user, app_id=app, run_id="r", wait=True)
                fact = self.memory.facts(user_id=user, app_id=app)[0]
                self.ids += [fact.id, fact.sources[0].episode_id]
                self.ids += [change.id for change in self.memory.history(fact.id, user_id=user, app_id=app)]

    def _key(self, place: int, app: str) -> dict[str, str]:
        made = datetime(2026, 1, 1, tzinfo=UTC)
        rights = checked_rights(list(RIGHTS))
        key = Key(
            id=f"{place:012x}", digest=digest_of(SECRET), rights=rights, grants=(Grant(),), created_at=made, app_id=app
        )
        self.store.put_key(key)
        return {"Authorization": f"Bearer {token_of(key.id, SECRET)}"}


@pytest.fixture(scope="module")
def tenants() -> Tenants:
    return Tenants()


words = st.one_of(st.sampled_from(["Where do I live?", "town", "住在哪里"]), st.text(max_size=20))
ids = st.one_of(st.none(), st.sampled_from([*USERS, "r", "*", "crm", "shop"]), st.text(max_size=5))
odd = st.recursive(
    st.none() | st.booleans() | st.integers() | words, lambda inner: st.lists(inner, max_size=2), max_leaves=4
)
values: dict[str, st.SearchStrategy[Any]] = {
    "user_id": st.one_of(st.sampled_from(USERS), ids), "agent_id": st.none(),
    "app_id": st.one_of(st.none(), st.sampled_from(["crm", "shop"]), ids),
    "run_id": st.sampled_from([None, None, "r"]), "query": words, "entity": words, "limit": st.integers(-1, 1001),
    "items": st.lists(st.sampled_from(["fact", "episode", "nothing"]), max_size=2), "max_tokens": st.integers(0, 99),
    "filters": st.sampled_from([None, {"role": "user"}, {"AND": []}, {"x": {"y": 1}}]), "about": words,
    "messages": words, "text": words, "current": st.booleans(), "known_at": st.sampled_from([None, "2030-01-01", "x"]),
    "format": st.sampled_from(["json", "markdown", "pam", "bundle"]),
}  # fmt: skip
NEEDED = {"export": ("format",), "search": ("query",), "context": ("query", "max_tokens"), "timeline": ("entity",)}
READING = tuple(name for name, verb in VERBS.items() if verb.right == "read")


@given(data=st.data())
@settings(max_examples=300, deadline=None, derandomize=True, suppress_health_check=list(HealthCheck))
def test_no_answer_holds_a_word_of_another_app(tenants: Tenants, data: st.DataObject) -> None:
    app = data.draw(st.sampled_from(sorted(CANARY)))
    verb = VERBS[data.draw(st.sampled_from(sorted(READING)))]
    names = ["user_id", "app_id", *NEEDED.get(verb.name, ())]  # a call that is right in itself
    if data.draw(st.booleans()):
        names += data.draw(st.lists(st.sampled_from(sorted(set(values) - {"user_id", "app_id"})), max_size=2))
    given_ = {
        name: data.draw(st.one_of(values[name], odd) if data.draw(st.booleans()) else values[name]) for name in names
    }
    path = verb.path.replace("{id}", data.draw(st.sampled_from(tenants.ids)))
    headers = {**tenants.signed[app], **({"X-Memory-App": "crm"} if data.draw(st.booleans()) else {})}
    if verb.method == "POST":
        answer = tenants.client.post(path, json=given_, headers=headers)
    else:
        query = {name: json.dumps(each) if name == "filters" else str(each) for name, each in given_.items()}
        answer = tenants.client.get(path, params=query, headers=headers)
    assert answer.status_code < 500, answer.text
    other = next(word for owner, word in CANARY.items() if owner != app)
    assert other not in answer.text


def test_an_item_of_another_app_looks_like_one_that_is_not(tenants: Tenants) -> None:
    for verb in VERBS.values():
        if "{id}" not in verb.path:
            continue
        for own, theirs in (("crm", "shop"), ("shop", "crm")):
            fact = tenants.memory.facts(user_id="ann", app_id=theirs)[0]
            real = fact.sources[0].episode_id if verb.name == "episode" else fact.id
            if verb.name == "undo":
                real = tenants.memory.history(fact.id, user_id="ann", app_id=theirs)[0].id
            answers = set()
            for id_, app in ((real, None), (real, theirs), ("fa_nothing", None), ("fa_nothing", theirs)):
                asked = {
                    "user_id": "ann",
                    **({"app_id": app} if app else {}),
                    **({"text": "x"} if verb.name == "correct" else {}),
                }
                path = verb.path.replace("{id}", id_)
                if verb.method == "POST":
                    answer = tenants.client.post(path, json=asked, headers=tenants.signed[own])
                else:
                    answer = tenants.client.get(path, params=asked, headers=tenants.signed[own])
                answers.add((answer.status_code, answer.text, answer.headers["content-type"]))
            assert len(answers) == 1, (verb.name, answers)
            assert next(iter(answers))[0] == 404
