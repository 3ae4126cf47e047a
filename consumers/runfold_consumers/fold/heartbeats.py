"""The fold of signs of life: by maximum, so that repeats and races are harmless.

Of a writer's heartbeats in a run the one with the greatest broker time counts, of equal ones the later; its high-water
marks are the greatest that it ever named in each stream.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping
from typing import Any

from runfold_consumers.fold.records import Record
from runfold_consumers.fold.rows import HeartbeatRow

HeartbeatKey = tuple[str, int, str, str]  # workspace, partition, run id, writer


def keys_of(records: Iterable[Record]) -> set[HeartbeatKey]:
    """The rows that `fold_heartbeats` asks for. `records`: of HeartbeatSent alone, here and there."""
    return {_key(record) for record in records}


def fold_heartbeats(
    records: Iterable[Record], known: Mapping[HeartbeatKey, HeartbeatRow]
) -> dict[HeartbeatKey, HeartbeatRow]:
    """The rows that stand after the batch."""
    changed: dict[HeartbeatKey, HeartbeatRow] = {}
    for record in records:
        event: Any = record.event
        key = _key(record)
        kept = changed.get(key) or known.get(key)
        ends: dict[str, int] = json.loads(kept.ends) if kept is not None else {}
        for lane in event.lanes:
            ends[lane.stream] = max(lane.last_ordinal, ends.get(lane.stream, 0))
        told = json.dumps(ends, sort_keys=True, ensure_ascii=False)
        if kept is not None and record.broker_time_us < kept.broker_time:
            changed[key] = kept._replace(ends=told)
        else:
            changed[key] = HeartbeatRow(*key, record.broker_time_us, event.occurred_at, event.ttl_s, told)
    return changed


def _key(record: Record) -> HeartbeatKey:
    return record.workspace, record.partition, record.lane.aggregate_id, record.lane.writer_id
