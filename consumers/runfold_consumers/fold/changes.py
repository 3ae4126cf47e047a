"""What the fold is given and what it gives: rows known before a batch, and rows that stand after it."""

from __future__ import annotations

from dataclasses import dataclass, field

from runfold_consumers.fold.lanes import LaneKey, Ranges
from runfold_consumers.fold.registry_rows import (
    AssetPropertyRow,
    AssetRow,
    AssetWordRow,
    EnrollmentRow,
    ExperimentRow,
    ExperimentWordRow,
    RegistrationRow,
    VersionRow,
)
from runfold_consumers.fold.rows import (
    ArtifactRow,
    AttemptRow,
    CancelRow,
    ClaimRow,
    CorrectionRow,
    DatasetLinkRow,
    DescriptionRow,
    ErrorRow,
    FactRow,
    PropertyRow,
    RefusalRow,
    RunRow,
    SecretReadRow,
    SnapshotRow,
    StatusRow,
    SubmissionRow,
    TagRow,
    WarningRow,
    WriterRow,
)

RunKey = tuple[str, str]  # workspace, run id
AttemptKey = tuple[str, str, int]  # workspace, run id, attempt
NamedKey = tuple[str, str, str]  # workspace, run id, and a key, or an experiment and a run id
WriterKey = tuple[str, str, str, str]  # workspace, aggregate kind, aggregate id, writer
WordKey = tuple[str, str, str, str]  # workspace, run id or experiment, what is said, writer
StatusKey = tuple[str, str, int, str]  # workspace, run id, attempt, writer
PathKey = tuple[str, str, int, str]  # workspace, run id, attempt, path
LinkKey = tuple[str, str, str, str, str]  # workspace, run id, direction, name, dataset id
ExperimentKey = tuple[str, str]  # workspace, experiment
AssetKey = tuple[str, str, str]  # workspace, kind, name
VersionKey = tuple[str, str, str, int]  # workspace, kind, name, version
VersionPropertyKey = tuple[str, str, str, int, str]  # workspace, kind, name, version, key
VersionWordKey = tuple[str, str, str, int, str, str]  # workspace, kind, name, version, field, writer


@dataclass
class Known:
    """What the tables say about the keys that a batch touches. Of last words only the ordinal matters to the rules, of
    a snapshot its id, and of an asset's latest version its definition."""

    lanes: dict[LaneKey, Ranges] = field(default_factory=dict)
    originals: dict[tuple[LaneKey, int], bytes] = field(default_factory=dict)
    claims: dict[LaneKey, ClaimRow] = field(default_factory=dict)
    writers: dict[WriterKey, WriterRow] = field(default_factory=dict)
    runs: dict[RunKey, RunRow] = field(default_factory=dict)
    attempts: dict[AttemptKey, AttemptRow] = field(default_factory=dict)
    properties: dict[NamedKey, str | None] = field(default_factory=dict)
    artifacts: dict[PathKey, str] = field(default_factory=dict)
    snapshots: dict[AttemptKey, str] = field(default_factory=dict)
    dataset_links: set[LinkKey] = field(default_factory=set)
    experiments: dict[ExperimentKey, ExperimentRow] = field(default_factory=dict)
    enrollments: set[NamedKey] = field(default_factory=set)
    statuses: dict[StatusKey, int] = field(default_factory=dict)
    tags: dict[WordKey, int] = field(default_factory=dict)
    descriptions: dict[WordKey, int] = field(default_factory=dict)
    experiment_words: dict[WordKey, int] = field(default_factory=dict)
    assets: dict[AssetKey, AssetRow] = field(default_factory=dict)
    definitions: dict[AssetKey, str] = field(default_factory=dict)
    asset_properties: dict[VersionPropertyKey, str | None] = field(default_factory=dict)
    asset_words: dict[VersionWordKey, int] = field(default_factory=dict)


@dataclass
class Changes:
    """What a batch of facts changes: the final rows. Lists, and the dicts that `ONCE` names, hold new rows; the others
    replace what stood there."""

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
    corrections: list[CorrectionRow] = field(default_factory=list)
    artifacts: dict[PathKey, ArtifactRow] = field(default_factory=dict)
    errors: list[ErrorRow] = field(default_factory=list)
    warnings: list[WarningRow] = field(default_factory=list)
    submissions: list[SubmissionRow] = field(default_factory=list)
    cancels: list[CancelRow] = field(default_factory=list)
    snapshots: dict[AttemptKey, SnapshotRow] = field(default_factory=dict)
    dataset_links: dict[LinkKey, DatasetLinkRow] = field(default_factory=dict)
    secret_reads: list[SecretReadRow] = field(default_factory=list)
    experiments: dict[ExperimentKey, ExperimentRow] = field(default_factory=dict)
    enrollments: dict[NamedKey, EnrollmentRow] = field(default_factory=dict)
    experiment_words: dict[WordKey, ExperimentWordRow] = field(default_factory=dict)
    assets: dict[AssetKey, AssetRow] = field(default_factory=dict)
    versions: dict[VersionKey, VersionRow] = field(default_factory=dict)
    registrations: list[RegistrationRow] = field(default_factory=list)
    asset_words: dict[VersionWordKey, AssetWordRow] = field(default_factory=dict)
    asset_properties: dict[VersionPropertyKey, AssetPropertyRow] = field(default_factory=dict)


ONCE = frozenset(
    ("properties", "artifacts", "snapshots", "dataset_links", "enrollments", "versions", "asset_properties")
)
