"""The proxy when things go wrong: the chat goes through, errors are the upstream's own, nobody sees another's words."""

from __future__ import annotations

import json
import threading
from collections.abc import Iterator
from contextlib import ExitStack
from dataclasses import replace
from datetime import UTC, datetime
from typing import Any

import httpx
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from memstrata.core.access import Grant, Key, Right, digest_of, token_of
from memstrata.errors import InvalidInput, StoreError
from memstrata.memory import Memory
from memstrata.settings import Settings
from memstrata.stores.memory import MemoryStore
from memstrata.surfaces.rest import proxy as proxy_module
from memstrata.surfaces.rest.app import create_app
from memstrata.surfaces.rest.serving import serving
from memstrata.surfaces.rest.upstream import Upstream, upstream_at
from memstrata.testing.upstream import (
    Scripted,
    UpstreamServer,
    completion,
    streamed,
    streamed_chat,
    streamed_response,
    whole,
)

ANN = {"X-Memory-User": "ann"}
SECRET = "s" * 43
CHAT = "/v1/chat/completions"


def asking(text: str = "Hello", **fields: Any) -> dict[str, Any]:
    return {"model": "tiny", "messages": [{"role": "user", "content": text}], **fields}


class Trying(Memory):
    """A memory that fails where it is told to."""

    failing: tuple[str, ...] = ()
    error: Exception = StoreError("the disk is on fire")
    stuck: threading.Event | None = None

    def add(self, *args: Any, **kwargs: Any) -> Any:
        self._try("add")
        return super().add(*args, **kwargs)

    def search(self, *args: Any, **kwargs: Any) -> Any:
        self._try("search")
        return super().search(*args, **kwargs)

    def _try(self, verb: str) -> None:
        if verb in self.failing:
            if self.stuck is not None:
                self.stuck.wait(20)
            raise self.error


class Front:
    """A server over a store in memory in front of a scripted upstream."""

    def __init__(self, stack: ExitStack, url: str | None = None, api_key: str | None = "sk-own") -> None:
        self.upstream = stack.enter_context(UpstreamServer())
        self.store = MemoryStore()
        self.memory = stack.enter_context(Trying(self.store, embedder="none", worker="none"))
        behind = Upstream(url=url or self.upstream.url, api_key=api_key)
        self.served = stack.enter_context(serving(create_app(self.memory, self.store, upstream=behind)))
        self.url = self.served.url
        self.http = stack.enter_context(httpx.Client(base_url=self.url, timeout=30))

    def post(self, body: Any, path: str = CHAT, **headers: str) -> httpx.Response:
        return self.http.post(path, json=body, headers={**ANN, **headers})

    def texts(self, user_id: str = "ann") -> list[str]:
        self.served.settle()
        return [each.text for each in self.memory.episodes(user_id=user_id).episodes[::-1]]

    def key(self, id_: str, rights: tuple[Right, ...] = ("read", "write"), **fields: Any) -> str:
        made = datetime(2026, 1, 1, tzinfo=UTC)
        grants = fields.pop("grants", (Grant(),))
        self.store.put_key(
            Key(id=id_ * 12, digest=digest_of(SECRET), rights=rights, grants=grants, created_at=made, **fields)
        )
        return token_of(id_ * 12, SECRET)


@pytest.fixture
def front(monkeypatch: pytest.MonkeyPatch) -> Iterator[Front]:
    monkeypatch.setenv("NO_PROXY", "127.0.0.1")
    with ExitStack() as stack:
        yield Front(stack)


@pytest.mark.parametrize("error", [StoreError("the disk is on fire"), RuntimeError("Bram owes me money")])
def test_a_memory_that_fails_leaves_the_chat_alone(
    front: Front, error: Exception, caplog: pytest.LogCaptureFixture
) -> None:
    front.memory.failing, front.memory.error = ("add", "search"), error
    answer = front.post(asking())
    assert answer.json()["choices"][0]["message"]["content"] == "Understood."
    assert front.upstream.seen[-1].body == asking()
    assert "memory could not be read" in answer.headers["X-Memory-Degraded"]
    assert "could not be remembered" in answer.headers["X-Memory-Degraded"]
    assert str(error) not in caplog.text + answer.headers["X-Memory-Degraded"]


