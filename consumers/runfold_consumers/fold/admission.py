"""What may be folded at all: whatever an honest client cannot send is set aside before it reaches a rule or a table.

A decoded event is admitted when it lies in the topic, under the key and in the partition where it belongs, names a real
aggregate, writer and ordinal, and holds no text or number that Postgres refuses or cannot index. Anything else is
poison: the engine keeps it as a dead letter, and the batch goes on without it.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from functools import lru_cache
from operator import itemgetter
from typing import Any

from runfold_consumers.fold.lanes import FACTS, LOG, POINTS, LaneKey
from runfold_consumers.fold.records import RawRecord, Record
from runfold_schemas import catalog, limits, shapes, topics
from runfold_schemas.events import (
    EVENTS,
    ArtifactLogged,
    AssetChanged,
    AssetRegistered,
    CancelRequested,
    DatasetLinked,
    ErrorRecorded,
    Event,
    ExperimentChanged,
    HeartbeatSent,
    LogAppended,
    LossDeclared,
    MetricLogged,
    ModelChanged,
    ModelRegistered,
    PropertyAdded,
    PropertyCorrected,
    RecordRetried,
    RunEnrolled,
    RunStarted,
    RunSubmitted,
    SecretRead,
    Series,
    SnapshotTaken,
    StatusChanged,
    TagRemoved,
    TagSet,
    WarningRecorded,
    WriterClosed,
    WriterOpened,
)

ORDINAL_MAX = 2**62  # the end of a range is one more, and must fit Postgres' bigint
TIME_MIN_US = -62_135_596_800_000_000  # 0001-01-01, the first day of a timestamp in Python
TIME_MAX_US = 253_402_300_799_999_999  # 9999-12-31, the last one
SERIES_WORD_CHARACTERS_MAX = 32  # of a kind or an axis: a newer producer may have others than are known here
STREAM_BYTES_MAX = len(LOG) + limits.LOG_NAME_BYTES_MAX
SECONDS_MAX = 1e9  # thirty years; beside any broker time it stays within a timestamp
DIRECTION_BYTES_MAX = 16
RELATIONSHIP_BYTES_MAX = 256  # of a model and a dataset; both, and the model's name, stand in one index entry
_RUN = ("run",)
_MODEL = ("model",)
_ASSETS = ("dataset", "environment", "datastore")
_SECRET = ("secret",)  # read by a process that belongs to no run
_ANY = (*_RUN, "experiment", *_MODEL, *_ASSETS, *_SECRET)
_CONTAINERS: dict[type, tuple[str, ...]] = {
    kind: tuple(name for name, value in kind._field_defaults.items() if isinstance(value, (dict, tuple)))
    for kind in EVENTS.values()
}
_HEAD = ("aggregate_kind", "aggregate_id", "writer_id")  # checked by themselves


def _texts_of(name: str) -> Callable[[Any], Sequence[str | None]]:
    """Picks an event's texts."""
    fields = shapes.parse(catalog.schema(name)).fields
    texts = [{"string", "enum"} & {one.kind for one in (shape, *shape.branches)} for _, shape in fields]
    places = [place for place, (field, _) in enumerate(fields) if texts[place] and field not in _HEAD]
    return itemgetter(*places) if len(places) > 1 else lambda event: [event[place] for place in places]


_TEXTS_OF = {kind: _texts_of(name) for name, kind in EVENTS.items()}
_TOPIC_OF = {kind: topics.topic_of(name) for name, kind in EVENTS.items()}
_KINDS_OF: dict[type, tuple[str, ...]] = {
    WriterOpened: _ANY,
    WriterClosed: _ANY,
    LossDeclared: _ANY,
    RecordRetried: _ANY,
    RunEnrolled: ("experiment",),
    ExperimentChanged: ("experiment",),
    ModelRegistered: _MODEL,
    ModelChanged: _MODEL,
    AssetRegistered: _ASSETS,
    AssetChanged: _ASSETS,
    SecretRead: (*_RUN, *_SECRET),
}
_UNNUMBERED = (WriterClosed, LossDeclared, HeartbeatSent)


