"""Rows of `state` as the fold sees them: what is known before a batch, and what stands after it.

Field names and order are the columns of the tables that bear the names. Times are microseconds since 1970-01-01 UTC.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import NamedTuple

from runfold_consumers.fold.lanes import LaneKey, Ranges

AggregateKey = tuple[str, str, str]  # workspace, aggregate kind, aggregate id
RunKey = tuple[str, str]  # workspace, run id
AttemptKey = tuple[str, str, int]  # workspace, run id, attempt
NamedKey = tuple[str, str, str]  # workspace, run id, and a key, or an experiment and a run id
WriterKey = tuple[str, str, str, str]  # workspace, aggregate kind, aggregate id, writer
WordKey = tuple[str, str, str, str]  # workspace, run id, what is said, writer
StatusKey = tuple[str, str, int, str]  # workspace, run id, attempt, writer
PathKey = tuple[str, str, int, str]  # workspace, run id, attempt, path


class FactRow(NamedTuple):
    """One fact or claim with its decision."""

    workspace: str
    partition: int
    offset: int
    broker_time: int
    event: str | None
    aggregate_kind: str | None
    aggregate_id: str | None
    writer_id: str | None
    ordinal: int | None
    message: bytes | None
    verdict: str
    rule: str | None


class RefusalRow(NamedTuple):
    """One key of a refused or conflicting fact."""

    workspace: str
    partition: int
    offset: int
    key: str
    rule: str
    aggregate_kind: str
    aggregate_id: str
    writer_id: str
    ordinal: int
    kept: str | None
    refused: str | None


class ClaimRow(NamedTuple):
    """The claims about one lane, folded."""

    closed: int | None
    declared: Ranges
    reason: str | None


class WriterRow(NamedTuple):
    """Who a writer claims to be; `versions` is JSON."""

    workspace: str
    aggregate_kind: str
    aggregate_id: str
    writer_id: str
    partition: int
    actor: str | None
    host: str | None
    pid: int | None
    rank: int | None
    world_size: int | None
    attempt: int | None
    versions: str | None
    opened_at: int | None
    offset: int | None
    outsider: bool


class RunRow(NamedTuple):
    """A run."""

    workspace: str
    run_id: str
    partition: int
    first_offset: int
    started_offset: int | None
    started_writer_id: str | None
    experiment: str | None
    parent_run_id: str | None
    run_type: str | None
    target: str | None
    display_name: str | None
    snapshot_directory: str | None
    outputs: str | None
    attempt: int
    created_at: int
    submitted_by: str | None


class AttemptRow(NamedTuple):
    """A start of a run's job."""

    workspace: str
    run_id: str
    attempt: int
    first_offset: int
    started_at: int | None
    ended_at: int | None
    terminal_status: str | None
    terminal_offset: int | None
    terminal_writer_id: str | None
    terminal_ordinal: int | None


class StatusRow(NamedTuple):
    """A writer's last word on an attempt's status."""

    workspace: str
    run_id: str
    attempt: int
    writer_id: str
    ordinal: int
    offset: int
    status: str
    reason: str | None
    occurred_at: int


class TagRow(NamedTuple):
    """A writer's last word on a tag."""

    workspace: str
    run_id: str
    key: str
    writer_id: str
    ordinal: int
    offset: int
    value: str | None
    removed: bool


class DescriptionRow(NamedTuple):
    """A writer's last word on display_name or description."""

    workspace: str
    run_id: str
    field: str
    writer_id: str
    ordinal: int
    offset: int
    value: str


class PropertyRow(NamedTuple):
    """A property."""

    workspace: str
    run_id: str
    key: str
    value: str | None
    offset: int
    writer_id: str
    ordinal: int


class ArtifactRow(NamedTuple):
    """A file, image or chart; `part_digests` is JSON."""

    workspace: str
    run_id: str
    attempt: int
    path: str
    name: str
    sha256: str
    size: int
    media_type: str | None
    part_digests: str
    inline: bool
    metric_name: str | None
    metric_type: str | None
    writer_id: str
    ordinal: int
    offset: int
    occurred_at: int


class ErrorRow(NamedTuple):
    """Why an attempt failed."""

    workspace: str
    run_id: str
    attempt: int
    offset: int
    code: str
    message: str | None
    details_uri: str | None


class ExperimentRow(NamedTuple):
    """An experiment and the number that its next run gets."""

    workspace: str
    experiment: str
    partition: int
    next_number: int
    first_offset: int
    created_at: int


class EnrollmentRow(NamedTuple):
    """A run's number in an experiment."""

    workspace: str
    experiment: str
    run_id: str
    number: int
    offset: int


class PointsRow(NamedTuple):
    """Points of one lane, one framed MetricLogged; both ordinals included."""

    workspace: str
    partition: int
    run_id: str
    writer_id: str
    first_ordinal: int
    last_ordinal: int
    offset: int
    broker_time: int
    message: bytes


@dataclass
class Known:
    """What the tables say about the keys that a batch touches. Of last words only the ordinal matters to the rules."""

    lanes: dict[LaneKey, Ranges] = field(default_factory=dict)
    originals: dict[tuple[LaneKey, int], bytes] = field(default_factory=dict)
    claims: dict[LaneKey, ClaimRow] = field(default_factory=dict)
    writers: dict[WriterKey, WriterRow] = field(default_factory=dict)
    runs: dict[RunKey, RunRow] = field(default_factory=dict)
    attempts: dict[AttemptKey, AttemptRow] = field(default_factory=dict)
    properties: dict[NamedKey, str | None] = field(default_factory=dict)
    artifacts: dict[PathKey, str] = field(default_factory=dict)
    experiments: dict[tuple[str, str], ExperimentRow] = field(default_factory=dict)
    enrollments: set[NamedKey] = field(default_factory=set)
    statuses: dict[StatusKey, int] = field(default_factory=dict)
    tags: dict[WordKey, int] = field(default_factory=dict)
    descriptions: dict[WordKey, int] = field(default_factory=dict)


@dataclass
class Changes:
    """What a batch of facts changes: the final rows. Facts, refusals, properties, artifacts, errors and enrollments are
    new; the others replace what stood there."""

    facts: list[FactRow] = field(default_factory=list)
    refusals: list[RefusalRow] = field(default_factory=list)
    lanes: dict[LaneKey, Ranges] = field(default_factory=dict)
    claims: dict[LaneKey, ClaimRow] = field(default_factory=dict)
    writers: dict[WriterKey, WriterRow] = field(default_factory=dict)
    runs: dict[RunKey, RunRow] = field(default_factory=dict)
    attempts: dict[AttemptKey, AttemptRow] = field(default_factory=dict)
    statuses: dict[StatusKey, StatusRow] = field(default_factory=dict)
    tags: dict[WordKey, TagRow] = field(default_factory=dict)
    descriptions: dict[WordKey, DescriptionRow] = field(default_factory=dict)
    properties: dict[NamedKey, PropertyRow] = field(default_factory=dict)
    artifacts: dict[PathKey, ArtifactRow] = field(default_factory=dict)
    errors: list[ErrorRow] = field(default_factory=list)
    experiments: dict[tuple[str, str], ExperimentRow] = field(default_factory=dict)
    enrollments: dict[NamedKey, EnrollmentRow] = field(default_factory=dict)
