"""What is said about writers: who they claim to be. The same about every kind of aggregate."""

from __future__ import annotations

import json

from runfold_consumers.fold.batch import Batch
from runfold_consumers.fold.records import Record
from runfold_consumers.fold.rows import WriterRow
from runfold_consumers.fold.rules import ACCEPT, Decision
from runfold_schemas.events import WriterOpened


def writer_opened(batch: Batch, record: Record, event: WriterOpened) -> Decision:
    """The first one counts: it says who the writer is; a later one is heard and changes nothing."""
    kept = batch.writer(record, event)
    if kept is None or kept.offset is None:
        key = (record.workspace, event.aggregate_kind, event.aggregate_id, event.writer_id)
        batch.changes.writers[key] = WriterRow(
            *key, record.partition, event.actor, event.host, event.pid, event.rank, event.world_size, event.attempt,
            json.dumps(dict(event.versions), sort_keys=True), event.occurred_at, record.offset,
            kept is not None and kept.outsider,
        )  # fmt: skip
        if event.aggregate_kind == "run":
            run = batch.run(record, event)
            if run.started_writer_id == event.writer_id:
                batch.changes.runs[run[:2]] = run._replace(submitted_by=event.actor)
    return ACCEPT