def test_a_memory_that_takes_too_long_is_not_waited_for(front: Front, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(proxy_module, "MEMORY_SECONDS", 0.05)
    front.memory.failing, front.memory.stuck = ("search",), threading.Event()
    answer = front.post(asking())
    assert answer.status_code == 200
    assert "memory could not be read within 0.05 s" in answer.headers["X-Memory-Degraded"]
    front.memory.stuck.set()
    assert front.texts() == ["Hello", "Understood."]


def test_what_was_said_is_kept_before_the_answer_begins(front: Front) -> None:
    front.upstream.script = [streamed_chat("One two three.", held=True)]
    with front.http.stream("POST", CHAT, json=asking(stream=True), headers=ANN) as answer:
        assert [each.text for each in front.memory.episodes(user_id="ann").episodes] == ["Hello"]
        pieces = answer.iter_raw()
        assert b"One" in next(pieces) + next(pieces) + next(pieces)  # while the last is held back
        front.upstream.release()
        assert b"".join(pieces).endswith(b"[DONE]\n\n")
    assert front.texts() == ["Hello", "One two three."]


@pytest.mark.parametrize("path", [CHAT, "/v1/responses"])
def test_a_client_that_hangs_up_leaves_both_turns_remembered(front: Front, path: str) -> None:
    make = streamed_chat if path == CHAT else streamed_response
    front.upstream.script = [make("One two three.", held=True)]
    body = asking(stream=True) if path == CHAT else {"model": "tiny", "input": "Hello", "stream": True}
    with front.http.stream("POST", path, json=body, headers=ANN) as answer:
        heard = b""
        for piece in answer.iter_raw():
            heard += piece
            if b"One t" in heard:
                break
    said = front.texts()
    assert said[0] == "Hello"
    assert said[1].startswith("One t")


def test_an_upstream_that_breaks_off_is_seen_to_and_what_was_heard_is_kept(front: Front) -> None:
    whole_answer = streamed_chat("One two three.")
    front.upstream.script = [Scripted(pieces=whole_answer.pieces[:2], headers=whole_answer.headers, broken=True)]
    with (
        pytest.raises(httpx.RemoteProtocolError),
        front.http.stream("POST", CHAT, json=asking(stream=True), headers=ANN) as answer,
    ):
        answer.read()
    assert front.texts() == ["Hello", "One t"]


@pytest.mark.parametrize(
    "scripted",
    [
        whole({"error": {"message": "slow down", "type": "tokens"}}, status=429, headers={"Retry-After": "7"}),
        whole({"error": {"message": "broken"}}, status=500, headers={"X-Request-Id": "r1"}),
        whole(b"<html>busy</html>", headers={"Content-Type": "text/html"}),
        whole(b'{"choices": 7}'),
        whole(b'{"choices": [{"message": {"content": [[]]}}], "id": {}}'),
        streamed([b"data: \xff\n\ndata: [1]\n\n", b'data: {"choices":[[{}]]}\n\n']),
        whole(b"\x1f\x8b\x08\x00garbage", headers={"Content-Encoding": "gzip"}),
    ],
)  # fmt: skip
def test_whatever_the_upstream_says_is_relayed_as_it_is(front: Front, scripted: Scripted) -> None:
    front.upstream.script = [scripted, scripted]
    for path, body in ((CHAT, asking()), ("/v1/responses", {"input": "Hello"})):
        with front.http.stream("POST", path, json=body, headers=ANN) as answer:
            raw = b"".join(answer.iter_raw())
        assert (answer.status_code, raw) == (scripted.status, b"".join(scripted.pieces))
        assert all(answer.headers[name] == value for name, value in scripted.headers.items())
    assert front.texts() == ["Hello"]


def test_an_upstream_that_is_gone_is_a_502_in_openais_shape_and_the_turn_is_kept() -> None:
    with ExitStack() as stack:
        front = Front(stack, url="http://127.0.0.1:9/v1")
        answer = front.post(asking())
        assert answer.status_code == 502
        assert answer.json()["error"]["code"] == "upstream_unreachable"
        assert front.texts() == ["Hello"]


def test_without_an_upstream_the_routes_say_what_to_set() -> None:
    store = MemoryStore()
    with Memory(store, embedder="none", worker="none") as memory, serving(create_app(memory, store)) as served:
        for method, path in (("POST", CHAT), ("POST", "/v1/responses"), ("GET", "/v1/models")):
            answer = httpx.request(method, f"{served.url}{path}", json={})
            assert answer.status_code == 503
            assert "--upstream" in answer.json()["error"]["message"]


def test_a_key_of_this_server_is_never_handed_on(front: Front) -> None:
    token = front.key("a")
    for headers in (
        {"Authorization": f"Bearer {token}"},
        {"X-Api-Key": token},
        {"X-Memory-Key": token},
        {"X-Memory-Key": token, "Authorization": f"Bearer {token}", "Api-Key": token},
    ):
        assert front.post(asking(), **headers).status_code == 200
        seen = front.upstream.seen[-1]
        assert SECRET not in json.dumps(dict(seen.headers))
        assert seen.headers["Authorization"] == "Bearer sk-own"
        assert not any(name.lower().startswith("x-memory") for name in seen.headers)


def test_a_callers_own_key_goes_to_the_upstream_beside_one_of_this_server(front: Front) -> None:
    assert front.post(asking(), Authorization="Bearer sk-theirs").status_code == 200
    assert front.upstream.seen[-1].headers["authorization"] == "Bearer sk-theirs"
    token = front.key("a")
    assert front.post(asking(), Authorization="Bearer sk-theirs").status_code == 401
    assert front.post(asking(), **{"Authorization": "Bearer sk-theirs", "X-Memory-Key": token}).status_code == 200
    assert front.upstream.seen[-1].headers["authorization"] == "Bearer sk-theirs"


def test_a_key_for_one_service_is_not_sent_to_another() -> None:
    known = Settings(store=":memory:", openai_api_key="sk-openai")
    openai, other = "https://api.openai.com/v1", "http://127.0.0.1:11434/v1"
    assert upstream_at(None, known) is None
    for url, given_, key in (
        (openai, known, "sk-openai"),
        (other, known, None),
        (other, replace(known, upstream_key="k"), "k"),
    ):
        made = upstream_at(url, given_)
        assert made is not None
        assert made.api_key == key
        assert "sk-openai" not in repr(made)
    with pytest.raises(InvalidInput):
        upstream_at("localhost:11434", known)


def test_cookies_of_this_host_are_not_handed_on(front: Front) -> None:
    front.post(asking(), Cookie="session=1", Referer="http://127.0.0.1/secret")
    assert not {"cookie", "referer", "origin"} & {name.lower() for name in front.upstream.seen[-1].headers}


def test_keys_reach_only_what_they_are_granted(front: Front) -> None:
    front.memory.add("Ann likes satay.", user_id="ann", app_id="one")
    mine = {"Authorization": f"Bearer {front.key('a', app_id='one')}"}
    other = {"Authorization": f"Bearer {front.key('b', app_id='two')}"}
    reader = {"Authorization": f"Bearer {front.key('c', rights=('read',), app_id='one')}"}
    bound = {"Authorization": f"Bearer {front.key('d', app_id='one', grants=(Grant(user_id='bea'),))}"}
    assert front.post(asking("satay?"), **mine).headers["X-Memory-Used"] != "0"
    assert front.post(asking("satay?"), **other).headers["X-Memory-Used"] == "0"
    assert front.post(asking("satay?"), **other, **{"X-Memory-App": "one"}).status_code == 404
    assert front.post(asking("satay?"), **bound).status_code == 404
    assert front.post(asking("satay?"), **reader).status_code == 403
    assert front.post(asking("satay?"), **reader, **{"X-Memory-Mode": "read-only"}).headers["X-Memory-Used"] != "0"
    assert front.post(asking("satay?"), Authorization=f"Bearer ms_{'e' * 12}_{SECRET}").status_code == 401
    satay = [seen for seen in front.upstream.seen if b"likes" in seen.raw]
    assert len(satay) == 2


def test_what_the_upstream_keeps_for_the_servers_account_is_not_handed_out(front: Front) -> None:
    token = front.key("a")
    signed = {"Authorization": f"Bearer {token}"}
    assert front.http.get("/v1/responses/resp_1", headers=signed).status_code == 403
    assert front.http.get(CHAT, headers=signed).status_code == 403
    assert front.upstream.seen == []
    own = {"X-Memory-Key": token, "Authorization": "Bearer sk-theirs"}
    assert front.http.get("/v1/responses/resp_1", headers=own).status_code == 404
    assert front.http.get("/v1/models", headers=signed).status_code == 200


JSONS = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False) | st.text(max_size=20) | st.just("\ud800x"),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text(max_size=8), inner, max_size=4),
    max_leaves=8,
)
ROLES = st.sampled_from(["user", "assistant", "system", "developer", "tool", "function", "critic", 7, None])
PARTS = st.lists(
    st.fixed_dictionaries({"type": st.sampled_from(["text", "input_text", "x"]), "text": JSONS}) | JSONS, max_size=3
)
MESSAGES = st.lists(
    st.fixed_dictionaries(
        {"role": ROLES, "content": st.text(max_size=20) | PARTS | JSONS},
        optional={"name": JSONS, "tool_calls": JSONS, "type": JSONS, "output": JSONS, "id": JSONS},
    )
    | JSONS,
    max_size=5,
)
BODIES = st.fixed_dictionaries(
    {},
    optional={
        "messages": MESSAGES | JSONS, "input": MESSAGES | st.text(max_size=20) | JSONS, "instructions": JSONS,
        "user": JSONS, "stream": JSONS, "previous_response_id": JSONS, "tools": JSONS, "\u00e9": JSONS,
    },
)  # fmt: skip


