"""What the API answers, as typed records. Times are UTC, ISO 8601 with microseconds."""

from __future__ import annotations

from typing import Any, NamedTuple, TypedDict


class LaneRanges(TypedDict):
    """Ordinals of one lane; both ends of a range are included."""

    stream: str
    writer_id: str
    ranges: list[tuple[int, int]]


class WriterRecord(TypedDict):
    """A process that spoke about a run, as it claims to be."""

    writer_id: str
    actor: str | None
    host: str | None
    pid: int | None
    rank: int | None
    world_size: int | None
    attempt: int | None
    opened_at: str | None
    outsider: bool


class ErrorRecord(TypedDict):
    """Why a run failed."""

    code: str
    message: str | None
    details_uri: str | None


class WarningRecord(TypedDict):
    """Something about a run that stopped nothing."""

    source: str
    message: str
    attempt: int


class DatasetLink(TypedDict):
    """A dataset that is an input or output of a run; `direction` says which."""

    direction: str
    name: str
    dataset_id: str
    dataset_name: str | None
    dataset_version: int | None
    mechanism: str | None
    path_on_compute: str | None
    definition: dict[str, Any]


class RunRecord(TypedDict):
    """A run; see the API's document for each field."""

    run_id: str
    experiment: str | None
    parent_run_id: str | None
    run_type: str | None
    target: str | None
    display_name: str | None
    description: str | None
    number: int | None
    attempt: int
    status: str
    status_reason: str | None
    created_at: str
    started_at: str | None
    ended_at: str | None
    tags: dict[str, str | None]
    properties: dict[str, str | None]
    error: ErrorRecord | None
    complete: str
    missing: list[LaneRanges]
    declared: list[LaneRanges]
    writers: list[WriterRecord]
    submitted_by: str | None
    outputs: str | None
    snapshot_directory: str | None
    warnings: list[WarningRecord]
    snapshot_id: str | None
    definition: dict[str, Any] | None
    job_folder: str | None
    heartbeat_at: str | None
    cancel_requested_at: str | None
    datasets: list[DatasetLink]


class RunsPage(TypedDict):
    """A page of runs, newest first; `next_cursor` is None on the last one."""

    runs: list[RunRecord]
    next_cursor: str | None
    n: int
    watermark: str


class ExperimentRecord(TypedDict):
    """An experiment."""

    name: str
    created_at: str
    run_count: int
    archived: bool
    archived_at: str | None
    deleted: bool
    description: str | None
    tags: dict[str, str | None]


class ArtifactRecord(TypedDict):
    """A file, image or chart of a run. Availability: pending, available, missing or mismatched."""

    path: str
    name: str
    attempt: int
    sha256: str
    size: int
    media_type: str | None
    metric_name: str | None
    metric_type: str | None
    availability: str
    created_at: str


class Located(TypedDict):
    """Bytes of the object store: a signed address, the name to call them by, and what they must be."""

    url: str
    path: str
    sha256: str
    size: int


class Content(Located):
    """Where the bytes of an artifact are."""

    attempt: int
    media_type: str | None
    availability: str


class Multipart(TypedDict):
    """An upload in parts: its id, the size of each part but the last, and how many there are."""

    upload_id: str
    part_bytes: int
    parts: int


class Upload(TypedDict):
    """How to send bytes to the object store; `exists`: they are there already. Without `url` they go in parts."""

    exists: bool
    url: str | None
    method: str
    headers: dict[str, str]
    multipart: Multipart | None


class UploadPart(TypedDict):
    """A part, counted from 1: where it begins, where it goes, and the ETag of what the store has of it."""

    part: int
    first: int
    size: int
    url: str
    etag: str | None


class RefusalRecord(TypedDict):
    """What a rule said about one key of a fact."""

    key: str
    rule: str
    kept: str | None
    refused: str | None


