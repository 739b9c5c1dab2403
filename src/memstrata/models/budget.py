"""A day's budget for a language model, kept in the store's accounts so that every process counts together.

A call is reserved before it is made, with the tokens it may take at most, and settled afterwards with what it took.
What counts: a call that was answered, with the tokens that the model tells. A call that was answered by something
that could not be used (`ModelError`) keeps its whole reservation, for nobody tells what it cost. A call that nobody
answered (`ModelUnavailable`) costs nothing. Tries inside one call (`OpenAIChat`) are one call. Where the process dies
in between, the reservation stands: too much is counted, never too little.

The tokens of a prompt are estimated beforehand; where the estimate is too low, a day's last call may end above the
budget by the difference, and the next is refused.
"""

from __future__ import annotations

import math
import threading
from collections.abc import Callable
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Protocol

from memstrata.core.records import Completion, Prompt, Spent
from memstrata.errors import BudgetExceeded, InvalidInput, ModelUnavailable
from memstrata.models.chat import prompt_tokens
from memstrata.ports import LanguageModel
from memstrata.types import Scope


class Accounts(Protocol):
    """The two methods of a `FactStore` that keep accounts; `spend` also takes back what was reserved too much."""

    def spent(self, scope: Scope, *, day: str) -> Spent:
        """See `FactStore.spent`."""
        ...

    def spend(self, scope: Scope, *, day: str, spent: Spent) -> None:
        """See `FactStore.spend`."""
        ...


@dataclass(frozen=True, slots=True, kw_only=True)
class Budget:
    """What one scope may cost on one day in UTC; None is no limit.

    `money` is in the currency in which `prompt_price` and `completion_price` give the price of a million tokens.
    """

    calls: int | None = None
    tokens: int | None = None
    money: float | None = None
    prompt_price: float = 0.0
    completion_price: float = 0.0

    def __post_init__(self) -> None:
        given = [self.calls, self.tokens, self.money, self.prompt_price, self.completion_price]
        if any(each is not None and not (math.isfinite(each) and each >= 0) for each in given):
            raise InvalidInput("a budget's limits and prices are numbers from 0 up; leave a limit out for none")
        if self.money is not None and not (self.prompt_price or self.completion_price):
            raise InvalidInput("a budget of money needs prompt_price and completion_price, a million tokens each")

    def cost(self, prompt: int, completion: int) -> Spent:
        """What a call of so many tokens counts as; a price is in millionths of money a token."""
        micros = math.ceil(prompt * self.prompt_price + completion * self.completion_price)
        return Spent(calls=1, tokens=prompt + completion, micros=micros)

    def exceeded(self, spent: Spent) -> str | None:
        """The limit that this is more than, in words; None where it is within all."""
        if self.calls is not None and spent.calls > self.calls:
            return f"{self.calls:,} calls"
        if self.tokens is not None and spent.tokens > self.tokens:
            return f"{self.tokens:,} tokens"
        if self.money is not None and spent.micros > self.money * 1_000_000:
            return f"{self.money:g} of money"
        return None


class BudgetedModel:
    """Does what `model` does while `scope`'s budget of the day lasts; implements `LanguageModel`.

    Raises `BudgetExceeded`, without a call, where the prompt's tokens and `max_tokens` might exceed it. Several
    threads, objects and processes may spend on one scope's account: what is reserved is looked at again once it is
    written, so that together they cannot exceed it (two that come at the same moment may both be refused).
    """

    def __init__(
        self,
        model: LanguageModel,
        accounts: Accounts,
        *,
        scope: Scope,
        budget: Budget,
        clock: Callable[[], datetime],
    ) -> None:
        self._model = model
        self._accounts = accounts
        self._scope = scope.partition
        self._budget = budget
        self._clock = clock
        self._reserving = threading.Lock()

    @property
    def name(self) -> str:
        """The model's."""
        return self._model.name

    def complete(self, prompt: Prompt, *, max_tokens: int) -> Completion:
        """See `LanguageModel.complete`."""
        day = self._clock().astimezone(UTC).date().isoformat()
        reserved = self._budget.cost(prompt_tokens(prompt), max_tokens)
        self._reserve(day, reserved)
        try:
            done = self._model.complete(prompt, max_tokens=max_tokens)
        except (ModelUnavailable, BudgetExceeded):
            self._accounts.spend(self._scope, day=day, spent=_less(Spent(), reserved))
            raise
        taken = self._budget.cost(done.prompt_tokens, done.completion_tokens)
        self._accounts.spend(self._scope, day=day, spent=_less(taken, reserved))
        return done

    def _reserve(self, day: str, reserved: Spent) -> None:
        with self._reserving:  # one object's threads do not refuse each other
            self._refuse_above(_more(self._accounts.spent(self._scope, day=day), reserved), day)
            self._accounts.spend(self._scope, day=day, spent=reserved)
            try:
                self._refuse_above(self._accounts.spent(self._scope, day=day), day)
            except BudgetExceeded:
                self._accounts.spend(self._scope, day=day, spent=_less(Spent(), reserved))
                raise

    def _refuse_above(self, total: Spent, day: str) -> None:
        limit = self._budget.exceeded(total)
        if limit is not None:
            raise BudgetExceeded(f"the next call may exceed the budget of {limit} for {day} (UTC); it is new tomorrow")


def _more(one: Spent, other: Spent) -> Spent:
    return Spent(calls=one.calls + other.calls, tokens=one.tokens + other.tokens, micros=one.micros + other.micros)


def _less(one: Spent, other: Spent) -> Spent:
    return Spent(calls=one.calls - other.calls, tokens=one.tokens - other.tokens, micros=one.micros - other.micros)
