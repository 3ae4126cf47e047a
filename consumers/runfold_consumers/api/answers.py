"""Shapes of the answers. Times are UTC, ISO 8601 with microseconds; every answer names the watermark that it was read
at.
"""

from __future__ import annotations

import math
from datetime import datetime, timezone
from typing import Annotated, Any, Literal

from pydantic import BaseModel, Field, PlainSerializer

from runfold_consumers.artifacts.objects import SIZE_MAX

WATERMARK_HEADER = "Runfold-Watermark"  # of answers that are no JSON


def moment_text(moment: datetime) -> str:
    """A moment as answers show it, such as 2026-03-01T12:00:00.000000Z."""
    return moment.astimezone(timezone.utc).replace(tzinfo=None).isoformat(timespec="microseconds") + "Z"


def odd_text(number: float) -> str:
    """A number that JSON has no word for, as answers show it: NaN, Infinity or -Infinity."""
    if math.isnan(number):
        return "NaN"
    return "Infinity" if number > 0 else "-Infinity"


Moment = Annotated[datetime, PlainSerializer(moment_text, return_type=str, when_used="json")]


class Answer(BaseModel):
    """What every answer carries."""

    watermark: str = Field(
        description="What was folded when this was read; `not_before` of a later read.", examples=["w1.eJyr..."]
    )


class WorkspaceAnswer(Answer):
    """A workspace and how far it is folded."""

    workspace: str = Field(examples=["team-a"])


class Lag(BaseModel):
    """How far one projector is behind in one partition."""

    projector: str = Field(description="state or artifacts.")
    topic: str
    partition: int
    next_offset: int = Field(description="Next offset to fold.")
    end_offset: int = Field(description="End of the log, as the projector last saw it.")
    lag_s: float | None = Field(
        description="Seconds behind; 0 at the end of the log, null when nothing was folded yet."
    )
    observed_at: Moment = Field(description="When the projector last reported.")


class LagAnswer(Answer):
    """How far the projectors are behind."""

    lag: list[Lag]


class Experiment(BaseModel):
    """An experiment."""

    name: str
    created_at: Moment
    run_count: int = Field(description="Runs in it, children too.")
    statuses: dict[str, int] = Field(description="Of these, how many are in which status.", examples=[{"Completed": 3}])
    last_activity_at: Moment | None = Field(
        description="When a run was last created, started, ended or, while it is open, heard of; null without runs."
    )
    archived: bool
    archived_at: Moment | None = Field(description="When it was archived, by the clock of who said so.")
    deleted: bool
    description: str | None
    tags: dict[str, str | None]


class ExperimentsAnswer(Answer):
    """Experiments by name."""

    experiments: list[Experiment]
    next_cursor: str | None = Field(description="`cursor` of the next page; null on the last one.")


class RunError(BaseModel):
    """Why the latest attempt failed; the last word on it."""

    code: str
    message: str | None
    details_uri: str | None


class LaneRanges(BaseModel):
    """Ordinals of one lane."""

    stream: str = Field(description="facts, points or log/<name>.")
    writer_id: str
    ranges: list[tuple[int, int]] = Field(description="First and last ordinal of each range, both included.")


class Writer(BaseModel):
    """A process that spoke about the run, as it claims to be."""

    writer_id: str
    actor: str | None
    host: str | None
    pid: int | None
    rank: int | None
    world_size: int | None
    attempt: int | None
    opened_at: Moment | None
    outsider: bool = Field(description="It started the run otherwise than its first writer: its facts are refused.")


class RunWarning(BaseModel):
    """Something that the run's owner should know, and that stopped nothing."""

    source: str = Field(description="What warns.")
    message: str
    attempt: int


class DatasetLink(BaseModel):
    """A dataset that is an input or output of the run."""

    direction: str = Field(description="input or output.")
    name: str
    dataset_id: str
    dataset_name: str | None
    dataset_version: int | None
    mechanism: str | None
    path_on_compute: str | None
    definition: dict[str, Any]


class Correction(BaseModel):
    """What somebody said a property should have been. The property stays as it is."""

    key: str
    value: str | None
    reason: str
    actor: str | None = Field(description="Who said so, as they claim to be.")
    writer_id: str
    offset: int
    at: Moment


