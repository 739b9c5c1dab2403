"""The embedder of OpenAI-compatible services, against a service on this machine."""

from __future__ import annotations

import base64
import json
import threading
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

import numpy as np
import pytest

from memstrata.errors import EmbedderError, EmbedderUnavailable, InvalidInput
from memstrata.models.openai import LONGEST, LONGEST_PAUSE_S, OpenAIEmbedder
from memstrata.ports import Embedder
from memstrata.testing.embedder_contract import EmbedderContract
from memstrata.testing.embedders import HashEmbedder

KEY = "sk-very-secret-key"
TEXT = "a private sentence about Ghent"


@dataclass
class Answer:
    """What the service says once: a status, headers and a body, or nothing before `held` is set."""

    status: int = 200
    body: object = None
    headers: dict[str, str] = field(default_factory=dict)
    held: threading.Event | None = None


class Service(ThreadingHTTPServer):
    """Answers as told, then properly, in reversed order; keeps what it was asked."""

    daemon_threads = True

    def __init__(self) -> None:
        super().__init__(("127.0.0.1", 0), _Handler)
        self.answers: list[Answer] = []
        self.asked: list[dict[str, Any]] = []
        self.headers: list[dict[str, str]] = []
        self.paths: list[str] = []
        self.as_base64 = False

    def handle_error(self, request: object, client_address: object) -> None:
        """A client that gave up is no news."""

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.server_port}/v1"

    def embeddings(self, texts: list[str], dimensions: int | None) -> dict[str, Any]:
        vectors = HashEmbedder(dimensions or 16).embed_passages(texts) * 3
        rows = [
            base64.b64encode(vector.astype("<f4").tobytes()).decode() if self.as_base64 else vector.tolist()
            for vector in vectors
        ]
        return {"object": "list", "data": [{"index": at, "embedding": row} for at, row in enumerate(rows)][::-1]}


class _Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    disable_nagle_algorithm = True
    server: Service

    def do_POST(self) -> None:
        asked = json.loads(self.rfile.read(int(self.headers["Content-Length"])))
        self.server.asked.append(asked)
        self.server.paths.append(self.path)
        self.server.headers.append(dict(self.headers.items()))
        answer = self.server.answers.pop(0) if self.server.answers else Answer()
        if answer.held is not None:
            answer.held.wait(10)
        body = answer.body
        if body is None:
            body = self.server.embeddings(asked["input"], asked.get("dimensions")) if answer.status == 200 else {}
        data = body if isinstance(body, bytes) else json.dumps(body).encode()
        self.send_response(answer.status)
        for name, value in {**answer.headers, "Content-Length": str(len(data))}.items():
            self.send_header(name, value)
        self.end_headers()
        self.wfile.write(data)

    def log_message(self, format: str, *args: object) -> None:  # noqa: A002
        pass


Make = Callable[..., OpenAIEmbedder]


@pytest.fixture
def service() -> Iterator[Service]:
    service = Service()
    thread = threading.Thread(target=service.serve_forever, kwargs={"poll_interval": 0.01})
    thread.start()
    yield service
    service.shutdown()
    service.server_close()
    thread.join()


@pytest.fixture
def pauses() -> list[float]:
    """The pauses that were asked for; none is made."""
    return []


@pytest.fixture
def make(service: Service, pauses: list[float], monkeypatch: pytest.MonkeyPatch) -> Iterator[Make]:
    monkeypatch.setenv("NO_PROXY", "127.0.0.1")
    made: list[OpenAIEmbedder] = []

    def make(model: str = "small", **options: Any) -> OpenAIEmbedder:
        options = {"base_url": service.url, "api_key": KEY, "pause": pauses.append, **options}
        made.append(OpenAIEmbedder(model, **options))
        return made[-1]

    yield make
    for embedder in made:
        embedder.close()


class TestOpenAIEmbedder(EmbedderContract):
    @pytest.fixture
    def embedder(self, make: Make) -> Embedder:
        return make()


class TestOpenAIEmbedderInBase64(EmbedderContract):
    @pytest.fixture
    def embedder(self, make: Make, service: Service) -> Embedder:
        service.as_base64 = True
        return make(dimensions=8, batch=3)


