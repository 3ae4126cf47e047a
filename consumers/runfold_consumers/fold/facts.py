"""The fold of facts: records and known rows in, final rows out.

Records come in (workspace, partition, offset) order; each sees what earlier ones of the same batch did. What is decided
is decided in `rules`; it is asked, and written down, by what the fact is about: in `runs`, `experiments`, `registry`.
Here is what all facts have in common: ordinals, repeats, claims, outsiders.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

from runfold_consumers.fold import experiments, registry, rules, runs, writers
from runfold_consumers.fold.batch import Batch, Decide
from runfold_consumers.fold.changes import Changes, Known
from runfold_consumers.fold.lanes import EMPTY, FACTS, LaneKey, canonical, take, union
from runfold_consumers.fold.records import RawRecord, Record
from runfold_consumers.fold.rows import ClaimRow, FactRow, RefusalRow, RunRow
from runfold_consumers.fold.rules import ACCEPT, Decision, Refusal
from runfold_schemas.events import LaneEnd, LossDeclared, RecordRetried, StatusChanged, WriterClosed, WriterOpened
from runfold_schemas.statuses import TERMINAL

Compare = Callable[[str, bytes, bytes], tuple[Refusal, ...]]
"""(workspace, original message, repeated message) -> fields that differ; empty for a plain repeat."""


def fold_facts(records: Sequence[Record], known: Known, compare: Compare) -> Changes:
    """Folds one batch at once; see `FactsFold`."""
    fold = FactsFold(known, compare)
    for record in records:
        fold.fold(record)
    return fold.changes


def skip(raw: RawRecord) -> FactRow:
    """What `state.facts` tells of a dead letter; it does nothing else."""
    unread = (None,) * 6
    return FactRow(raw.workspace, raw.partition, raw.offset, raw.broker_time_us, *unread, *rules.SKIP[:2])


class FactsFold(Batch):
    """One batch on its way through, a record at a time, in (workspace, partition, offset) order of locked partitions.

    known: see `Batch`.
    compare: tells what differs in a repeated fact (P10).

    `changes` is whole after the last record.
    """

    def __init__(self, known: Known, compare: Compare) -> None:
        super().__init__(known)
        self.compare = compare
        self.firsts: dict[tuple[LaneKey, int], bytes] = {}
        self.indexed = 0

    def fold(self, record: Record) -> FactRow:
        """Decides a record and gives its final row, which `changes.facts` holds, too."""
        event: Any = record.event
        offset, lane, said = record.offset, record.lane, type(event)
        workspace, partition, kind, aggregate_id, writer_id, _ = lane
        decide = _DECIDE.get(said)
        ordinal: int | None = None
        message: bytes | None = record.message
        if decide is None:
            self._claim(record, event)
            decision = ACCEPT
        else:
            ordinal = event.ordinal
            lanes = self.changes.lanes
            seen = lanes.get(lane)
            if seen is None:
                seen = self.known.lanes.get(lane, EMPTY)
            taken = take(seen, event.ordinal)
            if taken is None:
                decision = rules.conflict(self.compare(workspace, self._original(lane, event.ordinal), record.message))
                if decision is rules.REPEAT:
                    message = None
            else:
                lanes[lane] = taken
                if lane in self.heard and said is not StatusChanged:
                    decision = decide(self, record, event)
                else:
                    decision = self._decide(record, event, decide)
        verdict, rule, refusals = decision
        row = FactRow(workspace, partition, offset, record.broker_time_us, said.__name__, kind, aggregate_id,
                      writer_id, ordinal, message, verdict, rule)  # fmt: skip
        self.changes.facts.append(row)
        for refusal in refusals:
            self.changes.refusals.append(
                RefusalRow(workspace, partition, offset, refusal.key, str(rule), kind, aggregate_id, writer_id,
                           ordinal or 0, refusal.kept, refusal.refused)
            )  # fmt: skip
        return row

    def _decide(self, record: Record, event: Any, decide: Decide) -> Decision:
        """What every fact has in common: a run exists from its first fact, and an outsider is not heard."""
        if event.aggregate_kind != "run":
            return decide(self, record, event)
        key = (record.workspace, event.aggregate_id)
        run = self.changes.runs.get(key) or self.known.runs.get(key)
        if run is None:
            self.changes.runs[key] = run = RunRow(
                *key, record.partition, record.offset, None, None, None, None, None, None, None, None, None, 0,
                event.occurred_at, None,
            )  # fmt: skip
        if isinstance(event, StatusChanged) and event.status in TERMINAL:
            self._close_lanes(record, event.lanes)  # a claim: it holds whatever becomes of the status
        writer = self.writer(record, event)
        if writer is None or not writer.outsider:
            self.heard.add(record.lane)
        elif not isinstance(event, WriterOpened):
            return rules.refuse_outsider(event.writer_id, run.started_writer_id)
        return decide(self, record, event)

    def _original(self, lane: LaneKey, ordinal: int) -> bytes:
        """The message that took this ordinal: from the table, or earlier in this batch."""
        found = self.known.originals.get((lane, ordinal))
        if found is not None:
            return found
        for row in self.changes.facts[self.indexed :]:
            if row.ordinal is not None and row.message is not None and row.verdict != rules.CONFLICTING:
                key = LaneKey(row.workspace, row.partition, str(row.aggregate_kind), str(row.aggregate_id),
                              str(row.writer_id), FACTS)  # fmt: skip
                self.firsts[key, row.ordinal] = row.message
        self.indexed = len(self.changes.facts)
        return self.firsts[lane, ordinal]

    def _claim(self, record: Record, event: WriterClosed | LossDeclared) -> None:
        if isinstance(event, LossDeclared):
            declared = canonical((lost.first, lost.last + 1) for lost in event.ranges)
            self._merge_claim(record, event.stream, ClaimRow(None, declared, event.reason or None))
        else:
            self._close_lanes(record, event.lanes)

    def _close_lanes(self, record: Record, lanes: Sequence[LaneEnd]) -> None:
        for lane in lanes:
            self._merge_claim(record, lane.stream, ClaimRow(lane.last_ordinal, EMPTY, None))

    def _merge_claim(self, record: Record, stream: str, claim: ClaimRow) -> None:
        """By maximum and union: order, repeats and races change nothing."""
        event: Any = record.event
        key = LaneKey(
            record.workspace, record.partition, event.aggregate_kind, event.aggregate_id, event.writer_id, stream
        )
        kept = self.changes.claims.get(key) or self.known.claims.get(key)
        if kept is not None:
            ends = [lane_end for lane_end in (kept.closed, claim.closed) if lane_end is not None]
            reasons = {reason for row in (kept, claim) if row.reason for reason in row.reason.split(",")}
            claim = ClaimRow(
                max(ends) if ends else None, union(kept.declared, claim.declared), ",".join(sorted(reasons)) or None
            )
        if claim != kept:
            self.changes.claims[key] = claim


def _record_retried(batch: Batch, record: Record, event: RecordRetried) -> Decision:
    """It stands in the timeline of what the record is about; the record itself comes after it and is decided anew."""
    return ACCEPT


_DECIDE: dict[type, Decide] = {
    RecordRetried: _record_retried,
    WriterOpened: writers.writer_opened,
    **runs.DECIDE,
    **experiments.DECIDE,
    **registry.DECIDE,
}
