"""What a journal's reader hands out, in journal order; within a lane that is ordinal order.

A batch says all that a cutter needs: points come as columns of one lane with consecutive ordinals, so that an event is
a slice of them, and facts as the very message that was encoded when they were stated.
"""

from __future__ import annotations

from array import array
from collections.abc import Mapping, Sequence
from typing import NamedTuple

from runfold_schemas.events import Series
from runfold_schemas.watermark import Lane


class Points(NamedTuple):
    """Metric points of one lane with the ordinals first_ordinal, first_ordinal + 1, ...

    Attributes:
        lane: (points, run, run id, writer).
        first_ordinal: ordinal of the first point.
        ids: per point, its series id in this journal; array('I').
        series: definitions of the ids that occur here, in no particular order.
        step: per point, by the series' axis: the user's step, the point's ordinal, the ordinal of the row's first cell;
            array('q').
        time: per point, unix seconds UTC; array('d').
        value: per point, the number, and for string and bigint points the place in `texts`; array('d').
        texts: values of string and bigint points, in order.
    """

    lane: Lane
    first_ordinal: int
    ids: array[int]
    series: Mapping[int, Series]
    step: array[int]
    time: array[float]
    value: array[float]
    texts: Sequence[str] = ()

    @property
    def last_ordinal(self) -> int:
        """Ordinal of the last point."""
        return self.first_ordinal + len(self.ids) - 1


class Fact(NamedTuple):
    """One fact: the message as it was framed when it was stated."""

    lane: Lane
    ordinal: int
    message: bytes


class LogText(NamedTuple):
    """A piece of one log, with the ordinals first_ordinal, first_ordinal + 1, ...: one for each byte.

    Attributes:
        lane: (log/<name>, run, run id, writer).
        first_ordinal: ordinal of the first byte.
        data: the bytes, at least one. Where they were cut says nothing: it may be within a character.
        time: when the call was made that appended them; unix seconds UTC.
        attempt: which start of the job appended them.
    """

    lane: Lane
    first_ordinal: int
    data: bytes
    time: float
    attempt: int = 0

    @property
    def last_ordinal(self) -> int:
        """Ordinal of the last byte."""
        return self.first_ordinal + len(self.data) - 1


class Loss(NamedTuple):
    """Ordinals of a lane, both ends included, that this journal does not hold and never will.

    Attributes:
        reason: `disk_full` where the writer dropped them and said so, `damaged` where bytes are torn or flipped,
            `interrupted` where a call was broken off between numbering and writing.
    """

    lane: Lane
    first: int
    last: int
    reason: str


class Closed(NamedTuple):
    """The writer ended by itself: the last ordinal of each of its lanes."""

    ends: Mapping[Lane, int]


Batch = Points | Fact | LogText | Loss | Closed
