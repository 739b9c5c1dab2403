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
        ("someone tried the alarm twice. is changing it from heron-7-ladle worth it", "heron-7-ladle"),
        ("门禁密码真难记，把它从 Teal-55-pond 改了吧", "Teal-55-pond"),
        ("the streaming one is moonRabbit_41 btw", "moonRabbit_41"),
        ("wifi密码是小写的mulberry2031加感叹号", "mulberry2031"),
        ("the gate's 4471 then the green button", "4471"),
        ("spare key under the frog, alarm 9080", "9080"),
        ("my account number's 55779911 for the refund", "55779911"),
        ("账号是6212345678901，别外传", "6212345678901"),
        ("卡号六二二二零二一零零一一一二二二三", "六二二二零二一零零一一一二二二三"),
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
        "we changed it from monday-2-friday shifts",
        "the blue one is size 42",
        "gate 12 is a long walk",
        "door 4471 is the server room",
        "my account is 3 years old",
        "密码太长了记不住",
        "i parked by the gate, bay B2-117",
    ],
)
def test_an_ordinary_sentence_keeps_its_words(text: str) -> None:
    assert redact(text) == (text, ())
