"""One batch of facts on its way through the fold: what was known before it, what it has changed so far.

`changes` shadows `known`: each record sees what earlier ones did. The rules' askers (`runs`, `experiments`, `registry`)
are functions of a batch, a record and its event; nothing is mutated that was handed in.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from runfold_consumers.fold.changes import Changes, Known
from runfold_consumers.fold.lanes import LaneKey
from runfold_consumers.fold.records import Record
from runfold_consumers.fold.registry_rows import AssetWordRow, ExperimentWordRow
from runfold_consumers.fold.rows import AttemptRow, DescriptionRow, RunRow, StatusRow, WriterRow
from runfold_consumers.fold.rules import Decision


class Batch:
    """See the module.

    known: rows of the keys that `keys.lanes_of` and `keys.touched` named, as they stand before the batch.
    heard: lanes of runs that exist, by writers that are no outsiders.
    """

    def __init__(self, known: Known) -> None:
        self.known, self.changes = known, Changes()
        self.heard: set[LaneKey] = set()

    def writer(self, record: Record, event: Any) -> WriterRow | None:
        """Who says it, as far as that is known."""
        key = (record.workspace, event.aggregate_kind, event.aggregate_id, event.writer_id)
        return self.changes.writers.get(key) or self.known.writers.get(key)

    def run(self, record: Record, event: Any) -> RunRow:
        """The run that it is about; it exists from its first fact."""
        key = (record.workspace, event.aggregate_id)
        return self.changes.runs.get(key) or self.known.runs[key]

    def attempt(self, record: Record, event: Any, number: int) -> AttemptRow:
        """The attempt's row, made when it is new; the run shows its greatest attempt."""
        key = (record.workspace, event.aggregate_id, number)
        row = self.changes.attempts.get(key) or self.known.attempts.get(key)
        if row is None:
            self.changes.attempts[key] = row = AttemptRow(*key, record.offset, *(None,) * 7)
            run = self.run(record, event)
            if number > run.attempt:
                self.changes.runs[key[:2]] = run._replace(attempt=number)
        return row


Decide = Callable[[Batch, Record, Any], Decision]
"""Decides a fact that was never seen before, and writes down what it changes."""


def kept_ordinal(
    changed: StatusRow | DescriptionRow | ExperimentWordRow | AssetWordRow | None, known: int | None
) -> int | None:
    """Of the writer's last word on something: of this batch, else as it was known before."""
    return known if changed is None else changed.ordinal
