"""Orders of runs as keys, and pages of them by keyset: where a page ended, the next begins, whatever was added. Pure.

Of each key nulls come last, in either direction; the run id decides at the end. A tag or property sorts by the number
that it is, then by its text. Texts sort by their first TEXT_KEY characters, in the order of code points.
"""

from __future__ import annotations

import base64
import binascii
import hashlib
import json
import math
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Final

from runfold_consumers.api.errors import ApiError, invalid
from runfold_consumers.api.search.conditions import Conditions, number_of
from runfold_consumers.api.search.tree import Ref, Type

TEXT_KEY: Final = 128
PLACES_MAX: Final = 4
"""Refs in an order."""
CURSOR_MAX: Final = 8_192
Scalar = str | float | bool | datetime | None
_NEVER_NULL = frozenset(("created", "run_id", "status", "attempt", "complete", "archived"))


@dataclass(frozen=True)
class Key:
    """One key of an order: an expression of a run, and how its values sort."""

    expression: str
    type: Type
    descending: bool
    nullable: bool

    def sql(self, name: str) -> str:
        """In ORDER BY, of a column of that name; without NULLS LAST where there are none: an index may give it then."""
        return f"{name}{' DESC' if self.descending else ''}{' NULLS LAST' if self.nullable else ''}"


def keys_of(conditions: Conditions, places: Sequence[tuple[Ref, bool]]) -> list[Key]:
    """The keys of an order, without the run id that ends it."""
    keys: list[Key] = []
    for ref, descending in places:
        expression = conditions.value(ref)
        if ref.kind in ("tag", "property"):
            keys.append(Key(number_of(expression), "number", descending, True))
        if ref.type == "text":
            expression = f'left({expression}, {TEXT_KEY}) COLLATE "C"'
        nullable = ref.kind != "field" or ref.name not in _NEVER_NULL
        keys.append(Key(expression, ref.type, descending, nullable))
    return keys


def after(conditions: Conditions, keys: Sequence[Key], values: Sequence[Scalar], run_id: str) -> str:
    """That a run comes after the place where a page ended.

    Args:
        conditions: takes the parameters.
        keys: of the order.
        values: of the page's last run, one for each key.
        run_id: the page's last run.
    """
    equal: list[str] = []
    alternatives: list[str] = []
    first = ""
    for key, value in zip(keys, values, strict=True):
        if value is None:
            equal.append(f"{key.expression} IS NULL")
            continue
        parameter = parameter_of(conditions, value)
        further = f"{key.expression} {'<' if key.descending else '>'} {parameter}"
        if not equal and not key.nullable:  # said once more for the index
            first = f"{key.expression} {'<=' if key.descending else '>='} {parameter} AND "
        further = f"({further} OR {key.expression} IS NULL)" if key.nullable else further
        alternatives.append(" AND ".join([*equal, further]))
        equal.append(f"{key.expression} = {parameter}")
    alternatives.append(" AND ".join([*equal, f"runs.run_id > {conditions.text(run_id)}"]))
    return f"{first}({' OR '.join(alternatives)})"


def parameter_of(conditions: Conditions, value: Scalar) -> str:
    """A value of a place, as a parameter."""
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, str):
        return conditions.text(value)
    if isinstance(value, datetime):
        return conditions.moment(value)
    return "NULL" if value is None else conditions.number(value)


@dataclass(frozen=True)
class Place:
    """Where a page ended: the moment of the question, and the last row's keys and run id."""

    at: datetime
    values: tuple[Scalar, ...]
    run_id: str


def cursor_of(question: str, order: str, place: Place) -> str:
    """The cursor that `place_of` reads.

    Args:
        question: text of the filter, and what else chose the rows.
        order: text of the order.
        place: where the page ended.
    """
    values = [value.isoformat() if isinstance(value, datetime) else value for value in place.values]
    parts = [_digest(question), _digest(order), place.at.isoformat(), values, place.run_id]
    text = json.dumps(parts, separators=(",", ":"), ensure_ascii=False)
    return base64.urlsafe_b64encode(text.encode()).rstrip(b"=").decode()


def place_of(cursor: str | None, question: str, order: str, types: Sequence[Type]) -> Place | None:
    """The place that a cursor names; None without one.

    Args:
        cursor: what the caller sent.
        question: as in `cursor_of`.
        order: as in `cursor_of`.
        types: of the order's keys.

    Raises:
        ApiError: 400, it is no cursor, or that of another filter or order.
    """
    if cursor is None:
        return None
    try:
        parts = json.loads(base64.b64decode(cursor + "=" * (-len(cursor) % 4), altchars=b"-_", validate=True))
        of_question, of_order, at, values, run_id = parts
        if not isinstance(run_id, str) or not isinstance(values, list):
            raise ValueError("parts of other types")
        run_id.encode()
        if of_order != _digest(order):
            raise _other("sorted otherwise")
        if of_question != _digest(question):
            raise _other("of another filter")
        found = tuple(_scalar(value, kind) for value, kind in zip(values, types, strict=True))
        return Place(_moment(at), found, run_id)
    except (binascii.Error, ValueError, TypeError, OverflowError, RecursionError) as error:
        raise invalid(
            f"{cursor[:40]!r} is no cursor of a search; send the `next_cursor` of the page before, as it came"
        ) from error


def _scalar(value: object, kind: Type) -> Scalar:
    if value is None:
        return None
    if kind == "time":
        return _moment(value)
    if kind == "number" and isinstance(value, int | float) and not isinstance(value, bool) and not math.isnan(value):
        return float(value)
    if kind == "text" and isinstance(value, str) and "\0" not in value:
        value.encode()  # refuses lone surrogates
        return value
    if kind == "truth" and isinstance(value, bool):
        return value
    raise ValueError(f"{value!r} is no {kind}")


def _moment(value: Any) -> datetime:
    moment = datetime.fromisoformat(value)
    if moment.tzinfo is None:
        raise ValueError("a moment without time zone")
    return moment


def _other(how: str) -> ApiError:
    return invalid(f"this cursor is that of a search {how}; a cursor goes on with the very same `q` and `sort`")


def _digest(text: str) -> str:
    return hashlib.sha256(text.encode("utf-8", "surrogatepass")).hexdigest()[:16]
