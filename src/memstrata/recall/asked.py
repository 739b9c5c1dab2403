"""Which kinds of fact a question asks for, and what an answer must hold, by its words, in English and Chinese."""

from __future__ import annotations

import re
from typing import Literal

from memstrata.core.features import TIME_EXPRESSION
from memstrata.types import Fact, FactKind

Answer = Literal["number", "time"]
"""What a statement must hold to answer: how many or how much, or when."""

_VOCABULARY: tuple[tuple[tuple[FactKind, ...], str], ...] = (
    (
        ("residence",),
        r"""\b(?:live[sd]?|living|reside[sd]?|residence|home\ (?:town|city|address)|address|moved?|flat|apartment
            |(?:which|what)\ (?:city|town|country|neighbou?rhood))\b | 住|搬|哪个城市|地址|老家|租""",
    ),
    (
        ("work",),
        r"""\b(?:work(?:s|ed|ing)?|job|employe[rd]\w*|profession|occupation|career|company|boss|stud(?:y|ies|ied|ying)
            |degree|major|course|school|university|salary|for\ a\ living|position|title|role)\b
            | 工作|上班|职业|公司|单位|职务|专业|读什么|学什么|学校|入职|薪|老板""",
    ),
    (
        ("relationship",),
        r"""\b(?:dating|partner\w*|relationship|girlfriend|boyfriend|husband|wife|spouse|married|marriage|engaged
            |single|seeing|divorc\w*|couple|roommate|flatmate)\b | 对象|感情|结婚|婚姻|男朋友|女朋友|老公|老婆|配偶|单身|恋|前任""",
    ),
    (
        ("health",),
        r"""\b(?:allerg\w*|medic\w*|dose|dosage|tablets?|pills?|health|illness|ill|diagnos\w*|condition|doctor|blood|diet
            |injur\w*|surgery)\b | 过敏|药|病|健康|血压|血脂|手术|身体|体检|医生""",
    ),
    (
        ("preference",),
        r"""\b(?:like[sd]?|love[sd]?|prefer\w*|favou?rite|taste|enjoy\w*|hate[sd]?|dislike[sd]?|want(?:s|ed)?\ to\ (?:watch|eat
            |drink|read|listen|hear)|kind\ of|into|avoid\w*|listen\w*|drink|eat|order\w*)\b | 喜欢|爱吃|爱喝|爱看|讨厌|口味|偏好|忌口|不吃|想要什么|哪种""",
    ),
    (
        ("habit", "plan"),
        r"""\b(?:how\ often|routine|usual\w*|habit|regular\w*|every\ (?:day|week|morning|month)|schedule|normally
            |when\ does)\b | 多久一次|习惯|平时|一般|通常|每(?:天|周|月|次)|日程|作息""",
    ),
    (
        ("plan", "event"),
        r"""\b(?:plan\w*|going\ to|upcoming|trip|travel\w*|holiday|appointment|deadline|due|scheduled|next|will)\b
            | 打算|计划|安排|要去|行程|旅行|截止|预约|什么时候|哪天""",
    ),
    (
        ("event",),
        r"""\b(?:did|happened|when\ did|what\ became|went|visited|been\ to|outcome|how\ did)\b | 发生|怎么样了|去了|去过|结果|后来""",
    ),
    (
        ("quantity",),
        r"""\b(?:how\ (?:many|much|old|tall|long|far|heavy|big)|number\ of|amount|count|total|price|cost|budget|weigh\w*|size)\b
            | 多少|几[个本人位只条岁斤]|数量|总共|一共|价格|费用|预算|多重|多高""",
    ),
    (
        ("identity",),
        r"""\b(?:name[ds]?|called|born|birth\w*|age|old|nationality|surname|nickname)\b | 叫什么|姓什么|名字|生日|出生|几岁|多大|年龄""",
    ),
    (
        ("possession",),
        r"""\b(?:own[s]?|have|has|bought|car|bike|phone|pet|dog|cat|device|machine)\b | 有什么|买了|养|车|手机|宠物""",
    ),
    (
        ("commitment",),
        r"""\b(?:remind\w*|promis\w*|undert\w+|assistant|supposed\ to|commit\w*|offered)\b | 提醒|答应|承诺|助手|保证""",
    ),
    (
        ("instruction",),
        r"""\b(?:should\ (?:the\ assistant|you|answers?)|instruct\w*|rule|tone|address\ me|call\ me|answers?)\b | 怎么回答|要求|语气|称呼""",
    ),
)
_ASKED = tuple((kinds, re.compile(pattern, re.IGNORECASE | re.VERBOSE)) for kinds, pattern in _VOCABULARY)
_ASKS_NUMBER = re.compile(
    r"""\bhow\ (?:many|much|old|tall|long|far|heavy|big|often)\b
    | \b(?:number|amount|total|price|cost|size|weigh\w*|dose|dosage|time|age|rate|count|fee|rent|salary|wage|height|budget
        |balance|score|length|distance|temperature)\b
    | 多少 | 几(?!乎) | 多[大高重长久远] | 数量 | 总[数额] | 价 | 费用? | 时间 | 工资 | 房租 | 身高 | 体重 | 年龄 | 剂量""",
    re.IGNORECASE | re.VERBOSE,
)
_ASKS_TIME = re.compile(
    r"""\bwhen\b | \b(?:what|which)\ (?:time|day|date|month|year|weekday)\b | \b(?:date|deadline)\b
    | 什么时候 | 何时 | 几[点号月时] | 哪[天年月日] | 时间 | 日期 | (?:周|星期|礼拜)几 | 多会儿""",
    re.IGNORECASE | re.VERBOSE,
)
_NUMBER = re.compile(
    r"""\d | \b(?:one|two|three|four|five|six|seven|eight|nine|ten|eleven|twelve|\w+teen|twenty|thirty|forty|fifty|sixty|seventy
        |eighty|ninety|hundred|thousand|million|dozen|half|quarter|couple|pair|both|once|twice|none|zero)\b
    | (?<![周期拜])[零〇一二两三四五六七八九十百千万半俩仨双]""",
    re.IGNORECASE | re.VERBOSE,
)


def asked_kinds(question: str) -> frozenset[FactKind]:
    """The kinds that a question asks for; empty where none is plain."""
    return frozenset(kind for kinds, pattern in _ASKED if pattern.search(question) for kind in kinds)


def asked_for(question: str) -> frozenset[Answer]:
    """What an answer to the question must hold."""
    asked: set[Answer] = set()
    if _ASKS_NUMBER.search(question):
        asked.add("number")
    if _ASKS_TIME.search(question):
        asked.add("time")
    return frozenset(asked)


def given_by(fact: Fact) -> frozenset[Answer]:
    """Which of these a fact holds."""
    given: set[Answer] = set()
    if _NUMBER.search(fact.text):
        given.add("number")
    if fact.claim.event_from is not None or TIME_EXPRESSION.search(fact.text.lower()):
        given.add("time")
    return frozenset(given)
