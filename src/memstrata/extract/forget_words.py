"""The words of requests to forget: patterns over a lower-case turn, collected from how people write in chats."""

from __future__ import annotations

import re

CUES = (
    *"forg frog foget delet eras remov scrub wip purg strike pretend keep stor save log record remember retain note writ memor".split(),
    *"onto jot clear drop lose leave 忘 删 抹 清 擦 记 存 留 当 装 写".split(),
    *("act like", "act as", "hold on", "hang on", "get rid", "take out", "off the"),
)
"""One of these is in every request."""
FOREIGN = re.compile(
    r"""```(?s:.*?)(?:```|\Z) | `[^`\n]*`? | ^[ \t]*(?:>|\$\ |\#\ )[^\n]*$ | ^[ \t]*[\[【][^\]】\n]{1,40}[\]】][^\n]*$
    | ^[ \t]*(?:user|assistant|system|ai|bot|human|me|from|subject|用户|助手|系统|机器人|甲|乙)\s{0,2}[:：][^\n]*$""",
    re.VERBOSE | re.MULTILINE,
)
QUOTED = re.compile(
    r"\"[^\"\n]{1,600}\"|“[^”]{1,600}”|「[^」]{1,600}」|『[^』]{1,600}』|《[^》\n]{1,60}》|‘[^’\n]{1,600}’|(?<![\w])'[^'\n]{1,400}(?:'\w[^'\n]{0,200}){0,4}'(?!\w)"
)
_YOU = r"(?:you|u|ya)"
LEAD = re.compile(
    rf"""(?:^|[.,!?;:\n()~…—\x00，。！？；：]|(?<!\w)-+|\b(?:and|but|so|also|please|pls|plz|just|now|then|ok|okay|k|kindly|actually|btw|note|hey|oh|yes|no|yeah|wait
        |sorry|hmm|lol|anyway|instead|maybe|better|honestly|tho|thanks|mate|favou?r|though|ugh|hi|again|either|oops|right)
      |(?<!how\ )(?<!why\ )(?:can|could|would|should|must|may)\s(?:{_YOU}|we)(?:\s(?:please|pls|plz|just|also|maybe|kindly|possibly))?
      |(?:want|need|like|prefer|asking|asked|told|begging|beg)\s{_YOU}\s(?:to|2)(?:\s(?:please|just|also))?
      |(?:would|do)\s{_YOU}\smind|you\ mind|mind|let'?s|feel\ free\ to|rather\s{_YOU}(?:\sjust)?|if\s{_YOU}\scould(?:\sjust|\splease)?
      |{_YOU}\s(?:can|should|could|may|gotta|have\ to|need\ to|must)(?:\s(?:just|also|now))?|go\ ahead\ and|will\s{_YOU}\s(?:please|pls|plz)|(?:make|be)\ sure\s(?:{_YOU}|to)|{_YOU}\ better)\s*$""",
    re.VERBOSE,
)
ATTRIBUTED = re.compile(
    r"""(?<!\bi\ )(?<!\bi've\ )\b(?:said|says|say|saying|told\ (?:me|him|her|us|them)|tells\ me|asked\ (?:me|him|her|us|them)|wrote|writes|reads|goes|like|yelled
        |texted|replied|called|titled|named|lyrics?|song|movie|quote|string|prompt|message|translat\w*(?:\ this)?|rephrase|proofread|type|spell)(?:\sthat|\sto|\sjust|\splease)?[\s,:]{0,3}$
    | \b(?:game|role-?play|scene|improv|story|poem)\b[^.!?\n]{0,24}$
    | \b(?:(?<!you\ )(?<!u\ )to|i|i'll|we|he|she|they|people|one|always|often)\s\w+[^.,;:!?\n]{0,40}\b(?:and|or)\s*$
    | \bif\ i\ (?:ask|tell|asked|told|say)\b[^.!?\n]{0,24}$ | \bwhat\ (?:happens|if)\b[^.!?\n]{0,24}$""",
    re.VERBOSE,
)
_NOT = r"(?:(?<=\byou\s)not|(?<=\bu\s)not|do\ not|don'?t|dont|never|pls\ no|stop|no\ longer|please\ avoid|avoid|try\ not\ to|better\ not|best\ not\ to|no\ need\ to|needn't|not\ to)\s(?:ever\s|even\s|please\s)?"
_RATHER = rf"""(?:(?:i'd|i\ would|id|would)?\s?(?:much\s)?rather\s(?:that\s)?{_YOU}\s(?:didn'?t|don'?t|not|wouldn'?t|never)
    |(?:i'd|i\ would|i|id)\sprefer\s(?:it\s)?(?:that\s|if\s)?{_YOU}\s(?:didn'?t|don'?t|not|never|wouldn'?t)
    |(?:i'd|i\ would|i)\sprefer\s(?:{_YOU}\s)?not\sto|(?:i\s)?(?:don'?t|do\ not|wouldn'?t)\swant\s{_YOU}(?:\sto)?|{_YOU}\s(?:don'?t|do\ not|dont)\s(?:need|have)\sto|{_YOU}\sneedn'?t
    |{_YOU}\s(?:can|may|could|should)\sstop|{_YOU}\sshould(?:n'?t|\snot)|no\ need\ (?:for\s{_YOU}\s)?to|(?:i\s)?wish\s{_YOU}\s(?:wouldn'?t|didn'?t|hadn'?t))\s"""
