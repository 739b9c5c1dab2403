"""The language model of OpenAI-compatible services, against a service on this machine."""

from __future__ import annotations

import json
import logging
import subprocess
import sys
import threading
from collections.abc import Callable, Iterator
from typing import Any

import pytest

from memstrata.core.records import Prompt
from memstrata.core.tokens import estimated_tokens
from memstrata.errors import InvalidInput, ModelError, ModelUnavailable
from memstrata.models.chat import MOST_BYTES, RETRY_SECONDS, OpenAIChat, prompt_tokens
from memstrata.models.resolve import resolve_language_model
from memstrata.testing.chat_server import ChatServer, Mode
from memstrata.testing.language_models import ScriptedModel

KEY = "sk-very-secret-key"
SECRET = "a private sentence about Ghent that nobody else should read"
TURNS = '<turns>\n[{"turn": 1, "text": "I moved to Ghent. I like tea."}]\n</turns>'
PLAIN = Prompt(system="Be brief.", user=TURNS)
WITH_SCHEMA = Prompt(system="Be brief.", user=TURNS, schema_name="facts", schema={"type": "object"})


class Time:
    """A clock that only pauses move."""

    def __init__(self) -> None:
        self.now = 0.0
        self.pauses: list[float] = []

    def clock(self) -> float:
        return self.now

    def pause(self, seconds: float) -> None:
        self.pauses.append(seconds)
        self.now += seconds


Make = Callable[..., OpenAIChat]


@pytest.fixture
def server() -> Iterator[ChatServer]:
    with ChatServer() as server:
        yield server


@pytest.fixture
def time() -> Time:
    return Time()


@pytest.fixture
def make(server: ChatServer, time: Time, monkeypatch: pytest.MonkeyPatch) -> Iterator[Make]:
    monkeypatch.setenv("NO_PROXY", "127.0.0.1")
    made: list[OpenAIChat] = []

    def make(model: str = "small", **options: Any) -> OpenAIChat:
        options = {"base_url": server.url, "api_key": KEY, "pause": time.pause, "clock": time.clock, **options}
        made.append(OpenAIChat(model, **options))
        return made[-1]

    yield make
    for model in made:
        model.close()


def test_a_prompt_goes_with_the_key_at_temperature_0_and_comes_back_with_its_cost(
    make: Make, server: ChatServer
) -> None:
    done = make().complete(PLAIN, max_tokens=50)
    assert [fact["quote"] for fact in json.loads(done.text)["facts"]] == ["I moved to Ghent.", "I like tea."]
    assert (done.prompt_tokens, done.completion_tokens) == (1000, 100)
    assert server.asked == [
        {
            "model": "small",
            "messages": [{"role": "system", "content": "Be brief."}, {"role": "user", "content": TURNS}],
            "max_tokens": 50,
            "temperature": 0,
        }
    ]
    assert server.paths == ["/v1/chat/completions"]
    assert server.headers[0]["Authorization"] == f"Bearer {KEY}"


def test_a_schema_is_asked_for_strictly(make: Make, server: ChatServer) -> None:
    make().complete(WITH_SCHEMA, max_tokens=50)
    assert server.asked[0]["response_format"] == {
        "type": "json_schema",
        "json_schema": {"name": "facts", "strict": True, "schema": {"type": "object"}},
    }


@pytest.mark.parametrize(
    ("mode", "formats"),
    [("no-schema", ["json_schema", "json_object"]), ("no-format", ["json_schema", "json_object", None])],
)
def test_what_an_endpoint_refuses_is_left_out_from_then_on(
    make: Make, server: ChatServer, mode: Mode, formats: list[str | None]
) -> None:
    server.mode = mode
    model = make()
    model.complete(WITH_SCHEMA, max_tokens=50)
    model.complete(WITH_SCHEMA, max_tokens=50)
    asked = [asked.get("response_format", {}).get("type") for asked in server.asked]
    assert asked == [*formats, formats[-1]]
    assert '{"type": "object"}' not in server.asked[0]["messages"][0]["content"]
    assert server.asked[-1]["messages"][0]["content"].endswith('fits this schema:\n{"type": "object"}')


