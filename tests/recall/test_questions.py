"""What is read from the form of a question."""

from __future__ import annotations

import re

import pytest
from hypothesis import given
from hypothesis import strategies as st

from memstrata.core.lexical import query_terms
from memstrata.recall import dates as reading
from memstrata.recall.dates import NamedDate, named_dates
from memstrata.recall.questions import read_question

PEOPLE = ("Caroline Smith", "Melanie", "李雷", "Bo")


@pytest.mark.parametrize(
    ("query", "named"),
    [
        ("What did Caroline buy?", ("Caroline Smith",)),
        ("what is MELANIE's dog called", ("Melanie",)),
        ("Did Caroline and Melanie meet?", ("Caroline Smith", "Melanie")),
        ("Who is a melaniephile?", ()),
        ("李雷去了哪里？", ("李雷",)),
        ("Is Bo at the bottom?", ("Bo",)),
        ("How was the day?", ()),
    ],
)
def test_named_speakers(query: str, named: tuple[str, ...]) -> None:
    question = read_question(query, speakers=PEOPLE)
    assert question.named == named
    for name in named:
        assert not set(query_terms(name)) & set(question.terms)
        assert name.split()[0].lower() not in re.findall(r"\w+", question.text.lower())


@pytest.mark.parametrize(
    ("query", "left"),
    [
        ("where does the user live", "where does live"),
        ("the user's sister", "sister"),
        ("用户的妹妹住在哪里", "妹妹住在哪里"),
        ("what does the superuser do", "what does the superuser do"),
    ],
)
def test_the_one_whose_memory_it_is_is_not_searched_for(query: str, left: str) -> None:
    question = read_question(query, speakers=PEOPLE)
    assert question.text == left
    assert question.terms == query_terms(left)


def test_a_question_of_names_alone_keeps_them() -> None:
    question = read_question("Caroline?", speakers=PEOPLE)
    assert question.terms == query_terms("Caroline?")
    assert question.text == "Caroline?"


def test_two_people_of_one_first_name_are_both_named() -> None:
    assert read_question("Where is Ann?", speakers=["Ann Lee", "Ann Moe"]).named == ("Ann Lee", "Ann Moe")
    assert read_question("Where is Ann Moe?", speakers=["Ann Lee", "Ann Moe"]).named == ("Ann Lee", "Ann Moe")


@pytest.mark.parametrize(
    ("query", "when"),
    [
        ("When did she move?", True),
        ("How long was the trip?", True),
        ("In which month is the concert?", True),
        ("他什么时候搬家？", True),
        ("几点开始？", True),
        ("What did she say when she left?", False),
        ("Who moved?", False),
        ("他搬到哪里？", False),
    ],
)
def test_asking_when(query: str, when: bool) -> None:
    assert read_question(query, speakers=()).asks_when is when


@pytest.mark.parametrize(
    ("query", "assistant"),
    [
        ("What did you suggest for the dough?", True),
        ("Which wine had you recommended?", True),
        ("What was your trick with the oven?", True),
        ("你当时建议我怎么做？", True),
        ("你上次推荐的那本书叫什么？", True),
        ("What did I say about the dough?", False),
        ("Where is my brother?", False),
        ("我妹妹在哪里上班？", False),
    ],
)
def test_asking_what_the_assistant_said(query: str, assistant: bool) -> None:
    assert read_question(query, speakers=()).asks_assistant is assistant


@pytest.mark.parametrize(
    ("text", "dates"),
    [
        ("on 8 May 2023", [NamedDate(year=2023, month=5, day=8)]),
        ("May 8th, 2023", [NamedDate(year=2023, month=5, day=8)]),
        ("in October 2022 or 2021", [NamedDate(year=2022, month=10), NamedDate(year=2021)]),
        ("last July", [NamedDate(month=7)]),
        ("in May", [NamedDate(month=5)]),
        ("May I ask?", []),
        ("they march on", []),
        ("2024-02-29", [NamedDate(year=2024, month=2, day=29)]),
        ("2024-13-40", []),
        ("2023年5月8日", [NamedDate(year=2023, month=5, day=8)]),
        ("5月", [NamedDate(month=5)]),
        ("2023年", [NamedDate(year=2023)]),
        ("ſept 2023, not aprıl", [NamedDate(year=2023, month=9), NamedDate(month=4)]),
    ],
)
def test_dates(text: str, dates: list[NamedDate]) -> None:
    assert list(named_dates(text)) == dates


PIECES = [
    "May",
    "march",
    "ſept",
    "SEPTEMBER",
    "dec",
    "8",
    "08",
    "31st",
    "2023",
    "1999",
    "年",
    "月",
    "日",
    "-",
    " of ",
    " ",
    ", ",
]


@given(st.lists(st.sampled_from(PIECES), max_size=6).map("".join))
def test_no_date_is_missed_for_want_of_a_sign(text: str) -> None:
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(reading, "_ANY_SIGN", re.compile(""))
        expected = named_dates(text)
    assert named_dates(text) == expected


@pytest.mark.parametrize("query", ["", "?", "的" * 5000, "a " * 50_000, "May " * 5000, "2023-02-30", "\0" * 10])
def test_odd_questions_do_no_harm(query: str) -> None:
    question = read_question(query, speakers=[*PEOPLE, "", " ", "(", "a" * 500])
    assert (question.text, question.named) == (query, ())
