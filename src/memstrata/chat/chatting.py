"""`Chat`: a model that remembers. It recalls, has the model answer, and keeps what was said.

Whatever the memory does, the answer comes, and says in `degraded` what was missing. Whatever the model does, the
user's turn is kept. In incognito mode nothing is read, nothing is kept and nothing is logged.
"""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, TypeVar, get_args

from memstrata.chat.attaching import LocalAnswers, Reading, Served, Told
from memstrata.chat.ledger import Entry, Ledger, shown_in
from memstrata.chat.prompting import Prompt
from memstrata.chat.recalling import Recollection, recollect
from memstrata.chat.remembering import Conversation, Conversations
from memstrata.chat.tools import MemoryTool, call_tool, definitions, is_memory_tool
from memstrata.core.messages import checked_scope
from memstrata.core.records import Piece, ToolCall
from memstrata.core.replies import Reply
from memstrata.core.requests import checked_limit
from memstrata.core.telling import DEFAULT_TOKENS
from memstrata.core.tokens import Tokenizer, estimated_tokens
from memstrata.core.turns import ChatMode, question_of, turns_of_chat
from memstrata.errors import InvalidInput, MemstrataError
from memstrata.memory import Memory
from memstrata.models.resolve import attachable, resolve_chat_model
from memstrata.ports import ChatModel
from memstrata.settings import Settings
from memstrata.types import Hit, Json, Receipt, Scope

ROUNDS = 4
"""How often a model may look into past chats before it has to answer."""
ChatMessages = str | Sequence[Mapping[str, Json]]
T = TypeVar("T")


@dataclass(frozen=True, slots=True, kw_only=True)
class Answer:
    """What the model said, and what it was told of the memory.

    `hits`: the sources used, facts and episodes. `calls`: calls of the application's own tools that the model asks
    for; give their results back as messages of the role tool. `receipt`: what was kept of the user's turn, None where
    nothing was. `looked_up`: calls of the memory's tools. `served`: by which tier each of the hits reached the model,
    and `reading` what was read and what was attached instead; both of a model on this machine only. `degraded`: what
    was missing.
    """

    text: str
    run_id: str | None
    mode: ChatMode
    hits: tuple[Hit, ...] = ()
    calls: tuple[ToolCall, ...] = ()
    looked_up: tuple[ToolCall, ...] = ()
    receipt: Receipt | None = None
    served: tuple[Served, ...] = ()
    reading: Reading | None = None
    degraded: tuple[str, ...] = ()


