"""No password, key, card or identity number stays in a text, and ordinary numbers do."""

from __future__ import annotations

import time

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from memstrata.govern.secret_numbers import iban_valid, luhn_valid, resident_valid
from memstrata.govern.secrets import find_secrets, redact

HASH = "9fceb02d0ae598e95dc970b74767f19372d6" + "1af8"

SAID = """
password|router is doing the thing again. login's admin / <Plum!Fjord_2214> (i know i know) and it says no
password|pw: <hunter2>
password|pw <hunter2> for the nas
password|PW=<hunter2>
password|my wifi password is <Brutus2014>
password|my wifi password is <swordfish>.
password|the password's still <Tulip-99>, right?
password|the pass for netflix = <swordfish>
password|the pass for netflix is <S0rdfish!>
password|user/pass: bob / <tulipan77>
password|creds are bob:<tulipan77>
password|login: maria@example.org / <xk9_Lorem>
password|username bob, password <tulipan77>
password|username: bob password: <tulip>
password|passwrd is <abc123xyz> lol
password|password for the router is "<correct horse battery staple>"
password|the wifi password is <correct-horse-battery-staple> btw
password|changed my password from <hunter2> to <Plum9!x>
password|so i changed the password to <swordfish>
password|password has been reset to <Winter#24>, log in again
password|the netflix password? it's <Plum9x!> now
password|the password i use everywhere is <Plum9x!>
password|<Plum9x!> is my email password
password|password is <hunter2>, no wait it's <hunter3>
password|password is <hunter2>, sorry, <hunter3>
password|password is <hunter2> then <Hunter2> with a capital H
password|<hunter2> again. my password is <hunter2>
password|DB_PASSWORD=<s3cr3tDb>
password|{"user": "bob", "password": "<tulip77>"}
password|Server=db;User Id=sa;Password=<yourStrong#1>;
password|postgres://bob:<s3cret>@db.example.org/x
password|curl -u bob:<s3cret99> https://example.org
password|passphrase: "<the owls are not what they seem>"
password|密码是<abc123>
password|密码是<abc123>，记住哦
password|密码 <qwerty99>
password|密码：<Tulip_77>
password|wifi密码改成<plum2024>了
password|wifi密码改成了<plum2024>
password|我把密码从<plum2023>改成<plum2024>了
password|家里的密码还是<plum2024>
password|密码是「<我爱小狗2号>」
password|口令是<芝麻开门>
password|口令：<sesame88>
password|暗号是"<天王盖地虎>"
password|密码是<ａｂｃ１２３>
password|密码是<abc123>，不对，是<abc124>
password|密码应该是<tulip77>吧
password|密码是我生日<19900412>
password|账号tom，密码<tom12345>
password|账号密码：tom / <tom12345>
password|<tom12345>是我的密码
password|邮箱密码？就是<tom12345>
password|密码是<一二三四五六>
pin|the door code is <4471>
pin|door code <4471#>
pin|the code for the front gate is <#4471>
pin|PIN <4821>
pin|my pin's <4821>
pin|pin is <four eight two one>
pin|sim pin: <4 8 2 1>
pin|the safe combination is <12-34-56>
pin|alarm code's now <9081>, not <9080>
pin|your verification code is <482913>. don't share it
pin|<482913> is your login code
pin|access code <A4471>
pin|the code to get in is <4471>
pin|the code's <4471>
pin|bike lock is <4471>
pin|门锁 <2580>
pin|my atm pin is <seven seven three three>
pin|手机锁屏密码 <258014>
pin|my recovery codes are <4821-9931> and <2210-3382>
password|the password is lowercase <plumtree22>
password|i use <brutus77> as my password
password|try <brutus77>, that's the wifi pw
password|password's the dog's name plus 77, so <brutus77>
password|mysql -u root -p<Tulip77> db
password|user bob / pass <Tulip!77>
password|微信密码我改成<tom12345>了，旧的不用了
password|支付宝密码<tom12345>
password|新密码是<Sunny_88>，旧的<Sunny_77>作废
password|netflix pw got changed, its now <Sunny_Day88>
pin|门禁码 <4471#>
pin|门锁密码是<2580>
pin|门锁密码是<258000>，别告诉别人
pin|支付密码<123456>
pin|验证码 <482913>
pin|【银行】您的验证码为<482913>，5分钟内有效
pin|<482913>（验证码）
pin|门禁码改成<8899#>了
key|my key is <AKIAIOSFODNN7EXAMPLE>
key|OPENAI_API_KEY=<sk-proj-abcd1234efgh5678ijkl>
key|maps: <AIzaSyD-9tSrke72PouQMnMX-a7eZSW0jkFMBWY>
key|stripe <sk_live_4eC39HqLyjWDarjtT1zdp7dc>
key|api key: <abc123def456>
key|the secret key is <9f86d081884c7d659a2feaa0c55ad015>
key|密钥是<9f86d081884c7d659a2feaa0c55ad015>
key|license key <ABCDE-12345-FGHIJ-67890-KLMNO>
token|push with <ghp_16C7e42F292c6912E7710c838347Ae178B4a>
token|<github_pat_11ABCDEFG0abcdefghijkl_mnopqrstuv>
token|slack <xoxb-1234567890-abcdefghij>
token|<eyJhbGciOiJIUzI1NiJ9.eyJzdWIiOiIxMjM0In0.dBjftJeZ4CVP>
token|Authorization: Bearer <abcdef1234567890xyz>
token|访问令牌：<a8f5f167f44f4964e6c998dee827110c>
token|the token for staging is <a8f5f167f44f4964e6c998dee827110c>
card|card <4111 1111 1111 1111> exp 12/27 cvv <123>
card|<4111-1111-1111-1111>, 12/27, <123>
card|my amex <378282246310005> expires in may
card|it's <4111 then 1111 then 1111 then 1111>
card|卡号是<６２２２ ０２００ ０００１ ２３４５ ６７４>吗
card|信用卡<5555555555554444>，有效期12/27，安全码<321>
card|cvc is <999>
identity|my ssn is <536-90-4399>
identity|ssn <536904399>
identity|my NI is <QQ 12 34 56 C>
identity|it's <536-90-4399> i think
identity|last four of my social: <4399>
identity|身份证<11010519491231002X>
identity|<11010519491231002x>是我的身份证
identity|身份证号：<110105 19491231 002X>
identity|老身份证是<110105491231002>
identity|NI number <AB 12 34 56 C>
identity|passport number is <E12345678>
identity|护照<E12345678>，明年到期
identity|my tax id: <12-3456789>
identity|driver's license <D1234567>
identity|驾照<440301199001011234>
bank_account|iban <GB82 WEST 1234 5698 7654 32> thanks
bank_account|<DE89370400440532013000>
bank_account|account number <12345678> sort code <12-34-56>
bank_account|我的账号 <12345678>
bank_account|卡号 <6217 0000 1234 5678 901>，建行的
recovery_phrase|seed phrase: <abandon ability able about above absent absorb abstract absurd abuse access accident>
recovery_phrase|my recovery words are <zoo zone zero youth young you yellow year yard wrong write wrist> please keep
recovery_phrase|助记词：<abandon ability able about above absent absorb abstract absurd abuse access accident>
""".strip().splitlines()

