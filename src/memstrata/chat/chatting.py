"""`Chat`: a model that remembers. It recalls, has the model answer, and keeps what was said.

Whatever the memory does, the answer comes, and says in `degraded` what was missing. Whatever the model does, the
user's turn is kept. In incognito mode nothing is read, nothing is kept and nothing is logged.
"""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import TypeVar, get_args

from memstrata.chat.recalling import Recollection, recollect
from memstrata.chat.remembering import Conversation, Conversations
from memstrata.chat.tools import MemoryTool, call_tool, definitions, is_memory_tool
from memstrata.core.messages import checked_scope
from memstrata.core.records import ToolCall
from memstrata.core.replies import Reply
from memstrata.core.requests import checked_limit
from memstrata.core.tokens import Tokenizer, estimated_tokens
from memstrata.core.turns import ChatMode, question_of, text_of, turns_of_chat
from memstrata.errors import InvalidInput, MemstrataError
from memstrata.memory import Memory
from memstrata.models.resolve import resolve_chat_model
from memstrata.ports import ChatModel
from memstrata.settings import Settings
from memstrata.types import Hit, Json, Receipt, Scope

DEFAULT_TOKENS = 1000
ROUNDS = 4
"""How often a model may look into past chats before it has to answer."""
ChatMessages = str | Sequence[Mapping[str, Json]]
T = TypeVar("T")


@dataclass(frozen=True, slots=True, kw_only=True)
class Answer:
    """What the model said, and what it was told of the memory.

    `hits`: the sources used, facts and episodes. `calls`: calls of the application's own tools that the model asks
    for; give their results back as messages of the role tool. `receipt`: what was kept of the user's turn, None where
    nothing was. `looked_up`: calls of the memory's tools. `degraded`: what was missing.
    """

    text: str
    run_id: str | None
    mode: ChatMode
    hits: tuple[Hit, ...] = ()
    calls: tuple[ToolCall, ...] = ()
    looked_up: tuple[ToolCall, ...] = ()
    receipt: Receipt | None = None
    degraded: tuple[str, ...] = ()


class Chat:
    """A model with a memory: `Chat(memory, "openai:MODEL@URL")`, then `chat("...", user_id="ann").text`.

    `model`: a name, or a `ChatModel`. `tools`: which of `"search_past_chats"` and `"recent_chats"` the model may call.
    Safe to use from several threads; the memory stays the caller's to close. Raises InvalidInput, ModelError.
    """

    def __init__(
        self,
        memory: Memory,
        model: str | ChatModel,
        *,
        tools: Sequence[MemoryTool] = (),
        tokenizer: Tokenizer = estimated_tokens,
        settings: Settings | None = None,
    ) -> None:
        known = settings or Settings.from_environment(os.environ)
        self._memory = memory
        self._model = resolve_chat_model(model, base_url=known.openai_base_url, api_key=known.openai_api_key)
        self._tools, self._count = definitions(tools), tokenizer
        self._conversations = Conversations(memory)

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

        `messages`: a text, or the conversation as chat APIs write it; it goes to the model as it is, with the memory
        at the end of its system message. Only what is new since the last answer is remembered, once. `run_id`: which
        conversation it is; without it that is found by the messages. `mode`: what may be done with the memory.
        `max_tokens`: the most that the model is told of the memory. `tools`: the application's own, as chat APIs
        define them. Raises InvalidInput and MissingScope, and ModelError where the model fails.
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
        given = Recollection()
        degraded: list[str] = []
        if call.reads:
            present = self._conversations.present(call.scope, turns)
            question = question_of(turns)

            def recall() -> Recollection:
                return recollect(
                    self._memory, call.scope, question,
                    max_tokens=call.max_tokens, present=present, count=self._count,
                )  # fmt: skip

            given = _tried(recall, "memory could not be read", degraded) or given
            degraded += given.degraded
        conversation, receipt = self._keep(call, degraded) if call.writes else (None, None)
        said: list[str] = []
        asking = _Asking(self, call, with_memory(call.messages, given.text), conversation)
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
            degraded=tuple(dict.fromkeys(degraded)),
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

    def __init__(
        self, chat: Chat, call: _Call, messages: list[Mapping[str, Json]], conversation: Conversation | None
    ) -> None:
        self._chat, self._call, self._messages = chat, call, messages
        self._run = None if conversation is None else conversation.run_id
        self.looked_up: list[ToolCall] = []
        self.handed_back: tuple[ToolCall, ...] = ()

    def words(self) -> Iterator[str]:
        """What the model says, in all rounds."""
        for number in range(ROUNDS + 1):
            own = self._chat._tools if self._call.reads and number < ROUNDS else []
            said: list[str] = []
            calls: tuple[ToolCall, ...] = ()
            for piece in self._chat._model.reply(self._messages, tools=[*self._call.tools, *own]):
                calls += piece.calls
                if piece.text:
                    said.append(piece.text)
                    yield piece.text
            foreign = tuple(call for call in calls if not (self._chat._tools and is_memory_tool(call)))
            if foreign or not calls or not own:
                self.handed_back = foreign
                return
            self._messages = [*self._messages, _asked_for("".join(said), calls), *map(self._looked_up, calls)]

    def _looked_up(self, call: ToolCall) -> Mapping[str, Json]:
        self.looked_up.append(call)
        try:
            found = call_tool(self._chat._memory, self._call.scope, call, now_in=self._run)
        except MemstrataError as error:
            found = f"Past chats cannot be looked up just now ({error.code})."
        return {"role": "tool", "tool_call_id": call.id, "content": found}


def with_memory(messages: Sequence[Mapping[str, Json]], text: str) -> list[Mapping[str, Json]]:
    """Messages with a text at the end of the first system message, or as one before all; the others as they are."""
    if not text:
        return list(messages)
    if not messages or messages[0].get("role") not in ("system", "developer"):
        return [{"role": "system", "content": text}, *messages]
    content = messages[0].get("content")
    longer: Json = [*content, {"type": "text", "text": text}] if isinstance(content, list | tuple) else (
        f"{text_of(content)}\n\n{text}" if content else text
    )  # fmt: skip
    return [{**messages[0], "content": longer}, *messages[1:]]


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