def test_a_refusal_for_another_reason_is_not_remembered(make: Make, server: ChatServer) -> None:
    model = make()
    server.mode = "refusing"
    with pytest.raises(ModelError, match="401"):
        model.complete(WITH_SCHEMA, max_tokens=50)
    server.mode = "ok"
    model.complete(WITH_SCHEMA, max_tokens=50)
    assert [asked["response_format"]["type"] for asked in server.asked] == ["json_schema", "json_schema"]


def test_reasoning_models_get_the_parameters_that_they_take(make: Make, server: ChatServer) -> None:
    server.mode = "reasoning"
    model = make()
    model.complete(PLAIN, max_tokens=50)
    model.complete(PLAIN, max_tokens=60)
    assert len(server.asked) == 4
    assert server.asked[-1].keys() == {"model", "messages", "max_completion_tokens"}


def test_without_a_key_none_is_sent_and_without_counts_tokens_are_estimated(make: Make, server: ChatServer) -> None:
    server.mode = "no-usage"
    done = make(api_key=None).complete(WITH_SCHEMA, max_tokens=50)
    assert "Authorization" not in server.headers[0]
    assert done.prompt_tokens == prompt_tokens(WITH_SCHEMA) > prompt_tokens(PLAIN)
    assert done.completion_tokens == estimated_tokens(done.text)


@pytest.mark.parametrize("mode", ["error500", "ratelimited", "close-connection"])
def test_what_fails_is_asked_three_times(make: Make, server: ChatServer, time: Time, mode: Mode) -> None:
    server.modes = [mode, mode]
    assert make().complete(PLAIN, max_tokens=50).text
    assert (len(server.asked), len(time.pauses)) == (3, 2)
    server.mode = mode
    with pytest.raises(ModelUnavailable):
        make().complete(PLAIN, max_tokens=50)
    assert len(server.asked) == 6


def test_pauses_grow_and_retry_after_is_honoured(make: Make, server: ChatServer, time: Time) -> None:
    server.modes = ["error500", "error500", "ok", "ratelimited"]
    model = make()
    model.complete(PLAIN, max_tokens=50)
    model.complete(PLAIN, max_tokens=50)
    assert 0.25 <= time.pauses[0] <= 0.5 <= time.pauses[1] <= 1
    assert time.pauses[2] == 2


def test_no_try_begins_after_the_time_for_retries(make: Make, server: ChatServer, time: Time) -> None:
    class Sluggish(Time):
        def clock(self) -> float:
            self.now += RETRY_SECONDS / 3
            return self.now

    server.mode = "error500"
    sluggish = Sluggish()
    with pytest.raises(ModelUnavailable, match="500"):
        make(pause=sluggish.pause, clock=sluggish.clock).complete(PLAIN, max_tokens=50)
    assert len(server.asked) == 1


def test_an_endpoint_that_asks_for_too_long_a_pause_is_left_alone(make: Make, server: ChatServer, time: Time) -> None:
    server.mode = "ratelimited"
    with pytest.raises(ModelUnavailable, match="429"):
        make(clock=lambda: RETRY_SECONDS - 1 if server.asked else 0.0).complete(PLAIN, max_tokens=50)
    assert time.pauses == []


def test_a_slow_endpoint_is_unavailable_until_it_is_not(make: Make, server: ChatServer) -> None:
    server.mode = "slow"
    model = make(timeout_s=0.1)
    with pytest.raises(ModelUnavailable, match="Timeout"):
        model.complete(PLAIN, max_tokens=50)
    server.release()
    assert model.complete(PLAIN, max_tokens=50).text


def test_an_answer_that_comes_byte_by_byte_is_given_up_in_time(make: Make, server: ChatServer) -> None:
    server.mode = "dripping"
    ticking = Time()

    def tick() -> float:
        ticking.now += 0.5
        return ticking.now

    with pytest.raises(ModelUnavailable, match="ReadTimeout"):
        make(timeout_s=5, clock=tick).complete(PLAIN, max_tokens=50)


def test_no_more_than_the_limit_is_read_of_an_answer(make: Make, server: ChatServer) -> None:
    server.mode = "huge"
    with pytest.raises(ModelError, match=f"more than {MOST_BYTES:,} bytes") as caught:
        make().complete(PLAIN, max_tokens=50)
    assert not isinstance(caught.value, ModelUnavailable)


