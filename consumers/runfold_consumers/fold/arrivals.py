"""When telemetry came, and for which runs: a moment becomes an offset by it, and live viewers are told from it."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import NamedTuple

from runfold_consumers.fold.records import Record
from runfold_consumers.fold.rows import LogRow, PointsRow, SecondRow
from runfold_schemas.events import HeartbeatSent, LogAppended, MetricLogged

SECOND_US = 1_000_000
SecondKey = tuple[str, int, int]  # workspace, partition, second
_KINDS: dict[type, str] = {MetricLogged: "points", LogAppended: "logs", HeartbeatSent: "heartbeat"}


class Arrivals(NamedTuple):
    """What came in one partition between two offsets: parallel columns of run, kind and the last offset of it."""

    workspace: str
    partition: int
    first_offset: int
    next_offset: int
    run_ids: list[str]
    kinds: list[str]
    last_offsets: list[int]


def seconds_of(rows: Iterable[PointsRow | LogRow]) -> dict[SecondKey, SecondRow]:
    """By second of broker time: the first offset of which something was kept."""
    seconds: dict[SecondKey, SecondRow] = {}
    for row in rows:
        key = (row.workspace, row.partition, row.broker_time - row.broker_time % SECOND_US)
        kept = seconds.get(key)
        if kept is None or row.offset < kept.first_offset:
            seconds[key] = SecondRow(*key, row.offset)
    return seconds


def arrivals(records: Sequence[Record]) -> list[Arrivals]:
    """What a batch of telemetry brought, by partition."""
    ends: dict[tuple[str, int], list[int]] = {}
    last: dict[tuple[str, int], dict[tuple[str, str], int]] = {}
    for record in records:
        place = (record.workspace, record.partition)
        between = ends.setdefault(place, [record.offset, record.offset])
        between[0], between[1] = min(between[0], record.offset), max(between[1], record.offset)
        of = last.setdefault(place, {})
        what = (record.lane.aggregate_id, _KINDS[type(record.event)])
        of[what] = max(record.offset, of.get(what, 0))
    return [
        Arrivals(
            *place,
            first,
            end + 1,
            [run_id for run_id, _ in last[place]],
            [kind for _, kind in last[place]],
            list(last[place].values()),
        )
        for place, (first, end) in ends.items()
    ]
