"""Which known rows a batch of facts needs: the touched keys, and of those only what a rule will ask for.

Two looks: first the lanes (`lanes_of`), then, knowing what was seen, everything else (`touched`). So the last words of
tags are read only for ordinals that come late: a younger ordinal than any seen replaces whatever stands there.
Originals are read only for repeats.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from runfold_consumers.fold.lanes import EMPTY, LaneKey, Ranges, contains, end
from runfold_consumers.fold.records import Record
from runfold_consumers.fold.rows import AttemptKey, NamedKey, PathKey, RunKey, StatusKey, WordKey, WriterKey
from runfold_consumers.fold.rules import artifact_paths
from runfold_schemas.events import (
    ArtifactLogged,
    ErrorRecorded,
    LossDeclared,
    PropertyAdded,
    RunDescribed,
    RunEnrolled,
    RunStarted,
    StatusChanged,
    TagRemoved,
    TagSet,
    WriterClosed,
)

FACTS = "facts"
POINTS = "points"
DISPLAY_NAME = "display_name"
DESCRIPTION = "description"


@dataclass
class Keys:
    """Keys of rows to read, each by its table's primary key."""

    originals: set[tuple[LaneKey, int]] = field(default_factory=set)
    claims: set[LaneKey] = field(default_factory=set)
    writers: set[WriterKey] = field(default_factory=set)
    runs: set[RunKey] = field(default_factory=set)
    attempts: set[AttemptKey] = field(default_factory=set)
    properties: set[NamedKey] = field(default_factory=set)
    artifacts: set[PathKey] = field(default_factory=set)
    experiments: set[tuple[str, str]] = field(default_factory=set)
    enrollments: set[NamedKey] = field(default_factory=set)
    statuses: set[StatusKey] = field(default_factory=set)
    tags: set[WordKey] = field(default_factory=set)
    descriptions: set[WordKey] = field(default_factory=set)


def lanes_of(records: Iterable[Record]) -> set[LaneKey]:
    """The lanes of facts in which these records take ordinals; claims take none."""
    events: Iterator[tuple[Record, Any]] = ((record, record.event) for record in records)
    return {
        LaneKey(record.workspace, record.partition, event.aggregate_kind, event.aggregate_id, event.writer_id, FACTS)
        for record, event in events
        if not isinstance(event, (WriterClosed, LossDeclared))
    }


def touched(records: Sequence[Record], lanes: Mapping[LaneKey, Ranges]) -> Keys:
    """What else is to be read, given what was seen before the batch in the lanes of `lanes_of`."""
    keys = Keys()
    for record in records:
        event: Any = record.event
        workspace, aggregate_id, writer_id = record.workspace, event.aggregate_id, event.writer_id
        prefix = (workspace, record.partition, event.aggregate_kind, aggregate_id, writer_id)
        if isinstance(event, WriterClosed):
            keys.claims.update(LaneKey(*prefix, lane.stream) for lane in event.lanes)
            continue
        if isinstance(event, LossDeclared):
            keys.claims.add(LaneKey(*prefix, event.stream))
            continue
        lane = LaneKey(*prefix, FACTS)
        seen = lanes.get(lane, EMPTY)
        ordinal = event.ordinal
        is_late = ordinal <= end(seen)
        if is_late and contains(seen, ordinal):
            keys.originals.add((lane, ordinal))
            continue
        keys.writers.add((workspace, event.aggregate_kind, aggregate_id, writer_id))
        if event.aggregate_kind != "run":
            if isinstance(event, RunEnrolled):
                keys.experiments.add((workspace, aggregate_id))
                keys.enrollments.add((workspace, aggregate_id, event.run_id))
            continue
        keys.runs.add((workspace, aggregate_id))
        if isinstance(event, (TagSet, TagRemoved)):
            if is_late:
                keys.tags.add((workspace, aggregate_id, event.key, writer_id))
        elif isinstance(event, PropertyAdded):
            keys.properties.update((workspace, aggregate_id, key) for key in event.properties)
        elif isinstance(event, RunDescribed):
            if is_late:
                keys.descriptions.add((workspace, aggregate_id, DISPLAY_NAME, writer_id))
                keys.descriptions.add((workspace, aggregate_id, DESCRIPTION, writer_id))
        elif isinstance(event, (StatusChanged, ArtifactLogged, RunStarted, ErrorRecorded)):
            attempt = (workspace, aggregate_id, event.attempt)
            keys.attempts.add(attempt)
            if isinstance(event, ArtifactLogged):
                paths = artifact_paths(event.name, ordinal, writer_id, event.metric_name is not None)
                keys.artifacts.update((*attempt, path) for path in paths)
            elif isinstance(event, StatusChanged):
                keys.claims.update(LaneKey(*prefix, lane_end.stream) for lane_end in event.lanes)
                if is_late:
                    keys.statuses.add((*attempt, writer_id))
    return keys
