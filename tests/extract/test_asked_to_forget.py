"""Requests to forget, in the ways people write them, and what only looks like one."""

from __future__ import annotations

import time

import pytest
from hypothesis import given
from hypothesis import strategies as st

from memstrata.extract.asked_to_forget import forget_requests

ASKED = """
topic|the time i said||side note forget the time i said, i've got someone following my posts
topic|my ex||delete what you know about my ex
topic|that whole boat business||that whole boat business. wipe it please, every bit
topic|the thing with my knee||the thing with my knee, erase that please
topic|who it is i see and where|the diary part|can you lose who it is i see and where, the diary part stays put
topic|where i go on thursdays||can you wipe where i go on thursdays
topic|what my sister earns||please drop what my sister earns from your notes
topic|看医生那档子事||年初跟你说的看医生那档子事，你那儿清干净
topic|借钱的事||借钱的事，当我没说
topic|那个项目||上次说的那个项目，别留了
topic|我男朋友的事||跟你讲的我男朋友的事，统统抹掉
that|||my boss is a fool. strike that from the record
topic|my salary||forget what I said about my salary
topic|the salary||scrub the bit about the salary pls
topic|the affair||pretend I never told you about the affair
topic|my sister||wipe everything about my sister
topic|my address||you don't need to remember my address
topic|my address||u dont need to remember my address anymore
topic|that argument||I'd rather you didn't hold on to that argument
topic|my real name||forget my real name please
topic|my real name||ok so pretend i never told you my real name
topic|i'm pregnant||forget that i'm pregnant, nobody knows yet
topic|my therapist||please erase the part about my therapist
topic|the divorce||hey can u remove the stuff i said about the divorce
topic|dave||delete anything you have on dave
topic|my health||get rid of anything you saved about my health
topic|where i live||forget where i live ok?
topic|my weight||stop keeping track of my weight
topic|the interview||i want you to forget what i told you about the interview
topic|the thing he did||please don't remember the thing he did
topic|the pills||keep the pills out of your notes
topic|my ex|the location|forget my ex, but keep the location
topic|my gym times|the place|forget my gym times please. the place is fine
everything||my name|forget everything you know about me except my name
topic|my phone number||dont store my phone number
topic|how much i earn||don't note down how much i earn
topic|the loan||i'd prefer you didn't keep anything about the loan
topic|what he earns||don't write what he earns in your notes
that|||don't keep that
that|||dont log that
that|||don't write that down
that|||strike that from the record
that|||please forget what i just said
that|||pretend i never said that
that|||pretend you didn't hear that
that|||off the record: my boss is a fool
that|||this is off the record, ok
that|||between us, don't note it
that|||can you erase that
that|||delete that last message please
that|||that shouldn't go into your memory
that|||don't remember any of this
that|||don't put this in your notes
that|||forget that
everything|||forget everything
everything|||please forget everything you know about me
everything|||wipe your memory of me
everything|||delete everything you have on me
everything|||erase all your memories
everything|||forget everything i've told you
topic|那位初恋的事||我要结婚了。你把我跟你说过的那位初恋的事全抹掉，一个字都别留，别让我老公看到
topic|前任的事|血脂的事|前任的事一个字都别留。血脂的事留着
topic|工资的事||忘掉我说的工资的事
topic|离婚的事||请忘掉我跟你说的离婚的事
topic|我的地址||把我的地址删了
topic|我前男友的事||把我前男友的事都忘了吧
topic|我的住址||我的住址就别记了
topic|我的生日||不用记我的生日了
topic|我住哪||你就当不知道我住哪
topic|我生病的事||你就当不知道我生病的事
topic|我弟欠债的事||我弟欠债的事别记着
topic|我妈的病||我妈的病你不要记
topic|体检的事|血压的|体检的事忘掉吧，血压的留着
topic|我的年薪||能不能把我的年薪忘掉
topic|他||删掉你知道的关于他的信息
topic|小王||把你知道的关于小王的都删了
topic|怀孕的事||当我没说过怀孕的事
topic|我前妻||把关于我前妻的记忆清掉
topic|面试那件事||面试那件事就当我没提过
topic|我的真名||别把我的真名写进你的笔记
topic|他的电话||他的电话不要存进记忆
topic|前任的名字||清除前任的名字这些信息
topic|那次吵架的事||我希望你忘掉那次吵架的事
topic|我的体重||以后不用记我的体重了
topic|我的病历||帮我把我的病历从记忆里清除
topic|上次住院的事|其他的|把上次住院的事抹掉，其他的留着
that|||这个不要存
that|||这段别写进记忆
that|||刚才那句当我没说
that|||当我没说
that|||别记
that|||刚才说的忘了吧
that|||把刚才那句删了
that|||这件事别记下来
that|||别记住这个
that|||刚才的话就当我没说过
that|||这句别留
that|||不要保存这些
that|||这些话别记录
that|||上一条不用记
that|||把这个从记忆里去掉
that|||刚才我说的你就当没听见
that|||私下跟你说，别记
that|||这事你别记着
everything|||把关于我的一切都删了
everything|||忘掉一切关于我的信息
everything|||清空你的记忆
everything|||把你知道的关于我的都删掉
everything||我的名字|除了我的名字，把关于我的信息全删掉
everything|||把我说过的所有话都忘掉
topic|tom||forget i ever mentioned tom
topic|my address||actually scratch my address from your memory
topic|my salary||pls forget abt my salary
topic|my bday||can u delete my bday
topic|my old address||could you please forget my old address
topic|my visit to the clinic||don't keep any record of my visit to the clinic
topic|my mum||i don't want you to remember the thing about my mum
topic|tom||make sure you forget what i said about tom
topic|tom||strike what i said about tom from the record
topic|the wifi thing||you can forget the wifi thing
topic|my dad||can we delete the stuff about my dad
topic|what i eat||please don't log what i eat
topic|my ex's name||scrub my ex's name
topic|him|everything else|forget what i said about him, keep everything else
topic|tom||erase tom from your memory
topic|where i work||wipe what you know about where i work
that|||don't keep a record of this
that|||could you not save this
that|||could you not remember that
that|||i dont want u keeping this
that|||pretend this conversation never happened
that|||can you forget this whole conversation
that|||take that out of your memory
that|||get that out of your notes
that|||this one's off the record
that|||dont write this down: i hate my job
that|||i regret telling you about my debts, please delete that
topic|我前任||忘了我前任吧
topic|离婚||前面聊的离婚那段全部删除
topic|我的真实姓名||我的真实姓名请不要保存
topic|我的名字||请你忘记我的名字
topic|债务||把我跟你提过的债务全部清除
topic|我弟的事||关于我弟的事都删了吧
topic|工资||刚才关于工资的话当我没说
topic|老王||你就当我没提过老王
topic|我病情||麻烦删除关于我病情的记录
topic|我每天吃什么||以后别再记我每天吃什么
topic|我的住址||我不想让你保留我的住址
topic|那个人名||我刚说的那个人名，删掉
topic|那位初恋的事||那位初恋的事，忘了吧
topic|我的生日||你记的我的生日删掉吧
topic|我的行程||别记录我的行程
topic|工资|公司名字|把我说的工资删了，公司名字留着
that|||我说的这些你别往外说也别记
that|||别把这个存下来
that|||这个你听听就好，别记
that|||把刚才那条删掉
that|||我刚才说的忘掉吧
topic|the rent||Everything I mentioned about the rent, please delete it.
topic|the surgery||anything i've said about the surgery, can you wipe it
topic|the doctor||whatever I told you about the doctor, get rid of it
topic|the boat, who owns it, the price||The stuff I told you about the boat, who owns it, the price, just purge it
topic|报警那事儿||我跟你说过报警那事儿，删了吧
""".strip().splitlines()

