"""The proxy with OpenAI's own client: what comes out is what the upstream said, and the next conversation knows."""

from __future__ import annotations

import json
import sqlite3
from collections.abc import Iterator
from contextlib import ExitStack
from pathlib import Path
from typing import Any

import httpx
import openai
import pytest

from memstrata.connect import open_store
from memstrata.memory import Memory
from memstrata.settings import Settings
from memstrata.surfaces.rest.app import create_app
from memstrata.surfaces.rest.serving import serving
from memstrata.surfaces.rest.upstream import Upstream
from memstrata.testing.upstream import Body, UpstreamServer, completion, tool_call, whole
from memstrata.types import Episode, Scope

ANN = {"X-Memory-User": "ann"}
SAID = "I'm allergic to peanuts, so no satay for me."


def system_of(body: Body) -> str:
    """A model that repeats what it is told of the memory."""
    if "instructions" in body or "input" in body:
        return str(body.get("instructions") or "Nothing.")
    first = body["messages"][0]
    return str(first["content"]) if first["role"] == "system" else "Nothing."


class Proxied:
    """A server over a store in a file, in front of a scripted upstream, and OpenAI's client pointed at it."""

    def __init__(self, path: Path, stack: ExitStack, default_scope: Scope | None = None) -> None:
        self.path = path
        self.upstream = stack.enter_context(UpstreamServer())
        settings = Settings(store=f"sqlite:///{path}")
        self.store = open_store(settings.store, settings)
        self.memory = stack.enter_context(Memory(self.store, embedder="none"))
        upstream = Upstream(url=self.upstream.url, api_key="sk-own")
        app = create_app(self.memory, self.store, upstream=upstream, default_scope=default_scope)
        self.served = stack.enter_context(serving(app))
        self.url = self.served.url
        self.client = stack.enter_context(
            openai.OpenAI(base_url=f"{self.url}/v1", api_key="sk-client", max_retries=0, default_headers=ANN)
        )
        self.http = stack.enter_context(httpx.Client(base_url=self.url))

    def say(self, *messages: Any, **options: Any) -> str:
        """A chat completion, whole; texts are the user's."""
        spelt: Any = [each if isinstance(each, dict) else {"role": "user", "content": each} for each in messages]
        done = self.client.chat.completions.create(model="tiny", messages=spelt, **options)
        return str(done.choices[0].message.content)

    def kept(self, user_id: str = "ann") -> tuple[Episode, ...]:
        """What is remembered, oldest first, once all that is under way is done."""
        self.settle()
        return self.memory.episodes(user_id=user_id).episodes[::-1]

    def settle(self) -> None:
        """Wait for what goes on behind answers."""
        self.served.settle()
        self.memory.wait()

    def texts(self, user_id: str = "ann") -> list[tuple[str, str]]:
        return [(each.role, each.text) for each in self.kept(user_id)]


@pytest.fixture
def proxied(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Proxied]:
    monkeypatch.setenv("NO_PROXY", "127.0.0.1")
    with ExitStack() as stack:
        yield Proxied(tmp_path / "memory.db", stack)


def test_what_is_said_in_one_conversation_is_known_in_the_next(proxied: Proxied) -> None:
    proxied.say(SAID)
    proxied.kept()
    proxied.upstream.say = system_of
    assert "peanuts" in proxied.say("What should I cook, given my allergy to peanuts?")
    assert proxied.texts()[:2] == [("user", SAID), ("assistant", "Understood.")]


def test_a_chinese_conversation_is_known_in_the_next(proxied: Proxied) -> None:
    proxied.say("我对花生过敏，住在根特。")
    proxied.kept()
    proxied.upstream.say = system_of
    assert "花生" in proxied.say("我对什么过敏？")


def test_a_stream_comes_as_the_upstream_sent_it_and_is_remembered(proxied: Proxied) -> None:
    said = "You could make a 蘑菇 risotto."
    proxied.upstream.say = lambda body: said
    stream = proxied.client.chat.completions.create(
        model="tiny", messages=[{"role": "user", "content": SAID}], stream=True
    )
    assert "".join(chunk.choices[0].delta.content or "" for chunk in stream) == said
    with proxied.client.responses.stream(model="tiny", input="And on Friday?") as events:
        assert events.get_final_response().output_text == said
    assert ("assistant", said) in proxied.texts()
    assert len(proxied.texts()) == 4


