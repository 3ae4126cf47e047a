"""Which known rows a batch of facts needs: the touched keys, and of those only what a rule will ask for.

Two looks: first the lanes (`lanes_of`), then, knowing what was seen, everything else (`touched`). So the last words of
tags are read only for ordinals that come late: a younger ordinal than any seen replaces whatever stands there.
Originals are read only for repeats.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from runfold_consumers.fold.changes import (
    AssetKey,
    AttemptKey,
    ExperimentKey,
    LinkKey,
    NamedKey,
    PathKey,
    RunKey,
    StatusKey,
    VersionPropertyKey,
    WordKey,
    WriterKey,
)
from runfold_consumers.fold.lanes import FACTS, POINTS, LaneKey, Ranges, contains, end
from runfold_consumers.fold.records import Record
from runfold_consumers.fold.rules import artifact_paths
from runfold_consumers.fold.words import words_of
from runfold_schemas.events import (
    ArtifactLogged,
    AssetChanged,
    AssetRegistered,
    CancelRequested,
    DatasetLinked,
    ErrorRecorded,
    ExperimentChanged,
    LossDeclared,
    ModelChanged,
    ModelRegistered,
    PropertyAdded,
    PropertyCorrected,
    RunDescribed,
    RunEnrolled,
    RunStarted,
    SnapshotTaken,
    StatusChanged,
    TagRemoved,
    TagSet,
    WarningRecorded,
    WriterClosed,
)

DISPLAY_NAME = "display_name"
DESCRIPTION = "description"


@dataclass
class Keys:
    """Keys of rows to read, each by its table's primary key, but for what the batch cannot name before it has read.

    latest_attempts: runs whose latest attempt's row is asked for; latest_statuses: and with it this writer's word.
    definitions: assets whose latest version's definition is asked for.
    asset_words: (workspace, kind, name, field, writer), whatever the version.
    """

    originals: set[tuple[LaneKey, int]] = field(default_factory=set)
    claims: set[LaneKey] = field(default_factory=set)
    writers: set[WriterKey] = field(default_factory=set)
    runs: set[RunKey] = field(default_factory=set)
    attempts: set[AttemptKey] = field(default_factory=set)
    properties: set[NamedKey] = field(default_factory=set)
    artifacts: set[PathKey] = field(default_factory=set)
    snapshots: set[AttemptKey] = field(default_factory=set)
    dataset_links: set[LinkKey] = field(default_factory=set)
    experiments: set[ExperimentKey] = field(default_factory=set)
    enrollments: set[NamedKey] = field(default_factory=set)
    statuses: set[StatusKey] = field(default_factory=set)
    tags: set[WordKey] = field(default_factory=set)
    descriptions: set[WordKey] = field(default_factory=set)
    latest_attempts: set[RunKey] = field(default_factory=set)
    latest_statuses: set[NamedKey] = field(default_factory=set)
    experiment_words: set[WordKey] = field(default_factory=set)
    assets: set[AssetKey] = field(default_factory=set)
    definitions: set[AssetKey] = field(default_factory=set)
    asset_properties: set[VersionPropertyKey] = field(default_factory=set)
    asset_words: set[tuple[str, str, str, str, str]] = field(default_factory=set)


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
    if aggregate_kind == "experiment":
        _touch_experiment(keys, event, lane, is_late)
    elif aggregate_kind != "run":
        _touch_asset(keys, event, lane, is_late)
    elif isinstance(event, (TagSet, TagRemoved)):
        if is_late:
            keys.tags.add((workspace, aggregate_id, event.key, writer_id))
    elif isinstance(event, PropertyAdded):
        keys.properties.update((workspace, aggregate_id, key) for key in event.properties)
    elif isinstance(event, PropertyCorrected):
        keys.properties.add((workspace, aggregate_id, event.key))
    elif isinstance(event, RunDescribed):
        if is_late:
            keys.descriptions.add((workspace, aggregate_id, DISPLAY_NAME, writer_id))
            keys.descriptions.add((workspace, aggregate_id, DESCRIPTION, writer_id))
    elif isinstance(event, _OF_ATTEMPTS):
        _touch_attempt(keys, event, lane, is_late)
    elif isinstance(event, CancelRequested):
        keys.latest_attempts.add((workspace, aggregate_id))
        if is_late:
            keys.latest_statuses.add((workspace, aggregate_id, writer_id))
    elif isinstance(event, DatasetLinked):
        keys.dataset_links.add((workspace, aggregate_id, event.direction, event.name, event.dataset_id))


def _touch_attempt(keys: Keys, event: Any, lane: LaneKey, is_late: bool) -> None:
    attempt = (lane.workspace, lane.aggregate_id, event.attempt)
    keys.attempts.add(attempt)
    if isinstance(event, ArtifactLogged):
        paths = artifact_paths(event.name, event.ordinal, lane.writer_id, event.metric_name is not None)
        keys.artifacts.update((*attempt, path) for path in paths)
    elif isinstance(event, StatusChanged):
        keys.claims.update(lane._replace(stream=lane_end.stream) for lane_end in event.lanes)
        if is_late:
            keys.statuses.add((*attempt, lane.writer_id))
    elif isinstance(event, SnapshotTaken):
        keys.snapshots.add(attempt)


def _touch_experiment(keys: Keys, event: Any, lane: LaneKey, is_late: bool) -> None:
    experiment = (lane.workspace, lane.aggregate_id)
    if isinstance(event, RunEnrolled):
        keys.experiments.add(experiment)
        keys.enrollments.add((*experiment, event.run_id))
    elif isinstance(event, ExperimentChanged):
        keys.experiments.add(experiment)
        if is_late:
            keys.experiment_words.update((*experiment, name, lane.writer_id) for name in words_of(event))


def _touch_asset(keys: Keys, event: Any, lane: LaneKey, is_late: bool) -> None:
    if not isinstance(event, (ModelRegistered, ModelChanged, AssetRegistered, AssetChanged)):
        return
    asset = (lane.workspace, lane.aggregate_kind, lane.aggregate_id)
    keys.assets.add(asset)
    if isinstance(event, AssetRegistered):
        keys.definitions.add(asset)
    elif isinstance(event, ModelChanged):
        keys.asset_properties.update((*asset, event.version, key) for key in event.properties)
    if is_late:
        keys.asset_words.update((*asset, name, lane.writer_id) for name in words_of(event))


_OF_ATTEMPTS = (StatusChanged, ArtifactLogged, RunStarted, ErrorRecorded, WarningRecorded, SnapshotTaken)
_CLAIMS = (WriterClosed, LossDeclared)
__all__ = ["DESCRIPTION", "DISPLAY_NAME", "FACTS", "POINTS", "Keys", "lanes_of", "touched"]
