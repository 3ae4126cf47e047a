"""Columns of rows as Postgres literals: what `unnest` takes.

psycopg dumps a list element by element in Python, half a microsecond each; a batch has tens of thousands. A literal of
a whole column is a few passes at C speed. Multiranges are written and read here, too.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from datetime import datetime, timedelta, timezone
from typing import cast

from runfold_consumers.fold.lanes import EMPTY, Ranges

EPOCH = datetime(1970, 1, 1, tzinfo=timezone.utc)


def texts(column: Sequence[str | None]) -> str:
    """Literal of a text[]; None is NULL."""
    if not column:
        return "{}"
    try:
        joined = '","'.join(cast("Sequence[str]", column))  # a None raises TypeError
        plain = "\\" not in joined and joined.count('"') == 2 * (len(column) - 1)
    except TypeError:
        plain = False
    return f'{{"{joined}"}}' if plain else "{" + ",".join([_quoted(value) for value in column]) + "}"


def numbers(column: Iterable[float | None]) -> str:
    """Literal of an integer[], bigint[], float8[] or boolean[]; None is NULL."""
    return "{" + ",".join(["NULL" if value is None else str(value) for value in column]) + "}"


def times(column: Iterable[int | None]) -> str:
    """Literal of a timestamptz[]; values are microseconds since 1970-01-01 UTC."""
    return "{" + ",".join(["NULL" if value is None else at(value).isoformat() for value in column]) + "}"


def at(microseconds: int) -> datetime:
    """The moment, exactly."""
    return EPOCH + timedelta(microseconds=microseconds)


def multirange(ranges: Ranges) -> str:
    """Literal of an int8multirange."""
    return "{" + ",".join([f"[{lower},{upper})" for lower, upper in ranges]) + "}"


def ranges_of(literal: str) -> Ranges:
    """What Postgres prints for an int8multirange, read."""
    if literal == "{}":
        return EMPTY
    return tuple([_range(part) for part in literal[2:-2].split("),[")])


def _range(part: str) -> tuple[int, int]:
    lower, _, upper = part.partition(",")
    return int(lower), int(upper)


def _quoted(value: str | None) -> str:
    if value is None:
        return "NULL"
    escaped = value.replace("\\", "\\\\").replace('"', '\\"')
    return f'"{escaped}"'
