"""Bodies of the journal's frames: a kind byte, then what the kind says. Pure; little-endian, no padding.

SEGMENT_HEAD   u32 segment, u32 count, per lane u32 lane, u64 next ordinal that the journal may hold
FACT           u32 lane, u64 ordinal, the framed Avro message
TEXT_POINT     u32 series, u64 ordinal, i64 step, f64 time, the value in UTF-8
LOSS           u32 lane, u64 first, u64 last, the reason in ASCII
CLOSED         u32 count, per lane u32 lane, u64 last ordinal
LOG            u32 lane, u64 first ordinal, f64 time, u32 attempt, bytes of the log
"""

from __future__ import annotations

import struct
from collections.abc import Mapping
from typing import Final, NamedTuple

SEGMENT_HEAD: Final = 1
FACT: Final = 2
TEXT_POINT: Final = 3
LOSS: Final = 4
CLOSED: Final = 5
LOG: Final = 6

_HEAD = struct.Struct("<BII")
_FACT = struct.Struct("<BIQ")
_TEXT = struct.Struct("<BIQqd")
_LOSS = struct.Struct("<BIQQ")
_CLOSED = struct.Struct("<BI")
_LOG = struct.Struct("<BIQdI")
_LANE = struct.Struct("<IQ")
LANE_BYTES: Final = _LANE.size


class SegmentHead(NamedTuple):
    """First frame of a segment."""

    segment: int
    next_ordinals: Mapping[int, int]


class FactFrame(NamedTuple):
    """A fact, encoded."""

    lane: int
    ordinal: int
    message: bytes


class TextPoint(NamedTuple):
    """A metric point whose value is text: a string, or an integer no double can hold."""

    series: int
    ordinal: int
    step: int
    time: float
    text: str


class LossFrame(NamedTuple):
    """Ordinals that the writer had to drop."""

    lane: int
    first: int
    last: int
    reason: str


class LogFrame(NamedTuple):
    """A piece of a log's text; its ordinals are its bytes."""

    lane: int
    first: int
    time: float
    attempt: int
    data: bytes


class ClosedFrame(NamedTuple):
    """The writer's last word."""

    last_ordinals: Mapping[int, int]


Frame = SegmentHead | FactFrame | TextPoint | LossFrame | LogFrame | ClosedFrame


def segment_head(segment: int, next_ordinals: Mapping[int, int]) -> bytes:
    """Body of a SEGMENT_HEAD."""
    return _HEAD.pack(SEGMENT_HEAD, segment, len(next_ordinals)) + _lanes(next_ordinals)


def fact(lane: int, ordinal: int, message: bytes) -> bytes:
    """Body of a FACT."""
    return _FACT.pack(FACT, lane, ordinal) + message


def text_point(series: int, ordinal: int, step: int, time: float, text: bytes) -> bytes:
    """Body of a TEXT_POINT; the text comes as UTF-8."""
    return _TEXT.pack(TEXT_POINT, series, ordinal, step, time) + text


def loss(lane: int, first: int, last: int, reason: str) -> bytes:
    """Body of a LOSS."""
    return _LOSS.pack(LOSS, lane, first, last) + reason.encode("ascii")


def log(lane: int, first: int, time: float, attempt: int, data: bytes) -> bytes:
    """Body of a LOG."""
    return _LOG.pack(LOG, lane, first, time, attempt) + data


def closed(last_ordinals: Mapping[int, int]) -> bytes:
    """Body of a CLOSED."""
    return _CLOSED.pack(CLOSED, len(last_ordinals)) + _lanes(last_ordinals)


def parse(body: bytes) -> Frame | None:
    """What a body says; None when it says nothing that this release knows."""
    try:
        kind = body[0]
        if kind == FACT:
            _, lane, ordinal = _FACT.unpack_from(body)
            return FactFrame(lane, ordinal, body[_FACT.size :])
        if kind == TEXT_POINT:
            _, series, ordinal, step, time = _TEXT.unpack_from(body)
            return TextPoint(series, ordinal, step, time, body[_TEXT.size :].decode())
        if kind == LOG:
            _, lane, first, time, attempt = _LOG.unpack_from(body)
            return LogFrame(lane, first, time, attempt, body[_LOG.size :])
        if kind == LOSS:
            _, lane, first, last = _LOSS.unpack_from(body)
            return LossFrame(lane, first, last, body[_LOSS.size :].decode("ascii"))
        if kind == SEGMENT_HEAD:
            _, segment, count = _HEAD.unpack_from(body)
            return SegmentHead(segment, _lanes_of(body, _HEAD.size, count))
        if kind == CLOSED:
            _, count = _CLOSED.unpack_from(body)
            return ClosedFrame(_lanes_of(body, _CLOSED.size, count))
    except (IndexError, struct.error, UnicodeDecodeError):
        return None
    return None


def _lanes(ordinals: Mapping[int, int]) -> bytes:
    return b"".join(_LANE.pack(lane, ordinal) for lane, ordinal in ordinals.items())


def _lanes_of(body: bytes, at: int, count: int) -> dict[int, int]:
    return dict(_LANE.iter_unpack(body[at : at + count * LANE_BYTES]))
