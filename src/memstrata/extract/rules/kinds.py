"""What kind of fact a statement is, by its words, and which slot it fills where that is plain.

The order of the table is the order of trying: what binds the user most or changes most comes first. A slot is given
only where a new value speaks about the same thing as an old one; what may have many values has none.
"""

from __future__ import annotations

import re
from dataclasses import dataclass

from memstrata.types import FactKind


@dataclass(frozen=True, slots=True, kw_only=True)
class Reading:
    """A kind, the slot of it, and the value that the words give."""

    kind: FactKind
    slot: str | None = None
    value: str | None = None


def _compile(pattern: str) -> re.Pattern[str]:
    return re.compile(pattern, re.IGNORECASE | re.VERBOSE)


_OWN = r"(?:i|we|he|she|they|my|our|his|her|their)"
_KINDS: tuple[tuple[FactKind, str | None, re.Pattern[str]], ...] = (
    (
        "instruction",
        None,
        _compile(
            r"""\b(?:from\ now\ on | (?:please\s+)?(?:always|never|don'?t(?:\ ever)?|stop)\s+(?:answer|reply|call|say|use|using
              |calling|saying|write|writ|start|end|give|giving|remind|suggest|recommend|add|put|speak|talk)\w*
          | call\ me\b | keep\ (?:it|your\ answers|replies)\ (?:short|brief|simple) | address\ me
          | when(?:ever)?\ (?:i|you)\ .{0,40}\byou\ (?:should|must|can))
        | 以后(?:你|都|就|请|别|不要|回答|叫|跟我) | ^\W*(?:别再|不要再|请一直|你以后|叫我) | 回答(?:要|得|时|别)"""
        ),
    ),
    (
        "commitment",
        None,
        _compile(
            r"""\b(?:i'?ll|i\ will|i\ promise|i\ can)\s+(?:\w+\s+)?(?:remind|nag|raise|bring|check|keep|watch|let\ you|flag
            |ping|follow|ask|hold|warn|mention|prompt|have)\b
        | (?:我会|我来|我到时候?|到时我?|届时)(?:提醒|叫|告诉|通知|再问|盯|问|帮|记)"""
        ),
    ),
    (
        "health",
        None,
        _compile(
            r"""\b(?:allerg\w+|diagnos\w+|medication|meds?|tablets?|pills?|dose|dosage|\d+\s?m?mg|blood\ (?:pressure|sugar|test
            |type)|surgery|operation|arthritis|asthma|diabet\w+|migraine\w*|pregnan\w+|vaccin\w+|insulin|intolerant
            |intolerance|prescri\w+|antibiotic\w*|hives|coeliac|celiac|anxiety|depress\w+|injur\w+|broke\ (?:my|an?|her
            |his)\ \w+|sprain\w*|physio\w*|cholesterol|thyroid|doctor\ says|doc\ says|vet\ says|gp)\b
        | 过敏|過敏|吃药|服药|降压药|血压|血脂|血糖|手术|住院|确诊|骨折|石膏|体检|发烧|感冒|失眠|怀孕|医生说|大夫说|复查|胃病|近视|尿酸|痛风|疫苗"""
        ),
    ),
    (
        "residence",
        "residence",
        _compile(
            rf"""\b(?:{_OWN}(?:'m|'ve|'re|'s|\ am|\ are|\ is|\ have|\ has)?\s+(?:\w+\s+){{0,2}}(?:live|lives|living|lived|moved?|moving|relocat\w+|settled|rent\w*)\b
          | (?:live|lives|living)\s+(?:in|on|at|near|with)\b | moved?\s+(?:in|to|out|back|here|house|flat|from)\b
          | (?:my|our|new|the|a|got\ a|this)\s+(?:\w+\s+){{0,2}}(?:flat|apartment|landlord|landlady|studio|bedsit|house|address|postcode
            |neighbou?rhood|living\ room|lease|tenancy)\b
          | first\ week\ in | welcome\ home | hometown | settling\ in)
        | 住在|住的|我住|搬到|搬来|搬进|搬家|搬去|租了?房|租的|房东|小区|新家|我家(?:在|楼下|这)|老家在|来了.{{0,6}}(?:礼拜|周|月|天)|落户|定居|宿舍"""
        ),
    ),
    (
        "work",
        "work",
        _compile(
            rf"""\b(?:{_OWN}(?:'m|'ve|'re|'s|\ am|\ is)?\s+(?:\w+\s+){{0,2}}(?:work|works|working|worked|stud(?:y|ies|ying|ied)|teach(?:es|ing)?|intern\w*|freelanc\w+|hired|promoted|retired|graduat\w+)\b
          | (?:my|new|old|the)\s+(?:\w+\s+)?(?:job|boss|manager|employer|shift|contract|salary|office|company|team|colleagues?
            |coworkers?|degree|major|thesis|course|internship|career|tutor|supervisor)\b
          | started\ (?:at|as|working|a\ new\ job) | (?:handed\ in\ my\ notice|got\ (?:fired|sacked|laid\ off|the\ job)|quit\ (?:my|the)|resign\w+|redundan\w+)
          | second\ year|first\ year|third\ year|final\ year|phd|postdoc|tenure|transferred)\b
        | 上班|工作|公司|单位|入职|辞职|离职|跳槽|老板|升[职了副主任]|实习|读研|读博|专业|转专业|考研|毕业|加班|同事|导师|退休|创业|转正|offer|调到|调岗"""
        ),
    ),
    (
        "relationship",
        None,
        _compile(
            r"""\b(?:girlfriend|boyfriend|husband|wife|partner|fianc[eé]e?|engaged|married|wedding|dating|divorc\w+|broke\ up
            |broken\ up|split\ up|called\ (?:it|us)\ off|gave\ the\ ring|said\ yes|seeing\ (?:someone|each)|months?\ in\ and|single\ again
            |roommate|flatmate|room\ mate|godmother|godfather|best\ friend)\b
          | \bmy\ (?:\w+\s+)?(?:mum|mom|dad|mother|father|brother|sister|son|daughter|uncle|aunt|gran\w*|cousin|nephew|niece|ex)\b
        | 对象|男朋友|女朋友|男友|女友|老公|老婆|媳妇|结婚|离婚|分手|单身|谈恋爱|初恋|相亲|订婚|领证|室友|闺蜜|我(?:妈|爸|哥|姐|弟|妹|爷|奶|姑|舅|叔|姨|儿子|女儿)"""
        ),
    ),
    (
        "preference",
        None,
        _compile(
            r"""\b(?:love[sd]?|like[sd]?|hate[sd]?|prefer\w*|enjoy\w*|adore[sd]?|dislike[sd]?|loathe[sd]?|can'?t\ (?:stand|bear|do|eat|take|handle)
            |cannot\ (?:stand|do|eat)|favou?rite|fan\ of|not\ a\ fan|not\ (?:really\ )?into|really\ into|i'?m\ into|obsessed|sick\ of|tired\ of|bore[sd]?|allergic\ to
            |vegetarian|vegan|pescatarian|teetotal|don'?t\ (?:eat|drink|like|do|want)|doesn'?t\ (?:eat|drink|like)|rather\ (?:have|not)|avoid\w*
            |leave\ out|no\ more|i'?m\ out|always\ (?:want|choose|pick|go|take|horror|order)|makes?\ me\ (?:sick|gag|happy)|i\ could\ never)\b
        | 喜欢|喜歡|爱吃|爱喝|爱看|爱听|最爱|讨厌|不吃|不喝|受不了|偏好|偏爱|宁愿|宁可|更想|不爱|好这口|上瘾|一向要|只要|忌口|吃素|口味|不想要|嫌"""
        ),
    ),
    (
        "habit",
        None,
        _compile(
            r"""\b(?:every\ (?:\w+\s+)?(?:day|morning|evening|night|week|weekend|month|year|weekday|mon|tues?|wednes|thurs?|fri|satur|sun)\w*|(?:mon|tues|wednes|thurs|fri|satur|sun)days
            |weekdays|weekends|daily|weekly|twice\ a|once\ a|times\ a\ (?:week|day|month)|usually|each\ (?:day|week|morning)|as\ usual
            |routine|mon\ wed\ fri|always)\b
        | 每天|每周|每个?月|每晚|每早|每年|每逢|天天|周周|平时|一般都|通常|雷打不动|习惯|老样子"""
        ),
    ),
    (
        "plan",
        None,
        _compile(
            r"""\b(?:i'?ll|we'?ll|going\ to|gonna|plan(?:ning|s)?\ (?:to|on|for)|booked|booking|about\ to|hop(?:e|ing)\ to|will\ be|looking\ forward
            |thinking\ of|tomorrow|tmrw|next\ (?:week|month|year|mon|tue|wed|thu|fri|sat|sun|spring|summer|autumn|winter)\w*|due|deadline|ddl
            |appointment|scheduled|tickets?\ for|signed\ up)\b
        | 打算|计划|准备|要去|定了|订了|约了|下周|下个月|明天|后天|大后天|明年|报名|预约|机票|快要|马上要|等着"""
        ),
    ),
    (
        "identity",
        None,
        _compile(
            r"""\b(?:my\ name|i'?m\ called|i\ was\ born|born\ in|my\ birthday|i\ turn(?:ed)?\ \d+|years?\ old|my\ (?:age|surname|nickname|pronouns)
            |i'?m\ from|nationality|citizen|i'?m\ (?:\d{2}|a\ (?:man|woman|nurse|teacher|student|vegan|parent|mum|dad)))\b
        | 我叫|我姓|我是.{1,8}人|我出生|生日|我属|岁了|署名"""
        ),
    ),
    (
        "possession",
        None,
        _compile(
            r"""\b(?:bought|sold|got\ (?:a|an|the|my)\ (?:new|second|used|\w+)|own|owns|my\ (?:new|old|\w+)\ (?:car|bike|phone|laptop|camera|guitar|dog|cat|boat|van|watch|bread)
            |adopted|rehomed|inherited|my\ (?:car|bike|phone|laptop|dog|cat|camera|guitar|van|router|kettle))\b
        | 买了|卖了|换了(?:个|台|部|辆)|我的(?:车|手机|电脑|猫|狗|相机)|养了|入手|车位"""
        ),
    ),
)
_PAST = _compile(
    r"""\b(?:went|was|were|did|had|got|came|saw|met|took|gave|made|fell|won|lost|found|left|broke|died|happened|finished|turned
        |\w{3,}ed)\b | [了过](?![吗嘛])"""
)
_QUANTITY = _compile(
    r"""(?P<number>(?<![a-z0-9_.,:/一二两三四五六七八九十百千万-])(?:\d[\d,]*(?:\.\d+)?|two|three|four|five|six|seven|eight|nine|ten|eleven|twelve|[一二两三四五六七八九十百千万]+)(?:\s?%|k\b)?)
        \s?(?P<unit>(?:kg|mg|km|ml|lbs?|grams?|miles?|people|guests?|books?|eggs?|chapters?|pages?|words|plants?|members?|copies
        |本|个人|人|位|斤|公斤|克|毫克|块|元|万|页|章|盆|只|条|张|箱|套|件|桌|份|公里|次|集|棵))(?![a-z])"""
)
_SLOT_BY_WORD: tuple[tuple[str, re.Pattern[str]], ...] = (
    ("birth date", _compile(r"\bborn\b|my\ birthday|year\ of\ birth|我?出生|我的?生日")),
    ("emergency contact", _compile(r"emergency\ contact|紧急联系人")),
    ("phone number", _compile(r"\bmy\ (?:new\ )?(?:phone\ )?number\b|我的?(?:手机号|电话)")),
    ("parking", _compile(r"parking\ (?:space|spot|bay)|车位")),
    ("name", _compile(r"\bmy\ name\b|我叫")),
    (
        "partner",
        _compile(
            r"\b(?:girlfriend|boyfriend|husband|wife|fianc\w+|engaged|dating|single\b|called\ it\ off|broke\ up)|对象|男朋友|女朋友|老公|老婆|单身|分手|离婚"
        ),
    ),
)


_THING_MOVED = _compile(
    r"""\b(?:is|are|was|were|be|been|being|got|gets)\s+(?:\w+\s+)?moved\b | ^\W*(?:the|this|that|its)\s+(?:\w+\s+){1,2}moved\b"""
)


def read_kind(text: str, *, role: str, planned: bool) -> Reading:
    """The kind of a statement; `planned`: its time lies ahead."""
    slot = next((name for name, pattern in _SLOT_BY_WORD if pattern.search(text)), None)
    quantity = _QUANTITY.search(text)
    for kind, kind_slot, pattern in _KINDS:
        if kind == "commitment" and role != "assistant":
            continue
        if kind == "instruction" and role not in ("user", "tool", "document", "quoted"):
            continue
        if kind == "residence" and _THING_MOVED.search(text):
            continue
        if pattern.search(text):
            return Reading(kind=kind, slot=slot or kind_slot)
    if planned:
        return Reading(kind="plan", slot=slot)
    if quantity:
        unit = quantity["unit"].lower().rstrip("s")
        return Reading(kind="quantity", slot=slot or f"quantity:{unit}", value=quantity["number"])
    return Reading(kind="event" if _PAST.search(text) else "statement", slot=slot)
