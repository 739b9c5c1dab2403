"""Arguments of the reading verbs, checked and turned into values."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import cast

from memstrata.core.candidates import View
from memstrata.core.clock import microseconds, parse_time
from memstrata.core.filters import parse_filter
from memstrata.core.messages import MAX_ID, checked_text
from memstrata.errors import InvalidInput
from memstrata.types import (
    DERIVED_TIERS,
    FACT_KINDS,
    FACT_STATUSES,
    ITEM_KINDS,
    KV_FORMS,
    DerivedTier,
    FactKind,
    FactStatus,
    ItemKind,
    KvForm,
)

MAX_QUERY = 100_000
MAX_LIMIT = {"limit": 1000, "max_tokens": 1_000_000, "keep": 100_000}


def read_view(
    *,
    as_of: datetime | str | None,
    known_at: datetime | str | None,
    filters: Mapping[str, object] | None,
) -> View:
    """What a read may see."""
    return View(
        said_until=None if as_of is None else microseconds(parse_time(as_of, what="as_of")),
        recorded_until=None if known_at is None else microseconds(parse_time(known_at, what="known_at")),
        filter=parse_filter(filters) if filters else None,
    )


def checked_query(query: object) -> str:
    """A question that is a text and holds more than blanks."""
    text = checked_text(query, what="the query", limit=MAX_QUERY)
    if not text.strip():
        raise InvalidInput("the query is empty; ask for something, or list with episodes()")
    return text


def checked_limit(limit: object, *, what: str = "limit") -> int:
    """A whole number from 1 to the most that makes sense."""
    most = MAX_LIMIT[what]
    if isinstance(limit, bool) or not isinstance(limit, int) or not 1 <= limit <= most:
        raise InvalidInput(f"{what} is a whole number from 1 to {most:,}, not {limit!r}")
    return limit


def checked_ids(ids: object) -> list[str]:
    """Ids as a list; one id is a list of one."""
    if ids is None or not isinstance(ids, Sequence) or isinstance(ids, bytes):
        raise InvalidInput(f"ids are a list of episode ids, not {type(ids).__name__}")
    many = [ids] if isinstance(ids, str) else ids
    return [checked_text(each, what="an id", limit=MAX_ID) for each in many]


def checked_form(form: object) -> KvForm:
    """Numbers that keys and values may be kept in."""
    if form not in KV_FORMS:
        raise InvalidInput(f"form is one of {', '.join(KV_FORMS)}, not {form!r}")
    return cast(KvForm, form)


def checked_tier(tier: object) -> DerivedTier:
    """A tier that memories can be promoted to."""
    if tier not in DERIVED_TIERS:
        raise InvalidInput(f"the tier is one of {', '.join(DERIVED_TIERS)}, not {tier!r}; text is where everything is")
    return cast(DerivedTier, tier)


def optional_time(value: datetime | str | None, *, what: str) -> datetime | None:
    """An aware time, or None where none is given."""
    return None if value is None else parse_time(value, what=what)


def checked_kinds(kind: FactKind | Sequence[FactKind] | None) -> tuple[FactKind, ...] | None:
    """Kinds of facts; one is a list of one."""
    return None if kind is None else cast(tuple[FactKind, ...], _closed(kind, FACT_KINDS, what="kind"))


def checked_statuses(status: FactStatus | Sequence[FactStatus]) -> tuple[FactStatus, ...]:
    """States of facts; one is a list of one."""
    return cast(tuple[FactStatus, ...], _closed(status, FACT_STATUSES, what="status"))


def checked_items(items: ItemKind | Sequence[ItemKind]) -> tuple[ItemKind, ...]:
    """Kinds of items; one is a list of one."""
    return cast(tuple[ItemKind, ...], _closed(items, ITEM_KINDS, what="items"))


def read_times(
    as_of: datetime | str | None, known_at: datetime | str | None
) -> tuple[datetime | None, datetime | None]:
    """Both clocks of a read as aware times, None where they are not given."""
    return optional_time(as_of, what="as_of"), optional_time(known_at, what="known_at")


def _closed(given: str | Sequence[str], known: Sequence[str], *, what: str) -> tuple[str, ...]:
    many = (given,) if isinstance(given, str) else tuple(given)
    unknown = [each for each in many if each not in known]
    if unknown or not many:
        raise InvalidInput(f"{what} is one of {', '.join(known)}, not {unknown or given!r}")
    return many