def test_responses_carry_the_memory_in_their_instructions(proxied: Proxied) -> None:
    proxied.client.responses.create(model="tiny", input=SAID)
    proxied.kept()
    items: Any = [{"role": "user", "content": [{"type": "input_text", "text": "What about peanuts?"}]}]
    proxied.client.responses.create(model="tiny", input=items, instructions="Be brief.", store=False)
    sent = proxied.upstream.seen[-1].body
    assert sent["input"] == items
    assert sent["instructions"].startswith("Be brief.\n\n<")
    assert "satay" in sent["instructions"]


def test_a_response_goes_on_in_the_conversation_of_the_one_before(proxied: Proxied) -> None:
    first = proxied.client.responses.create(model="tiny", input=SAID)
    proxied.client.responses.create(model="tiny", input="yes", previous_response_id=first.id)
    assert proxied.upstream.seen[-1].body["previous_response_id"] == first.id
    assert len({each.run_id for each in proxied.kept()}) == 1
    assert [text for role, text in proxied.texts() if role == "user"] == [SAID, "yes"]


def test_the_conversation_that_the_upstream_keeps_is_the_run(proxied: Proxied) -> None:
    for said in (SAID, "And on Friday?"):
        proxied.client.responses.create(model="tiny", input=said, conversation="conv_7")
    assert {each.run_id for each in proxied.kept()} == {"conv_7"}


def test_tool_calls_pass_and_their_results_are_remembered_as_a_tools(proxied: Proxied) -> None:
    tools: Any = [{"type": "function", "function": {"name": "oven", "parameters": {"type": "object"}, "strict": True}}]
    call = tool_call("oven", {"degrees": 180})
    proxied.upstream.script = [whole(completion(None, tool_calls=[call]))]
    asked: list[Any] = [{"role": "user", "content": "Is the oven hot?"}]
    done = proxied.client.chat.completions.create(model="tiny", messages=asked, tools=tools)
    made = done.choices[0].message.tool_calls
    assert made is not None
    assert json.loads(made[0].function.arguments) == {"degrees": 180}  # type: ignore[union-attr]
    asked += [done.choices[0].message.model_dump(exclude_none=True)]
    asked += [{"role": "tool", "tool_call_id": made[0].id, "content": "It has 90 degrees."}]
    assert proxied.say(*asked, tools=tools) == "Understood."
    sent = proxied.upstream.seen[-1].body
    assert sent["tools"] == tools
    assert [each for each in sent["messages"] if each["role"] != "system"] == asked
    assert proxied.texts() == [
        ("user", "Is the oven hot?"),
        ("tool", "It has 90 degrees."),
        ("assistant", "Understood."),
    ]
    assert len({each.run_id for each in proxied.kept()}) == 1


def test_without_memory_to_add_the_request_goes_on_byte_for_byte(proxied: Proxied) -> None:
    body = (
        b'{ "model" : "tiny","messages":[{"content":"caf\\u00e9 \xe8\x8a\xb1","role":"user"}],"x":1.0,"y":1e400,"x":2 }'
    )
    answer = proxied.http.post("/v1/chat/completions?api-version=7", content=body, headers={**ANN, "X-Odd": "1, 2"})
    seen = proxied.upstream.seen[-1]
    assert seen.raw == body
    assert seen.path == "/v1/chat/completions?api-version=7"
    assert seen.headers["x-odd"] == "1, 2"
    assert answer.content == json.dumps(completion("Understood."), ensure_ascii=False).encode()


def test_with_memory_only_the_memory_is_added(proxied: Proxied) -> None:
    proxied.memory.add(SAID, user_id="ann", wait=True)
    head = b'{"z":[1.0,1e400],"messages" : [ {"role":"system","content":"Be \\u4f60 brief."}'
    image = b'{"type":"image_url","image_url":{"url":"data:,"}}'
    rest = b', {"role":"user","content":[{"type":"text","text":"peanuts?"},%s]} ],"z":"\\/"}' % image
    proxied.http.post("/v1/chat/completions", content=head + rest, headers=ANN)
    raw = proxied.upstream.seen[-1].raw
    kept = len(head) - len(b'"}')
    assert raw[:kept] == head[:kept]
    assert raw.endswith(b'"}' + rest)
    assert "satay" in json.loads(raw)["messages"][0]["content"]


