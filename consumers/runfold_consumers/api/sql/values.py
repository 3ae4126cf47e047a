"""What Postgres answers, as JSON, CSV and Arrow carry it. Pure.

Values come as Postgres prints them (time zone UTC). Integers are integers, float and numeric are doubles (NaN and
infinities as text in JSON), timestamps ISO 8601 in UTC with microseconds, json and jsonb what they say; all else is
text.
In CSV every value is as Postgres prints it, null an empty field, an empty text `""`.
"""

from __future__ import annotations

import json
import math
from collections.abc import Callable, Iterator, Sequence
from datetime import datetime, timezone
from typing import Any, NamedTuple

from psycopg import postgres

from runfold_consumers.api.answers import moment_text, odd_text

Raw = Sequence[bytes | None]
"""A row as it came."""


class Column(NamedTuple):
    """A column of an answer."""

    name: str
    type: str
    """As Postgres calls it."""

    @property
    def kind(self) -> str:
        """bool, int, float, time, json or text: what it becomes."""
        return _KINDS.get(self.type, "text")


_KINDS = {
    "bool": "bool",
    **dict.fromkeys(("int2", "int4", "int8", "oid"), "int"),
    **dict.fromkeys(("float4", "float8", "numeric"), "float"),
    **dict.fromkeys(("timestamptz", "timestamp"), "time"),
    **dict.fromkeys(("json", "jsonb"), "json"),
}


def column(name: bytes, oid: int) -> Column:
    """A column by its name and type, as the answer describes it."""
    known = postgres.types.get(oid)
    if known is None:
        return Column(name.decode("utf-8", "replace"), "text")
    return Column(name.decode("utf-8", "replace"), known.name + ("[]" if known.array_oid == oid else ""))


def of_json(columns: Sequence[Column], rows: Sequence[Raw]) -> Iterator[list[Any]]:
    """Rows as JSON carries them, one by one: what a json value unfolds to may be large."""
    made = [_JSON[one.kind] for one in columns]
    for row in rows:
        yield [None if raw is None else make(raw) for make, raw in zip(made, row, strict=True)]


def of_arrow(columns: Sequence[Column], rows: Sequence[Raw]) -> list[list[Any]]:
    """Columns as Arrow takes them: bool, int, float, datetime, text."""
    made = [_ARROW[one.kind] for one in columns]
    return [
        [None if row[place] is None else make(row[place]) for row in rows]  # type: ignore[arg-type]
        for place, make in enumerate(made)
    ]


def of_csv(columns: Sequence[Column], rows: Sequence[Raw]) -> str:
    """RFC 4180, with a line of names; null and an empty text are told apart."""
    lines = [",".join(_quoted(one.name) for one in columns)]
    lines += [",".join("" if raw is None else _quoted(_text(raw)) for raw in row) for row in rows]
    return "\r\n".join([*lines, ""])


def _quoted(text: str) -> str:
    if text == "" or any(sign in text for sign in ',"\r\n'):
        return '"' + text.replace('"', '""') + '"'
    return text


def _text(raw: bytes) -> str:
    return raw.decode("utf-8", "replace")


def _bool(raw: bytes) -> bool:
    return raw == b"t"


def _float(raw: bytes) -> float:
    return float(raw)


def _json_float(raw: bytes) -> float | str:
    value = float(raw)
    return value if math.isfinite(value) else odd_text(value)


def _moment(raw: bytes) -> datetime | None:
    """None where Postgres knows a time that Python does not: infinity, or a year before 1 or after 9999."""
    try:
        moment = datetime.fromisoformat(_padded(raw.decode()))
        return moment.replace(tzinfo=moment.tzinfo or timezone.utc).astimezone(timezone.utc)
    except (ValueError, OverflowError):
        return None


def _padded(text: str) -> str:
    """`2026-11-24 14:00:00.5+00` as every Python reads it."""
    moment, sign, zone = text, "", ""
    for mark in ("+", "-"):
        head, found, tail = text[11:].partition(mark)
        if found:
            moment, sign, zone = text[:11] + head, mark, tail
            break
    whole, _, fraction = moment.partition(".")
    return f"{whole}.{fraction:0<6}{sign}{zone if ':' in zone else f'{zone}:00' if zone else ''}"


def _json_moment(raw: bytes) -> str:
    moment = _moment(raw)
    return _text(raw) if moment is None else moment_text(moment)


def _document(raw: bytes) -> Any:
    try:
        told = json.loads(raw, parse_constant=_refused)
        json.dumps(told, allow_nan=False, ensure_ascii=False).encode()
    except (ValueError, RecursionError):
        return _text(raw)
    return told


def _refused(constant: str) -> Any:
    raise ValueError(f"{constant} is no JSON")


_JSON: dict[str, Callable[[bytes], Any]] = {
    "bool": _bool, "int": int, "float": _json_float, "time": _json_moment, "json": _document, "text": _text,
}  # fmt: skip
_ARROW: dict[str, Callable[[bytes], Any]] = {
    "bool": _bool, "int": int, "float": _float, "time": _moment, "json": _text, "text": _text,
}  # fmt: skip
