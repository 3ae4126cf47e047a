"""The fold of points: which part of each MetricLogged is new (P7). There are no rules; telemetry commutes.

What is wholly new is kept as the message that came. What was partly seen is trimmed by ordinal and encoded again, one
row per contiguous range of new ordinals, each with just the series and texts that its points use.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from runfold_consumers.fold.lanes import LaneKey, Ranges, take_range
from runfold_consumers.fold.records import Record
from runfold_consumers.fold.rows import PointsRow
from runfold_consumers.fold.series import Part
from runfold_schemas.codec import TEXT_KINDS, encode
from runfold_schemas.events import MetricLogged


def fold_points(
    records: Sequence[Record], seen: Mapping[LaneKey, Ranges]
) -> tuple[list[PointsRow], dict[LaneKey, Ranges], list[Part]]:
    """Rows to add, what is seen in each changed lane from now on, and what is to be summarised: of each row its event.

    records: of MetricLogged alone.
    """
    rows: list[PointsRow] = []
    parts: list[Part] = []
    changed: dict[LaneKey, Ranges] = {}
    for record in records:
        event: Any = record.event
        first = event.first_ordinal
        after = first + len(event.index)
        for lower, upper in take_range(changed, seen, record.lane, first, after):
            new, message = event, record.message
            if upper - lower < after - first:
                new = trim(event, lower, upper)
                message = encode(new)
            rows.append(_row(record, event, lower, upper, message))
            parts.append(Part(record.workspace, record.partition, record.broker_time_us, new))
    return rows, changed, parts


def trim(event: MetricLogged, lower: int, upper: int) -> MetricLogged:
    """The points with ordinals in [lower, upper), as an event of its own; the range lies within the event's."""
    part = slice(lower - event.first_ordinal, upper - event.first_ordinal)
    index, value = _listed(event.index[part]), _listed(event.value[part])
    time, step = event.time[part], event.step[part]
    used = sorted(set(index))
    place = {old: new for new, old in enumerate(used)}
    textual = {old for old in used if event.series[old].kind in TEXT_KINDS}
    texts: list[str] = []
    if textual:
        for point, series in enumerate(index):
            if series in textual:
                texts.append(event.texts[int(value[point])])
                value[point] = float(len(texts) - 1)
    return event._replace(
        first_ordinal=lower,
        occurred_at=event.occurred_at if part.start == 0 else moment_of(float(time[0]) * 1_000_000, event.occurred_at),
        series=tuple(event.series[old] for old in used),
        texts=tuple(texts),
        index=[place[old] for old in index],
        step=step,
        time=time,
        value=value,
    )


def moment_of(microseconds: float, otherwise: int) -> int:
    """As a whole number; `otherwise` for what is none (a writer may say any time): a late point is never dropped."""
    return round(microseconds) if abs(microseconds) < 2**63 else otherwise


def _listed(column: Any) -> list[Any]:
    return list(column.tolist() if hasattr(column, "tolist") else column)


def _row(record: Record, event: MetricLogged, lower: int, upper: int, message: bytes) -> PointsRow:
    return PointsRow(
        record.workspace, record.partition, event.aggregate_id, event.writer_id, lower, upper - 1, record.offset,
        record.broker_time_us, message,
    )  # fmt: skip
