"""The fold of log text: which bytes of each LogAppended are new (P7). There are no rules; telemetry commutes.

Ordinals are bytes, so what was partly seen is trimmed by slicing. A row that is cut keeps the moment of the first
byte of the piece it was cut from.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from runfold_consumers.fold.lanes import LaneKey, Ranges, take_range
from runfold_consumers.fold.records import Record
from runfold_consumers.fold.rows import LogRow


def fold_logs(records: Sequence[Record], seen: Mapping[LaneKey, Ranges]) -> tuple[list[LogRow], dict[LaneKey, Ranges]]:
    """Rows to add, and what is seen in each changed lane from now on. `records`: of LogAppended alone."""
    rows: list[LogRow] = []
    changed: dict[LaneKey, Ranges] = {}
    for record in records:
        event: Any = record.event
        first = event.first_ordinal
        for lower, upper in take_range(changed, seen, record.lane, first, first + len(event.data)):
            rows.append(
                LogRow(
                    record.workspace, record.partition, event.aggregate_id, event.writer_id, event.name, lower,
                    upper - 1, record.offset, event.attempt, record.broker_time_us, event.occurred_at,
                    event.data[lower - first : upper - first],
                )
            )  # fmt: skip
    return rows, changed
