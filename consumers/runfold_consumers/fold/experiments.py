"""What is said about experiments: numbers of runs, and words. An experiment exists from its first fact."""

from __future__ import annotations

from runfold_consumers.fold import rules
from runfold_consumers.fold.batch import Batch, Decide, kept_ordinal
from runfold_consumers.fold.records import Record
from runfold_consumers.fold.registry_rows import EnrollmentRow, ExperimentRow, ExperimentWordRow
from runfold_consumers.fold.rules import ACCEPT, Decision
from runfold_consumers.fold.words import words_of
from runfold_schemas.events import ExperimentChanged, RunEnrolled


def _experiment(batch: Batch, record: Record, event: RunEnrolled | ExperimentChanged) -> ExperimentRow:
    """The experiment's row, made when it is new."""
    key = (record.workspace, event.aggregate_id)
    row = batch.changes.experiments.get(key) or batch.known.experiments.get(key)
    if row is None:
        row = ExperimentRow(*key, record.partition, 1, record.offset, event.occurred_at)
        batch.changes.experiments[key] = row
    return row


def _run_enrolled(batch: Batch, record: Record, event: RunEnrolled) -> Decision:
    enrolled = (record.workspace, event.aggregate_id, event.run_id)
    if enrolled not in batch.known.enrollments and enrolled not in batch.changes.enrollments:
        row = _experiment(batch, record, event)
        batch.changes.enrollments[enrolled] = EnrollmentRow(*enrolled, row.next_number, record.offset)
        batch.changes.experiments[row[:2]] = row._replace(next_number=row.next_number + 1)
    return ACCEPT


def _experiment_changed(batch: Batch, record: Record, event: ExperimentChanged) -> Decision:
    _experiment(batch, record, event)
    for field, (value, removed) in words_of(event).items():
        word = (record.workspace, event.aggregate_id, field, event.writer_id)
        kept = kept_ordinal(batch.changes.experiment_words.get(word), batch.known.experiment_words.get(word))
        if rules.is_later_word(event.ordinal, kept):
            batch.changes.experiment_words[word] = ExperimentWordRow(
                *word, event.ordinal, record.offset, value, removed
            )
    return ACCEPT


DECIDE: dict[type, Decide] = {RunEnrolled: _run_enrolled, ExperimentChanged: _experiment_changed}
