"""Whom a statement is about, and which names it mentions.

A subject is "user", a relation ("sister", "sister's new boss"), a name, or empty where a statement is about nobody in
particular. A pronoun stands for the last person spoken of who fits.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass, field

_FEMALE = set(
    "mum mom mummy mommy mam mama mother sister sis daughter wife girlfriend fiancée fiancee aunt auntie aunty niece gran granny nan nana nanna grandma"
    " grandmother granddaughter great-grandmother great-aunt godmother goddaughter landlady mother-in-law sister-in-law daughter-in-law stepmum stepmom"
    " stepmother stepsister stepdaughter half-sister missus bride widow".split()
)
_MALE = set(
    "dad daddy papa father brother bro son husband hubby boyfriend fiancé fiance uncle nephew grandad granddad grandpa gramps grandfather grandson"
    " great-grandfather great-uncle godfather godson landlord father-in-law brother-in-law son-in-law stepdad stepfather stepbrother stepson half-brother groom"
    " widower".split()
)
_RELATIONS = sorted(
    _FEMALE
    | _MALE
    | set(
        "parents parent kid child children baby toddler twin twins partner spouse ex cousin godchild grandchild grandparents in-laws sibling stepchild"
        " boss manager supervisor colleague coworker co-worker teammate deskmate employee assistant intern trainee apprentice client customer neighbour neighbor"
        " roommate flatmate housemate roomie lodger tenant friend mate bestie pal teacher tutor lecturer professor coach trainer instructor mentor PI student pupil"
        " doctor dentist vet therapist counsellor counselor physio midwife nurse carer optician solicitor lawyer accountant builder plumber electrician"
        " mechanic gardener cleaner hairdresser barber nanny babysitter childminder dog cat puppy kitten rabbit hamster snail horse pony parrot budgie"
        " tortoise goldfish ferret guinea-pig hen chicken".split()
    )
)


def _by_first_letter(words: Sequence[str]) -> str:
    """An alternation of words, the longer first, that looks at one letter before it tries any."""
    groups: dict[str, list[str]] = {}
    for word in sorted(words, key=len, reverse=True):
        groups.setdefault(word[0], []).append(re.escape(word[1:]))
    return "|".join(f"{first}(?:{'|'.join(rest)})" for first, rest in groups.items())


_RELATION = _by_first_letter(_RELATIONS)
_MY = re.compile(
    rf"\b(?:my|our)\s+((?:\w+\s+){{0,2}}?(?:{_RELATION})\b(?:['’]s\s+(?:\w+\s+){{0,2}}?(?:{_RELATION})\b)*)",
    re.IGNORECASE,
)
_BARE = re.compile(
    rf"^\W*(?:(?:and|but|so|also|oh|anyway|btw|apparently|turns out)[\s,]+)?(?:the\s+)?((?:{_RELATION})(?:['’]s\s+(?:\w+\s+)?(?:{_RELATION}))*)(?=['’]s\b|\s+(?:and|is|isn't|was"
    r"|wasn't|has|hasn't|had|will|won't|would|can|can't|could|should|must|might|may|does|doesn't|did|didn't|\w+ed|\w+(?<!s)s|says|said|went|came|got|made|took|gave|saw|left|lost|won"
    r"|fell|broke|found|bought|sold|sent|kept|wants|thinks|just|still|also|never|always|finally|already)\b)",
    re.IGNORECASE,
)
"""Mum says, the boss wants: a relation that begins a sentence and has a verb of its own."""
_ZH_RELATIONS = (
    "妈妈 爸爸 母亲 父亲 老妈 老爸 爸妈 爹妈 父母 妈 爸 爹 娘 哥哥 姐姐 弟弟 妹妹 大哥 二哥 大姐 二姐 小弟 小妹 哥 姐 弟 妹 奶奶 爷爷 外婆 外公 姥姥 姥爷 奶 爷 "
    "老公 老婆 媳妇 先生 太太 爱人 丈夫 妻子 儿子 女儿 闺女 孩子 娃 老大 老二 双胞胎 孙子 孙女 外孙 外孙女 对象 男朋友 女朋友 男友 女友 未婚夫 未婚妻 初恋 前任 前夫 前妻 "
    "前男友 前女友 大姑 二姑 小姑 姑姑 姑妈 姑父 大姑父 舅舅 大舅 小舅 舅妈 大伯 伯伯 伯父 伯母 二叔 三叔 小叔 叔叔 婶婶 婶子 阿姨 大姨 小姨 老姨 姨妈 姨父 姨夫 表哥 "
    "表姐 表弟 表妹 堂哥 堂姐 堂弟 堂妹 侄子 侄女 外甥 外甥女 嫂子 姐夫 妹夫 弟媳 弟妹 婆婆 公公 公婆 岳父 岳母 丈人 丈母娘 女婿 儿媳 亲家 继父 继母 后妈 后爸 干妈 干爹 室友 "
    "舍友 同桌 同学 同事 同屋 搭档 合伙人 老板 领导 上司 主管 经理 组长 班主任 导师 老师 教练 师傅 徒弟 师兄 师姐 学长 学姐 学弟 学妹 闺蜜 哥们 发小 朋友 网友 邻居 房东 房客 租客 "
    "客户 甲方 医生 大夫 护士 保姆 月嫂 阿姨 律师 中介 司机 猫 狗 兔子 仓鼠 乌龟 鹦鹉"
).split()
_ZH_MALE = re.compile("(?:[爸父哥弟爷叔舅伯爹夫婿公]|儿子|先生|男朋友|男友|丈人|孙子|侄子|师兄|学长)$")
_ZH_FEMALE = re.compile("[妈母姐妹奶婆姑姨婶嫂娘妻媳]|姥姥|女儿|闺女|闺蜜|太太|女朋友|女友|孙女|侄女|甥女|保姆")
"""Looked for where the end of the word is no man's: 姑父 is one, 舅妈 is none."""
_ZH_RELATION = "|".join(sorted(_ZH_RELATIONS, key=len, reverse=True))
_ZH_MY = re.compile(rf"(?:我|咱|我们|我家|俺)(?:的|那个|那位|家)?({_ZH_RELATION})")
_ZH_BARE = re.compile(rf"(?:^|[，。！？,;；\s])({_ZH_RELATION})(?![们的])")
_ZH_WITH = re.compile(rf"(?:^|[跟和给让找陪帮带问替把被是，。！？,;；\s])({_ZH_RELATION})(?![们的])")
_SURNAMES = "王李张刘陈杨黄赵周吴徐孙马朱胡郭何高林罗郑梁谢宋唐许韩冯邓曹彭曾肖田董袁潘于蒋蔡余杜叶程苏魏吕丁任沈姚卢姜崔钟谭陆汪范金石廖贾夏韦付方白邹孟熊秦邱江尹薛闫段雷侯龙史陶黎贺顾毛郝龚邵万钱严覃武戴莫孔向汤"
_ZH_CALLED = (
    rf"((?:[小老阿][{_SURNAMES}]|[{_SURNAMES}](?:总|工|姐|哥|叔|姨|嫂|爷爷|奶奶|阿姨|师傅|老师|教授|经理|主任|组长|医生|大夫|律师))"
    r"(?![时候心说区路圆块头菜虾湖鱼瓜豆]))"
)
_ZH_PERSON = re.compile(rf"(?:^|[，。！？,;；\s]){_ZH_CALLED}")
_ZH_PERSON_WITH = re.compile(rf"(?:^|[跟和给让找陪帮问被是，。！？,;；\s]){_ZH_CALLED}")
"""小李, 王老师: a surname with what one is called by."""
_ZH_NAME = re.compile(
    r"(?:叫|名叫|名字是|名字叫|昵称|外号|小名|大名|我叫他|我叫她)[\"“「]?([\u4e00-\u9fff]{1,4}|[A-Z][\w-]+)"
)
_NAME_WORD = r"(?:Mc|Mac|O['’])?[A-ZÀ-ÖØ-Þ][\wÀ-ÿ]*(?:-\w+)?"
_NAME = re.compile(
    rf"(?<![\w@#/'’.])({_NAME_WORD}(?:\s+(?:(?:de|van|von|der|la|le|di)\s+)?{_NAME_WORD})*(?:\s+[A-Z]\b)?)"
)
_PLACE = re.compile(
    rf"\b(?:in|at|near|around|via|into|visit(?:ed|ing|s)?|(?:mov\w+|go(?:ing|es)?|went|travel\w*|fl(?:y|ies|ew|ying)|dr(?:ive|ove)"
    rf"|back|trip|relocat\w+)\s+to)\s+(?P<name>{_NAME_WORD}(?:\s+{_NAME_WORD})*)"
)
_NOT_NAMES = set(
    "i i'm i've i'd i'll im ok okay lol monday tuesday wednesday thursday friday saturday sunday january february march april "
    "may june july august september october november december mon tue wed thu fri sat sun christmas easter xmas english "
    "french german spanish chinese japanese korean italian dutch the a an my we he she it they you this that these those "
    "and but so or if when what where who why how yes no not also anyway then there here thanks thank please sorry oh "
    "well wow haha just still only even maybe now today tomorrow yesterday tonight its it's is are was were do does did "
    "has have had can could will would should for from with without in on at to of by as up out off over after before "
    "because since until till while though although however meanwhile never always every each some any all both few more "
    "most much many other another such own same than too very one two three four five six seven eight nine ten first "
    "second third last next new old good great nice best happy our your his her their me him us them mine dad mum mom "
    "tv pdf gp gif uk us usa eu gps usb dvd cd ceo cfo pi phd gcse id faq diy asap fyi btw omg tbh imo ps am pm".split()
)
_PRONOUN = re.compile(
    r"^\W*(?:and|but|so|also|anyway|btw|well|oh|then|apparently|turns out)?[\s,]*(?P<word>he|she|they|it)(?:['’]s|['’]d|['’]ll|['’]ve)?\b",
    re.IGNORECASE,
)
_ZH_PRONOUN = re.compile(r"^\W*(?:然后|不过|但是?|而且|另外|还有|反正)?(?P<word>他们?|她们?|它)")
_OTHERS_FIRST = re.compile(
    rf"^\W*(?:and|but|so|also|oh|anyway|btw)?[\s,]*(?:the\s+)?(?P<name>{_NAME_WORD}(?:\s+[A-Z]\b)?)(?:['’]s\b)?(?=\s+[a-z]|['’]s\b)"
)
_OPENS_SENTENCE = re.compile(r"(?:^|[.!?\n:]\s{0,2})([A-ZÀ-ÖØ-Þ][\wÀ-ÿ-]*)(?=[\s,.!?]|$)")
_DOES = re.compile(
    r"""(?:['’]s\b|\s+(?:and\s+[A-Z]\w*\s+)?(?:(?:also|just|still|never|always|really|already|apparently|only)\s+)?(?:is|isn't|was|wasn't|has|hasn't|had|will|won't|would|can|can't|could|should|must|might|may|does|doesn't|did|didn't
      |went|came|got|said|told|made|took|gave|saw|met|left|lost|won|fell|broke|found|bought|sold|sent|kept|became|began|grew|knew|ran|ate|drank
      |slept|spoke|wrote|thought|felt|held|brought|caught|taught|paid|put|let|quit|hit|cut|hurt|read|set|rang|sang|swam|flew|drove|rode|chose|stole
      |wore|threw|stood|sat|heard|built|spent|shot|\w+ed|\w+(?<!s)s)\b)""",
    re.VERBOSE,
)
"""What a name at the beginning of a sentence is followed by: a verb of the third person or of the past."""
_ANY_PRONOUN = re.compile(r"\b(?:he|she)\b|[他她]", re.IGNORECASE)
_ELLIPSIS = re.compile(
    r"^\W*(?:back|off)\s+(?:from|in|to|on|at|home)\b|^\W*(?:\w+[,!.:]?\s+){0,2}?(?:\w{2,}ed|quit|cut|hurt|ran|ate|drank|gave|told|kept|felt|slept|woke|broke|fell|spent|paid|"
    r"caught|taught|chose|wrote|drove|rode|flew|swam|sang|spoke|wore|threw|stood|sat|heard|built|got|went|had|bought|sold|took|sent|left|did|made|met|found|came|lost|won|saw|been|moving|"
    r"going|getting|having|doing|working|waiting|taking|thinking|trying|need|want|love|hate|can't|cannot|won't|not)\b|^[^a-zA-Z]+$",
    re.IGNORECASE,
)
_ELLIPSIS_VERB = re.compile(
    r"[a-z]{2,}ed|got|went|had|bought|sold|took|sent|left|did|made|met|found|came|lost|won|saw|been|moving|going|getting"
    r"|having|doing|working|waiting|taking|thinking|trying",
    re.IGNORECASE,
)
"""What begins a sentence whose subject is left out, capital letter or not."""
_MINE = re.compile(r"^\W*(?:my|our)\s+\w", re.IGNORECASE)
_SELF = re.compile(r"\b(?:i|i'm|im|i've|i'd|i'll|we|we're|we've|me)\b|[我咱俺]", re.IGNORECASE)


