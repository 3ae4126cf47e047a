"""What the journal's reader gives, cut into messages. Pure: same batches, same binding, same messages.

    Points   -> MetricLogged, at most 16,000 points and 900 KiB each, with a series dictionary of its own  (telemetry)
    LogText  -> LogAppended, pieces of a log that follow each other as one, up to 256 KiB                  (telemetry)
    Fact     -> the message as it stands in the journal                                                    (facts)
    Loss     -> LossDeclared                                                                               (facts)
    Closed   -> WriterClosed for each aggregate                                                            (facts)

A lane's messages come in ordinal order. Where a journal is cut does not matter (design P3): any cut gives the same
points under the same ordinals. Ordinals are the journal's; nothing is numbered here.

An offline journal knows no experiment: its RunStarted has an empty one, and what it says about the experiment has an
empty aggregate id. Once the journal is bound to an experiment its name is filled in here, every time in the same way.
"""

from __future__ import annotations

import sys
from array import array
from collections.abc import Iterable, Iterator, Mapping, Sequence
from itertools import count
from typing import NamedTuple

from runfold.journal.batches import Batch, Closed, Fact, LogText, Loss, Points
from runfold_schemas import catalog
from runfold_schemas.codec import TEXT_KINDS, decode, encode
from runfold_schemas.events import (
    Event,
    HeartbeatSent,
    LaneEnd,
    LogAppended,
    LossDeclared,
    MetricLogged,
    OrdinalRange,
    RunStarted,
    Series,
    WriterClosed,
)
from runfold_schemas.limits import MESSAGE_BYTES_MAX
from runfold_schemas.topics import key_of, topic_of
from runfold_schemas.watermark import Lane

POINTS_MAX = 16_000
LOG_BYTES = 256 << 10  # of one LogAppended, where pieces are joined
_LOG_BYTES_MAX = MESSAGE_BYTES_MAX - 8192  # of one piece, however it came; what is left is for the name and the rest
_POINT_BYTES_MAX = 3 + 10 + 8 + 8  # place among at most 16,000 series, step, time, value
_SERIES_BYTES_MAX = 32  # of a series beside its names
_TEXT_BYTES_MAX = 5  # of a text beside itself: its length
_ENVELOPE_BYTES_MAX = 4096  # all other fields; the longest run id has 256 characters


class Outgoing(NamedTuple):
    """A message for the broker. `topic` is its kind: facts or telemetry."""

    topic: str
    key: bytes
    value: bytes

    @property
    def schema(self) -> bytes:
        """Fingerprint of the schema that wrote it."""
        return self.value[2:10]


class Cutter:
    """Cuts the batches of one journal."""

    def __init__(self, experiment: str | None = None) -> None:
        """`experiment` is the name that an offline journal was bound to, None for any other journal."""
        self._experiment = experiment

    def cut(self, batches: Iterable[Batch], now_us: int) -> list[Outgoing]:
        """The messages of what was read, in its order.

        Args:
            batches: as the reader gave them.
            now_us: occurred_at of claims, microseconds since 1970-01-01 UTC.
        """
        messages: list[Outgoing] = []
        logs: dict[Lane, list[LogText]] = {}
        for batch in batches:
            if isinstance(batch, Points):
                messages.extend(map(_outgoing, cut_points(batch)))
            elif isinstance(batch, Fact):
                messages.append(self._fact(batch))
            elif isinstance(batch, LogText):
                logs.setdefault(batch.lane, []).append(batch)
            elif isinstance(batch, Loss):
                messages.append(self._loss(batch, now_us))
            else:
                assert isinstance(batch, Closed)
                messages.extend(_log_messages(logs))
                logs = {}
                messages.extend(self.closed(batch.ends, now_us))
        messages.extend(_log_messages(logs))
        return messages

    def heartbeat(self, run_id: str, writer_id: str, ttl_s: float, ends: Mapping[str, int], now_us: int) -> Outgoing:
        """The claim that a writer lives and has journaled, of a run, up to these last ordinals by stream."""
        lanes = tuple(LaneEnd(stream, last) for stream, last in sorted(ends.items()))
        return _outgoing(HeartbeatSent("run", run_id, writer_id, now_us, ttl_s, lanes))

    def closed(self, ends: Mapping[Lane, int], now_us: int) -> list[Outgoing]:
        """The claim, for each aggregate, that its writer said no more than up to these last ordinals."""
        aggregates: dict[tuple[str, str, str], list[LaneEnd]] = {}
        for lane, last in sorted(ends.items()):
            about = (lane.aggregate_kind, self.aggregate_id(lane), lane.writer_id)
            aggregates.setdefault(about, []).append(LaneEnd(lane.stream, last))
        return [_outgoing(WriterClosed(*about, now_us, tuple(lanes))) for about, lanes in aggregates.items()]

    def aggregate_id(self, lane: Lane) -> str:
        """The lane's aggregate id as events name it."""
        unnamed = lane.aggregate_kind == "experiment" and not lane.aggregate_id
        return (self._experiment or "") if unnamed else lane.aggregate_id

    def _loss(self, loss: Loss, now_us: int) -> Outgoing:
        lane = loss.lane
        about = (lane.aggregate_kind, self.aggregate_id(lane), lane.writer_id)
        ranges = (OrdinalRange(loss.first, loss.last),)
        return _outgoing(LossDeclared(*about, now_us, lane.stream, ranges, loss.reason))

    def _fact(self, fact: Fact) -> Outgoing:
        kind, identity = fact.lane.aggregate_kind, fact.lane.aggregate_id
        if self._experiment is not None and (
            (kind == "experiment" and not identity) or fact.message[2:10] == catalog.fingerprint("RunStarted")
        ):
            return _outgoing(self._bound(decode(fact.message)))
        return Outgoing("facts", f"{kind}/{identity}".encode(), fact.message)

    def _bound(self, event: Event) -> Event:
        if isinstance(event, RunStarted):
            return event if event.experiment else event._replace(experiment=self._experiment or "")
        return event._replace(aggregate_id=self._experiment or "")  # type: ignore[call-arg]