def test_texts_go_in_batches_with_the_key_and_come_back_in_order(make: Make, service: Service) -> None:
    texts = [f"text number {n}" for n in range(7)]
    vectors = make(batch=3, dimensions=32).embed_passages(texts)
    np.testing.assert_allclose(vectors, HashEmbedder(32).embed_passages(texts), atol=1e-6)
    assert [len(asked["input"]) for asked in service.asked] == [3, 3, 1]
    assert {(asked["model"], asked["dimensions"]) for asked in service.asked} == {("small", 32)}
    assert set(service.paths) == {"/v1/embeddings"}
    assert all(headers["Authorization"] == f"Bearer {KEY}" for headers in service.headers)


def test_without_a_key_none_is_sent(make: Make, service: Service) -> None:
    make(api_key=None).embed_queries([TEXT])
    assert "Authorization" not in service.headers[0]


def test_dimensions_are_learnt_by_one_request(make: Make, service: Service) -> None:
    embedder = make()
    assert embedder.dimensions == embedder.dimensions == 16
    assert len(service.asked) == 1
    assert "dimensions" not in service.asked[0]


def test_what_a_request_taught_is_not_asked_again(make: Make, service: Service) -> None:
    embedder = make()
    embedder.embed_queries([TEXT])
    assert (embedder.dimensions, len(service.asked)) == (16, 1)


def test_the_fingerprint_names_model_host_and_dimensions(make: Make, service: Service) -> None:
    host = f"127.0.0.1:{service.server_port}"
    assert make().fingerprint == f"openai/small@{host}/default"
    assert make(dimensions=256).fingerprint == f"openai/small@{host}/256"
    assert make(base_url=f"http://user:password@{host}/v1").fingerprint == f"openai/small@{host}/default"
    assert make("m", base_url=None).fingerprint == "openai/m@api.openai.com/default"


@pytest.mark.parametrize("ending", ["", "/", "/v1", "/v1/", "/v1/embeddings"])
def test_a_base_url_may_be_written_in_several_ways(make: Make, service: Service, ending: str) -> None:
    make(base_url=f"http://127.0.0.1:{service.server_port}{ending}").embed_queries([TEXT])
    assert service.paths == ["/v1/embeddings"]


@pytest.mark.parametrize("status", [408, 429, 500, 502, 503])
def test_a_service_that_is_busy_is_asked_again(make: Make, service: Service, pauses: list[float], status: int) -> None:
    service.answers = [Answer(status=status), Answer(status=status)]
    assert make().embed_passages([TEXT]).shape == (1, 16)
    assert 0.25 <= pauses[0] <= 0.5 <= pauses[1] <= 1
    assert len(service.asked) == 3


def test_retry_after_is_honoured_up_to_a_limit(make: Make, service: Service, pauses: list[float]) -> None:
    waits = ("7", "99999", "Wed, 21 Oct 2015 07:28:00 GMT")
    service.answers = [Answer(status=429, headers={"Retry-After": wait}) for wait in waits]
    make().embed_passages([TEXT])
    assert pauses[:2] == [7, LONGEST_PAUSE_S]
    assert 1 <= pauses[2] <= 2


def test_a_service_that_stays_busy_is_unavailable(make: Make, service: Service, pauses: list[float]) -> None:
    service.answers = [Answer(status=500)] * 9
    with pytest.raises(EmbedderUnavailable, match="500"):
        make(max_retries=3).embed_passages([TEXT])
    assert (len(service.asked), len(pauses)) == (4, 3)


def test_a_question_is_tried_twice_only(make: Make, service: Service) -> None:
    service.answers = [Answer(status=503)] * 9
    with pytest.raises(EmbedderUnavailable):
        make().embed_queries([TEXT])
    assert len(service.asked) == 2


def test_a_slow_service_is_unavailable_until_it_is_not(make: Make, service: Service) -> None:
    held = threading.Event()
    embedder = make(timeout_s=0.1, max_retries=1)
    service.answers = [Answer(held=held), Answer(held=held)]
    with pytest.raises(EmbedderUnavailable, match="Timeout"):
        embedder.embed_passages([TEXT])
    held.set()
    assert embedder.embed_passages([TEXT]).shape == (1, 16)


def test_a_service_that_is_down_does_not_hinder_making_an_embedder(make: Make, service: Service) -> None:
    with Service() as other:
        url = other.url
    embedder = make(base_url=url)
    assert embedder.fingerprint
    with pytest.raises(EmbedderUnavailable, match="ConnectError"):
        _ = embedder.dimensions


