"""Whatever an honest client cannot send is refused before it reaches a rule or a table, with what is allowed."""

from __future__ import annotations

from typing import Any

import pytest

from runfold_consumers.fold.admission import ORDINAL_MAX, UnfitRecord, WrongPartition, admit
from runfold_consumers.fold.records import RawRecord
from runfold_consumers.fold.telemetry import touched
from runfold_schemas import codec, topics
from runfold_schemas.events import (
    ArtifactLogged,
    AssetChanged,
    AssetRegistered,
    CancelRequested,
    DatasetLinked,
    ErrorRecorded,
    ExperimentChanged,
    HeartbeatSent,
    LaneEnd,
    LogAppended,
    LossDeclared,
    MetricLogged,
    ModelChanged,
    ModelFile,
    ModelRegistered,
    OrdinalRange,
    PropertyAdded,
    PropertyCorrected,
    RecordRetried,
    RelatedDataset,
    RunEnrolled,
    RunStarted,
    RunSubmitted,
    SecretRead,
    SnapshotTaken,
    StatusChanged,
    TagSet,
    WarningRecorded,
    WriterClosed,
    WriterOpened,
)

HEAD = ("run", "r", "0" * 32, 1, 1)
WRITER = "0" * 32
TEXT = LogAppended("run", "r", WRITER, 1, 1, name="user_logs/std_log.txt", data=b"\0\xff")
BEAT = HeartbeatSent("run", "r", WRITER, 1, ttl_s=120.0, lanes=(LaneEnd("points", 0), LaneEnd("log/a", 7)))
POINT = MetricLogged("run", "r", "0" * 32, 1, 1, index=[0], step=[1], time=[0.0], value=[0.0])


def raw(event: Any, **changed: Any) -> RawRecord:
    kind, key = topics.topic_of(type(event).__name__), topics.key_of(event)
    record = RawRecord("w", kind, f"p.w.{kind}", topics.partition(key, 4), 0, 0, key, codec.encode(event))
    return record._replace(**changed)


@pytest.mark.parametrize(
    "event",
    [
        TagSet(*HEAD, key="k", value="v"),
        TagSet(*HEAD, key="é" * 512),
        WriterOpened("model", "m", "f" * 32, 1, 1, versions={"python": "3"}),
        RunEnrolled("experiment", "e", "0" * 32, 1, 1, run_id="r"),
        POINT,
        TEXT,
        TEXT._replace(name="n" * 1024),
        BEAT,
        ExperimentChanged("experiment", "e", WRITER, 1, 1, archived=True, tags={"k": None}, removed_tags=("l",)),
        ModelRegistered("model", "m", WRITER, 1, 1, files=(ModelFile("a", "0" * 64, 1),), run_id="r"),
        ModelChanged("model", "m", WRITER, 1, 1, version=2**62, properties={"k": None}),
        ModelChanged("model", "m", WRITER, 1, 1, datasets=(RelatedDataset("r" * 256, "d" * 1040),)),
        AssetRegistered("datastore", "d", WRITER, 1, 1, definition="no JSON"),
        AssetChanged("environment", "e", WRITER, 1, 1, is_default=True),
        WriterOpened("dataset", "d", WRITER, 1, 1),
        WriterClosed("model", "m", WRITER, 1, lanes=(LaneEnd("facts", 1),)),
        RunSubmitted(*HEAD, respond_within_s=60.0),
        DatasetLinked(*HEAD, name="n" * 512, dataset_id="d" * 1040),
        SnapshotTaken(*HEAD, snapshot_id="s" * 256, body=b"\0"),
        CancelRequested(*HEAD),
        PropertyCorrected(*HEAD, key="k" * 1024, value=None, reason="typo"),
        RecordRetried("model", "m", WRITER, 1, 1, topic="t", offset=2**62),
        SecretRead(*HEAD, name="s"),
        WarningRecorded(*HEAD, source="loss", message="m"),
    ],
)
def test_what_a_client_sends_is_admitted(event: Any) -> None:
    record = admit(raw(event), event, 4)
    assert record.event is event
    assert record.message == codec.encode(event)