def test_in_the_place_turn_what_is_recalled_stands_before_the_last_turn(proxied: Proxied) -> None:
    proxied.memory.add("Please always answer in French.", user_id="ann", wait=True)
    proxied.memory.add("The boiler man comes on Friday.", user_id="ann", wait=True)
    messages = ({"role": "user", "content": "Hello"}, {"role": "assistant", "content": "Hi"}, "When is the boiler man?")
    proxied.say(*messages, extra_headers={"X-Memory-Place": "turn"})
    sent = proxied.upstream.seen[-1].body["messages"]
    assert [each["role"] for each in sent] == ["system", "user", "assistant", "system", "user"]
    assert "French" in sent[0]["content"]
    assert "boiler" in sent[3]["content"]


def test_a_conversation_that_is_sent_again_whole_is_remembered_once(proxied: Proxied) -> None:
    history: list[Any] = []
    for said in ("I have a cat.", "yes", "Her name is Mia.", "yes"):
        history += [{"role": "user", "content": said}]
        proxied.say(*history)
        proxied.say(*history)  # as a client does whose connection broke
        history += [{"role": "assistant", "content": "Understood."}]
    turns = proxied.kept()
    assert [each.text for each in turns if each.role == "user"] == ["I have a cat.", "yes", "Her name is Mia.", "yes"]
    assert len([each for each in turns if each.role == "assistant"]) == 4
    assert len({each.run_id for each in turns}) == 1


def test_what_was_said_off_the_record_is_not_kept_when_it_is_sent_again(proxied: Proxied) -> None:
    proxied.say("I owe Bram money.", extra_headers={"X-Memory-Mode": "incognito"})
    proxied.say(
        {"role": "user", "content": "I owe Bram money."}, {"role": "assistant", "content": "Understood."}, "And tea?"
    )
    assert [text for role, text in proxied.texts() if role == "user"] == ["And tea?"]


def test_what_the_conversation_still_holds_is_not_recalled(proxied: Proxied) -> None:
    proxied.say(SAID)
    proxied.kept()
    proxied.say({"role": "user", "content": SAID}, {"role": "assistant", "content": "Understood."}, "Why no peanuts?")
    messages = proxied.upstream.seen[-1].body["messages"]
    recalled = messages[0]["content"] if messages[0]["role"] == "system" else ""
    assert "<recalled>" not in recalled


@pytest.mark.parametrize(
    ("mode", "reads", "writes"),
    [("read-write", True, True), ("read-only", True, False), ("write-only", False, True), ("incognito", False, False)],
)
def test_the_mode_says_what_may_be_done(proxied: Proxied, mode: str, reads: bool, writes: bool) -> None:
    proxied.memory.add(SAID, user_id="ann", wait=True)
    raw = proxied.client.chat.completions.with_raw_response.create(
        model="tiny",
        messages=[{"role": "user", "content": "Are peanuts fine?"}],
        extra_headers={"X-Memory-Mode": mode},
    )
    assert raw.headers["X-Memory-Mode"] == mode
    assert (int(raw.headers["X-Memory-Used"].partition(";")[0]) > 0) is reads
    assert ("satay" in proxied.upstream.seen[-1].raw.decode()) is reads
    assert ("Are peanuts fine?" in [text for _, text in proxied.texts()]) is writes
    assert ("X-Memory-Run" in raw.headers) is writes


