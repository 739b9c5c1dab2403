"""Secrets that stand near a word that gives them away."""

import pytest

from memstrata.govern.secrets import redact


@pytest.mark.parametrize(
    ("text", "secret"),
    [
        ("the site hates me. 4111 2222 3333 9999, 08/28, 731, is that right", "4111 2222 3333 9999"),
        ("the site hates me. 4111 2222 3333 9999, 08/28, 731, is that right", "731"),
        ("is it bad that the radio login, mossyStone_44x, is also the water one", "mossyStone_44x"),
        ("should i change the alarm from heron-7-bucket", "heron-7-bucket"),
        ("the key safe by the bins is 9082#, bring milk", "9082"),
        ("551204，登录码快过期了", "551204"),
        ("551204 is your verification code", "551204"),
    ],
)
def test_a_secret_near_its_word_is_removed(text: str, secret: str) -> None:
    clean, secrets = redact(text)
    assert secret not in clean
    assert secrets


@pytest.mark.parametrize(
    "text",
    [
        "the alarm went off at 7316 metres of altitude",
        "my login worked on the second try, version 2.4.1",
        "the door is 2030 mm high",
        "the gate is 1400 euros",
        "the safe was installed in 2019",
        "wifi is slow since the update to macOS",
        "验证码一直收不到",
        "i parked by the gate, bay B2-117",
    ],
)
def test_an_ordinary_sentence_keeps_its_words(text: str) -> None:
    assert redact(text) == (text, ())
