"""The fold of telemetry: points with summaries of their series, text of logs and signs of life, in one batch as they
come. They commute.

First the touched keys (`touched`), then, with what stands there, the changes.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field

from runfold_consumers.fold.heartbeats import HeartbeatKey, fold_heartbeats, keys_of
from runfold_consumers.fold.lanes import LaneKey, Ranges
from runfold_consumers.fold.logs import fold_logs
from runfold_consumers.fold.points import fold_points
from runfold_consumers.fold.records import Record
from runfold_consumers.fold.rows import HeartbeatRow, LogRow, PointsRow, SeriesRow
from runfold_consumers.fold.series import SeriesKey, summarise
from runfold_schemas.events import HeartbeatSent, LogAppended, MetricLogged


@dataclass
class TelemetryChanges:
    """What a batch of telemetry changes: rows to add, and what is seen and heard from now on. `series`: of the batch's
    own points, to be folded into what stands there.
    """

    points: list[PointsRow] = field(default_factory=list)
    logs: list[LogRow] = field(default_factory=list)
    lanes: dict[LaneKey, Ranges] = field(default_factory=dict)
    heartbeats: dict[HeartbeatKey, HeartbeatRow] = field(default_factory=dict)
    series: dict[SeriesKey, SeriesRow] = field(default_factory=dict)


def touched(records: Iterable[Record]) -> tuple[set[LaneKey], set[HeartbeatKey]]:
    """The lanes whose seen ordinals are asked for, and the heartbeats."""
    lanes: set[LaneKey] = set()
    heartbeats: list[Record] = []
    for record in records:
        if type(record.event) is HeartbeatSent:
            heartbeats.append(record)
        else:
            lanes.add(record.lane)
    return lanes, keys_of(heartbeats)


def fold_telemetry(
    records: Sequence[Record], seen: Mapping[LaneKey, Ranges], known: Mapping[HeartbeatKey, HeartbeatRow]
) -> TelemetryChanges:
    """Folds one batch: records in (workspace, partition, offset) order; rows as `touched` asked for them."""
    points, point_lanes, parts = fold_points(_of(MetricLogged, records), seen)
    logs, log_lanes = fold_logs(_of(LogAppended, records), seen)
    heartbeats = fold_heartbeats(_of(HeartbeatSent, records), known)
    return TelemetryChanges(points, logs, point_lanes | log_lanes, heartbeats, summarise(parts))


def _of(kind: type, records: Sequence[Record]) -> list[Record]:
    return [record for record in records if type(record.event) is kind]