def cut_points(points: Points) -> Iterator[MetricLogged]:
    """The points as events in ordinal order, each of which fits into a message."""
    total = len(points.ids)
    for first in range(0, total, POINTS_MAX):
        yield from _fitting(points, first, min(first + POINTS_MAX, total))


def cut_logs(pieces: Sequence[LogText]) -> Iterator[LogAppended]:
    """The pieces of one log, in ordinal order, as events; those that follow each other are joined."""
    group: list[LogText] = []
    size = 0
    for piece in pieces:
        follows = group and group[-1].last_ordinal + 1 == piece.first_ordinal and group[-1].attempt == piece.attempt
        if group and (not follows or size + len(piece.data) > LOG_BYTES):
            yield from _appended(group)
            group, size = [], 0
        group.append(piece)
        size += len(piece.data)
    if group:
        yield from _appended(group)


def _log_messages(logs: Mapping[Lane, Sequence[LogText]]) -> Iterator[Outgoing]:
    for pieces in logs.values():
        yield from map(_outgoing, cut_logs(pieces))


def _appended(group: Sequence[LogText]) -> Iterator[LogAppended]:
    lane, first, _, time, attempt = group[0]
    data = b"".join(piece.data for piece in group)
    for start in range(0, len(data), _LOG_BYTES_MAX):
        yield LogAppended(
            aggregate_kind=lane.aggregate_kind,
            aggregate_id=lane.aggregate_id,
            writer_id=lane.writer_id,
            first_ordinal=first + start,
            occurred_at=round(time * 1e6),
            name=lane.stream.removeprefix("log/"),
            attempt=attempt,
            data=data[start : start + _LOG_BYTES_MAX],
        )


def _fitting(points: Points, first: int, end: int) -> Iterator[MetricLogged]:
    """The points [first, end), halved until each event fits."""
    ids = points.ids[first:end]
    series, index = _dictionary(ids)
    texts = _texts(points, first, end) if points.texts else range(0)
    size = (
        _ENVELOPE_BYTES_MAX
        + _POINT_BYTES_MAX * (end - first)
        + sum(_series_bytes(points.series[id]) for id in series)
        + sum(_TEXT_BYTES_MAX + len(points.texts[place].encode()) for place in texts)
    )
    if size > MESSAGE_BYTES_MAX and end - first > 1:
        middle = (first + end) // 2
        yield from _fitting(points, first, middle)
        yield from _fitting(points, middle, end)
        return
    lane, time = points.lane, points.time[first:end]
    yield MetricLogged(
        aggregate_kind=lane.aggregate_kind,
        aggregate_id=lane.aggregate_id,
        writer_id=lane.writer_id,
        first_ordinal=points.first_ordinal + first,
        occurred_at=round(time[0] * 1e6),
        series=tuple(points.series[id] for id in series),
        texts=points.texts[texts.start : texts.stop],
        index=index,
        step=points.step[first:end],
        time=time,
        value=_values(points, first, end, texts.start),
    )


def _dictionary(ids: array[int]) -> tuple[list[int], array[int]]:
    """The distinct ids, ascending, and for each point the place of its id among them."""
    width = ids.itemsize
    raw = ids.tobytes()
    low = raw[::width] if sys.byteorder == "little" else raw[width - 1 :: width]
    high = range(1, width) if sys.byteorder == "little" else range(width - 1)
    if any(raw[place::width].strip(b"\0") for place in high):
        listed = ids.tolist()
        distinct = sorted(set(listed))
        return distinct, array("i", map(dict(zip(distinct, count())).__getitem__, listed))
    # All ids are below 256, as in most journals: a few passes in C instead of a look-up for each point.
    distinct = [id for id in range(256) if id in low]
    places = bytearray(256)
    for place, id in enumerate(distinct):
        places[id] = place
    return distinct, array("B", low.translate(places))


def _texts(points: Points, first: int, end: int) -> range:
    """Which of the texts belong to the points [first, end): they stand in the points' order."""
    if end - first == len(points.ids):
        return range(len(points.texts))
    textual = _textual(points)
    before = sum(id in textual for id in points.ids[:first])
    return range(before, before + sum(id in textual for id in points.ids[first:end]))


def _values(points: Points, first: int, end: int, texts_before: int) -> array[float]:
    """The values, those of texts counted within the event."""
    values = points.value[first:end]
    if not texts_before:
        return values
    textual = _textual(points)
    shifted = (v - texts_before if id in textual else v for id, v in zip(points.ids[first:end], values, strict=True))
    return array("d", shifted)


def _textual(points: Points) -> set[int]:
    return {id for id, series in points.series.items() if series.kind in TEXT_KINDS}


def _series_bytes(series: Series) -> int:
    return _SERIES_BYTES_MAX + len(series.name.encode()) + len((series.column or "").encode())


def _outgoing(event: Event) -> Outgoing:
    return Outgoing(topic_of(type(event).__name__), key_of(event), encode(event))
