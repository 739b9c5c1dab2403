"""Which rows of a scope a view shows, as a mask over its rows.

A filter is evaluated on the distinct values of a field only: the columns are numbers already, and each key of the
metadata that is asked for becomes a column of numbers the first time.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Iterable, Mapping
from functools import reduce
from typing import cast

import numpy as np
from numpy.typing import NDArray

from memstrata.core.candidates import View
from memstrata.core.filters import Condition, Filter, compare
from memstrata.core.index.rows import RowTable
from memstrata.types import ROLES, Json

Mask = NDArray[np.bool_]
MESSAGE_ID = ("message_id", False)


class Labels:
    """What filters may ask for beside the columns: metadata and message ids of the rows that have any."""

    def __init__(self) -> None:
        self._rows: dict[int, tuple[Mapping[str, Json], str | None]] = {}
        self._columns: dict[tuple[str, bool], tuple[dict[str, int], list[Json], dict[int, int]]] = {}
        self.through = 0

    def extend(self, rows: Iterable[tuple[int, Mapping[str, Json], str | None]], *, through: int) -> None:
        """Take in the rows from `self.through` up to `through`."""
        for row, metadata, message_id in rows:
            self._rows[row] = metadata, message_id
            for key in self._columns:
                self._enter(key, row)
        self.through = through

    def values(self, key: tuple[str, bool], size: int) -> tuple[NDArray[np.int64], list[Json]]:
        """For each row the number of its value, and the values by number; number 0 is no value."""
        if key not in self._columns:
            self._columns[key] = {}, [None], {}
            for row in self._rows:
                self._enter(key, row)
        _, values, of_row = self._columns[key]
        codes = np.zeros(size, dtype=np.int64)
        known = [(row, code) for row, code in of_row.items() if row < size]
        if known:
            rows, numbers = zip(*known, strict=True)
            codes[list(rows)] = numbers
        return codes, values

    def _enter(self, key: tuple[str, bool], row: int) -> None:
        name, in_metadata = key
        metadata, message_id = self._rows[row]
        value = metadata.get(name) if in_metadata else message_id
        if value is None:
            return
        numbers, values, of_row = self._columns[key]
        number = numbers.setdefault(json.dumps(value, sort_keys=True), len(values))
        if number == len(values):
            values.append(value)
        of_row[row] = number


class ViewMask:
    """Evaluates views on one scope's rows. `runs` and `names` are by number, `labels` is asked for when needed."""

    def __init__(
        self,
        table: RowTable,
        *,
        runs: Mapping[int, str | None],
        names: Mapping[int, str],
        labels: Callable[[], Labels],
    ) -> None:
        self._columns = table.columns
        self._runs = runs
        self._names = names
        self._labels = labels

    def of(self, view: View) -> Mask | None:
        """The rows that the view shows, None for all."""
        parts: list[Mask] = []
        if view.run_id is not None:
            parts.append(self._coded("run", self._runs, lambda run: run == view.run_id))
        if view.said_until is not None:
            parts.append(self._columns["timestamp"] <= view.said_until)
        if view.recorded_until is not None:
            parts.append(self._columns["recorded_at"] <= view.recorded_until)
        if view.filter is not None:
            parts.append(self._filter(view.filter))
        return reduce(np.logical_and, parts) if parts else None

    def _filter(self, part: Filter) -> Mask:
        if isinstance(part, Condition):
            return self._condition(part)
        masks = [self._filter(each) for each in part.parts]
        nothing = np.zeros(len(self._columns), dtype=np.bool_)
        if part.kind == "all":
            return cast(Mask, reduce(np.logical_and, masks, ~nothing))
        found: Mask = reduce(np.logical_or, masks, nothing)
        return found if part.kind == "any" else ~found

    def _condition(self, condition: Condition) -> Mask:
        def holds(value: Json) -> bool:
            return compare(condition.operator, value, condition.value)

        if condition.metadata or condition.field == "message_id":
            codes, values = self._labels().values((condition.field, condition.metadata), len(self._columns))
            return np.array([holds(value) for value in values])[codes]
        if condition.field == "role":
            return self._coded("role", dict(enumerate(ROLES)), holds)
        if condition.field == "name":
            return self._coded("speaker", self._names, holds)
        if condition.field == "run_id":
            return self._coded("run", self._runs, holds)
        return self._time(condition, holds)

    def _coded(self, column: str, meaning: Mapping[int, Json], holds: Callable[[Json], bool]) -> Mask:
        codes = self._columns[column]
        verdicts = np.zeros(max(meaning, default=0) + 2, dtype=np.bool_)  # number -1, nobody, finds the last
        for code, value in meaning.items():
            verdicts[code] = holds(value)
        verdicts[-1] = holds(None)
        found: Mask = verdicts[codes]
        return found

    def _time(self, condition: Condition, holds: Callable[[Json], bool]) -> Mask:
        times, wanted = self._columns[condition.field], condition.value
        if isinstance(wanted, int):
            if condition.operator in ("gt", "gte"):
                return times > wanted if condition.operator == "gt" else times >= wanted
            if condition.operator in ("lt", "lte"):
                return times < wanted if condition.operator == "lt" else times <= wanted
        distinct, codes = np.unique(times, return_inverse=True)
        return np.array([holds(int(time)) for time in distinct], dtype=np.bool_)[codes]
