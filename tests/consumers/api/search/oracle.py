"""What search must answer, told once more in plain Python: runs as lists of what was said, no SQL, no index."""

from __future__ import annotations

import math
import re
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

from runfold_consumers.api.search import tree as t

NOTHING = object()
"""What a run does not have; a tag without a value is None."""


@dataclass
class Told:
    """A run as it was told. Lists are in the order of the log."""

    run_id: str
    experiment: str | None
    parent: str | None
    display_name: str | None
    type: str | None
    target: str | None
    created: datetime
    submitted_by: str | None
    number: int | None
    attempt: int
    attempts: dict[int, tuple[datetime | None, datetime | None, str | None, str | None]]
    """By attempt: started, ended, terminal status, status."""
    archived: bool
    complete: str
    labels: list[str] = field(default_factory=list)
    tags: list[tuple[str, str, str | None, bool]] = field(default_factory=list)
    """Key, writer, value, removed."""
    properties: dict[str, str | None] = field(default_factory=dict)
    writers: dict[str, tuple[int | None, int | None, bool]] = field(default_factory=dict)
    """Attempt, rank, outsider."""
    series: list[dict[str, Any]] = field(default_factory=list)

    def value(self, ref: t.Ref, at: datetime) -> Any:
        """The run's value of a ref, NOTHING where it has none."""
        if ref.kind == "tag":
            words = [(value, removed) for key, _, value, removed in self.tags if key == ref.name]
            return words[-1][0] if words and not words[-1][1] else NOTHING
        if ref.kind == "property":
            return self.properties.get(ref.name, NOTHING)
        if ref.kind == "metric":
            return self._metric(ref)
        started, ended, terminal, status = self.attempts.get(self.attempt, (None, None, None, None))
        end = ended or (at if terminal is None else None)
        fields = {
            "status": terminal or status or "NotStarted",
            "experiment": self.experiment,
            "run_id": self.run_id,
            "name": self.labels[-1] if self.labels else self.display_name,
            "number": self.number,
            "attempt": self.attempt,
            "type": self.type,
            "target": self.target,
            "parent": self.parent,
            "created": self.created,
            "started": started,
            "ended": ended,
            "duration_s": None if started is None or end is None else (end - started).total_seconds(),
            "submitted_by": self.submitted_by,
            "complete": self.complete,
            "archived": self.archived,
        }
        value = fields[ref.name]
        return NOTHING if value is None else value

    def _metric(self, ref: t.Ref) -> Any:
        rows = [
            row
            for row in self.series
            if (row["name"], row["column"]) == (ref.name, ref.column) and not self._of(row["writer"])[2]
        ]
        if not rows:
            return NOTHING
        if ref.of == "count":
            return float(sum(row["points"] for row in rows))
        if ref.of == "last":
            last = max(
                rows,
                key=lambda row: (
                    self._of(row["writer"])[0] or 0,
                    row["last_time"],
                    -1 if self._of(row["writer"])[1] is None else self._of(row["writer"])[1],
                    row["writer"],
                    row["partition"],
                ),
            )
            return last["last"]  # None: a text
        values = [row[ref.of] for row in rows if row[ref.of] is not None]
        return (min if ref.of == "min" else max)(values) if values else None

    def _of(self, writer: str) -> tuple[int | None, int | None, bool]:
        return self.writers.get(writer, (None, None, False))


def matches(tree: t.Tree, run: Told, at: datetime) -> bool:
    """Whether a filter is true of a run."""
    if isinstance(tree, t.Not):
        return not matches(tree.part, run, at)
    if isinstance(tree, t.And):
        return all(matches(part, run, at) for part in tree.parts)
    if isinstance(tree, t.Or):
        return any(matches(part, run, at) for part in tree.parts)
    value = run.value(tree.ref, at)
    if value is NOTHING:
        return False
    if isinstance(tree, t.Exists):
        return not (tree.ref.kind == "metric" and tree.ref.of in ("min", "max") and value is None)
    if value is None:
        return False
    if isinstance(tree, t.Matches):
        return re.fullmatch(_regex(tree.pattern), value, re.DOTALL | re.IGNORECASE) is not None
    if isinstance(tree, t.Among):
        equal = any(_equal(value, one, at) for one in tree.values)
        return not equal if tree.negated else equal
    if tree.operator in ("=", "!="):
        return _equal(value, tree.value, at) == (tree.operator == "=")
    return _ordered(value, tree.operator, tree.value, at)


def _equal(value: Any, literal: t.Value, at: datetime) -> bool:
    if isinstance(literal, t.Number) and isinstance(value, str):
        return value in literal.spellings
    wanted = _plain(literal, at)
    if isinstance(value, float) and isinstance(wanted, float) and math.isnan(value) and math.isnan(wanted):
        return True
    return bool(value == wanted)


def _ordered(value: Any, operator: str, literal: t.Value, at: datetime) -> bool:
    wanted = _plain(literal, at)
    if isinstance(value, str) and isinstance(wanted, float):
        number = number_in(value)
        if number is None:
            return False
        value = number
    compare = {"<": "__lt__", "<=": "__le__", ">": "__gt__", ">=": "__ge__"}[operator]
    return bool(getattr(float(value) if isinstance(value, int) else value, compare)(wanted))


def _plain(literal: t.Value, at: datetime) -> Any:
    return at - literal.value if isinstance(literal, t.Ago) else literal.value


def number_in(text: str) -> float | None:
    """The number that a text is."""
    try:
        number = float(text)
    except ValueError:
        return None
    return number if math.isfinite(number) and text.strip() == text and "_" not in text else None


def _regex(pattern: str) -> str:
    found, signs = "", iter(pattern)
    for sign in signs:
        if sign == "\\":
            found += re.escape(next(signs, "\\"))
        else:
            found += {"*": ".*", "?": "."}.get(sign) or re.escape(sign)
    return found


def sort_key(run: Told, order: list[tuple[t.Ref, bool]], at: datetime) -> list[Any]:
    """By what runs are sorted: nothing last, in either direction; then the run id."""
    keys: list[Any] = []
    for ref, descending in order:
        value = run.value(ref, at)
        values = [value]
        if ref.kind in ("tag", "property"):
            text = value if isinstance(value, str) else None
            values = [None if text is None else number_in(text), text]
        for one in values:
            gone = one is NOTHING or one is None or (isinstance(one, float) and math.isnan(one))
            keys.append((gone, _Reversed(one) if descending and not gone else None if gone else one))
    return [*keys, run.run_id]


class _Reversed:
    def __init__(self, value: Any) -> None:
        self.value = value

    def __lt__(self, other: _Reversed) -> bool:
        return bool(other.value < self.value)

    def __eq__(self, other: object) -> bool:
        return isinstance(other, _Reversed) and self.value == other.value
