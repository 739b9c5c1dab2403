"""Chinese words for times, and what kind each is of."""

from __future__ import annotations

import re
from collections.abc import Callable

from memstrata.extract.rules.times.calendar import Length, Unit
from memstrata.extract.rules.times.grammar import Value, Words

# Kinds, one character each; the rules in `chinese.py` are written in them.
# L length  N number, # the same in figures  Y 2024年  y 去年  M 三月  c 上个月  d 5号  w 上周  E 上周三  D 周三  K 周末  R 昨天, 今晚  P part of the day
# T 18:30  q 九点  S season  H holiday  l 初五  e 底 of a month  m 月底  n 年底  b 前  a 以后  I 内  p 从  o 起  u 到  z 截止
# V 每天  k 次  f 了  F 满  j 已经  g 过 before a length  C 合同  G 去, 住  A 改到  X 前几天  i 来  t 的  , |  x everything else
_PLAIN = str.maketrans(
    "後週禮個這兩幾號點時鐘節慶聖誕陽從開過來滿還會剛經結間準備當內沒將約訂預為兒倆農曆國０１２３４５６７８９",
    "后周礼个这两几号点时钟节庆圣诞阳从开过来满还会刚经结间准备当内没将约订预为儿俩农历国0123456789",
)
"""Traditional characters and wide digits that times are written with, one for one."""
_DIGITS = {each: value for value, each in enumerate("零一二三四五六七八九")} | {
    "〇": 0,
    "○": 0,
    "两": 2,
    "俩": 2,
    "仨": 3,
}
_NUMBER = r"(?:\d{1,4}(?:\.5)?|[一二两三四五六七八九]百(?:零?[一二三四五六七八九]|[一二三四五六七八九]十[一二三四五六七八九]?)?|[一二两三四五六七八九]?十[一二三四五六七八九]?|[一二两三四五六七八九])"
_MONTH = r"(?:1[0-2]|0?[1-9]|十[一二]?|[一二三四五六七八九])"
_DAY = r"(?:3[01]|[12]\d|0?[1-9]|三十一?|二?十[一二三四五六七八九]?|廿[一二三四五六七八九]?|[一二三四五六七八九])"
_WEEK = r"个?(?:周|星期|礼拜)"
_REL = r"(?:上上|下下|上|下|这|本)"
# A digit after 周 is part of another word in these: 下周一起, 上周三个人, 这周日本, 每周三次.
_WEEKDAY = (
    r"(?:[一二三四五六]|日|天|[1-7](?!\d))(?!(?<=一)[起共般些直样旦切定点]|(?<=三)[亚峡星]|(?<=四)川|(?<=日)[本常记历语程]"
    r"|(?<=天)[气天空津猫才]|(?<=[一二三四五六\d])[个次回趟位遍顿节])"
)
_BEFORE_OTHER = r"(?![线楼门桌位店馆院房车厅球机选室床出坑码字台库栋单])"
_HOLIDAYS: dict[str, str] = {
    "spring festival": r"春节|过年|大年初一",
    "lunar new year's eve": r"除夕|大年三十|年三十",
    "lantern": r"元宵节|正月十五|元宵(?=那)",
    "tomb-sweeping": r"清明节?(?![上河楚])",
    "new year": r"元旦",
    "new year's eve": r"跨年夜?",
    "valentine": r"情人节",
    "women's day": r"妇女节|三八节",
    "labour day": r"劳动节|(?<![一二三四五六七八九十周期拜])五一(?![二三四五六七八九十个次点路])(?:假期|节)?",
    "children's day": r"儿童节|(?<![一二三四五六七八九十周期拜])六一(?![二三四五六七八九十个次点路])",
    "dragon boat": r"端午节?",
    "teachers' day": r"教师节",
    "mid-autumn": r"中秋节?",
    "national day": r"国庆节?|(?<![一二三四五六七八九十百])十一(?=假期|长假|黄金周|放假|期间|前后|回[来家去]|去|出[去门行游]|带|打算|结婚|旅[游行])",
    "halloween": r"万圣节",
    "singles' day": r"双十一|双11",
    "thanksgiving": r"感恩节",
    "christmas eve": r"平安夜",
    "christmas": r"圣诞节?",
}
_PARTS = {
    "dawn": "凌晨|半夜",
    "morning": "早上|早晨|清晨|上午|一早|一大早|早(?![就点已退期在知日先恋前餐饭茶安])",
    "noon": "中午",
    "afternoon": "下午",
    "evening": "傍晚|晚上|夜里|晚(?![点了会安餐饭年期报])",
}
_RELATIVE_DAYS = (
    ("大前", -3),
    ("大后", 3),
    ("前", -2),
    ("后", 2),
    ("昨", -1),
    ("今", 0),
    ("明", 1),
)
_RELATIVE_YEARS = {"大前年": -3, "大后年": 3, "前年": -2, "后年": 2, "去年": -1, "今年": 0, "本年": 0, "明年": 1}
_EDGES = {
    "初": "early",
    "上旬": "early",
    "中旬": "mid",
    "中": "mid",
    "下旬": "late",
    "底": "end",
    "末": "end",
    "尾": "end",
}
_SEASONS = {"春": "spring", "夏": "summer", "秋": "autumn", "冬": "winter"}
_UNITS: dict[str, Unit] = {
    "年": "year",
    "月": "month",
    "周": "week",
    "星期": "week",
    "礼拜": "week",
    "天": "day",
    "小时": "hour",
    "钟头": "hour",
    "分钟": "minute",
}
_MEASURE = (
    r"(?:个?小时(?!候)|个?钟头|分钟|个?(?:星期|礼拜)|周(?![年岁])|天(?![线气猫])|年(?![级代货糕轻纪薪份度终检假夜]))"
)
_LENGTH = (
    rf"(?<![第\d一二三四五六七八九十几半])(?:(?P<count>{_NUMBER}|十?几|数)(?P<more>[多来])?\s?(?:个(?P<half1>半)?月|{_MEASURE})(?P<half2>半(?![夜天]))?多?"
    rf"|(?P<half3>半)(?:年|个?(?:月|小时|钟头|星期)|天(?!线))|(?P<few>[俩仨])(?:个?月|星期|礼拜|周|小时))"
)
_FORMS = rf"""(?P<H>{"|".join(f"(?:{each})" for each in _HOLIDAYS.values())})
    | (?=[\d一二两三四五六七八九十廿几数半俩仨零〇○])(?:(?P<Y>(?<!\d)(?:(?:19|20)\d\d|[一二][零〇○九][零〇○一二三四五六七八九]{{2}})\s?年
        |(?<!\d)\d\d年(?={_MONTH}月)|(?<!\d)0\d年|(?<![一二三四五六七八九十百千万几两])(?:[零〇][零〇一二三四五六七八九]|(?!一二|二三|三四|四五|五六|六七|七八|八九)[一二三四五六七八九][零〇一二三四五六七八九])年(?![级代货])
        |(?<![\d了有满过整足住做干用])[12]\d年(?=[春夏秋冬初底末毕出入来去结搬开生买]))
      | (?P<M>(?<![\d一二三四五六七八九十个]){_MONTH}月(?!饼|亮)份?)
      | (?P<L>{_LENGTH})
      | (?P<d>(?<![\d一二三四五六七八九十第路街巷弄院村区室楼]){_DAY}[号日]{_BEFORE_OTHER})
      | (?P<T>(?<![\d:])(?:[01]?\d|2[0-3])[:：][0-5]\d(?![\d:]))
      | (?P<q>(?<![\d:.])(?:2[0-3]|1?\d|十[一二]?|[一二两三四五六七八九])点(?:钟|半|[一二三]刻|[0-5]?\d分|[二三四五]?十分?)?(?![\d多儿])(?<!一点(?=[都也不]))))
    | (?=[大前后去今明昨本上下这])(?:(?P<y>(?<![天年月周日以之])(?:大?[前后]年)|[去今明]年|本年(?!度))
      | (?P<X>前(?:几|两|些)天|前[阵一]阵子?|前阵子)
      | (?P<R>(?<![天年月周期拜时半以之然最目])大?[前后]天(?!气)|[昨今明](?:[天日晚早夜]|儿(?!子))|(?<![面跟眼当目之以])[前后]儿(?![子媳])|前晚)
      | (?P<E>(?<![以之年月晚早马一手])(?P<rel>{_REL}){_WEEK}(?P<wd>{_WEEKDAY}|末))
      | (?P<w>(?<![以之年月晚早马一手])(?P<rel2>{_REL}){_WEEK}(?!年))
      | (?P<c>(?<![以之年晚早马一手])(?P<rel3>{_REL})个?月(?!饼|亮|薪|台|球)))
    | (?=[每逢天周月年星礼])(?:(?P<n>年[初底末尾])
      | (?P<V>每个?月(?:的)?{_DAY}[号日]|每(?:逢|到|个)?{_WEEK}(?:{_WEEKDAY}|末)?|每个?(?:天|日|晚|早|夜|月|年|工作日|小时|季度|周末)(?:上|晨)?|逢{_WEEK}(?:{_WEEKDAY}|末)
      |天天|周周|月月|年年|每隔?(?:{_NUMBER}|几)(?:个?月|{_MEASURE})|每逢(?:周末|春节|过年))
      | (?P<D>(?:周|星期|礼拜){_WEEKDAY})
      | (?P<K>周末)
      | (?P<m>(?<![\d个])月(?:初(?![一二三四五六七八九十])|中旬?(?!国)|底|末|尾)))
    | (?P<e>(?<=年)(?:初(?![一二三四五六七八九十])|[底末尾])|(?<=[月份])(?:初(?![一二三四五六七八九十恋])|[上中下]旬|[中底末]))
    | (?P<l>(?:大年|正月)?初(?:[一二三四五六七八九]|十)(?![学生年级班毕上下中高的时])(?<!上初.)(?<!读初.)(?<!念初.)(?<!升初.)(?<!月初.))
    | (?P<P>{"|".join(_PARTS.values())})
    | (?P<S>[春夏秋冬][天季]|(?<=年)的?[春夏秋冬](?!节)|暑假)
    | (?P<b>以前|之前|前) | (?P<a>以后|之后|过后|后) | (?P<I>以内|之内|内)
    | (?P<p>自从|打从|(?<![来亲独])自(?![己然由行动从])|(?<![服听])从(?![来不未前小没])|打(?=[^，。]{{1,6}}[起开])) | (?P<o>起(?!来|床|码|诉)|开始|以来)
    | (?P<A>[改挪调换定约推搬](?:迟|后)?到(?:了)?|提前到了?)
    | (?P<z>截止(?!到)) | (?P<u>直到|截[至止]到?|(?<![看听收想找遇碰得感提说梦学拿买见吃迟])到|(?<!甚)至(?![少于今]))
    | (?P<τ>(?:的)?这个?时候?) | (?P<V2>工作日) | (?P<C>期限|为期|工期|租期|合同期?|合约|试用期|有效期|任期|学制|ddl|deadline)
    | (?P<G>[去住待呆租签休读学歇停](?!年)|请假|出差|驻点?|借调|实习|交换)
    | (?P<j>已经?|都|快|将近|快要|整整|足足|(?<![还没只])有)
    | (?P<i>(?<=[年月周天])以?来(?![了到的回自看说不])) | (?P<F>(?<![不未没])满|整(?=[\d一二两三四五六七八九十半])|刚好(?=[\d一二两三四五六七八九十半])|正好(?=[\d一二两三四五六七八九十半])) | (?P<g>再?过(?![了的得])|还[有差](?=[^，。]{{1,6}}[就才便])|再有(?=[\d一二两三四五六七八九十半几]))
    | (?P<t>的) | (?P<f>了)
    | (?P<k>[次回趟遍]) | (?P<N>{_NUMBER})
    | (?P<comma>[,，、]) | (?P<stop>[。！？!?;；：:\n…]+|\.(?=\s|$)) | (?P<x>[a-z0-9_]+|[^\s])"""
