"""What of a turn is embedded."""

from __future__ import annotations

import pytest

from memstrata.core.features import address_share
from memstrata.core.passages import LEAST_WORDS, MOST_SENTENCES, passages, telling_sentences, vector_space
from memstrata.core.records import TextRow


def row(text: str, name: str | None = "Ann") -> TextRow:
    return TextRow(row=0, day="8 May 2023", name=name, text=text)


def test_a_turn_is_embedded_whole_and_by_its_sentences() -> None:
    assert passages(row("I moved to Ghent in spring. How are you? My sister has a new dog.")) == [
        "[8 May 2023] Ann: I moved to Ghent in spring. How are you? My sister has a new dog.",
        "Ann: I moved to Ghent in spring.",
        "Ann: My sister has a new dog.",
    ]


def test_a_turn_without_a_name_is_embedded_once() -> None:
    assert passages(row("I moved to Ghent in spring. My sister has a dog.", None)) == [
        "[8 May 2023] I moved to Ghent in spring. My sister has a dog."
    ]


@pytest.mark.parametrize(
    ("text", "told"),
    [
        ("", []),
        ("... !!", []),
        ("Really?", []),
        ("ok", ["ok"]),
        ("Wow! Look at this old red bridge. Nice.", ["Wow! Look at this old red bridge. Nice."]),
        ("你呢？我上个星期搬到上海去住了。", ["我上个星期搬到上海去住了。"]),
        (
            "Look at this little house! [image: a red house by the sea]",
            ["Look at this little house!", "a red house by the sea"],
        ),
    ],
)
def test_sentences_that_tell(text: str, told: list[str]) -> None:
    assert telling_sentences(text) == told


def test_no_turn_has_more_sentences_than_are_allowed_and_no_word_is_lost() -> None:
    sentence = "This is a sentence. "
    assert len(sentence.split()) >= LEAST_WORDS
    for count in (1, MOST_SENTENCES, MOST_SENTENCES + 1, 100):
        told = telling_sentences(sentence * count)
        assert len(told) == min(count, MOST_SENTENCES)
        assert " ".join(told).split() == (sentence * count).split()


def test_vectors_of_other_passages_are_of_another_space() -> None:
    assert vector_space("a/1") != "a/1"
    assert vector_space("a/1") != vector_space("a/2")


@pytest.mark.parametrize(
    ("text", "share"),
    [("Your garden looks great! I have none.", 0.5), ("I moved.", 0), ("你的花园真美。", 1), ("", 0), ("?!", 0)],
)
def test_address_share(text: str, share: float) -> None:
    assert address_share(text) == share
