"""Algebra of sets of ordinals: sorted, disjoint, non-adjacent half-open ranges, as `int8multirange` keeps them.

`((1, 6), (8, 9))` is {1, 2, 3, 4, 5, 8}. Nearly every lane is one range that grows at its end, so that case costs one
comparison; the rest is linear in the number of ranges. All functions take and give canonical ranges, and are pure.
"""

from __future__ import annotations

from bisect import bisect_right
from collections.abc import Iterable, Mapping, MutableMapping
from typing import NamedTuple

Range = tuple[int, int]
Ranges = tuple[Range, ...]
EMPTY: Ranges = ()
FACTS = "facts"  # streams
POINTS = "points"
LOG = "log/"  # and the log's name


class LaneKey(NamedTuple):
    """A lane as the fold names it: where it lies, and who says what about whom."""

    workspace: str
    partition: int
    aggregate_kind: str
    aggregate_id: str
    writer_id: str
    stream: str


def add(ranges: Ranges, lower: int, upper: int) -> Ranges:
    """`ranges` with [lower, upper) in it; lower < upper."""
    if not ranges:
        return ((lower, upper),)
    last = ranges[-1]
    if lower == last[1]:
        return (*ranges[:-1], (last[0], upper))
    if lower > last[1]:
        return (*ranges, (lower, upper))
    return union(ranges, ((lower, upper),))


def fresh(ranges: Ranges, lower: int, upper: int) -> Ranges:
    """What of [lower, upper) is not in `ranges`; lower < upper."""
    whole = ((lower, upper),)
    return whole if not ranges or lower >= ranges[-1][1] else subtract(whole, ranges)


def take(ranges: Ranges, ordinal: int) -> Ranges | None:
    """`ranges` with the ordinal in it; None when it was there."""
    if len(ranges) == 1 and ranges[0][1] == ordinal:
        return ((ranges[0][0], ordinal + 1),)
    return None if contains(ranges, ordinal) else add(ranges, ordinal, ordinal + 1)


def take_range(
    changed: MutableMapping[LaneKey, Ranges], seen: Mapping[LaneKey, Ranges], lane: LaneKey, lower: int, upper: int
) -> Ranges:
    """What of [lower, upper) is new in a lane (P7), which `changed`, what is seen from now on, then holds."""
    known = changed.get(lane) or seen.get(lane, EMPTY)
    new = fresh(known, lower, upper)
    for part in new:
        known = changed[lane] = add(known, *part)
    return new


def union(left: Ranges, right: Ranges) -> Ranges:
    """Ordinals of either."""
    return canonical((*left, *right))


def canonical(ranges: Iterable[Range]) -> Ranges:
    """The same set, sorted and merged; empty ranges fall away."""
    merged: list[Range] = []
    for lower, upper in sorted(ranges):
        if lower >= upper:
            continue
        if merged and lower <= merged[-1][1]:
            if upper > merged[-1][1]:
                merged[-1] = (merged[-1][0], upper)
        else:
            merged.append((lower, upper))
    return tuple(merged)


def subtract(left: Ranges, right: Ranges) -> Ranges:
    """Ordinals of `left` that are not in `right`."""
    if not right:
        return left
    left_over: list[Range] = []
    position = 0
    for start, upper in left:
        lower = start
        while position < len(right) and right[position][1] <= lower:
            position += 1
        ahead = position
        while ahead < len(right) and right[ahead][0] < upper:
            if right[ahead][0] > lower:
                left_over.append((lower, right[ahead][0]))
            lower = max(lower, right[ahead][1])
            ahead += 1
        if lower < upper:
            left_over.append((lower, upper))
    return tuple(left_over)


def contains(ranges: Ranges, ordinal: int) -> bool:
    """Whether the ordinal is in the set."""
    if not ranges or ordinal >= ranges[-1][1]:
        return False
    place = bisect_right(ranges, (ordinal, _BEYOND)) - 1
    return place >= 0 and ordinal < ranges[place][1]


def end(ranges: Ranges) -> int:
    """The greatest ordinal of the set; 0 when it is empty."""
    return ranges[-1][1] - 1 if ranges else 0


def gaps(ranges: Ranges) -> Ranges:
    """Ordinals from 1 to `end` that are missing."""
    return subtract(((1, end(ranges) + 1),), ranges) if ranges else EMPTY


_BEYOND = 1 << 63
