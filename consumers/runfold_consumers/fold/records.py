"""What goes into the fold: records as the broker gave them, and the same after decoding.

Shared with the engine, which polls `RawRecord`s and hands decoded `Record`s to a projector. Nothing here knows Kafka.
"""

from __future__ import annotations

from typing import NamedTuple

from runfold_consumers.fold.lanes import LaneKey
from runfold_schemas.events import Event


class RawRecord(NamedTuple):
    """One record of a topic, as polled.

    workspace: the workspace that the topic is.
    topic_kind: `facts` or `telemetry`.
    topic: full topic name.
    partition, offset: Kafka's; the offset is this record's own.
    broker_time_us: LogAppendTime, microseconds since 1970-01-01 UTC.
    key: the message's key, None when it has none.
    value: the framed message.
    """

    workspace: str
    topic_kind: str
    topic: str
    partition: int
    offset: int
    broker_time_us: int
    key: bytes | None
    value: bytes


class Record(NamedTuple):
    """A record that was decoded and found fit to be folded (`fold/admission.py`).

    lane: where it takes its ordinals; of a claim, which takes none, the lane of its writer's facts. Records of one lane
        share it, so that its texts are hashed once.
    """

    workspace: str
    topic_kind: str
    partition: int
    offset: int
    broker_time_us: int
    key: bytes | None
    message: bytes
    event: Event
    lane: LaneKey
