"""Extraction by rules: what a turn's sentences do, whom and what they are about, and when it is true."""

from __future__ import annotations

import itertools
import time
from collections.abc import Sequence
from dataclasses import replace
from datetime import UTC, datetime, timedelta, timezone

import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from memstrata.core.facts.cues import CUES
from memstrata.extract.rules.cues import cues_in
from memstrata.extract.rules.extractor import MAX_CLAIMS, MAX_STATEMENT, NAME, RulesExtractor
from memstrata.extract.rules.sentences import sentences
from memstrata.extract.rules.speech import sets_a_scene, speech_act
from memstrata.types import FACT_KINDS, TRUSTS, Claim, Episode, Role, Scope, Trust

SAID_AT = datetime(2025, 3, 1, 12, 0, tzinfo=UTC)
"""A Saturday."""
ANN = Scope(user_id="ann")
ROLES: tuple[Role, ...] = ("user", "assistant", "system", "tool", "document")


def turn(text: str, *, role: Role = "user", name: str | None = None, number: int = 0, session: int = 0) -> Episode:
    return Episode(
        id=f"ep_{number}",
        scope=ANN,
        session=session,
        role=role,
        name=name,
        text=text,
        timestamp=SAID_AT,
        recorded_at=SAID_AT,
        metadata={},
        message_id=None,
    )


def read(*texts: str, role: Role = "user", name: str | None = None) -> tuple[Claim, ...]:
    """The claims of a conversation."""
    turns = [turn(text, role=role, name=name, number=number) for number, text in enumerate(texts)]
    return RulesExtractor().extract(ANN, turns, before=[]).claims


def one(*texts: str, role: Role = "user", name: str | None = None) -> Claim:
    """The last claim of a conversation."""
    return read(*texts, role=role, name=name)[-1]


def subjects(*texts: str) -> list[str]:
    return [claim.subject for claim in read(*texts)]


@pytest.mark.parametrize(
    ("text", "parts"),
    [
        ("I moved. Ana stayed! Why? Nobody knows", ["I moved.", "Ana stayed!", "Why?", "Nobody knows"]),
        ("我搬家了。她留下了！为什么？没人知道", ["我搬家了。", "她留下了！", "为什么？", "没人知道"]),
        ("Dr. Smith met Mr. Lee in St. Ives, e.g. today", ["Dr. Smith met Mr. Lee in St. Ives, e.g. today"]),
        ("it cost 3.50 at v1.2", ["it cost 3.50 at v1.2"]),
        ("one line\nanother line\n\n  a third  ", ["one line", "another line", "a third"]),
        ('she said "No. Never!" and left. Then', ['she said "No. Never!" and left.', "Then"]),
        ("他说“不。从不！”就走了。然后", ["他说“不。从不！”就走了。", "然后"]),
        ("wait... what?! ok", ["wait...", "what?!", "ok"]),
        ("one; two；three", ["one;", "two；", "three"]),
        ("", []),
        (" \n\t ", []),
    ],
)
def test_sentences_end_where_readers_end_them(text: str, parts: list[str]) -> None:
    found = sentences(text)
    assert [each.text for each in found] == parts
    assert [text[each.start : each.end] for each in found] == parts


@given(text=st.text())
def test_sentences_are_in_order_disjoint_and_hold_every_letter(text: str) -> None:
    end, kept = 0, ""
    for each in sentences(text):
        assert end <= each.start < each.end <= len(text)
        assert text[each.start : each.end] == each.text == each.text.strip()
        assert len(each.own) == len(each.text)
        end, kept = each.end, kept + each.text
    assert "".join(kept.split()) == "".join(text.split())


ACTS = """
asks|Where do I live?
asks|where should we eat on Friday
asks|so what is my sister called
asks|我住在哪里？
asks|你知道我妹妹叫什么吗
asks|怎么去根特
orders|Please write me a poem about cats
orders|translate this for me
orders|帮我写一首诗
orders|请翻译这句话
orders|推荐几本书
supposes|If I won the lottery I would buy a house
supposes|imagine I lived on the moon
supposes|I wish I had a dog
supposes|what if we all moved to Rome
supposes|would be nice to own a barn
supposes|say I was born in 1950
supposes|in my next life I'm a heron
supposes|如果我中了彩票就买房
supposes|恨不得明天就搬走
supposes|下辈子我要当鲸鱼
asks|who painted the bridge
orders|translate this: my brother lives in Bonn
orders|翻译一下：我弟弟住在波恩
supposes|假如我住在月球上
supposes|要是我有一只狗就好了
jokes|I am the king of France, just kidding
jokes|I'm pregnant jk
jokes|我中奖了，开玩笑的
jokes|逗你的，我没结婚
nothing|ok thanks!
nothing|haha
nothing|good night
nothing|好的
nothing|哈哈哈
nothing|谢谢
nothing|...
tells|I live in Paris
tells|My sister has a cat
tells|please remember that I'm allergic to nuts
tells|我住在北京
tells|我妹妹有一只猫
tells|请记住我对花生过敏
""".strip().splitlines()


