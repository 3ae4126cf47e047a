"""Holds what the fold left in the tables against what the oracle says the log means."""

from __future__ import annotations

import json
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
    seen = {lane_of(key): ordinals(ranges) for key, ranges in [*rows.lanes.items(), *tables.telemetry_lanes.items()]}
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
    properties = {(run, key): row.value for (_, run, key), row in rows.properties.items()}
    properties |= {(of, key): row.value for (_, *of_, key), row in rows.asset_properties.items() for of in [tuple(of_)]}
    assert properties == m.properties
    assert {(c.run_id, c.offset, c.key, c.value, c.reason) for c in rows.corrections} == m.corrections
    assert {(run, attempt, path): row.sha256 for (_, run, attempt, path), row in rows.artifacts.items()} == m.artifacts
    assert {(e.experiment, e.run_id): e.number for e in rows.enrollments.values()} == m.numbers
    assert {(e.run_id, e.attempt, e.code, e.message) for e in rows.errors} == m.errors
    ended = {(a.run_id, a.attempt): a.terminal_status for a in rows.attempts.values() if a.terminal_status}
    assert ended == {key: word[0] for key, word in m.ended.items()}
    assert {(s.run_id, s.attempt): s.snapshot_id for s in rows.snapshots.values()} == m.snapshots
    assert {
        (link.run_id, link.direction, link.name, link.dataset_id): link.mechanism
        for link in rows.dataset_links.values()
    } == m.links
    told = (
        ("WarningRecorded", rows.warnings),
        ("RunSubmitted", rows.submissions),
        ("CancelRequested", rows.cancels),
        ("SecretRead", rows.secret_reads),
    )
    assert {(kind, row.run_id, row.offset) for kind, found in told for row in found} == m.told

    assert {row.experiment for row in rows.experiments.values()} == m.experiments
    assert {(a.kind, a.name): a.next_version - 1 for a in rows.assets.values()} == {
        about: len(versions) for about, versions in m.versions.items() if versions
    }
    assert {(v.kind, v.name, v.version): definition_of(v) for v in rows.versions.values()} == {
        (*about, version): definition
        for about, versions in m.versions.items()
        for version, definition in enumerate(versions, 1)
    }
    assert {(r.kind, r.name, r.writer_id, r.ordinal): r.version for r in rows.registrations} == m.registered

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
    for said in rows.experiment_words.values():
        words["experiment", said.experiment, said.field][said.writer_id] = (
            said.ordinal,
            said.offset,
            None if said.removed else (said.value,),
        )
    for said in rows.asset_words.values():
        words["asset", (said.kind, said.name, said.version), said.field][said.writer_id] = (
            said.ordinal,
            said.offset,
            None if said.removed else (said.value,),
        )
    assert words == {what: said for what, said in m.words.items() if said}
    assert {(a.run_id, a.attempt): a.status for a in rows.attempts.values() if a.status is not None} == {
        what[1:]: oracle.visible(m, what) for what, said in m.words.items() if what[0] == "status" and said
    }

    assert logical_log(tables.logs) == m.logs
    assert {("run", row.run_id, row.writer_id): row.ttl_s for row in tables.heartbeats.values()} == {
        lane: ttl_s for lane, (_, ttl_s) in m.alive.items()
    }
    assert {
        ("run", row.run_id, row.writer_id, stream): last
        for row in tables.heartbeats.values()
        for stream, last in json.loads(row.ends).items()
    } == m.marks
    assert logical_points((row.aggregate(), row.message) for row in map(Row, tables.points)) == m.points
    for run in m.runs:
        assert tables.complete(run) == oracle.complete(m, run)


def definition_of(row: Any) -> Any:
    """What the model keeps of a version: of a model its path, of an asset all."""
    return json.loads(row.definition)["path"] if row.kind == "model" else row.definition


def logical_log(rows: Any) -> dict[Any, Any]:
    """Bytes by lane and ordinal, each exactly once."""
    found: dict[Any, Any] = {}
    for row in rows:
        assert row.last_ordinal - row.first_ordinal + 1 == len(row.data)
        for ordinal, byte in enumerate(row.data, row.first_ordinal):
            key = ("run", row.run_id, row.writer_id, row.name, ordinal)
            assert key not in found, f"byte {key} stands twice"
            found[key] = (byte, row.attempt)
    return found


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
