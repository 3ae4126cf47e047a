"""Filters on tags and properties: `"key"`, or `{"key": value, ...}` where null asks for a key without a value, or a
list of these.

A bare key matches whatever its value, null too. Several entries must all match. Values are compared as the text that
the client stores of them: 1 as "1", true as "True" (run_api section 8.10).
"""

from __future__ import annotations

import json
from typing import NamedTuple

from runfold_consumers.api.errors import ApiError, invalid

ENTRIES_MAX = 100
ABOUT = (
    'JSON: "key" (whatever its value), {"key": value, ...} (null asks for a key without a value), or a list of these: '
    "all must match."
)


class Filter(NamedTuple):
    """Three parallel columns, as the statement takes them."""

    keys: list[str]
    values: list[str | None]
    any_value: list[bool]

    def parameters(self, of: str) -> dict[str, object]:
        """As parameters of a statement, `<of>_keys` and so on."""
        return {f"{of}_keys": self.keys, f"{of}_values": self.values, f"{of}_any": self.any_value}


def parse(name: str, text: str | None) -> Filter:
    """The filter that a query parameter asks for.

    Args:
        name: the parameter's, for messages.
        text: JSON: a string, an object, or a list of these; None for no filter.

    Raises:
        ApiError: 400, it is none of these.
    """
    if text is None:
        return Filter([], [], [])
    try:
        wanted = json.loads(text)
    except (ValueError, RecursionError):
        raise _refused(name, text) from None
    entries = [
        entry for part in (wanted if isinstance(wanted, list) else [wanted]) for entry in _entries(name, text, part)
    ]
    if len(entries) > ENTRIES_MAX:
        raise _refused(name, text)
    return Filter(*(list(column) for column in zip(*entries, strict=True))) if entries else Filter([], [], [])


def _entries(name: str, text: str, wanted: object) -> list[tuple[str, str | None, bool]]:
    if isinstance(wanted, str):
        return [(_storable(name, wanted), None, True)]
    if not isinstance(wanted, dict):
        raise _refused(name, text)
    return [(_storable(name, key), _text(name, text, value), False) for key, value in wanted.items()]


def _text(name: str, text: str, value: object) -> str | None:
    if value is None:
        return None
    if isinstance(value, (dict, list)):
        raise _refused(name, text)
    return _storable(name, str(value))


def _storable(name: str, text: str) -> str:
    """What no run can carry is refused at the call already, so it is here too."""
    if "\0" in text or any("\ud800" <= character <= "\udfff" for character in text):
        raise invalid(f"{name}: {text!r} holds NUL or a lone surrogate, which no key or value can")
    return text


def _refused(name: str, text: str) -> ApiError:
    return invalid(
        f'{name}: {text[:100]!r} is no filter; allowed is JSON: "key", an object whose values are strings, numbers, '
        f"true, false or null, or a list of these; at most {ENTRIES_MAX} entries"
    )