class Chat:
    """A model with a memory: `Chat(memory, "openai:MODEL@URL")`, then `chat("...", user_id="ann").text`.

    `model`: a name, or a `ChatModel`. `tools`: which of `"search_past_chats"` and `"recent_chats"` the model may call.
    To a model on this machine (`"local:smollm2"`) what `Memory.promote` keeps is attached instead of being read;
    `passages=True` also attaches promoted episodes that recall picks, each as it was read alone, which is much cheaper
    and a little less exact than reading them together. Adapters that it was taught are attached where recall says that
    the question is about what they know; the text is told besides, and where it knows more, alone.
    Safe to use from several threads; the memory stays the caller's to close. Raises InvalidInput, ModelError.
    """

    def __init__(
        self,
        memory: Memory,
        model: str | ChatModel,
        *,
        tools: Sequence[MemoryTool] = (),
        passages: bool = False,
        tokenizer: Tokenizer = estimated_tokens,
        settings: Settings | None = None,
    ) -> None:
        known = settings or Settings.from_environment(os.environ)
        self._memory = memory
        self._model = resolve_chat_model(model, base_url=known.openai_base_url, api_key=known.openai_api_key)
        self._tools, self._count = definitions(tools), tokenizer
        self._conversations, self._ledger = Conversations(memory), Ledger(memory, count=tokenizer)
        self._local: LocalAnswers[Any] | None = None
        if attachable(self._model):
            attacher, adapters = memory.attacher(self._model), memory.adapter_attacher(self._model)
            self._local = LocalAnswers(self._model, attacher, adapters, passages=passages, count=tokenizer)

    def __call__(
        self,
        messages: ChatMessages,
        *,
        user_id: str | None = None,
        agent_id: str | None = None,
        app_id: str | None = None,
        run_id: str | None = None,
        mode: ChatMode = "read-write",
        max_tokens: int = DEFAULT_TOKENS,
        tools: Sequence[Mapping[str, Json]] = (),
    ) -> Answer:
        """Answer the last message, with what is remembered of the user, and remember it.

        `messages`: a text, or the conversation as chat APIs write it; it goes to the model as it is, with what stands
        in memory at the end of its system message and what is recalled before the question. Only what is new since the
        last answer is remembered, once. `run_id`: which conversation it is; without it that is found by the messages.
        `mode`: what may be done with the memory. `max_tokens`: the most that the model is told of the memory for one
        question. `tools`: the application's own, as chat APIs define them. Raises InvalidInput and MissingScope, and
        ModelError where the model fails.
        """
        given = self.stream(
            messages, user_id=user_id, agent_id=agent_id, app_id=app_id, run_id=run_id, mode=mode,
            max_tokens=max_tokens, tools=tools,
        )  # fmt: skip
        return given.answer()

    def stream(
        self,
        messages: ChatMessages,
        *,
        user_id: str | None = None,
        agent_id: str | None = None,
        app_id: str | None = None,
        run_id: str | None = None,
        mode: ChatMode = "read-write",
        max_tokens: int = DEFAULT_TOKENS,
        tools: Sequence[Mapping[str, Json]] = (),
    ) -> Stream:
        """The same, as words come: iterate, then ask for `answer()`. What was heard until a break is remembered."""
        if mode not in get_args(ChatMode):
            raise InvalidInput(f"mode is one of {', '.join(get_args(ChatMode))}, not {mode!r}")
        scope = checked_scope(user_id, agent_id, app_id, run_id)
        limit = checked_limit(max_tokens, what="max_tokens")
        return Stream(self._answer(_Call(scope, _spelt(messages), mode, limit, list(tools))))

    def _answer(self, call: _Call) -> Iterator[str | Answer]:
        """The words of the answer, then the answer."""
        turns = turns_of_chat(call.messages)
        given, earlier = Recollection(), dict[int, Entry]()
        degraded: list[str] = []
        if call.reads:
            present = self._conversations.present(call.scope, turns)
            question = question_of(turns)

            def recall() -> tuple[Recollection, dict[int, Entry]]:
                told = self._ledger.earlier(call.scope, call.messages, max_tokens=call.max_tokens)
                return recollect(
                    self._memory, call.scope, question, max_tokens=call.max_tokens,
                    present=present, shown=shown_in(told), count=self._count,
                ), told  # fmt: skip

            given, earlier = _tried(recall, "memory could not be read", degraded) or (given, earlier)
            degraded += given.degraded
            self._ledger.note(call.scope, call.messages, given.recalled, given.fresh)
        conversation, receipt = self._keep(call, degraded) if call.writes else (None, None)
        said: list[str] = []
        prompt = Prompt(messages=call.messages, earlier=earlier, given=given, max_tokens=call.max_tokens)
        asking = _Asking(self, call, prompt, conversation)
        try:
            for text in asking.words():
                said.append(text)
                yield text
        finally:
            if conversation is not None:
                reply, kept = Reply(text="".join(said)), conversation
                step = "the answer could not be remembered"
                _tried(lambda: self._conversations.remember_reply(kept, reply), step, degraded)
        yield Answer(
            text="".join(said),
            run_id=call.scope.run_id if conversation is None else conversation.run_id,
            mode=call.mode,
            hits=given.hits,
            calls=asking.handed_back,
            looked_up=tuple(asking.looked_up),
            receipt=receipt,
            served=asking.told.served,
            reading=asking.told.reading,
            degraded=tuple(dict.fromkeys((*degraded, *asking.told.degraded))),
        )

    def _keep(self, call: _Call, degraded: list[str]) -> tuple[Conversation | None, Receipt | None]:
        """The conversation, and what was kept of its new turns."""
        turns = turns_of_chat(call.messages)

        def keep() -> tuple[Conversation, Receipt | None]:
            conversation = self._conversations.find(call.scope, turns)
            return conversation, self._conversations.remember(conversation)

        return _tried(keep, "what was said could not be remembered", degraded) or (None, None)


