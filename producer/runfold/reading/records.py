"""What the API answers, as typed records. Times are UTC, ISO 8601 with microseconds."""

from __future__ import annotations

from typing import Any, TypedDict


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


class Content(TypedDict):
    """Where the bytes of an artifact are: a signed address, and what they must be."""

    url: str
    path: str
    attempt: int
    sha256: str
    size: int
    media_type: str | None
    availability: str


class Upload(TypedDict):
    """How to send bytes to the object store; `exists`: they are there already."""

    url: str
    method: str
    headers: dict[str, str]
    exists: bool


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