class Run(BaseModel):
    """A run: the fold of its events."""

    run_id: str
    experiment: str | None = Field(description="null until RunStarted is folded.")
    parent_run_id: str | None
    run_type: str | None
    target: str | None
    display_name: str | None
    description: str | None
    number: int | None = Field(description="Its number in the experiment; null until folded. Holes are possible.")
    attempt: int = Field(description="The latest attempt; status, times and error are its.")
    status: str = Field(examples=["Completed"])
    status_reason: str | None = Field(description="Why it is in that status, where somebody said so.")
    created_at: Moment
    started_at: Moment | None
    ended_at: Moment | None
    tags: dict[str, str | None]
    properties: dict[str, str | None]
    corrections: list[Correction] = Field(description="Of properties, in the order of the log; they stay as they are.")
    error: RunError | None
    complete: str = Field(
        description="complete, complete_with_declared_loss or open: whether all that was said has arrived."
    )
    missing: list[LaneRanges] = Field(description="Ordinals that were said and have not arrived.")
    declared: list[LaneRanges] = Field(description="Ordinals that are lost, as their writer or its shipper declared.")
    writers: list[Writer]
    submitted_by: str | None
    outputs: str | None
    snapshot_directory: str | None
    warnings: list[RunWarning] = Field(description="The latest 100, in the order of the log.")
    snapshot_id: str | None = Field(description="Of the latest attempt that took a snapshot of its code.")
    definition: dict[str, Any] | None = Field(description="Of the latest submission: what runs, and with what.")
    job_folder: str | None = Field(description="Of the latest submission: where the job lives on its host.")
    heartbeat_at: Moment | None = Field(description="Broker time of the last heartbeat.")
    cancel_requested_at: Moment | None = Field(description="When somebody last asked that the run ends.")
    datasets: list[DatasetLink] = Field(description="The first 1,000, in the order of the log.")


class RunAnswer(Run, Answer):
    """One run."""


class RunsAnswer(Answer):
    """A page of runs, newest first."""

    runs: list[Run]
    next_cursor: str | None = Field(description="`cursor` of the next page; null on the last one.")
    n: int = Field(description="Number of runs on this page.")


class Artifact(BaseModel):
    """A file, image or chart of a run."""

    path: str = Field(description="Where it stands: its name, or `<name>@<ordinal>` for one logged again.")
    name: str
    attempt: int
    sha256: str
    size: int
    media_type: str | None
    metric_name: str | None
    metric_type: str | None
    availability: str = Field(description="pending (not looked at yet), available, missing or mismatched.")
    created_at: Moment
    url: str | None = Field(None, description="With `signed=true`: GET the bytes here, without an access token.")


class ArtifactsAnswer(Answer):
    """Artifacts by path and attempt."""

    artifacts: list[Artifact]
    next_cursor: str | None


class ContentAnswer(Answer):
    """Where the bytes of an artifact are."""

    url: str = Field(description="Signed; GET it without an access token.")
    path: str
    attempt: int
    sha256: str
    size: int
    media_type: str | None
    availability: str


# Stores give letters, digits and few signs; a slash or a lone dot would be a path to those that keep parts in folders.
UploadId = Annotated[
    str,
    Field(max_length=1024, pattern="^[A-Za-z0-9_~+=-][A-Za-z0-9._~+=-]*$", description="As /uploads gave it."),
]


class Owner(BaseModel):
    """Whose bytes they are."""

    kind: Literal["run", "model", "dataset", "datastore"]
    id: str = Field(min_length=1, max_length=256, pattern="^[^\\x00]*$", description="Run id, or name.")


class BytesWanted(BaseModel):
    """What is to be uploaded."""

    sha256: str = Field(pattern="^[0-9a-f]{64}$", description="SHA-256 of the bytes.")
    size: int = Field(ge=0, le=SIZE_MAX, description="Number of bytes; an object has at most 5 TiB.")
    media_type: str | None = Field(None, max_length=255, examples=["image/png"])


class UploadWanted(BytesWanted):
    """What is to be uploaded, and whose it is."""

    owner: Owner


