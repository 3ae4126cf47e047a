"""The fold of facts: records and known rows in, final rows out.

Records come in (workspace, partition, offset) order; each sees what earlier ones of the same batch did. What is decided
is decided in `rules`; here it is asked, and written down. Nothing is mutated that was handed in.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Sequence
from typing import Any

from runfold_consumers.fold import rules
from runfold_consumers.fold.keys import DESCRIPTION, DISPLAY_NAME, FACTS
from runfold_consumers.fold.lanes import EMPTY, LaneKey, canonical, take, union
from runfold_consumers.fold.records import RawRecord, Record
from runfold_consumers.fold.rows import (
    ArtifactRow,
    AttemptRow,
    Changes,
    ClaimRow,
    DescriptionRow,
    EnrollmentRow,
    ErrorRow,
    ExperimentRow,
    FactRow,
    Known,
    PropertyRow,
    RefusalRow,
    RunRow,
    StatusRow,
    TagRow,
    WriterRow,
)
from runfold_consumers.fold.rules import ACCEPT, Decision, Refusal
from runfold_schemas.events import (
    ArtifactLogged,
    ErrorRecorded,
    LaneEnd,
    LossDeclared,
    PropertyAdded,
    RunDescribed,
    RunEnrolled,
    RunStarted,
    StatusChanged,
    TagRemoved,
    TagSet,
    WriterClosed,
    WriterOpened,
)

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


class FactsFold:
    """One batch on its way through, a record at a time, in (workspace, partition, offset) order of locked partitions.

    known: rows of the keys that `keys.lanes_of` and `keys.touched` named, as they stand before the batch.
    compare: tells what differs in a repeated fact (P10).

    `changes` shadows `known`: each record sees what earlier ones did. It is whole after the last record.
    """

    def __init__(self, known: Known, compare: Compare) -> None:
        self.known, self.compare, self.changes = known, compare, Changes()
        self.firsts: dict[tuple[LaneKey, int], bytes] = {}
        self.indexed = 0
        self.heard: set[LaneKey] = set()  # of runs that exist, by writers that are no outsiders

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

    def _decide(self, record: Record, event: Any, decide: Callable[[FactsFold, Record, Any], Decision]) -> Decision:
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
        if isinstance(event, StatusChanged) and event.status in rules.TERMINAL:
            self._close_lanes(record, event.lanes)  # a claim: it holds whatever becomes of the status
        writer = self._writer(record, event)
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

    def _writer(self, record: Record, event: Any) -> WriterRow | None:
        key = (record.workspace, event.aggregate_kind, event.aggregate_id, event.writer_id)
        return self.changes.writers.get(key) or self.known.writers.get(key)

    def _run(self, record: Record, event: Any) -> RunRow:
        key = (record.workspace, event.aggregate_id)
        return self.changes.runs.get(key) or self.known.runs[key]

    def _attempt(self, record: Record, event: Any) -> AttemptRow:
        """The attempt's row, made when it is new; the run shows its greatest attempt."""
        key = (record.workspace, event.aggregate_id, event.attempt)
        row = self.changes.attempts.get(key) or self.known.attempts.get(key)
        if row is None:
            self.changes.attempts[key] = row = AttemptRow(*key, record.offset, None, None, None, None, None, None)
            run = self._run(record, event)
            if event.attempt > run.attempt:
                self.changes.runs[key[:2]] = run._replace(attempt=event.attempt)
        return row

    def _start_attempt(self, record: Record, event: Any) -> None:
        row = self._attempt(record, event)
        if row.started_at is None:
            self.changes.attempts[row[:3]] = row._replace(started_at=event.occurred_at)

    # ----------------------------------------------------------------------------------------------------------- claims

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

    # ------------------------------------------------------------------------------------------------------------ facts

    def _writer_opened(self, record: Record, event: WriterOpened) -> Decision:
        """The first one counts: it says who the writer is; a later one is heard and changes nothing."""
        kept = self._writer(record, event)
        if kept is None or kept.offset is None:
            key = (record.workspace, event.aggregate_kind, event.aggregate_id, event.writer_id)
            self.changes.writers[key] = WriterRow(
                *key, record.partition, event.actor, event.host, event.pid, event.rank, event.world_size, event.attempt,
                json.dumps(dict(event.versions), sort_keys=True), event.occurred_at, record.offset,
                kept is not None and kept.outsider,
            )  # fmt: skip
            if event.aggregate_kind == "run":
                run = self._run(record, event)
                if run.started_writer_id == event.writer_id:
                    self.changes.runs[run[:2]] = run._replace(submitted_by=event.actor)
        return ACCEPT

    def _run_started(self, record: Record, event: RunStarted) -> Decision:
        run = self._run(record, event)
        writer = self._writer(record, event)
        if run.started_offset is not None:
            decision = rules.join_run((str(run.experiment), run.parent_run_id), event.experiment, event.parent_run_id)
            if decision is not ACCEPT:
                key = (record.workspace, event.aggregate_kind, event.aggregate_id, event.writer_id)
                unknown = WriterRow(*key, record.partition, *(None,) * 9, outsider=True)
                self.changes.writers[key] = unknown if writer is None else writer._replace(outsider=True)
                self.heard.discard(record.lane)
                return decision
        else:
            self.changes.runs[run[:2]] = run._replace(
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
        self._start_attempt(record, event)
        return ACCEPT

    def _status_changed(self, record: Record, event: StatusChanged) -> Decision:
        row = self._attempt(record, event)
        key = row[:3]
        terminal = None
        if row.terminal_status is not None:
            terminal = rules.Terminal(row.terminal_status, str(row.terminal_writer_id), row.terminal_ordinal or 0)
        decision = rules.change_status(terminal, event.status, event.writer_id, event.ordinal)
        if decision is not ACCEPT:
            return decision
        if event.status in rules.TERMINAL:
            if terminal is None:
                self.changes.attempts[key] = row._replace(
                    ended_at=event.occurred_at,
                    terminal_status=event.status,
                    terminal_offset=record.offset,
                    terminal_writer_id=event.writer_id,
                    terminal_ordinal=event.ordinal,
                )
            return ACCEPT
        if event.status == "Running":
            self._start_attempt(record, event)
        word = (*key, event.writer_id)
        if rules.is_later_word(event.ordinal, _ordinal(self.changes.statuses.get(word), self.known.statuses.get(word))):
            self.changes.statuses[word] = StatusRow(
                *word, event.ordinal, record.offset, event.status, event.reason, event.occurred_at
            )
        return ACCEPT

    def _tag_set(self, record: Record, event: TagSet) -> Decision:
        return self._tag(record, event, event.value, False)

    def _tag_removed(self, record: Record, event: TagRemoved) -> Decision:
        return self._tag(record, event, None, True)

    def _tag(self, record: Record, event: TagSet | TagRemoved, value: str | None, removed: bool) -> Decision:
        workspace, _, _, run_id, writer_id, _ = record.lane
        word, ordinal = (workspace, run_id, event.key, writer_id), event.ordinal
        changed = self.changes.tags.get(word)
        if rules.is_later_word(ordinal, self.known.tags.get(word) if changed is None else changed.ordinal):
            self.changes.tags[word] = TagRow(
                workspace, run_id, event.key, writer_id, ordinal, record.offset, value, removed
            )
        return ACCEPT

    def _run_described(self, record: Record, event: RunDescribed) -> Decision:
        for name, value in ((DISPLAY_NAME, event.display_name), (DESCRIPTION, event.description)):
            if value is None:
                continue
            word = (record.workspace, event.aggregate_id, name, event.writer_id)
            kept = _ordinal(self.changes.descriptions.get(word), self.known.descriptions.get(word))
            if rules.is_later_word(event.ordinal, kept):
                self.changes.descriptions[word] = DescriptionRow(*word, event.ordinal, record.offset, value)
        return ACCEPT

    def _property_added(self, record: Record, event: PropertyAdded) -> Decision:
        kept: dict[str, str | None] = {}
        for name in event.properties:
            key = (record.workspace, event.aggregate_id, name)
            if key in self.changes.properties:
                kept[name] = self.changes.properties[key].value
            elif key in self.known.properties:
                kept[name] = self.known.properties[key]
        decision = rules.add_properties(kept, event.properties)
        if decision is ACCEPT:
            for name, value in event.properties.items():
                if name not in kept:
                    key = (record.workspace, event.aggregate_id, name)
                    self.changes.properties[key] = PropertyRow(
                        *key, value, record.offset, event.writer_id, event.ordinal
                    )
        return decision

    def _artifact_logged(self, record: Record, event: ArtifactLogged) -> Decision:
        attempt = self._attempt(record, event)[:3]
        kept: str | None = None
        for path in rules.artifact_paths(event.name, event.ordinal, event.writer_id, event.metric_name is not None):
            key = (*attempt, path)
            standing = self.changes.artifacts.get(key)
            sha256 = self.known.artifacts.get(key) if standing is None else standing.sha256
            if sha256 is None:
                self.changes.artifacts[key] = ArtifactRow(
                    *key, event.name, event.sha256, event.size, event.media_type, json.dumps(list(event.part_digests)),
                    event.body is not None, event.metric_name, event.metric_type, event.writer_id, event.ordinal,
                    record.offset, event.occurred_at,
                )  # fmt: skip
                return ACCEPT
            kept = kept or sha256
        return rules.refuse_artifact(event.name, str(kept), event.sha256)

    def _error_recorded(self, record: Record, event: ErrorRecorded) -> Decision:
        attempt = self._attempt(record, event)[:3]
        self.changes.errors.append(ErrorRow(*attempt, record.offset, event.code, event.message, event.details_uri))
        return ACCEPT

    def _run_enrolled(self, record: Record, event: RunEnrolled) -> Decision:
        key = (record.workspace, event.aggregate_id)
        enrolled = (*key, event.run_id)
        if enrolled in self.known.enrollments or enrolled in self.changes.enrollments:
            return ACCEPT
        experiment = (
            self.changes.experiments.get(key)
            or self.known.experiments.get(key)
            or ExperimentRow(*key, record.partition, 1, record.offset, event.occurred_at)
        )
        self.changes.enrollments[enrolled] = EnrollmentRow(*enrolled, experiment.next_number, record.offset)
        self.changes.experiments[key] = experiment._replace(next_number=experiment.next_number + 1)
        return ACCEPT


def _ordinal(changed: StatusRow | DescriptionRow | None, known: int | None) -> int | None:
    return known if changed is None else changed.ordinal


_DECIDE: dict[type, Callable[[FactsFold, Record, Any], Decision]] = {
    WriterOpened: FactsFold._writer_opened,
    RunStarted: FactsFold._run_started,
    StatusChanged: FactsFold._status_changed,
    TagSet: FactsFold._tag_set,
    TagRemoved: FactsFold._tag_removed,
    RunDescribed: FactsFold._run_described,
    PropertyAdded: FactsFold._property_added,
    ArtifactLogged: FactsFold._artifact_logged,
    ErrorRecorded: FactsFold._error_recorded,
    RunEnrolled: FactsFold._run_enrolled,
}