@dataclass(slots=True)
class Company:
    """The people spoken of so far in a conversation, the latest last; what a pronoun may stand for."""

    people: list[tuple[str, str]] = field(default_factory=list)

    def mention(self, name: str, gender: str = "") -> None:
        """Somebody was spoken of; a gender that is known stays known."""
        gender = gender or next((known for other, known in self.people if other == name), "")
        self.people = [each for each in self.people if each[0] != name][-7:]
        self.people.append((name, gender))

    def knows(self, name: str) -> bool:
        """Whether somebody of this name was spoken of."""
        return any(name == other for other, _ in self.people)

    def meant_by(self, pronoun: str) -> str | None:
        """Whom a pronoun stands for: the last one spoken of that fits it."""
        wanted = {"he": "m", "him": "m", "his": "m", "她": "f", "他": "m", "she": "f", "her": "f"}.get(
            pronoun.lower(), ""
        )
        fitting = [name for name, gender in self.people if gender == wanted] if wanted else []
        unknown = [name for name, gender in self.people if not gender or not wanted]
        found = fitting or unknown
        return found[-1] if found else None


def subject_of(text: str, company: Company, *, speaker: str) -> str:
    """Whom the statement is about: `speaker` where it is the one who talks."""
    mine = _MY.search(text) or _ZH_MY.search(text)
    own = _SELF.search(text)
    if mine and (own is None or mine.start() <= own.start()):
        return _relation(mine.group(1), company)
    pronoun = _PRONOUN.match(text) or _ZH_PRONOUN.match(text)
    if pronoun and pronoun["word"].lower() not in ("it", "它"):
        return company.meant_by(pronoun["word"]) or ""
    named = _OTHERS_FIRST.match(text)
    name = _trimmed(named["name"]) if named else ""
    if (
        named
        and name
        and (company.knows(name) or _is_somebody(name, text[named.end("name") :]))
        and not _ELLIPSIS_VERB.fullmatch(name)
        and (own is None or own.start() > named.start("name"))
    ):
        company.mention(name)
        return name
    begins = _BARE.match(text)
    if begins:
        return _relation(begins.group(1), company)
    if _MINE.match(text):
        return speaker
    bare = _ZH_BARE.search(text) or _ZH_PERSON.search(text)
    if bare and (own is None or bare.start() < own.start()):
        return _relation(bare.group(1), company)
    somebody = _ANY_PRONOUN.search(text)
    if somebody and own is None and (meant := company.meant_by(somebody.group())):
        return meant
    return speaker if own or _ELLIPSIS.search(text) else ""