class UnfitRecord(ValueError):
    """A record that cannot be folded, and never will be; the message tells what is wrong and what is allowed."""


class WrongPartition(UnfitRecord):
    """A record that does not lie where its key belongs (P6): folded there, it would escape its aggregate's order."""


def admit(raw: RawRecord, event: Event, partition_count: int) -> Record:
    """The record to fold. `partition_count` is the manifest's for this topic. Raises UnfitRecord."""
    said: Any = event
    kind: type = type(event)
    if raw.topic_kind != _TOPIC_OF[kind]:
        raise UnfitRecord(f"{kind.__name__} in a {raw.topic_kind} topic; it belongs into {_TOPIC_OF[kind]}")
    key, belongs, lane = _head(
        kind, raw.workspace, raw.partition, said.aggregate_kind, said.aggregate_id, said.writer_id, partition_count
    )
    if kind is MetricLogged:
        _check_points(said)
    elif kind is LogAppended:
        _check_log(said)
        lane = _log_lane(lane, said.name)
    else:
        _check_said(kind, said)
    if raw.key != key:
        raise UnfitRecord(f"the key is {raw.key!r}, this event's is {key!r}")
    if raw.partition != belongs:
        raise WrongPartition(f"partition {raw.partition}, but key {key!r} belongs into {belongs} of {partition_count}")
    return Record(
        raw.workspace, raw.topic_kind, raw.partition, raw.offset, raw.broker_time_us, key, raw.value, event, lane
    )


@lru_cache(maxsize=65_536)
def _head(
    kind: type, workspace: str, partition: int, aggregate_kind: str, aggregate_id: str, writer_id: str, count: int
) -> tuple[bytes, int, LaneKey]:
    """Key, partition and lane of what a writer says about an aggregate: checked once, then remembered."""
    _check_head(kind, aggregate_kind, aggregate_id, writer_id)
    about = (aggregate_kind, aggregate_id, writer_id, 0, 0)
    is_telemetry = _TOPIC_OF[kind] == "telemetry"
    key = topics.key_of(MetricLogged(*about) if is_telemetry else TagSet(*about))
    lane = LaneKey(workspace, partition, *about[:3], POINTS if kind is MetricLogged else FACTS)
    return key, topics.partition(key, count), lane


@lru_cache(maxsize=65_536)
def _log_lane(facts: LaneKey, name: str) -> LaneKey:
    """The lane of one log of a writer."""
    return facts._replace(stream=LOG + name)


def _check_points(event: MetricLogged) -> None:
    """Columns were checked by the codec, and texts go to Postgres inside of bytes; but series have names there."""
    _check_number("first_ordinal", event.first_ordinal, 1, ORDINAL_MAX)
    if not len(event.index):
        raise UnfitRecord("MetricLogged without a point; it holds at least one")
    for series in event.series:
        check_series(series)


@lru_cache(maxsize=65_536)
def check_series(series: Series) -> None:
    """What the dictionary says once; the same series comes with every event."""
    name, column, kind, axis = series
    if "\0" in name or "\0" in (column or ""):
        raise UnfitRecord(f"series {name!r}, column {column!r} hold a NUL character, which no name may")
    _check_key("a metric's name", name, limits.METRIC_NAME_BYTES_MAX)
    _check_key("a column's name", column or "", limits.COLUMN_NAME_BYTES_MAX)
    for word in (kind, axis):
        if not word.isidentifier() or len(word) > SERIES_WORD_CHARACTERS_MAX:
            raise UnfitRecord(
                f"series {name!r} is of kind {kind!r} on axis {axis!r}; both are words such as double, step"
            )


def _check_log(event: LogAppended) -> None:
    """What the log says are bytes, and any will do."""
    _check_number("first_ordinal", event.first_ordinal, 1, ORDINAL_MAX)
    if not event.data:
        raise UnfitRecord("LogAppended without a byte; it holds at least one")
    if not event.name or "\0" in event.name:
        raise UnfitRecord(f"name is {event.name!r}; a log's name has at least one character and no NUL")
    _check_key("name", event.name, limits.LOG_NAME_BYTES_MAX)
    _check_attempt(event)
    _check_time(event)


