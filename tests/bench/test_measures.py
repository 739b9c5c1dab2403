"""The measures, by hand, and the loaders on invented files."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest
from bench.locomo_data import load_locomo
from bench.logs import Asked, Log, assistant_logs
from bench.measures import all_evidence, averaged, measure, ndcg, recall, recall_within
from bench.tune import Example, fit


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


def test_locomo_files(tmp_path: Path) -> None:
    sample = {
        "sample_id": "s",
        "conversation": {
            "session_2": [{"dia_id": "D2:1", "speaker": "B", "text": "two", "blip_caption": "a cat"}],
            "session_2_date_time": "11:01 am on 17 December, 2023",
            "session_1": [{"dia_id": "D1:1", "speaker": "A", "text": "one"}],
            "session_1_date_time": "1:56 pm on 8 May, 2023",
        },
        "qa": [
            {"question": "q1", "evidence": ["D1:1; D2:1"], "category": 1},
            {"question": "adversarial", "evidence": ["D1:1"], "category": 5},
            {"question": "none", "evidence": [], "category": 2},
            {"question": "unknown turn", "evidence": ["D9:9"], "category": 2},
        ],
    }
    path = tmp_path / "locomo.json"
    path.write_text(json.dumps([sample]))
    (conversation,) = load_locomo(path)
    assert [turn.text for turn in conversation.turns.values()] == ["one", "two [shares an image: a cat]"]
    assert conversation.sessions[0].date.isoformat() == "2023-05-08T13:56:00+00:00"
    (question,) = conversation.questions
    assert question.evidence == {"D1:1", "D2:1"}


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
        some.append(Example(log=log, asked=asked, ids=tuple(map(str, range(20))), columns=columns, hit=hit))
    weights = fit(some, penalty=1, nonnegative=False)
    assert weights[0] > 1
    assert abs(weights[1]) < 0.6
    assert (fit(some, penalty=1, nonnegative=True) >= 0).all()
