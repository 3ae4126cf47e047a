"""Holds what the fold left in the tables against what the oracle says the log means."""

from __future__ import annotations

from collections import defaultdict
from typing import Any

from runfold_consumers.fold.lanes import Ranges
from runfold_schemas.codec import TEXT_KINDS, decode
from runfold_schemas.events import MetricLogged

from . import oracle
from .tables import Tables


def assert_agreement(tables: Tables, m: Any) -> None:
    """Every table says what the model says."""
    rows = tables.all
    seen = {lane_of(key): ordinals(ranges) for key, ranges in [*rows.lanes.items(), *tables.point_lanes.items()]}
    assert seen == {lane: found for lane, found in m.seen.items() if found}
    closed = {lane_of(key): claim.closed for key, claim in rows.claims.items() if claim.closed is not None}
    assert closed == dict(m.closed)
    declared = {lane_of(key): ordinals(claim.declared) for key, claim in rows.claims.items() if claim.declared}
    assert declared == {lane: found for lane, found in m.declared.items() if found}

    refusals: dict[Any, dict[str, Any]] = defaultdict(dict)
    for row in rows.refusals:
        refusals[row.partition, row.offset][row.key] = (row.kept, row.refused)
    decisions = {}
    for fact in rows.facts:
        place = fact.partition, fact.offset
        detail: Any = refusals.get(place, {})
        if fact.verdict in ("repeated", "conflicting"):
            detail = set(detail)
        assert (fact.message is None) == (fact.verdict == "repeated")
        decisions[place] = (fact.verdict, detail)
    assert decisions == {place: (verdict, detail) for place, (verdict, detail) in m.decisions.items()}

    started = {
        row.run_id: None if row.started_offset is None else (row.experiment, row.parent_run_id, row.started_writer_id)
        for row in rows.runs.values()
    }
    assert started == m.runs
    assert {row.run_id: row.attempt for row in rows.runs.values()} == {
        run: max(m.attempts[run], default=0) for run in m.runs
    }
    assert {(run, attempt) for _, run, attempt in rows.attempts} == {
        (run, attempt) for run in m.attempts for attempt in m.attempts[run]
    }
    assert {(w.aggregate_kind, w.aggregate_id, w.writer_id) for w in rows.writers.values() if w.outsider} == m.outsiders
    assert {
        (w.aggregate_kind, w.aggregate_id, w.writer_id): w.actor for w in rows.writers.values() if w.offset is not None
    } == m.actors
    assert {row.run_id: row.submitted_by for row in rows.runs.values()} == {
        run: start and m.actors.get(("run", run, start[2])) for run, start in m.runs.items()
    }
    assert {(run, key): row.value for (_, run, key), row in rows.properties.items()} == m.properties
    assert {(run, attempt, path): row.sha256 for (_, run, attempt, path), row in rows.artifacts.items()} == m.artifacts
    assert {(e.experiment, e.run_id): e.number for e in rows.enrollments.values()} == m.numbers
    assert {(e.run_id, e.attempt, e.code, e.message) for e in rows.errors} == m.errors
    ended = {(a.run_id, a.attempt): a.terminal_status for a in rows.attempts.values() if a.terminal_status}
    assert ended == {key: word[0] for key, word in m.ended.items()}

    words: dict[Any, dict[str, Any]] = defaultdict(dict)
    for tag in rows.tags.values():
        words["tag", tag.run_id, tag.key][tag.writer_id] = (
            tag.ordinal,
            tag.offset,
            None if tag.removed else (tag.value,),
        )
    for said in rows.descriptions.values():
        words[said.field, said.run_id, None][said.writer_id] = (said.ordinal, said.offset, said.value)
    for word in rows.statuses.values():
        words["status", word.run_id, word.attempt][word.writer_id] = (word.ordinal, word.offset, word.status)
    assert words == {what: said for what, said in m.words.items() if said}

    assert logical_points((row.aggregate(), row.message) for row in map(Row, tables.points)) == m.points
    for run in m.runs:
        assert tables.complete(run) == oracle.complete(m, run)


class Row:
    """A row of points with its lane's name."""

    def __init__(self, row: Any) -> None:
        self.row, self.message = row, row.message

    def aggregate(self) -> tuple[str, str, str]:
        return "run", self.row.run_id, self.row.writer_id


def logical_points(rows: Any) -> dict[Any, Any]:
    """Points by lane and ordinal, each exactly once."""
    found: dict[Any, Any] = {}
    for lane, message in rows:
        event = decode(message)
        assert isinstance(event, MetricLogged)
        for i, which in enumerate(event.index):
            series = event.series[int(which)]
            value = event.value[i]
            shown = event.texts[int(value)] if series.kind in TEXT_KINDS else repr(float(value))
            key = (*lane, event.first_ordinal + i)
            assert key not in found, f"point {key} stands twice"
            found[key] = (tuple(series), int(event.step[i]), float(event.time[i]), shown)
    return found


def lane_of(key: Any) -> tuple[str, str, str, str]:
    return key.aggregate_kind, key.aggregate_id, key.writer_id, key.stream


def ordinals(ranges: Ranges) -> set[int]:
    return {ordinal for lower, upper in ranges for ordinal in range(lower, upper)}