ORDINARY = f"""
the password is wrong
forgot my password
the password is my birthday
password is the usual
password still the same
password manager
which password manager is best? 1Password or Bitwarden
the password must be 12 characters
my password expired 3 days ago
password reset email never came
password: required
the password field says "incorrect"
i gave him the password to netflix
same password as always
the ski pass is 480 euros
pass the salt
bus pass: 49 euros a month
tests pass: 120, fail: 3
the key is to listen
the key is B flat
the token was nice
max_tokens: 4096
the token limit is 128000
the secret is butter
pin it on page 1234
the error code is 4471
zip code is 94110
area code 0207
promo code SAVE20
call me on 020 7946 0958
my number is +1 415 555 2671
my number is +49 1512 3456789
415-555-2671 is my phone
SW1A 1AA is the postcode
i live at 221B Baker Street, flat 4
order 4111111111111111 has shipped
order number 1234567890123
tracking 1Z999AA10123456784
room 1204, parking spot 77
flight BA0117 at 10:45 on 2024-05-01
it's 1,234,567.89 in total
python 3.11.4 and numpy 1.26.4
commit {HASH} broke it
see {HASH[:12]} for the fix
{HASH}
timestamp 1700000000000
my card got declined twice
user 12 / 40 signed up
wifi is 2.4 / 5GHz
passport expires 2027
seed phrase should never be shared with anyone ever because they will take your coins
login at the front desk with your name
log in with google / facebook
isbn 9780306406157
the code is on the table
i'm 34 and born 1990-04-12
the combination of 3 things
密码忘了
密码输错了
密码是我的生日
密码是什么
他家锁的密码居然还是我生日，六年了你说
密码要16位
密码是8位数
密码忘了，打客服4008123123
验证码没收到
验证码60秒后重发
验证码5分钟内有效
门禁坏了
密码太简单了
这个密码是2020年设的
我手机13800138000
打给我 138-0013-8000
住在中关村大街27号1201室
邮编100080
快递单号SF1234567890123
订单号202405011234567890
车停在B2-117
航班CA1234 10:45起飞
总价12345.67元
版本3.11.4
卡里还有12345块
账户余额123456元
钥匙在门口
关键是要听
护照明年2027年到期
身份证丢了
口令是什么
the password is on the sticky note
it asks for a pin but i never set one
door 4471 is the server room
gate B22, boarding 10:45
the code is 1200 lines long
the lockbox is full
api version 2024-05-01
wifi 6 router AX3000
visa interview on 2024-05-01
routing table has 120000 entries
uuid 550e8400-e29b-41d4-a716-446655440000
mac 00:1A:2B:3C:4D:5E
model number WH-1000XM5
密码学考试考了92分
密码锁坏了，花了300块
这个密码锁299元
我家门牌号1204
护照办了7天
银行卡里有123456元
QQ 12345678
学号20190412
""".strip().splitlines()


