"""What a sentence does: tell, ask, order, suppose, joke, or merely keep the talk going.

Only what tells is about the world now. Cues are function words and set phrases of English and Chinese; a sentence
that fits none of them tells. A sentence that asks, orders or weighs what may be can tell something by the way: in a
clause of its own, or as what it takes for granted (`told_by_the_way`).
"""

from __future__ import annotations

import re
from typing import Literal

from memstrata.core.features import TIME_EXPRESSION, word_count

Act = Literal["tells", "asks", "orders", "supposes", "jokes", "nothing"]

_MARKED = re.compile(r"""[?？]["'”’)）]*\s*$""")
_ASKS = re.compile(
    r"""^\W*+(?:ok(?:ay)?|so|and|but|also|hey|hi|btw|lol|hm+|oh|well|right|then|wait|quick\ (?:one|q(?:uestion)?)[:,]?
        |side\ note|ok\ new\ topic|new\ topic|question)?[\s,:]*
      (?:(?:what|where|when|who|which|why|how)(?:'?s|'?re|\ (?:is|are|was|were|do|does|did|can|could|should|would|will
          |far|long|much|many|often|to|about|kind|time))\b
        | (?:is|are|was|were|do|does|did|can|could|should|would|will|shall|am|have|has)\s+
            (?:i|you|we|they|he|she|it|that|this|there|the|a|an|my|your|their|his|her|uni|babies|people|any)\b)
    | ^\W*+(?:who|which\ \w+)\ (?!knew\b|cares\b|am\b|i\b|we\b|is\b)(?:\w+ed|\w+s|\w+t|wrote|won|made|sang|ran|built|gave|took|said)\b(?!.*[,;])
    | ^\W*+(?:any|got\ any)\ (?:idea|tip|suggestion|recommendation|thought)
    | [吗嗎]\s*[。.!！~～]*$ | ^[^还正在都才没可]{1,8}呢\s*[。.!！~～]*$ | ^\W*+(?:请问|問|问一?下|怎么|怎麼|怎样|如何|为什么|为啥|咋|有没有|是不是|能不能|要不要|哪)
    | (?:什么|啥|几点|多少|怎么|咋|谁|哪[里儿个些家]|多久|如何)[^，。,]{0,8}[?？]?\s*$
    """,
    re.IGNORECASE | re.VERBOSE,
)
_INTERROGATIVE = re.compile(
    r"""\b(?:what|where|when|who|whom|which|why|how|whose|you|your|ur|any|anyone|anything|ok|okay|right|or)\b
    | (?:^|[,.;:—-]\s*|\b(?:and|so|but|then)\s)(?:is|are|was|were|do|does|did|can|could|should|would|will|shall|am|have|has
        |isn'?t|aren'?t|don'?t|doesn'?t|didn'?t|won'?t|can'?t)\b | [吗嗎呢吧么]|什么|啥|哪|谁|几|多少|怎|如何|为何|是不是|有没有|能不能|要不要|好不好|行不行""",
    re.IGNORECASE | re.VERBOSE,
)
"""What makes a question of a sentence beside its mark; without it the mark is a tone of voice."""
_GRANTED = re.compile(
    r"""^\W*+(?:(?:ok(?:ay)?|so|and|but|also|hey|btw|other\ thing|oh|well|then|wait|ugh|omg|seriously)[\s,:]+)*+
      (?:why|how\ come|wtf\ is\ it\ that)\b(?!\ (?:not|don'?t\ (?:i|we|you)|would|should|could|can|might|bother)\b).{0,200}?\b(?:i|i'm|i've|my|we|we're|our)\b
    | ^\W*+(?:any|got\ any)\ (?:tips?|ideas?|advice|recommendations?|suggestions?|tricks?)\ (?:for|on|about|to|when|with)\b.{0,100}?\b(?:my|our|i'm|i)\b
    | ^\W*+(?:那|所以|不过|对了|唉|哎)?[，,\s]*(?:为什么|为啥|咋|怎么|凭什么).{0,6}我(?!该|应该|能|可以|要不要|会不会)
    | ^\W*+我(?!该|应该|能|可以|要不要).{0,24}(?:为什么|为啥|咋又|咋还|咋老|怎么又|怎么还|怎么老|怎么总)""",
    re.IGNORECASE | re.VERBOSE,
)
"""Why something is so, which takes for granted that it is."""
_REASON = re.compile(
    r"""[，,：:—–]+\s* | \s-\s | \s(?=(?:because|bc|cuz|cos|coz|now\ that|(?:since|seeing\ as|given\ that|as)\ (?:i|i'm|i've|my|we|our|he|she|they|the))\b)""",
    re.IGNORECASE | re.VERBOSE,
)
"""Where one clause ends: at a mark, or before a reason, which is told even where the rest asks."""
_ORDERS = re.compile(
    r"""^\W*+(?:ok(?:ay)?|so|and|now|then|pls|plz|please|hey|can\ you|could\ you|would\ you|help(?:\ me)?)?[\s,:]*(?:please\s+|pls\s+)?
      (?:make|give|draft|write|list|rank|summari[sz]e|translate|read|pick|tell|show|find|suggest|recommend|explain
        |convert|rewrite|proofread|calculate|help|fill|check|compare|entertain|draw|send\ me|name|describe|define)\b
      (?:\ (?:me|us|these|this|that|it|a|an|the|my|some|out|up|with|in|again)\b|\s|$)
    | ^\W*+(?:请|帮|给我|替我|麻烦|查一?下|查查|写[一个封段首]|列[一个出]|推荐|翻译|总结|算一?下|讲[个讲一]|说说|来[一个段首]|教我)""",
    re.IGNORECASE | re.VERBOSE,
)
_DICTATES = re.compile(
    r"^\W*+(?:please\s|pls\s)?(?:translate|rephrase|rewrite|proofread|paraphrase|reword)\b[^.!?\n]{0,40}[:：]|^\W*+(?:请|帮我?)?(?:翻译|润色|改写)[^。！？\n]{0,20}[:：]",
    re.IGNORECASE,
)
_COMPOSES = re.compile(
    r"""\b(?:write|draft|compose|translate|rephrase|rewrite|proofread|polish|paraphrase|reword|dictate)\b|写|拟|翻译|润色|改写|起草|编[个一段条]""",
    re.IGNORECASE | re.VERBOSE,
)
"""Orders whose rest is the text that is wanted, not what is so."""
_REMEMBER = re.compile(
    r"""\b(?:remember|note(?:\ down)?|keep\ in\ mind|for\ the\ record|fyi|just\ so\ you\ know|make\ a\ note|save)\b
    | 记一?下|记住|记得|备注|登记|记录""",
    re.IGNORECASE | re.VERBOSE,
)
_OWN = re.compile(
    r"""\b(?:i|i'm|im|i've|ive|i'd|i'll|my|mine|me|we|we're|we've|our|ours|us)\b | [我咱俺]""",
    re.IGNORECASE | re.VERBOSE,
)
_HAN = re.compile("[\u3400-\u9fff]")
_SOMEBODY = re.compile(r"\b(?:he|she|they)\b|[他她]|[妈爸哥姐弟妹奶爷]", re.IGNORECASE)
_SUPPOSES = re.compile(
    r"""^\W*+(?:(?:and|but|so|oh|honestly|tbh|it)\s)?(?:'d|would|wouldn'?t)\b | ^\W*+(?:and\s|so\s|ok\s)?say\ (?:i|we|my|i'm)\b
      | \b(?:if\ (?:i|we)\ (?:ever|had|were|could|won|won'?t|did)\b | if\ only\b
      | if\b.{0,80}\b(?:would|could|might|'d)\b | would\b.{0,60}\bif\b | imagine | suppose\b | hypothetical | what\ if | wish\ (?:i|we) | let'?s\ (?:say|pretend) | pretend(?:ing)?\b
      | daydream | in\ (?:a|another|my\ next|the\ next)\ (?:dream|life|universe) | came\ into\ money | won\ the\ lottery
      | idle\ curiosity | thought\ experiment | for\ the\ sake\ of\ argument | role-?play | in\ character)
    | 如果|假如|假设|要是|倘若|万一|的话|下辈子|来世|恨不得|巴不得|真想|多想|多希望|该多好|幻想|做梦|梦见|梦到|假装|想象|设想|中了彩票""",
    re.IGNORECASE | re.VERBOSE,
)
_MAY_BE = re.compile(
    r"""\b(?:i|we)(?:(?:'d|\ would|\ might)\s+(?:have\s+|probably\s+|maybe\s+|totally\s+)?(?!like\b|rather\b|love\b|prefer\b)
      |\ could\s+(?:have\s+|probably\s+|maybe\s+|totally\s+)?(?!finally|only|barely|hardly|still|never|not\b|see|hear|feel|smell|taste|read
        |tell|find|remember|sleep))\w+""",
    re.IGNORECASE | re.VERBOSE,
)
"""What may be or might have been, in its own clause. "I could see", "could finally" tell of the past."""
_REALLY = re.compile(r"\b(?:in reality|meanwhile|actually|for real|seriously)\b|其实|现实|(?<!说)真的", re.IGNORECASE)
_JOKES = re.compile(
    r"""\b(?:jk|just\ kidding|kidding|joking|joke|not\ true|sarcasm|\/s|as\ if|yeah\ right|arr+|ahoy)\b
    | 开玩笑|逗你|骗你的|瞎说|胡说|扯的|(?<!真的)(?<!真的还是)假的""",
    re.IGNORECASE | re.VERBOSE,
)
_FICTION = re.compile(
    r"""\b(?:screenplay|d&d|dnd|narrator|narration|first\ person|haiku|20\ questions|twenty\ questions|would\ you\ rather|cosplay\w*
        |fan\s?fic\w*|role-?play\w*|voice\ check|monologue|limerick|sonnet)\b
    | \b(?:write|writing|draft|continue|start|finish|tell|invent|make\ up|improvi[sz]e|compose|edit|polish|critique|check)\b.{0,40}?
        \b(?:story|novel|poem|scene|chapter|lyrics|script|play|dialogue|opening\ line|verse|song|character)\b
    | \b(?:in|for|from)\ (?:my|our|the|this|a)\ (?:\w+\ )?(?:story|novel|poem|scene|screenplay|script|play|campaign|fiction|short\ story|novella)\b
    | \bmy\ (?:main\ |d&d\ |new\ )?(?:character|protagonist|hero|heroine|villain|wizard|bard|rogue|paladin)\b
    | \b(?:game|round)\ of\b | \b(?:let'?s\ play|pretend\ (?:you|i|we|to)|act\ as|you\ play|i'?ll\ play)\b
    | \byou(?:\ are|'re|re)\ (?:the|a|an|my)\ [\w ]{1,24}?[,;.]?\ (?:and\ )?i(?:\ am|'m|m)\ (?:the|a|an)\b
    | 剧本|小说|角色|人设|第一人称|写(?:个|一个|段|篇|一段|一篇)(?:故事|小说|段子|独白|歌词)|台词|扮演|密室|狼人杀|跑团|段子|开放麦|脱口秀|同人文|你(?:来)?演|我(?:来)?演""",
    re.IGNORECASE | re.VERBOSE,
)
"""Words with which a made-up scene is set: a genre that is nothing else, a work that is being written, parts given out."""
_FILLER = re.compile(
    r"""^\W*+(?:(?>
      (?:ok(?:ay|ok)?|k|lol|lmao|haha?\w*|ha|hm+|ah+|oh|ooh|yes|yep|yup|yeah|ye|no|nope|nah|ta|bless(?:\ you)?
        |perfect|sure|right|true|fine|done|noted|got\ it|will\ do|wow|omg|ugh|sigh|please|pls|hi|hello|hey
        |good\ (?:morning|night|evening|to\ know|idea|point|call)|good|morning|bye|i\ know(?:\ right)?|exactly
        |precisely|obviously|indeed|same|me\ too|you\ too|genius|copy\ that|sent|not\ needed|it\ is|here|that'?s\ it
        |(?:many\ |big\ )?(?:thanks|thank\ (?:you|u)|thx|tysm|ty|cheers)
            (?:\ (?:again|so|very|much|a\ (?:lot|bunch|million|ton)|loads|heaps|guys|everyone|for\ (?:that|this|now)))*
            (?:\ for\ (?:(?!\b(?:i|i'm|i've|my|we|our)\b)[^.!?,;\n]){1,60})?
        |(?:i\ )?(?:really\ )?appreciate\ (?:it|that|this|you)|much\ appreciated|no\ (?:problem|worries)
        |(?:you\ are|you're|ur|u\ r)\ (?:welcome|the\ best|a\ (?:star|lifesaver|legend)|amazing|awesome|great|right)
        |makes\ sense|sounds\ (?:good|great|perfect|fine|lovely)
        |(?:(?:that|this|it)(?:'s|s|\ is|\ was|\ sounds|\ looks)\ (?:(?:so|really|very|just|all|super|pretty|quite|such)\ )*)?
            (?:a\ )?(?:great|nice|cool|lovely|awesome|amazing|wonderful|brilliant|excellent|fantastic|helpful|kind\ of\ you
              |sweet\ of\ you|good|perfect|fine|useful|interesting)(?:\ (?:idea|help|tip|point|thanks))?)(?![a-z0-9'])
      |太?(?:谢谢|多谢|感谢)(?:你|您|大家)?们?(?:的?(?:帮助|建议|提醒|回复|耐心|解答|关心))?[啦啊哈呀了]*|谢+[啦啊了]?
      |不客气|不用谢|(?:太|真是?)?麻烦[你您]?了|[太真很](?:好|棒|不错|厉害|有用|有帮助|有意思)了?|没问题|有道理|听你的
      |嗯++|哦++|噢|好吧|好嘞|好++的?|行吧?|可以|哈++|嘿++|收到|明白|知道了|对++|是的?|没事|笑死|笑哭|绝了|666|呵呵|嘻嘻
      |辛苦[你您]?了?|拜拜|早|晚安|哇|啊|额|呃|唉)[\s,.!~，。！～]*+)++$""",
    re.IGNORECASE | re.VERBOSE,
)


