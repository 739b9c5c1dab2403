"""Each signal on a pool made by hand."""

from __future__ import annotations

import math
import statistics
from dataclasses import fields, replace
from datetime import UTC, datetime

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from memstrata.core.candidates import Pool, Probe
from memstrata.core.index.rows import ROW
from memstrata.core.index.scope_index import ScopeIndex
from memstrata.recall.dates import NamedDate, nearness
from memstrata.recall.questions import Question, read_question
from memstrata.recall.signals import leaders, links, signals
from memstrata.recall.weights import VERSION, kind_of_log, weights_for
from memstrata.types import LOG_KINDS, ROLES

EMPTY = ScopeIndex(np.empty(0, ROW), np.empty(0, np.uint64)).candidates(
    Probe(terms=()), allowed=None, names={}, fetch=lambda rows: (rows, np.empty((0, 0), np.float16))
)


def pool(count: int, **columns: object) -> Pool:
    """A pool of `count` rows, zero where nothing is said."""
    made: dict[str, object] = {}
    for each in fields(Pool):
        empty = getattr(EMPTY, each.name)
        if isinstance(empty, np.ndarray):
            made[each.name] = np.zeros((count, *empty.shape[1:]), dtype=empty.dtype)
    made.update({name: np.array(values) if isinstance(values, list) else values for name, values in columns.items()})
    return replace(EMPTY, **made)  # type: ignore[arg-type]


def ask(query: str, speakers: tuple[str, ...] = ()) -> Question:
    return read_question(query, speakers=speakers)


def test_standing_out_is_measured_in_the_pool() -> None:
    found = signals(pool(3, bm25=[[0, 0, 0, 0], [1, 2, 3, 4], [2, 4, 6, 8]]), ask("x"))
    for name in ("words", "words_previous", "words_around", "words_session"):
        surety = 1 if name == "words" else 3 / 13
        np.testing.assert_allclose(found[name], np.array([-1.2247, 0, 1.2247]) * surety, atol=1e-3)


def test_unknown_cosines_neither_help_nor_hurt() -> None:
    cosine = [0.8, np.nan, 0.6]
    found = signals(pool(3, cosine=cosine, cosine_next=[np.nan] * 3), ask("x"))
    assert found["meaning"].tolist() == [1, 0, -1]
    assert found["meaning_next"].tolist() == [0, 0, 0]
    assert all(np.isfinite(column).all() for column in found.values())


@given(st.lists(st.lists(st.floats(-9, 9, width=32) | st.just(np.nan), min_size=4, max_size=4), max_size=9))
def test_standing_out_is_the_textbook_z_score(columns: list[list[float]]) -> None:
    cosines = np.array(columns, dtype=np.float32).reshape(-1, 4).T
    names = ("cosine", "cosine_sentence", "cosine_next", "cosine_session")
    some = pool(cosines.shape[1], **dict(zip(names, cosines, strict=True)))
    found = signals(some, ask("x"))
    surety = cosines.shape[1] / (cosines.shape[1] + 10)
    for name, values, weight in zip(
        ("meaning", "meaning_sentence", "meaning_next", "meaning_session"), cosines, (1, 1, surety, surety), strict=True
    ):
        np.testing.assert_allclose(found[name], np.array(z_scores(values.tolist())) * weight, atol=1e-4)


def z_scores(values: list[float]) -> list[float]:
    """By the book: 0 for what is not known and where all are equal."""
    known = [value for value in values if not math.isnan(value)]
    spread = statistics.pstdev(known) if known else 0.0
    if not known or spread <= abs(statistics.fmean(known)) * 1e-6 + 1e-12:
        return [0.0] * len(values)
    return [0.0 if math.isnan(value) else (value - statistics.fmean(known)) / spread for value in values]


def test_equal_values_say_nothing() -> None:
    found = signals(pool(3, cosine=[0.7] * 3, words=[5] * 3), ask("x"))
    assert found["meaning"].tolist() == found["length"].tolist() == [0, 0, 0]


@pytest.mark.parametrize("count", [0, 1])
def test_pools_too_small_to_compare(count: int) -> None:
    assert all(len(column) == count for column in signals(pool(count), ask("when did x?")).values())


def test_the_speaker_who_is_asked_about() -> None:
    some = pool(3, speakers=[0, 1, -1], names=("Ann", "Ben"))
    assert signals(some, ask("What did Ben say?", ("Ann", "Ben")))["speaker"].tolist() == [0, 1, 0]
    assert signals(some, ask("Did Ann meet Ben?", ("Ann", "Ben")))["speaker"].tolist() == [0, 0, 0]
    assert signals(some, ask("What was said?", ("Ann", "Ben")))["speaker"].tolist() == [0, 0, 0]


def test_the_role_that_is_asked_about() -> None:
    some = pool(2, roles=[ROLES.index("user"), ROLES.index("assistant")])
    assert signals(some, ask("Where do I live?"))["role"].tolist() == [1, 0]
    assert signals(some, ask("What did you recommend?"))["role"].tolist() == [0, 1]


def test_times_names_and_statements() -> None:
    some = pool(2, time_expression=[True, False], proper_nouns=[7, 1], question_share=[0.5, 0])
    found = signals(some, ask("When did it rain?"))
    assert (found["when"].tolist(), found["name"].tolist()) == ([1, 0], [0, 0])
    assert found["statement"].tolist() == [-0.5, 0]
    found = signals(some, ask("Where is it?"))
    assert found["when"].tolist() == [0, 0]
    np.testing.assert_allclose(found["name"], [1, 1 / 3])


