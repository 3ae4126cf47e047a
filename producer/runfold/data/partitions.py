"""Columns that a table's paths tell: '/{region}/{day:yyyy/MM/dd}/data.csv'. Pure.

A part `{name}` is text without '/'; `{name:pattern}` is a time, whose pattern has yyyy, MM, dd, HH, mm and ss. `*` fits
within a part of the path, and the whole fits a path's end.
"""

from __future__ import annotations

import datetime
import re
from typing import NamedTuple

from runfold.exceptions import UserErrorException

_PART = re.compile(r"\{(?P<name>[^{}:]+)(?::(?P<time>[^{}]+))?\}|(?P<star>\*+)")
_TIME = re.compile("yyyy|MM|dd|HH|mm|ss")
_FIELDS = {"yyyy": "year", "MM": "month", "dd": "day", "HH": "hour", "mm": "minute", "ss": "second"}


class Pattern(NamedTuple):
    """What a path's end must be, and what its groups are: (column, field of a time, or None for text)."""

    expression: re.Pattern[str]
    groups: list[tuple[str, str | None]]


def pattern(partition_format: object) -> Pattern:
    """A partition format, to be compared with paths.

    :raises UserErrorException: It names no column, or one twice.
    """
    if not isinstance(partition_format, str):
        raise UserErrorException(f"partition_format is text, it was {partition_format!r:.200}.")
    text, place = partition_format.lstrip("/"), 0
    groups: list[tuple[str, str | None]] = []
    expression = ["(?:^|/)"]
    for part in _PART.finditer(text):
        expression.append(re.escape(text[place : part.start()]))
        place = part.end()
        if part["star"]:
            expression.append("[^/]*")
        elif part["time"]:
            expression.append(_time(part["name"], part["time"], groups))
        else:
            expression.append("([^/]+)")
            groups.append((part["name"], None))
    expression.append(re.escape(text[place:]))
    if not groups or len(set(groups)) != len(groups):
        raise UserErrorException(
            f"partition_format {partition_format!r:.200} must name columns, each once, such as "
            "'/{region}/{day:yyyy/MM/dd}/data.csv'."
        )
    return Pattern(re.compile("".join(expression) + "$"), groups)


def columns(made: Pattern, path: str) -> dict[str, str | datetime.datetime]:
    """What a path tells, by column.

    :raises UserErrorException: The path does not fit.
    """
    found = made.expression.search(path)
    if found is None:
        raise UserErrorException(f"{path} does not fit the partition_format; {made.expression.pattern!r} is expected.")
    texts: dict[str, str | datetime.datetime] = {}
    times: dict[str, dict[str, int]] = {}
    for (name, field), text in zip(made.groups, found.groups(), strict=True):
        if field is None:
            texts[name] = text
        else:
            times.setdefault(name, {})[field] = int(text)
            texts[name] = ""  # its place among the columns
    for name, fields in times.items():
        try:
            texts[name] = datetime.datetime(**{"year": 1900, "month": 1, "day": 1, **fields})  # type: ignore[arg-type]  # noqa: DTZ001
        except ValueError as error:
            raise UserErrorException(f"{path} tells no time for column {name!r}: {error}.") from error
    return texts


def _time(name: str, said: str, groups: list[tuple[str, str | None]]) -> str:
    expression, place = [], 0
    for field in _TIME.finditer(said):
        expression.append(re.escape(said[place : field.start()]))
        expression.append(rf"(\d{{{len(field[0])}}})")
        groups.append((name, _FIELDS[field[0]]))
        place = field.end()
    if not expression:
        raise UserErrorException(f"The pattern of column {name!r} is {said!r}; yyyy, MM, dd, HH, mm, ss are allowed.")
    return "".join(expression) + re.escape(said[place:])