def speech_act(text: str) -> Act:
    """What a sentence does."""
    if is_filler(text) or is_fragment(text):
        return "nothing"
    if _JOKES.search(text):
        return "jokes"
    if _ASKS.search(text) or (_MARKED.search(text) and not _only_sounds_asking(text)):
        return "asks"
    if (_SUPPOSES.search(text) or _MAY_BE.search(text)) and not _REALLY.search(text):
        return "supposes"
    if (_ORDERS.search(text) or _DICTATES.match(text)) and not _REMEMBER.search(text):
        return "orders"
    return "tells"


def is_filler(text: str) -> bool:
    """Words that keep a talk going and say nothing."""
    return _FILLER.match(text.replace("’", "'")) is not None


def is_fragment(text: str) -> bool:
    """One word, which tells something only beside a sentence that does."""
    return word_count(text) < 2 and not any(character.isdigit() for character in text)


def told_by_the_way(text: str) -> list[tuple[int, int]]:
    """The parts of a sentence that asks, orders or weighs what may be which nevertheless tell.

    "We eat with a client on Friday, he takes no beef, where should we go" tells two things and asks one. A clause
    tells by itself if it has a subject of its own; in Chinese, which leaves subjects out, also if it comes before the
    clause that asks. A reason is told whatever the rest does. A clause that leans on its sentence (a price, a date,
    a reason without a name) is given with the whole of it, and so is what a question takes for granted.
    """
    if _SUPPOSES.search(text):
        return []
    composes = _COMPOSES.search(text) if _ORDERS.search(text) or _DICTATES.match(text) else None
    if composes is not None:
        text = text[: composes.start()]
    whole = [(0, len(text))]
    if _GRANTED.search(text) and not _MAY_BE.search(text):
        return whole
    parts = _clauses(text)
    own = [(start, end) for start, end in parts if _tells_by_itself(text[start:end])]
    asks = [place for place, (start, end) in enumerate(parts) if speech_act(text[start:end]) == "asks"]
    if not asks or len(parts) < 2:
        return own
    leaning = [part for part in parts if part not in own and _leans(text[slice(*part)])]
    if any(_HAN.search(text[slice(*part)]) is None or parts.index(part) < asks[0] for part in leaning):
        return whole
    return own