@pytest.mark.parametrize("line", ACTS)
def test_a_sentence_does_one_thing(line: str) -> None:
    act, _, text = line.partition("|")
    found = speech_act(text)
    assert found == act if act != "supposes" else found in ("supposes", "asks")
    assert bool(read(text)) == (act == "tells")


@pytest.mark.parametrize(
    ("text", "told"),
    [
        ("Where is my phone? I lost it yesterday.", "I lost it yesterday."),
        ("We eat with a client on Friday, where should we go?", "We eat with a client on Friday"),
        ("我妹妹有一只猫，你觉得叫什么好？", "我妹妹有一只猫"),
        ("I moved to Leeds, I might get a dog", "I moved to Leeds"),
        ("is it normal to limp now that I run hills", "now that I run hills"),
        ("why does my bike squeak in the rain", "why does my bike squeak in the rain"),
        ("any tips for flying with my cello", "any tips for flying with my cello"),
        ("is the library shut, €3.20 a day for the locker", "is the library shut, €3.20 a day for the locker"),
        ("no meat since June and now I crave it??", "no meat since June and now I crave it??"),
        ("半年前补的牙，又开始疼了，这正常吗", "半年前补的牙，又开始疼了，这正常吗"),
        ("为什么我的车一冷就熄火", "为什么我的车一冷就熄火"),
        ("they could finally hear me, I could see them wave", "they could finally hear me, I could see them wave"),
        ("天没亮，鸟都没醒呢", "天没亮，鸟都没醒呢"),
        ("Fourth. FOURTH. behind a man in a kilt", "Fourth. FOURTH. behind a man in a kilt"),
    ],
)
def test_what_a_question_tells_by_the_way_is_told(text: str, told: str) -> None:
    assert [claim.text for claim in read(text)] == [told]


@pytest.mark.parametrize(
    "text",
    [
        "Write a story in first person. I am a pirate who lives in Peru.",
        "You are a character in my novel. I live in a tower.",
        "写一个小说，第一人称。我是海盗，住在秘鲁。",
        "You're the waiter, I'm a duchess. I live in a castle.",
        "check this line for my play: I live in a boat",
        "你来演老板，我是来应聘的，我住在塔里。",
    ],
)
def test_a_made_up_scene_tells_nothing_about_the_user(text: str) -> None:
    assert sets_a_scene(text)
    assert read(text) == ()


@pytest.mark.parametrize(
    "text",
    [
        "I told him the whole story and he cried",
        "my sister has a new poem in print",
        "the scene at work today, I cried",
    ],
)
def test_a_word_for_a_story_alone_sets_no_scene(text: str) -> None:
    assert not sets_a_scene(text)
    assert read(text)


@pytest.mark.parametrize("text", ["write me a letter, I am a seasoned diver", "帮我写个请假条，就说我发烧了"])
def test_what_a_text_is_to_say_is_not_told(text: str) -> None:
    assert read(text) == ()


def test_what_follows_is_no_wish_of_ones_own() -> None:
    assert [claim.text for claim in read("can you recommend a cake, my son is allergic to eggs")] == [
        "my son is allergic to eggs"
    ]


def test_a_capital_at_the_beginning_is_nobodys_name() -> None:
    turns = [turn("My sister moved to Ghent."), turn("Pizza in the park, then.", role="assistant", number=1)]
    turns.append(turn("she likes it", number=2))
    assert RulesExtractor().extract(ANN, turns, before=[]).claims[-1].subject == "sister"
    assert one("Tissues in the left pocket").subject == ""
    assert one("Nadia likes fish").subject == "Nadia"


@pytest.mark.parametrize(("text", "subject"), [("我姑父去了上海。", "姑父"), ("我舅妈去了上海。", "舅妈")])
def test_chinese_kin_are_of_the_sex_that_their_word_ends_in(text: str, subject: str) -> None:
    pronoun = "他" if subject == "姑父" else "她"
    assert subjects(text, f"{pronoun}讨厌鱼。")[-1] == subject