def test_what_speaks_to_the_hearer_is_less_likely_evidence() -> None:
    some = pool(2, address_share=[0.5, 0], cosine_sentence=[0.9, 0.8])
    found = signals(some, ask("What does Ann grow?"))
    assert found["own"].tolist() == [-0.5, 0]
    assert found["meaning_sentence"].tolist() == [1, -1]


def test_a_turn_that_tells_more_than_its_length_says_leads_where_its_words_match() -> None:
    words = [3, 3, 8, 8, 20, 20]
    nats = [9, 12, 24, 30, 60, 80]
    coverage = [[1, 0, 0, 0]] * 5 + [[0, 0, 0, 0]]
    found = signals(pool(6, words=words, surprise=np.array(nats, np.float32), coverage=coverage), ask("x"))["surprise"]
    assert found[1] > 0 > found[0]
    assert found[3] > 0 > found[2]
    assert found[4] < 0 == found[5]
    half = signals(pool(6, words=words, surprise=np.array(nats, np.float32), coverage=[[0.5] * 4] * 6), ask("x"))
    np.testing.assert_allclose(half["surprise"][:5] * 2, found[:5], rtol=1e-5)


def test_turns_without_a_surprise_count_as_average_ones_of_their_length() -> None:
    nats = np.array([9, np.nan, 30, np.nan], np.float32)
    some = pool(4, words=[3, 3, 8, 20], surprise=nats, coverage=[[1, 1, 1, 1]] * 4)
    found = signals(some, ask("x"))["surprise"]
    assert found[[1, 3]].tolist() == [0, 0]
    assert signals(pool(2, surprise=np.full(2, np.nan, np.float32)), ask("x"))["surprise"].tolist() == [0, 0]
    doubled = signals(replace(some, surprise=np.expm1(2 * np.log1p(nats))), ask("x"))["surprise"]
    assert np.sign(doubled).tolist() == np.sign(found).tolist()


def test_links_follow_the_leaders_by_what_each_counts() -> None:
    scores = np.array([1, 9, 2, 8, 0, 0, 0], dtype=np.float32)
    places, odds = leaders(scores)
    assert places.tolist() == [1, 3, 2, 0, 6]
    assert odds.sum() == pytest.approx(1)
    np.testing.assert_allclose(odds[1] / odds[0], np.exp(-0.5), rtol=1e-5)
    shared = np.zeros((5, 7), dtype=np.float32)
    shared[0, [1, 4]] = 1  # the first leader, with itself and another
    shared[1, 5] = 1
    found = links(shared, odds, places)
    assert found[4] > found[5] > found[0]
    assert found[1] == found[0]  # nobody is linked by what it says itself
    assert links(np.zeros((5, 7), np.float32), odds, places).tolist() == [0] * 7


def test_an_answer_is_near_what_was_asked_before_it() -> None:
    some = pool(3, previous_question_share=[1, 1, 0], cosine_previous=[0.9, 0.5, 0.9])
    reply = signals(some, ask("x"))["reply"]
    assert reply[0] > reply[2] > reply[1]


def test_nearness_of_days() -> None:
    days = [datetime(2023, 5, day, 23, tzinfo=UTC) for day in (7, 8, 9, 20)]
    times = np.array([int(day.timestamp() * 1e6) for day in days])
    zero = np.zeros(4, dtype=np.int32)
    exact = (NamedDate(year=2023, month=5, day=8),)
    np.testing.assert_allclose(nearness(exact, times, zero), [0.8, 1, 1, 0.4])
    np.testing.assert_allclose(nearness(exact, times, zero + 120), [1, 1, 0.8, 0.4])  # local days are one later
    np.testing.assert_allclose(nearness((NamedDate(month=4),), times, zero), [0.4] * 4)
    np.testing.assert_allclose(nearness((NamedDate(year=2023),), times, zero), [0.3] * 4)
    np.testing.assert_allclose(nearness((NamedDate(year=2023, month=2, day=30),), times, zero), [0] * 4)
    assert nearness((), times, zero).tolist() == [0] * 4


def test_the_kind_of_a_log_is_seen_by_who_speaks() -> None:
    def kind(roles: dict[str, int], names: dict[str, int]) -> str:
        counts = tuple(roles.get(role, 0) for role in ROLES)
        return kind_of_log(
            replace(
                EMPTY, role_counts=counts, population=sum(counts), names=tuple(names), name_counts=tuple(names.values())
            )
        )

    assert kind({"user": 10}, {"Ann": 5, "Ben": 5}) == "people"
    assert kind({"user": 100}, {"Ann": 99, "Ben": 1}) == "assistant"
    assert kind({"user": 5, "assistant": 5}, {}) == "assistant"
    assert kind({"user": 5, "assistant": 5}, {"Ann": 5, "Bot": 5}) == "assistant"
    assert kind({"user": 1, "document": 9}, {}) == "documents"
    assert kind({}, {}) == "assistant"


def test_every_kind_has_weights_for_known_signals() -> None:
    known = {*signals(pool(1), ask("x")), "links"}
    for kind in LOG_KINDS:
        for dense in (False, True):
            weights = weights_for(kind, dense=dense)  # type: ignore[arg-type]
            assert weights.version == VERSION
            assert set(weights.values) <= known
            assert all(value > 0 for value in weights.values.values())
            assert dense == any(name.startswith("meaning") for name in weights.values)


def test_people_priors_are_not_inherited_by_other_kinds() -> None:
    for kind in ("assistant", "documents"):
        assert "speaker" not in weights_for(kind, dense=True).values