def _check_said(kind: type, event: Any) -> None:
    """Facts and claims."""
    if "\0" in "".join(filter(None, _TEXTS_OF[kind](event))):
        raise UnfitRecord(f"a text of {kind.__name__} holds a NUL character, which no text may")
    for name in _CONTAINERS[kind]:
        _check_inside(name, getattr(event, name))
    if kind not in _UNNUMBERED and not 1 <= event.ordinal <= ORDINAL_MAX:
        raise UnfitRecord(f"ordinal is {event.ordinal}; allowed are 1 to {ORDINAL_MAX}")
    _check_time(event)
    check = _CHECKS.get(kind)
    if check is not None:
        check(event)


def _check_time(event: Any) -> None:
    if not TIME_MIN_US <= event.occurred_at <= TIME_MAX_US:
        raise UnfitRecord(f"occurred_at is {event.occurred_at}; allowed are {TIME_MIN_US} to {TIME_MAX_US}")


def _check_inside(name: str, value: Any) -> None:
    """Looks for NUL in the texts of maps, arrays and nested records."""
    if isinstance(value, str):
        if "\0" in value:
            raise UnfitRecord(f"{name} holds a NUL character, which no text may")
    elif isinstance(value, Mapping):
        for key, item in value.items():
            _check_inside(name, key)
            _check_inside(name, item)
    elif isinstance(value, tuple):
        for item in value:
            _check_inside(name, item)


def _check_head(event: type, kind: str, aggregate_id: str, writer_id: str) -> None:
    allowed = _KINDS_OF.get(event, _RUN)
    if kind not in allowed:
        raise UnfitRecord(f"{event.__name__} about a {kind!r}; allowed is {' or '.join(allowed)}")
    if not 0 < len(aggregate_id) <= limits.RUN_ID_CHARACTERS_MAX or "\0" in aggregate_id:
        raise UnfitRecord(
            f"aggregate_id has {len(aggregate_id)} characters; "
            f"allowed are 1 to {limits.RUN_ID_CHARACTERS_MAX}, without NUL"
        )
    if len(writer_id) != 32 or writer_id.strip("0123456789abcdef"):
        raise UnfitRecord(f"writer_id is {writer_id!r}; a writer is 32 lowercase hex digits")


def _check_number(name: str, value: int, least: int, most: int) -> None:
    if not least <= value <= most:
        raise UnfitRecord(f"{name} is {value}; allowed are {least} to {most}")


def _check_seconds(name: str, value: float, least: float) -> None:
    if not least <= value <= SECONDS_MAX:  # NaN is neither
        raise UnfitRecord(f"{name} is {value}; allowed are {least:g} to {SECONDS_MAX:g} seconds")


def _check_key(name: str, value: str, bytes_max: int) -> None:
    """Keys stand in indexes, whose entries Postgres limits."""
    if len(value) * 4 > bytes_max and len(value.encode()) > bytes_max:
        raise UnfitRecord(f"{name} has {len(value.encode())} bytes; allowed are {bytes_max}")


def _check_tag(event: TagSet | TagRemoved) -> None:
    _check_key("key", event.key, limits.TAG_KEY_BYTES_MAX)


def _check_properties(event: PropertyAdded | ModelRegistered | ModelChanged) -> None:
    for key in event.properties:
        _check_key("a property's key", key, limits.PROPERTY_KEY_BYTES_MAX)


def _check_correction(event: PropertyCorrected) -> None:
    _check_key("key", event.key, limits.PROPERTY_KEY_BYTES_MAX)


def _check_retried(event: RecordRetried) -> None:
    _check_number("partition", event.partition, 0, 2**31 - 1)
    _check_number("offset", event.offset, 0, ORDINAL_MAX)


def _check_words(event: Any) -> None:
    """Tags of experiments, models and assets."""
    for key in (*event.tags, *getattr(event, "removed_tags", ())):
        _check_key("a tag's key", key, limits.TAG_KEY_BYTES_MAX)


