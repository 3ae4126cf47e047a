"""Rows of `state` as the fold writes them: facts, what is said about runs, telemetry.

Field names and order are the columns of the tables that bear the names. Times are microseconds since 1970-01-01 UTC.
Rows of experiments and assets stand in `registry_rows`.
"""

from __future__ import annotations

from typing import NamedTuple

from runfold_consumers.fold.lanes import Ranges


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
    """A start of a run's job; `status` is the last word that was no terminal one."""

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
    status: str | None


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


class CorrectionRow(NamedTuple):
    """What a property should have been, and why."""

    workspace: str
    run_id: str
    offset: int
    key: str
    value: str | None
    reason: str
    writer_id: str
    ordinal: int
    occurred_at: int


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


class WarningRow(NamedTuple):
    """What a run's owner should know."""

    workspace: str
    run_id: str
    attempt: int
    offset: int
    source: str
    message: str
    occurred_at: int


class SubmissionRow(NamedTuple):
    """A job that was submitted; `definition` is JSON."""

    workspace: str
    run_id: str
    offset: int
    broker_time: int
    writer_id: str
    target: str
    definition: str
    snapshot_id: str | None
    job_folder: str | None
    respond_within_s: float


class CancelRow(NamedTuple):
    """Somebody's wish that a run end."""

    workspace: str
    run_id: str
    offset: int
    writer_id: str
    reason: str | None
    occurred_at: int


class SnapshotRow(NamedTuple):
    """The source code of an attempt."""

    workspace: str
    run_id: str
    attempt: int
    snapshot_id: str
    sha256: str
    size: int
    files: int
    content_bytes: int
    directory: str | None
    inline: bool
    writer_id: str
    ordinal: int
    offset: int
    occurred_at: int


class DatasetLinkRow(NamedTuple):
    """An input or output of a run; `definition` is JSON."""

    workspace: str
    run_id: str
    direction: str
    name: str
    dataset_id: str
    dataset_name: str | None
    dataset_version: int | None
    mechanism: str | None
    path_on_compute: str | None
    definition: str
    writer_id: str
    ordinal: int
    offset: int


class SecretReadRow(NamedTuple):
    """A secret that a run asked for."""

    workspace: str
    run_id: str
    offset: int
    name: str
    provider: str
    found: bool
    writer_id: str
    occurred_at: int


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


class SeriesRow(NamedTuple):
    """What the points of a series come to; of a batch's points alone until Postgres has folded it in."""

    workspace: str
    run_id: str
    series_id: str
    partition: int
    writer_id: str
    name: str
    column_name: str | None
    kinds: str
    axes: str
    points: int
    nonfinite: int
    min: float | None
    max: float | None
    last_ordinal: int
    last_kind: str
    last_step: int
    last_time: float
    last_value: float | None
    last_text: str | None
    broker_time: int


class LogRow(NamedTuple):
    """Bytes of one lane of a log; both ordinals included."""

    workspace: str
    partition: int
    run_id: str
    writer_id: str
    name: str
    first_ordinal: int
    last_ordinal: int
    offset: int
    attempt: int
    broker_time: int
    occurred_at: int
    data: bytes


class SecondRow(NamedTuple):
    """The first offset of telemetry that came within a second of broker time."""

    workspace: str
    partition: int
    second: int
    first_offset: int


class HeartbeatRow(NamedTuple):
    """A writer's last sign of life in a run; `ends` is JSON: last ordinals by stream."""

    workspace: str
    partition: int
    run_id: str
    writer_id: str
    broker_time: int
    occurred_at: int
    ttl_s: float
    ends: str
