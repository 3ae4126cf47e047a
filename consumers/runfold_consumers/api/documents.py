"""JSON that clients wrote into text fields of events, as answers can carry it."""

from __future__ import annotations

import json
from typing import Any

_SHOWN_MAX = 1000


def document(text: str) -> dict[str, Any]:
    """The object that a text says; `{"unreadable": <its beginning>}` where it says none that JSON can carry on."""
    try:
        told = json.loads(text, parse_constant=_refused)
        json.dumps(told, allow_nan=False, ensure_ascii=False).encode()  # refuses 1e999 and lone surrogates
    except (ValueError, RecursionError):
        told = None
    return told if isinstance(told, dict) else {"unreadable": text[:_SHOWN_MAX]}


def _refused(constant: str) -> Any:
    raise ValueError(f"{constant} is no JSON")
