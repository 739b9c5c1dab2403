"""Which conversation a request to a chat belongs to, and keeping what is new in it, once.

Clients send the whole conversation every time, name it seldom, and repeat requests that failed. Ids of turns are
digests over all that came before (`core.turns`), so a repeated request adds nothing. A conversation that nobody named
is known by the turns that it was seen with, or else by its beginning; where one begins with the same words as an
earlier one and that lies further back than a repetition would, it is another.
"""

from __future__ import annotations

import threading
from collections import OrderedDict
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta

from memstrata.core.ids import digest
from memstrata.core.replies import Reply
from memstrata.core.scoping import named
from memstrata.core.turns import Turn, ids_of, split_new
from memstrata.memory import Memory
from memstrata.types import Episode, Fact, Hit, Json, Message, Receipt, Scope

REPEATED_WITHIN = timedelta(minutes=10)
"""The same first words again after this are another conversation, not the request sent again."""
MOST_KNOWN = 100_000
"""Turns that a process knows the place of: digests and ids, no words."""
LATEST = 200
"""Episodes in which a conversation is looked for that this process has not seen."""
RESPONSE_ID = "response_id"
"""Metadata of an answer: the id that the service gave it, by which a later request goes on from it."""


@dataclass(frozen=True, slots=True)
class Known:
    """Where a turn is kept: its run, its episode if it is one, when it was last seen, and the seed of its id."""

    run_id: str
    episode_id: str | None
    seen_at: datetime
    seed: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Conversation:
    """A request's turns in their place: scope with the run, a mark a turn, where the new ones begin.

    `seed` tells repetitions in one run apart that the turns alone do not: see `Conversations.find`.
    """

    scope: Scope
    turns: tuple[Turn, ...]
    marks: tuple[str, ...]
    new: int
    seed: str = ""

    @property
    def run_id(self) -> str:
        """The conversation's name."""
        return str(self.scope.run_id)