@settings(max_examples=150, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(
    body=BODIES | JSONS, path=st.sampled_from([CHAT, "/v1/responses"]), ascii_only=st.booleans(), named=st.booleans()
)
def test_no_body_makes_it_fail_leak_or_change_what_is_sent(
    front: Front, body: Any, path: str, ascii_only: bool, named: bool
) -> None:
    front.memory.add("Please always mention the quetzal of bea.", user_id="bea", wait=True)
    front.memory.add("Please always mention the marmot of ann.", user_id="ann", wait=True)
    text = json.dumps(body, ensure_ascii=ascii_only)
    raw = text.encode("utf-8", "surrogatepass")
    answer = front.http.post(path, content=raw, headers={**(ANN if named else {}), "Content-Type": "application/json"})
    assert answer.status_code in (200, 400)
    sent = front.upstream.seen[-1].raw
    assert b"quetzal" not in sent.replace(raw, b"")
    if sent != raw:
        assert "marmot" in json.dumps(json.loads(sent), ensure_ascii=False)
        common = next(place for place in range(len(raw) + 1) if raw[:place] != sent[:place]) - 1
        assert sent.endswith(raw[common:]) or raw[common : common + 4] == b"null"  # `instructions` that were nothing


@given(data=st.binary(max_size=60))
@settings(max_examples=60, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
def test_bytes_that_are_no_json_go_to_the_upstream_as_they_are(front: Front, data: bytes) -> None:
    for raw in (data, b'{"messages":' + data, b"[" * 100_000, b"\xef\xbb\xbf{}"):
        answer = front.http.post(CHAT, content=raw, headers=ANN)
        assert answer.status_code in (200, 400, 500)
        assert front.upstream.seen[-1].raw == raw
    front.upstream.seen.clear()


def test_an_answer_that_says_it_is_whole_and_is_json_is_not_touched(front: Front) -> None:
    front.upstream.script = [whole(completion("x" * 3_000_000))]
    assert len(front.post(asking()).json()["choices"][0]["message"]["content"]) == 3_000_000
