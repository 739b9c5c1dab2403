"""The words that announce a change."""

from __future__ import annotations

import re

from memstrata.core.facts.cues import Cue

_VOCABULARY: tuple[tuple[Cue, str], ...] = (
    (
        "corrects",
        r"""\b(?:turns?\ out | i\ was\ wrong | was\ never | were\ never | never\ was | my\ mistake | typo
            | i\ meant | correction | scratch\ that | misremember\w* | misread | misheard | mixed\ up | got\ (?:it|that)\ wrong
            | by\ accident | not\ true | wrong\ (?:about|number|date|name|one) | it'?s\ actually | actually\ it'?s)\b
            | 搞错|记错|说错|写错|看错|弄错|打错|听错|更正|纠正|应该是|其实是|原来是|才发现|不是.{1,12}[，,]?\s?是|口误|手滑""",
    ),
    (
        "ended",
        r"""\b(?:no\ longer | not\ any\s?more | any\s?more | any\ longer | stopped | quit | gave\ up | given\ up
            | call(?:ed)?\ (?:it|\w+)?\s?off | broke\ up | split\ up | cancel\w* | died | passed\ away | sold | got\ rid
            | moved\ out | dropped | scrapped | binned? | gone\ for\ good | handed\ back | gave\ (?:it|the\ \w+)\ back | retired
            | over\ with | done\ with | fell\ through | won'?t\ be | isn'?t\ (?:coming|happening) | not\ coming | not\ happening
            | lost\ (?:my|the|five|four|three|two) | removed | returned\ it | gave\ away)\b
            | 不再|取消|退了|去不成|黄了|分手|离婚|卖了|送人|死了|去世|走了|不干了|辞职|辞了|不去了|不来了|停了|戒了|不用了|拆了|没了|泡汤|作废|扔了""",
    ),
    (
        "instead",
        r"""\b(?:instead | rather\ than | switch(?:ed|ing)? | chang(?:ed|ing) | replac\w+ | swap\w* | moved?\ (?:to|from)
            | transferr?ed | bumped | resched\w* | postpon\w* | push(?:ed)?\ (?:back|to) | plan\ b | went\ with | signed\ for
            | none\ of | not\ \w+\ but | converted | upgrad\w+ | downgrad\w+ | renamed)\b
            | 改成|改为|改到|改用|改吃|改喝|改了|换成|换了|换到|换个|转到|转专业|转去|搬到|搬来|搬去|推迟|延期|提前|挪到|调到""",
    ),
    (
        "now",
        r"""\b(?:now | nowadays | these\ days | at\ the\ moment | currently | as\ of | since\ then | from\ now\ on | lately
            | plot\ twist | finally | new | latest | so\ it'?s | we'?re\ \d+ | makes\ it | that\ makes | update | these\ days
            | first\ (?:week|day|month) | just\ (?:started|got|moved|signed) | started)\b
            | 现在|如今|眼下|目前|这阵子|最近|终于|总算|新|刚[数搬换到来]|准数|从此|已经|变成|升|正式""",
    ),
    (
        "again",
        r"""\b(?:back\ (?:to|in|at|on|with|home) | again | returned\ to | resum\w+ | as\ before | like\ before)\b
            | 又|恢复|回来|照旧|重新|还是""",
    ),
    (
        "once",
        r"""\b(?:this\ once | just\ this | for\ once | this\ time | skipped | only\ today | just\ today | one-?off
            | for\ the\ first\ time | except | exception)\b
            | 这次|这回|一回|破例|就今天|暂停一|这周日|难得|例外""",
    ),
    (
        "so far",
        r"""\b(?:so\ far | up\ to | already | in\ total | altogether | \d+\ more | another\ \w+ | plus)\b
            | 一共|总共|累计|多了|又来|加上|还剩|只剩""",
    ),
)
_CUES = tuple((cue, re.compile(pattern, re.IGNORECASE | re.VERBOSE)) for cue, pattern in _VOCABULARY)


def cues_in(text: str) -> tuple[Cue, ...]:
    """The cues that a statement gives."""
    return tuple(cue for cue, pattern in _CUES if pattern.search(text))
