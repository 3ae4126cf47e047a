"""What is said about runs: their start, statuses, tags, properties, files, and all else that belongs to a run."""

from __future__ import annotations

import json
from typing import Any

from runfold_consumers.fold import rules
from runfold_consumers.fold.batch import Batch, Decide, kept_ordinal
from runfold_consumers.fold.keys import DESCRIPTION, DISPLAY_NAME
from runfold_consumers.fold.properties import add_properties
from runfold_consumers.fold.records import Record
from runfold_consumers.fold.rows import (
    ArtifactRow,
    CancelRow,
    CorrectionRow,
    DatasetLinkRow,
    DescriptionRow,
    ErrorRow,
    PropertyRow,
    SecretReadRow,
    SnapshotRow,
    StatusRow,
    SubmissionRow,
    TagRow,
    WarningRow,
    WriterRow,
)
from runfold_consumers.fold.rules import ACCEPT, Decision
from runfold_schemas.events import (
    ArtifactLogged,
    CancelRequested,
    DatasetLinked,
    ErrorRecorded,
    PropertyAdded,
    PropertyCorrected,
    RunDescribed,
    RunStarted,
    RunSubmitted,
    SecretRead,
    SnapshotTaken,
    StatusChanged,
    TagRemoved,
    TagSet,
    WarningRecorded,
)
from runfold_schemas.statuses import CANCEL_REQUESTED, RUNNING, TERMINAL


def _run_started(batch: Batch, record: Record, event: RunStarted) -> Decision:
    run = batch.run(record, event)
    writer = batch.writer(record, event)
    if run.started_offset is not None:
        decision = rules.join_run((str(run.experiment), run.parent_run_id), event.experiment, event.parent_run_id)
        if decision is not ACCEPT:
            key = (record.workspace, event.aggregate_kind, event.aggregate_id, event.writer_id)
            unknown = WriterRow(*key, record.partition, *(None,) * 9, outsider=True)
            batch.changes.writers[key] = unknown if writer is None else writer._replace(outsider=True)
            batch.heard.discard(record.lane)
            return decision
    else:
        batch.changes.runs[run[:2]] = run._replace(
            started_offset=record.offset,
            started_writer_id=event.writer_id,
            experiment=event.experiment,
            parent_run_id=event.parent_run_id,
            run_type=event.run_type,
            target=event.target,
            display_name=event.display_name,
            snapshot_directory=event.snapshot_directory,
            outputs=event.outputs,
            created_at=event.occurred_at,
            submitted_by=None if writer is None else writer.actor,
        )
    _start_attempt(batch, record, event)
    return ACCEPT


def _start_attempt(batch: Batch, record: Record, event: Any) -> None:
    row = batch.attempt(record, event, event.attempt)
    if row.started_at is None:
        batch.changes.attempts[row[:3]] = row._replace(started_at=event.occurred_at)


def _status_changed(batch: Batch, record: Record, event: StatusChanged) -> Decision:
    return _say_status(batch, record, event, event.attempt, event.status)


def _cancel_requested(batch: Batch, record: Record, event: CancelRequested) -> Decision:
    """A word on the status of the run's latest attempt; who asks may not know which that is."""
    run = batch.run(record, event)
    decision = _say_status(batch, record, event, run.attempt, CANCEL_REQUESTED)
    if decision is ACCEPT:
        batch.changes.cancels.append(
            CancelRow(*run[:2], record.offset, event.writer_id, event.reason, event.occurred_at)
        )
    return decision


def _say_status(
    batch: Batch, record: Record, event: StatusChanged | CancelRequested, number: int, status: str
) -> Decision:
    row = batch.attempt(record, event, number)
    key = row[:3]
    word = (*key, event.writer_id)
    terminal = None
    if row.terminal_status is not None:
        terminal = rules.Terminal(row.terminal_status, str(row.terminal_writer_id), row.terminal_ordinal or 0)
    kept = kept_ordinal(batch.changes.statuses.get(word), batch.known.statuses.get(word))
    decision = rules.change_status(terminal, row.status, status, event.writer_id, event.ordinal, kept)
    if decision is not ACCEPT:
        return decision
    if status in TERMINAL:
        if terminal is None:
            batch.changes.attempts[key] = row._replace(
                ended_at=event.occurred_at,
                terminal_status=status,
                terminal_offset=record.offset,
                terminal_writer_id=event.writer_id,
                terminal_ordinal=event.ordinal,
            )
        return ACCEPT
    said = row
    if status == RUNNING and row.started_at is None:
        said = said._replace(started_at=event.occurred_at)
    if rules.is_later_word(event.ordinal, kept):
        batch.changes.statuses[word] = StatusRow(
            *word, event.ordinal, record.offset, status, event.reason, event.occurred_at
        )
        if status != row.status:
            said = said._replace(status=status)
    if said is not row:
        batch.changes.attempts[key] = said
    return ACCEPT


def _tag_set(batch: Batch, record: Record, event: TagSet) -> Decision:
    return _tag(batch, record, event, event.value, False)


def _tag_removed(batch: Batch, record: Record, event: TagRemoved) -> Decision:
    return _tag(batch, record, event, None, True)


def _tag(batch: Batch, record: Record, event: TagSet | TagRemoved, value: str | None, removed: bool) -> Decision:
    workspace, _, _, run_id, writer_id, _ = record.lane
    word, ordinal = (workspace, run_id, event.key, writer_id), event.ordinal
    changed = batch.changes.tags.get(word)
    if rules.is_later_word(ordinal, batch.known.tags.get(word) if changed is None else changed.ordinal):
        batch.changes.tags[word] = TagRow(
            workspace, run_id, event.key, writer_id, ordinal, record.offset, value, removed
        )
    return ACCEPT