@pytest.mark.parametrize("body", [{"error": {"message": "no such model"}}, {"detail": "no such model"}])
def test_a_refusal_is_passed_on_at_once(make: Make, service: Service, body: object) -> None:
    service.answers = [Answer(status=404, body=body)]
    with pytest.raises(EmbedderError, match=r"\(404\): no such model") as caught:
        make().embed_passages([TEXT])
    assert not isinstance(caught.value, EmbedderUnavailable)
    assert len(service.asked) == 1


@pytest.mark.parametrize("echo", [f"wrong key {KEY}", f"cannot embed {TEXT!r}", f"cannot embed {TEXT[:20]}..."])
def test_neither_key_nor_text_is_repeated(make: Make, service: Service, echo: str) -> None:
    service.answers = [Answer(status=401, body={"error": {"message": echo}})]
    with pytest.raises(EmbedderError, match="401") as caught:
        make().embed_passages([TEXT])
    assert KEY not in str(caught.value)
    assert "private" not in str(caught.value)


def test_texts_that_are_too_long_are_halved_until_they_fit(make: Make, service: Service) -> None:
    refusal = Answer(status=400, body={"error": {"message": "maximum context length is 512 tokens"}})
    service.answers = [refusal] * 3
    assert make().embed_passages(["word " * 9999, "short"]).shape == (2, 16)
    lengths = [[len(text) for text in asked["input"]] for asked in service.asked]
    assert lengths == [[LONGEST >> halvings, 5] for halvings in range(4)]


def test_a_service_that_finds_everything_too_long_is_given_up(make: Make, service: Service) -> None:
    service.answers = [Answer(status=413, body={"error": "input too long"})] * 99
    with pytest.raises(EmbedderError, match="too long"):
        make().embed_passages(["word " * 9999])
    assert len(service.asked) == 5


def rows(*vectors: object) -> dict[str, object]:
    return {"data": [{"index": at, "embedding": vector} for at, vector in enumerate(vectors)]}


@pytest.mark.parametrize(
    "body",
    [
        b"<html>busy</html>",
        b"\xff\xfe",
        [],
        {"data": None},
        {"data": ["x"]},
        {"data": [{"index": 0}]},
        rows(),
        rows([1.0, 0.0], [0.0, 1.0]),
        {"data": [{"index": 1, "embedding": [1.0]}]},
        {"data": [{"index": "0", "embedding": [1.0]}]},
        rows([]),
        rows([[1.0]]),
        rows([1.0, None]),
        rows([1.0, float("nan")]),
        rows([1.0, 1e300]),
        rows(["a", "b"]),
        rows("no base64!"),
        rows(base64.b64encode(b"12345").decode()),
        rows(None),
    ],
    ids=range(19),
)
def test_an_answer_that_is_no_vector_for_each_text_is_an_error(make: Make, service: Service, body: object) -> None:
    service.answers = [Answer(body=body)]
    with pytest.raises(EmbedderError, match="answered") as caught:
        make().embed_passages([TEXT])
    assert not isinstance(caught.value, EmbedderUnavailable)


def test_vectors_of_another_length_are_an_error(make: Make, service: Service) -> None:
    embedder = make(dimensions=16)
    service.answers = [Answer(body=rows([1.0, 0.0]))]
    with pytest.raises(EmbedderError, match="2 dimensions, not 16"):
        embedder.embed_passages([TEXT])


def test_answers_without_an_index_are_taken_in_order(make: Make, service: Service) -> None:
    service.answers = [Answer(body={"data": [{"embedding": [2.0, 0.0]}, {"embedding": [0.0, 2.0]}]})]
    assert make().embed_passages(["one", "two"]).tolist() == [[1, 0], [0, 1]]


def test_bad_options_are_refused_without_naming_the_key(make: Make) -> None:
    for url in ("localhost:8000", "ftp://host/v1", "http://", "http://host:port"):
        with pytest.raises(InvalidInput, match="base URL"):
            make(base_url=url)
    with pytest.raises(EmbedderError, match="OPENAI_API_KEY"):
        make(base_url=None, api_key=None)
    with pytest.raises(InvalidInput, match="API key") as caught:
        make(api_key="sk-sécret")
    assert "cret" not in str(caught.value)
    for options in ({"dimensions": 0}, {"batch": 0}, {"max_retries": -1}):
        with pytest.raises(InvalidInput, match="at least"):
            make(**options)
