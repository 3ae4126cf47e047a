"""What the words and quoted texts of a filter mean: it follows from the type of what they are compared with. Pure."""

from __future__ import annotations

import math
import re
from collections.abc import Sequence
from datetime import datetime, timedelta, timezone

from runfold_consumers.api.search.tree import Ago, Moment, Number, Ref, Text, Truth, Value
from runfold_consumers.fold.completeness import COMPLETE, COMPLETE_WITH_DECLARED_LOSS, OPEN
from runfold_schemas.statuses import STATUSES

_NUMBER = re.compile(r"[+-]?(\d+\.?\d*|\.\d+)([eE][+-]?\d+)?", re.ASCII)
_NOT_FINITE = re.compile(r"nan|[+-]?inf(inity)?", re.IGNORECASE)
_MOMENT = re.compile(
    r"(\d{4}-\d\d-\d\d)(?:[Tt ](\d\d:\d\d)(?:(:\d\d)(?:\.(\d{1,6}))?)?([Zz]|[+-]\d\d:\d\d)?)?", re.ASCII
)
_AGO = re.compile(r"-(\d{1,7}(?:\.\d{1,6})?)(s|m|h|d|w)", re.ASCII)
_UNITS = {"s": "seconds", "m": "minutes", "h": "hours", "d": "days", "w": "weeks"}
_VERDICTS = (COMPLETE, COMPLETE_WITH_DECLARED_LOSS, OPEN)
_STATUS_OF = {status.lower(): status for status in STATUSES}


class NotOne(ValueError):
    """A word that is no value of the type; `expected` says what would be."""

    def __init__(self, message: str, expected: list[str]) -> None:
        super().__init__(message)
        self.expected = expected


def value_of(ref: Ref, text: str, quoted: bool) -> Value:
    """The value that a text stands for when it is compared with a ref.

    Args:
        ref: what it is compared with.
        text: the word, or the quoted text without its quotes.
        quoted: whether it stood in quotes: then it is no number.

    Raises:
        NotOne: the ref's values are of another type.
    """
    if ref.type == "number":
        return _number(ref, text, quoted)
    if ref.type == "time":
        return _time(ref, text)
    if ref.type == "truth":
        if text.lower() not in ("true", "false"):
            raise NotOne(f"{ref} is true or false; {_shown(text)} is neither", ["true", "false"])
        return Truth(text.lower() == "true")
    if ref.kind != "field":
        is_number = not quoted and _NUMBER.fullmatch(text) is not None and math.isfinite(float(text))
        return Number(text) if is_number else Text(text)
    if ref.name == "status":
        return Text(_STATUS_OF.get(text.lower(), text))  # an unknown status is one of a newer release
    if ref.name == "complete" and text not in _VERDICTS:
        raise NotOne(f"complete is {alternatives(_VERDICTS)}; {_shown(text)} is none of them", list(_VERDICTS))
    return Text(text)


def _number(ref: Ref, text: str, quoted: bool) -> Number:
    if not quoted and _NOT_FINITE.fullmatch(text):
        return Number(text)
    if not quoted and _NUMBER.fullmatch(text):
        if math.isfinite(float(text)):
            return Number(text)
        raise NotOne(f"{_shown(text)} is larger than any number; the largest is 1.7976931348623157e308", ["a number"])
    found = f'"{text[:40]}" in quotes is a text' if quoted else f"{_shown(text)} is none"
    raise NotOne(f"{ref} is compared with a number; {found}", ["a number, such as 0.2 or 1e-3"])


def _time(ref: Ref, text: str) -> Moment | Ago:
    ago = _AGO.fullmatch(text)
    if ago:
        return Ago(text, timedelta(**{_UNITS[ago[2]]: float(ago[1])}))
    found = _MOMENT.fullmatch(text)
    try:
        if found:
            day, clock, seconds, fraction, zone = found.groups()
            zone = "+00:00" if zone in (None, "Z", "z") else zone
            iso = f"{day}T{clock or '00:00'}{seconds or ':00'}.{(fraction or '').ljust(6, '0')}{zone}"
            return Moment(datetime.fromisoformat(iso).astimezone(timezone.utc))
    except (ValueError, OverflowError):
        pass  # the 31st of February; the first hours of year 1 in a zone east of Greenwich
    raise NotOne(
        f"{ref} is compared with a time; {_shown(text)} is none",
        ["a date, such as 2026-11-01", "a time, such as 2026-11-01T08:30Z", "a time ago: -90s, -15m, -12h, -7d, -2w"],
    )


def _shown(text: str) -> str:
    return repr(text[:40] + "..." if len(text) > 40 else text)


def alternatives(words: Sequence[str]) -> str:
    """Of these words one, in a sentence: `a, b or c`."""
    return words[0] if len(words) == 1 else ", ".join(words[:-1]) + " or " + words[-1]