# The looks ahead tell by one character which forms cannot begin here. A character of no form at all is by far the most common, and quickly told.
_KNOWN = "".join(sorted(set(re.findall(r"[^\x00-\x7f]", _FORMS))))
_SCAN = re.compile(rf"(?P<other>[^\s\x00-\x7f{_KNOWN}])|{_FORMS}", re.VERBOSE)
_PLAIN_KINDS: dict[str, tuple[str, Value]] = {
    "other": ("x", None),
    "comma": (",", None),
    "stop": ("|", None),
    "V2": ("V", "day"),
}
_HOLIDAY_WORDS = tuple((name, re.compile(re.sub(r"\(\?<?[!=].*?\)", "", said))) for name, said in _HOLIDAYS.items())
_PART_WORDS = tuple((name, re.compile(re.sub(r"\(\?!.*?\)", "", said))) for name, said in _PARTS.items())
_TRIGGER = re.compile(
    r"[年月日号號天周週期拜节節晚早旦夕春夏秋冬]|初[一二三四五六七八九十]|[昨今明前后]儿|小[时時]|十一|正月|分[钟鐘]|[钟鐘]头|端午|清明|中秋|圣诞|聖誕|国庆|國慶|五一|六一|暑假|工作日|双1|双十"
)


def names_a_time(text: str) -> bool:
    """A cheap look whether a text may hold a Chinese time."""
    return not text.isascii() and _TRIGGER.search(text) is not None


