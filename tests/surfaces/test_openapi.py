"""The server does what its OpenAPI document says: no failure inside, no answer that is not described."""

from __future__ import annotations

from datetime import UTC, datetime
from itertools import count
from typing import Any

import pytest
import schemathesis
from hypothesis import HealthCheck, Phase, settings
from schemathesis import Case
from schemathesis.checks import not_a_server_error
from schemathesis.specs.openapi.checks import (
    content_type_conformance,
    positive_data_acceptance,
    response_schema_conformance,
    status_code_conformance,
)

from memstrata.core.access import Grant, Key, digest_of, token_of
from memstrata.memory import Memory
from memstrata.stores.memory import MemoryStore
from memstrata.surfaces.rest.app import create_app
from memstrata.types import FACT_STATUSES

SECRET = "s" * 43
KEY = Key(
    id="0" * 12,
    digest=digest_of(SECRET),
    rights=("read", "write", "forget", "admin"),
    grants=(Grant(user_id="ann"), Grant(user_id=None)),
    created_at=datetime(2026, 1, 1, tzinfo=UTC),
    app_id="crm",
)
SIGNED = {"Authorization": f"Bearer {token_of(KEY.id, SECRET)}"}
FAST = settings(
    max_examples=15,
    deadline=None,
    derandomize=True,
    phases=[Phase.explicit, Phase.generate],
    suppress_health_check=list(HealthCheck),
)


NUMBERS = count()
store = MemoryStore()
memory = Memory(store, embedder="none", worker="none")


def served(*, with_key: bool) -> object:
    if not with_key:
        empty = MemoryStore()
        return create_app(Memory(empty, embedder="none", worker="none"), empty)
    store.put_key(KEY)
    return create_app(memory, store, rate=1e6, burst=1_000_000)


def a_fact() -> str:
    """A new fact of the server with keys: the earlier ones may be muted or forgotten."""
    drink = f"tea number {next(NUMBERS)}"
    memory.add(f"I love {drink}.", user_id="ann", app_id="crm", wait=True)
    return memory.facts(drink, user_id="ann", app_id="crm", status=FACT_STATUSES, current=False)[0].id  # type: ignore[arg-type]


open_server = schemathesis.openapi.from_asgi("/openapi.json", served(with_key=False))
closed_server = schemathesis.openapi.from_asgi("/openapi.json", served(with_key=True))


SCHEMA_SAYS_LESS: list[Any] = [positive_data_acceptance]
"""A scope must be named, times must be times, words must not be blank: 422 tells what a JSON schema cannot."""
WATCHED: list[Any] = [
    not_a_server_error,
    status_code_conformance,
    content_type_conformance,
    response_schema_conformance,
]
SLOW = "wait|jobs/events"


@open_server.exclude(path_regex=SLOW).parametrize()
@FAST
def test_an_open_server_keeps_to_its_document(case: Case[Any]) -> None:
    case.call_and_validate(headers={"Host": "127.0.0.1"}, excluded_checks=SCHEMA_SAYS_LESS)


@closed_server.exclude(path_regex=SLOW).parametrize()
@FAST
def test_a_server_with_keys_keeps_to_its_document(case: Case[Any]) -> None:
    case.call_and_validate(headers=SIGNED, excluded_checks=SCHEMA_SAYS_LESS)


@closed_server.exclude(path_regex=SLOW).parametrize()
@FAST
def test_with_a_memory_and_facts_that_are_there(case: Case[Any]) -> None:
    """Most random calls name nobody's memory: here all name one that holds something, and a fact of it."""
    for part in (case.body, case.query):
        if isinstance(part, dict):
            for name in ("agent_id", "app_id", "run_id"):
                part.pop(name, None)
            part["user_id"] = "ann"
    if "facts" in case.path and isinstance(case.path_parameters, dict) and "id" in case.path_parameters:
        case.path_parameters["id"] = a_fact()
    case.call_and_validate(headers=SIGNED, checks=WATCHED)


def test_every_route_of_the_api_is_described() -> None:
    document = open_server.raw_schema
    assert {"/v1/episodes", "/v1/facts/{id}/correct", "/v1/wait", "/metrics"} <= set(document["paths"])
    for path, methods in document["paths"].items():
        for method, operation in methods.items():
            assert operation["operationId"], (method, path)
            assert operation.get("summary") or operation.get("description"), (method, path)
            if path.startswith("/v1/"):
                assert {"401", "403", "404", "413", "422", "429", "500", "503"} <= set(operation["responses"])


@pytest.mark.parametrize("noun", ["Fact", "Hit", "Receipt", "Episode", "Stats", "Problem"])
def test_the_nouns_are_described(noun: str) -> None:
    assert open_server.raw_schema["components"]["schemas"][noun]["required"]
