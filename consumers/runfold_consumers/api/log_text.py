"""Text of a log, put together from the rows that it came in. Pure.

A log is the bytes of one writer under one name, counted from 1. Rows never overlap, but may be cut anywhere, and some
may still be on their way: a reader gets what comes without a hole, and asks again. Only what was declared lost is
passed over, and counted.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import NamedTuple

from runfold_consumers.fold.lanes import Ranges


class Row(NamedTuple):
    """Bytes [first, last] of a log."""

    first: int
    last: int
    data: bytes


class Piece(NamedTuple):
    """What can be read from a place on, where to read on, and how many bytes before that are lost for good."""

    data: bytes
    next: int
    lost: int


def piece(rows: Iterable[Row], first: int, limit: int, declared: Ranges) -> Piece:
    """At most `limit` bytes from ordinal `first` on, up to the first hole that was not declared lost.

    Args:
        rows: in order, from the one that holds `first` or the next after it.
        first: ordinal of the first byte wanted.
        limit: bytes at most.
        declared: ordinals that are lost, half-open.
    """
    parts: list[bytes] = []
    place, lost = first, 0
    for row in rows:
        if row.last < place:
            continue
        if row.first > place:
            if not _covered(place, row.first, declared):
                break
            lost += row.first - place
            place = row.first
        part = row.data[place - row.first :][:limit]
        parts.append(part)
        place += len(part)
        limit -= len(part)
        if limit == 0:
            break
    return Piece(b"".join(parts), place, lost)


def _covered(first: int, end: int, ranges: Sequence[tuple[int, int]]) -> bool:
    """Whether one of the ranges, which never touch each other, holds all of [first, end)."""
    return any(start <= first and end <= stop for start, stop in ranges)
