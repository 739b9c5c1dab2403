"""A prompt only grows from turn to turn, until what it tells was forgotten or no longer holds."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from datetime import UTC, datetime, timedelta
from itertools import pairwise

import pytest

from memstrata import Memory
from memstrata.chat import Chat
from memstrata.chat import ledger as ledgers
from memstrata.core.tokens import estimated_tokens
from memstrata.core.turns import text_of
from memstrata.testing.chat_models import ScriptedChatModel
from memstrata.types import Json

NOON = datetime(2026, 3, 3, 12, tzinfo=UTC)
PAST = (
    "The boiler man comes on 3 March at nine.",
    "Ana's violin lesson moved to Thursdays.",
    "The blue bicycle is at Rob's workshop.",
    "我的护照放在书房的抽屉里。",
)
QUESTIONS = (
    "When does the boiler man come?",
    "When is Ana's violin lesson?",
    "Where is the blue bicycle?",
    "护照在哪里？",
)
Messages = list[Mapping[str, Json]]


@pytest.fixture
def memory() -> Iterator[Memory]:
    with Memory(":memory:", embedder="none", worker="none", clock=lambda: NOON) as memory:
        memory.add(["I live in Ghent.", "Please always answer in French."], user_id="ann", run_id="old", wait=True)
        for number, text in enumerate(PAST):
            memory.add(text, user_id="ann", run_id=f"past {number}", timestamp=NOON - timedelta(days=9), wait=True)
        yield memory


class Talk:
    """A client that sends the whole conversation each time, as chat clients do."""

    def __init__(self, memory: Memory, *, max_tokens: int = 130) -> None:
        self.model = ScriptedChatModel(usual="Voilà.")
        self.chat = Chat(memory, self.model)
        self.messages: Messages = [{"role": "system", "content": "Be brief."}]
        self.max_tokens = max_tokens

    def say(self, text: str) -> str:
        """Ask, and return the prompt that the model got, one line a message."""
        self.messages.append({"role": "user", "content": text})
        answer = self.chat(self.messages, user_id="ann", run_id="now", max_tokens=self.max_tokens)
        self.messages.append({"role": "assistant", "content": answer.text})
        return spelt(self.model.asked[-1])


def spelt(messages: Sequence[Mapping[str, Json]]) -> str:
    return "".join(f"\n{each['role']}: {text_of(each.get('content'))}" for each in messages)


def test_each_prompt_begins_with_the_one_before_and_tells_nothing_twice(memory: Memory) -> None:
    talk = Talk(memory)
    prompts = [talk.say(question) for question in QUESTIONS]
    for before, after in pairwise(prompts):
        assert after.startswith(before)
    for text, prompt in zip(PAST, prompts, strict=True):
        assert text in prompt
        assert prompts[-1].count(text) == 1
    assert PAST[1] not in prompts[0]
    assert prompts[-1].index("I live in Ghent") < prompts[-1].index(QUESTIONS[0])


@pytest.mark.parametrize("how", ["forget", "retire"])
def test_what_was_forgotten_or_no_longer_holds_is_not_told_any_more(memory: Memory, how: str) -> None:
    talk = Talk(memory)
    assert PAST[0] in talk.say(QUESTIONS[0])
    if how == "forget":
        (episode,) = memory.episodes(user_id="ann", run_id="past 0").episodes
        memory.forget(episode.id, user_id="ann")
    else:
        (fact,) = (fact for fact in memory.facts(user_id="ann", limit=50) if "boiler" in fact.text)
        memory.retire(fact.id, user_id="ann")
    assert PAST[0] not in talk.say(QUESTIONS[1]).partition(QUESTIONS[0])[0]
    prompt = talk.say(QUESTIONS[2])
    assert prompt.startswith(spelt(talk.model.asked[-2]))


def test_a_context_leaves_out_what_is_seen_and_numbers_go_on(memory: Memory) -> None:
    first = memory.context(QUESTIONS[0], user_id="ann", max_tokens=60, items=("fact", "episode"))
    seen = [hit.item.id for hit in first.hits]
    assert "[1] " in first.text
    more = memory.context(QUESTIONS[1], user_id="ann", max_tokens=60, items=("fact", "episode"), seen=seen)
    assert f"[{len(seen) + 1}] " in more.text
    assert "[1] " not in more.text
    assert not set(seen) & {hit.item.id for hit in more.hits}
    assert more.tokens <= 60
    everything = [*seen, *(hit.item.id for hit in memory.search(QUESTIONS[0], user_id="ann", limit=99))]
    facts = [fact.id for fact in memory.facts(user_id="ann", limit=99)]
    assert memory.context(QUESTIONS[0], user_id="ann", max_tokens=60, seen=[*everything, *facts]).text == ""


def test_another_conversation_or_user_gets_nothing_of_it(memory: Memory) -> None:
    memory.add("Rob's workshop is closed on Mondays.", user_id="ben", wait=True)
    talk = Talk(memory)
    talk.say(QUESTIONS[0])
    model = ScriptedChatModel(usual="Voilà.")
    Chat(memory, model)(talk.messages[:2], user_id="ben", run_id="now")
    assert "boiler man comes" not in spelt(model.asked[0])


def test_a_conversation_that_was_told_too_much_begins_anew(memory: Memory, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(ledgers, "MOST_BUDGETS", 0.2)
    talk = Talk(memory)
    first, second = talk.say(QUESTIONS[0]), talk.say(QUESTIONS[1])
    assert PAST[0] in first
    assert estimated_tokens(PAST[0]) > 0
    assert not second.startswith(first)


def test_the_ledger_forgets_the_longest_unused(memory: Memory, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(ledgers, "MOST_TURNS", 2)
    talk = Talk(memory)
    prompts = [talk.say(question) for question in QUESTIONS]
    assert len(talk.chat._ledger._entries) == 2
    assert PAST[0] not in prompts[-1].partition(QUESTIONS[0])[0]


def test_in_incognito_nothing_is_told_of_earlier_turns(memory: Memory) -> None:
    talk = Talk(memory)
    talk.say(QUESTIONS[0])
    talk.messages.append({"role": "user", "content": QUESTIONS[1]})
    talk.chat(talk.messages, user_id="ann", run_id="now", mode="incognito")
    assert "violin lesson moved" not in spelt(talk.model.asked[-1])
    assert PAST[0] not in spelt(talk.model.asked[-1])