def _run_described(batch: Batch, record: Record, event: RunDescribed) -> Decision:
    for name, value in ((DISPLAY_NAME, event.display_name), (DESCRIPTION, event.description)):
        if value is None:
            continue
        word = (record.workspace, event.aggregate_id, name, event.writer_id)
        kept = kept_ordinal(batch.changes.descriptions.get(word), batch.known.descriptions.get(word))
        if rules.is_later_word(event.ordinal, kept):
            batch.changes.descriptions[word] = DescriptionRow(*word, event.ordinal, record.offset, value)
    return ACCEPT


def _property_added(batch: Batch, record: Record, event: PropertyAdded) -> Decision:
    run = (record.workspace, event.aggregate_id)
    return add_properties(record, event, run, batch.changes.properties, batch.known.properties, PropertyRow)


def _property_corrected(batch: Batch, record: Record, event: PropertyCorrected) -> Decision:
    key = (record.workspace, event.aggregate_id, event.key)
    is_known = key in batch.known.properties or key in batch.changes.properties
    decision = rules.correct_property(is_known, event.key, event.value)
    if decision is ACCEPT:
        batch.changes.corrections.append(
            CorrectionRow(
                *key[:2], record.offset, event.key, event.value, event.reason, event.writer_id, event.ordinal,
                event.occurred_at,
            )
        )  # fmt: skip
    return decision


def _artifact_logged(batch: Batch, record: Record, event: ArtifactLogged) -> Decision:
    attempt = batch.attempt(record, event, event.attempt)[:3]
    kept: str | None = None
    for path in rules.artifact_paths(event.name, event.ordinal, event.writer_id, event.metric_name is not None):
        key = (*attempt, path)
        standing = batch.changes.artifacts.get(key)
        sha256 = batch.known.artifacts.get(key) if standing is None else standing.sha256
        if sha256 is None:
            batch.changes.artifacts[key] = ArtifactRow(
                *key, event.name, event.sha256, event.size, event.media_type, json.dumps(list(event.part_digests)),
                event.body is not None, event.metric_name, event.metric_type, event.writer_id, event.ordinal,
                record.offset, event.occurred_at,
            )  # fmt: skip
            return ACCEPT
        kept = kept or sha256
    return rules.refuse_artifact(event.name, str(kept), event.sha256)


def _error_recorded(batch: Batch, record: Record, event: ErrorRecorded) -> Decision:
    attempt = batch.attempt(record, event, event.attempt)[:3]
    batch.changes.errors.append(ErrorRow(*attempt, record.offset, event.code, event.message, event.details_uri))
    return ACCEPT


def _warning_recorded(batch: Batch, record: Record, event: WarningRecorded) -> Decision:
    attempt = batch.attempt(record, event, event.attempt)[:3]
    batch.changes.warnings.append(WarningRow(*attempt, record.offset, event.source, event.message, event.occurred_at))
    return ACCEPT


def _run_submitted(batch: Batch, record: Record, event: RunSubmitted) -> Decision:
    batch.changes.submissions.append(
        SubmissionRow(
            record.workspace, event.aggregate_id, record.offset, record.broker_time_us, event.writer_id, event.target,
            event.definition, event.snapshot_id, event.job_folder, event.respond_within_s,
        )
    )  # fmt: skip
    return ACCEPT


def _snapshot_taken(batch: Batch, record: Record, event: SnapshotTaken) -> Decision:
    key = batch.attempt(record, event, event.attempt)[:3]
    standing = batch.changes.snapshots.get(key)
    kept = batch.known.snapshots.get(key) if standing is None else standing.snapshot_id
    decision = rules.take_snapshot(kept, event.snapshot_id)
    if decision is ACCEPT and kept is None:
        batch.changes.snapshots[key] = SnapshotRow(
            *key, event.snapshot_id, event.sha256, event.size, event.files, event.content_bytes, event.directory,
            event.body is not None, event.writer_id, event.ordinal, record.offset, event.occurred_at,
        )  # fmt: skip
    return decision


def _dataset_linked(batch: Batch, record: Record, event: DatasetLinked) -> Decision:
    key = (record.workspace, event.aggregate_id, event.direction, event.name, event.dataset_id)
    if key not in batch.known.dataset_links and key not in batch.changes.dataset_links:
        batch.changes.dataset_links[key] = DatasetLinkRow(
            *key, event.dataset_name, event.dataset_version, event.mechanism, event.path_on_compute, event.definition,
            event.writer_id, event.ordinal, record.offset,
        )  # fmt: skip
    return ACCEPT


def _secret_read(batch: Batch, record: Record, event: SecretRead) -> Decision:
    if event.aggregate_kind != "run":  # the secret's own timeline in state.facts tells it
        return ACCEPT
    batch.changes.secret_reads.append(
        SecretReadRow(
            record.workspace, event.aggregate_id, record.offset, event.name, event.provider, event.found,
            event.writer_id, event.occurred_at,
        )
    )  # fmt: skip
    return ACCEPT


DECIDE: dict[type, Decide] = {
    RunStarted: _run_started,
    StatusChanged: _status_changed,
    TagSet: _tag_set,
    TagRemoved: _tag_removed,
    RunDescribed: _run_described,
    PropertyAdded: _property_added,
    PropertyCorrected: _property_corrected,
    ArtifactLogged: _artifact_logged,
    ErrorRecorded: _error_recorded,
    WarningRecorded: _warning_recorded,
    RunSubmitted: _run_submitted,
    CancelRequested: _cancel_requested,
    SnapshotTaken: _snapshot_taken,
    DatasetLinked: _dataset_linked,
    SecretRead: _secret_read,
}
