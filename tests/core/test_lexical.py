"""Words of a text as terms."""

from __future__ import annotations

import pytest

from memstrata.core.features import episode_features, question_share, word_count
from memstrata.core.lexical import index_terms, query_terms, term_number


def shared(one: str, other: str) -> int:
    return len(set(query_terms(one)) & set(index_terms(other).frequencies))


@pytest.mark.parametrize(
    ("query", "text"),
    [
        ("running", "he ran"),
        ("child", "her children"),
        ("Café", "a cafe"),
        ("Zürich", "ZURICH!"),
        ("sister’s", "sister's"),
        ("牙医", "我下周要去看牙医"),
        ("茶", "喝茶吗"),
        ("学校", "我去学校"),
        ("ガス", "ガス代"),
        ("서울", "서울에서"),
        ("iPhone价格", "新iPhone的价格"),
        ("ﬁle", "file"),
    ],
)
def test_the_same_word_is_found(query: str, text: str) -> None:
    assert shared(query, text) >= 1


@pytest.mark.parametrize(("query", "text"), [("the of and", "the of and"), ("gate", "ghent"), ("大学", "学大")])
def test_other_words_are_not(query: str, text: str) -> None:
    assert shared(query, text) == 0


def test_dakuten_are_letters_and_not_accents() -> None:
    assert shared("ガス", "カス") == 0


def test_frequencies_saturate_and_lengths_count_what_matters() -> None:
    indexed = index_terms("tea " * 1000)
    assert indexed.frequencies == {term_number("tea"): 255}
    assert indexed.length == 1000
    assert index_terms("我去学校").length == 3
    assert index_terms("").frequencies == {}


def test_question_words_are_not_searched_for() -> None:
    assert query_terms("What did you eat?") == query_terms("eat")
    assert query_terms("他什么时候搬家") == query_terms("他 搬家")


def test_features() -> None:
    features = episode_features("Are you there? I met Anna Karenina last week.", name="Ben", date="8 May 2023")
    assert features.question_share == 0.5
    assert features.words == 9
    assert features.time_expression
    assert features.proper_nouns == 2
    assert term_number("ben") in features.terms
    assert term_number("2023") in features.terms


@pytest.mark.parametrize(
    ("text", "share"), [("", 0), ("Yes.", 0), ("你好吗？我很好。", 0.5), ("去吗", 1), ("Go! Now? Ok.", 1 / 3)]
)
def test_question_share(text: str, share: float) -> None:
    assert question_share(text) == pytest.approx(share)


def test_word_count() -> None:
    assert word_count("") == 1
    assert word_count("one two three") == 3
    assert word_count("我去学校 now") == 3