def names_in(text: str) -> tuple[str, ...]:
    """Names that a text mentions: capitalised words that are no others, relations, and what is called something."""
    found = [match.group(1) for match in _NAME.finditer(text)]
    found = [_trimmed(name) for name in found]
    found += [match.group(1) for pattern in (_ZH_NAME, _ZH_MY, _ZH_PERSON_WITH) for match in pattern.finditer(text)]
    found += [match.group(1).split()[-1].lower() for match in _MY.finditer(text)]
    return tuple(dict.fromkeys(name for name in found if name and name.lower() not in _NOT_NAMES))


def notice(text: str, company: Company) -> None:
    """Take note of the people that a text speaks of."""
    for match in _MY.finditer(text):
        _relation(match.group(1), company)
    for pattern in (_ZH_MY, _ZH_WITH, _ZH_PERSON_WITH):
        for match in pattern.finditer(text):
            _relation(match.group(1), company)
    places = {_trimmed(match.group("name")) for match in _PLACE.finditer(text)}
    opening = {
        match.group(1)
        for match in _OPENS_SENTENCE.finditer(text)
        if not _is_somebody(match.group(1), text[match.end() :][:24])
    }
    for name in names_in(text):
        if name in opening and not company.knows(name) and text.count(name) == 1:
            continue  # "Tissues in the left pocket" has a capital and is nobody
        if name not in places and (name[:1].isupper() or "\u4e00" <= name[:1] <= "\u9fff"):
            company.mention(name)


def _is_somebody(name: str, after: str) -> bool:
    """Whether a capital at the beginning of a sentence is a name's: of two words, or with a verb of its own."""
    return " " in name or _DOES.match(after) is not None


def _relation(words: str, company: Company) -> str:
    company.mention(words, _gender(words.lower().split()[-1]))
    return words


def _gender(relation: str) -> str:
    if relation in _MALE or _ZH_MALE.search(relation):
        return "m"
    return "f" if relation in _FEMALE or _ZH_FEMALE.search(relation) else ""


def _trimmed(name: str) -> str:
    """A name without the ordinary words that a sentence began with."""
    words = name.split()
    first, end = 0, len(words)
    while first < end and words[first].lower().strip("'’") in _NOT_NAMES:
        first += 1
    while first < end and words[end - 1].lower() in _NOT_NAMES and len(words[end - 1]) > 1:
        end -= 1
    return " ".join(words[first:end])


def known_people(company: Company) -> Sequence[str]:
    """Names, the latest last."""
    return [name for name, _ in company.people]