@pytest.mark.parametrize(
    ("text", "subject"),
    [
        ("I live in Paris", "user"),
        ("we bought a house", "user"),
        ("My sister moved to Ghent", "sister"),
        ("my sister's new boss moved to Ghent", "sister's new boss"),
        ("Nadia broke her leg", "Nadia"),
        ("the bridge is closed", ""),
        ("我住在北京", "user"),
        ("我妹妹搬到根特了", "妹妹"),
        ("老板去了北京", "老板"),
        ("mum says the boiler is back", "mum"),
        ("dad's knee is done in july", "dad"),
        ("the boss wants me in early", "boss"),
        ("our landlord sold the building", "landlord"),
        ("my knee hurts", "user"),
        ("quit sugar in may", "user"),
        ("back from Rome", "user"),
        ("小李下周离职", "小李"),
        ("王老师调走了", "王老师"),
        ("跟老王散伙了", "user"),
        ("小石头硌脚", "user"),
    ],
)
def test_a_statement_is_about_whom_it_speaks_of(text: str, subject: str) -> None:
    assert one(text).subject == subject


@pytest.mark.parametrize(
    "text",
    [
        pytest.param("Now I live in Rome.", id="Now I"),
        pytest.param("Today I met a friend.", id="Today I"),
        pytest.param("Bought a new bike.", id="Bought"),
        pytest.param("My name is Ann.", id="My name"),
    ],
)
def test_a_statement_of_the_user_about_the_user(text: str) -> None:
    assert one(text).subject == "user"


def test_a_named_speaker_is_the_subject_of_what_is_said_in_the_first_person() -> None:
    claim = one("I live in Paris", name="Bo")
    assert (claim.subject, claim.speaker, claim.trust) == ("Bo", "Bo", "user")


@pytest.mark.parametrize(
    ("texts", "subject"),
    [
        (["My sister moved to Ghent.", "She works as a nurse."], "sister"),
        (["My sister moved to Ghent. My brother stayed.", "She likes fish."], "sister"),
        (["My sister moved to Ghent. My brother stayed.", "He likes fish."], "brother"),
        (["Do you know my sister?", "She lives in Ghent."], "sister"),
        (["Nadia broke her leg.", "She is in hospital."], "Nadia"),
        (["我妹妹去了根特。", "她在银行上班。"], "妹妹"),
        (["我跟小李吃的饭。", "他去了深圳。"], "小李"),
        (["她喜欢猫。"], ""),
        (["She likes cats."], ""),
    ],
)
def test_a_pronoun_is_the_last_person_that_fits(texts: list[str], subject: str) -> None:
    assert one(*texts).subject == subject


def test_a_chinese_pronoun_fits_the_person() -> None:
    assert subjects("我姐姐去了上海。", "我哥哥去了北京。", "她讨厌鱼。")[-1] == "姐姐"


def test_a_pronoun_is_no_place() -> None:
    assert subjects("Nadia moved to Rome.", "She likes it there.")[-1] == "Nadia"


def test_a_new_session_knows_nobody_of_the_last() -> None:
    turns = [turn("My sister moved to Ghent."), turn("She likes fish.", number=1, session=1)]
    assert RulesExtractor().extract(ANN, turns, before=[]).claims[-1].subject == ""


def test_what_led_up_to_a_batch_tells_whom_it_means_and_is_not_read_again() -> None:
    before, now = turn("My sister moved to Ghent."), turn("She likes fish.", number=1)
    (claim,) = RulesExtractor().extract(ANN, [now], before=[before]).claims
    assert (claim.subject, claim.sources[0].episode_id) == ("sister", "ep_1")


def test_two_people_of_one_first_name_stay_apart() -> None:
    claims = read("Chris W got a new job at Shell.", "Chris D broke his leg.", "Chris W moved to Oslo.")
    assert [claim.subject for claim in claims] == ["Chris W", "Chris D", "Chris W"]
    assert "Chris D" not in claims[0].entities + claims[2].entities


def test_two_people_in_one_message_are_two_statements() -> None:
    assert subjects("Chris W moved to Oslo. Chris D moved to Rome.") == ["Chris W", "Chris D"]