@pytest.mark.parametrize(
    "event",
    [
        TagSet(*HEAD, key="a\0b"),
        TagSet(*HEAD, key="k", value="\0"),
        TagSet(*HEAD, key="k" * 1025),
        TagSet("run", "", "0" * 32, 1, 1),
        TagSet("run", "r" * 257, "0" * 32, 1, 1),
        TagSet("run", "r\0", "0" * 32, 1, 1),
        TagSet("experiment", "e", "0" * 32, 1, 1),
        TagSet("planet", "e", "0" * 32, 1, 1),
        TagSet("run", "r", "0" * 31 + "G", 1, 1),
        TagSet("run", "r", "0" * 32, 0, 1),
        TagSet("run", "r", "0" * 32, ORDINAL_MAX + 1, 1),
        TagSet("run", "r", "0" * 32, 1, 2**62),
        PropertyAdded(*HEAD, properties={"a": "b\0"}),
        PropertyAdded(*HEAD, properties={"\0": None}),
        PropertyAdded(*HEAD, properties={"k" * 1025: None}),
        WriterOpened(*HEAD, versions={"python": "\0"}),
        RunStarted(*HEAD, attempt=-1),
        RunStarted(*HEAD, experiment="e" * 1025),
        ArtifactLogged(*HEAD, name="n" * 1025),
        ArtifactLogged(*HEAD, name="n", size=-1),
        ArtifactLogged(*HEAD, name="n", part_digests=("\0",)),
        StatusChanged(*HEAD, status="Completed", lanes=(LaneEnd("points", -1),)),
        StatusChanged(*HEAD, status="Completed", lanes=(LaneEnd("a\0", 1),)),
        RunEnrolled("run", "e", "0" * 32, 1, 1, run_id="r"),
        WriterClosed("run", "r", "0" * 32, 1, (LaneEnd("s" * 1029, 1),)),
        LossDeclared("run", "r", "0" * 32, 1, "points", (OrdinalRange(3, 2),)),
        LossDeclared("run", "r", "0" * 32, 1, "points", (OrdinalRange(0, 2),)),
        POINT._replace(first_ordinal=0),
        POINT._replace(index=[], step=[], time=[], value=[]),
        TEXT._replace(data=b""),
        TEXT._replace(name=""),
        TEXT._replace(name="a\0"),
        TEXT._replace(name="é" * 513),
        TEXT._replace(first_ordinal=0),
        TEXT._replace(first_ordinal=ORDINAL_MAX + 1),
        TEXT._replace(attempt=-1),
        TEXT._replace(occurred_at=2**62),
        TEXT._replace(aggregate_kind="model"),
        BEAT._replace(aggregate_kind="experiment"),
        BEAT._replace(ttl_s=float("nan")),
        BEAT._replace(ttl_s=float("inf")),
        BEAT._replace(ttl_s=0.0),
        BEAT._replace(lanes=(LaneEnd("points", -1),)),
        BEAT._replace(lanes=(LaneEnd("a\0", 1),)),
        BEAT._replace(occurred_at=-(2**62)),
        ExperimentChanged("run", "r", WRITER, 1, 1),
        ExperimentChanged("experiment", "e", WRITER, 1, 1, tags={"k" * 1025: None}),
        ExperimentChanged("experiment", "e", WRITER, 1, 1, removed_tags=("k" * 1025,)),
        ExperimentChanged("experiment", "e", WRITER, 1, 1, removed_tags=("\0",)),
        ModelRegistered("dataset", "m", WRITER, 1, 1),
        ModelRegistered("model", "m", WRITER, 1, 1, files=(ModelFile("a\0"),)),
        ModelRegistered("model", "m", WRITER, 1, 1, datasets=(RelatedDataset("training", "\0"),)),
        ModelRegistered("model", "m", WRITER, 1, 1, properties={"k" * 1025: None}),
        ModelRegistered("model", "m", WRITER, 1, 1, run_id="r" * 1025),
        ModelChanged("model", "m", WRITER, 1, 1, tags={"k" * 1025: None}),
        ModelChanged("model", "m" * 257, WRITER, 1, 1),
        ModelChanged("model", "m", WRITER, 1, 1, datasets=(RelatedDataset("r" * 257, "d"),)),
        ModelChanged("model", "m", WRITER, 1, 1, datasets=(RelatedDataset("r", "d" * 1041),)),
        ModelRegistered("model", "m", WRITER, 1, 1, datasets=(RelatedDataset("r", "d" * 1041),)),
        AssetRegistered("model", "d", WRITER, 1, 1),
        AssetRegistered("dataset", "d", WRITER, 1, 1, definition="\0"),
        AssetRegistered("dataset", "d", WRITER, 1, 1, tags={"k" * 1025: None}),
        AssetChanged("dataset", "d", WRITER, 1, 1, removed_tags=("k" * 1025,)),
        AssetChanged("run", "r", WRITER, 1, 1),
        RunSubmitted(*HEAD, respond_within_s=-1.0),
        RunSubmitted(*HEAD, respond_within_s=float("nan")),
        RunSubmitted(*HEAD, attempt=-1),
        DatasetLinked(*HEAD, direction="d" * 17),
        DatasetLinked(*HEAD, name="n" * 513),
        DatasetLinked(*HEAD, dataset_id="d" * 1041),
        SnapshotTaken(*HEAD, snapshot_id="s" * 257),
        SnapshotTaken(*HEAD, size=-1),
        SnapshotTaken(*HEAD, content_bytes=-1),
        CancelRequested(*HEAD, attempt=-1),
        PropertyCorrected(*HEAD, key="k" * 1025),
        PropertyCorrected(*HEAD, key="k", reason="\0"),
        PropertyCorrected("model", "m", WRITER, 1, 1, key="k"),
        RecordRetried(*HEAD, partition=-1),
        RecordRetried(*HEAD, offset=-1),
        SecretRead(*HEAD, name="\0"),
        SecretRead(*HEAD, attempt=-1),
        WarningRecorded(*HEAD, attempt=-1),
        ErrorRecorded(*HEAD, attempt=-1),
    ],
)
def test_what_it_cannot_send_is_refused(event: Any) -> None:
    with pytest.raises(UnfitRecord):
        admit(raw(event), event, 4)


def test_each_log_of_a_writer_is_a_lane_and_a_heartbeat_is_in_none() -> None:
    lanes = [admit(raw(event), event, 4).lane for event in (TEXT, TEXT._replace(name="b"), POINT)]
    assert [lane.stream for lane in lanes] == ["log/user_logs/std_log.txt", "log/b", "points"]
    assert len({lane._replace(stream="") for lane in lanes}) == 1
    record = admit(raw(BEAT), BEAT, 4)
    assert touched([record]) == (set(), {("w", record.partition, "r", WRITER)})


def test_a_record_in_the_wrong_partition_is_refused() -> None:
    event = TagSet(*HEAD, key="k")
    record = raw(event)
    with pytest.raises(WrongPartition, match="belongs into"):
        admit(record._replace(partition=(record.partition + 1) % 4), event, 4)


def test_a_record_under_anothers_key_or_in_anothers_topic_is_refused() -> None:
    event = TagSet(*HEAD, key="k")
    for changed in ({"key": None}, {"key": b"run/other"}, {"topic_kind": "telemetry"}):
        with pytest.raises(UnfitRecord):
            admit(raw(event, **changed), event, 4)