NOT_ASKED = """
can you clear what i ordered from the cart
lose the attitude will you
can you wipe the table where i eat
那盘菜清干净了
I forgot my keys
don't forget to call mum
dont forget my birthday
forget it, let's eat
forget it
forget about it
oh forget about it lol
forget that, let's just order pizza
I want to forget my ex
i'm trying to forget what he said
i'll never forget what you said about my dad
it was unforgettable
delete the last line of the code
delete the part about the boss in my essay
remove the bit about sales from the email
remove my name from the list
take milk off the list
how do I delete my account
how do i delete everything you know about me
did you forget?
did you forget what i said about my ex?
why did you forget what i told you
you forgot what i said
she said "forget everything"
my ex told me to forget everything
the email says: delete all data about the user
the note reads "please erase everything you know about the user"
[log] User: forget everything you know about me
User: forget what I said about X
> forget what i said about my ex
```forget everything you know about me```
i can't remember my address
i don't remember what i told you
don't save the file yet
don't keep me waiting
don't keep milk in the door
don't store onions with potatoes
don't write that in the email
don't record the meeting
never forget where you came from
before i forget, my flight is at 9
if you forget the milk we're doomed
clear the table please
drop the files in the folder
wipe the counter
strike while the iron is hot
keep the change
remove sugar from the recipe
he never remembers my birthday
i don't write down recipes
it's easy to forget that people change
pretend you're a pirate
let's pretend we're in paris
he told me off the record
is that on the record
what happens if i delete everything you know about me
remember to forget nothing
can you delete the second column of the table
remove the photo i sent you
my phone keeps deleting my notes
别忘了买牛奶
别忘了我生日
不要忘记我说的话
忘了带伞
我忘了我说过什么
我想忘掉前任
怎么忘掉前任
我想忘记他
难忘的一天
你忘了我说的吗
你是不是忘了我说的话
他把我忘了
他把我的生日忘了
我把钥匙忘在家了
把第二段删掉
把这段删掉
把代码最后一行删了
把文件里的空格都删掉
把邮件里关于工资的那句删掉
把清单里的牛奶删了
把垃圾扔了
帮我把照片删了
怎么删除账号
怎么把微信记录删掉
不用记那么多单词
别写作业了
别记仇
别记错了
我们不用记这个
他说忘掉过去
她说：“忘掉我说的一切”
邮件里写着：删除所有关于用户的信息
> 忘掉我说的话
用户：忘掉我的一切
别放盐
不要留我一个人
我当没听见
他就当没听到
当我没说清楚的时候你要问
当时我没说
当我没有钱的时候
歌词是「忘掉一切」
《忘了我》这首歌好听
别保存文件
把冰箱清干净
我妈让我别记着这事
记得留着发票
清空购物车
别存这张图片
forget paris, i want rome
forget about dinner
sorry i forgot what i told you
do you remember what i said about my ex
erase the whiteboard
remove my notes from the doc
get rid of the dog smell
drop it in your notes
take this into your notes
i want to lose my belly
don't note the time, note the date
don't write it in caps
never write down your password
keep in mind my address changed
my doctor said to forget sugar
he wants me to forget what i said
i wish i could forget everything
write a story where the hero says forget me
translate: forget everything i told you
how do you say forget what i said in french
the app won't remember my address
will you forget this conversation?
don't you remember what i said?
don't put my name on the list
forget what you learned in school, this trick is better
pretend you don't know me and interview me
let's play a game: pretend i never said hello
it's easy to get lost and forget that
people move on and forget what they said
never mind what i said
scratch that, i meant tuesday
i deleted everything about him from my phone
we should erase everything about the project from the drive
please remove that from the list
off the record player
忘了说，我明天不来
忘记我说到哪了
刚才说的忘了
忘了跟你说了，我升职了
删了吗
不要删掉我的地址
别把我的地址删了
把我说的翻译成英文
把这事忘了
把刚才说的忘了
把这事忘了可不行
她把我说的都忘了
别把我说的忘了
我说的话你别忘了
帮我写首忘掉前任的诗
朋友劝我把前任的事都忘了
怎么把关于我的信息从网上删掉
把我的名字从名单里删掉
把备注里的电话删掉
把关于天气的那句删了再发我
清空回收站
别留遗憾
不用记，考试开卷
老师说不用记这个
别写我的名字在作业上
别放在心上
就当没发生过吧
假装不知道他出轨了，我是不是很傻
我假装没看见
你记得我说过的事吗
""".strip().splitlines()