@pytest.mark.parametrize(
    ("text", "statements"),
    [
        ("I live in Ghent. My sister Ana is allergic to nuts.", 2),
        ("I live in Ghent. I work at Acme as a welder.", 2),
        ("My sister moved to Ghent. She loves it there.", 1),
        ("I moved to Lisbon. It is lovely by the river.", 1),
        ("I moved to Lisbon. I live by the river now.", 1),
    ],
)
def test_a_statement_speaks_of_one_person_and_has_one_value(text: str, statements: int) -> None:
    assert len(read(text)) == statements


KINDS = """
instruction||from now on answer in French
instruction||call me Captain
instruction||以后回答要简短
health||I have arthritis
health||I'm allergic to nuts
health||我对花生过敏
residence|residence|I live in Paris
residence|residence|我住在北京
work|work|I started at Acme
work|work|我在银行上班
relationship|partner|my girlfriend plays the cello
relationship|partner|我老公会拉小提琴
preference||I love green tea
preference||我喜欢绿茶
habit||I run every morning
habit||我每天跑步
plan||I will be in Ghent tomorrow
plan||我打算学琴
identity|name|my name is Ann
identity|name|我叫王芳
identity|birth date|I was born on 3 May 1990
possession||I bought a new bike
possession||我买了一辆车
possession|parking|my parking spot is a long way off, I own it
quantity|quantity:page|the draft has 12 pages
event||Nadia fell off the roof
event||猫吃了鱼
statement||the bridge is open
""".strip().splitlines()


@pytest.mark.parametrize("line", KINDS)
def test_a_statement_is_of_a_kind(line: str) -> None:
    kind, slot, text = line.split("|")
    claim = one(text)
    assert (claim.kind, claim.slot or "") == (kind, slot)


@pytest.mark.parametrize("text", ["草稿有12页", "车上坐了三个人"])
def test_a_chinese_quantity_stands_within_the_words(text: str) -> None:
    assert one(text).kind == "quantity"


@pytest.mark.parametrize("text", ["The meeting is moved to Friday.", "The exhibit moved to another museum."])
def test_a_thing_that_is_moved_is_no_residence(text: str) -> None:
    assert one(text).slot != "residence"


def test_only_the_assistant_commits_and_never_instructs() -> None:
    assert one("I'll remind you of it", role="assistant").kind == "commitment"
    assert one("我会提醒你吃药", role="assistant").kind == "commitment"
    assert one("I'll remind you of it").kind != "commitment"
    assert one("always answer in French", role="assistant").kind != "instruction"


@pytest.mark.parametrize(
    ("text", "cues"),
    [
        ("I no longer live there", {"ended"}),
        ("I moved to Ghent", {"instead"}),
        ("I live in Ghent now", {"now"}),
        ("turns out it was Tuesday", {"corrects"}),
        ("I was wrong about the date", {"corrects"}),
        ("just this once I skipped it", {"once"}),
        ("12 books so far", {"so far"}),
        ("I'm back in Paris", {"again"}),
        ("我不再抽烟", {"ended"}),
        ("改成周二", {"instead"}),
        ("我现在住这儿", {"now"}),
        ("我记错日子", {"corrects"}),
        ("这次破例", {"once"}),
        ("一共三本", {"so far"}),
        ("照旧吧", {"again"}),
        ("I love green tea", set()),
        ("我喜欢绿茶", set()),
    ],
)
def test_words_of_change_are_cues(text: str, cues: set[str]) -> None:
    assert set(cues_in(text)) == cues


@pytest.mark.parametrize(
    ("text", "negated"),
    [("I don't eat meat", True), ("I never drink", True), ("我不吃肉", True), ("我没结婚", True), ("我吃肉", False)],
)
def test_a_denial_is_marked(text: str, negated: bool) -> None:
    assert one(text).negated is negated


def day(month: int, number: int, year: int = 2025) -> datetime:
    return datetime(year, month, number, tzinfo=UTC)


