"""The contract that every `AccessStore` keeps. Subclass it beside `StoreContract`; it asks for the same fixture."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta

from memstrata.core.access import Grant, Key, digest_of
from memstrata.core.records import KeptAnswer
from memstrata.ports import Store
from memstrata.testing.episodes import NOON

KEY = Key(
    id="0123456789ab",
    digest=digest_of("secret"),
    rights=("read", "forget"),
    grants=(Grant(user_id="安", run_id=None), Grant(app_id="other")),
    created_at=NOON,
    app_id="crm",
    note="the night shift's",
)
DAY = timedelta(days=1)


class AccessContract:
    """What keeps keys and answers must pass this."""

    def test_a_key_is_read_back_exactly_and_replaced_by_its_id(self, store: Store) -> None:
        assert store.key(KEY.id) is None
        store.put_key(KEY)
        later = replace(KEY, id="a" * 12, created_at=NOON + DAY)
        store.put_key(later)
        assert store.keys() == [KEY, later]
        revoked = replace(KEY, revoked_at=NOON + DAY)
        store.put_key(revoked)
        assert store.key(KEY.id) == revoked
        assert store.keys() == [revoked, later]

    def test_the_first_answer_of_a_name_is_kept_and_old_ones_go(self, store: Store) -> None:
        first, second = KeptAnswer(request=b"r", body='{"é": 1}'), KeptAnswer(request=b"q", body="{}")
        assert store.kept_answer(b"one") is None
        store.keep_answer(b"one", first, at=NOON, drop_before=NOON - DAY)
        store.keep_answer(b"one", second, at=NOON + DAY / 2, drop_before=NOON - DAY / 2)
        assert store.kept_answer(b"one") == first
        store.keep_answer(b"two", second, at=NOON + 2 * DAY, drop_before=NOON + DAY)
        assert store.kept_answer(b"one") is None
        assert store.kept_answer(b"two") == second