@pytest.mark.parametrize("case", ASKED)
def test_a_request_is_heard_with_its_extent_and_topic(case: str) -> None:
    extent, topic, keep, text = case.split("|", 3)
    requests = forget_requests(text)
    assert [(each.extent, each.topic, each.keep) for each in requests] == [(extent, topic, keep)]
    (request,) = requests
    assert 0 <= request.start < request.end <= len(text)
    assert topic in text[request.start : request.end]


@pytest.mark.parametrize("text", NOT_ASKED)
def test_other_words_are_no_request(text: str) -> None:
    assert forget_requests(text) == []


def test_two_requests_in_one_turn() -> None:
    text = "forget what i said about my ex. also delete everything you know about my job"
    assert [each.topic for each in forget_requests(text)] == ["my ex", "my job"]


def test_a_request_beside_a_quotation_is_heard() -> None:
    text = 'she wrote "delete everything you know" lol. but please forget what i said about her'
    assert [(each.extent, each.topic) for each in forget_requests(text)] == [("topic", "her")]


def test_the_span_is_the_request() -> None:
    text = "lovely weather. Please Forget what I said about Tom, ok"
    (request,) = forget_requests(text)
    assert text[request.start : request.end] == "Forget what I said about Tom"
    assert request.topic == "Tom"


WORDS = (
    """forget;what i said;about;my ex;don't;keep;that;. ;, ;";“;>;把;我说的;删了;别记;当我没说;除了;留着;你;忘了吧;İ"""
)
PIECES = st.lists(st.sampled_from([*WORDS.split(";"), "\n"]), max_size=14)


@given(text=st.one_of(st.text(), PIECES.map(" ".join), PIECES.map("".join)))
def test_requests_are_in_order_and_disjoint(text: str) -> None:
    end = 0
    for request in forget_requests(text):
        assert end <= request.start < request.end <= len(text)
        assert (request.topic != "") == (request.extent == "topic")
        end = request.end


HOSTILE = (
    """anything i told you about x, ;forget ;don't keep ;把;别记;当;";“;`;>;a';"""
    """forget what i said ;清;我; ;除了;从记忆;删掉我 """
)


@pytest.mark.parametrize("piece", [*HOSTILE.split(";"), "\n"])
def test_a_hostile_text_takes_time_in_proportion(piece: str) -> None:
    text = "forget 忘掉我 " + piece * (100_000 // len(piece))
    began = time.process_time()
    forget_requests(text)
    assert time.process_time() - began < 6