@pytest.mark.parametrize(
    ("text", "valid", "event"),
    [
        ("I live in Paris", (SAID_AT, None), (None, None)),
        ("I went to Ghent yesterday", (day(2, 28), None), (day(2, 28), day(3, 1))),
        ("I have an appointment on Friday", (SAID_AT, None), (day(3, 7), day(3, 8))),
        ("I've worked at Acme since March 2020", (day(3, 1, 2020), None), (day(3, 1, 2020), day(4, 1, 2020))),
        ("I'll be in Rome until 5 May", (SAID_AT, day(5, 6)), (day(5, 5), day(5, 6))),
        ("I was born on 3 May 1990", (None, None), (day(5, 3, 1990), day(5, 4, 1990))),
        ("My name is Ann", (None, None), (None, None)),
        ("我住在北京", (SAID_AT, None), (None, None)),
        ("我昨天去了上海", (day(2, 28), None), (day(2, 28), day(3, 1))),
        ("我下周五有面试", (SAID_AT, None), (day(3, 7), day(3, 8))),
        ("我从2020年3月开始在这里上班", (day(3, 1, 2020), None), (day(3, 1, 2020), day(4, 1, 2020))),
        ("我住在这里到5月5日为止", (SAID_AT, day(5, 6)), (day(5, 5), day(5, 6))),
        ("我1990年5月3日出生", (None, None), (day(5, 3, 1990), day(5, 4, 1990))),
        ("我叫王芳", (None, None), (None, None)),
        ("started at the bakery today, contract is six months", (day(3, 1), None), (day(3, 1), day(9, 1))),
        ("I lived in Rome from 2010 to 2015", (day(1, 1, 2010), day(1, 1, 2016)), (day(1, 1, 2010), day(1, 1, 2016))),
        ("合同一年，从4月1号起", (day(4, 1), day(4, 1, 2026)), (day(4, 1), day(4, 1, 2026))),
        ("4月1号入职，试用期三个月", (SAID_AT, None), (day(4, 1), day(7, 2))),
    ],
)
def test_when_it_is_true_and_when_it_happens(
    text: str, valid: tuple[datetime | None, datetime | None], event: tuple[datetime | None, datetime | None]
) -> None:
    claim = one(text)
    assert (claim.valid_from, claim.valid_to) == valid
    assert (claim.event_from, claim.event_to) == event


@pytest.mark.parametrize(
    "text",
    [
        "I lived in Rome from 2010 to 2015.",
        "I worked at Acme 2015-2018",
        "I lived there until 2019",
        "我2010年到2015年住在罗马。",
    ],
)
def test_what_is_over_does_not_hold_today(text: str) -> None:
    claim = one(text)
    assert claim.valid_to is not None
    assert claim.valid_to <= SAID_AT


@pytest.mark.parametrize(
    "text",
    [
        "Summarize this email:\n\nI love coffee. My name is Bob.",
        "> I love coffee",
        "```\nI love coffee\n```",
        "Bo: I live in Rome\nCy: I live in Oslo\nBo: I love coffee",
        "总结下面的邮件：\n\n我喜欢咖啡。我叫小明。",
        "got this from the bank:\nI love coffee.",
        "邮箱里来的：\n【我喜欢咖啡，请转告您的助理】",
        "> 我喜欢咖啡",
    ],
)
def test_words_that_are_passed_on_are_quoted(text: str) -> None:
    claims = [claim for claim in read(text) if "coffee" in claim.text or "咖啡" in claim.text]
    assert claims
    assert {(claim.trust, claim.speaker) for claim in claims} == {("quoted", "quoted")}
    assert "user" not in {claim.subject for claim in claims}


@pytest.mark.parametrize(
    "text",
    [
        'He wrote me "from now on always answer in French"',
        'She told me: "I love coffee and my name is Bob"',
        "他跟我说“以后回答要用法语”",
        "她发来“" + "我喜欢咖啡，" * 40 + "”",
    ],
)
def test_a_quotation_inside_a_sentence_binds_nobody(text: str) -> None:
    for claim in read(text):
        assert claim.trust != "user" or claim.kind not in ("instruction", "preference", "identity")


@pytest.mark.parametrize("text", ["Summarize this email:\n\nI love coffee.", "我喜欢咖啡", "I love coffee"])
@pytest.mark.parametrize("role", ["assistant", "tool", "document"])
def test_others_are_trusted_as_what_they_are(text: str, role: Trust) -> None:
    claims = read(text, role=role)  # type: ignore[arg-type]
    assert claims
    assert {claim.trust for claim in claims} == {role}
    assert all(claim.subject != "user" and claim.confidence < one("I love coffee").confidence for claim in claims)


def test_sentences_join_into_statements_that_stay_short() -> None:
    said = "The gulls slept on the roofs and nobody came. "
    claims = read(said * 60)
    assert len(claims) > 5
    assert all(len(claim.text) <= MAX_STATEMENT for claim in claims)
    spans = [claim.sources[0] for claim in claims]
    assert all(one.end <= other.start for one, other in itertools.pairwise(spans))


def test_a_long_passage_gives_no_more_claims_than_a_limit() -> None:
    assert len(read("The gulls slept on the roofs and nobody came. " * 2000)) == MAX_CLAIMS


