"""A day's budget of a scope: reserved before a call, settled after it, never exceeded by calls at the same time."""

from __future__ import annotations

import contextlib
import threading
from collections import defaultdict
from datetime import UTC, datetime, timedelta, timezone

import pytest
from hypothesis import given
from hypothesis import strategies as st

from memstrata.core.records import Completion, Prompt, Spent
from memstrata.errors import BudgetExceeded, InvalidInput, ModelError, ModelUnavailable
from memstrata.models.budget import Budget, BudgetedModel
from memstrata.models.chat import prompt_tokens
from memstrata.ports import LanguageModel
from memstrata.stores.memory import open_url
from memstrata.testing.language_models import FailingModel, ScriptedModel, SlowModel
from memstrata.types import Scope

ANN, BEN = Scope(user_id="ann"), Scope(user_id="ben")
NOON = datetime(2025, 3, 1, 12, tzinfo=UTC)
DAY = "2025-03-01"
PROMPT = Prompt(system="Be brief.", user="word " * 8)
ASKED = prompt_tokens(PROMPT)


class Accounts:
    """The two methods of a store that keep accounts."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._days: defaultdict[tuple[Scope, str], Spent] = defaultdict(Spent)
        self.writes = 0

    def spent(self, scope: Scope, *, day: str) -> Spent:
        with self._lock:
            return self._days[scope, day]

    def spend(self, scope: Scope, *, day: str, spent: Spent) -> None:
        with self._lock:
            self.writes += 1
            before = self._days[scope, day]
            self._days[scope, day] = Spent(
                calls=before.calls + spent.calls,
                tokens=before.tokens + spent.tokens,
                micros=before.micros + spent.micros,
            )


class Metered:
    """Answers "yes" for so many tokens."""

    name = "metered"

    def __init__(self, prompt: int = ASKED, completion: int = 1) -> None:
        self._cost = (prompt, completion)
        self.calls = 0

    def complete(self, prompt: Prompt, *, max_tokens: int) -> Completion:
        self.calls += 1
        return Completion(text="yes", prompt_tokens=self._cost[0], completion_tokens=self._cost[1])


def budgeted(
    model: LanguageModel, accounts: Accounts, budget: Budget, *, scope: Scope = ANN, now: datetime = NOON
) -> BudgetedModel:
    return BudgetedModel(model, accounts, scope=scope, budget=budget, clock=lambda: now)


def test_what_a_call_took_is_counted_and_not_what_it_might_have() -> None:
    accounts = Accounts()
    budget = Budget(prompt_price=2.0, completion_price=8.0)
    model = budgeted(Metered(1000, 50), accounts, budget)
    assert model.name == "metered"
    assert model.complete(PROMPT, max_tokens=9999).text == "yes"
    assert accounts.spent(ANN, day=DAY) == Spent(calls=1, tokens=1050, micros=2400)


@pytest.mark.parametrize(
    ("budget", "message"),
    [
        (Budget(calls=2), "2 calls"),
        (Budget(tokens=2 * (ASKED + 10)), f"{2 * (ASKED + 10)} tokens"),
        (Budget(money=2 * (ASKED + 10) / 1e6, prompt_price=1, completion_price=1), "of money"),
    ],
)
def test_a_call_that_may_exceed_the_budget_is_not_made(budget: Budget, message: str) -> None:
    accounts, inner = Accounts(), Metered(ASKED, 10)
    model = budgeted(inner, accounts, budget)
    for _ in range(2):
        model.complete(PROMPT, max_tokens=10)
    before = accounts.spent(ANN, day=DAY)
    with pytest.raises(BudgetExceeded, match=rf"{message} for 2025-03-01 \(UTC\)"):
        model.complete(PROMPT, max_tokens=10)
    assert inner.calls == 2
    assert accounts.spent(ANN, day=DAY) == before


def test_a_prompt_that_is_longer_than_the_whole_budget_is_refused_at_once() -> None:
    accounts, inner = Accounts(), Metered()
    with pytest.raises(BudgetExceeded):
        budgeted(inner, accounts, Budget(tokens=ASKED + 9)).complete(PROMPT, max_tokens=10)
    assert (inner.calls, accounts.writes, accounts.spent(ANN, day=DAY)) == (0, 0, Spent())


def test_each_scope_has_its_own_budget_and_each_day_in_utc_a_new_one() -> None:
    accounts, inner, budget = Accounts(), Metered(), Budget(calls=1)
    late = datetime(2025, 3, 1, 23, 30, tzinfo=timezone(timedelta(hours=-5)))
    budgeted(inner, accounts, budget).complete(PROMPT, max_tokens=1)
    budgeted(inner, accounts, budget, scope=BEN).complete(PROMPT, max_tokens=1)
    budgeted(inner, accounts, budget, now=late).complete(PROMPT, max_tokens=1)
    assert accounts.spent(ANN, day="2025-03-02").calls == 1
    run = Scope(user_id="ann", run_id="a conversation")
    with pytest.raises(BudgetExceeded):
        budgeted(inner, accounts, budget, scope=run).complete(PROMPT, max_tokens=1)
    assert inner.calls == 3


def test_a_call_that_nobody_answered_costs_nothing() -> None:
    accounts = Accounts()
    model = budgeted(FailingModel(Metered(), failures=2), accounts, Budget(calls=1))
    for _ in range(2):
        with pytest.raises(ModelUnavailable):
            model.complete(PROMPT, max_tokens=10)
    assert accounts.spent(ANN, day=DAY) == Spent()
    model.complete(PROMPT, max_tokens=10)


def test_a_call_that_was_answered_badly_costs_what_was_reserved() -> None:
    accounts = Accounts()
    model = budgeted(ScriptedModel([ModelError("answered nonsense")]), accounts, Budget())
    with pytest.raises(ModelError, match="nonsense"):
        model.complete(PROMPT, max_tokens=10)
    assert accounts.spent(ANN, day=DAY) == Spent(calls=1, tokens=ASKED + 10)


def test_while_a_call_is_under_way_its_reservation_stands() -> None:
    accounts = Accounts()
    seen: list[Spent] = []
    slow = SlowModel(Metered(), seconds=5, sleep=lambda seconds: seen.append(accounts.spent(ANN, day=DAY)))
    budgeted(slow, accounts, Budget()).complete(PROMPT, max_tokens=10)
    assert seen == [Spent(calls=1, tokens=ASKED + 10)]


@pytest.mark.parametrize("objects", [1, 8])
def test_calls_at_the_same_time_do_not_exceed_the_budget(objects: int) -> None:
    accounts, together = Accounts(), threading.Barrier(8)
    inner = SlowModel(Metered(), seconds=1, sleep=lambda seconds: None)
    models = [budgeted(inner, accounts, Budget(calls=3)) for _ in range(objects)]

    def ask(place: int) -> None:
        together.wait()
        for _ in range(4):
            try:
                models[place % objects].complete(PROMPT, max_tokens=10)
            except BudgetExceeded:
                continue

    threads = [threading.Thread(target=ask, args=(place,)) for place in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert inner.calls <= 3
    assert accounts.spent(ANN, day=DAY).calls == inner.calls
    if objects == 1:
        assert inner.calls == 3


@given(
    st.lists(st.tuples(st.integers(1, 60), st.integers(0, 60), st.sampled_from(["answer", "bad", "none"])), max_size=30)
)
def test_the_account_never_exceeds_the_budget(calls: list[tuple[int, int, str]]) -> None:
    accounts, budget = Accounts(), Budget(tokens=300, calls=12)
    for max_tokens, taken, outcome in calls:
        inner: LanguageModel = Metered(ASKED, min(taken, max_tokens))
        if outcome != "answer":
            inner = FailingModel(error=ModelError("bad") if outcome == "bad" else None)
        with contextlib.suppress(ModelError):
            budgeted(inner, accounts, budget).complete(PROMPT, max_tokens=max_tokens)
        total = accounts.spent(ANN, day=DAY)
        assert 0 <= total.tokens <= 300
        assert 0 <= total.calls <= 12


def test_a_store_keeps_the_account() -> None:
    store = open_url(":memory:", cache_bytes=1 << 20)
    model = BudgetedModel(Metered(30, 5), store, scope=ANN, budget=Budget(calls=1), clock=lambda: NOON)
    model.complete(PROMPT, max_tokens=100)
    assert store.spent(ANN, day=DAY) == Spent(calls=1, tokens=35)
    with pytest.raises(BudgetExceeded):
        model.complete(PROMPT, max_tokens=100)
    store.close()


@pytest.mark.parametrize(
    "limits", [{"calls": -1}, {"tokens": -1}, {"money": float("nan"), "prompt_price": 1.0}, {"prompt_price": -1.0}]
)
def test_a_budget_of_less_than_nothing_is_refused(limits: dict[str, float]) -> None:
    with pytest.raises(InvalidInput, match="from 0 up"):
        Budget(**limits)  # type: ignore[arg-type]


def test_a_budget_of_money_needs_prices() -> None:
    with pytest.raises(InvalidInput, match="prompt_price"):
        Budget(money=1.0)
