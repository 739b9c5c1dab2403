"""Whether the words near a place tell of the past or of the future: by the nearest verb that says so."""

from __future__ import annotations

import re
from bisect import bisect_left
from dataclasses import dataclass

from memstrata.extract.rules.times.calendar import Direction

REACH = 120
"""Characters beyond which a verb is not taken to belong to a time."""
_COMMA = 30
"""How many characters further away a verb seems behind a comma."""
_PAST = r"""\b(?: went | were(?:n't)? | was(?:n't)? | did(?:n't)? | had | got(?!\ to\b) | came | saw | met | took | gave | made
    | fell | won | lost | found | left | broke | felt | ate | drank | slept | woke | ran | rode
    | drove | flew | swam | sang | spoke | bought | brought | caught | taught | sold | sent | spent | kept | lent | paid
    | began | became | grew | wore | stole | chose | froze | forgot | held | shot | sat | stood | understood | threw
    | drew | built | slid | struck | stuck | been | ended | finally
    | (?!need|feed|seed|speed|weed|indeed|exceed|succeed|proceed|hundred|naked|wicked|sacred|excited|scared|tired|embed
      |interested|worried|supposed|allowed|expected|invited|scheduled|planned|united|limited|married\b|aged|used)\w{2,}ed )\b
    | [了过](?![吗嘛年节几两])(?<!为了)(?<!除了)(?<!不过)(?<!通过) | 刚[才刚]? | 已经? | 没有?(?!问题|空|时间|法|准) | 当时 | 来着"""
_REPORT = r"""\b(?: said | told | thought | knew | heard | texted | announced | mentioned | promised | wrote | emailed | e-mailed | messaged | reckoned )\b"""
"""What somebody said may be of any time; it tells of the past only where no comma stands between."""
_FUTURE = r"""\b(?: will | 'll | won't | gonna | (?:going|about|have|has|need|hope|want|hoping|planning|due|booked|meant|got|need|have|used)\ to
    | (?:moved?|moving|push\w*|bump\w*|postpon\w*|shift\w*|delay\w*|resched\w*|chang\w+)\ (?:back\ |forward\ |it\ |that\ )?(?:to|until|till|by)
    | shall | should | must | needs? | wants? | gotta | can | plan | plans | planning | planned | book(?:ed|ing) | scheduled
    | supposed | hoping | hope | due | remind | deadline | appointment | tickets? | let's | signed\ up | invited | expected
    | remember | expir\w+ | arriv(?:es|ing) | starts | starting | leaving | coming )\b
    | 要(?!求|是|好) | 会(?!议|员|计|场) | 打算 | 准备 | 计划 | 将 | 快要 | 马上 | [定订约][了好] | 预[约定订] | 报[了名] | 安排 | 得(?=去|交|把|在|赶|回|要) | 就(?=[去走来回到开搬考结交能可])(?![^，。！]{0,8}[了过的])
    | 交(?=稿|报|作|材|货|房|租|论) | 截止 | 记得 | 提醒 | 到时 | 下次 | 准备 | ddl | 去(?!年|世|掉)(?!.{0,4}[了过的])"""
_MARKS = re.compile(
    rf"(?P<future>{_FUTURE})|(?P<report>{_REPORT})|(?P<past>{_PAST})|(?P<stop>[.!?;。！？；\n]+(?=\s|[^\x00-\x7f]|$)|$)|(?P<comma>[,，、])",
    re.VERBOSE,
)


@dataclass(frozen=True, slots=True, kw_only=True)
class Marks:
    """Where the verbs and the breaks of a text stand, in their order."""

    places: list[int]
    ends: list[int]
    kinds: list[str]


def marks_of(text: str) -> Marks:
    """The verbs and breaks of a lower-case text."""
    places, ends, kinds = [], [], []
    for match in _MARKS.finditer(text):
        places.append(match.start())
        ends.append(match.end())
        kinds.append(match.lastgroup or "")
    return Marks(places=places, ends=ends, kinds=kinds)


def direction(marks: Marks, start: int, end: int) -> Direction:
    """What the verb nearest to a span tells of; 0 where its sentence has none."""
    middle = bisect_left(marks.places, start)
    before = _nearest(marks, range(middle - 1, max(-1, middle - 12), -1), start, end)
    after = _nearest(marks, range(middle, min(len(marks.places), middle + 12)), start, end)
    gap, kind = min(before, after)
    if gap > REACH:
        return 0
    return 1 if kind == "future" else -1


def _nearest(marks: Marks, places: range, start: int, end: int) -> tuple[int, str]:
    commas = 0
    for place in places:
        kind, at = marks.kinds[place], marks.places[place]
        inside = start <= at < end
        if kind == "stop" and not inside:
            break
        if kind == "comma":
            commas += not inside
        elif not inside and not (kind == "report" and commas):
            return max(start - marks.ends[place], at - end, 0) + commas * _COMMA, kind
    return REACH + 1, ""
