"""Cursors: a place in a listing as opaque text. Pages follow each other without gap or repeat while rows are added."""

from __future__ import annotations

import base64
import binascii
import json
from datetime import datetime
from typing import Annotated, Any

from fastapi import Query

from runfold_consumers.api.errors import ApiError, invalid

PAGE_ROWS_MAX = 1000
PAGE_BYTES_MAX = 8 << 20  # of bodies on a page of them, and the last one: each may hold a message of nearly 1 MiB

Cursor = Annotated[
    str | None, Query(max_length=4096, description="`next_cursor` of the page before; none for the first.")
]
Limit = Annotated[int, Query(ge=1, le=PAGE_ROWS_MAX, description="Rows of a page.")]


def cursor_of(*place: str | int | datetime) -> str:
    """The cursor that `place_of` reads."""
    parts = [part.isoformat() if isinstance(part, datetime) else part for part in place]
    text = json.dumps(parts, separators=(",", ":"))
    return base64.urlsafe_b64encode(text.encode()).rstrip(b"=").decode()


def place_of(cursor: str | None, *kinds: type) -> tuple[Any, ...]:
    """The place that a cursor names, Nones without one.

    Args:
        cursor: what the caller sent.
        kinds: of each part: str, int or datetime.

    Raises:
        ApiError: 400, it is no cursor of this listing.
    """
    if cursor is None:
        return (None,) * len(kinds)
    try:
        parts = json.loads(base64.b64decode(cursor + "=" * (-len(cursor) % 4), altchars=b"-_", validate=True))
        if not isinstance(parts, list) or len(parts) != len(kinds):
            raise ValueError("wrong number of parts")
        return tuple(_part(part, kind) for part, kind in zip(parts, kinds, strict=True))
    except (binascii.Error, ValueError, RecursionError) as error:
        raise _no_cursor(cursor) from error


def _part(part: object, kind: type) -> object:
    if kind is datetime and isinstance(part, str):
        moment = datetime.fromisoformat(part)
        if moment.tzinfo is None:
            raise ValueError("a moment without time zone")
        return moment
    if type(part) is not kind or (isinstance(part, int) and not 0 <= part < 1 << 63):
        raise ValueError(f"{part!r} is no {kind.__name__}")
    if isinstance(part, str):
        part.encode()  # refuses lone surrogates
    return part


def _no_cursor(cursor: str) -> ApiError:
    return invalid(
        f"{cursor[:40]!r} is no cursor of this listing; send the `next_cursor` of the page before, as it came"
    )
