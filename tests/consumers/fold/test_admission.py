"""Whatever an honest client cannot send is refused before it reaches a rule or a table, with what is allowed."""

from __future__ import annotations

from typing import Any

import pytest

from runfold_consumers.fold.admission import ORDINAL_MAX, UnfitRecord, WrongPartition, admit
from runfold_consumers.fold.records import RawRecord
from runfold_schemas import codec, topics
from runfold_schemas.events import (
    ArtifactLogged,
    LaneEnd,
    LossDeclared,
    MetricLogged,
    OrdinalRange,
    PropertyAdded,
    RunEnrolled,
    RunStarted,
    StatusChanged,
    TagSet,
    WriterClosed,
    WriterOpened,
)

HEAD = ("run", "r", "0" * 32, 1, 1)
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
        WriterClosed("run", "r", "0" * 32, 1, (LaneEnd("s" * 513, 1),)),
        LossDeclared("run", "r", "0" * 32, 1, "points", (OrdinalRange(3, 2),)),
        LossDeclared("run", "r", "0" * 32, 1, "points", (OrdinalRange(0, 2),)),
        POINT._replace(first_ordinal=0),
        POINT._replace(index=[], step=[], time=[], value=[]),
    ],
)
def test_what_it_cannot_send_is_refused(event: Any) -> None:
    with pytest.raises(UnfitRecord):
        admit(raw(event), event, 4)


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
