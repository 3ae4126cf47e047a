"""Points as records of the log."""

from __future__ import annotations

from runfold_consumers.fold.records import RawRecord
from runfold_schemas import topics
from runfold_schemas.codec import encode
from runfold_schemas.events import MetricLogged
from tests.model.world import PARTITIONS


def raw_points(event: MetricLogged, offset: int, workspace: str = "model") -> RawRecord:
    """As the broker would carry it; a millisecond an offset."""
    key = topics.key_of(event)
    partition = topics.partition(key, PARTITIONS["telemetry"])
    topic = f"t.{workspace}.telemetry"
    return RawRecord(
        workspace, "telemetry", topic, partition, offset, 1_770_000_000_000_000 + 1_000 * offset, key, encode(event)
    )
