"""A writer's lanes, the records of them that wait, and the first frames of a segment, which tell both. No I/O."""

from __future__ import annotations

from array import array
from collections.abc import Collection, Iterable

from runfold.journal import frames
from runfold.journal.dictionary import LaneEntry
from runfold.journal.format import frame
from runfold.journal.losses import DISK_FULL


class LaneTail:
    """One lane: its id in the dictionary, its last ordinal, and the first one of those that were dropped (else 0)."""

    __slots__ = ("entry", "id", "last", "lost")

    def __init__(self, lane_id: int, entry: LaneEntry) -> None:
        self.id, self.entry, self.last, self.lost = lane_id, entry, 0, 0


class Deferred:
    """A record that a signal handler appended: numbered, not yet written."""

    __slots__ = ("after", "count", "first", "lane", "start", "words")

    def __init__(self, lane: LaneTail, first: int, count: int, words: array[int]) -> None:
        self.lane, self.first, self.count, self.words = lane, first, count, words
        self.start = self.after = -1  # its place, once it has one


def segment_head(
    number: int, lanes: Collection[LaneTail], deferred: Iterable[Deferred]
) -> tuple[array[int], list[LaneTail]]:
    """The first frames of a segment: where each lane goes on, and what was dropped; and the lanes that lost something.

    Args:
        number: the segment's.
        lanes: all of the writer's.
        deferred: records that have their ordinals already, and come behind this head.
    """
    # Ends first, then what waits: a handler that defers a record in between is behind the end that was seen.
    ends = [(lane, lane.last) for lane in list(lanes)]
    waiting: dict[int, int] = {}
    for record in list(deferred):
        waiting.setdefault(record.lane.id, record.first)
    following = {lane.id: waiting.get(lane.id, last + 1) for lane, last in ends}
    lost = {lane.id: lane.lost for lane, _ in ends if lane.lost}
    words = frame(frames.segment_head(number, {**following, **lost}))
    for lane_id, first in lost.items():
        words += frame(frames.loss(lane_id, first, following[lane_id] - 1, DISK_FULL))
    return words, [lane for lane, _ in ends if lane.id in lost]