def test_incognito_leaves_no_byte_in_the_store(proxied: Proxied, caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level("DEBUG", "memstrata")
    secret = "Zanzibarquetzal"
    proxied.upstream.say = lambda body: f"{secret}answer"
    for stream in (False, True):
        options: Any = {"stream": True} if stream else {}
        done = proxied.client.chat.completions.create(
            model="tiny",
            messages=[{"role": "user", "content": f"{secret}question"}],
            extra_headers={"X-Memory-Mode": "incognito", "X-Memory-User": f"{secret}user"},
            **options,
        )
        list(done)
    proxied.settle()
    for file in proxied.path.parent.iterdir():
        assert secret.encode() not in file.read_bytes()
    with sqlite3.connect(proxied.path) as database:
        assert database.execute("SELECT count(*) FROM episode").fetchone() == (0,)
    assert secret not in caplog.text


def test_headers_tell_whose_memory_it_is(proxied: Proxied) -> None:
    ids = {"X-Memory-User": "UTF-8''%E5%AE%89%E5%A8%9C", "X-Memory-Agent": "cook", "X-Memory-App": "home"}
    proxied.say("I like tea.", extra_headers={**ids, "X-Memory-Run": "dinner"})
    proxied.settle()
    kept = proxied.memory.episodes(user_id="安娜", agent_id="cook", app_id="home", run_id="dinner").episodes
    assert [each.text for each in reversed(kept)] == ["I like tea.", "Understood."]


def test_the_user_field_names_the_user_where_no_header_does(proxied: Proxied) -> None:
    body = {"model": "tiny", "user": "bea", "messages": [{"role": "user", "content": "I like tea."}]}
    proxied.http.post("/v1/chat/completions", json=body)
    assert proxied.upstream.seen[-1].body == body
    assert proxied.texts("bea")[0] == ("user", "I like tea.")


def test_without_anybodys_name_there_is_no_memory_and_a_header_says_so(proxied: Proxied) -> None:
    body = {"model": "tiny", "messages": [{"role": "user", "content": "I like tea."}]}
    answer = proxied.http.post("/v1/chat/completions", json=body)
    assert answer.headers["X-Memory-Mode"] == "none"
    assert answer.headers["X-Memory-Used"] == "0"
    assert answer.json()["choices"][0]["message"]["content"] == "Understood."
    with sqlite3.connect(proxied.path) as database:
        assert database.execute("SELECT count(*) FROM episode").fetchone() == (0,)


def test_a_default_scope_is_whose_memory_it_is_otherwise(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("NO_PROXY", "127.0.0.1")
    with ExitStack() as stack:
        proxied = Proxied(tmp_path / "memory.db", stack, default_scope=Scope(user_id="me"))
        body = {"model": "tiny", "messages": [{"role": "user", "content": "I like tea."}]}
        proxied.http.post("/v1/chat/completions", json=body)
        proxied.http.post("/v1/chat/completions", json={**body, "user": "bea"})
        assert proxied.texts("me")[0] == proxied.texts("bea")[0] == ("user", "I like tea.")


def test_the_used_header_names_what_was_used(proxied: Proxied) -> None:
    (id_,) = proxied.memory.add(SAID, user_id="ann", wait=True).episode_ids
    raw = proxied.client.chat.completions.with_raw_response.create(
        model="tiny",
        messages=[{"role": "user", "content": "Are peanuts fine?"}],
        extra_headers={"X-Memory-Tokens": "200"},
    )
    count, _, ids = raw.headers["X-Memory-Used"].partition("; ids=")
    named = ids.split(",")
    assert len(named) == int(count) >= 1
    facts = {fact.id: fact for fact in memory_facts(proxied)}
    assert all(each == id_ or facts[each].sources[0].episode_id == id_ for each in named)


def memory_facts(proxied: Proxied) -> list[Any]:
    return list(proxied.memory.facts(user_id="ann", current=False, limit=100))


@pytest.mark.parametrize("ending", ["comment", "event"])
def test_a_stream_ends_with_what_was_used_where_that_is_asked_for(proxied: Proxied, ending: str) -> None:
    body = {"model": "tiny", "stream": True, "messages": [{"role": "user", "content": "Hello"}]}
    plain = proxied.http.post("/v1/chat/completions", json=body, headers=ANN).content
    more = proxied.http.post("/v1/chat/completions", json=body, headers={**ANN, "X-Memory-Ending": ending}).content
    assert plain.endswith(b"data: [DONE]\n\n")
    assert more.startswith(plain)
    said = more[len(plain) :].decode().strip()
    assert said.startswith(": memory {" if ending == "comment" else "event: memory\ndata: {")
    assert json.loads(said[said.index("{") :])["mode"] == "read-write"


def test_other_paths_of_openais_clients_are_handed_on(proxied: Proxied) -> None:
    assert [model.id for model in proxied.client.models.list()] == ["tiny"]
    with pytest.raises(openai.NotFoundError, match="no /v1/embeddings"):
        proxied.client.embeddings.create(model="tiny", input="x")
    assert proxied.http.get("/v1/misspelt").status_code == 404
    before = len(proxied.upstream.seen)
    assert proxied.http.get("/v1/models/%2e%2e/secret").status_code == 422
    assert len(proxied.upstream.seen) == before


def test_wrong_headers_are_refused_in_openais_shape(proxied: Proxied) -> None:
    for name, value in (("Mode", "off"), ("Tokens", "many"), ("Tokens", "0"), ("User", "u" * 600), ("Place", "x")):
        with pytest.raises(openai.UnprocessableEntityError) as caught:
            proxied.say("Hello", extra_headers={f"X-Memory-{name}": value})
        assert caught.value.code in ("invalid_input", "missing_scope")
    assert proxied.upstream.seen == []
