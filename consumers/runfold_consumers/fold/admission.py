"""What may be folded at all: whatever an honest client cannot send is set aside before it reaches a rule or a table.

A decoded event is admitted when it lies in the topic, under the key and in the partition where it belongs, names a real
aggregate, writer and ordinal, and holds no text or number that Postgres refuses or cannot index. Anything else is
poison: the engine keeps it as a dead letter, and the batch goes on without it.
"""

from __future__ import annotations

from collections.abc import Mapping
from functools import lru_cache
from typing import Any

from runfold_consumers.fold.records import RawRecord, Record
from runfold_schemas import limits, topics
from runfold_schemas.events import (
    EVENTS,
    ArtifactLogged,
    Event,
    LossDeclared,
    MetricLogged,
    PropertyAdded,
    RunEnrolled,
    RunStarted,
    StatusChanged,
    TagRemoved,
    TagSet,
    WriterClosed,
    WriterOpened,
)

ORDINAL_MAX = 2**62  # the end of a range is one more, and must fit Postgres' bigint
TIME_MIN_US = -62_135_596_800_000_000  # 0001-01-01, the first day of a timestamp in Python
TIME_MAX_US = 253_402_300_799_999_999  # 9999-12-31, the last one
STREAM_BYTES_MAX = 512
_RUN = ("run",)
_ANY = ("run", "experiment", "model")
_CONTAINERS: dict[type, tuple[str, ...]] = {
    kind: tuple(name for name, value in kind._field_defaults.items() if isinstance(value, (dict, tuple)))
    for kind in EVENTS.values()
}
_KINDS_OF: dict[type, tuple[str, ...]] = {
    WriterOpened: _ANY,
    WriterClosed: _ANY,
    LossDeclared: _ANY,
    RunEnrolled: ("experiment",),
}


class UnfitRecord(ValueError):
    """A record that cannot be folded, and never will be; the message tells what is wrong and what is allowed."""


class WrongPartition(UnfitRecord):
    """A record that does not lie where its key belongs (P6): folded there, it would escape its aggregate's order."""


def admit(raw: RawRecord, event: Event, partition_count: int) -> Record:
    """The record to fold. `partition_count` is the manifest's for this topic. Raises UnfitRecord."""
    name = type(event).__name__
    if raw.topic_kind != topics.topic_of(name):
        raise UnfitRecord(f"{name} in a {raw.topic_kind} topic; it belongs into {topics.topic_of(name)}")
    if type(event) is MetricLogged:
        _check_points(event)
    else:
        _check_fact(event)
    key = topics.key_of(event)
    if raw.key != key:
        raise UnfitRecord(f"the key is {raw.key!r}, this event's is {key!r}")
    belongs = partition_of(key, partition_count)
    if raw.partition != belongs:
        raise WrongPartition(f"partition {raw.partition}, but key {key!r} belongs into {belongs} of {partition_count}")
    return Record(
        raw.workspace, raw.topic_kind, raw.partition, raw.offset, raw.broker_time_us, raw.key, raw.value, event
    )


partition_of = lru_cache(maxsize=65_536)(topics.partition)
"""`topics.partition`, remembered: hashing a key in Python costs as much as folding its fact."""


def _check_points(event: MetricLogged) -> None:
    """Columns and dictionary were checked by the codec; texts go to Postgres inside of bytes and need no check."""
    _check_head(event)
    _check_number("first_ordinal", event.first_ordinal, 1, ORDINAL_MAX)
    if not len(event.index):
        raise UnfitRecord("MetricLogged without a point; it holds at least one")


def _check_fact(event: Any) -> None:
    if "\0" in "".join([value for value in event if type(value) is str]):
        raise UnfitRecord(f"a text of {type(event).__name__} holds a NUL character, which no text may")
    for name in _CONTAINERS.get(type(event), ()):
        _check_inside(name, getattr(event, name))
    _check_head(event)
    if not isinstance(event, (WriterClosed, LossDeclared)):
        _check_number("ordinal", event.ordinal, 1, ORDINAL_MAX)
    _check_number("occurred_at", event.occurred_at, TIME_MIN_US, TIME_MAX_US)
    check = _CHECKS.get(type(event))
    if check is not None:
        check(event)


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


def _check_head(event: Any) -> None:
    kind = event.aggregate_kind
    allowed = _KINDS_OF.get(type(event), _RUN)
    if kind not in allowed:
        raise UnfitRecord(f"{type(event).__name__} about a {kind!r}; allowed is {' or '.join(allowed)}")
    if not 0 < len(event.aggregate_id) <= limits.RUN_ID_CHARACTERS_MAX or "\0" in event.aggregate_id:
        raise UnfitRecord(
            f"aggregate_id has {len(event.aggregate_id)} characters; "
            f"allowed are 1 to {limits.RUN_ID_CHARACTERS_MAX}, without NUL"
        )
    writer_id = event.writer_id
    if len(writer_id) != 32 or writer_id.strip("0123456789abcdef"):
        raise UnfitRecord(f"writer_id is {writer_id!r}; a writer is 32 lowercase hex digits")


def _check_number(name: str, value: int, least: int, most: int) -> None:
    if not least <= value <= most:
        raise UnfitRecord(f"{name} is {value}; allowed are {least} to {most}")


def _check_key(name: str, value: str, bytes_max: int) -> None:
    """Keys stand in indexes, whose entries Postgres limits."""
    if len(value) * 4 > bytes_max and len(value.encode()) > bytes_max:
        raise UnfitRecord(f"{name} has {len(value.encode())} bytes; allowed are {bytes_max}")


def _check_tag(event: TagSet | TagRemoved) -> None:
    _check_key("key", event.key, limits.TAG_KEY_BYTES_MAX)


def _check_properties(event: PropertyAdded) -> None:
    for key in event.properties:
        _check_key("a property's key", key, limits.PROPERTY_KEY_BYTES_MAX)


def _check_artifact(event: ArtifactLogged) -> None:
    _check_number("attempt", event.attempt, 0, 2**31 - 1)
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


def _check_ends(event: StatusChanged | WriterClosed) -> None:
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
    ArtifactLogged: _check_artifact,
    RunStarted: _check_started,
    StatusChanged: _check_status,
    WriterOpened: _check_attempt,
    RunEnrolled: _check_enrolled,
    WriterClosed: _check_ends,
    LossDeclared: _check_loss,
}