class UploadsWanted(BaseModel):
    """Many small ones of one owner."""

    owner: Owner
    bodies: list[BytesWanted] = Field(max_length=1000)


class Multipart(BaseModel):
    """An upload in parts: it was begun, perhaps by another process, and anybody may go on with it."""

    upload_id: str
    part_bytes: int = Field(description="Size of each part but the last.")
    parts: int = Field(description="How many there are; they are counted from 1.")


class UploadAnswer(BaseModel):
    """How to upload it."""

    exists: bool = Field(description="The bytes are there already: nothing to upload.")
    url: str | None = Field(description="Signed; null where it is there, or goes in parts.")
    method: str = Field(examples=["PUT"])
    headers: dict[str, str] = Field(description="Headers that the request must carry.")
    multipart: Multipart | None = Field(None, description="For large objects: in parts, by `/uploads/parts`.")


class UploadsAnswer(BaseModel):
    """How to upload them, in the order asked."""

    uploads: list[UploadAnswer]


class PartsWanted(UploadWanted):
    """A page of the parts of an upload."""

    upload_id: UploadId
    after: int = Field(0, ge=0, le=10_000, description="Parts after this one.")
    limit: int = Field(100, ge=1, le=1000)


class UploadPart(BaseModel):
    """A part: which bytes, what the store has of it, and where it goes."""

    part: int
    first: int = Field(description="Place of its first byte.")
    size: int
    url: str = Field(description="Signed; PUT the part here. Its ETag comes back.")
    etag: str | None = Field(description="Of a part of this size that the store has; null where it has none.")


class PartsAnswer(BaseModel):
    """Parts by number; none where `after` was the last one."""

    parts: list[UploadPart]


class UploadComplete(UploadWanted):
    """All parts are there."""

    upload_id: UploadId
    etags: list[str] = Field(min_length=1, max_length=10_000, description="ETag of each part, in order.")


class UploadAborted(UploadWanted):
    """An unfinished upload that nobody wants any more."""

    upload_id: UploadId


class Refusal(BaseModel):
    """What a rule said about one key of a fact."""

    key: str
    rule: str
    kept: str | None
    refused: str | None


class Decision(BaseModel):
    """How a fact was decided, and where."""

    offset: int
    writer_id: str | None
    ordinal: int | None
    event: str | None
    verdict: str = Field(description="accepted, refused, repeated, conflicting or skipped.")
    rule: str | None
    refusals: list[Refusal]
    version: int | None = Field(
        None, description="Version that a registration got: a new one, or the latest again where it was the same."
    )


class DecisionsAnswer(Answer):
    """Decisions by offset."""

    decisions: list[Decision]
    next_cursor: str | None


class Happening(Decision):
    """A fact or claim of a run, as it stands in the log."""

    partition: int
    broker_time: Moment
    actor: str | None = Field(description="Who the writer claims to be.")
    body: dict[str, Any] | None = Field(
        description="Fields of the event; bytes as {bytes: count}, NaN and infinities as text. null: a plain repeat."
    )


class TimelineAnswer(Answer):
    """What happened, by offset."""

    timeline: list[Happening]
    next_cursor: str | None


class DeadLetter(BaseModel):
    """A record that could not be folded."""

    topic: str
    partition: int
    offset: int
    kind: str = Field(description="poison (malformed) or parked (of a schema that nobody knows yet).")
    reason: str
    key: str | None = Field(description="Base64.")
    value: str | None = Field(description="Base64.")
    broker_time: Moment
    recorded_at: Moment
    retried_at: Moment | None = Field(None, description="When somebody last sent it again.")
    retried_by: str | None = None


class DeadLetterAnswer(DeadLetter, Answer):
    """One dead letter."""


class DeadLettersAnswer(Answer):
    """Dead letters, newest first."""

    dead_letters: list[DeadLetter]
    next_cursor: str | None


class Waited(BaseModel):
    """What to wait for."""

    not_before: str = Field(description="A watermark.", examples=["w1.eJyr..."])
    wait_s: float = Field(10.0, ge=0, le=30, allow_inf_nan=False, description="Seconds.")