def _check_model_changed(event: ModelChanged | ModelRegistered) -> None:
    _check_words(event)
    _check_properties(event)
    for related in event.datasets:
        _check_key("a dataset's relationship", related.relationship, RELATIONSHIP_BYTES_MAX)
        _check_key("dataset_id", related.dataset_id, limits.DATASET_ID_BYTES_MAX)


def _check_model(event: ModelRegistered) -> None:
    _check_model_changed(event)
    _check_key("run_id", event.run_id or "", limits.RUN_ID_CHARACTERS_MAX * 4)


def _check_snapshot(event: SnapshotTaken) -> None:
    _check_attempt(event)
    _check_key("snapshot_id", event.snapshot_id, limits.SNAPSHOT_ID_BYTES_MAX)
    _check_key("sha256", event.sha256, 64)
    for name in ("size", "files", "content_bytes"):
        _check_number(name, getattr(event, name), 0, 2**63 - 1)


def _check_link(event: DatasetLinked) -> None:
    _check_attempt(event)
    _check_key("direction", event.direction, DIRECTION_BYTES_MAX)
    _check_key("name", event.name, limits.DATASET_LINK_NAME_BYTES_MAX)
    _check_key("dataset_id", event.dataset_id, limits.DATASET_ID_BYTES_MAX)


def _check_submitted(event: RunSubmitted) -> None:
    _check_attempt(event)
    _check_seconds("respond_within_s", event.respond_within_s, 0.0)


def _check_heartbeat(event: HeartbeatSent) -> None:
    _check_ends(event)
    _check_seconds("ttl_s", event.ttl_s, 0.001)


def _check_artifact(event: ArtifactLogged) -> None:
    _check_attempt(event)
    _check_key("name", event.name, limits.ARTIFACT_PATH_BYTES_MAX)
    _check_key("sha256", event.sha256, 64)
    _check_number("size", event.size, 0, 2**63 - 1)


def _check_attempt(event: Any) -> None:
    _check_number("attempt", event.attempt, 0, 2**31 - 1)


def _check_status(event: StatusChanged) -> None:
    _check_attempt(event)
    _check_ends(event)


def _check_started(event: RunStarted) -> None:
    _check_attempt(event)
    _check_key("experiment", event.experiment, limits.EXPERIMENT_NAME_CHARACTERS_MAX * 4)
    _check_key("parent_run_id", event.parent_run_id or "", limits.RUN_ID_CHARACTERS_MAX * 4)


def _check_enrolled(event: RunEnrolled) -> None:
    _check_key("run_id", event.run_id, limits.RUN_ID_CHARACTERS_MAX * 4)


def _check_ends(event: StatusChanged | WriterClosed | HeartbeatSent) -> None:
    for lane in event.lanes:
        _check_key("stream", lane.stream, STREAM_BYTES_MAX)
        _check_number("last_ordinal", lane.last_ordinal, 0, ORDINAL_MAX)


def _check_loss(event: LossDeclared) -> None:
    _check_key("stream", event.stream, STREAM_BYTES_MAX)
    for lost in event.ranges:
        _check_number("first", lost.first, 1, ORDINAL_MAX)
        _check_number("last", lost.last, lost.first, ORDINAL_MAX)


_CHECKS: dict[type, Any] = {
    TagSet: _check_tag,
    TagRemoved: _check_tag,
    PropertyAdded: _check_properties,
    PropertyCorrected: _check_correction,
    RecordRetried: _check_retried,
    ArtifactLogged: _check_artifact,
    ErrorRecorded: _check_attempt,
    WarningRecorded: _check_attempt,
    CancelRequested: _check_attempt,
    SecretRead: _check_attempt,
    SnapshotTaken: _check_snapshot,
    DatasetLinked: _check_link,
    RunSubmitted: _check_submitted,
    ExperimentChanged: _check_words,
    ModelRegistered: _check_model,
    ModelChanged: _check_model_changed,
    AssetRegistered: _check_words,
    AssetChanged: _check_words,
    HeartbeatSent: _check_heartbeat,
    RunStarted: _check_started,
    StatusChanged: _check_status,
    WriterOpened: _check_attempt,
    RunEnrolled: _check_enrolled,
    WriterClosed: _check_ends,
    LossDeclared: _check_loss,
}