class DecisionRecord(TypedDict):
    """How a fact was decided, and where."""

    offset: int
    writer_id: str | None
    ordinal: int | None
    event: str
    verdict: str
    rule: str | None
    refusals: list[RefusalRecord]
    version: int | None  # that a registration got; the existing one where it was that again


class Happening(DecisionRecord):
    """A fact or claim of a run, as it stands in the log."""

    partition: int
    broker_time: str
    body: dict[str, Any] | None


class LagRecord(TypedDict):
    """How far a projector is behind in one partition; infinite where nothing was folded yet."""

    projector: str
    topic: str
    partition: int
    next_offset: int
    end_offset: int
    lag_s: float
    observed_at: str


class LogRecord(TypedDict):
    """A log of a run by one writer. `complete`: all of it is here, or declared lost, and its writer has closed it."""

    name: str
    attempt: int
    writer_id: str
    rank: int | None
    bytes: int
    complete: bool
    updated_at: str


class LaneCompleteness(TypedDict):
    """One stream of a writer: its last ordinal as far as is known, and how many ordinals are stored or declared lost;
    which are missing, both ends of a range included.
    """

    stream: str
    sent: int
    stored: int
    declared_lost: int
    missing: list[tuple[int, int]]


class WriterCompleteness(TypedDict):
    """What one process said about a run, and how much of it has arrived."""

    writer_id: str
    rank: int | None
    attempt: int | None
    host: str | None
    pid: int | None
    outsider: bool
    lanes: list[LaneCompleteness]


class CompletenessRecord(TypedDict):
    """Whether all that was said about a run has arrived: complete, complete_with_declared_loss or open."""

    complete: str
    writers: list[WriterCompleteness]


class SnapshotRecord(Located):
    """Source code as it was kept: a ZIP."""

    snapshot_id: str
    run_id: str
    attempt: int
    files: int
    content_bytes: int
    directory: str | None
    availability: str


class CodeContent(TypedDict):
    """What a file of a snapshot is, as its ZIP says; the same size, CRC-32 and mode are taken for the same content."""

    size: int
    crc32: str
    executable: bool


class CodeDifference(TypedDict):
    """A path that not all snapshots have, or not with the same content."""

    path: str
    contents: list[CodeContent]
    which: list[int | None]
    """Of each compared snapshot the place in `contents`; None where it has no such file."""


class LeftSnapshot(TypedDict):
    """A snapshot that could not be compared, and why."""

    snapshot_id: str
    code: str
    message: str


class CodeDifferences(NamedTuple):
    """What differs between snapshots of code."""

    snapshot_ids: list[str]
    """Those that were compared, in the order of `which`."""
    left: list[LeftSnapshot]
    files: list[CodeDifference]
    paths: int
    """Paths of all of them, whether they differ or not."""


class ModelFileRecord(TypedDict):
    """A file of a model; its path is within the model."""

    path: str
    sha256: str
    size: int
    media_type: str | None


class RelatedDatasetRecord(TypedDict):
    """A dataset that a model has to do with."""

    relationship: str
    dataset_id: str


class ModelRecord(TypedDict):
    """A version of a model."""

    name: str
    version: int
    description: str | None
    tags: dict[str, str | None]
    properties: dict[str, str | None]
    run_id: str | None
    experiment: str | None
    objects_run_id: str
    path: str | None
    files: list[ModelFileRecord]
    framework: str | None
    framework_version: str | None
    datasets: list[RelatedDatasetRecord]
    sample_input_dataset_id: str | None
    sample_output_dataset_id: str | None
    resource_configuration: str | None
    mime_type: str | None
    unpack: bool
    created_at: str
    created_by: str | None
    deleted: bool


class ModelContent(Located):
    """Where the bytes of a model's file are."""

    media_type: str | None


class AssetRecord(TypedDict):
    """A version of a dataset, environment or datastore."""

    kind: str
    name: str
    version: int
    definition: dict[str, Any]
    description: str | None
    tags: dict[str, str | None]
    created_at: str
    created_by: str | None
    deleted: bool
    is_default: bool