_KEEP = r"(?:keep(?:ing)?|stor(?:e|ing)|sav(?:e|ing)|log(?:ging)?|record(?:ing)?|retain(?:ing)?)"
_NOTE = r"(?:remember(?:ing)?|(?:hold|hang)(?:ing)?\ on\s?to|(?:write|jot|note)(?=\s[^.,;!?\n]{1,30}\sdown\b)|not(?:e|ing)\ down|writ(?:e|ing)\ down|jot(?:ting)?(?:\ down)?|memori[sz](?:e|ing)|(?:mak(?:e|ing)|tak(?:e|ing)|keep(?:ing)?)\ (?:a\ )?(?:note|notes|track)\ of|commit)"
_PUT = r"(?:put(?:ting)?|writ(?:e|ing)|add(?:ing)?|includ(?:e|ing)|fil(?:e|ing)|enter|commit)"
_MEMORY = r"(?:memory|memories|notes|notebook|records?|logs?|history|mind|head|brain|database|profile|files|memory\ bank|chat\ history)"
INTO_MEMORY = re.compile(
    rf"\s?\b(?:from|out\ of|in|into|to|on|off|of|as)\s(?:(?:your|ur)\s(?:long[- ]term\s|own\s)?{_MEMORY}|(?:the\s|any\s)?(?:long[- ]term\s)?(?:memory|notes|record|records))\b",
    re.VERBOSE,
)
_SPOKE = r"(?:said|told|mentioned|mention|wrote|shared|brought\ up|typed|confessed|admitted|asked|let\ slip|spilled|confided|explained|described|say|tell|talked|was\ saying|spoke|sent|gave)"
ASKS: tuple[tuple[str, re.Pattern[str]], ...] = tuple(
    (verb, re.compile(pattern, re.VERBOSE))
    for verb, pattern in (
        ("forget", r"\b(?:forget|forgt|froget|foget|forgett|forgetting|unremember|un-remember)\b"),
        ("erase", r"\b(?:delet(?:e|ing)|eras(?:e|ing)|scrub(?:bing)?|strike|nuke|wip(?:e|ing)|expunge)\b(?:\ (?:out|off|away)\b)?"),
        ("delete", r"\b(?:remov(?:e|ing)|redact(?:ing)?)\b"),
        ("drop", r"\b(?:purg(?:e|ing)|clear(?:\ out)?|drop(?:ping)?|lose|get(?:ting)?\ rid\ of|tak(?:e|ing)\ out|ditch|throw\ (?:out|away)|trash)\b"),
        ("out", r"\b(?:scratch|take|get|pull|cut|throw)\b"),
        ("keep", rf"\b{_NOT}{_KEEP}\b"),
        ("note", rf"\b{_NOT}{_NOTE}\b"),
        ("keep", rf"\b{_NOT}not(?:e|ing)\b(?!\ down)"),
        ("put", rf"\b{_NOT}{_PUT}\b"),
        ("free keep", rf"\b{_RATHER}{_KEEP}\b"),
        ("free note", rf"\b{_RATHER}{_NOTE}\b"),
        ("free put", rf"\b{_RATHER}{_PUT}\b"),
        ("put", rf"\b(?:keep|leave)(?=[^.,!?\n]{{1,40}}\b(?:out\ of|off|away\ from)\ (?:your|ur|the)\ {_MEMORY})"),
        ("unsaid", rf"\b(?:pretend|act\ like|act\ as\ if|act\ as\ though|imagine)\s(?:that\s)?(?:i|we)\s(?:never|didn'?t|did\ not|haven'?t|hadn'?t)\s(?:ever\s|even\s|just\s)?{_SPOKE}\b(?:\s{_YOU}\b|\sto\s{_YOU}\b)?"),
        ("unsaid", rf"\b(?:pretend|act\ like|act\ as\ if|act\ as\ though)\s(?:that\s|as\ if\s)?{_YOU}\s(?:never|didn'?t|don'?t|do\ not|haven'?t)\s(?:ever\s|even\s)?(?:heard?|saw|see|seen|read|knew|know|remember|learned)\b(?!\s(?:me|us|each|how|anyone|anything\ about\ (?!my|me|it|this|that))\b)"),
        ("off", r"(?:(?:this|that|it)(?:\ one|\ bit|\ part)?(?:'s|s|\ is|\ was)\s|keep\ (?:this|that|it)\s|strictly\s|totally\s|completely\s)?\boff[-\ ]the[-\ ]record\b(?=\s{0,2}(?:[:,.!;—\n-]|$|ok\b|please\b|but\b))"),
        ("off", rf"\b(?:this|that|it)(?:\ (?:one|bit|part))?\ (?:shouldn'?t|should\ not|doesn'?t|mustn'?t|isn'?t|is\ not|does\ not|better\ not)\s(?:\w+\s){{0,2}}(?:to|in|into|for|on)\s(?:your\s|the\s){_MEMORY}\b"),
        ("off", r"\b(?:pretend|act\ like|act\ as\ if)\s(?:that\s)?(?:this|that|it|our|the)(?:\s\w+){0,2}\snever\ happened\b"),
        ("off", r"\bnot\ for\ (?:the\ record|your\ (?:notes|memory|records))\b"),
    )
)  # fmt: skip
BOUND = re.compile(
    r"""[.,;!?\n()—…：，。！？；~]|:\s|\s-{1,2}\s|(?<!\bthat)\s(?:because|cuz|bc|cause|coz|cos|since|so|but|and\ (?:keep|leave|don'?t|just|then|also|please|pls|we|i|let'?s|move|remember|only)
        |unless|except|apart\ from|other\ than|if\ (?:you|i)|before|until|though|tho|as\ (?:it|i|he|she|they)|it's|i'm|i've|i\ was|thanks|thx|lol|haha)\b""",
    re.VERBOSE,
)
TAIL = re.compile(
    rf"""(?:[\s,]*\b(?:please|pls|plz|thanks|thx|ok|okay|now|then|right\ now|entirely|completely|totally|forever|for\ good|for\ me|too|as\ well|will\s{_YOU}|would\s{_YOU}
      |could\s{_YOU}|can\s{_YOU}|alright|down|anywhere|somewhere|again|any\s?more|any\ longer|btw|actually|ty|for\ now|permanently|at\ all|immediately|asap|yeah|right
      |either|instead|this\ time|already|on\ file|around|pretty\ please|altogether))+\s*$""",
    re.VERBOSE,
)
SAID = re.compile(
    rf"""\bi(?:'ve|'d)?(?:\s(?:have|just|had|ever|also|only|once|already|might\ have|may\ have))*\s{_SPOKE}\b | \bwe\ (?:just\ )?(?:talked|discussed|spoke|said|chatted)
      | \b(?:you|u)(?:'ve)?(?:\s(?:have|already|just|ever|might|may|currently))*\s?(?:know|knew|remember|remembered|stored|saved|(?:learned|learnt)(?!\s(?:in|at)\b)|got|have|hold|kept|keep
          |noted|recorded|collected|wrote\ down|written\ down)\b
      | \b(?:about|on|of)\ (?:me|us)$ | \b(?:about|of)\ (?:me|us)\b
      | \b(?:bit|part|thing|things|stuff|details?|story|info|information|mentions?|memory|memories|facts?|messages?|traces?|conversation|chat|data|records?|anything
          |everything|all|notes?|whatever)\s(?:about|regarding|concerning|where\ i|related\ to)\b
      | \b(?:info|data|details|anything|everything|records?|file)\ on\ (?:my|me)\b | \b(?:memory|memories|mentions?|traces?|records?)\ of\b
      | \b(?:your|ur)\ (?:whole\ |entire\ )?(?:memory|memories|records|knowledge)\b | \b(?:our|this|that|the)\ (?:last\ |whole\ |entire\ )?(?:conversation|chat|exchange|confession)\b""",
    re.VERBOSE,
)
_OWN_NOUN = r"""(?:(?:home|street|e-?mail|phone|cell|mobile|real|full|last|first|middle|bank|health|medical|work|old|new|current|actual|exact)\s)*
    (?:address|name|surname|salary|income|wage|number|phone|e-?mail|birthday|bday|dob|birth\ ?date|age|weight|height|diagnosis|health|meds|medication|medications|ex|boyfriend|girlfriend|husband|wife
    |location|job|employer|company|schedule|plans?|details|info|information|condition|illness|therapist|therapy|religion|politics|debts?|bank|kids?|children|family|pregnancy|divorce
    |affair|crush|orientation|sexuality|school|neighbou?rhood|whereabouts|history|problems?|secret|confession|finances|money\ stuff|data|test\ results|results)"""