def _clauses(text: str) -> list[tuple[int, int]]:
    parts, start = [], 0
    for match in [*_REASON.finditer(text), None]:
        end = len(text) if match is None else match.start()
        if text[start:end].strip():
            parts.append((start, end))
        start = end if match is None else match.end()
    return parts if len(parts) > 1 or start else []


def _tells_by_itself(clause: str) -> bool:
    """A clause that tells, about people rather than about nothing."""
    if word_count(clause) < 2 or speech_act(clause) != "tells":
        return False
    return bool(_OWN.search(clause) or _SOMEBODY.search(clause))


def _leans(clause: str) -> bool:
    """A clause that tells something of what its sentence is about: with a number, a time or in Chinese."""
    if word_count(clause) < 3 or speech_act(clause) != "tells" or _INTERROGATIVE.search(clause):
        return False
    return bool(_HAN.search(clause) or TIME_EXPRESSION.search(clause.lower()) or any(map(str.isdigit, clause)))


def _only_sounds_asking(text: str) -> bool:
    """A question mark after a statement about oneself or about a time is astonishment."""
    if _INTERROGATIVE.search(text):
        return False
    return bool(_OWN.search(text) or TIME_EXPRESSION.search(text.lower()))


def sets_a_scene(text: str) -> bool:
    """The turn is about something made up: a story, a role, a game."""
    return _FICTION.search(text) is not None