class Stream:
    """An answer as it comes: iterate over its words; `answer()` is the whole, read to the end if need be."""

    def __init__(self, words: Iterator[str | Answer]) -> None:
        self._words = words
        self._answer: Answer | None = None

    def __iter__(self) -> Iterator[str]:
        for word in self._words:
            if isinstance(word, Answer):
                self._answer = word
            else:
                yield word

    def answer(self) -> Answer:
        """The whole answer. Raises ModelError where the model failed."""
        for _ in self:
            pass
        if self._answer is None:
            raise InvalidInput("the stream was closed, or failed, before its end")
        return self._answer

    def close(self) -> None:
        """Hear no more; what was heard is remembered."""
        close: Callable[[], None] = getattr(self._words, "close", lambda: None)
        close()


@dataclass(frozen=True, slots=True)
class _Call:
    """What a chat is asked."""

    scope: Scope
    messages: list[Mapping[str, Json]]
    mode: ChatMode
    max_tokens: int
    tools: list[Mapping[str, Json]]

    @property
    def reads(self) -> bool:
        return self.mode in ("read-write", "read-only")

    @property
    def writes(self) -> bool:
        return self.mode in ("read-write", "write-only")


class _Asking:
    """The rounds with the model: it may look into past chats, at most `ROUNDS` times, then it has to answer."""

    def __init__(self, chat: Chat, call: _Call, prompt: Prompt, conversation: Conversation | None) -> None:
        self._chat, self._call, self._prompt = chat, call, prompt
        self._run = None if conversation is None else conversation.run_id
        self.looked_up: list[ToolCall] = []
        self.handed_back: tuple[ToolCall, ...] = ()
        self.told = Told()

    def words(self) -> Iterator[str]:
        """What the model says, in all rounds."""
        for number in range(ROUNDS + 1):
            own = self._chat._tools if self._call.reads and number < ROUNDS else []
            said: list[str] = []
            calls: tuple[ToolCall, ...] = ()
            for piece in self._reply([*self._call.tools, *own]):
                calls += piece.calls
                if piece.text:
                    said.append(piece.text)
                    yield piece.text
            foreign = tuple(call for call in calls if not (self._chat._tools and is_memory_tool(call)))
            if foreign or not calls or not own:
                self.handed_back = foreign
                return
            self._prompt = self._prompt.going_on([_asked_for("".join(said), calls), *map(self._looked_up, calls)])

    def _reply(self, tools: Sequence[Mapping[str, Json]]) -> Iterator[Piece]:
        if self._chat._local is None or not self._call.reads:
            return self._chat._model.reply(self._prompt.told, tools=tools)
        return self._chat._local.reply(self._call.scope, self._prompt, tools=tools, told=self.told)

    def _looked_up(self, call: ToolCall) -> Mapping[str, Json]:
        self.looked_up.append(call)
        try:
            found = call_tool(self._chat._memory, self._call.scope, call, now_in=self._run)
        except MemstrataError as error:
            found = f"Past chats cannot be looked up just now ({error.code})."
        return {"role": "tool", "tool_call_id": call.id, "content": found}


def _spelt(messages: ChatMessages) -> list[Mapping[str, Json]]:
    if isinstance(messages, str):
        return [{"role": "user", "content": messages}]
    if not isinstance(messages, list | tuple) or not all(isinstance(each, Mapping) for each in messages):
        raise InvalidInput("messages are a text, or a list of messages as chat APIs write them")
    given: list[Mapping[str, Json]] = list(messages)
    if not any(turn.role in ("user", "tool") for turn in turns_of_chat(given)):
        raise InvalidInput("there is no message of a user to answer")
    return given


def _asked_for(text: str, calls: Sequence[ToolCall]) -> Mapping[str, Json]:
    """The model's calls as a message that it is given back."""
    made: list[Json] = [
        {"id": call.id, "type": "function", "function": {"name": call.name, "arguments": call.arguments}}
        for call in calls
    ]
    return {"role": "assistant", "content": text or None, "tool_calls": made}


def _tried(step: Callable[[], T], failed: str, degraded: list[str]) -> T | None:
    """What a step of the memory gives; where it fails, None, and the chat goes on without."""
    try:
        return step()
    except MemstrataError as error:
        degraded.append(f"{failed} ({error.code})")
        return None
