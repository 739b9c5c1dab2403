"""The verbs over HTTP: problems, keys, idempotency, preconditions, limits."""

from __future__ import annotations

import json
from collections.abc import Iterator
from datetime import UTC, datetime
from typing import Any

import httpx
import pytest

from memstrata.core.access import Grant, Key, Right, digest_of, token_of
from memstrata.memory import Memory
from memstrata.stores.memory import MemoryStore
from memstrata.surfaces.rest.app import create_app
from memstrata.surfaces.rest.in_process import in_process

SECRET = "s" * 43
ALL: tuple[Right, ...] = ("read", "write", "forget")


class Server:
    """A server in process, over a store in memory."""

    def __init__(self, **limits: Any) -> None:
        self.store = MemoryStore()
        self.memory = Memory(self.store, embedder="none", worker="none")
        self.app = create_app(self.memory, self.store, **limits)
        self.client = in_process(self.app)

    def key(self, id_: str = "0" * 12, **fields: Any) -> dict[str, str]:
        """A key, kept, as the header that carries it."""
        grants = fields.pop("grants", (Grant(),))
        rights = fields.pop("rights", ALL)
        made = datetime(2026, 1, 1, tzinfo=UTC)
        key = Key(id=id_, digest=digest_of(SECRET), rights=rights, grants=grants, created_at=made, **fields)
        self.store.put_key(key)
        return {"Authorization": f"Bearer {token_of(id_, SECRET)}"}

    def post(self, path: str, headers: dict[str, str] | None = None, **body: Any) -> httpx.Response:
        return self.client.post(f"/v1/{path}", json=body, headers=headers)

    def get(self, path: str, headers: dict[str, str] | None = None, **query: Any) -> httpx.Response:
        return self.client.get(f"/v1/{path}", params=query, headers=headers)


@pytest.fixture
def server() -> Iterator[Server]:
    made = Server()
    yield made
    made.memory.close()


def problem(response: httpx.Response, status: int, code: str) -> str:
    assert response.status_code == status, response.text
    assert response.headers["content-type"] == "application/problem+json"
    said = response.json()
    assert (said["status"], said["code"]) == (status, code)
    return str(said["detail"])


def a_fact(server: Server, headers: dict[str, str] | None = None, **scope: str) -> str:
    server.post("episodes", headers, messages="I live in Ghent.", wait=True, **scope)
    return str(server.post("facts/search", headers, **scope).json()["facts"][0]["id"])


def test_errors_are_problem_details_with_stable_codes(server: Server) -> None:
    assert "user_id" in problem(server.post("search", query="x"), 422, "missing_scope")
    problem(server.post("search", query="", user_id="ann"), 422, "invalid_input")
    assert "limit" in problem(server.post("search", query="x", user_id="ann", limit=0), 422, "invalid_input")
    assert "nonsense" in problem(server.post("search", query="x", user_id="ann", nonsense=1), 422, "invalid_input")
    problem(server.get("facts/fa_none", user_id="ann"), 404, "not_found")
    assert "no such path" in problem(server.client.get("/v2/nothing"), 404, "not_found")
    form = {"Content-Type": "application/x-www-form-urlencoded"}
    said = server.client.post("/v1/search", content=b'{"query": "x", "user_id": "ann"}', headers=form)
    assert "Content-Type: application/json" in problem(said, 422, "invalid_input")
    problem(server.client.delete("/v1/episodes"), 405, "no_such_method")
    assert server.client.delete("/v1/episodes").headers["allow"] == "GET, POST"
    problem(server.client.post("/v1/search", content=b"{"), 422, "invalid_input")
    problem(server.client.post("/v1/search", content=b"[" * 100_000), 422, "invalid_input")
    problem(server.get("episodes", user_id="ann", filters="[]"), 422, "invalid_input")
    server.post("episodes", user_id="ann", messages={"content": "one", "id": "m"})
    problem(server.post("episodes", user_id="ann", messages={"content": "two", "id": "m"}), 409, "conflict")


