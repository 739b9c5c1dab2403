"""The measures, by hand and by their laws; the fit of the weights."""

from __future__ import annotations

import numpy as np
import pytest
from bench.logs import Asked, Log, assistant_logs
from bench.measures import all_evidence, averaged, measure, ndcg, recall, recall_within
from bench.tune import Example, fit, scored
from hypothesis import given
from hypothesis import strategies as st


def test_measures() -> None:
    ranked, evidence = ["a", "x", "b", "y"], {"a", "b", "c"}
    assert recall(ranked, evidence, 1) == pytest.approx(100 / 3)
    assert recall(ranked, evidence, 3) == pytest.approx(200 / 3)
    assert all_evidence(ranked, evidence, 4) == 0
    assert all_evidence(ranked, {"a", "b"}, 3) == 100
    assert ndcg(["a", "b"], {"a", "b"}, 10) == pytest.approx(100)
    assert ndcg(["x", "a"], {"a"}, 10) == pytest.approx(63.09, abs=0.01)
    assert recall_within(ranked, evidence, 20, lambda id_: 10) == pytest.approx(100 / 3)
    assert averaged([measure(ranked, evidence, len), measure([], evidence, len)])["recall@5"] == pytest.approx(33.3)


def test_a_budget_ends_at_the_first_turn_that_does_not_fit() -> None:
    tokens = {"long": 9, "short": 1, "a": 4}
    assert recall_within(["a", "long", "short"], {"a", "short"}, 5, tokens.__getitem__) == 50
    assert recall_within(["a", "short", "long"], {"a", "short"}, 5, tokens.__getitem__) == 100
    assert recall_within(["a"], {"a"}, 3, tokens.__getitem__) == 0


@given(ranked=st.permutations("abcdef"), evidence=st.sets(st.sampled_from("abcdefgh"), min_size=1))
def test_a_longer_list_or_a_larger_budget_never_finds_less(ranked: list[str], evidence: set[str]) -> None:
    by_place = [recall(ranked, evidence, k) for k in range(7)]
    assert by_place == sorted(by_place)
    assert [recall_within(ranked, evidence, k, lambda _: 1) for k in range(7)] == by_place
    assert all((all_evidence(ranked, evidence, k) == 100) == (by_place[k] == 100) for k in range(7))


@given(ranked=st.permutations("abcdef"), evidence=st.sets(st.sampled_from("abcdef"), min_size=1))
def test_the_gain_is_full_only_with_all_the_evidence_in_front(ranked: list[str], evidence: set[str]) -> None:
    full = ndcg(ranked, evidence, 10) == pytest.approx(100)
    assert full == (set(ranked[: len(evidence)]) == evidence)


def test_our_own_logs_are_sound() -> None:
    logs = assistant_logs()
    assert len({log.id for log in logs}) == len(logs) >= 5
    for log in logs:
        messages = [message for _, session in log.sessions for message in session]
        ids = {message.id for message in messages}
        assert len(ids) == len(messages)
        assert {message.role for message in messages} == {"user", "assistant"}
        dates = [session[0].timestamp for _, session in log.sessions]
        assert all(date is not None and date.tzinfo is not None for date in dates)
        for question in log.questions:
            assert question.evidence
            assert question.evidence <= ids
            assert question.asked_at is not None


def test_fitting_finds_the_signal_that_tells() -> None:
    rng = np.random.default_rng(0)
    log = Log(id="l", sessions=(), questions=())
    asked = Asked(query="q", evidence=frozenset({"0"}), kind="k")
    some = []
    for _ in range(60):
        columns = rng.standard_normal((20, 3))
        columns[0, 0] += 3
        hit = np.arange(20) == 0
        ids = tuple(map(str, range(20)))
        some.append(Example(log=log, asked=asked, ids=ids, columns=columns, hit=hit, shared=None))
    weights = fit(some, penalty=1)
    assert weights[0] > 1
    assert abs(weights[1]) < 0.6
    assert (weights >= 0).all()


def test_fitting_finds_that_evidence_shares_words_with_what_leads() -> None:
    rng = np.random.default_rng(0)
    log = Log(id="l", sessions=(), questions=())
    asked = Asked(query="q", evidence=frozenset({"0", "1"}), kind="k")
    some = []
    for _ in range(60):
        columns = rng.standard_normal((20, 2))
        columns[0, 0] += 5
        shared = rng.random((20, 20), dtype=np.float32) / np.float32(9)
        shared[0, 1] = 1
        ids = tuple(map(str, range(20)))
        some.append(Example(log=log, asked=asked, ids=ids, columns=columns, hit=np.arange(20) < 2, shared=shared))
    weights = fit(some, penalty=1)
    assert weights[-1] > 0.5
    found = [set(np.argsort(-scored(each, weights))[:2].tolist()) for each in some]
    assert found.count({0, 1}) > 50