class Conversations:
    """Finds conversations and remembers their turns. Safe to use from several threads."""

    def __init__(self, memory: Memory, *, clock: Callable[[], datetime] = lambda: datetime.now(UTC)) -> None:
        self._memory, self._clock = memory, clock
        self._known: OrderedDict[tuple[str, str], Known] = OrderedDict()
        self._lock = threading.Lock()

    def find(self, scope: Scope, turns: Sequence[Turn], *, earlier: str | None = None) -> Conversation:
        """The conversation of these turns; the scope may name its run. `earlier`: the response that they go on from."""
        seed = "" if earlier is None else _response(earlier)
        marks, new = ids_of(turns, seed=seed), split_new(turns)
        began = ""
        if scope.run_id is None:
            scope = replace(scope, run_id=self._run(scope, turns, marks, new, earlier))
        elif not new and not seed:
            began = self._began(scope, scope.run_id, marks)
        return Conversation(scope=scope, turns=tuple(turns), marks=tuple(marks), new=new, seed=began)

    def present(self, scope: Scope, turns: Sequence[Turn], *, earlier: str | None = None) -> Callable[[Hit], bool]:
        """Whether what a hit rests on is among these turns, or behind the response that they go on from.

        As far as this process knows: what is recalled beside it is said twice, no more.
        """
        marks = set(ids_of(turns))
        run_id = None if earlier is None else self._seen(scope, [_response(earlier)])
        kept = {known.episode_id for mark in marks if (known := self._place(scope, mark)) is not None}

        def held(hit: Hit) -> bool:
            if isinstance(hit.item, Fact):
                return all(source.episode_id in kept for source in hit.sources)
            told = run_id is not None and hit.item.run_id == run_id
            return told or hit.item.id in kept or hit.item.message_id in marks

        return held

    def remember(self, conversation: Conversation) -> Receipt | None:
        """Keep the new turns; None where they hold no text."""
        return self._add(conversation, range(conversation.new, len(conversation.turns)))

    def remember_reply(self, conversation: Conversation, reply: Reply) -> Receipt | None:
        """Keep what the model answered; None where it said nothing."""
        turns = (*conversation.turns, Turn(role="assistant", text=reply.text))
        mark = digest(conversation.marks[-1] if conversation.marks else "", "assistant", None, reply.text).hex()
        answered = Conversation(
            scope=conversation.scope,
            turns=turns,
            marks=(*conversation.marks, mark),
            new=len(turns) - 1,
            seed=conversation.seed,
        )
        metadata: dict[str, Json] = {} if reply.response_id is None else {RESPONSE_ID: reply.response_id}
        if reply.response_id is not None:
            self._note(conversation, _response(reply.response_id), None)
        return self._add(answered, [len(turns) - 1], metadata)

    def _add(
        self, conversation: Conversation, places: Sequence[int], metadata: Mapping[str, Json] | None = None
    ) -> Receipt | None:
        said = [place for place in places if conversation.turns[place].text.strip()]
        messages = [self._message(conversation, place, metadata or {}) for place in said]
        receipt = self._memory.add(messages, **named(conversation.scope)) if messages else None
        kept = dict(zip(said, receipt.episode_ids if receipt else (), strict=True))
        for place in places:
            self._note(conversation, conversation.marks[place], kept.get(place))
        return receipt

    def _message(self, conversation: Conversation, place: int, metadata: Mapping[str, Json]) -> Message:
        turn, mark = conversation.turns[place], conversation.marks[place]
        id_ = digest(conversation.seed, mark).hex() if conversation.seed else mark
        return Message(content=turn.text, role=turn.role, name=turn.name, metadata=metadata, id=id_)

    def _run(self, scope: Scope, turns: Sequence[Turn], marks: Sequence[str], new: int, earlier: str | None) -> str:
        """The run of a conversation that nobody named."""
        if earlier is not None:
            return self._seen(scope, [_response(earlier)]) or self._stored(scope, earlier) or f"chat-{_short(earlier)}"
        first = next((place for place, turn in enumerate(turns) if turn.role != "assistant"), 0)
        begun = f"chat-{marks[first][:20]}" if marks else f"chat-{_short('')}"
        if new:
            return self._seen(scope, marks[:new]) or self._stored(scope, *marks[:new]) or begun
        return self._begun(scope, marks, begun)

    def _begun(self, scope: Scope, marks: Sequence[str], begun: str) -> str:
        """The run of a conversation at its beginning: the same again is a repetition only for a while."""
        known = self._place(scope, marks[-1]) if marks else None
        now = self._clock()
        if known is not None and now - known.seen_at < REPEATED_WITHIN:
            return known.run_id
        last = self._last(scope, begun)
        return begun if last is None or now - last.recorded_at < REPEATED_WITHIN else f"{begun}-{now:%Y%m%d%H%M%S}"

    def _began(self, scope: Scope, run_id: str, marks: Sequence[str]) -> str:
        """What tells a named run's turn without history from the same words said in it long ago."""
        known = self._place(scope, marks[-1]) if marks else None
        now = self._clock()
        if known is not None and known.run_id == run_id and now - known.seen_at < REPEATED_WITHIN:
            return known.seed
        last = self._last(scope, run_id)
        return "" if last is None or now - last.recorded_at < REPEATED_WITHIN else last.id

    def _last(self, scope: Scope, run_id: str) -> Episode | None:
        page = self._memory.episodes(**named(replace(scope, run_id=run_id)), limit=1)
        return page.episodes[0] if page.episodes else None

    def _stored(self, scope: Scope, *marks: str) -> str | None:
        """The run of the latest episodes that bear one of these ids, which an earlier process kept."""
        names = set(marks)
        for episode in self._memory.episodes(**named(scope.partition), limit=LATEST).episodes:
            if episode.message_id in names or episode.metadata.get(RESPONSE_ID) in names:
                return episode.run_id
        return None

    def _seen(self, scope: Scope, marks: Sequence[str]) -> str | None:
        return next((known.run_id for mark in reversed(marks) if (known := self._place(scope, mark))), None)

    def _place(self, scope: Scope, mark: str) -> Known | None:
        with self._lock:
            return self._known.get((_key(scope), mark))

    def _note(self, conversation: Conversation, mark: str, episode_id: str | None) -> None:
        place = (_key(conversation.scope), mark)
        with self._lock:
            self._known[place] = Known(conversation.run_id, episode_id, self._clock(), conversation.seed)
            self._known.move_to_end(place)
            if len(self._known) > MOST_KNOWN:
                self._known.popitem(last=False)


def _key(scope: Scope) -> str:
    """Names the memory that the ids lie in."""
    home = scope.partition
    return digest(home.user_id, home.agent_id, home.app_id, home.run_id).hex()


def _response(id_: str) -> str:
    return f"response:{id_}"


def _short(text: str) -> str:
    return digest("response", text).hex()[:20]