def test_what_nobody_expected_is_a_500_that_tells_nothing(
    server: Server, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    def broken(*_: object, **__: object) -> None:
        raise RuntimeError("secret words")

    monkeypatch.setattr(server.memory, "search", broken)
    detail = problem(server.post("search", query="x", user_id="ann"), 500, "error")
    assert "secret" not in detail
    assert "RuntimeError" in caplog.text


def test_pages_lead_through_all_episodes(server: Server) -> None:
    server.post("episodes", user_id="ann", messages=[f"note {n}" for n in range(7)])
    seen, cursor = [], None
    while True:
        page = server.get("episodes", user_id="ann", limit=3, **({"cursor": cursor} if cursor else {})).json()
        seen += [each["text"] for each in page["episodes"]]
        cursor = page["next"]
        if cursor is None:
            break
    assert seen == [f"note {n}" for n in reversed(range(7))]


def test_a_lost_update_is_refused(server: Server) -> None:
    fact = a_fact(server, user_id="ann")
    seen = server.get(f"facts/{fact}", user_id="ann").headers["etag"]
    first = server.post(f"facts/{fact}/pin", {"If-Match": seen}, user_id="ann")
    assert first.headers["etag"] != seen
    problem(server.post(f"facts/{fact}/mute", {"If-Match": seen}, user_id="ann"), 412, "stale")
    assert not server.get(f"facts/{fact}", user_id="ann").json()["muted"]
    assert server.post(f"facts/{fact}/mute", {"If-Match": first.headers["etag"]}, user_id="ann").json()["muted"]
    assert server.post(f"facts/{fact}/pin", {"If-Match": "*"}, user_id="ann", pinned=False).status_code == 200
    problem(server.post(f"facts/{fact}/pin", {"If-Match": "bare"}, user_id="ann"), 422, "invalid_input")


def test_a_call_with_an_idempotency_key_is_done_once(server: Server) -> None:
    fact = a_fact(server, user_id="ann")
    key = {"Idempotency-Key": "call-1"}
    first = server.post(f"facts/{fact}/correct", key, user_id="ann", text="I live in Bruges.")
    again = server.post(f"facts/{fact}/correct", key, user_id="ann", text="I live in Bruges.")
    assert first.json() == again.json()
    assert "idempotency-replayed" not in first.headers
    assert again.headers["idempotency-replayed"] == "true"
    assert server.get("stats", user_id="ann").json()["episodes"] == 2
    problem(server.post(f"facts/{fact}/correct", key, user_id="ann", text="Rome."), 422, "invalid_input")
    note = {"user_id": "ann", "messages": "Buy milk."}
    receipts = [server.post("episodes", {"Idempotency-Key": "call-2"}, **note).json() for _ in range(2)]
    assert receipts[0] == receipts[1]
    assert receipts[0]["added"] == 1


def test_no_kept_answer_holds_a_word_of_the_user(server: Server) -> None:
    fact = a_fact(server, user_id="ann")
    server.post(f"facts/{fact}/correct", {"Idempotency-Key": "a"}, user_id="ann", text="I live in Bruges.")
    forget = "Forget what I said about Bruges."
    server.post("episodes", {"Idempotency-Key": "b"}, user_id="ann", messages=forget)
    kept = [answer.body for _, answer in server.store._answers.values()]
    assert len(kept) == 2
    assert not any("Bruges" in body or "Ghent" in body for body in kept)


def test_the_same_key_of_another_caller_is_another_call(server: Server) -> None:
    one, two = server.key("1" * 12, app_id="one"), server.key("2" * 12, app_id="two")
    for who in (one, two):
        sent = server.post("episodes", {**who, "Idempotency-Key": "same"}, user_id="ann", messages="Hello there.")
        assert "idempotency-replayed" not in sent.headers
        assert sent.json()["added"] == 1


def test_with_a_key_in_the_store_none_comes_in_without(server: Server) -> None:
    assert server.get("stats", user_id="ann").status_code == 200
    signed = server.key()
    problem(server.get("stats", user_id="ann"), 401, "unauthorized")
    problem(server.get("stats", {"Authorization": "Bearer nonsense"}, user_id="ann"), 401, "unauthorized")
    wrong = {"Authorization": f"Bearer {token_of('0' * 12, 'x' * 43)}"}
    assert "www-authenticate" in server.get("stats", wrong, user_id="ann").headers
    assert server.get("stats", signed, user_id="ann").status_code == 200
    assert server.get("stats", {"X-Api-Key": signed["Authorization"][7:]}, user_id="ann").status_code == 200
    server.key(revoked_at=datetime(2026, 1, 2, tzinfo=UTC))
    problem(server.get("stats", signed, user_id="ann"), 401, "unauthorized")
    problem(server.get("stats", user_id="ann"), 401, "unauthorized")  # revoking the last opens nothing


def test_a_key_acts_inside_its_app_and_reaches_no_other(server: Server) -> None:
    one, two = server.key("1" * 12, app_id="one"), server.key("2" * 12, app_id="two")
    fact = a_fact(server, one, user_id="ann")
    assert server.get("stats", one, user_id="ann", app_id="one").json()["episodes"] == 1
    assert server.get("stats", two, user_id="ann").json()["episodes"] == 0
    denied = server.get(f"facts/{fact}", two, user_id="ann", app_id="one")
    missing = server.get("facts/fa_none", two, user_id="ann")
    assert (denied.status_code, denied.json()) == (missing.status_code, missing.json())
    for path in ("search", "context", "forget"):
        body = {"query": "Ghent", **({"max_tokens": 50} if path == "context" else {})} if path != "forget" else {}
        problem(server.post(path, two, user_id="ann", app_id="one", **body), 404, "not_found")
    assert server.get("stats", one, user_id="ann").json()["episodes"] == 1
    granted = server.key("3" * 12, app_id="two", grants=(Grant(), Grant(app_id="one", user_id="ann")))
    assert server.get(f"facts/{fact}", granted, user_id="ann", app_id="one").status_code == 200
    problem(server.get("stats", granted, user_id="bob", app_id="one"), 404, "not_found")


def test_a_key_of_one_user_reaches_no_other_user(server: Server) -> None:
    mine = server.key(app_id="crm", grants=(Grant(user_id="ann"),))
    assert server.get("stats", mine, user_id="ann").status_code == 200
    problem(server.get("stats", mine, user_id="bob"), 404, "not_found")
    problem(server.get("stats", mine, run_id="r"), 404, "not_found")


def test_rights_are_kept_apart(server: Server) -> None:
    reader = server.key(rights=("read",))
    assert server.get("stats", reader, user_id="ann").status_code == 200
    problem(server.post("episodes", reader, user_id="ann", messages="x"), 403, "forbidden")
    problem(server.post("forget", reader, user_id="ann"), 403, "forbidden")
    problem(server.client.get("/metrics", headers=reader), 403, "forbidden")
    admin = server.key("a" * 12, rights=("admin",))
    assert server.client.get("/metrics", headers=admin).status_code == 200
    problem(server.get("stats", admin, user_id="ann"), 403, "forbidden")


def test_an_open_server_answers_no_page_of_elsewhere(server: Server) -> None:
    problem(server.get("stats", {"Host": "evil.example"}, user_id="ann"), 403, "forbidden")
    problem(server.get("stats", {"Origin": "https://evil.example"}, user_id="ann"), 403, "forbidden")
    assert server.get("stats", {"Origin": "http://localhost:3000"}, user_id="ann").status_code == 200


def test_too_much_and_too_often_are_refused() -> None:
    server = Server(max_body=1000, rate=1.0, burst=3)
    signed = server.key()
    problem(server.post("episodes", signed, user_id="ann", messages="x" * 2000), 413, "too_large")
    statuses = [server.get("stats", signed, user_id="ann").status_code for _ in range(6)]
    assert statuses.count(429) >= 3
    last = server.get("stats", signed, user_id="ann")
    problem(last, 429, "rate_limited")
    assert last.headers["retry-after"]


def test_jobs_are_told_as_they_go_on(server: Server) -> None:
    server.post("episodes", user_id="ann", messages="I live in Ghent.")
    assert server.get("stats", user_id="ann").json()["jobs_pending"] == 1
    assert server.post("wait").json() == {"done": True}
    told = server.get("jobs/events", user_id="ann")
    assert told.headers["content-type"].startswith("text/event-stream")
    event, data = told.text.strip().split("\n")
    assert event == "event: done"
    assert json.loads(data.removeprefix("data: "))["pending"] == 0


def test_health_metrics_and_the_log_hold_no_word_of_a_user(server: Server, caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level("INFO", logger="memstrata.server")
    server.post("episodes", user_id="ann-the-user", messages="I adore quinces.")
    server.get("timeline", user_id="ann-the-user", entity="quinces")
    assert server.client.get("/healthz").json() == {"status": "ok"}
    assert server.client.get("/readyz").json() == {"status": "ready"}
    metrics = server.client.get("/metrics").text
    assert 'memstrata_requests_total{method="POST",route="/v1/episodes",status="200"} 1.0' in metrics
    assert 'memstrata_jobs{state="pending"}' in metrics
    lines = [json.loads(record.getMessage()) for record in caplog.records if record.name == "memstrata.server"]
    assert {"route": "/v1/timeline", "status": 200, "method": "GET"}.items() <= lines[1].items()
    for text in (metrics, caplog.text):
        assert "quinces" not in text
        assert "ann-the-user" not in text


def test_a_store_that_cannot_be_read_is_not_ready(server: Server) -> None:
    server.store.close()
    problem(server.client.get("/readyz"), 503, "closed")
    assert server.client.get("/healthz").status_code == 200


def test_the_docs_page_needs_nothing_from_elsewhere(server: Server) -> None:
    page = server.client.get("/docs").text
    assert "http://" not in page.replace("http://127.0.0.1", "")
    assert "https://" not in page
    script = page.split('src="')[1].split('"')[0]
    assert server.client.get(script).status_code == 200
