"""Keys: what they reach, and that a token is known by its secret alone."""

from __future__ import annotations

from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from memstrata.core.access import (
    Grant,
    Key,
    checked_rights,
    digest_of,
    fits,
    parse_grant,
    reaches,
    scope_for,
    split_token,
    token_of,
)
from memstrata.errors import InvalidInput
from memstrata.testing.access_contract import KEY
from memstrata.types import Scope

ids = st.one_of(st.none(), st.sampled_from(["ann", "bob", "*"]))
apps = st.one_of(st.none(), st.sampled_from(["crm", "shop"]))
scopes = st.builds(Scope, user_id=ids, agent_id=ids, app_id=apps, run_id=ids)
grants = st.builds(
    Grant, user_id=ids, agent_id=st.just("*"), app_id=st.one_of(st.just("*"), apps), run_id=st.sampled_from(["*", "r"])
)


def key(app_id: str | None, *granted: Grant) -> Key:
    return replace(KEY, app_id=app_id, grants=granted)


@given(scope=scopes, app=apps, granted=st.lists(grants, max_size=3))
def test_no_grant_that_does_not_name_another_app_reaches_it(
    scope: Scope, app: str | None, granted: list[Grant]
) -> None:
    acting = scope_for(key(app, *granted), scope)
    unnamed = [grant for grant in granted if grant.app_id in ("*", None)]
    if acting.app_id != app:
        assert not reaches(key(app, *unnamed), acting)
    assert not reaches(key(app), acting)
    assert reaches(None, acting)
    assert scope.app_id is None or acting.app_id == scope.app_id


@given(user=st.text(min_size=1), other=st.text(min_size=1))
def test_a_grant_of_one_user_covers_no_other(user: str, other: str) -> None:
    covered = Grant(user_id=user).covers(Scope(user_id=other, app_id="crm"))
    assert covered == (user in ("*", other))


def test_a_token_says_its_id_and_fits_by_its_secret() -> None:
    secret = "s" * 43
    token = token_of(KEY.id, secret)
    assert split_token(token) == (KEY.id, secret)
    kept = replace(KEY, digest=digest_of(secret))
    assert fits(kept, secret)
    assert not fits(kept, "t" * 43)
    assert not fits(replace(kept, revoked_at=KEY.created_at), secret)
    for wrong in ("", "ms_", f"{token}x", token.replace("ms_", "mx_"), f" {token}"):
        assert split_token(wrong) is None


def test_grants_and_rights_are_read_from_words() -> None:
    assert parse_grant("user_id=ann, app_id=crm") == Grant(user_id="ann", app_id="crm")
    assert checked_rights(["forget", "read", "read"]) == ("read", "forget")
    for wrong in ("", "user=ann", "user_id=", "user_id"):
        with pytest.raises(InvalidInput):
            parse_grant(wrong)
    for unknown in ([], ["all"], "everything"):
        with pytest.raises(InvalidInput):
            checked_rights(unknown)