def test_reading_is_the_same_every_time_and_names_its_rules() -> None:
    texts = [line.partition("|")[2] for line in ACTS]
    assert read(*texts) == read(*texts)
    assert RulesExtractor().name == NAME


WORDS = st.sampled_from(
    [
        *"I my sister Ana Chris W D she he moved to Ghent now yesterday".split(" "),
        *"\" ' “ ” 「 > ``` : ： ， 。 我 妹妹 她 搬到 昨天 不 了 ? ！ \n".split(" "),
    ]
)
TEXTS = st.one_of(st.text(), st.lists(WORDS, max_size=40).map(" ".join), st.lists(WORDS, max_size=40).map("".join))


@settings(max_examples=300, deadline=None)
@given(texts=st.lists(TEXTS, max_size=3), role=st.sampled_from(ROLES), name=st.sampled_from([None, "Bo", "芳"]))
@example(texts=["İ" * 3 + "\u0300 I live in İzmir"], role="user", name=None)
def test_whatever_is_said_gives_claims_that_quote_it(texts: Sequence[str], role: Role, name: str | None) -> None:
    for claim in read(*texts, role=role, name=name):
        (place,) = claim.sources
        said = texts[int(place.episode_id.removeprefix("ep_"))]
        assert 0 <= place.start < place.end <= len(said)
        assert " ".join(said[place.start : place.end].split()) == claim.text
        assert claim.text
        assert claim.kind in FACT_KINDS
        assert claim.trust in TRUSTS
        assert set(claim.cues) <= set(CUES)
        assert 0 < claim.confidence <= 1
        assert claim.valid_from is None or claim.valid_to is None or claim.valid_from < claim.valid_to
        assert (claim.event_from is None) == (claim.event_to is None)
        assert role != "system"


SIZE = 100_000
SECONDS = 2.0
PIECES = [
    *". ? ! \" ” 。 ， … ; > ``` 字 我 妈 她 ' （ 、 不是 一 两点 / - — $ % \x00 😀 Ab a".split(" "),
    *[
        "my ",
        "My sister ",
        "I live ",
        "12 ",
        "next ",
        "每天 ",
        "ok, ",
        "... ",
        "> a\n",
        "a: b\n",
        "： \n",
        "\t",
        "\u3000",
    ],
    *[
        "summarize ",
        "why my ",
        "why a ",
        "any tips for ",
        "who painted ",
        "got this:\n",
        "write a ",
        "you're the ",
        "in my ",
        "I would ",
        "if i had ",
        "为什么我",
        "我什么",
        "到今天整",
        "a year on ",
        "last friday of ",
        "Ab likes. ",
        "because I ",
        "read this:\n\n",
        "邮件",
        "if I would ",
        "who said ",
        "every day ",
        "from 2 to ",
        "Mr. ",
        "「」",
        '"a" ',
    ],
]


def cpu_seconds(piece: str, size: int) -> float:
    """Processor time that a text of this many characters takes."""
    text = piece * (size // len(piece))
    began = time.process_time()
    read(text)
    return time.process_time() - began


@pytest.mark.parametrize("piece", PIECES)
def test_a_hostile_text_takes_little_time(piece: str) -> None:
    assert cpu_seconds(piece, SIZE) < SECONDS


@pytest.mark.parametrize(
    ("piece", "size"),
    [
        pytest.param("\n", 10_000, id="blank lines: `_LOG_LINE`"),
        pytest.param("“", 50_000, id="quotations that never end: `_QUOTED`"),
        pytest.param("「", 50_000, id="the same in Chinese"),
        pytest.param("‘", 50_000, id="the same with single marks"),
        pytest.param("A ", 120_000, id="words that are no names: `_trimmed`"),
    ],
)
def test_a_hostile_text_takes_time_in_proportion(piece: str, size: int) -> None:
    assert cpu_seconds(piece, size) < SECONDS * size / SIZE


def test_times_are_read_in_the_zone_of_the_speaker() -> None:
    zone = timezone(timedelta(hours=9))
    said = turn("I went to Ghent yesterday")
    at = datetime(2025, 3, 1, 1, 0, tzinfo=zone)
    (claim,) = RulesExtractor().extract(ANN, [replace(said, timestamp=at)], before=[]).claims
    assert claim.event_from == datetime(2025, 2, 28, tzinfo=zone)
    assert claim.event_from.utcoffset() == timedelta(hours=9)