def _spans(marked: str) -> tuple[str, list[str]]:
    values = [part.split(">")[0] for part in marked.split("<")[1:]]
    return marked.replace("<", "").replace(">", ""), values


@pytest.mark.parametrize("case", SAID)
def test_a_secret_goes_and_the_words_around_it_stay(case: str) -> None:
    kind, marked = case.split("|", 1)
    text, values = _spans(marked)
    found = find_secrets(text)
    assert [text[each.start : each.end] for each in found] == values
    assert kind in {each.kind for each in found}


@pytest.mark.parametrize("text", ORDINARY)
def test_ordinary_sentences_stay_as_they_are(text: str) -> None:
    assert redact(text) == (text, ())


def test_the_mark_names_the_kind() -> None:
    assert redact("my wifi password is Tulip77")[0] == "my wifi password is [password removed]"
    assert redact("4111 1111 1111 1111")[0] == "[card number removed]"


def test_a_private_key_block_goes_as_one() -> None:
    block = "-----BEGIN OPENSSH PRIVATE KEY-----\nb3BlbnNzaC1rZXktdjEA\nAAAA==\n-----END OPENSSH PRIVATE KEY-----"
    assert redact(f"here\n{block}\nthanks")[0] == "here\n[key removed]\nthanks"
    assert redact(f"here\n{block[:60]}")[0] == "here\n[key removed]"


def test_checksums() -> None:
    assert luhn_valid("4111111111111111")
    assert not luhn_valid("4111111111111112")
    assert not luhn_valid("0" * 16)
    assert resident_valid("11010519491231002X")
    assert not resident_valid("110105194912310021")
    assert iban_valid("GB82WEST12345698765432")
    assert not iban_valid("GB83WEST12345698765432")


