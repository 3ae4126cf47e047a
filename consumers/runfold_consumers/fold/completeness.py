"""Whether all that was said about a run has arrived (P11).

A run is complete when, in every lane of its writers (facts, points, each log), the seen and the declared ordinals
together cover [1..closed]. A lane that nobody closed, or whose writer spoke on after its claim, is open: what was seen
beyond the claim tells it, or a heartbeat's high-water mark, which also shows what is missing of a lane that was never
closed.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import NamedTuple

from runfold_consumers.fold.lanes import EMPTY, Ranges, end, subtract

COMPLETE = "complete"
COMPLETE_WITH_DECLARED_LOSS = "complete_with_declared_loss"
OPEN = "open"


class LaneState(NamedTuple):
    """What is known of one lane: seen ordinals, ordinals declared lost, the claimed end (None: not closed), and the
    greatest last ordinal that a heartbeat named (0: none did)."""

    stream: str
    writer_id: str
    seen: Ranges = EMPTY
    declared: Ranges = EMPTY
    closed: int | None = None
    marked: int = 0


class LaneRanges(NamedTuple):
    """Ordinals of one lane, as half-open ranges."""

    stream: str
    writer_id: str
    ranges: Ranges


class Completeness(NamedTuple):
    """The verdict, with what is missing and what was declared lost and is indeed not there.

    `unclosed` names the lanes, as (stream, writer), that may still grow: not closed, or heard of beyond their claim.
    """

    complete: str
    missing: tuple[LaneRanges, ...]
    declared: tuple[LaneRanges, ...]
    unclosed: tuple[tuple[str, str], ...]


def completeness(lanes: Iterable[LaneState]) -> Completeness:
    """Judges all lanes of one run together. A run without any lane is open: nothing has been heard of it."""
    missing: list[LaneRanges] = []
    declared: list[LaneRanges] = []
    unclosed: list[tuple[str, str]] = []
    heard = False
    for lane in sorted(lanes):
        heard = True
        last = max(end(lane.seen), lane.marked)
        if lane.closed is None or last > lane.closed:
            unclosed.append((lane.stream, lane.writer_id))
        reach = max(last, lane.closed or 0)
        absent = subtract(((1, reach + 1),), lane.seen) if reach else EMPTY
        lost = subtract(lane.declared, lane.seen)
        owed = subtract(absent, lane.declared)
        if owed:
            missing.append(LaneRanges(lane.stream, lane.writer_id, owed))
        if lost:
            declared.append(LaneRanges(lane.stream, lane.writer_id, lost))
    verdict = COMPLETE_WITH_DECLARED_LOSS if declared else COMPLETE
    if missing or unclosed or not heard:
        verdict = OPEN
    return Completeness(verdict, tuple(missing), tuple(declared), tuple(unclosed))