@pytest.mark.parametrize(("mode", "message"), [("not-chat", "check the URL"), ("no-text", "a refusal")])
def test_an_answer_without_a_text_is_an_error(make: Make, server: ChatServer, mode: Mode, message: str) -> None:
    server.mode = mode
    with pytest.raises(ModelError, match=message) as caught:
        make().complete(PLAIN, max_tokens=50)
    assert not isinstance(caught.value, ModelUnavailable)
    assert len(server.asked) == 1


@pytest.mark.parametrize("key", [KEY, None])
def test_neither_the_key_nor_what_was_asked_is_repeated(
    make: Make, server: ChatServer, caplog: pytest.LogCaptureFixture, key: str | None
) -> None:
    caplog.set_level(logging.DEBUG)
    server.mode = "refusing"
    model = make(api_key=key)
    with pytest.raises(ModelError, match="401") as caught:
        model.complete(Prompt(system="Be brief.", user=f"{'x ' * 20}{SECRET}"), max_tokens=50)
    told = f"{caught.value!r} {model!r} {vars(model)!r} {caplog.text}"
    assert KEY not in told
    assert "Ghent" not in told


def test_no_more_calls_are_under_way_than_allowed(make: Make, server: ChatServer) -> None:
    server.mode = "slow"
    model = make(at_once=2, timeout_s=10)
    threads = [threading.Thread(target=model.complete, args=(PLAIN,), kwargs={"max_tokens": 9}) for _ in range(6)]
    for thread in threads:
        thread.start()
    while len(server.asked) < 2:
        threads[0].join(0.01)
    server.release()
    for thread in threads:
        thread.join()
    assert (len(server.asked), server.most_at_once) == (6, 2)


def test_an_endpoint_that_is_down_does_not_hinder_making_a_model(make: Make) -> None:
    with ChatServer() as other:
        url = other.url
    model = make("gpt-x", base_url=url)
    assert model.name == "gpt-x"
    with pytest.raises(ModelUnavailable, match="ConnectError"):
        model.complete(PLAIN, max_tokens=50)


def test_a_process_of_its_own_serves_too(make: Make) -> None:
    command = [sys.executable, "-m", "memstrata.testing.chat_server", "--mode", "lying"]
    with subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True) as process:
        assert process.stdin is not None
        assert process.stdout is not None
        done = make(base_url=process.stdout.readline().strip()).complete(PLAIN, max_tokens=50)
        process.stdin.close()
        assert process.wait(timeout=10) == 0
    assert "submarine" in done.text


def test_bad_options_are_refused_without_naming_the_key(make: Make) -> None:
    for url in ("localhost:8000", "ftp://host/v1", "http://", "http://host:port"):
        with pytest.raises(InvalidInput, match="language model's base URL"):
            make(base_url=url)
    with pytest.raises(ModelError, match="OPENAI_API_KEY"):
        make(base_url=None, api_key=None)
    with pytest.raises(InvalidInput, match="API key") as caught:
        make(api_key="sk-sécret")
    assert "cret" not in str(caught.value)
    for options in ({"at_once": 0}, {"timeout_s": 0}):
        with pytest.raises(InvalidInput, match="at least"):
            make(**options)


def test_a_model_is_named_by_its_name_and_address(server: ChatServer, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("NO_PROXY", "127.0.0.1")
    assert resolve_language_model(None) is None
    assert resolve_language_model("none") is None
    scripted = ScriptedModel()
    assert resolve_language_model(scripted) is scripted
    for spec in ("openai:org/gpt:latest", f"openai:org/gpt:latest@{server.url}"):
        model = resolve_language_model(spec, base_url=server.url if "@" not in spec else "http://other.invalid/v1")
        assert isinstance(model, OpenAIChat)
        assert model.name == "org/gpt:latest"
        assert model.complete(PLAIN, max_tokens=50).text
        model.close()
    assert len(server.asked) == 2


@pytest.mark.parametrize("spec", ["", "gpt-x", "openai", "openai:", "auto"])
def test_another_name_is_refused_with_the_choices(spec: str) -> None:
    with pytest.raises(InvalidInput, match='"none", "openai:MODEL"'):
        resolve_language_model(spec)