PERSONAL = re.compile(
    rf"^(?:about\s)?(?:my|our|his|her|their)\s(?:\w+'s\s|\w+\s)?{_OWN_NOUN}(?:\b(?!\s(?:from|off|on|in|to)\b)).{{0,30}}$|^(?:the|any)\s{_OWN_NOUN}$|^(?:what|where|when|who|how\ \w+)\s(?:i|we)\b",
    re.VERBOSE,
)
FORGETTABLE = re.compile(
    rf"^(?:(?:all\ )?(?:about|abt|bout)\s)?(?:my|our|what(?!\ you\b)|who|where|which|how\ (?:much|old|many|i|my)|why\ i|i|we|that\ (?:i|i'm|i've|my|we|he|she|the|they|there))\b|^(?:about\s)?the\s{_OWN_NOUN}\b|^(?:about\s)?(?:the|that)\s[\w']+(?:\s[\w']+)?\s(?:thing|stuff|business|bit|part|story)\b",
    re.VERBOSE,
)
INDIRECT = re.compile(
    r"""(?:all\s|exactly\s|just\s)?(?:(?:who|whom|where|when|which|whose|how\s(?:much|many|often|old|long))\b[^.!?\n]{0,40}\b(?:i|i'm|my|we|we're|our)\b
      |what\s(?:i|we|my\s\w+)\s(?:earn|make|weigh|owe|pay|take|do|did|have|am|suffer|see|feel|think|believe|get\ paid)s?\b)""",
    re.VERBOSE,
)
"""Who I see, where we live: what is asked indirectly is something known, whatever is to be done with it."""
SAID_FIRST = re.compile(
    rf"""\b(?P<named>(?:anything|everything|whatever|what|all(?:\ of)?(?:\ that|\ the\ \w{{1,12}})?|(?:the|any|that|those)\ (?:stuff|things?|parts?|bits?|details?|story|info))
        \s(?:that\s)?i(?:'ve|'d)?(?:\s(?:have|just|had|ever|already|also|once))*\s{_SPOKE}\b[^.!?;\n]{{2,140}}?)
      [\s,—-]{{1,3}}(?:(?:please|pls|plz|just|can\ you|could\ you|would\ you|you\ can|you\ should|let's|now|also|kindly)[\s,]{{1,2}}){{0,3}}
      (?:forget|delete|erase|scrub|strike|nuke|wipe|expunge|remove|redact|purge|clear|drop|lose|get\ rid\ of|take\ out|ditch|trash|throw\ away)(?:\ (?:out|off|away))?
      \s(?:all\ of\ )?(?:it|that|this|them|those|the\ lot)\b(?:\ (?:all|out|off|away|please|for\ good|completely))*""",
    re.VERBOSE,
)
"""What was said is named first, in a list or not, and the order behind it points back: "all I told you about X, drop it"."""
NAMED_BEFORE = re.compile(
    r"""(?:^|[.!?;\n]\s{0,3}|,\s|\b(?:ok|and|so|also|oh|hey|btw)\s)
    (?P<named>(?:all\s|everything\s|anything\s)?(?:about\s)?(?:that|the|this|those|these|all|my|our|his|her|their|what|everything|anything)\b[^.!?;,\n]{2,60})[.,!?:;\s—-]{1,4}$""",
    re.VERBOSE,
)
TOLD = re.compile(
    r"""(?<!\bi\s)(?<!\bwe\s)(?<!\bi've\s)(?<!\bi\sjust\s)\b(?:is|are|was|were|am|has|have|had|will|would|can|could|do|does|did|went|got|came|lives?|works?|said|says
      |thinks?|likes?|wants?|needs?|died|left|broke|made|took)\b|'(?:s|re|m|ll|d)\s(?:a|an|the|in|at|on|not|so|my)\b""",
    re.VERBOSE,
)
"""A verb of its own: the words before tell something instead of naming it."""
NOTED = re.compile(r"(?:the|that|this|these|those)\s\w")
IDIOM = re.compile(
    r"(?:about\s)?(?:it|him|her|them|you|dinner|lunch)(?!\sall\b)\b|(?:this|that)\s(?:shit|crap|noise|guy)\b"
)
NEVER_MIND = re.compile(
    r"[\s,!.\-]{0,4}(?:(?:so|and|ok)\s)?(?:let'?s|lets|i'll\ just|we'll\ just|how\ about|what\ about|shall\ we)\b",
    re.VERBOSE,
)
EVERYTHING = re.compile(
    rf"""(?:about\s)?(?:everything|all|all\ of\ it|it\ all|(?:absolutely\ )?(?:everything|all|anything|whatever|what|all\ (?:of\ )?the\ (?:stuff|things|info|data|details)|(?:any|all)\ (?:info|data|information|my\ data))
      (?:\sthat)?(?:\s{_YOU}(?:'ve|\shave)?\s?(?:ever\s)?(?:know|knew|have|got|remember|stored|saved|learned|learnt|kept|collected)?)?(?:\s(?:about|on|of)\s(?:me|us))
      |(?:everything|all|whatever|what|anything)(?:\sthat)?\s{_YOU}(?:'ve|\shave)?\s?(?:ever\s)?(?:know|have|got|remember|stored|saved|learned|kept)
      |(?:everything|all|anything)(?:\sthat)?\si(?:'ve|\shave)?(?:\sever)?\s(?:said|told\s{_YOU}|mentioned|shared)(?:\sto\s{_YOU}|\swith\s{_YOU})?(?:\sabout\s(?:me|myself))?
      |(?:all\s)?(?:of\s)?(?:your\s|the\s)?(?:whole\s|entire\s)?memor(?:y|ies)(?:\s(?:of|about)\s(?:me|us))?|all\ about\ me|me|my\ data)""",
    re.VERBOSE,
)
THAT = re.compile(
    rf"""(?:about\s)?(?:that|this|it|these|those|(?:this|that|our|the)\ (?:last\ |whole\ |entire\ )?(?:conversation|chat|exchange)|(?:any|all|none)\ of\ (?:that|this|it)|(?:that|this)(?:\ last)?\ (?:one|part|bit|thing|stuff|message|detail|info|conversation|chat|fact)
      |(?:the|my)\ last\ (?:one|part|bit|thing|message|few\ messages)(?:\si\ said)?|what\ i(?:'ve)?(?:\ have)?(?:\ just)?\ (?:said|told\s{_YOU}|wrote|mentioned|typed)
      |(?:everything|anything|all)\ i\ just\ (?:said|told\s{_YOU})|(?:that\ )?i(?:\ just|\ ever|\ even)?\ (?:said|told\s{_YOU}|mentioned)\ (?:that|this|it|anything|any\ of\ (?:this|that)|something)
      |(?:the\ )?(?:previous|above)(?:\ (?:message|part))?|anything|a\ (?:thing|word)|a\ word\ of\ (?:this|that|it))(?:\s(?:earlier|before|just\ now|above|there|here))?""",
    re.VERBOSE,
)
OPENING = re.compile(
    rf"""(?:about\s)?(?:(?:absolutely\s)?(?:everything|anything|all(?:\ (?:of\ )?the\ \w+)?|whatever|what|that\ (?:bit|part|thing|stuff|story)|(?:the|this|any|all|every|your|our)\ (?:whole\ |entire\ |last\ )?(?:bits?|parts?|things?|stuff|details?
          |story|info|information|mentions?|memory|memories|facts?|notes?|conversation|chat|messages?|traces?|records?|data))
        (?:\s(?:that\s)?(?:i|we|you|u)(?:'ve|'d)?(?:\s(?:just|have|had|ever|once|already|also|might\ have|may\ have))*\s?(?:{_SPOKE}|know|knew|have|stored|saved|remember|learned|got|kept|hold|noted|discussed|recorded)
          (?:\s(?:you|u|to\ you|with\ you|down|earlier|before|yesterday|last\ \w+|today))*)?\s(?:about|on|of|regarding|concerning|related\ to|where)\s
      |(?:an?|any|the|all)\s(?:records?|traces?|notes?|mentions?)\s(?:of|about)\s|(?:that\s)?i(?:'ve)?(?:\s(?:ever|just|even|have))*\s(?:said|told|mentioned)\s(?:(?:you|u)\s)?(?:anything\s)?(?:about\s)?(?=\w)
      |that\s(?=i\b|i'm|my\b|we\b|he\b|she\b|the\b|they\b|there\b)|(?:all\s)?(?:about|abt|bout)\s|on\s|of\s)""",
    re.VERBOSE,
)
EDITING = re.compile(
    r"""\b(?:documents?|docs?|draft|essay|e-?mails?|letter|code|files?|folders?|list|lists|slides?|paragraphs?|para|sections?|chapters?|scripts?|text|cv|resume|article|report|lines?|functions?
      |columns?|rows?|tables?|sheet|spreadsheet|page|pages|readme|config|branch|commits?|repo|sentences?|words?|commas?|recipe|account|apps?|photos?|pictures?|images?|videos?|screenshots?|posts?
      |tweets?|blog|songs?|playlist|subscription|events?|calendar|cells?|class|method|variables?|tests?|cache|cookies|footnotes?|title|headings?|bullets?|sugar|salt|fridge|freezer|drawer|oven|cart
      |basket|stains?|desktop|usb|disk|pdf|meeting|calls?|games?|tickets?|orders?|query|database|queue|container|docker|password\ manager|cloud|contacts|emoji|emojis|intro|ending|poem)\b""",
    re.VERBOSE,
)
KEEPS = tuple(
    re.compile(pattern, re.VERBOSE)
    for pattern in (
        r"(?P<except>\b(?:except(?:\ for)?|apart\ from|other\ than|aside\ from|everything\ but|all\ but)|除了)\s?(?P<keep>[^.,;!?\n，。！？；]{1,60}?)(?=之外|以外|外|[.,;!?\n，。！？；]|\s-|\splease|\sthanks|$|其他|都|全)",
        r"(?<!n't\ )(?<!not\ )(?<!dont\ )(?<!never\ )(?<!to\ )(?<!i\ )\b(?:keep|leave|retain|hold\ on\ to|remember)\s(?P<keep>(?!(?:that|this|it)\ (?:out|between|off))(?:the|my|our|that|what|where|everything|anything|only)\b(?![^.,;!?\n]{0,40}\ out\ of)[^.,;!?\n(]{0,50}?)(?=\s(?:though|tho|please|pls|thanks|ok|as\ is|in\ there|of\ course)\b|[.,;!?\n(]|\s-|$)",
        r"\b(?P<keep>(?:the|my)(?:\s\w+){1,4}?)\s(?:can\ stay|is\ fine|is\ ok|are\ fine|are\ ok|stays|stay|can\ remain|should\ stay)\b",
        r"(?:但是?|不过|可是|只是|只有|就)?(?P<keep>[^，。！,.!?？；\s]{1,14}?)(?:就|可以|还是|还|要|继续|倒|帮我|给我|请|能|得|你)*(?:留着|保留|留下来?|别删|不用删|不要删|照记|可以留|继续记|接着记|记着就行)(?!我)",
        r"(?:留着|(?<!别)(?<!要)(?<!用)保留|只留|只保留|只记)(?P<keep>[^，。！,.!?\s]{1,14}?)(?=就行|就好|吧|即可|[，。！,.!?\s]|$)",
    )
)