def words_of(text: str) -> Words:
    """The words of a lower-case text."""
    plain = text.translate(_PLAIN)
    kinds: list[str] = []
    places: list[tuple[int, int]] = []
    values: list[Value] = []
    for match in _SCAN.finditer(plain):
        kind, value = _word(match)
        kinds.append(kind)
        values.append(value)
        places.append(match.span())
    return Words(text=plain, kinds="".join(kinds), places=places, values=values)


def _word(match: re.Match[str]) -> tuple[str, Value]:
    form, said = match.lastgroup or "x", match.group()
    if form in _PLAIN_KINDS:
        return _PLAIN_KINDS[form]
    if form == "N" and said.isdecimal():
        return "#", int(said)
    read = _READERS.get(form)
    return form, read(match) if read else said


def _number(said: str) -> int:
    """A number below a hundred in Chinese, or any in figures."""
    if said.isdecimal():
        return int(said)
    said = said.replace("廿", "二十")
    hundreds, hundred, said = said.rpartition("百")
    if hundred:
        return 100 * _DIGITS.get(hundreds, 1) + (_number(said.lstrip("零")) if said else 0)
    tens, ten, ones = said.partition("十")
    if ten:
        return 10 * _DIGITS.get(tens, 1) + _DIGITS.get(ones, 0)
    return _DIGITS.get(said, 0)