TEMPLATES = """
pw: {}
my password is {} ok
the wifi password is "{}"
login: admin / {}
user/pass: bob / {}
密码是{}
密码 {}，别忘了
wifi密码改成{}了
password for netflix = {} (shared)
they changed the password to {} yesterday
PASSWORD={}
口令：{}
账号bob，密码{}
""".strip().splitlines()
CODE_TEMPLATES = """
the door code is {}
PIN {}
my pin is {}, ok
门禁码{}#
验证码：{}
支付密码是{}
gate code: {}
{} is your verification code
""".strip().splitlines()
VALUES = st.builds(
    "".join,
    st.tuples(
        st.text("abcdefghkmnpqrstuvwyz", min_size=3, max_size=8),
        st.sampled_from(["", "!", "_", "#", "-", "@", "&", "%"]),
        st.text("ABCDEFGHKM", max_size=3),
        st.text("0123456789", min_size=2, max_size=5),
    ),
)
WORDS = """password is;pw;密码;是;: ; / ;no wait it's;hunter2;4471;4111 1111 1111 1111;cvv;123;12/27;[password removed]
[PIN removed];pin;验证码;改成;或者; to ;api key;token;9f86d081884c7d659a2feaa0c55ad015;";';（;，;。;admin / ;ssn
seed phrase;abandon ability able about above absent;www.x.org;://a:b@;bearer;AKIAIOSFODNN7EXAMPLE;is my password
bike lock;-----BEGIN PRIVATE KEY-----;账号;GB82 WEST 1234 5698 7654 32;mysql -p;user/pass;it's;not;as my password
账号密码：;tom;then"""
PIECES = st.lists(
    st.one_of(st.sampled_from([*WORDS.replace("\n", ";").split(";"), "\n"]), st.text(max_size=6)), max_size=14
)
TEXTS = st.one_of(st.text(), st.builds(" ".join, PIECES), st.builds("".join, PIECES))


@pytest.mark.parametrize("template", TEMPLATES)
@given(value=VALUES)
def test_no_password_survives(template: str, value: str) -> None:
    assert value not in redact(template.format(value))[0]


@given(digits=st.text("0123456789", min_size=4, max_size=6), template=st.sampled_from(CODE_TEMPLATES))
def test_no_code_survives(digits: str, template: str) -> None:
    assert digits not in redact(template.format(digits))[0]


@settings(max_examples=500)
@given(text=TEXTS)
def test_redacting_twice_changes_nothing(text: str) -> None:
    once = redact(text)[0]
    assert redact(once) == (once, ())


@settings(max_examples=500)
@given(text=TEXTS)
def test_spans_are_in_order_and_the_rest_is_kept(text: str) -> None:
    once, secrets = redact(text)
    assert find_secrets(text) == list(secrets)
    position = 0
    rest = once
    for secret in secrets:
        assert position <= secret.start < secret.end <= len(text)
        kept = text[position : secret.start]
        assert rest.startswith(kept)
        rest = rest[len(kept) :]
        rest = rest[rest.index("removed]") + len("removed]") :]
        position = secret.end
    assert rest == text[position:]


HOSTILE = """password is ;password:;pass ;pin 4;1 ;4111 1111 ;key=;key1=;eyJ-;://a:b;密码;密码是;a; ;abandon ;bearer a
-----BEGIN PRIVATE KEY-----;seed phrase ;login a / ;x is my ;hunter2 or ;password is hunter2 or ;(;";我的;账号 1
mysql -p ;门锁 ;the code """


@pytest.mark.parametrize("piece", [*HOSTILE.replace("\n", ";").split(";"), "\n"])
def test_a_hostile_text_takes_time_in_proportion(piece: str) -> None:
    text = piece * (100_000 // len(piece))
    began = time.process_time()
    redact(text)
    assert time.process_time() - began < 6
