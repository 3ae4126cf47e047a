"""Which known rows a batch of facts needs: the touched keys, and of those only what a rule will ask for.

Two looks: first the lanes (`lanes_of`), then, knowing what was seen, everything else (`touched`). So the last words of
tags are read only for ordinals that come late: a younger ordinal than any seen replaces whatever stands there.
Originals are read only for repeats.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from runfold_consumers.fold.lanes import FACTS, POINTS, LaneKey, Ranges, contains, end
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
    return {record.lane for record in records if type(record.event) not in _CLAIMS}


def touched(records: Sequence[Record], lanes: Mapping[LaneKey, Ranges]) -> Keys:
    """What else is to be read, given what was seen before the batch in the lanes of `lanes_of`."""
    keys = Keys()
    heard: set[LaneKey] = set()
    ends = {lane: end(seen) for lane, seen in lanes.items()}
    for record in records:
        event: Any = record.event
        kind, lane = type(event), record.lane
        if kind in _CLAIMS:
            streams = [event.stream] if kind is LossDeclared else [lane_end.stream for lane_end in event.lanes]
            keys.claims.update([lane._replace(stream=stream) for stream in streams])
            continue
        is_late = event.ordinal <= ends.get(lane, 0)
        if is_late and contains(lanes[lane], event.ordinal):
            keys.originals.add((lane, event.ordinal))
            continue
        heard.add(lane)
        if is_late or kind is not TagSet:
            _touch(keys, event, lane, is_late)
    for workspace, _, aggregate_kind, aggregate_id, writer_id, _ in heard:
        keys.writers.add((workspace, aggregate_kind, aggregate_id, writer_id))
        if aggregate_kind == "run":
            keys.runs.add((workspace, aggregate_id))
    return keys


def _touch(keys: Keys, event: Any, lane: LaneKey, is_late: bool) -> None:
    """What a fact asks for beside its writer and its run."""
    workspace, _, aggregate_kind, aggregate_id, writer_id, _ = lane
    if aggregate_kind != "run":
        if isinstance(event, RunEnrolled):
            keys.experiments.add((workspace, aggregate_id))
            keys.enrollments.add((workspace, aggregate_id, event.run_id))
    elif isinstance(event, (TagSet, TagRemoved)):
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
            paths = artifact_paths(event.name, event.ordinal, writer_id, event.metric_name is not None)
            keys.artifacts.update((*attempt, path) for path in paths)
        elif isinstance(event, StatusChanged):
            keys.claims.update(lane._replace(stream=lane_end.stream) for lane_end in event.lanes)
            if is_late:
                keys.statuses.add((*attempt, writer_id))


_CLAIMS = (WriterClosed, LossDeclared)
__all__ = ["DESCRIPTION", "DISPLAY_NAME", "FACTS", "POINTS", "Keys", "lanes_of", "touched"]