def _length(match: re.Match[str]) -> Length:
    said, count = match.group(), match["count"] or match["few"]
    unit = next(unit for name, unit in _UNITS.items() if name in said)
    amount = 0.0 if count is None else float(count) if count[0].isdecimal() else float(_number(count))
    about = count in ("几", "数")
    if about:
        amount = 3.0
    elif count == "十几":
        amount, about = 15.0, True
    half = 0.5 if match["half1"] or match["half2"] or match["half3"] else 0.0
    return Length(amount=amount + half, unit=unit, about=about)


def _year(match: re.Match[str]) -> int:
    said = match.group().rstrip("年 ")
    number = int("".join(str(_DIGITS.get(each, each)) for each in said))
    if len(said) > 2:
        return number
    return number + (2000 if number < 50 or said.isdecimal() else 1900)


def _relative(said: str) -> int:
    return {"上上": -2, "上": -1, "下": 1, "下下": 2}.get(said, 0)


def _relative_day(match: re.Match[str]) -> str:
    said = match.group()
    offset = next(value for name, value in _RELATIVE_DAYS if said.startswith(name))
    part = {"晚": "evening", "夜": "evening", "早": "morning"}.get(said[-1], "")
    return f"{offset} {part}".strip()


def _weekday(said: str) -> int:
    """Monday is 0; the end of the week is 7."""
    last = said[-1]
    return int(last) - 1 if last.isdecimal() else "一二三四五六日末".find("日" if last == "天" else last)


def _clock(match: re.Match[str]) -> int:
    said = match.group()
    if ":" in said or "：" in said:
        hours, minutes = re.split("[:：]", said)
        return int(hours) * 60 + int(minutes)
    hour, _, rest = said.partition("点")
    rest = rest.rstrip("分钟")
    past = 30 if rest == "半" else 15 * _DIGITS[rest[0]] if rest.endswith("刻") else _number(rest) if rest else 0
    return _number(hour) * 60 + past


def _every(match: re.Match[str]) -> str:
    said = match.group()
    if re.search("周|星期|礼拜", said):
        return "week"
    if "月" in said:
        return "month"
    if re.search("年|节", said):
        return "year"
    return "hour" if "小时" in said or "钟头" in said else "day"


def _season(said: str) -> str:
    return "holidays" if said == "暑假" else next(name for each, name in _SEASONS.items() if each in said)


def _edge(match: re.Match[str]) -> str:
    return next(edge for name, edge in _EDGES.items() if match.group().endswith(name))


_READERS: dict[str, Callable[[re.Match[str]], Value]] = {
    "H": lambda match: next(name for name, said in _HOLIDAY_WORDS if said.fullmatch(match.group())),
    "P": lambda match: next(name for name, said in _PART_WORDS if said.fullmatch(match.group())),
    "Y": _year,
    "y": lambda match: _RELATIVE_YEARS[match.group()],
    "n": _edge,
    "m": _edge,
    "e": _edge,
    "R": _relative_day,
    "V": _every,
    "E": lambda match: 10 * _relative(match["rel"]) + _weekday(match["wd"]),
    "w": lambda match: _relative(match["rel2"]),
    "c": lambda match: _relative(match["rel3"]),
    "D": lambda match: _weekday(match.group()),
    "M": lambda match: _number(match.group().rstrip("月份")),
    "d": lambda match: _number(match.group()[:-1]),
    "l": lambda match: _number(match.group()[-1]),
    "L": _length,
    "T": _clock,
    "q": _clock,
    "S": lambda match: _season(match.group()),
    "N": lambda match: _number(match.group()),
}
